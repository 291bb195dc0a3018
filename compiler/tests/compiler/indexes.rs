//! Loops over base documents that ask an index: which of them do, and that they find what they found without.

use std::fmt::Write;

use hpol_compiler::{Options, Pass};
use proptest::prelude::*;

use crate::support::{Machine, plan};

const POLICY: &str = r#"package p

granted if {
	some grant in data.grants
	grant.action == input.action
	grant.resource == input.resource
}

by_role contains grant.id if {
	some role in input.roles
	some grant in data.roles[role].grants
	input.action in grant.actions
	grant.level > 1
}

underscored if data.grants[_].action == input.action

positions contains i if {
	some i
	data.grants[i].action == input.action
	data.grants[i].resource != "r1"
}

pairs contains y if {
	some [x, y] in data.pairs
	x == input.resource
}

listed if input.action in data.actions

named contains name if {
	some name, user in data.users
	user.kind == "admin"
	user.unit == input.unit
}

replaced contains grant.id if {
	some grant in data.grants with data.grants as input.grants
	grant.action == input.action
}

among contains grant.id if {
	some grant in data.grants
	grant.action in {input.action, "a0", 1.5}
	grant.resource in input.resources
}

starred contains grant.id if {
	some grant in data.grants
	grant.action in {input.action, "a0"}
	grant.resource in {input.resource, "r1"}
}

calls contains grant.id if {
	some grant in data.grants
	wanted(grant.action)
}

wanted(action) if action == input.action
"#;

