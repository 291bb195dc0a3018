//! What is said about a condition as a whole: that it always holds, never holds, or grants where something is absent.

use super::Checker;
use super::narrow::{constant, place};
use crate::diagnostic::Diagnostic;
use crate::source::{Profile, Span};
use crate::typed::{Body, Condition, ConditionKind, Expr, ExprKind};
use crate::types::{Member, Type};
use crate::value::Value;

impl Checker<'_, '_> {
    /// Checks an expression that stands as a condition.
    pub(super) fn check_condition(&mut self, test: &Expr) {
        if self.profile == Profile::Rego {
            return;
        }
        if test.ty == Type::Literal(Value::Bool(false)) {
            let text = self.index.sources.text(test.span).to_owned();
            let diagnostic = if place(test).is_some() {
                Diagnostic::error(
                    "contradictory-condition",
                    test.span,
                    format!("this can't hold here: `{text}` is known to be false"),
                )
                .with_help("the conditions of one body must all hold; write two rules")
            } else {
                Diagnostic::error("condition-never-holds", test.span, "this condition is always false")
                    .with_help("remove the rule, or the condition")
            };
            self.report(diagnostic);
        } else if !self.negated
            && never_false(&test.ty)
            && matches!(test.ty, Type::Set(_))
            && !matches!(test.kind, ExprKind::Field(..) | ExprKind::Index(..))
        {
            let text = self.index.sources.text(test.span);
            self.report(
                Diagnostic::warning(
                    "condition-always-holds",
                    test.span,
                    format!("this always holds: `{text}` is a set, also when it is empty"),
                )
                .with_help(format!("to ask whether it has elements write `count({text}) > 0`")),
            );
        }
    }

    /// Checks the body of a `not`.
    pub(super) fn check_not(&mut self, body: &Body, span: Span) {
        if self.profile == Profile::Rego {
            return;
        }
        if let [Condition { kind: ConditionKind::Test(test), .. }] = body.conditions.as_slice()
            && never_false(&test.ty)
            && matches!(test.ty, Type::Set(_) | Type::Array(_) | Type::Tuple(_) | Type::Map(..) | Type::Record(_))
            && !matches!(
                test.kind,
                ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Builtin(..) | ExprKind::Function(..)
            )
        {
            let text = self.index.sources.text(test.span);
            let message =
                format!("this never holds: `{text}` is `{}`, which is never false, also when it is empty", test.ty);
            let fix = format!("count({text}) == 0");
            self.report(
                Diagnostic::error("not-on-set", span, message).with_help("ask whether it is empty").with_fix(span, fix),
            );
            return;
        }
        if !self.grants {
            return;
        }
        let absent = body.conditions.iter().find_map(|condition| match &condition.kind {
            ConditionKind::Test(test) | ConditionKind::Match(_, test) => self.optional_part(test),
            ConditionKind::Each { collection, .. } | ConditionKind::Every { collection, .. } => {
                self.optional_part(collection)
            }
            ConditionKind::Not(_) | ConditionKind::With { .. } | ConditionKind::Any(_) => None,
        });
        if let Some(part) = absent {
            let text = self.index.sources.text(part.span).to_owned();
            if let Some(inner) = self.looks_at_of(part) {
                let missing = self.index.sources.text(inner).to_owned();
                let message = format!("where `{missing}` is absent, `{text}` has no value, so this holds and grants");
                self.report(
                    Diagnostic::error("not-on-optional", span, message)
                        .with_related(inner, "may be absent")
                        .with_help("give the rule a default, or look at the value in a condition in front"),
                );
                return;
            }
            let message = format!("where `{text}` is absent this holds, and so grants");
            let look = format!("look at `{text}` in a condition in front, so that it must be there");
            let help = if part.ty == Type::Bool { format!("write `{text} == false`, or {look}") } else { look };
            self.report(
                Diagnostic::error("not-on-optional", span, message)
                    .with_related(part.span, "may be absent")
                    .with_help(help),
            );
        }
    }

    /// What a rule or function looks at and may not find, so that it has no value.
    fn looks_at_of(&self, expr: &Expr) -> Option<Span> {
        match &expr.kind {
            ExprKind::Rule(rule) | ExprKind::Function(rule, _) => self.looks_at.get(rule).copied(),
            _ => None,
        }
    }

