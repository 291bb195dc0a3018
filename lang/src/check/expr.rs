//! Expressions.

use std::collections::BTreeMap;

use super::Checker;
use super::body::bare;
use super::narrow::{constant, place};
use crate::ast::{BinaryOperator, Expr, ExprKind, TemplatePart};
use crate::diagnostic::Diagnostic;
use crate::resolve::spelling;
use crate::source::{Profile, Span};
use crate::typed::{Body, Condition, ConditionKind, Expr as Typed, ExprKind as Kind, TemplatePart as TypedPart};
use crate::types::{Field, Type, parse_time, text_fits};
use crate::value::Value;

impl<'e> Checker<'_, '_> {
    /// An expression where any value may stand.
    pub(super) fn expr(&mut self, expr: &'e Expr) -> Typed {
        if let Some(value) = self.ahead.remove(&std::ptr::from_ref(expr).addr()) {
            return value;
        }
        let span = expr.span;
        match &expr.kind {
            ExprKind::Literal { value, .. } => self.make(Kind::Constant(value.clone()), Type::of_value(value), span),
            ExprKind::Duration { nanoseconds, .. } => {
                self.make(Kind::Constant(Value::from(*nanoseconds)), Type::Duration, span)
            }
            ExprKind::Template(parts) => {
                let parts = parts.iter().map(|part| match part {
                    TemplatePart::Text { value, .. } => TypedPart::Text(value.clone()),
                    TemplatePart::Expr(expr) => TypedPart::Expr(self.expr(expr)),
                });
                let parts = parts.collect();
                self.make(Kind::Template(parts), Type::String, span)
            }
            ExprKind::Variable(name) => self.name(name, span),
            ExprKind::Reference(reference) => self.reference(reference),
            ExprKind::Call { function, arguments } => self.call(function, arguments, span),
            ExprKind::Array(items) => {
                let items: Vec<Typed> = items.iter().map(|item| self.expr(item)).collect();
                let ty = if items.len() <= 16 {
                    Type::Tuple(items.iter().map(|item| item.ty.clone()).collect())
                } else {
                    Type::array(Type::limited_union(items.iter().map(|item| item.ty.clone())))
                };
                let kind = match constants(&items) {
                    Some(values) => Kind::Constant(Value::array(values)),
                    None => Kind::Array(items),
                };
                self.make(kind, ty.limited(), span)
            }
            ExprKind::Set(items) => {
                let items: Vec<Typed> = items.iter().map(|item| self.expr(item)).collect();
                let ty = Type::set(Type::limited_union(items.iter().map(|item| item.ty.clone())));
                let kind = match constants(&items) {
                    Some(values) => Kind::Constant(Value::set(values)),
                    None => Kind::Set(items),
                };
                self.make(kind, ty.limited(), span)
            }
            ExprKind::Object(entries) => self.object(entries, span),
            ExprKind::ArrayComprehension(head, body) => {
                let (body, head) = self.body(&body.conditions, &[head], |checker| checker.expr(head));
                let ty = Type::array(head.ty.clone()).limited();
                self.make(Kind::ArrayComprehension(Box::new(head), body), ty, span)
            }
            ExprKind::SetComprehension(head, body) => {
                let (body, head) = self.body(&body.conditions, &[head], |checker| checker.expr(head));
                let ty = Type::set(head.ty.clone()).limited();
                self.make(Kind::SetComprehension(Box::new(head), body), ty, span)
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                let (body, (key, value)) =
                    self.body(&body.conditions, &[key, value], |checker| (checker.expr(key), checker.expr(value)));
                let ty = Type::Map(key.ty.clone().into(), value.ty.clone().into()).limited();
                self.make(Kind::ObjectComprehension(Box::new(key), Box::new(value), body), ty, span)
            }
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right, expr),
            ExprKind::Negate(inner) => {
                let inner = self.expr(inner);
                if let Some(Value::Number(number)) = constant(&inner) {
                    let value = Value::Number(number.negate());
                    let ty = if inner.ty == Type::Duration { Type::Duration } else { Type::of_value(&value) };
                    return self.make(Kind::Constant(value), ty, span);
                }
                let ty = self.number(&inner, "-");
                self.make(Kind::Negate(Box::new(inner)), ty, span)
            }
            ExprKind::Membership { key, value, collection } => self.membership(key.as_deref(), value, collection, span),
            ExprKind::Parenthesized(inner) => self.expr(inner),
            ExprKind::Block(body) => {
                let (body, ()) = self.body(&body.conditions, &[], |_| ());
                self.make(Kind::Holds(body), Type::Bool, span)
            }
        }
    }

    /// An expression where a type is wanted: a literal text becomes a time, an address or a pattern if that is wanted.
    pub(super) fn expr_as(&mut self, expr: &'e Expr, wanted: &Type) -> Typed {
        let value = self.expr(expr);
        self.coerce(value, wanted)
    }

    /// Reads a constant text as the type that is wanted.
    pub(super) fn coerce(&mut self, mut value: Typed, wanted: &Type) -> Typed {
        let Some(Value::String(text)) = constant(&value) else { return value };
        if self.profile == Profile::Rego {
            return value;
        }
        let is_text =
            |ty: &Type| matches!(ty, Type::String | Type::Literal(Value::String(_)) | Type::Any | Type::Variable(_));
        if wanted.members().iter().any(is_text) {
            return value;
        }
        let special: Vec<&Type> = wanted
            .members()
            .iter()
            .filter(|ty| matches!(ty, Type::Time | Type::Duration | Type::Ip | Type::Cidr | Type::Regex | Type::Glob))
            .collect();
        let Some(first) = special.first() else { return value };
        let text = text.clone();
        for ty in &special {
            if text_fits(&text, ty).is_ok() {
                value.ty = (*ty).clone();
                if **ty == Type::Time
                    && let Some(time) = parse_time(&text)
                {
                    value.kind = Kind::Constant(Value::from(time));
                }
                if **ty == Type::Duration
                    && let Some(duration) = crate::types::parse_duration(&text)
                {
                    value.kind = Kind::Constant(Value::from(duration));
                }
                return value;
            }
        }
        let reason = text_fits(&text, first).err().unwrap_or_default();
        self.report(
            Diagnostic::error(
                "bad-literal",
                value.span,
                format!("`{text}` can't stand where `{wanted}` is wanted: {reason}"),
            )
            .with_help("correct the text"),
        );
        value.ty = Type::Any;
        value
    }

    fn object(&mut self, entries: &'e [(Expr, Expr)], span: Span) -> Typed {
        let mut typed: Vec<(Typed, Typed)> = Vec::new();
        let mut keys: BTreeMap<Value, Span> = BTreeMap::new();
        for (key, value) in entries {
            let key = self.expr(key);
            let value = self.expr(value);
            if let Some(known) = constant(&key)
                && self.profile == Profile::Hpol
                && let Some(first) = keys.insert(known.clone(), key.span)
            {
                let known = known.clone();
                self.report(
                    Diagnostic::error("duplicate-key", key.span, format!("the key {known} stands twice"))
                        .with_related(first, "the first")
                        .with_help("remove one of them"),
                );
            }
            typed.push((key, value));
        }
        let names: Option<Vec<&str>> = typed.iter().map(|(key, _)| constant(key).and_then(Value::as_str)).collect();
        let ty = match names {
            Some(names) if names.len() <= 64 => {
                let fields = names.into_iter().zip(&typed);
                Type::record(
                    fields.map(|(name, (_, value))| (name.into(), Field { ty: value.ty.clone(), optional: false })),
                    false,
                )
            }
            _ => Type::Map(
                Type::limited_union(typed.iter().map(|(key, _)| key.ty.clone())).into(),
                Type::limited_union(typed.iter().map(|(_, value)| value.ty.clone())).into(),
            ),
        };
        let pairs: Option<Vec<(Value, Value)>> =
            typed.iter().map(|(key, value)| Some((constant(key)?.clone(), constant(value)?.clone()))).collect();
        let distinct = |pairs: &Vec<(Value, Value)>| {
            pairs.iter().map(|(key, _)| key).collect::<std::collections::BTreeSet<_>>().len() == pairs.len()
        };
        let kind = match pairs.filter(distinct) {
            Some(pairs) => Kind::Constant(Value::object(pairs)),
            None => Kind::Object(typed),
        };
        self.make(kind, ty.limited(), span)
    }

    fn binary(&mut self, operator: BinaryOperator, left: &'e Expr, right: &'e Expr, whole: &'e Expr) -> Typed {
        let span = whole.span;
        match operator {
            BinaryOperator::Assign | BinaryOperator::Unify => {
                self.report(
                    Diagnostic::error(
                        "bad-assignment",
                        span,
                        "a value can't be assigned in the middle of an expression",
                    )
                    .with_help("write it as a condition of its own, or `==` to compare"),
                );
                self.broken(span)
            }
            BinaryOperator::And | BinaryOperator::Or => self.holds(operator, left, right, span),
            BinaryOperator::Equal
            | BinaryOperator::NotEqual
            | BinaryOperator::Less
            | BinaryOperator::LessEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterEqual => self.comparison(operator, left, right, span),
            BinaryOperator::Union | BinaryOperator::Intersection => {
                let (left, right) = (self.expr(left), self.expr(right));
                let ty = self.set_operation(operator, &left, &right);
                self.make(Kind::Binary(operator, Box::new(left), Box::new(right)), ty, span)
            }
            BinaryOperator::Add
            | BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Remainder => {
                let (left, right) = (self.expr(left), self.expr(right));
                let is_time = |ty: &Type| ty.widened() == Type::Time;
                let left = if is_time(&right.ty) { self.coerce(left, &Type::Time) } else { left };
                let right = if is_time(&left.ty) { self.coerce(right, &Type::Time) } else { right };
                let ty = self.arithmetic(operator, &left, &right, span);
                self.make(Kind::Binary(operator, Box::new(left), Box::new(right)), ty, span)
            }
        }
    }

    /// `and` and `or` where a value is wanted.
    fn holds(&mut self, operator: BinaryOperator, left: &'e Expr, right: &'e Expr, span: Span) -> Typed {
        let mut sides = Vec::new();
        for side in [left, right] {
            self.bodies.push(Vec::new());
            self.scopes.push(super::scope::Scope::default());
            let test = self.expr(bare(side));
            self.emit(ConditionKind::Test(test), side.span);
            self.scopes.pop();
            sides.push(Body { conditions: self.bodies.pop().unwrap_or_default() });
        }
        let body = if operator == BinaryOperator::And {
            Body { conditions: sides.into_iter().flat_map(|side| side.conditions).collect() }
        } else {
            Body { conditions: vec![Condition { kind: ConditionKind::Any(sides), span }] }
        };
        self.make(Kind::Holds(body), Type::Bool, span)
    }

    /// A comparison, checked for whether it can hold at all.
    pub(super) fn comparison(
        &mut self,
        operator: BinaryOperator,
        left: &'e Expr,
        right: &'e Expr,
        span: Span,
    ) -> Typed {
        let before = self.conditions_written();
        let iterates = operator == BinaryOperator::NotEqual && (self.iterates(left) || self.iterates(right));
        let (first, second) = (self.expr(left), self.expr(right));
        let first = self.coerce(first, &second.ty.clone());
        let second = self.coerce(second, &first.ty.clone());
        if self.profile == Profile::Hpol {
            if iterates && self.conditions_written() > before {
                self.report_loop_inequality(left, right, span);
            } else {
                self.check_comparison(operator, &first, &second, span);
            }
        }
        self.make(Kind::Binary(operator, Box::new(first), Box::new(second)), Type::Bool, span)
    }

    fn conditions_written(&self) -> usize {
        self.bodies.last().map_or(0, Vec::len)
    }

    /// Whether an expression goes through a collection by itself.
    fn iterates(&self, expr: &Expr) -> bool {
        match &bare(expr).kind {
            ExprKind::Reference(reference) => reference.steps.iter().any(|step| match step {
                crate::ast::Step::Field(_) => false,
                crate::ast::Step::Index(index) => self.has_unbound(index),
            }),
            _ => false,
        }
    }

    fn report_loop_inequality(&mut self, left: &Expr, right: &Expr, span: Span) {
        let (element, collection) = if self.iterates(right) { (left, right) } else { (right, left) };
        let element = self.index.sources.text(element.span).to_owned();
        let collection = self.index.sources.text(collection.span).to_owned();
        let collection = collection.rsplit_once('[').map_or(collection.clone(), |(head, _)| head.to_owned());
        let diagnostic = Diagnostic::error(
            "not-equal-in-loop",
            span,
            format!("this holds as soon as one element differs from {element}"),
        )
        .with_help("say that none is equal")
        .with_fix(span, format!("not {element} in {collection}"));
        self.report(diagnostic);
    }

    fn check_comparison(&mut self, operator: BinaryOperator, left: &Typed, right: &Typed, span: Span) {
        let equality = matches!(operator, BinaryOperator::Equal | BinaryOperator::NotEqual);
        if !equality {
            self.check_order(left, right, span);
            return;
        }
        if left.ty.overlaps(&right.ty) && !self.mixes_units(left, right) {
            return;
        }
        if operator == BinaryOperator::Equal {
            self.never_equal(left, right, span);
        } else if !self.declared_type(left).overlaps(&self.declared_type(right)) {
            let message = format!("this always holds: `{}` is never `{}`", left.ty, right.ty);
            self.report(
                Diagnostic::error("comparison-always-holds", span, message)
                    .with_help("compare with a value that can occur"),
            );
        }
    }

    /// Whether a plain number meets a time or a duration.
    fn mixes_units(&self, left: &Typed, right: &Typed) -> bool {
        let unit = |ty: &Type| matches!(ty, Type::Time | Type::Duration);
        let (left, right) = (left.ty.widened(), right.ty.widened());
        (unit(&left) || unit(&right))
            && left != right
            && left != Type::Any
            && right != Type::Any
            && left.members().len() == 1
            && right.members().len() == 1
    }

    /// Reports an equality that can't hold, with the nearest value of an enum.
    fn never_equal(&mut self, left: &Typed, right: &Typed, span: Span) {
        let (declared_left, declared_right) = (self.declared_type(left), self.declared_type(right));
        if declared_left.overlaps(&declared_right) && !self.mixes_units(left, right) {
            let (known, other) = if declared_left == left.ty { (right, left) } else { (left, right) };
            let text = self.index.sources.text(known.span);
            let message = format!(
                "this can't hold here: `{text}` is already known to be {}, not {}",
                shown(&known.ty),
                shown(&other.ty)
            );
            self.report(
                Diagnostic::error("contradictory-condition", span, message)
                    .with_help("the conditions of one body must all hold; write two rules, or use `in`"),
            );
            return;
        }
        let (value, place) = if constant(right).is_some() { (right, left) } else { (left, right) };
        let message = format!("this never holds: {} is never {}", self.described(place), shown(&value.ty));
        let mut diagnostic = Diagnostic::error("comparison-never-holds", span, message);
        let values = place.ty.enum_values().unwrap_or_default();
        let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        let near =
            constant(value).and_then(Value::as_str).and_then(|text| spelling::nearest(text, names.iter().copied()));
        diagnostic = match near {
            Some(near) => {
                let help = format!("did you mean \"{near}\"?");
                diagnostic.with_help(help).with_fix(value.span, format!("\"{near}\""))
            }
            None if !names.is_empty() => {
                let listed: Vec<String> = values.iter().take(12).map(Value::to_string).collect();
                diagnostic.with_help(format!("it is one of {}", listed.join(", ")))
            }
            None => diagnostic.with_help("compare values of the same type"),
        };
        self.report(diagnostic);
    }

    fn described(&self, expr: &Typed) -> String {
        format!("`{}` ({})", self.index.sources.text(expr.span), expr.ty)
    }

    fn check_order(&mut self, left: &Typed, right: &Typed, span: Span) {
        let (first, second) = (order_kind(&left.ty), order_kind(&right.ty));
        let (Some(first), Some(second)) = (first, second) else {
            let bad = if first.is_none() { left } else { right };
            let message = format!("{} can't be ordered", self.described(bad));
            self.report(
                Diagnostic::error("mixed-type-ordering", span, message)
                    .with_help("`<` and `>` take two numbers, two strings, two times or two durations"),
            );
            return;
        };
        if first != second && first != "any" && second != "any" {
            let message = format!("`{}` and `{}` can't be ordered with each other", left.ty, right.ty);
            let help = match (first, second) {
                ("string", "number") | ("number", "string") => "convert the string with `to_number` first",
                ("duration" | "time", "number") | ("number", "duration" | "time") => {
                    "write the number as a duration such as `15m`, or a time as text"
                }
                _ => "compare values of the same type",
            };
            self.report(Diagnostic::error("mixed-type-ordering", span, message).with_help(help));
        }
    }

    /// The type without what conditions have found out.
    pub(super) fn declared_type(&self, expr: &Typed) -> Type {
        if place(expr).is_none() {
            return expr.ty.clone();
        }
        match &expr.kind {
            Kind::Field(base, name) => match self.declared_type(base).member(name) {
                crate::types::Member::Found { ty, .. } => ty,
                crate::types::Member::Unknown(_) | crate::types::Member::NoFields => expr.ty.clone(),
            },
            Kind::Local(local) => self.locals.get(local.0 as usize).map_or(Type::Any, |local| local.ty.clone()),
            Kind::Input => self.input_type(),
            Kind::Data(path) => self.index.documents.type_at(path),
            _ => expr.ty.clone(),
        }
    }

    /// Reports two types that never meet, for patterns.
    pub(super) fn check_overlap(&mut self, left: &Type, right: &Type, span: Span) {
        if self.profile == Profile::Hpol && *right != Type::Never && *left != Type::Never && !left.overlaps(right) {
            let message = format!("this never matches: `{left}` is never `{right}`");
            self.report(
                Diagnostic::error("comparison-never-holds", span, message).with_help("match a value that can occur"),
            );
        }
    }

    fn membership(&mut self, key: Option<&'e Expr>, value: &'e Expr, collection: &'e Expr, span: Span) -> Typed {
        let key = key.map(|key| self.expr(key));
        let value = self.expr(value);
        let collection = self.expr(collection);
        let mut value = value;
        if self.profile == Profile::Hpol {
            if collection.ty.members().iter().all(|ty| Type::String.accepts(ty))
                && collection.ty != Type::Any
                && collection.ty != Type::Never
            {
                let (text, whole) = (self.index.sources.text(value.span), self.index.sources.text(collection.span));
                let fix = format!("contains({whole}, {text})");
                self.report(
                    Diagnostic::error("not-a-collection", span, "`in` looks for an element, and a string has none")
                        .with_help("to look for a part of a string use `contains`")
                        .with_fix(span, fix),
                );
                return self.make(Kind::Constant(Value::Bool(true)), Type::Bool, span);
            }
            let (keys, elements) = self.elements(&collection);
            value = self.coerce(value, &elements);
            if !value.ty.overlaps(&elements) && elements != Type::Never {
                self.never_member(&value, &collection, &elements, span);
            } else {
                self.check_elements(&value, &collection);
            }
            if let Some(key) = &key {
                self.check_overlap(&key.ty, &keys, key.span);
            }
        }
        let kind =
            Kind::Membership { key: key.map(Box::new), value: Box::new(value), collection: Box::new(collection) };
        self.make(kind, Type::Bool, span)
    }

    /// Reports those elements of a constant collection that the value can never be.
    fn check_elements(&mut self, value: &Typed, collection: &Typed) {
        let elements: Vec<&Value> = match constant(collection) {
            Some(Value::Set(items)) => items.iter().collect(),
            Some(Value::Array(items)) => items.iter().collect(),
            _ => return,
        };
        let declared = self.declared_type(value);
        let Some(stranger) = elements.into_iter().find(|element| !declared.overlaps(&Type::of_value(element))) else {
            return;
        };
        let message = format!("{} is never {stranger}", self.described(value));
        let values = declared.enum_values().unwrap_or_default();
        let near = stranger.as_str().and_then(|text| spelling::nearest(text, values.iter().filter_map(Value::as_str)));
        let diagnostic = Diagnostic::error("comparison-never-holds", collection.span, message);
        let diagnostic = match near {
            Some(near) => diagnostic.with_help(format!("did you mean \"{near}\"?")),
            None => diagnostic.with_help("remove it"),
        };
        self.report(diagnostic);
    }

    fn never_member(&mut self, value: &Typed, collection: &Typed, elements: &Type, span: Span) {
        let declared = self.declared_type(value);
        if declared.overlaps(elements) {
            let text = self.index.sources.text(value.span);
            let message = format!("this can't hold here: `{text}` is already known to be {}", shown(&value.ty));
            self.report(
                Diagnostic::error("contradictory-condition", span, message).with_help(
                    "the conditions of one body must all hold; write two rules, or one `in` with all values",
                ),
            );
            return;
        }
        let message = format!(
            "this never holds: {} is never an element of `{}`",
            self.described(value),
            self.index.sources.text(collection.span)
        );
        let mut diagnostic = Diagnostic::error("comparison-never-holds", span, message);
        let values = elements.enum_values().unwrap_or_default();
        let near = constant(value)
            .and_then(Value::as_str)
            .and_then(|text| spelling::nearest(text, values.iter().filter_map(Value::as_str)));
        diagnostic = match near {
            Some(near) => {
                diagnostic.with_help(format!("did you mean \"{near}\"?")).with_fix(value.span, format!("\"{near}\""))
            }
            None => diagnostic.with_help(format!("its elements are `{elements}`")),
        };
        self.report(diagnostic);
    }

    /// The type of a number; reports other types.
    fn number(&mut self, expr: &Typed, operator: &str) -> Type {
        match expr.ty.widened() {
            Type::Int => Type::Int,
            Type::Duration => Type::Duration,
            Type::Decimal => Type::Decimal,
            Type::Any | Type::Never => Type::Decimal,
            other => {
                if self.profile == Profile::Hpol {
                    let message = format!("`{operator}` takes numbers, not `{other}`");
                    self.report(
                        Diagnostic::error("operand-type", expr.span, message)
                            .with_help("convert it with `to_number`, or make sure of its type first with `is_number`"),
                    );
                }
                Type::Any
            }
        }
    }

    fn set_operation(&mut self, operator: BinaryOperator, left: &Typed, right: &Typed) -> Type {
        if self.profile == Profile::Rego {
            return Type::Any;
        }
        let sign = if operator == BinaryOperator::Union { "|" } else { "&" };
        let mut items = Vec::new();
        for side in [left, right] {
            match &side.ty {
                Type::Set(item) => items.push((**item).clone()),
                Type::Any => items.push(Type::Any),
                other => {
                    let message = format!("`{sign}` takes two sets, not `{other}`");
                    let help = match other {
                        Type::Array(_) | Type::Tuple(_) => "make a set of it: `{x | some x in …}`",
                        _ => {
                            "conditions are joined by writing them one after the other; alternatives are rules of their own"
                        }
                    };
                    self.report(Diagnostic::error("operand-type", side.span, message).with_help(help));
                    items.push(Type::Any);
                }
            }
        }
        Type::set(Type::limited_union(items))
    }

    fn arithmetic(&mut self, operator: BinaryOperator, left: &Typed, right: &Typed, span: Span) -> Type {
        if self.profile == Profile::Rego {
            return Type::Any;
        }
        let (first, second) = (left.ty.widened(), right.ty.widened());
        match (operator, &first, &second) {
            (BinaryOperator::Subtract, Type::Set(_), Type::Set(_) | Type::Any) => return first,
            (BinaryOperator::Subtract, Type::Any, _) | (BinaryOperator::Subtract, _, Type::Any) => return Type::Any,
            (BinaryOperator::Add, Type::String, _) | (BinaryOperator::Add, _, Type::String) => {
                let (a, b) = (self.index.sources.text(left.span), self.index.sources.text(right.span));
                let help = format!(
                    "join strings with `concat(\"\", [{a}, {b}])`, or with a template such as `$\"{{{a}}}{{{b}}}\"`"
                );
                self.report(Diagnostic::error("operand-type", span, "`+` adds numbers, not strings").with_help(help));
                return Type::Any;
            }
            (BinaryOperator::Subtract, Type::Time, Type::Time) => return Type::Duration,
            (BinaryOperator::Add | BinaryOperator::Subtract, Type::Time, Type::Duration)
            | (BinaryOperator::Add, Type::Duration, Type::Time) => return Type::Time,
            (BinaryOperator::Add | BinaryOperator::Subtract, Type::Duration, Type::Duration)
            | (BinaryOperator::Multiply, Type::Duration, Type::Int)
            | (BinaryOperator::Multiply, Type::Int, Type::Duration)
            | (BinaryOperator::Remainder, Type::Duration, Type::Duration) => return Type::Duration,
            (BinaryOperator::Divide, Type::Duration, _) => return Type::Decimal,
            (_, Type::Time | Type::Duration, Type::Time | Type::Duration | Type::Int | Type::Decimal)
            | (_, Type::Int | Type::Decimal, Type::Time | Type::Duration) => {
                let message = format!("`{first}` and `{second}` can't be combined like this");
                self.report(
                    Diagnostic::error("operand-type", span, message)
                        .with_help("write numbers of time as durations, such as `15m`"),
                );
                return Type::Any;
            }
            _ => {}
        }
        let sign = match operator {
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            _ => "%",
        };
        let (first, second) = (self.number(left, sign), self.number(right, sign));
        match (operator, first, second) {
            (_, Type::Any, _) | (_, _, Type::Any) => Type::Any,
            (BinaryOperator::Divide, ..) => Type::Decimal,
            (_, Type::Int, Type::Int) => Type::Int,
            _ => Type::Decimal,
        }
    }
}

/// How an error names a type: a literal by its value.
pub(super) fn shown(ty: &Type) -> String {
    match ty {
        Type::Literal(value) => value.to_string(),
        other => format!("`{other}`"),
    }
}

/// Which values a type is ordered among; `None` if it has no useful order.
fn order_kind(ty: &Type) -> Option<&'static str> {
    let mut found = None;
    for member in ty.members() {
        let kind = match member.widened() {
            Type::Any | Type::Never | Type::Variable(_) => return Some("any"),
            Type::Int | Type::Decimal => "number",
            Type::String | Type::Ip | Type::Cidr | Type::Regex | Type::Glob => "string",
            Type::Time => "time",
            Type::Duration => "duration",
            _ => return None,
        };
        if found.is_some_and(|found| found != kind) {
            return None;
        }
        found = Some(kind);
    }
    found
}

fn constants(items: &[Typed]) -> Option<Vec<Value>> {
    items.iter().map(|item| constant(item).cloned()).collect()
}
