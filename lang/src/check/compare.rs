//! Comparisons and membership: whether they can hold at all, and whether the values have a common order.

use super::Checker;
use super::body::bare;
use super::narrow::{constant, place};
use crate::ast::{BinaryOperator, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::resolve::spelling;
use crate::source::{Profile, Span};
use crate::typed::{Expr as Typed, ExprKind as Kind};
use crate::types::Type;
use crate::value::Value;

impl<'e> Checker<'_, '_> {
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

    pub(super) fn conditions_written(&self) -> usize {
        self.bodies.last().map_or(0, Vec::len)
    }

    /// Whether an expression goes through a collection by itself.
    pub(super) fn iterates(&self, expr: &Expr) -> bool {
        match &bare(expr).kind {
            ExprKind::Reference(reference) => reference.steps.iter().any(|step| match step {
                crate::ast::Step::Field(_) => false,
                crate::ast::Step::Index(index) => self.has_unbound(index),
            }),
            _ => false,
        }
    }

    pub(super) fn report_loop_inequality(&mut self, left: &Expr, right: &Expr, span: Span) {
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

    pub(super) fn check_comparison(&mut self, operator: BinaryOperator, left: &Typed, right: &Typed, span: Span) {
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
    pub(super) fn mixes_units(&self, left: &Typed, right: &Typed) -> bool {
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
    pub(super) fn never_equal(&mut self, left: &Typed, right: &Typed, span: Span) {
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

    pub(super) fn described(&self, expr: &Typed) -> String {
        format!("`{}` ({})", self.index.sources.text(expr.span), expr.ty)
    }

    pub(super) fn check_order(&mut self, left: &Typed, right: &Typed, span: Span) {
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

    pub(super) fn membership(
        &mut self,
        key: Option<&'e Expr>,
        value: &'e Expr,
        collection: &'e Expr,
        span: Span,
    ) -> Typed {
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
    pub(super) fn check_elements(&mut self, value: &Typed, collection: &Typed) {
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

    pub(super) fn never_member(&mut self, value: &Typed, collection: &Typed, elements: &Type, span: Span) {
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
