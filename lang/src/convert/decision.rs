//! `allow` and `deny` as decision rules.

use crate::ast::{BinaryOperator, Body, Condition, ConditionKind, Expr, ExprKind, Item, ItemKind, NotOperand, Rule};
use crate::source::Span;
use crate::value::Value;

use super::Converter;
use super::outcome::{Asked, asked};

/// Which decision rule a declaration becomes.
pub(super) fn effect_of(item: &Item) -> Option<&'static str> {
    let ItemKind::Rule(rule) = &item.kind else { return None };
    let plain = rule.head.parameters.is_none() && rule.head.reference.steps.is_empty() && rule.else_clauses.is_empty();
    let yes = match rule.head.value.as_deref() {
        None => true,
        Some(value) => matches!(value.kind, ExprKind::Literal { value: Value::Bool(true), .. }),
    };
    match () {
        () if !plain || !yes => None,
        () if is_named(rule, "allow") && rule.head.contains.is_none() => Some("allow"),
        () if is_named(rule, "deny") => Some("deny"),
        () => None,
    }
}

/// Whether a declaration is about `allow` or `deny`.
pub(super) fn names(item: &Item, name: &str) -> bool {
    match &item.kind {
        ItemKind::Rule(rule) => is_named(rule, name),
        ItemKind::Default(default) => super::name_of(&default.reference.head).as_deref() == Some(name),
        _ => false,
    }
}

pub(super) fn is_named(rule: &Rule, name: &str) -> bool {
    super::name_of(&rule.head.reference.head).as_deref() == Some(name)
}

/// A name as words.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ").trim().to_owned()
}

impl<'c> Converter<'c> {
    /// The decision rule; `None` if it says what holds anyway.
    pub(super) fn decision(&mut self, rule: &'c Rule, effect: &str, before: &str) -> Option<String> {
        let mut edits: Vec<(Span, String)> = Vec::new();
        let mut dropped = 0;
        let conditions = rule.body.as_ref().map_or(&[][..], |body| &body.conditions);
        for condition in conditions {
            if self.holds_anyway(condition, effect) {
                let what = "a condition on the other decision was left out: a deny beats every allow, and nothing is allowed that no rule allows";
                self.note(condition.span, what, false);
                edits.push((condition.span, String::new()));
                dropped += 1;
            } else if let ConditionKind::Expr(expr) = &condition.kind
                && asked(expr).is_some()
            {
                self.note(condition.span, "a decision can't ask for a decision: move the conditions that it is about into a rule of their own", true);
            }
        }
        if dropped > 0 && dropped == conditions.len() && effect == "deny" {
            return None;
        }
        let id = self.id(rule, effect, before);
        let because = self.because(rule);
        let body = match &rule.body {
            Some(body) if dropped < body.conditions.len() => format!(" if {}", self.body(body, &edits)),
            _ => String::new(),
        };
        Some(format!("{effect} {}{because}{body}", Value::from(id)))
    }

    /// `because` with what a `contains` adds.
    fn because(&mut self, rule: &Rule) -> String {
        let Some(element) = rule.head.contains.as_deref() else { return String::new() };
        if let ExprKind::Object(entries) = &element.kind {
            let named = |name: &str| {
                entries.iter().find(|(key, _)| matches!(&key.kind, ExprKind::Literal { value: Value::String(text), .. } if **text == *name))
            };
            let text = ["msg", "message", "reason"].into_iter().find_map(named);
            self.note(element.span, "a reason is text: of the object its message is kept", text.is_none());
            if let Some((_, text)) = text {
                return format!(" because {}", self.source(text.span));
            }
        }
        format!(" because {}", self.source(element.span))
    }

    fn body(&self, body: &Body, edits: &[(Span, String)]) -> String {
        let (Some(first), Some(last)) = (body.conditions.first(), body.conditions.last()) else { return String::new() };
        let conditions = first.span.to(last.span);
        let text = self.edited(body.span, edits);
        if text.starts_with('{') {
            return text;
        }
        let text = self.edited(conditions, edits);
        if body.conditions.len() == 1 { text } else { format!("{{\n{text}\n}}") }
    }

    /// Whether a condition says what the order of decisions says already: that nothing denies in an allow, that nothing
    /// allows in a deny.
    fn holds_anyway(&self, condition: &Condition, effect: &str) -> bool {
        if !condition.with.is_empty() {
            return false;
        }
        let other = if effect == "allow" { "deny" } else { "allow" };
        let about = |found: Option<Asked>, denied: bool| {
            found.is_some_and(|found| {
                found.effect == other && found.package.is_none() && found.holds != denied && found.reason.is_none()
            })
        };
        match &condition.kind {
            ConditionKind::Not(NotOperand::Condition(inner)) => match &inner.kind {
                ConditionKind::Expr(expr) => inner.with.is_empty() && about(asked(expr), false),
                _ => false,
            },
            ConditionKind::Expr(expr) => about(asked(expr), true),
            _ => false,
        }
    }

    /// Whether a declaration asks for `allow` or `deny` of its own package.
    pub(super) fn asks_for_decisions(&self, item: &Item) -> bool {
        let names: Vec<&str> = self.module.items.iter().filter_map(effect_of).collect();
        let mut found = false;
        super::walk_item(item, &mut |expr: &Expr| {
            if let ExprKind::Variable(name) = &expr.kind {
                found |= names.contains(&&**name);
            }
        });
        found
    }
}

/// The operator turned round: `0 < count(x)` is `count(x) > 0`.
pub(super) fn turned(operator: BinaryOperator) -> BinaryOperator {
    match operator {
        BinaryOperator::Less => BinaryOperator::Greater,
        BinaryOperator::LessEqual => BinaryOperator::GreaterEqual,
        BinaryOperator::Greater => BinaryOperator::Less,
        BinaryOperator::GreaterEqual => BinaryOperator::LessEqual,
        other => other,
    }
}
