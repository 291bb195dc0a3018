//! The function that tells which decision rules of a package must be judged.

use std::sync::Arc;

use hpol_compiler::context::Context;
use hpol_compiler::machine::{self, Machine as _, Outcome, Told};
use hpol_compiler::plan::DecisionId;
use hpol_compiler::{Options, Pass};
use hpol_lang::ast::EffectKeyword;
use hpol_stdlib::heap::Word;
use proptest::prelude::*;

use crate::support::{Machine, variants};

const POLICY: &str = r#"
package p

input: Call

type Call = {
  user: string, owner: string, tool: string, size: int, teams: array[string], dry?: bool, note?: string, plan?: string,
  parts: array[{name: string, size: int, note?: string, tags: array[string]}],
}

limits := {"free": 10, "paid": 100, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8}

known := {"ls", "cat", "dd", "rm", "mv", "cp", "ln", "pwd", "id", "w", "ps"}

limit := limits[input.plan] if input.plan else := 5

own if input.user == input.owner

noted if input.note == "x"

large(size) if size > limit

small if { not large(input.size); not noted }

deny "equal" if input.tool == "rm"
deny "unknown" if not input.tool in known
deny "of others" if not own
deny "large" if large(input.size)
deny "noted" if noted
deny "not noted" if not noted
deny "dry" if input.dry
deny "no staff" if not "staff" in input.teams
deny "many" if count(input.parts) > 2
deny "tagged" if { some part in input.parts; "x" in part.tags }
deny "part" if { some part in input.parts; part.size > 3; part.name == "a" }
deny "part note" if { some part in input.parts; part.note == "x" }
deny "every part" if every part in input.parts { part.size > 3 }
deny "pairs" if { some first in input.parts; some second in input.parts; first.size > second.size }
deny "first part" if input.parts[0].name == "b"
deny "sum" if input.size + 1 > 8
deny "prefix" if startswith(input.user, "a")
deny "any prefix" if strings.any_prefix_match(input.user, ["b", "c"])
deny "holds" if contains(input.user, "z")
deny "told" because "it is dry" if input.dry
deny "told of" because $"{input.tool} is dry" if input.dry
mask "text" request text using redact unless noted
approve "asked" by user("cto") within 5m if small
allow "little" if small
allow "with note" if noted
allow "planned" if limits[input.plan] > 3
allow "all"
"#;

/// Ids of the rules that must be judged, and of those that have matched, in order.
fn screened(machine: &mut Machine, request: &str) -> [Vec<Arc<str>>; 2] {
    machine.begin(request);
    let screened =
        machine.code.screen(0, &mut machine.context).expect("no limit is met").expect("the package is screened");
    let decisions = &machine.program.packages[0].decisions;
    [screened.judged, screened.matched].map(|rules| {
        let ids = decisions.iter().enumerate().filter(|(at, _)| rules >> at & 1 == 1);
        ids.map(|(_, id)| machine.program.decisions[id.index()].id.clone()).collect()
    })
}

