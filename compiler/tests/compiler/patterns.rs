//! Patterns of the policy that machine code rules out in place.

use std::sync::Arc;

use hpol_compiler::machine::{self, Machine as _};
use hpol_compiler::{Options, Pass};
use hpol_lang::value::Value;
use proptest::prelude::*;

use crate::support::{Machine, variants};

const PATTERNS: [&str; 7] =
    ["(?i)drop\\s+table", "union (all )?select", "(grant|revoke|call)x", "é+abc", "\\*/--", "[a-z]{9}", "^abc$"];

/// A rule for each pattern as it stands, and one for each that looks at the same pattern in the input.
fn policy() -> String {
    let rules = PATTERNS.iter().enumerate().map(|(at, pattern)| {
        format!("fixed{at} := regex.match(`{pattern}`, input.text)\nasked{at} := regex.match(input.patterns[{at}], input.text)\n")
    });
    format!("package p\n{}", rules.collect::<String>())
}

fn request(text: &str) -> Value {
    let patterns = PATTERNS.map(Value::from);
    Value::object([(Value::from("text"), Value::from(text)), (Value::from("patterns"), Value::array(patterns))])
}

/// The value or the error of a rule, and the fuel that is left.
fn outcome(machine: &mut Machine, rule: &str) -> (String, u64) {
    let function = machine.program.rules[&*format!("data.p.{rule}")];
    let result = machine::query(&machine.code, function, &[], &mut machine.context);
    let shown = match result {
        Ok(word) => format!("{:?}", word.map(|word| machine.context.heap().to_value(word))),
        Err(fault) => format!("{} {}", fault.code, fault.message),
    };
    (shown, machine.context.fuel_left())
}

/// What both kinds of rules come to, one after the other within one evaluation, with so much fuel.
fn outcomes(machine: &mut Machine, request: &Value, kind: &str, fuel: u64) -> Vec<(String, u64)> {
    machine.limits.fuel = fuel;
    machine.context.begin(&machine.program, machine.limits.clone(), 0);
    machine.context.set_input(request).expect("the input fits");
    (0..PATTERNS.len()).map(|at| outcome(machine, &format!("{kind}{at}"))).collect()
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "drop table",
        "DROP  TABLE",
        "dro",
        "union select",
        "union all select",
        "grantx",
        "revoke",
        "callx",
        "éabc",
        "*/--",
        "abc",
        "*/-",
        " ",
        "z",
        "abcdefghi",
        "\u{130}",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat()),
        "[a-cé \\*/-]{0,40}",
        (0_usize..3).prop_map(|more| "qw ".repeat(10_922 + more)),
    ]
}

#[test]
fn patterns_of_the_policy_match_as_those_of_the_request() {
    let machines = variants().iter().map(|options| Machine::new(&[("p.rego", &policy())], options)).collect::<Vec<_>>();
    let machines = std::cell::RefCell::new(machines);
    proptest!(ProptestConfig::with_cases(48), |(texts in prop::collection::vec(text(), 1..4), fuel in 0_u64..2_500)| {
        for machine in machines.borrow_mut().iter_mut() {
            for text in &texts {
                let request = request(text);
                for fuel in [fuel, 10_000_000] {
                    let fixed = outcomes(machine, &request, "fixed", fuel);
                    let asked = outcomes(machine, &request, "asked", fuel);
                    prop_assert_eq!(&fixed, &asked, "{:.80} with {}", text, fuel);
                    // Once the first has made the fingerprint, the others look at it.
                    prop_assert_eq!(&fixed, &outcomes(machine, &request, "fixed", fuel), "{:.80} again", text);
                }
            }
        }
    });
}

#[test]
fn with_replaces_matches_that_are_ruled_out() {
    let source = format!("{}a := [fixed0, fixed1, fixed2, fixed3]\nb := v if v := a with regex.match as 7\n", policy());
    for options in variants() {
        let mut machine = Machine::new(&[("p.rego", &source)], &options);
        for text in ["nothing", "drop table"] {
            let first = text != "nothing";
            machine.context.begin(&machine.program, machine.limits.clone(), 0);
            machine.context.set_input(&request(text)).expect("the input fits");
            assert_eq!(
                outcome(&mut machine, "a").0,
                format!("{:?}", Some(Value::array([first, false, false, false].map(Value::from))))
            );
            assert_eq!(outcome(&mut machine, "b").0, format!("{:?}", Some(Value::array([7; 4].map(Value::from)))));
        }
    }
}

const SCREENED: &str = r#"
package p

input: Statement

type Statement = {text: string, other?: string}

deny "drop" if regex.match(`(?i)drop\s+table`, input.text)
deny "union" if regex.match(`union select`, input.text)
deny "grant" because "it grants" if regex.match(`(grant|revoke)x`, input.text)
deny "not safe" if not regex.match(`safe!`, input.text)
deny "other" if regex.match(`union select`, input.other)
deny "long" if regex.match(`^.{900}$`, input.text)
allow "all" if not regex.match(`secret`, input.text)
"#;

#[test]
fn rules_are_screened_by_what_their_patterns_require() {
    let mut machine = Machine::new(&[("p.hpol", SCREENED)], &Options::default().without(Pass::EarlyStop));
    let mut screened = |request: &str| -> [Vec<Arc<str>>; 2] {
        machine.begin(request);
        let screened =
            machine.code.screen(0, &mut machine.context).expect("no limit is met").expect("the package is screened");
        assert!(machine.context.fuel_left() < machine.limits.fuel, "a rule takes its fuel where it is screened");
        let decisions = &machine.program.packages[0].decisions;
        [screened.judged, screened.matched].map(|rules| {
            let ids = decisions.iter().enumerate().filter(|(at, _)| rules >> at & 1 == 1);
            ids.map(|(_, id)| machine.program.decisions[id.index()].id.clone()).collect()
        })
    };
    insta::assert_compact_debug_snapshot!(screened(r#"{"text": "SELECT 1", "other": "x"}"#), @r#"[[], ["not safe", "all"]]"#);
    insta::assert_compact_debug_snapshot!(screened(r#"{"text": "drop table x; safe!"}"#), @r#"[["other"], ["drop", "all"]]"#);
    insta::assert_compact_debug_snapshot!(screened(&format!(r#"{{"text": "{}", "other": "SELECT 1"}}"#, "ab".repeat(20_000))), @r#"[[], ["not safe", "all"]]"#);
}
