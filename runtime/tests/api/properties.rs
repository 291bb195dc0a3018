//! What must hold for every policy: tried on policies and requests that are made up.

use hpol_runtime::decision::{AbsentPath, Effect, Mask, RuleMatch};
use hpol_runtime::source::Files;
use hpol_runtime::{Decision, Engine, EngineKind, EngineOptions, Input};
use proptest::prelude::*;

use crate::common::input;

/// Conditions on a request; some can be absent or fail.
const CONDITIONS: &[&str] = &[
    "input.a > 1",
    "input.a == 2",
    "10 / input.a > 3",
    "input.b == \"x\"",
    "some v in input.c; v == input.a",
    "some v in input.c; 6 / v == 2",
    "input.c[1] > 1",
    "count(input.c) > 1",
    "every v in input.c { v < 3 }",
    "not input.a == 2",
    "shared",
    "counted > 1",
];

/// Rules that the conditions may ask.
const SHARED: &str = "shared if input.b in {\"x\", \"y\"}\n\ncounted := count({v | some v in input.c; v > 0})\n";

#[derive(Debug, Clone)]
struct Rule {
    effect: Effect,
    conditions: Vec<&'static str>,
    detail: &'static str,
}

fn rule() -> impl Strategy<Value = Rule> {
    let conditions = prop::sample::subsequence(CONDITIONS, 1..=3).prop_shuffle();
    let masks = ["any text using hash", "any text using drop", "response field(\"f\") using last(4)"];
    let approvals = ["by group(\"a\")", "by group(\"a\") quorum 2", "by [group(\"a\"), user(\"u\")] within 1m"];
    let kind = prop_oneof![
        3 => Just((Effect::Allow, "")),
        2 => Just((Effect::Deny, "")),
        2 => prop::sample::select(masks.to_vec()).prop_map(|detail| (Effect::Mask, detail)),
        1 => prop::sample::select(approvals.to_vec()).prop_map(|detail| (Effect::Approve, detail)),
    ];
    (kind, conditions).prop_map(|((effect, detail), conditions)| Rule { effect, conditions, detail })
}

/// Two packages, the rules spread over them by their numbers.
fn files(rules: &[(usize, Rule)], backwards: bool) -> Files {
    let package = |parity: usize| {
        let mut text = format!("package p{parity}\n\ninput: Request\n\n");
        text.push_str("type Request = { a: int, b?: string, c: array[int] }\n\n");
        text.push_str(SHARED);
        for (number, rule) in rules.iter().filter(|(number, _)| number % 2 == parity) {
            let effect = match rule.effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
                Effect::Mask => "mask",
                Effect::Approve => "approve",
            };
            let conditions = rule.conditions.join("\n  ");
            text.push_str(&format!("\n{effect} \"r{number}\" {} if {{\n  {conditions}\n}}\n", rule.detail));
        }
        (if backwards { format!("z{}.hpol", 9 - parity) } else { format!("a{parity}.hpol") }, text)
    };
    Files::from_memory([package(0), package(1)])
}

fn request() -> impl Strategy<Value = Input> {
    let b = prop::option::of(prop::sample::select(&["x", "y", "z"][..]));
    (0_i64..4, b, prop::collection::vec(0_i64..4, 0..4)).prop_map(|(a, b, c)| {
        let b = b.map_or_else(String::new, |b| format!(r#""b": "{b}", "#));
        input("Request", &format!(r#"{{"a": {a}, {b}"c": {c:?}}}"#))
    })
}

fn decide(files: &Files, kind: EngineKind, requests: &[Input]) -> Result<Vec<Decision>, TestCaseError> {
    let engine = Engine::new(EngineOptions { kind, ..EngineOptions::default() });
    // Conditions can exclude each other, which the checker refuses.
    engine.load(files).map_err(|error| TestCaseError::reject(error.to_string()))?;
    Ok(requests.iter().map(|request| engine.decide(request)).collect())
}

/// The decision without the places, which depend on the order of the rules.
fn without_places(decision: &Decision) -> impl PartialEq + std::fmt::Debug {
    let rule = |rule: &RuleMatch| {
        let witnesses = rule.witnesses.clone();
        (rule.effect, rule.package.clone(), rule.id.clone(), rule.outcome, rule.reason.clone(), witnesses)
    };
    let mut absent: Vec<_> = decision.absent.iter().map(|AbsentPath { path, .. }| path.clone()).collect();
    absent.sort();
    let mut errors: Vec<_> = decision.errors.iter().map(|error| (error.code.clone(), error.message.clone())).collect();
    errors.sort();
    let rules: Vec<_> = decision.rules.iter().map(rule).collect();
    (
        decision.effect,
        rules,
        decision.reasons.clone(),
        absent,
        decision.masks.clone(),
        decision.approval.clone(),
        errors,
    )
}

/// Whether `narrow` lets no more pass than `wide`.
fn is_no_wider(narrow: &Decision, wide: &Decision) -> bool {
    let masked = wide.masks.iter().all(|mask: &Mask| {
        let same = |other: &&Mask| other.selector == mask.selector;
        narrow.masks.iter().find(same).is_some_and(|other| other.operator.kind <= mask.operator.kind)
    });
    narrow.effect == Effect::Deny || (narrow.effect <= wide.effect && masked)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_global_rejects: 4096, ..ProptestConfig::default() })]

    #[test]
    fn the_evaluators_agree(
        rules in prop::collection::vec(rule(), 1..6),
        requests in prop::collection::vec(request(), 8),
    ) {
        let rules: Vec<(usize, Rule)> = rules.into_iter().enumerate().collect();
        let files = files(&rules, false);
        let jit = decide(&files, EngineKind::Jit, &requests)?;
        prop_assert_eq!(jit, decide(&files, EngineKind::Interpreter, &requests)?);
    }

    #[test]
    fn the_order_of_rules_and_files_does_not_matter(
        (rules, shuffled) in prop::collection::vec(rule(), 1..6).prop_flat_map(|rules| {
            let rules: Vec<(usize, Rule)> = rules.into_iter().enumerate().collect();
            (Just(rules.clone()), Just(rules).prop_shuffle())
        }),
        requests in prop::collection::vec(request(), 8),
    ) {
        let first = decide(&files(&rules, false), EngineKind::Interpreter, &requests)?;
        let second = decide(&files(&shuffled, true), EngineKind::Interpreter, &requests)?;
        for (first, second) in first.iter().zip(&second) {
            prop_assert_eq!(without_places(first), without_places(second));
        }
    }

    #[test]
    fn another_protecting_rule_never_widens(
        rules in prop::collection::vec(rule(), 1..6),
        more in rule().prop_filter("a rule that protects", |rule| rule.effect != Effect::Allow),
        requests in prop::collection::vec(request(), 8),
    ) {
        let mut rules: Vec<(usize, Rule)> = rules.into_iter().enumerate().collect();
        let wide = decide(&files(&rules, false), EngineKind::Interpreter, &requests)?;
        rules.push((rules.len(), more));
        let narrow = decide(&files(&rules, false), EngineKind::Interpreter, &requests)?;
        for (narrow, wide) in narrow.iter().zip(&wide) {
            prop_assert!(is_no_wider(narrow, wide), "{wide:#?} was widened to {narrow:#?}");
        }
    }
}