    /// Notes the first thing that a definition looks at and may not find.
    pub(super) fn note_optional(&mut self, kind: &ConditionKind) {
        if self.profile == Profile::Rego || self.looked_at.is_some() || self.bodies.len() > 1 {
            return;
        }
        let part = match kind {
            ConditionKind::Test(expr) | ConditionKind::Match(_, expr) => self.optional_part(expr),
            ConditionKind::Each { collection, .. } | ConditionKind::Every { collection, .. } => {
                self.optional_part(collection)
            }
            ConditionKind::Not(_) | ConditionKind::With { .. } | ConditionKind::Any(_) => None,
        };
        let span = part.map(|part| self.looks_at_of(part).unwrap_or(part.span));
        self.looked_at = span;
    }

    /// A field that the expression needs and that may be absent from what the request or a document holds; or a rule that
    /// has no value for that reason.
    fn optional_part<'t>(&self, expr: &'t Expr) -> Option<&'t Expr> {
        if place(expr).is_some_and(|place| self.is_present(&place)) {
            return None;
        }
        match &expr.kind {
            ExprKind::Field(base, name) => self.optional_part(base).or_else(|| {
                let is_map = base.ty.members().iter().any(|ty| matches!(ty, Type::Map(..) | Type::Set(_)));
                let optional = match base.ty.member(name) {
                    Member::Found { optional, .. } => optional,
                    Member::Unknown(_) | Member::NoFields => false,
                };
                (optional && !is_map).then_some(expr)
            }),
            ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => {
                self.optional_part(left).or_else(|| self.optional_part(right))
            }
            ExprKind::Negate(inner) => self.optional_part(inner),
            ExprKind::Function(_, items) => {
                let inner = items.iter().find_map(|item| self.optional_part(item));
                inner.or_else(|| self.looks_at_of(expr).map(|_| expr))
            }
            ExprKind::Rule(_) => self.looks_at_of(expr).map(|_| expr),
            ExprKind::Builtin(_, items) | ExprKind::Array(items) | ExprKind::Set(items) => {
                items.iter().find_map(|item| self.optional_part(item))
            }
            ExprKind::Object(entries) => {
                entries.iter().find_map(|(key, value)| self.optional_part(key).or_else(|| self.optional_part(value)))
            }
            ExprKind::Membership { key, value, collection } => key
                .as_deref()
                .and_then(|key| self.optional_part(key))
                .or_else(|| self.optional_part(value))
                .or_else(|| self.optional_part(collection)),
            ExprKind::Constant(_)
            | ExprKind::Local(_)
            | ExprKind::Input
            | ExprKind::Data(_)
            | ExprKind::Package(..)
            | ExprKind::ArrayComprehension(..)
            | ExprKind::SetComprehension(..)
            | ExprKind::ObjectComprehension(..)
            | ExprKind::Template(_)
            | ExprKind::Holds(_) => None,
        }
    }

    /// Warns where an `every` in an allow would hold because there is nothing to go through.
    pub(super) fn check_empty_every(&mut self, body: &Body) {
        for condition in &body.conditions {
            let ConditionKind::Every { collection, .. } = &condition.kind else { continue };
            if let Type::Tuple(items) = &collection.ty
                && !items.is_empty()
            {
                continue;
            }
            if matches!(constant(collection), Some(Value::Array(items)) if !items.is_empty())
                || matches!(constant(collection), Some(Value::Set(items)) if !items.is_empty())
            {
                continue;
            }
            let Some(collection_place) = place(collection) else { continue };
            let same = |expr: &Expr| place(expr).is_some_and(|place| place == collection_place);
            let guarded = body.conditions.iter().any(|other| match &other.kind {
                ConditionKind::Each { collection, .. } => same(collection),
                ConditionKind::Test(test) => asks_for_elements(test, &same),
                _ => false,
            });
            if !guarded {
                let text = self.index.sources.text(collection.span).to_owned();
                self.report(
                    Diagnostic::warning(
                        "every-over-empty",
                        condition.span,
                        format!("this also holds, and so grants, where `{text}` is empty"),
                    )
                    .with_help(format!("add `count({text}) > 0` if that is not meant")),
                );
            }
        }
    }
}

/// Whether a condition asks for the number of elements of a collection, or for one of them.
fn asks_for_elements(test: &Expr, same: &dyn Fn(&Expr) -> bool) -> bool {
    match &test.kind {
        ExprKind::Binary(_, left, right) => [left, right].iter().any(|side| match &side.kind {
            ExprKind::Builtin(name, items) => &**name == "count" && items.iter().any(same),
            _ => same(side),
        }),
        ExprKind::Membership { collection, .. } => same(collection),
        _ => false,
    }
}

/// Whether no value of the type is false.
fn never_false(ty: &Type) -> bool {
    !ty.overlaps(&Type::Literal(Value::Bool(false)))
}
