//! The tree as indented text without places, for snapshots and for telling whether two texts mean the same.

use std::fmt::Write as _;

use super::{
    Body, Condition, ConditionKind, DecisionClause, DecisionRule, Expect, ExpectDecision, Expr, ExprKind, FieldExpr,
    Item, ItemKind, Module, Name, NotOperand, Path, Property, Reference, Rule, SelectorExpr, Step, TemplatePart, Test,
    TypeExpr, TypeExprKind,
};

impl Module {
    /// The tree as text: one line for each declaration, clause and condition, expressions in prefix form. Two modules with
    /// the same text mean the same; comments, places and the way strings are quoted do not show.
    pub fn tree(&self) -> String {
        let mut out = format!("package {}\n", self.package);
        for item in &self.items {
            write_item(&mut out, item);
        }
        out
    }
}

impl Rule {
    /// The rule as text, like [`Module::tree`].
    pub fn tree(&self) -> String {
        let mut out = String::new();
        write_rule(&mut out, self);
        out
    }
}

impl Body {
    /// The conditions as text, like [`Module::tree`].
    pub fn tree(&self) -> String {
        let mut out = String::new();
        write_body(&mut out, self, 0);
        out
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if super::is_identifier(&part.text) {
                let dot = if index > 0 { "." } else { "" };
                write!(f, "{dot}{}", part.text)?;
            } else {
                write!(f, "[{}]", crate::value::Value::from(part.text.clone()))?;
            }
        }
        Ok(())
    }
}