/// A document with so many grants, some of which lack a field if `holes`.
fn data(grants: usize, holes: bool) -> String {
    let grant = |at: usize| {
        let resource = if holes && at % 7 == 3 { String::new() } else { format!(r#""resource":"r{}","#, at % 5) };
        let actions = format!(r#"["a{}","a{}",{}]"#, at % 3, at % 4, at % 2);
        let level = at % 4;
        format!(r#"{{"id":{at},"action":"a{}",{resource}"actions":{actions},"level":{level}}}"#, at % 6)
    };
    let list = |from: usize, to: usize| (from..to).map(grant).collect::<Vec<_>>().join(",");
    let half = grants / 2;
    let users: Vec<String> = (0..grants)
        .map(|at| format!(r#""u{at}":{{"kind":{},"unit":{}}}"#, ["\"admin\"", "\"dev\"", "7"][at % 3], at % 4))
        .collect();
    let pairs: Vec<String> = (0..grants).map(|at| format!(r#"["r{}",{at}]"#, at % 5)).collect();
    let actions: Vec<String> = (0..grants).map(|at| format!("\"a{}\"", at % 5)).collect();
    format!(
        r#"{{"grants":[{}],"roles":{{"dba":{{"grants":[{}]}},"dev":{{"grants":[{}]}}}},"users":{{{}}},"pairs":[{}],"actions":[{}]}}"#,
        list(0, grants),
        list(0, half),
        list(half, grants),
        users.join(","),
        pairs.join(","),
        actions.join(","),
    )
}

fn rules() -> Vec<String> {
    let names = [
        "among",
        "starred",
        "granted",
        "by_role",
        "underscored",
        "positions",
        "pairs",
        "listed",
        "named",
        "replaced",
        "calls",
    ];
    names.iter().map(|name| format!("data.p.{name}")).collect()
}

#[test]
fn loops_over_documents_ask_indexes() {
    let files = [("p.rego", POLICY), ("data.json", &data(24, false))];
    let mut text = String::new();
    for options in [Options::default().without(Pass::IndexData), Options::default()] {
        let program = plan(&files, &options);
        for index in &program.lookups {
            writeln!(text, "index of {} collections", index.collections()).expect("strings can be written to");
        }
        for rule in rules() {
            let shown = hpol_compiler::plan::display_function(&program, program.function(program.rules[rule.as_str()]));
            text.push_str(&shown);
        }
        text.push_str("-- with indexes --\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_element_without_a_field_keeps_its_collection_out() {
    let options = Options::default();
    let count = |holes: bool| {
        let program = plan(&[("p.rego", POLICY), ("data.json", &data(24, holes))], &options);
        program.lookups.iter().map(hpol_compiler::plan::Index::collections).sum::<usize>()
    };
    assert!(count(true) < count(false), "{} and {}", count(true), count(false));
}

#[test]
fn what_an_index_rules_out_costs_nothing() {
    let text = data(4_000, false);
    let used = |options: &Options| {
        let mut machine = Machine::new(&[("p.rego", POLICY), ("data.json", &text)], options);
        let before = machine.limits.fuel;
        assert_eq!(machine.show("data.p.granted", r#"{"action":"a5","resource":"r9"}"#), "undefined");
        assert_eq!(machine.show("data.p.listed", r#"{"action":"a9"}"#), "undefined");
        before - machine.context.fuel_left()
    };
    assert!(used(&Options::default()) < 20);
    assert!(used(&Options::default().without(Pass::IndexData)) > 400);
}

fn inputs() -> impl Strategy<Value = String> {
    let field = |name: &'static str, values: &'static [&'static str]| {
        prop::sample::select(values)
            .prop_map(move |value| if value.is_empty() { String::new() } else { format!(r#""{name}":{value},"#) })
    };
    let grants = r#"[{"id":1,"action":"a1"},{"id":2,"action":"zz"},{"id":3}]"#;
    (
        field("action", &["", "\"a0\"", "\"a1\"", "\"zz\"", "1", "null", "1.5", "[1]"]),
        field("resource", &["", "\"r0\"", "\"r1\"", "\"zz\"", "99999999999999999999", "{}"]),
        field("roles", &["", "[\"dba\"]", "[\"dba\",\"dev\",\"none\"]", "\"dba\""]),
        field("unit", &["", "0", "3", "3.5", "\"admin\""]),
        field(
            "resources",
            &[
                "",
                "[]",
                "[\"r0\"]",
                "[\"r3\",\"zz\",\"r1\"]",
                "[\"r3\",\"r2\",\"r1\",\"r0\",7,8,9,10,11,12]",
                "[1.5,\"r1\"]",
                "\"r1\"",
                "{\"a\":\"r4\"}",
            ],
        ),
        prop::bool::ANY
            .prop_map(move |given| if given { format!(r#""grants":{grants}"#) } else { r#""other":0"#.into() }),
    )
        .prop_map(|(action, resource, roles, unit, resources, grants)| {
            format!("{{{action}{resource}{roles}{unit}{resources}{grants}}}")
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn indexes_find_what_loops_find(
        grants in prop::sample::select(&[3_usize, 9, 24, 70][..]),
        holes in any::<bool>(),
        inputs in prop::collection::vec(inputs(), 1..12),
    ) {
        let text = data(grants, holes);
        let files = [("p.rego", POLICY), ("data.json", &*text)];
        let mut plain = Machine::new(&files, &Options::none());
        for options in [Options::default(), Options::none(), Options::default().without(Pass::InputSlots)] {
            let mut options = options;
            if options.passes.is_empty() {
                options.passes.push(Pass::IndexData);
            }
            let mut indexed = Machine::new(&files, &options);
            for input in &inputs {
                for rule in rules() {
                    prop_assert_eq!(plain.show_with_absences(&rule, input), indexed.show_with_absences(&rule, input), "{} of {}", rule, input);
                }
            }
        }
    }
}

#[test]
fn documents_with_their_indexes_take_at_most_three_times_their_text() {
    let grant =
        |at: usize| format!(r#"{{"id":"grant-{at}","action":"action-{}","resource":"table-{}"}}"#, at % 20, at % 3_000);
    let role = |role: usize| {
        let grants: Vec<String> = (0..100).map(|at| grant(role * 100 + at)).collect();
        format!(r#""role-{role}":[{}]"#, grants.join(","))
    };
    let roles: Vec<String> = (0..100).map(role).collect();
    let text = format!(r#"{{"roles":{{{}}}}}"#, roles.join(","));
    let policy = "package p\n\na if {\n\tsome role in input.roles\n\tsome grant in data.roles[role]\n\t\
                  grant.action == input.action\n\tgrant.resource == input.resource\n}";
    let program = plan(&[("p.rego", policy), ("data.json", &text)], &Options::default());
    assert_eq!(program.lookups.iter().map(hpol_compiler::plan::Index::collections).collect::<Vec<_>>(), [100]);
    let indexes: usize = program.lookups.iter().map(hpol_compiler::plan::Index::bytes_used).sum();
    let bytes = program.frozen.bytes_used() + indexes;
    assert!(bytes < 3 * text.len(), "{bytes} bytes for {} of text", text.len());
}
