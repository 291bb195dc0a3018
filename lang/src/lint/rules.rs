//! Definitions that contradict or repeat each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{Expr, ExprKind, ItemKind, Rule};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::value::Value;

use super::walk::name;
use super::{Findings, Lint, Policy};

pub(super) const ARGUMENT_ALWAYS_WILDCARD: Lint = Lint {
    code: "argument-always-wildcard",
    meaning: "a parameter is `_` in every definition of a function",
    reason: "what callers give for it never matters; take the parameter away, or use it",
    bad: "package p\n\nallowed(\"ada\", _) := true\n\nallowed(\"bob\", _) := true\n",
    check: argument_always_wildcard,
};

pub(super) const DUPLICATE_RULE: Lint = Lint {
    code: "duplicate-rule",
    meaning: "a definition stands twice with the same words",
    reason: "the second changes nothing; remove it, or write the difference that was forgotten",
    bad: "package p\n\nallow if input.role == \"admin\"\n\nallow if input.role == \"admin\"\n",
    check: duplicate_rule,
};

pub(super) const INCONSISTENT_ARGS: Lint = Lint {
    code: "inconsistent-args",
    meaning: "definitions of a function name their parameters differently",
    reason: "parameters go by their place, so that exchanged names are a mistake that is easily overlooked",
    bad: "package p\n\nfits(size, limit) if size < limit\n\nfits(limit, size) if size == limit\n",
    check: inconsistent_args,
};

pub(super) const RULE_ASSIGNS_DEFAULT: Lint = Lint {
    code: "rule-assigns-default",
    meaning: "a definition gives a rule the value that it has by default",
    reason: "with or without it the rule has that value; remove it, or mend the value",
    bad: "package p\n\ndefault allow := false\n\nallow := false if input.role == \"guest\"\n",
    check: rule_assigns_default,
};

pub(super) const ZERO_ARITY_FUNCTION: Lint = Lint {
    code: "zero-arity-function",
    meaning: "a rule is written as a function without parameters",
    reason: "it is an ordinary rule, and part of what its package holds; leave the parentheses out",
    bad: "package p\n\nfirst() := input.users[0]\n",
    check: zero_arity_function,
};

/// The definitions of each function of each package.
fn functions<'c>(policy: &Policy<'c>) -> Vec<Vec<&'c Rule>> {
    let mut functions: BTreeMap<(String, String), Vec<&Rule>> = BTreeMap::new();
    for (package, rules) in &policy.rules {
        for (_, rule) in rules.values().flatten() {
            if rule.head.parameters.is_some() {
                let name = policy.text(rule.head.reference.span);
                functions.entry((package.clone(), name)).or_default().push(rule);
            }
        }
    }
    functions.into_values().collect()
}

fn parameters(rule: &Rule) -> &[Expr] {
    rule.head.parameters.as_deref().unwrap_or(&[])
}

fn argument_always_wildcard(policy: &Policy<'_>, findings: &mut Findings) {
    for definitions in functions(policy) {
        let Some((first, rest)) = definitions.split_first() else { continue };
        for (place, parameter) in parameters(first).iter().enumerate() {
            let wildcard = |rule: &Rule| parameters(rule).get(place).is_none_or(is_wildcard);
            let is_mock = policy.text(first.head.reference.span).starts_with("mock_");
            if is_wildcard(parameter) && rest.iter().all(|rule| wildcard(rule)) && !is_mock {
                findings.add(parameter.span, "this parameter is never looked at", "take it away, or use it");
            }
        }
    }
}

fn is_wildcard(parameter: &Expr) -> bool {
    name(parameter).is_some_and(|name| **name == *"_")
}

fn inconsistent_args(policy: &Policy<'_>, findings: &mut Findings) {
    for definitions in functions(policy) {
        let Some((first, rest)) = definitions.split_first() else { continue };
        let mut names: Vec<Option<(&Arc<str>, Span)>> = parameters(first).iter().map(named).collect();
        for rule in rest {
            for (place, parameter) in parameters(rule).iter().enumerate() {
                let (Some(known), Some(found)) = (names.get_mut(place), named(parameter)) else { continue };
                match known {
                    None => *known = Some(found),
                    Some((name, span)) if *name != found.0 => {
                        let message = format!("this parameter is called `{name}` in another definition");
                        let finding = Diagnostic::warning(findings.code, found.1, message);
                        let help = "give the parameters of all definitions the same names, in the same order";
                        findings.push(finding.with_related(*span, "here").with_help(help));
                    }
                    Some(_) => {}
                }
            }
        }
    }
}

/// The name of a parameter that is a plain variable.
fn named(parameter: &Expr) -> Option<(&Arc<str>, Span)> {
    name(parameter).filter(|name| ***name != *"_").map(|name| (name, parameter.span))
}

fn duplicate_rule(policy: &Policy<'_>, findings: &mut Findings) {
    for rules in policy.rules.values() {
        for definitions in rules.values() {
            let mut known: BTreeMap<String, Span> = BTreeMap::new();
            for (_, rule) in definitions {
                let text = rule.tree();
                match known.get(&text) {
                    Some(first) => {
                        let finding = Diagnostic::warning(findings.code, rule.span, "this definition stands twice");
                        findings.push(finding.with_related(*first, "here first").with_help("remove one of them"));
                    }
                    None => {
                        known.insert(text, rule.span);
                    }
                }
            }
        }
    }
}

fn rule_assigns_default(policy: &Policy<'_>, findings: &mut Findings) {
    for (module, item) in policy.items() {
        let ItemKind::Default(default) = &item.kind else { continue };
        let ExprKind::Literal { value, .. } = &default.value.kind else { continue };
        let Some(rule_name) = name(&default.reference.head).filter(|_| default.reference.steps.is_empty()) else {
            continue;
        };
        for (_, rule) in policy.definitions(&module.package.to_string(), rule_name) {
            let given = match rule.head.value.as_deref() {
                Some(Expr { kind: ExprKind::Literal { value, .. }, .. }) => value.clone(),
                Some(_) => continue,
                None => Value::Bool(true),
            };
            let plain = rule.head.contains.is_none() && rule.head.reference.steps.is_empty();
            if plain && given == *value && rule.else_clauses.is_empty() {
                let message = format!("`{rule_name}` is {value} by default anyway");
                let finding = Diagnostic::warning(findings.code, rule.head.span, message);
                let finding = finding.with_related(default.value.span, "the default");
                findings.push(finding.with_help("remove this definition, or mend its value"));
            }
        }
    }
}

fn zero_arity_function(policy: &Policy<'_>, findings: &mut Findings) {
    for definitions in functions(policy) {
        for rule in definitions {
            if parameters(rule).is_empty() {
                findings.add(
                    rule.head.span,
                    "a function without parameters is an ordinary rule",
                    "leave the parentheses out",
                );
            }
        }
    }
}
