//! Small changes of a policy, and whether its tests notice them.

use hpol_runtime::mutate::{MutantOutcome, MutateError, MutateOptions, MutationReport, mutate};
use hpol_runtime::source::Files;

const POLICY: &str = r#"package shop.guard

input: Order

type Order = {kind: "sale" | "refund", total: int, groups: array[string], lines: array[int]}

staff if "staff" in input.groups

allow "small" if {
  input.kind == "sale"
  input.total < 100
}

allow "staff" if {
  staff
  not input.kind == "refund"
  every line in input.lines { line > 0 }
  count(input.lines) > 0
}

deny "huge" if input.total >= 1000
"#;

const TESTS: &str = r#"package shop.guard_test

import data.shop.guard

order := {"kind": "sale", "total": 99, "groups": [], "lines": []}

test "small sales" {
  expect guard allow "small" with input as order
}

test "a hundred is too much" {
  expect guard deny with input as order with input.total as 100
}
"#;

fn tried(tests: &str, mutants: usize) -> Result<MutationReport, MutateError> {
    let files = Files::from_memory([("guard.hpol", POLICY), ("guard_test.hpol", tests)]);
    mutate(&files, &MutateOptions { mutants, ..MutateOptions::default() }, &|_, _| {})
}

#[test]
fn each_change_is_told_with_what_came_of_it() {
    let report = tried(TESTS, 1_000).expect("the tests pass");
    let mut text = String::new();
    for mutant in &report.mutants {
        let outcome = match &mutant.outcome {
            MutantOutcome::Killed { by } => format!("killed by {by}"),
            MutantOutcome::Survived => "SURVIVED".to_owned(),
            MutantOutcome::Equivalent => "equivalent".to_owned(),
            MutantOutcome::Invalid => "invalid".to_owned(),
        };
        text.push_str(&format!(
            "{} {:?}: {} -> {}: {outcome}\n",
            mutant.location, mutant.kind, mutant.before, mutant.after
        ));
    }
    text.push_str(&format!("{} killed, {} survived of {}\n", report.killed, report.survived, report.found));
    insta::assert_snapshot!(text);
}

#[test]
fn the_same_mutants_are_taken_each_time() {
    let places = |report: &MutationReport| {
        report.mutants.iter().map(|mutant| (mutant.location.clone(), mutant.outcome.clone())).collect::<Vec<_>>()
    };
    let (first, second) = (tried(TESTS, 7).expect("mutants"), tried(TESTS, 7).expect("mutants"));
    assert_eq!(first.mutants.len(), 7);
    assert_eq!(places(&first), places(&second));
}

#[test]
fn tests_must_pass_and_be_there_first() {
    let failing = TESTS.replace("input.total as 100", "input.total as 10");
    assert!(
        matches!(tried(&failing, 10), Err(MutateError::Failing(name)) if name == "shop.guard_test.a hundred is too much")
    );
    assert!(matches!(tried("package shop.guard_test\n", 10), Err(MutateError::NoTests)));
    assert!(matches!(tried("package shop.guard_test\n\nx := y\n", 10), Err(MutateError::Policy(_))));
}
