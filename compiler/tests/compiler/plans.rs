//! What text becomes: the plan as it is lowered, and after each pass that changes it.

use std::fmt::Write;

use hpol_compiler::{Options, Pass};

use crate::support::plan;

/// The plan of some text, and what each further pass makes of it.
fn show(path: &str, source: &str, passes: &[Pass]) -> String {
    show_files(&[(path, source)], passes)
}

fn show_files(files: &[(&str, &str)], passes: &[Pass]) -> String {
    let mut text = String::new();
    for (_, source) in files {
        write!(text, "{}\n\n", source.trim()).expect("strings can be written to");
    }
    text.push_str("-- lowered --\n");
    let mut options = Options::none();
    let mut before = plan(files, &options).to_string();
    text.push_str(&before);
    for pass in passes {
        options.passes.push(*pass);
        let after = plan(files, &options).to_string();
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
fn rules_that_are_asked_again_keep_what_they_found() {
    insta::assert_snapshot!(rego(
        "admins contains user.name if some user in input.users\n\nf(x) if x in admins",
        &[Pass::Memo]
    ));
}

#[test]
fn rules_behind_a_deny_are_not_run() {
    let source = r#"package orders

input: Order
type Order = {total: int}

deny "dear" if input.total > 1000

approve "large" by user("cto") within 5m if input.total > 100

mask "total" any field("total") using redact

allow "all"
"#;
    insta::assert_snapshot!(show("orders.hpol", source, &[Pass::EarlyStop]));
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

/// A policy with a document.
#[track_caller]
fn with_data(rules: &str, data: &str, passes: &[Pass]) -> String {
    show_files(&[("p.rego", &format!("package p\n\n{rules}")), ("data.json", data)], passes)
}

#[test]
fn rules_over_documents_become_constants() {
    insta::assert_snapshot!(with_data(
        "admins contains name if { some name, user in data.users; user.role == \"admin\" }\n\n\
         levels[name] := user.level if some name, user in data.users\n\n\
         broken := data.users.ada.level / 0\n\n\
         is_admin if input.user in admins",
        r#"{"users": {"ada": {"role": "admin", "level": 1}, "bo": {"role": "dev"}}}"#,
        &[Pass::FoldData, Pass::InlineConstants]
    ));
}

#[test]
fn rules_without_a_value_are_not_called() {
    insta::assert_snapshot!(rego(
        "beta if 1 == 2\n\na if { input.x; beta; input.y }\n\nb := 1 if a\n\nb := 2 if not beta",
        &[Pass::FoldConstants, Pass::DeadRules, Pass::DeadCode]
    ));
}

#[test]
fn constants_are_inlined() {
    insta::assert_snapshot!(rego("limit := 3\n\na if input.n < limit", &[Pass::InlineConstants]));
}

#[test]
fn constants_are_folded() {
    insta::assert_snapshot!(with_data(
        "a if { data.limits.n * 2 > 5; input.x }",
        r#"{"limits": {"n": 3}}"#,
        &[Pass::FoldConstants]
    ));
}

#[test]
fn small_rules_stand_in_place_of_their_calls() {
    insta::assert_snapshot!(rego(
        "secret if input.class == \"secret\"\n\nlimit := 1 if secret\nlimit := 2 if input.paid\n\na if { secret; input.n > limit }",
        &[Pass::InlineCalls, Pass::Copies, Pass::DeadCode]
    ));
}

#[test]
fn rules_that_tests_replace_stay_calls() {
    insta::assert_snapshot!(rego(
        "secret if input.class == \"secret\"\n\na if secret\n\nb if a with data.p.secret as true",
        &[Pass::InlineCalls]
    ));
}

#[test]
fn paths_of_the_input_become_slots() {
    insta::assert_snapshot!(rego("a if { input.user.name == \"ada\"; input.user.age > 17 }", &[Pass::InputSlots]));
}

#[test]
fn copies_go_away() {
    insta::assert_snapshot!(rego("a := y if { x := input.n; y := x; y > 1 }", &[Pass::Copies]));
}

#[test]
fn statements_without_effect_go_away() {
    insta::assert_snapshot!(rego("a if { x := {1, 2}; y := 7; input.n }", &[Pass::DeadCode]));
}

#[test]
fn many_definitions_are_functions_with_an_index() {
    let many: Vec<String> = (4..18).map(|number| format!("f(\"f{number}\", x) := {number} if x > {number}")).collect();
    let rules = "f(\"a\", x) := x\n\nf(name, x) := 2 if { name in {\"b\", \"c\"}; input.kind == \"k\" }\n\n\
                 f(name, _) := 3 if startswith(name, input.prefix)\n\ndefault f(_, _) := 0";
    let shown = rego(&[rules, &many.join("\n")].join("\n"), &[Pass::InputSlots, Pass::IndexDefinitions]);
    // Those that are alike are left out.
    let parts = shown.split("\n\n").filter(|part| !part.contains("test r1 >"));
    insta::assert_snapshot!(parts.collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn all_passes_together() {
    insta::assert_snapshot!(rego(
        "admins := {\"ada\"}\n\na if { some user in input.users; user.name in admins; user.age > 17 }",
        Pass::ALL
    ));
}
