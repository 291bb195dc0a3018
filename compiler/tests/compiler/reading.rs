//! What readers of inputs keep for rulings.

use std::fmt::Write;

use hpol_compiler::Options;
use hpol_stdlib::read::Projection;

use crate::support::plan;

/// A line for each path of the input that is kept or looked for: `whole`, or only that it is `there`.
fn show(policy: &str) -> String {
    let program = plan(&[("p.hpol", policy)], &Options::default());
    let mut text = format!("{}\n\n-- kept for rulings --\n", policy.trim());
    lines(&program.slots.ruling_projection(), "input", &mut text);
    text
}

fn lines(projection: &Projection, path: &str, out: &mut String) {
    let named = !projection.fields.is_empty() || projection.elements.is_some();
    if projection.whole || (!named && !projection.presence) {
        writeln!(out, "{path} whole").expect("strings can be written to");
        return;
    }
    if !named {
        writeln!(out, "{path} there").expect("strings can be written to");
    }
    for (name, inner) in &projection.fields {
        lines(inner, &format!("{path}.{name}"), out);
    }
    if let Some(inner) = &projection.elements {
        lines(inner, &format!("{path}[_]"), out);
    }
}

/// Rules over an input of anything.
#[track_caller]
fn rules(rules: &str) -> String {
    show(&format!("package p\n\ninput: Anything\n\ntype Anything = map[string, any]\n\n{rules}"))
}

#[test]
fn fields_of_elements_of_elements() {
    insta::assert_snapshot!(rules(
        "deny \"open\" because $\"{container.name} opens {port.number}\" if {
  some pod in input.pods
  some container in pod.containers
  some port in container.ports
  port.public
  not port.number in {80, 443}
}"
    ));
}

#[test]
fn witnesses_are_no_use() {
    insta::assert_snapshot!(rules(
        "deny \"root\" if { user := input.user; some group in user.groups; group.name == \"root\" }"
    ));
}

#[test]
fn arguments_of_functions() {
    insta::assert_snapshot!(rules(
        "risky(container) if { container.privileged; not container.signed }
risky(container) if { some mount in container.mounts; startswith(mount.path, \"/etc\") }

first(list) := list[0]

deny \"risky\" if { some container in input.containers; risky(container) }
deny \"first\" if first(input.jobs).kind == \"x\""
    ));
}

#[test]
fn counted_and_tested() {
    insta::assert_snapshot!(rules(
        "deny \"many\" if { some pod in input.pods; count(pod.containers) > 3 }
deny \"no limits\" if { some pod in input.pods; not pod.limits }
deny \"null\" if { some pod in input.pods; pod.owner != null; pod.owner.name == \"x\" }
deny \"listed\" if count([pod | some pod in input.jobs; pod.late]) > 2"
    ));
}

#[test]
fn every_and_negation() {
    insta::assert_snapshot!(rules(
        "deny \"own\" if every job in input.jobs { job.team in input.teams }
deny \"none\" if not some_late
some_late if { some job in input.jobs; job.late > 3 }"
    ));
}

#[test]
fn looked_at_as_a_whole() {
    insta::assert_snapshot!(rules(
        "deny \"in\" if { some pod in input.a; pod in input.b; pod.x == 1 }
deny \"same\" if { some pod in input.c; pod == input.d }
deny \"set\" if count({pod | some pod in input.e; pod.x == 1}) > 1
deny \"printed\" because $\"{pod}\" if { some pod in input.f; pod.x == 1 }
deny \"made\" if { some pod in input.g; json.marshal(pod) != \"{}\" }
deny \"mixed\" if { input.h.name == \"x\"; some part in input.h; part.x == 1 }
deny \"fields\" if { some pod in input.i; some name, _ in pod.labels; pod.labels.kind == name }"
    ));
}

#[test]
fn members_by_key() {
    insta::assert_snapshot!(rules(
        "deny \"get\" if { some pod in input.pods; object.get(pod, \"team\", {\"name\": \"none\"}).name == \"none\" }
deny \"key\" if { some pod in input.pods; pod.labels[input.label] == \"x\" }
deny \"place\" if { some number in input.numbers; input.list[number].on }"
    ));
}

#[test]
fn rules_that_gather() {
    insta::assert_snapshot!(rules(
        "late contains job.name if { some job in input.jobs; job.late }
names := [job.name | some job in input.jobs]
deny \"late\" if \"x\" in late
deny \"names\" if names[0] == \"x\""
    ));
}

#[test]
fn replaced_input_and_exemptions() {
    insta::assert_snapshot!(rules(
        "open if { some port in input.ports; port.public }
deny \"open\" if { some user in input.users; user.guest; open } unless user.trusted
deny \"other\" if open with input as input.other"
    ));
    insta::assert_snapshot!(rules(
        "open if { some port in input.ports; port.public }
deny \"part\" if open with input.ports as [{\"public\": true}]"
    ));
}
