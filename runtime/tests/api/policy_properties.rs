//! Properties of policies: tests on values that are made up.

use hpol_runtime::source::Files;
use hpol_runtime::test::{TestOptions, TestOutcome, TestResult, run};
use hpol_runtime::{Engine, EngineKind, EngineOptions};

const GUARD: &str = r#"package shop.guard

input: Order

type Order = {
  kind: "sale" | "refund",
  total: decimal,
  user: {name: string, groups: array[string]},
  labels: map[string, string],
  placed: time,
  coupon?: string,
}

dba if "dba" in input.user.groups

allow "small sales" if {
  input.kind == "sale"
  input.total < 1000.5
}

allow "dbas" if dba

deny "production" because "production is for dbas" if {
  input.labels.env == "prod"
  not dba
}
"#;

const PROPERTIES: &str = r#"package shop.guard_test

import data.shop.guard

property "production is for dbas" for o: guard.Order {
  o.labels.env == "prod"
  o.kind == "sale"
  not "dba" in o.user.groups
} expect guard deny "production" with input as o

property "refunds are never allowed" for o: guard.Order { o.kind == "refund" }
  expect guard not allow with input as o

property "any group counts" for o: guard.Order {
  some group in o.user.groups
  group != "dba"
} expect guard not allow with input as o

property "nobody has so many labels" for o: guard.Order {
  o.kind == "sale"
  count(o.labels) > 50
} expect guard deny with input as o

property "what follows is more" for n: int expect n + 1 > n

property "times come as text and are seen as numbers" for o: guard.Order expect time.date(o.placed)[0] >= 2023

property "values need no package" for s: {a: set[string], b: duration} {
  count(s.a) > 1
} expect s.b >= 0s
"#;

fn results(properties: &str, options: &TestOptions) -> Vec<TestResult> {
    let engine = Engine::new(EngineOptions::default());
    if let Err(error) = engine.load(&Files::from_memory([("guard.hpol", GUARD), ("guard_test.hpol", properties)])) {
        panic!("{error}");
    }
    run(&engine, options).expect("a policy is loaded")
}

fn shown(results: &[TestResult]) -> String {
    let mut text = String::new();
    for result in results {
        let run = result.property.as_ref().expect("a property");
        let outcome = match &result.outcome {
            TestOutcome::Passed => "passed".to_owned(),
            TestOutcome::Failed { message, location } => format!("FAILED at {location}\n{message}"),
            TestOutcome::Error { message, .. } => format!("ERROR\n{message}"),
        };
        text.push_str(&format!("{} ({} met of {} drawn): {outcome}\n", result.name, run.met, run.drawn));
    }
    text
}

#[test]
fn counterexamples_are_small_and_come_with_a_test() {
    insta::assert_snapshot!(shown(&results(PROPERTIES, &TestOptions::default())));
}

#[test]
fn a_seed_always_gives_the_same_and_the_evaluators_agree() {
    let on = |kind, seed| {
        shown(&results(PROPERTIES, &TestOptions { engines: vec![kind], seed, cases: 50, ..TestOptions::default() }))
    };
    assert_eq!(on(EngineKind::Jit, 1), on(EngineKind::Jit, 1));
    assert_eq!(on(EngineKind::Jit, 1), on(EngineKind::Interpreter, 1));
    assert_ne!(on(EngineKind::Jit, 1), on(EngineKind::Jit, 2));
}

#[test]
fn a_counterexample_is_a_test_that_fails_the_same_way() {
    for result in results(PROPERTIES, &TestOptions::default()) {
        let Some(found) = result.property.and_then(|run| run.counterexample) else { continue };
        if !found.test.contains("expect guard") {
            continue;
        }
        let again = format!("package shop.guard_test\n\nimport data.shop.guard\n\n{}", found.test);
        let again = results(&again, &TestOptions::default());
        assert!(again.len() == 1 && !again[0].outcome.passed(), "{}", found.test);
    }
}
