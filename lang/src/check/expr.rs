//! Expressions.

use std::collections::BTreeMap;

use super::Checker;
use super::body::bare;
use super::narrow::constant;
use crate::ast::{BinaryOperator, Expr, ExprKind, TemplatePart};
use crate::diagnostic::Diagnostic;
use crate::source::{Profile, Span};
use crate::typed::{
    Body, Condition, ConditionKind, Expr as Typed, ExprKind as Kind, Pattern, TemplatePart as TypedPart,
};
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
            ExprKind::Named(name, inner) => {
                let message = format!("no argument is named `{}` here", name.text);
                self.report(
                    Diagnostic::error("named-argument", name.span, message)
                        .with_help("arguments are told apart by their order: leave the name out"),
                );
                self.expr(inner)
            }
            ExprKind::Parenthesized(inner) => self.expr(inner),
            ExprKind::Block(body) => match value_under_with(body) {
                Some((condition, value)) => self.under_with(condition, value),
                None => {
                    let (body, ()) = self.body(&body.conditions, &[], |_| ());
                    self.make(Kind::Holds(body), Type::Bool, span)
                }
            },
        }
    }

    /// `value with …` as a value: the only element of an array of what it is under the replacements.
    fn under_with(&mut self, condition: &'e crate::ast::Condition, value: &'e Expr) -> Typed {
        let span = condition.span;
        self.open_scope(&[], &[value]);
        self.bodies.push(Vec::new());
        let replacements = self.replacements(&condition.with);
        self.bodies.push(Vec::new());
        let (local, ty) = self.without_facts(|checker| {
            let typed = checker.expr(value);
            let ty = typed.ty.clone();
            let local = checker.temporary(ty.clone(), span);
            checker.emit(ConditionKind::Match(Pattern::Bind(local), typed), span);
            (local, ty)
        });
        let body = Body { conditions: self.bodies.pop().unwrap_or_default() };
        self.emit(ConditionKind::With { replacements, body }, span);
        let body = Body { conditions: self.bodies.pop().unwrap_or_default() };
        self.close_scope();
        let element = self.make(Kind::Local(local), ty.clone(), span);
        let all = self.make(Kind::ArrayComprehension(Box::new(element), body), Type::array(ty.clone()), span);
        let first = self.make(Kind::Constant(Value::from(0)), Type::Int, span);
        self.make(Kind::Index(Box::new(all), Box::new(first)), ty, span)
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

fn constants(items: &[Typed]) -> Option<Vec<Value>> {
    items.iter().map(|item| constant(item).cloned()).collect()
}

/// The condition and the expression of a block that is `expression with …`.
fn value_under_with(body: &crate::ast::Body) -> Option<(&crate::ast::Condition, &Expr)> {
    match body.conditions.as_slice() {
        [condition] if !body.braces && !condition.with.is_empty() => match &condition.kind {
            crate::ast::ConditionKind::Expr(value) => Some((condition, value)),
            _ => None,
        },
        _ => None,
    }
}
