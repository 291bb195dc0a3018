//! The index over decision rules: which of them are looked at for a request.

use std::sync::Arc;

use hpol_compiler::context::Context;
use hpol_compiler::{Options, Pass};
use hpol_lang::value::{JsonLimits, Value, parse_json};

use crate::support::{Machine, plan};

const POLICY: &str = r#"
package p

input: Call

type Call = {user: string, tool: string, path: string, size: int, teams: array[string], dry: bool, note?: string}

deny "equal" if input.tool == "rm"
deny "two" if { input.tool == "dd"; input.user in {"ada", "bob"} }
deny "one of" if input.tool in {"ls", "cat"}
deny "prefix" if startswith(input.path, "/etc/")
deny "above" if input.size > 10
deny "below" if input.size <= 3
deny "member" if "staff" in input.teams
deny "holds" if input.dry
deny "not" if not input.user in {"ada", "bob", "eve"}
deny "not both" if not both
deny "rule" if both
deny "absent" if input.note == "x"
deny "network" if net.cidr_contains("10.0.0.0/8", input.user)
deny "networks" if { net.cidr_contains("10.1.0.0/16", input.user); input.tool == "no" }
deny "glob" if { glob.match("/var/*/log", ["/"], input.path); input.tool == "no" }
deny "glob of all" if glob.match("*.txt", [], input.path)
deny "loop" if { some team in input.teams; team == "ops" }
allow "all"

both if {
  input.tool == "rm"
  input.user == "eve"
}
"#;

/// Ids of the rules that are looked at, in order.
fn looked_at(request: &str) -> Vec<Arc<str>> {
    candidates(POLICY, request, true)
}

fn candidates(policy: &str, request: &str, tells_absences: bool) -> Vec<Arc<str>> {
    let program = plan(&[("p.hpol", policy)], &Options::default());
    let mut context = Context::new(&program);
    let request = parse_json(request, JsonLimits::default()).expect("it is JSON");
    context.set_input(&request).expect("it is small");
    let mut candidates = Vec::new();
    assert!(context.candidates(0, tells_absences, &mut candidates), "there is an index");
    let decisions = &program.packages[0].decisions;
    candidates.iter().map(|at| program.decisions[decisions[*at as usize].index()].id.clone()).collect()
}

#[test]
fn only_rules_that_can_count_are_looked_at() {
    // `absent` looks for what this request does not have, `loop` is not understood, and `not both` has two conditions.
    let quiet = r#"{"user": "ada", "tool": "go", "path": "/home", "size": 7, "teams": ["dev"], "dry": false}"#;
    insta::assert_compact_debug_snapshot!(looked_at(quiet), @r#"["absent", "glob of all", "loop", "network", "networks", "not both", "all"]"#);
    let loud =
        r#"{"user": "mal", "tool": "rm", "path": "/etc/x", "size": 11, "teams": ["staff"], "dry": true, "note": "y"}"#;
    insta::assert_compact_debug_snapshot!(
        looked_at(loud),
        @r#"["above", "equal", "glob of all", "holds", "loop", "member", "network", "networks", "not", "not both", "prefix", "all"]"#
    );
    let other = r#"{"user": "eve", "tool": "rm", "path": "/etc", "size": 3, "teams": [], "dry": false, "note": "x"}"#;
    insta::assert_compact_debug_snapshot!(looked_at(other), @r#"["absent", "below", "equal", "glob of all", "loop", "network", "networks", "not both", "rule", "all"]"#);
    let address =
        r#"{"user": "10.2.0.1", "tool": "go", "path": "/var/x", "size": 4, "teams": [], "dry": false, "note": ""}"#;
    insta::assert_compact_debug_snapshot!(looked_at(address), @r#"["glob", "glob of all", "loop", "network", "not", "not both", "all"]"#);
    let listed = r#"{"user": "bob", "tool": "dd", "path": "", "size": 4, "teams": [], "dry": false, "note": ""}"#;
    insta::assert_compact_debug_snapshot!(looked_at(listed), @r#"["glob of all", "loop", "network", "networks", "not both", "two", "all"]"#);
}

#[test]
fn a_definition_that_can_give_no_value_is_not_run() {
    let definitions = (0..100).map(|number| format!("limit := {number} if input.plan == \"p{number}\"\n"));
    let policy = format!("package p\n\n{}\n\ndefault limit := -1", definitions.collect::<String>());
    let work = |options: &Options, input: &str| {
        let mut machine = Machine::new(&[("p.rego", &policy)], options);
        let value = machine.query("data.p.limit", input).expect("there is no error");
        (value, machine.limits.fuel - machine.context.fuel_left())
    };
    let known = r#"{"plan": "p42"}"#;
    let (all, none) = (Options::default(), Options::default().without(Pass::IndexDefinitions));
    assert_eq!(work(&all, known), (Some(Value::from(42)), 2));
    assert_eq!(work(&none, known), (Some(Value::from(42)), 101));
    assert_eq!(work(&all, r#"{"plan": "x"}"#), (Some(Value::from(-1)), 1));
    // What is absent is marked by each of them.
    assert_eq!(work(&all, "{}"), (Some(Value::from(-1)), 101));
}

#[test]
fn an_allow_that_finds_something_absent_is_looked_at_for_who_wants_to_know_it() {
    let policy = r#"package p

input: Call

type Call = {user?: string, note?: string, size: int}

deny "absent" if input.note == "x"
deny "other" if input.size != 3
allow "user" if input.user == "ada"
allow "present" if { input.note; count(input.note) > 2 }
allow "size" if input.size > 4
"#;
    let all = r#"["absent", "present", "user"]"#;
    assert_eq!(format!("{:?}", candidates(policy, r#"{"size": 3}"#, true)), all);
    assert_eq!(format!("{:?}", candidates(policy, r#"{"size": 3}"#, false)), r#"["absent"]"#);
    let other = candidates(policy, r#"{"size": 2, "note": "long"}"#, false);
    assert_eq!(format!("{other:?}"), r#"["other", "present"]"#);
}

#[test]
fn a_rule_may_have_any_number_of_definitions() {
    let definitions = (0..6_000).map(|number| format!("limit := {number} if input.plan == \"p{number}\"\n"));
    let policy = format!("package p\n\n{}", definitions.collect::<String>());
    let program = plan(&[("p.rego", &policy)], &Options::default());
    assert_eq!(program.functions.len(), 6_001);
}

#[test]
fn without_its_pass_there_is_no_index() {
    let program = plan(&[("p.hpol", POLICY)], &Options::default().without(Pass::IndexRules));
    assert!(!Context::new(&program).candidates(0, true, &mut Vec::new()));
}
