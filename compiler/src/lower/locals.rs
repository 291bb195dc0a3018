//! Which variables a body binds for what comes behind it, and which an expression or body uses.

use std::collections::BTreeSet;

use hpol_lang::typed::{Body, Condition, ConditionKind, Expr, ExprKind, LocalId, PackageStep, Pattern, TemplatePart};

/// The variables that conditions bind for what comes behind them, in order.
pub(super) fn bound(conditions: &[Condition]) -> Vec<LocalId> {
    let mut found = Vec::new();
    bound_by(conditions, &mut found);
    found
}

fn bound_by(conditions: &[Condition], found: &mut Vec<LocalId>) {
    for condition in conditions {
        match &condition.kind {
            ConditionKind::Match(pattern, _) => bound_by_pattern(pattern, found),
            ConditionKind::Each { key, value, .. } => {
                bound_by_pattern(key, found);
                bound_by_pattern(value, found);
            }
            ConditionKind::With { body, .. } => bound_by(&body.conditions, found),
            // Each of the bodies binds the same outer variables.
            ConditionKind::Any(bodies) => {
                let mut bodies = bodies.iter().map(|body| bound(&body.conditions));
                let first = bodies.next().unwrap_or_default();
                let others: Vec<_> = bodies.collect();
                for local in first {
                    if others.iter().all(|other| other.contains(&local)) && !found.contains(&local) {
                        found.push(local);
                    }
                }
            }
            ConditionKind::Test(_) | ConditionKind::Not(_) | ConditionKind::Every { .. } => {}
        }
    }
}

fn bound_by_pattern(pattern: &Pattern, found: &mut Vec<LocalId>) {
    match pattern {
        Pattern::Wildcard | Pattern::Equal(_) => {}
        Pattern::Bind(local) => {
            if !found.contains(local) {
                found.push(*local);
            }
        }
        Pattern::Array(items) => items.iter().for_each(|item| bound_by_pattern(item, found)),
        Pattern::Object(entries) => entries.iter().for_each(|(_, item)| bound_by_pattern(item, found)),
    }
}

/// The variables that a body uses.
pub(super) fn used(body: &Body) -> BTreeSet<LocalId> {
    let mut found = BTreeSet::new();
    used_by_body(body, &mut found);
    found
}

fn used_by_body(body: &Body, found: &mut BTreeSet<LocalId>) {
    for condition in &body.conditions {
        match &condition.kind {
            ConditionKind::Test(expr) => used_by(expr, found),
            ConditionKind::Match(pattern, expr) => {
                used_by_pattern(pattern, found);
                used_by(expr, found);
            }
            ConditionKind::Each { key, value, collection } => {
                used_by_pattern(key, found);
                used_by_pattern(value, found);
                used_by(collection, found);
            }
            ConditionKind::Not(body) => used_by_body(body, found),
            ConditionKind::Every { key, value, collection, body } => {
                used_by_pattern(key, found);
                used_by_pattern(value, found);
                used_by(collection, found);
                used_by_body(body, found);
            }
            ConditionKind::With { replacements, body } => {
                replacements.iter().for_each(|replacement| used_by(&replacement.value, found));
                used_by_body(body, found);
            }
            ConditionKind::Any(bodies) => bodies.iter().for_each(|body| used_by_body(body, found)),
        }
    }
}

fn used_by_pattern(pattern: &Pattern, found: &mut BTreeSet<LocalId>) {
    match pattern {
        Pattern::Wildcard | Pattern::Bind(_) => {}
        Pattern::Equal(expr) => used_by(expr, found),
        Pattern::Array(items) => items.iter().for_each(|item| used_by_pattern(item, found)),
        Pattern::Object(entries) => entries.iter().for_each(|(key, item)| {
            used_by(key, found);
            used_by_pattern(item, found);
        }),
    }
}

fn used_by(expr: &Expr, found: &mut BTreeSet<LocalId>) {
    match &expr.kind {
        ExprKind::Constant(_) | ExprKind::Input | ExprKind::Data(_) | ExprKind::Rule(_) => {}
        ExprKind::Package(_, below) => below.iter().for_each(|step| match step {
            PackageStep::Key(key) => used_by(key, found),
            PackageStep::Name(_) | PackageStep::Any => {}
        }),
        ExprKind::Local(local) => {
            found.insert(*local);
        }
        ExprKind::Field(base, _) | ExprKind::Negate(base) => used_by(base, found),
        ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => {
            used_by(left, found);
            used_by(right, found);
        }
        ExprKind::Builtin(_, items) | ExprKind::Function(_, items) | ExprKind::Array(items) | ExprKind::Set(items) => {
            items.iter().for_each(|item| used_by(item, found))
        }
        ExprKind::Membership { key, value, collection } => {
            key.iter().for_each(|key| used_by(key, found));
            used_by(value, found);
            used_by(collection, found);
        }
        ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| {
            used_by(key, found);
            used_by(value, found);
        }),
        ExprKind::ArrayComprehension(item, body) | ExprKind::SetComprehension(item, body) => {
            used_by(item, found);
            used_by_body(body, found);
        }
        ExprKind::ObjectComprehension(key, value, body) => {
            used_by(key, found);
            used_by(value, found);
            used_by_body(body, found);
        }
        ExprKind::Template(parts) => parts.iter().for_each(|part| match part {
            TemplatePart::Text(_) => {}
            TemplatePart::Expr(expr) => used_by(expr, found),
        }),
        ExprKind::Holds(body) => used_by_body(body, found),
    }
}
