//! Iteration that does not do what it seems to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{BinaryOperator, ConditionKind, Expr, ExprKind, Item, ItemKind, Module, Step};
use crate::resolve::visit::declared;
use crate::source::{Profile, Span};
use crate::value::Value;

use super::walk::{Seen, bare, bodies, called, exprs, head_parts, item, item_exprs, name};
use super::{Findings, Lint, Policy};

pub(super) const NOT_EQUALS_IN_LOOP: Lint = Lint {
    code: "not-equals-in-loop",
    meaning: "`!=` compares with any element of a collection",
    reason: "it holds as soon as one element is another one, which is nearly always; `not … in` says that none is equal",
    bad: "package p\n\ndeny if \"admin\" != input.roles[_]\n",
    check: not_equals_in_loop,
};

pub(super) const REDUNDANT_LOOP_COUNT: Lint = Lint {
    code: "redundant-loop-count",
    meaning: "a collection is counted before it is gone through",
    reason: "`some … in` does not hold for an empty collection anyway; remove the count",
    bad: "package p\n\nallow if {\n  count(input.roles) > 0\n  some role in input.roles\n  role == \"admin\"\n}\n",
    check: redundant_loop_count,
};

pub(super) const TOP_LEVEL_ITERATION: Lint = Lint {
    code: "top-level-iteration",
    meaning: "the value of a rule without conditions goes through a collection",
    reason: "two different elements make it a conflict, which is an error; choose one by a condition, or make a set with `contains`",
    bad: "package p\n\nuser := input.users[_]\n",
    check: top_level_iteration,
};

pub(super) const UNUSED_OUTPUT_VARIABLE: Lint = Lint {
    code: "unused-output-variable",
    meaning: "a variable in brackets is bound to each key and never used",
    reason: "write `_`, or go through the collection with `some … in`; a name says that it matters",
    bad: "package p\n\nallow if {\n  some i\n  input.roles[i] == \"admin\"\n}\n",
    check: unused_output_variable,
};

fn not_equals_in_loop(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        exprs(module, &mut |expr| {
            let ExprKind::Binary(BinaryOperator::NotEqual, left, right) = &expr.kind else { return };
            let (element, other) = match (iterates(bare(left)), iterates(bare(right))) {
                (false, true) => (right, left),
                (true, false) => (left, right),
                _ => return,
            };
            let message = "this holds as soon as one element is different";
            let collection = policy.text(element.span);
            let collection = collection.strip_suffix("[_]").unwrap_or(&collection);
            findings.add(expr.span, message, format!("write `not {} in {collection}`", policy.text(other.span)));
        });
    }
}

/// Whether a reference goes through a collection with `_`.
fn iterates(expr: &Expr) -> bool {
    let ExprKind::Reference(reference) = &expr.kind else { return false };
    reference
        .steps
        .iter()
        .any(|step| matches!(step, Step::Index(index) if name(index).is_some_and(|name| **name == *"_")))
}

fn redundant_loop_count(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        bodies(module, &mut |conditions| {
            for (index, condition) in conditions.iter().enumerate() {
                let ConditionKind::Expr(expr) = &condition.kind else { continue };
                let Some(counted) = counted_above_zero(expr).map(|counted| policy.text(counted.span)) else { continue };
                let looped = conditions[index + 1..].iter().any(|behind| match &behind.kind {
                    ConditionKind::SomeIn { collection, .. } => policy.text(collection.span) == counted,
                    _ => false,
                });
                if looped && condition.with.is_empty() {
                    let message = format!("`some … in {counted}` does not hold for an empty collection anyway");
                    findings.add(condition.span, message, "remove this condition");
                }
            }
        });
    }
}

/// What is counted in `count(x) > 0`, `count(x) != 0` or `count(x) >= 1`.
fn counted_above_zero(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Binary(operator, left, right) = &expr.kind else { return None };
    let ExprKind::Literal { value: Value::Number(number), .. } = &right.kind else { return None };
    let at_least_one = match operator {
        BinaryOperator::Greater | BinaryOperator::NotEqual => number.to_string() == "0",
        BinaryOperator::GreaterEqual => number.to_string() == "1",
        _ => false,
    };
    match &bare(left).kind {
        ExprKind::Call { function, arguments } if at_least_one && called(function) == "count" => arguments.first(),
        _ => None,
    }
}

