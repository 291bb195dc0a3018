//! What text becomes: the plan as it is lowered, and after each pass that changes it.

use std::fmt::Write;

use hpol_compiler::{Options, Pass};

use crate::support::plan;

/// The plan of some text, and what each further pass makes of it.
fn show(path: &str, source: &str, passes: &[Pass]) -> String {
    let mut text = format!("{}\n\n-- lowered --\n", source.trim());
    let mut options = Options::none();
    let mut before = plan(&[(path, source)], &options).to_string();
    text.push_str(&before);
    for pass in passes {
        options.passes.push(*pass);
        let after = plan(&[(path, source)], &options).to_string();
        if after != before {
            write!(text, "\n-- {pass:?} --\n{after}").expect("strings can be written to");
        }
        before = after;
    }
    text
}

#[track_caller]
fn rego(rules: &str, passes: &[Pass]) -> String {
    show("p.rego", &format!("package p\n\n{rules}"), passes)
}

#[test]
fn conditions() {
    insta::assert_snapshot!(rego("a if { input.user.name == \"ada\"; not input.blocked; input.age > 17 }", &[]));
}

#[test]
fn iteration() {
    insta::assert_snapshot!(rego("a contains name if { some user in input.users; name := user.name }", &[]));
}

#[test]
fn every_element() {
    insta::assert_snapshot!(rego("a if every user in input.users { user.age > 17 }", &[]));
}

#[test]
fn else_chain_with_default() {
    insta::assert_snapshot!(rego(
        "default a := 0\n\na := 1 if input.x else := input.list[_] if input.y else := 3 if input.z",
        &[]
    ));
}

#[test]
fn replacement_with_a_loop_in_it() {
    insta::assert_snapshot!(rego(
        "a contains [x, y] if { some x in input.list with input.list as [1]; y := input.n }",
        &[]
    ));
}

#[test]
fn function_with_patterns() {
    insta::assert_snapshot!(rego("f([x, {\"k\": y}], 1) := x + y\n\na := f([1, {\"k\": 2}], 1)", &[]));
}

#[test]
fn decision_rules() {
    let source = r#"package orders

input: Order
type Order = {user: {email?: string, groups: array[string]}, total: int}

deny "dear" because $"{input.total} is too much" if input.total * 2 > 1000

mask "total" any field("total") using redact unless "dba" in input.user.groups
"#;
    insta::assert_snapshot!(show("orders.hpol", source, &[]));
}

#[test]
fn constant_rules_are_inlined_and_folded() {
    insta::assert_snapshot!(rego(
        "models := {\"a\", \"b\"}\n\nlimit := 2\n\na if { input.model in models; limit * 2 == 4 }",
        &[Pass::InlineConstants, Pass::FoldConstants, Pass::DeadCode]
    ));
}

#[test]
fn repeated_reads_are_shared() {
    insta::assert_snapshot!(rego(
        "a if { input.user.name == \"ada\"; input.user.age > 17; some r in input.roles; r == input.user.name }",
        &[Pass::Share, Pass::Copies]
    ));
}

#[test]
fn fixed_work_leaves_loops() {
    insta::assert_snapshot!(rego(
        "a contains x if { group := input.group; some x in input.list; group in {input.kind, \"b\"}; x > 3 }",
        &[Pass::Share, Pass::Hoist, Pass::Copies]
    ));
}

#[test]
fn all_passes_together() {
    insta::assert_snapshot!(rego(
        "admins := {\"ada\"}\n\na if { some user in input.users; user.name in admins; user.age > 17 }",
        Pass::ALL
    ));
}