fn line(out: &mut String, indent: usize, text: &str) {
    for _ in 0..indent {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}

fn write_item(out: &mut String, item: &Item) {
    for annotation in &item.annotations {
        let value = annotation.value.as_ref().map_or(String::new(), |value| format!(" {}", expr(value)));
        line(out, 0, &format!("@{}{value}", annotation.name.text));
    }
    if item.private {
        line(out, 0, "private");
    }
    match &item.kind {
        ItemKind::Edition(edition) => line(out, 0, &format!("edition {edition}")),
        ItemKind::Input(ty) => line(out, 0, &format!("input {}", type_text(ty))),
        ItemKind::Import(import) => {
            let alias = import.alias.as_ref().map_or(String::new(), |alias| format!(" as {}", alias.text));
            line(out, 0, &format!("import {}{alias}", import.path));
        }
        ItemKind::ImportSchema(schema) => {
            line(out, 0, &format!("import-schema {:?} as {}", schema.file, schema.name.text))
        }
        ItemKind::Type(ty) => line(out, 0, &format!("type {} {}", ty.name.text, type_text(&ty.value))),
        ItemKind::Counter(counter) => {
            line(out, 0, &format!("counter {}", counter.name.text));
            line(out, 1, &format!("amount {}", expr(&counter.amount)));
            write_optional_body(out, counter.body.as_ref());
            line(out, 1, &format!("per {}", exprs(&counter.per)));
            line(out, 1, &format!("window {}", expr(&counter.window)));
        }
        ItemKind::Rule(rule) => write_rule(out, rule),
        ItemKind::Default(default) => {
            let head = head_text(&default.reference, default.parameters.as_deref());
            line(out, 0, &format!("default {head} := {}", expr(&default.value)));
        }
        ItemKind::Decision(rule) => write_decision(out, rule),
        ItemKind::EmitLabel(emit) => {
            line(out, 0, &format!("emit-label {}", expr(&emit.label)));
            write_optional_body(out, emit.body.as_ref());
        }
        ItemKind::Test(test) => write_test(out, test),
        ItemKind::Property(property) => write_property(out, property),
    }
}

fn write_rule(out: &mut String, rule: &Rule) {
    let mut head = format!("rule {}", head_text(&rule.head.reference, rule.head.parameters.as_deref()));
    if !rule.head.parameter_types.is_empty() {
        let types = rule.head.parameter_types.iter().map(|ty| ty.as_ref().map_or("_".to_owned(), type_text));
        let _ = write!(head, " of ({})", types.collect::<Vec<_>>().join(", "));
    }
    if let Some(element) = &rule.head.contains {
        let _ = write!(head, " contains {}", expr(element));
    }
    if let Some(result) = &rule.head.result {
        let _ = write!(head, " -> {}", type_text(result));
    }
    if let Some(value) = &rule.head.value {
        let _ = write!(head, " := {}", expr(value));
    }
    line(out, 0, &head);
    write_optional_body(out, rule.body.as_ref());
    for clause in &rule.else_clauses {
        let value = clause.value.as_ref().map_or(String::new(), |value| format!(" := {}", expr(value)));
        line(out, 0, &format!("else{value}"));
        write_optional_body(out, clause.body.as_ref());
    }
}

fn write_decision(out: &mut String, rule: &DecisionRule) {
    line(out, 0, &format!("{} {:?}", rule.effect.word(), rule.id));
    for clause in &rule.clauses {
        let text = match clause {
            DecisionClause::Because(value) => format!("because {}", expr(value)),
            DecisionClause::By(value) => format!("by {}", expr(value)),
            DecisionClause::Quorum(value) => format!("quorum {}", expr(value)),
            DecisionClause::Within(value) => format!("within {}", expr(value)),
            DecisionClause::Selector(selector) => format!("selector {}", selector_text(selector)),
            DecisionClause::Using(value) => format!("using {}", expr(value)),
            DecisionClause::Unless(value) => format!("unless {}", expr(value)),
        };
        line(out, 1, &text);
    }
    write_optional_body(out, rule.body.as_ref());
}

fn selector_text(selector: &SelectorExpr) -> String {
    let direction = selector.direction.as_ref().map_or("-", |direction| &*direction.text);
    let arguments = selector.arguments.as_ref().map_or(String::new(), |arguments| format!("({})", exprs(arguments)));
    format!("{direction} {}{arguments}", selector.function.text)
}

fn write_test(out: &mut String, test: &Test) {
    line(out, 0, &format!("test {:?}", test.name));
    if let Some((name, cases)) = &test.cases {
        line(out, 1, &format!("for {} in {}", name.text, expr(cases)));
    }
    write_body(out, &test.body, 1);
}

fn write_property(out: &mut String, property: &Property) {
    line(out, 0, &format!("property {:?} for {}: {}", property.name, property.variable.text, type_text(&property.ty)));
    write_optional_body(out, property.assumptions.as_ref());
    write_condition(out, &property.expectation, 1);
}

fn write_optional_body(out: &mut String, body: Option<&Body>) {
    if let Some(body) = body {
        line(out, 1, if body.braces { "if {}" } else { "if" });
        write_body(out, body, 2);
    }
}

fn write_body(out: &mut String, body: &Body, indent: usize) {
    for condition in &body.conditions {
        write_condition(out, condition, indent);
    }
}

fn write_condition(out: &mut String, condition: &Condition, indent: usize) {
    match &condition.kind {
        ConditionKind::Every { key, value, collection, body } => {
            let key = key.as_ref().map_or(String::new(), |key| format!("{}, ", key.text));
            line(out, indent, &format!("every {key}{} in {}", value.text, expr(collection)));
            write_body(out, body, indent + 1);
        }
        ConditionKind::Not(NotOperand::Condition(inner)) => {
            line(out, indent, "not");
            write_condition(out, inner, indent + 1);
        }
        ConditionKind::Not(NotOperand::Body(body)) => {
            line(out, indent, "not {}");
            write_body(out, body, indent + 1);
        }
        ConditionKind::Expr(_)
        | ConditionKind::SomeDeclare(_)
        | ConditionKind::SomeIn { .. }
        | ConditionKind::Expect(_) => {
            line(out, indent, &simple_condition(&condition.kind));
        }
    }
    for with in &condition.with {
        line(out, indent + 1, &format!("with {} as {}", reference(&with.target), expr(&with.value)));
    }
}

fn simple_condition(kind: &ConditionKind) -> String {
    match kind {
        ConditionKind::Expr(value) => expr(value),
        ConditionKind::SomeDeclare(names) => format!("some {}", names_text(names)),
        ConditionKind::SomeIn { key, value, collection } => {
            let key = key.as_ref().map_or(String::new(), |key| format!("{}, ", expr(key)));
            format!("some {key}{} in {}", expr(value), expr(collection))
        }
        ConditionKind::Expect(Expect::Holds(value)) => format!("expect {}", expr(value)),
        ConditionKind::Expect(Expect::Decision(decision)) => expect_text(decision),
        ConditionKind::Every { .. } | ConditionKind::Not(_) => String::new(),
    }
}

fn expect_text(decision: &ExpectDecision) -> String {
    let not = if decision.negated { " not" } else { "" };
    let mut text = format!("expect-decision {}{not} {}", decision.package, decision.effect.word());
    for (word, value) in [("id", &decision.id), ("because", &decision.because), ("masks", &decision.masks)] {
        if let Some(value) = value {
            let _ = write!(text, " {word} {}", expr(value));
        }
    }
    text
}

fn names_text(names: &[Name]) -> String {
    names.iter().map(|name| &*name.text).collect::<Vec<_>>().join(", ")
}

fn head_text(head: &Reference, parameters: Option<&[Expr]>) -> String {
    let parameters = parameters.map_or(String::new(), |parameters| format!("({})", exprs(parameters)));
    format!("{}{parameters}", reference(head))
}

fn reference(reference: &Reference) -> String {
    let mut text = expr(&reference.head);
    for step in &reference.steps {
        let _ = match step {
            Step::Field(name) => write!(text, ".{}", name.text),
            Step::Index(index) => write!(text, "[{}]", expr(index)),
        };
    }
    text
}

fn exprs(items: &[Expr]) -> String {
    items.iter().map(expr).collect::<Vec<_>>().join(", ")
}

/// A body within an expression, on one line.
fn inline_body(body: &Body) -> String {
    let mut text = String::new();
    write_body(&mut text, body, 0);
    text.trim_end().replace('\n', "; ")
}

fn expr(value: &Expr) -> String {
    match &value.kind {
        ExprKind::Literal { value, .. } => value.to_string(),
        ExprKind::Duration { nanoseconds, .. } => format!("{nanoseconds}ns"),
        ExprKind::Template(parts) => template(parts),
        ExprKind::Variable(name) => name.to_string(),
        ExprKind::Reference(inner) => reference(inner),
        ExprKind::Call { function, arguments } => format!("{function}({})", exprs(arguments)),
        ExprKind::Array(items) => format!("[{}]", exprs(items)),
        ExprKind::Set(items) => format!("{{{}}}", exprs(items)),
        ExprKind::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", expr(key), expr(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        ExprKind::ArrayComprehension(element, body) => format!("[{} | {}]", expr(element), inline_body(body)),
        ExprKind::SetComprehension(element, body) => format!("{{{} | {}}}", expr(element), inline_body(body)),
        ExprKind::ObjectComprehension(key, value, body) => {
            format!("{{{}: {} | {}}}", expr(key), expr(value), inline_body(body))
        }
        ExprKind::Binary(operator, left, right) => format!("({} {} {})", operator.symbol(), expr(left), expr(right)),
        ExprKind::Negate(inner) => format!("(- {})", expr(inner)),
        ExprKind::Membership { key, value, collection } => {
            let key = key.as_ref().map_or(String::new(), |key| format!("{}, ", expr(key)));
            format!("(in {key}{} {})", expr(value), expr(collection))
        }
        ExprKind::Named(name, inner) => format!("{}: {}", name.text, expr(inner)),
        ExprKind::Parenthesized(inner) => format!("(paren {})", expr(inner)),
        ExprKind::Block(body) => format!("(block {})", inline_body(body)),
    }
}

fn template(parts: &[TemplatePart]) -> String {
    let mut text = String::from("(template");
    for part in parts {
        let _ = match part {
            TemplatePart::Text { value, .. } => write!(text, " {value:?}"),
            TemplatePart::Expr(value) => write!(text, " {}", expr(value)),
        };
    }
    text.push(')');
    text
}

fn type_text(ty: &TypeExpr) -> String {
    let list = |types: &[TypeExpr], between: &str| types.iter().map(type_text).collect::<Vec<_>>().join(between);
    match &ty.kind {
        TypeExprKind::Named(path) => path.to_string(),
        TypeExprKind::Generic(name, arguments) => format!("{}[{}]", name.text, list(arguments, ", ")),
        TypeExprKind::Tuple(items) => format!("[{}]", list(items, ", ")),
        TypeExprKind::Record { fields, open } => {
            let fields: Vec<_> = fields.iter().map(field_text).collect();
            format!("{}{{{}}}", if *open { "open " } else { "" }, fields.join(", "))
        }
        TypeExprKind::Literal(value) => value.to_string(),
        TypeExprKind::Union(types) => format!("({})", list(types, " | ")),
        TypeExprKind::Optional(inner) => format!("{}?", type_text(inner)),
    }
}

fn field_text(field: &FieldExpr) -> String {
    let optional = if field.optional { "?" } else { "" };
    format!("{}{optional}: {}", field.name.text, type_text(&field.ty))
}
