//! The runner of policies' own tests.

use hpol_runtime::source::Files;
use hpol_runtime::test::{TestOptions, TestOutcome, TestResult, run};
use hpol_runtime::{Engine, EngineKind, EngineOptions};

use crate::common::ORDERS;

const TESTS: &str = r#"package orders.guard_test

import data.orders.guard

base := {"user": "ada", "groups": ["staff"], "amount": 10, "items": [], "country": "france"}

test "small orders pass, masked" {
  expect guard allow "small orders" masks {"cards", "user"} with input as base
}

test "weapons" for name in ["sword", "cannon"] {
  expect guard deny "weapons" because $"{name} may not be ordered" with input as base with input.items as [{"name": name, "price": 1}]
}

test "large orders" {
  expect guard not allow with input as base with input.amount as 9000
}

test "wrong effect" {
  expect guard approve with input as base
}

test "wrong case" for amount in [10, 20, 3000] {
  expect guard allow with input as base with input.amount as amount
}

test "wrong masks" {
  expect guard allow masks {"cards"} with input as base
}

test "conditions" {
  total := count(base.groups)
  total == 1
  expect total > 1
}
"#;

const REGO: &str = r#"package legacy_test

import rego.v1

test_sum if 1 + 1 == 2

test_wrong if 1 + 1 == 3

helper if false
"#;

fn results(options: &TestOptions) -> Vec<TestResult> {
    let engine = Engine::new(EngineOptions::default());
    let files = [("guard.hpol", ORDERS), ("guard_test.hpol", TESTS), ("legacy_test.rego", REGO)];
    if let Err(error) = engine.load(&Files::from_memory(files)) {
        panic!("{error}");
    }
    run(&engine, options).expect("a policy is loaded")
}

#[test]
fn each_case_is_told_with_what_was_expected_and_what_came() {
    let mut text = String::new();
    for result in results(&TestOptions::default()) {
        let case = result.case.map_or_else(String::new, |case| format!(" [{}: {}]", case.number, case.value));
        let outcome = match result.outcome {
            TestOutcome::Passed => "passed".to_owned(),
            TestOutcome::Failed { message, location } => format!("FAILED at {location}\n{message}"),
            TestOutcome::Error { message, .. } => format!("ERROR\n{message}"),
        };
        text.push_str(&format!("{}: {}.{}{case}: {outcome}\n", result.location, result.package, result.name));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn tests_are_chosen_by_name_and_run_on_both_evaluators() {
    let options = TestOptions {
        filter: Some(regex::Regex::new("weapons|legacy").expect("a pattern")),
        engines: vec![EngineKind::Jit, EngineKind::Interpreter],
        ..TestOptions::default()
    };
    let results = results(&options);
    let on = |kind: EngineKind| {
        let results = results.iter().filter(move |result| result.engine == kind);
        results.map(|result| (result.name.clone(), result.outcome.passed())).collect::<Vec<_>>()
    };
    assert_eq!(on(EngineKind::Jit).len(), 4);
    assert_eq!(on(EngineKind::Jit), on(EngineKind::Interpreter));
}
