//! Decision rules by polarity: what is false, absent or an error, and what is said about it.

use crate::support::{Machine, variants};
use hpol_compiler::Options;
use hpol_compiler::machine::{Outcome, Verdict};

const TYPES: &str = r#"package orders
input: Order
type Item = {name: string, price: int, code?: string}
type Order = {
  user: {name: string, email?: string, groups: array[string]},
  items: array[Item],
  total: int,
  note?: string,
}
"#;

const ORDER: &str = r#"{
  "user": {"name": "ada", "groups": ["dba"]},
  "items": [{"name": "pen", "price": 3}, {"name": "car", "price": 90000}],
  "total": 90003
}"#;

#[track_caller]
fn verdict(rules: &str, input: &str) -> Verdict {
    let source = format!("{TYPES}{rules}");
    let mut all = variants().into_iter().map(|options| {
        let mut machine = Machine::new(&[("orders.hpol", &source)], &options);
        let mut verdicts = machine.decide(input);
        assert_eq!(verdicts.len(), 1, "one decision rule");
        verdicts.remove(0).1
    });
    let plain = all.next().expect("there is a variant");
    all.for_each(|other| assert_eq!(plain, other));
    plain
}

fn absent(verdict: &Verdict) -> Vec<&str> {
    verdict.absent.iter().map(|site| &*site.path).collect()
}

#[test]
fn a_match_carries_reason_and_witnesses() {
    let found = verdict(
        r#"deny "dear" because $"{item.name} costs {item.price}" if { some item in input.items; item.price > 1000 }"#,
        ORDER,
    );
    assert_eq!(found.outcome, Outcome::Matched);
    assert_eq!(found.reason.as_deref(), Some("car costs 90000"));
    let witnesses: Vec<_> = found.witnesses.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    assert_eq!(witnesses, [r#"item = {"name": "car", "price": 90000}"#]);
    assert_eq!(absent(&found), Vec::<&str>::new());
}

#[test]
fn what_is_false_does_not_count() {
    let found = verdict(r#"deny "cheap" if input.total < 10"#, ORDER);
    assert_eq!(found.outcome, Outcome::NotMatched);
    assert_eq!(absent(&found), Vec::<&str>::new());
}

#[test]
fn absence_denies_and_is_named() {
    let found = verdict(r#"deny "mail" if input.user.email == "eve@example.org""#, ORDER);
    assert_eq!(found.outcome, Outcome::Absent);
    assert_eq!(absent(&found), ["input.user.email"]);
}

#[test]
fn absence_in_one_iteration_is_forgotten_only_by_a_match() {
    let hidden = r#"deny "code" if { some item in input.items; item.code == "X" }"#;
    assert_eq!(verdict(hidden, ORDER).outcome, Outcome::Absent);
    let coded = ORDER.replace(r#""price": 90000"#, r#""price": 90000, "code": "X""#);
    let found = verdict(hidden, &coded);
    assert_eq!((found.outcome, absent(&found)), (Outcome::Matched, Vec::new()));
}

#[test]
fn absence_grants_nothing() {
    let found = verdict(r#"allow "mail" if input.user.email == "ada@example.org""#, ORDER);
    assert_eq!(found.outcome, Outcome::NotMatched);
    assert_eq!(absent(&found), ["input.user.email"]);
}

#[test]
fn absence_behind_a_rule_reaches_who_asked_every_time() {
    let rules = r#"
known if input.user.email != ""
deny "a" if known
deny "b" if known
"#;
    let source = format!("{TYPES}{rules}");
    let mut machine = Machine::new(&[("orders.hpol", &source)], &Options::default());
    for (id, found) in machine.decide(ORDER) {
        assert_eq!((found.outcome, absent(&found)), (Outcome::Absent, vec!["input.user.email"]), "{id}");
    }
}

#[test]
fn not_takes_absence_back() {
    let found = verdict(r#"deny "no mail" if not input.user.email == "ada@example.org""#, ORDER);
    assert_eq!((found.outcome, absent(&found)), (Outcome::Matched, Vec::new()));
}

#[test]
fn an_error_denies_and_is_told() {
    let found = verdict(r#"deny "overflow" if input.total * 9223372036854775807 > 0"#, ORDER);
    assert_eq!(found.outcome, Outcome::Error);
    assert_eq!(found.faults[0].code, "arithmetic_overflow");
    let found = verdict(r#"allow "overflow" if input.total * 9223372036854775807 > 0"#, ORDER);
    assert_eq!(found.outcome, Outcome::NotMatched);
    assert_eq!(found.faults.len(), 1);
}

#[test]
fn unless_exempts_only_when_it_holds() {
    let mask = |unless: &str| format!(r#"mask "total" any field("total") using redact unless {unless}"#);
    assert_eq!(verdict(&mask(r#""dba" in input.user.groups"#), ORDER).outcome, Outcome::Exempt);
    assert_eq!(verdict(&mask(r#""dev" in input.user.groups"#), ORDER).outcome, Outcome::Matched);
    assert_eq!(verdict(&mask(r#"input.user.email == "ada@example.org""#), ORDER).outcome, Outcome::Matched);
    assert_eq!(verdict(&mask("input.total * 9223372036854775807 > 0"), ORDER).outcome, Outcome::Matched);
}
