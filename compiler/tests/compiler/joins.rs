//! Loops within loops over what stands in a request: which of them ask an index, and that they find what they found without.

use std::fmt::Write;

use hpol_compiler::{Options, Pass};
use proptest::prelude::*;

use crate::support::{Machine, plan};

const POLICY: &str = r#"package p

owned contains item.id if {
	some item in input.items
	some owner in input.owners
	owner.id == item.owner
	owner.level > 1
}

same contains item if {
	some item in input.items
	some owner in input.owners
	item == owner
}

two contains [item.id, at] if {
	some item in input.items
	some at, owner in input.owners
	owner.id == item.owner
	item.level == owner.level
}

called contains item.id if {
	some item in input.items
	is_owned(item)
}

lost contains item.id if {
	some item in input.items
	not is_owned(item)
}

is_owned(item) if {
	some owner in input.owners
	owner.id == item.owner
}

strong := [owner | some owner in input.owners; owner.level > 1]

of_rule contains item.id if {
	some item in input.items
	some owner in strong
	owner.id == item.owner
}

of_set contains item.id if {
	owners := {owner | some owner in input.owners}
	some item in input.items
	some owner in owners
	owner.id == item.owner
}

named contains [item.id, name] if {
	some item in input.items
	some name, owner in input.named
	owner.id == item.owner
}

thrice contains [item.id, other.id] if {
	some item in input.items
	some owner in input.owners
	owner.id == item.owner
	some other in input.items
	other.owner == owner.id
}

replaced contains item.id if {
	some item in input.items
	is_owned(item) with input.owners as input.others
}

own contains [item.id, part] if {
	some item in input.items
	some part in item.parts
	part == item.owner
}

first contains item.id if {
	some item in input.items
	item.id == input.wanted
}
"#;

const RULES: [&str; 12] =
    ["owned", "same", "two", "called", "lost", "of_rule", "of_set", "named", "thrice", "replaced", "own", "first"];

#[test]
fn loops_over_the_same_again_ask_indexes() {
    let files = [("p.rego", POLICY)];
    let mut text = String::new();
    for options in [Options::default().without(Pass::IndexJoins), Options::default()] {
        let program = plan(&files, &options);
        for name in ["owned", "two", "of_rule", "own", "first"] {
            let function = program.function(program.rules[&*format!("data.p.{name}")]);
            let shown = hpol_compiler::plan::display_function(&program, function);
            writeln!(text, "{shown}").expect("strings can be written to");
        }
        text.push_str("-- with indexes --\n");
    }
    insta::assert_snapshot!(text);
}

fn input(items: &[String], owners: &[String]) -> String {
    let named: Vec<String> = owners.iter().enumerate().map(|(at, owner)| format!("\"n{at}\":{owner}")).collect();
    let others = owners.len() / 2;
    format!(
        r#"{{"wanted":3,"items":[{}],"owners":[{}],"others":[{}],"named":{{{}}}}}"#,
        items.join(","),
        owners.join(","),
        owners[others..].join(","),
        named.join(",")
    )
}

#[test]
fn what_an_index_rules_out_is_not_run_over() {
    let list = |field: &str| {
        let item = |at: usize| format!(r#"{{"id":{at},"{field}":"o{at}","owner":"o{at}","level":2}}"#);
        (0..200).map(item).collect::<Vec<_>>()
    };
    let request =
        input(&list("x"), &list("id").iter().map(|owner| owner.replacen("\"id\"", "\"n\"", 1)).collect::<Vec<_>>());
    let used = |rule: &str, options: &Options| {
        let mut machine = Machine::new(&[("p.rego", POLICY)], options);
        let before = machine.limits.fuel;
        assert!(machine.show(&format!("data.p.{rule}"), &request).contains("199"), "{rule}");
        before - machine.context.fuel_left()
    };
    for rule in ["owned", "called", "of_rule"] {
        let (without, with) =
            (used(rule, &Options::default().without(Pass::IndexJoins)), used(rule, &Options::default()));
        assert!(without > 20_000 && with < 5_000, "{rule}: {with} instead of {without}");
    }
}

#[test]
fn making_an_index_costs_a_unit_for_each_element() {
    let policy = "package p
found contains item if {
	some item in input.items
	some owner in input.owners
	item == owner
}
";
    let numbers = |count: i64, from: i64| (0..count).map(|at| (from + at).to_string()).collect::<Vec<_>>();
    let used = |items: i64, owners: i64| {
        let mut machine = Machine::new(&[("p.rego", policy)], &Options::default());
        let before = machine.limits.fuel;
        assert_eq!(machine.show("data.p.found", &input(&numbers(items, 0), &numbers(owners, 1_000))), "set()");
        before - machine.context.fuel_left()
    };
    // The first item runs over all owners, the second makes the index, and those behind it find hardly anything there.
    assert!((101..110).contains(&(used(2, 100) - used(1, 100))));
    assert!((1..10).contains(&(used(3, 100) - used(2, 100))));
    let mut machine = Machine::new(&[("p.rego", policy)], &Options::default());
    machine.limits.fuel = used(2, 100) - 50;
    let stopped = machine.show("data.p.found", &input(&numbers(3, 0), &numbers(100, 1_000)));
    assert!(stopped.starts_with("limit_fuel"), "{stopped}");
}

/// Values that ids and owners have.
fn part() -> impl Strategy<Value = &'static str> {
    let few = prop::sample::select(&["1", "2", "3", "\"a\"", "\"b\"", "\"a text of its own\""][..]);
    let odd =
        prop::sample::select(&["1.5", "null", "[1]", "{\"a\":1}", "99999999999999999999", "true", "\"\"", ""][..]);
    prop_oneof![8 => few, 1 => odd]
}

fn item(with_holes: bool) -> impl Strategy<Value = String> {
    (part(), part(), 0..4_u8).prop_map(move |(id, owner, level)| {
        let field = |name: &str, value: &str| match value {
            "" if with_holes => String::new(),
            "" => format!("\"{name}\":0,"),
            value => format!("\"{name}\":{value},"),
        };
        format!(r#"{{{}{}"parts":[1,{level},"a"],"level":{level}}}"#, field("id", id), field("owner", owner))
    })
}

fn items() -> impl Strategy<Value = Vec<String>> {
    any::<bool>().prop_flat_map(|with_holes| {
        let count = prop_oneof![1 => 0..4_usize, 1 => 14..19_usize, 2 => 20..40_usize];
        count.prop_flat_map(move |count| prop::collection::vec(item(with_holes), count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn indexes_find_what_loops_find(requests in prop::collection::vec((items(), items()), 1..4)) {
        let files = [("p.rego", POLICY)];
        let mut plain = Machine::new(&files, &Options::none());
        for alone in [false, true] {
            let mut options = Options::default();
            if alone {
                options.passes = vec![Pass::IndexJoins];
            }
            let mut indexed = Machine::new(&files, &options);
            for (items, owners) in &requests {
                let request = input(items, owners);
                for rule in RULES.map(|rule| format!("data.p.{rule}")) {
                    let (expected, found) = (plain.show_with_absences(&rule, &request), indexed.show_with_absences(&rule, &request));
                    prop_assert_eq!(expected, found, "{} of {}", rule, request);
                }
            }
        }
    }
}