#[test]
fn only_rules_that_need_the_host_are_judged() {
    let mut machine = Machine::new(&[("p.hpol", POLICY)], &Options::default().without(Pass::EarlyStop));
    // What looks into an object that is not there is rare; the note is absent. What has matched needs no judging but for its `unless`.
    let quiet = r#"{"user": "eve", "owner": "mallory", "tool": "ls", "size": 1, "teams": ["staff"], "dry": false, "plan": "paid", "parts": []}"#;
    insta::assert_compact_debug_snapshot!(screened(&mut machine, quiet), @r#"[["first part", "noted", "text"], ["every part", "not noted", "of others", "asked", "all", "little", "planned"]]"#);
    let loud = r#"{"user": "ada", "owner": "ada", "tool": "xx", "size": 101, "teams": [], "dry": true, "note": "x", "plan": "paid",
        "parts": [{"name": "a", "size": 4, "note": "x", "tags": ["x"]}]}"#;
    insta::assert_compact_debug_snapshot!(screened(&mut machine, loud), @r#"[["of others", "pairs", "text"], ["dry", "every part", "large", "no staff", "noted", "part", "part note", "prefix", "sum", "tagged", "told", "told of", "unknown", "all", "planned", "with note"]]"#);
    let taken = machine.limits.fuel - machine.context.fuel_left();
    assert!((1..40).contains(&taken), "{taken}: a rule takes its fuel here or where it is judged");
}

#[test]
fn a_rule_that_fails_leaves_all_to_be_judged() {
    let policy = r#"package p
input: Call
type Call = {n: int, names: array[string], note?: string}
words contains lower(name) if some name in input.names
deny "half" if 10 / input.n == 5
deny "word" because $"{input.n} words" if "x" in words
deny "note" if lower(input.note) == "x"
allow "all"
"#;
    let mut machine = Machine::new(&[("p.hpol", policy)], &Options::default());
    let request = |n: i32| format!(r#"{{"n": {n}, "names": ["X"]}}"#);
    // What is absent is found by judging; behind a deny that has matched nothing is looked at.
    insta::assert_compact_debug_snapshot!(screened(&mut machine, &request(3)), @r#"[["note"], ["word"]]"#);
    machine.begin(&request(0));
    assert!(machine.code.screen(0, &mut machine.context).is_ok_and(|screened| screened.is_none()));
    let mut told = Told::default();
    let program = machine.program.clone();
    let ids = program.packages[0].decisions.iter();
    let outcomes = ids.map(|id| machine::judge(&machine.code, &program, *id, &mut machine.context, &mut told));
    let outcomes: Vec<Outcome> = outcomes.collect();
    assert_eq!(outcomes, [Outcome::Error, Outcome::Absent, Outcome::Matched, Outcome::Matched]);
    assert_eq!(told.faults.len(), 1);
}

#[test]
fn large_packages_have_an_index_instead() {
    let rules = (0..57).map(|number| format!("deny \"{number}\" if input.tool == \"t{number}\"\n"));
    let policy = format!("package p\n\ninput: Call\ntype Call = {{tool: string}}\n{}", rules.collect::<String>());
    let mut machine = Machine::new(&[("p.hpol", &policy)], &Options::default());
    machine.begin(r#"{"tool": "t1"}"#);
    assert!(machine.code.screen(0, &mut machine.context).is_ok_and(|screened| screened.is_none()));
    let mut candidates = Vec::new();
    assert!(machine.context.candidates(0, true, &mut candidates));
    assert_eq!(candidates.len(), 1);
}

fn request() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["ada", "bob", "cyd", "eve"]);
    let optional = |name: &'static str, values: &'static [&'static str]| {
        let given = prop::sample::select(values.to_vec()).prop_map(move |value| format!(", \"{name}\": {value}"));
        prop_oneof![Just(String::new()), given]
    };
    let tags = prop::sample::select(vec![r#"[]"#, r#"["x"]"#, r#"["y", "x"]"#, r#"["y"]"#]);
    let part = (prop::sample::select(vec!["a", "b"]), 0..6, optional("note", &["\"x\"", "\"y\""]), tags)
        .prop_map(|(name, size, note, tags)| format!(r#"{{"name": "{name}", "size": {size}{note}, "tags": {tags}}}"#));
    (
        (name(), name(), prop::sample::select(vec!["rm", "ls", "xx", "né"]), 0..12),
        prop::sample::select(vec![r#"[]"#, r#"["staff"]"#, r#"["ops", "staff"]"#, r#"["ops"]"#]),
        optional("dry", &["true", "false"]),
        optional("note", &["\"x\"", "\"y\""]),
        optional("plan", &["\"free\"", "\"h\"", "\"a\"", "\"none\"", "\"f\""]),
        prop::collection::vec(part, 0..4),
    )
        .prop_map(|((user, owner, tool, size), teams, dry, note, plan, parts)| {
            let parts = parts.join(", ");
            format!(
                r#"{{"user": "{user}", "owner": "{owner}", "tool": "{tool}", "size": {size}, "teams": {teams}{dry}{note}{plan}, "parts": [{parts}]}}"#
            )
        })
}

#[test]
fn what_is_left_out_does_not_count() {
    let mut options = variants();
    options.retain(|options| {
        let without = |pass| !options.passes.contains(&pass);
        [Options::none(), Options::default()].contains(options)
            || without(Pass::InlineCalls) != without(Pass::EarlyStop)
    });
    let machines = options.iter().map(|options| Machine::new(&[("p.hpol", POLICY)], options));
    let machines: Vec<Machine> = machines.collect();
    let machines = std::cell::RefCell::new(machines);
    proptest!(ProptestConfig::with_cases(512), |(request in request())| {
        for machine in machines.borrow_mut().iter_mut() {
            machine.begin(&request);
            let Ok(Some(screened)) = machine.code.screen(0, &mut machine.context) else { continue };
            prop_assert_eq!(screened.judged & screened.matched, 0);
            let text = |context: &Context, reason: Option<Word>| reason.map(|word| context.heap().to_value(word));
            let reasons: Vec<_> = (0..64).map(|at| text(&machine.context, screened.reason(at, &machine.context))).collect();
            let mut matched_effects = Vec::new();
            for (at, id) in machine.program.packages[0].decisions.iter().enumerate() {
                let rule = &machine.program.decisions[id.index()];
                if screened.matched >> at & 1 == 1 {
                    matched_effects.push(rule.effect);
                }
                let settled = rule.settled_by.is_some_and(|effect| matched_effects.contains(&effect));
                if settled {
                    prop_assert_eq!((screened.judged | screened.matched) >> at, 0, "nothing is done behind {}", rule.id);
                }
                if settled || screened.judged >> at & 1 == 1 {
                    continue;
                }
                let matched = screened.matched >> at & 1 == 1;
                let mut told = Told { absent: Some(Vec::new()), ..Told::default() };
                let program = machine.program.clone();
                let outcome = machine::judge(&machine.code, &program, DecisionId(id.0), &mut machine.context, &mut told);
                let rule = &program.decisions[id.index()];
                let expected = if matched { Outcome::Matched } else { Outcome::NotMatched };
                prop_assert_eq!(outcome, expected, "{} on {}", rule.id, request);
                prop_assert!(!matched || text(&machine.context, machine.context.reason()) == reasons[at], "{} on {request}", rule.id);
                prop_assert!(told.faults.is_empty(), "{} on {request}", rule.id);
                let absent = told.absent.unwrap_or_default();
                let silent = matched || rule.effect == EffectKeyword::Allow;
                prop_assert!(silent || absent.is_empty(), "{} on {request}", rule.id);
            }
        }
    });
}
