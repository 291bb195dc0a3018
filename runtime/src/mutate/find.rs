//! The changes that can be made to a file.

use hpol_lang::ast::{
    BinaryOperator, Body, Condition, ConditionKind, DecisionClause, DecisionRule, EffectKeyword, Expr, ExprKind, Item,
    ItemKind, Module, NotOperand, Reference, Rule, Step,
};
use hpol_lang::source::{SourceMap, Span};
use hpol_lang::value::{Number, Value};

use super::{Change, MutantKind};

/// The changes of a file, in no order.
pub(super) fn changes(module: &Module, sources: &SourceMap) -> Vec<Change> {
    let mut finder = Finder { sources, changes: Vec::new() };
    module.items.iter().for_each(|item| finder.item(item));
    finder.changes
}

struct Finder<'s> {
    sources: &'s SourceMap,
    changes: Vec<Change>,
}

impl Finder<'_> {
    fn text(&self, span: Span) -> &str {
        self.sources.text(span)
    }

    fn change(&mut self, span: Span, after: impl Into<String>, kind: MutantKind) {
        self.changes.push(Change { span, after: after.into(), kind });
    }

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Rule(rule) => self.rule(item.span, rule),
            ItemKind::Default(default) => self.expr(&default.value),
            ItemKind::Decision(rule) => self.decision(item.span, rule),
            _ => {}
        }
    }

    fn rule(&mut self, span: Span, rule: &Rule) {
        self.change(span, "", MutantKind::DropRule);
        rule.head.value.iter().for_each(|value| self.expr(value));
        rule.head.contains.iter().for_each(|element| self.expr(element));
        rule.body.iter().for_each(|body| self.body(body));
        for clause in &rule.else_clauses {
            clause.value.iter().for_each(|value| self.expr(value));
            clause.body.iter().for_each(|body| self.body(body));
        }
    }

    fn decision(&mut self, span: Span, rule: &DecisionRule) {
        self.change(span, "", MutantKind::DropRule);
        let other = match rule.effect {
            EffectKeyword::Allow => Some(EffectKeyword::Deny),
            EffectKeyword::Deny => Some(EffectKeyword::Allow),
            EffectKeyword::Approve | EffectKeyword::Mask => None,
        };
        if let Some(other) = other {
            let word = rule.effect.word();
            let length = u32::try_from(word.len()).unwrap_or(0);
            let keyword = Span::new(rule.span.file, rule.span.start, rule.span.start + length);
            if self.text(keyword) == word {
                self.change(keyword, other.word(), MutantKind::Effect);
            }
        }
        for clause in &rule.clauses {
            match clause {
                DecisionClause::Quorum(value) => self.expr(value),
                DecisionClause::Unless(value) => {
                    let text = self.text(value.span).to_owned();
                    self.change(value.span, format!("{{ not {text} }}"), MutantKind::Negate);
                    self.expr(value);
                }
                DecisionClause::Because(_)
                | DecisionClause::By(_)
                | DecisionClause::Within(_)
                | DecisionClause::Selector(_)
                | DecisionClause::Using(_) => {}
            }
        }
        rule.body.iter().for_each(|body| self.body(body));
    }

    fn body(&mut self, body: &Body) {
        body.conditions.iter().for_each(|condition| self.condition(condition));
    }

    fn condition(&mut self, condition: &Condition) {
        let text = self.text(condition.span).to_owned();
        condition.with.iter().for_each(|with| self.expr(&with.value));
        match &condition.kind {
            ConditionKind::Expr(expr) => {
                let binds = matches!(&expr.kind, ExprKind::Binary(BinaryOperator::Assign | BinaryOperator::Unify, ..));
                if !binds {
                    self.change(condition.span, "true", MutantKind::DropCondition);
                    self.change(condition.span, format!("not {text}"), MutantKind::Negate);
                }
                self.expr(expr);
            }
            ConditionKind::SomeIn { collection, .. } => self.expr(collection),
            ConditionKind::Every { key, value, collection, body } => {
                self.change(condition.span, "true", MutantKind::DropCondition);
                let key = key.as_ref().map_or_else(String::new, |key| format!("{}, ", key.text));
                let some = format!("some {key}{} in {}", value.text, self.text(collection.span));
                let conditions: Vec<&str> = body.conditions.iter().map(|inner| self.text(inner.span)).collect();
                let after = format!("{some}\n{}", conditions.join("\n"));
                self.change(condition.span, after, MutantKind::EveryToSome);
                self.expr(collection);
                self.body(body);
            }
            ConditionKind::Not(operand) => {
                self.change(condition.span, "true", MutantKind::DropCondition);
                match operand {
                    NotOperand::Condition(inner) => {
                        let after = self.text(inner.span).to_owned();
                        self.change(condition.span, after, MutantKind::DropNot);
                        if let ConditionKind::Expr(expr) = &inner.kind {
                            self.expr(expr);
                        }
                    }
                    NotOperand::Body(body) => self.body(body),
                }
            }
            ConditionKind::SomeDeclare(_) | ConditionKind::Expect(_) => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal { value, .. } => self.literal(value, expr.span),
            ExprKind::Binary(operator, left, right) => {
                self.operator(*operator, left, right);
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Array(items) | ExprKind::Set(items) => {
                if items.len() > 1 {
                    items.iter().for_each(|item| self.without(expr.span, items, item));
                }
                items.iter().for_each(|item| self.expr(item));
            }
            ExprKind::Object(entries) => entries.iter().for_each(|(_, value)| self.expr(value)),
            ExprKind::Reference(reference) => self.reference(reference),
            ExprKind::Call { arguments, .. } => arguments.iter().for_each(|argument| self.expr(argument)),
            ExprKind::ArrayComprehension(head, body) | ExprKind::SetComprehension(head, body) => {
                self.expr(head);
                self.body(body);
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                self.expr(key);
                self.expr(value);
                self.body(body);
            }
            ExprKind::Negate(inner) | ExprKind::Parenthesized(inner) | ExprKind::Named(_, inner) => self.expr(inner),
            ExprKind::Membership { value, collection, .. } => {
                self.expr(value);
                self.expr(collection);
            }
            ExprKind::Block(body) => self.body(body),
            ExprKind::Duration { .. } | ExprKind::Template(_) | ExprKind::Variable(_) => {}
        }
    }

    fn reference(&mut self, reference: &Reference) {
        for step in &reference.steps {
            match step {
                Step::Field(_) => {}
                Step::Index(index) => self.expr(index),
            }
        }
    }

    fn literal(&mut self, value: &Value, span: Span) {
        match value {
            Value::Bool(value) => self.change(span, (!value).to_string(), MutantKind::Constant),
            Value::Number(number) if number.is_integer() => {
                for step in [1, -1] {
                    if let Ok(beside) = number.add(&Number::from(step)) {
                        self.change(span, Value::Number(beside).to_json(), MutantKind::Constant);
                    }
                }
            }
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) | Value::Set(_) => {}
        }
    }

    /// A list without one of its elements.
    fn without(&mut self, span: Span, items: &[Expr], left_out: &Expr) {
        let rest = items.iter().filter(|item| item.span != left_out.span).map(|item| self.text(item.span));
        let rest = rest.collect::<Vec<_>>().join(", ");
        let text = self.text(span);
        let open = text.chars().next().unwrap_or('[');
        let close = text.chars().last().unwrap_or(']');
        let after = format!("{open}{rest}{close}");
        self.change(span, after, MutantKind::DropElement);
    }

    fn operator(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr) {
        let others: &[&str] = match operator {
            BinaryOperator::Equal => &["!="],
            BinaryOperator::NotEqual => &["=="],
            BinaryOperator::Less => &["<="],
            BinaryOperator::LessEqual => &["<"],
            BinaryOperator::Greater => &[">="],
            BinaryOperator::GreaterEqual => &[">"],
            BinaryOperator::Add => &["-"],
            BinaryOperator::Subtract => &["+"],
            BinaryOperator::Multiply => &["/"],
            BinaryOperator::And => &["or"],
            BinaryOperator::Or => &["and"],
            BinaryOperator::Union => &["&"],
            BinaryOperator::Intersection => &["|"],
            BinaryOperator::Assign | BinaryOperator::Unify | BinaryOperator::Divide | BinaryOperator::Remainder => &[],
        };
        let gap = Span::new(left.span.file, left.span.end, right.span.start);
        let symbol = operator.symbol();
        let Some(at) = self.text(gap).find(symbol) else { return };
        let start = gap.start + u32::try_from(at).unwrap_or(0);
        let span = Span::new(gap.file, start, start + u32::try_from(symbol.len()).unwrap_or(0));
        others.iter().for_each(|other| self.change(span, *other, MutantKind::Operator));
    }
}