fn top_level_iteration(policy: &Policy<'_>, findings: &mut Findings) {
    for (module, item) in policy.items() {
        let ItemKind::Rule(rule) = &item.kind else { continue };
        let Some(value) = &rule.head.value else { continue };
        if rule.body.is_some() || rule.head.parameters.is_some() || rule.head.contains.is_some() {
            continue;
        }
        let ExprKind::Reference(reference) = &bare(value).kind else { continue };
        let package = module.package.to_string();
        let keys: Vec<&Arc<str>> = rule.head.reference.steps.iter().filter_map(index_name).collect();
        let runs = reference.steps.iter().filter_map(index_name).any(|name| {
            let known = !policy.definitions(&package, name).is_empty()
                || super::names::imports(module).any(|(known, _)| known == name);
            !known && !keys.contains(&name) && !matches!(&**name, "input" | "data")
        });
        if runs {
            findings.add(
                value.span,
                "this goes through a collection outside of any condition",
                "choose an element by a condition, or make a set: `name contains x if some x in …`",
            );
        }
    }
}

fn index_name(step: &Step) -> Option<&Arc<str>> {
    match step {
        Step::Index(index) => name(index),
        Step::Field(_) => None,
    }
}

/// Only in Rego: in `.hpol` files the checker warns of unused variables.
fn unused_output_variable(policy: &Policy<'_>, findings: &mut Findings) {
    for (module, item) in policy.items().filter(|(module, _)| module.profile == Profile::Rego) {
        let mut uses: BTreeMap<&Arc<str>, (u32, Option<Span>)> = BTreeMap::new();
        item_exprs(item, &mut |expr| match &expr.kind {
            ExprKind::Variable(name) => uses.entry(name).or_default().0 += 1,
            ExprKind::Reference(reference) => {
                for step in &reference.steps {
                    if let Step::Index(index) = step
                        && let Some(name) = name(index)
                    {
                        uses.entry(name).or_default().1 = Some(index.span);
                    }
                }
            }
            _ => {}
        });
        let bound = bound_elsewhere(item);
        for (name, (times, place)) in uses {
            let Some(place) = place.filter(|_| times == 1 && &**name != "_") else { continue };
            if !bound.contains(&name) && !is_declared(policy, module, name) {
                let message = format!("`{name}` is bound here and never used");
                findings.add(place, message, "write `_`, or `some … in` for the elements");
            }
        }
    }
}

/// Names that parameters, `:=`, `some … in` and `every` give a value; those of `some x` alone get theirs in brackets.
fn bound_elsewhere(found: &Item) -> Vec<&Arc<str>> {
    let mut names = Vec::new();
    if let ItemKind::Rule(rule) = &found.kind {
        head_parts(&rule.head, &mut |part| super::walk::variables(part, &mut names));
    }
    item(found, &mut |seen| {
        let Seen::Body(conditions) = seen else { return };
        for condition in conditions {
            match &condition.kind {
                ConditionKind::Every { key, value, .. } => {
                    names.extend(key.iter().chain([value]).map(|name| &name.text));
                }
                ConditionKind::SomeIn { key, value, .. } => {
                    key.iter().chain([value]).for_each(|part| super::walk::variables(part, &mut names));
                }
                ConditionKind::Expr(Expr { kind: ExprKind::Binary(BinaryOperator::Assign, left, _), .. }) => {
                    super::walk::variables(left, &mut names);
                }
                _ => {}
            }
        }
    });
    names
}

fn is_declared(policy: &Policy<'_>, module: &Module, name: &Arc<str>) -> bool {
    matches!(&**name, "input" | "data")
        || !policy.definitions(&module.package.to_string(), name).is_empty()
        || super::names::imports(module).any(|(known, _)| known == name)
        || policy.modules.iter().filter(|other| other.package.to_string() == module.package.to_string()).any(|other| {
            other.items.iter().any(|item| match &item.kind {
                ItemKind::Default(default) => super::walk::name(&default.reference.head) == Some(name),
                _ => false,
            })
        })
}

/// The names that a declaration's bodies declare, with their places.
pub(super) fn declared_names(found: &Item) -> Vec<(Arc<str>, Span)> {
    let mut names = Vec::new();
    item(found, &mut |seen| {
        if let Seen::Body(conditions) = seen {
            names.extend(declared(conditions));
        }
    });
    names
}
