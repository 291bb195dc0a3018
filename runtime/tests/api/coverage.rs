//! How much of a policy its tests reach.

use hpol_runtime::coverage::{self, ConditionCoverage, ConditionKind, Coverage, Missing};
use hpol_runtime::source::Files;
use hpol_runtime::test::TestOptions;
use hpol_runtime::{Engine, EngineKind, EngineOptions};

const GUARD: &str = r#"package guard

input: Loan

type Loan = { reader: string, groups: array[string], days: int, note?: string }

limit := 28

staff if input.groups[_] == "staff"

noted if input.note != ""

level := "high" if {
  input.days > 100
} else := "low"

long := {group |
  some group in input.groups
  count(group) > 5
}

allow "short" if {
  input.days <= limit
  not staff
  count(long) == 0
}

deny "groups" if {
  every group in input.groups { group != "banned" }
  staff
  noted
}
unless input.reader == "nobody"
"#;

const TESTS: &str = r#"package guard_test

import data.guard

loan := {"reader": "ada", "groups": ["staff", "crew"], "days": 7}

test "short" { expect guard deny with input as loan }

test "long" { expect guard deny with input as loan with input.days as 90 with input.groups as [] }

test "level" { guard.level == "low" with input as loan }
"#;

const OLD: &str = r#"package old

double(x) := 2 * x

open if {
	some i
	input.ports[i] == 80
	double(i) > 1
}

by_kind[kind] contains name if {
	some name, kind in input.kinds
}

test_open if open with input as {"ports": [1, 80]}

test_kinds if by_kind == {"k": {"a", "b"}} with input as {"kinds": {"a": "k", "b": "k"}}
"#;

fn measured(kind: EngineKind) -> Coverage {
    let engine = Engine::new(EngineOptions { kind, ..EngineOptions::default() });
    let files = [("guard.hpol", GUARD), ("guard_test.hpol", TESTS), ("old.rego", OLD)];
    engine.load(&Files::from_memory(files)).unwrap_or_else(|error| panic!("{error}"));
    let (results, coverage) = coverage::run(&engine, &TestOptions::default()).expect("it is loaded");
    assert!(results.iter().all(|result| result.outcome.passed()), "{results:#?}");
    coverage
}

fn line(condition: &ConditionCoverage) -> String {
    let ConditionCoverage { location, text, reached, met, not_met, missing, .. } = condition;
    let missing = missing.map_or("covered", Missing::words);
    format!("{}:{} {text}: {reached} {met} {not_met}, {missing}", location.line, location.column)
}

#[test]
fn each_condition_is_counted() {
    let coverage = measured(EngineKind::Interpreter);
    let lines: Vec<String> = coverage.files.iter().flat_map(|file| &file.conditions).map(line).collect();
    insta::assert_snapshot!(format!("{coverage}\n\n{}", lines.join("\n")));
}

#[test]
fn machine_code_counts_the_same() {
    let [interpreted, compiled] = [EngineKind::Interpreter, EngineKind::Jit].map(|kind| {
        let files = measured(kind).files;
        files.iter().flat_map(|file| &file.conditions).map(line).collect::<Vec<_>>()
    });
    assert_eq!(interpreted, compiled);
}

#[test]
fn tests_are_left_out() {
    let coverage = measured(EngineKind::Interpreter);
    let paths: Vec<&str> = coverage.files.iter().map(|file| &*file.path).collect();
    assert_eq!(paths, ["guard.hpol", "old.rego"]);
    let old = &coverage.files[1].conditions;
    assert!(old.iter().all(|condition| condition.location.line < 14), "{old:#?}");
    assert!(old.iter().any(|condition| condition.kind == ConditionKind::Rule), "{old:#?}");
}

#[test]
fn a_threshold_is_reached_or_not() {
    let coverage = measured(EngineKind::Interpreter);
    assert!(coverage.reaches(coverage.total.percent) && coverage.reaches(0.0));
    assert!(!coverage.reaches(coverage.total.percent + 0.1) && !coverage.reaches(100.0));
}

#[test]
fn other_formats_say_the_same() {
    let coverage = measured(EngineKind::Interpreter);
    insta::assert_snapshot!("coverage_lcov", coverage.lcov());
    insta::assert_snapshot!("coverage_html", coverage.html());
}
