//! Decisions through the public API, on both evaluators.

use hpol_runtime::decision::{Mask, OperatorKind, RuleOutcome};
use hpol_runtime::error::{QueryError, code};
use hpol_runtime::source::Files;
use hpol_runtime::{
    CodeReady, CodeState, Decision, Effect, Engine, EngineKind, EngineOptions, Evaluator, Input, Limits, Pass,
};

use crate::common::{ORDERS, engine, engine_with, input, order, value};

/// Decides on both evaluators, which must agree.
fn decide(policy: &str, input: &Input) -> Decision {
    let [jit, interpreter] = [EngineKind::Jit, EngineKind::Interpreter]
        .map(|kind| engine_with(policy, kind, Limits::default()).decide(input));
    assert_eq!(jit, interpreter, "the evaluators differ");
    jit
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.rules.iter().map(|rule| &*rule.id).collect()
}

fn masks(decision: &Decision) -> Vec<(&str, &OperatorKind)> {
    let of = |mask: &'_ Mask| mask.ids.len();
    assert!(decision.masks.iter().all(|mask| of(mask) == 1));
    decision.masks.iter().map(|mask| (&*mask.ids[0], &mask.operator.kind)).collect()
}

#[test]
fn a_request_that_is_allowed_carries_the_masks() {
    let decision = decide(ORDERS, &order("ada", &["staff"], 10, "pen"));
    assert_eq!(decision.effect, Effect::Mask);
    assert_eq!(ids(&decision), ["cards", "user", "small orders"]);
    assert_eq!(masks(&decision), [("cards", &OperatorKind::Redact), ("user", &OperatorKind::Hash)]);
    assert!(decision.errors.is_empty() && decision.absent.is_empty());
    assert!(decision.revision.starts_with("memory:"));
    assert_eq!(decision.policy_hash.len(), 64);
}

#[test]
fn a_decision_is_the_same_before_and_behind_its_machine_code() {
    let engine = Engine::new(EngineOptions { code: CodeReady::InBackground, ..EngineOptions::default() });
    assert_eq!(engine.wait_for_code(), CodeState::None);
    engine.load(&Files::from_memory([("policy.hpol", ORDERS)])).expect("it compiles");
    let request = order("ada", &["staff"], 10, "pen");
    let mut evaluator = Evaluator::new(&engine);
    evaluator.set_input(&request);
    // Nobody knows which evaluator gives these.
    let (early, ruled) = (engine.decide(&request), evaluator.decide().effect());
    assert_eq!(engine.wait_for_code(), CodeState::Ready);
    assert_eq!(engine.status().code, CodeState::Ready);
    assert_eq!(engine.decide(&request), early);
    assert_eq!(evaluator.decide().effect(), ruled);
    assert_eq!(early, decide(ORDERS, &request));
}

#[test]
fn an_evaluator_without_a_request_denies_and_says_so() {
    let engine = engine(ORDERS);
    let mut evaluator = Evaluator::new(&engine);
    let without = "there is no request: set one before deciding";
    assert_eq!(evaluator.decide().reasons().collect::<Vec<_>>(), [without]);
    assert_eq!(evaluator.decision().reasons, [without]);
    evaluator.set_input(&order("ada", &["staff"], 10, "pen"));
    assert_eq!(evaluator.decide().effect(), Effect::Mask);
    // What is refused does not leave the request before in force.
    evaluator.set_json("Unknown", "{}");
    let ruling = evaluator.decide();
    assert_eq!(ruling.effect(), Effect::Deny);
    assert_eq!(ruling.reasons().collect::<Vec<_>>(), ["no policy decides requests of kind `Unknown`"]);
}

#[test]
fn unless_exempts_from_a_mask() {
    let decision = decide(ORDERS, &order("ada", &["managers"], 2000, "pen"));
    assert_eq!(masks(&decision), [("cards", &OperatorKind::Redact)]);
    assert_eq!(decision.rules.last().and_then(|rule| rule.reason.as_deref()), Some("managers may order anything"));
}

#[test]
fn nothing_is_allowed_by_default() {
    let decision = decide(ORDERS, &order("ada", &["staff"], 2000, "pen"));
    assert_eq!((decision.effect, decision.reasons), (Effect::Deny, vec!["no rule allows this request".to_owned()]));
    let decision = decide(ORDERS, &input("Unknown", "{}"));
    let reason = "no policy decides requests of kind `Unknown`";
    assert_eq!((decision.effect, decision.reasons), (Effect::Deny, vec![reason.to_owned()]));
}

#[test]
fn a_deny_gives_its_reason_and_what_matched() {
    let decision = decide(ORDERS, &order("ada", &["managers"], 10, "cannon"));
    assert_eq!(decision.effect, Effect::Deny);
    assert_eq!(decision.reasons, ["cannon may not be ordered"]);
    let rule = &decision.rules[0];
    assert_eq!((rule.outcome, rule.location.to_string().as_str()), (RuleOutcome::Matched, "policy.hpol:19:1"));
    let witness = &rule.witnesses[0];
    assert_eq!((&*witness.name, witness.value.get("name")), ("item", Some(&"cannon".into())));
}

#[test]
fn behind_a_deny_an_evaluator_looks_for_nothing_else() {
    let policy = r#"package p
input: Number
type Number = { n: int }
deny "none" if input.n == 0
mask "all" request text using redact if 10 / input.n == 5
"#;
    let errors = |without_pass| {
        let engine = Engine::new(EngineOptions { without_pass, ..EngineOptions::default() });
        engine.load(&Files::from_memory([("policy.hpol", policy)])).expect("it compiles");
        let mut evaluator = Evaluator::new(&engine);
        evaluator.set_json("Number", r#"{"n": 0}"#);
        let ruling = evaluator.decide();
        assert_eq!(ruling.effect(), Effect::Deny);
        assert_eq!(ruling.rules().map(|rule| rule.id).collect::<Vec<_>>(), ["none"]);
        let found = ruling.errors().len();
        assert_eq!(evaluator.decision().errors.len(), 1, "a whole decision tells everything");
        found
    };
    assert_eq!((errors(Some(Pass::EarlyStop)), errors(None)), (1, 0));
}

#[test]
fn an_approval_carries_its_terms() {
    let decision = decide(ORDERS, &order("ada", &["managers"], 6000, "ship"));
    assert_eq!(decision.effect, Effect::Approve);
    let terms = decision.approval.expect("terms");
    assert_eq!(terms.within.as_secs(), 600);
    assert_eq!((&*terms.demands[0].id, terms.demands[0].quorum), ("large orders", 2));
}

#[test]
fn what_is_absent_counts_against_the_request() {
    let json = r#"{"user": "ada", "groups": ["staff"], "amount": 10, "items": []}"#;
    let decision = decide(ORDERS, &input("Order", json));
    assert_eq!((decision.effect, ids(&decision)), (Effect::Deny, vec!["embargo"]));
    assert_eq!(decision.rules[0].outcome, RuleOutcome::Absent);
    let absent: Vec<&str> = decision.absent.iter().map(|absent| &*absent.path).collect();
    assert_eq!(absent, ["input.country"]);
}

#[test]
fn an_error_in_a_rule_that_protects_counts_against_the_request() {
    let policy = r#"package p
input: Number
type Number = { n: int }
allow "all"
deny "half" if 10 / input.n == 5
"#;
    let decision = decide(policy, &input("Number", r#"{"n": 0}"#));
    assert_eq!((decision.effect, ids(&decision)), (Effect::Deny, vec!["half"]));
    assert_eq!(decision.rules[0].outcome, RuleOutcome::Error);
    assert_eq!(decision.errors.len(), 1);
    assert_eq!(decide(policy, &input("Number", r#"{"n": 3}"#)).effect, Effect::Allow);
}

#[test]
fn an_input_of_the_wrong_type_is_denied_before_any_rule_runs() {
    for (json, path) in [
        (r#"{"groups": [], "amount": 10, "items": []}"#, "user"),
        (r#"{"user": "ada", "groups": [], "amount": "10", "items": []}"#, "amount"),
        (r#"{"user": "ada", "groups": [], "amount": 1, "items": [], "admin": true}"#, "admin"),
        (r#"{"user": "ada", "groups": [], "amount": 1, "items": [{"name": 1, "price": 2}]}"#, "items[0].name"),
        ("null", "the value"),
    ] {
        let decision = decide(ORDERS, &input("Order", json));
        assert_eq!(decision.effect, Effect::Deny);
        assert!(decision.rules.is_empty());
        let error = &decision.errors[0];
        assert_eq!(&*error.code, code::INPUT_INVALID);
        assert!(error.message.contains(path), "{}", error.message);
    }
}

#[test]
fn every_package_of_the_kind_takes_part() {
    let engine = Engine::new(EngineOptions::default());
    let package = |name: &str, rule: &str| format!("package {name}\ninput: http.Request\n{rule}\n");
    let files = |rules: &[(&str, &str)]| {
        Files::from_memory(rules.iter().map(|(name, rule)| (format!("{name}.hpol"), package(name, rule))))
    };
    let allow = ("a", r#"allow "all""#);
    let request = r#"{"method": "GET", "path": "/x", "path_segments": ["x"], "query": {}, "headers": {}, "body_size": 0,
        "identity": {"sub": "ada", "iss": "https://login.example.com", "groups": [], "claims": {}},
        "target": {"name": "api", "labels": {}}, "client": {"ip": "10.0.0.1"}, "time": "2025-06-15T15:06:40Z"}"#;
    let effect = |rules: &[(&str, &str)]| {
        engine.load(&files(rules)).expect("it compiles");
        engine.decide(&input("http.Request", request))
    };
    let decision = effect(&[allow]);
    assert_eq!(decision.effect, Effect::Allow, "{decision:#?}");
    assert_eq!(effect(&[allow, ("b", r#"deny "get" if input.method == "GET""#)]).effect, Effect::Deny);
    assert_eq!(effect(&[("b", r#"deny "get" if input.method == "GET""#)]).effect, Effect::Deny);
}

#[test]
fn each_limit_is_a_deny_with_its_code() {
    let policy = r#"package p
input: Work
type Work = { items: array[int] }
allow "all"
deny "pairs" if {
  some a in input.items
  some b in input.items
  some c in input.items
  a + b + c < 0
}
deny "copies" if count([[a, b] | some a in input.items; some b in input.items]) < 0
"#;
    let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let work = input("Work", &format!(r#"{{"items": [{}]}}"#, numbers.join(",")));
    let few = input("Work", r#"{"items": [1, 2]}"#);
    let limits = Limits::default();
    for (limits, expected) in [
        (Limits { fuel: 100_000, ..limits }, code::FUEL),
        (Limits { time: std::time::Duration::ZERO, ..limits }, code::TIME),
        (Limits { memory_bytes: 10_000, ..limits }, code::MEMORY),
        (Limits { depth: 0, ..limits }, code::DEPTH),
    ] {
        for kind in [EngineKind::Jit, EngineKind::Interpreter] {
            let engine = engine_with(policy, kind, limits);
            let decision = engine.decide(&work);
            assert_eq!(decision.effect, Effect::Deny);
            assert_eq!(decision.errors.first().map(|error| &*error.code), Some(expected), "{kind:?} {decision:#?}");
            if expected == code::FUEL || expected == code::MEMORY {
                let decision = engine.decide(&few);
                assert_eq!(decision.effect, Effect::Allow, "a limit that was passed must not stick");
            }
        }
    }
}

/// Machine code may take less fuel than the interpreter, because it looks in place: near the limit it decides what the interpreter
/// refuses, and as if there were no limit. It takes more only for rules that call functions and are given up behind that, of which there
/// are none here.
#[test]
fn the_limit_of_fuel_holds_for_machine_code_no_sooner_than_for_the_interpreter() {
    let policy = r#"package p
input: Work
type Work = { text: string, items: array[int], kind: string }
allow "all"
allow "kinds" if input.kind in {"a", "b"}
deny "drop" if regex.match(`(?i)drop\s+table`, input.text)
deny "union" if regex.match(`union select`, input.text)
deny "grant" if regex.match(`grant\s`, input.text)
deny "large" because "too large" if { some item in input.items; item > 7 }
deny "made" because $"{input.kind} of {count(input.items)}" if { some item in input.items; item == 5 }
mask "text" request text using redact if { every item in input.items { item < 3 } }
"#;
    let works = [
        r#"{"text": "SELECT 1", "items": [1, 2, 3, 4], "kind": "a"}"#,
        r#"{"text": "drop table x", "items": [], "kind": "b"}"#,
        r#"{"text": "unions", "items": [1, 2, 9], "kind": "c"}"#,
        r#"{"text": "grant", "items": [1, 5], "kind": "a"}"#,
        r#"{"text": "", "items": [1, 2], "kind": "a"}"#,
    ];
    // What evaluators say of all works, each asked twice: caches that fill must not change what is taken.
    let said = |kind: EngineKind, fuel: u64| {
        let engine = engine_with(policy, kind, Limits { fuel, ..Limits::default() });
        let mut evaluator = Evaluator::new(&engine);
        works.map(|work| {
            evaluator.set_input(&input("Work", work));
            let [first, second] = [(); 2].map(|()| {
                let ruling = evaluator.decide();
                (ruling.effect(), ruling.reasons().map(|reason| reason.to_string()).collect::<Vec<_>>())
            });
            assert_eq!(first, second, "{kind:?} with {fuel} on {work}");
            first
        })
    };
    let unlimited = said(EngineKind::Interpreter, 1_000_000);
    assert_eq!(said(EngineKind::Jit, 1_000_000), unlimited);
    let mut sooner = 0;
    for fuel in (0..160).step_by(3) {
        let both = said(EngineKind::Interpreter, fuel).into_iter().zip(said(EngineKind::Jit, fuel));
        for ((interpreted, compiled), unlimited) in both.zip(&unlimited) {
            assert!(interpreted != *unlimited || compiled == *unlimited, "{fuel}: {compiled:?}, not {unlimited:?}");
            sooner += usize::from(interpreted != *unlimited && compiled == *unlimited);
            for ruling in [interpreted, compiled] {
                assert!(ruling == *unlimited || ruling.0 == Effect::Deny, "{fuel}: {ruling:?}, not {unlimited:?}");
            }
        }
    }
    assert!(sooner > 0, "or nothing was near the limit");
}

#[test]
fn a_limit_that_is_met_while_rules_are_screened_is_not_forgotten() {
    // What rules call is kept, so that judging a rule costs nothing once it was called while it was screened.
    let policy = r#"package p
input: Work
type Work = { items: array[int], kind: string, note?: string }
pairs if { some a in input.items; some b in input.items; a + b < 0 }
sums if { some a in input.items; some b in input.items; a + b > 99 }
odd if { some a in input.items; some b in input.items; a + b > 98 }
twice(n) := n * 2
deny "pairs" if pairs
deny "pairs of a kind" if { input.kind == "x"; pairs }
deny "sums" if sums
deny "sums of a kind" if { input.kind == "x"; sums }
deny "noted sums" if { not sums; input.note == "x" }
allow "half" if { twice(3) / count(input.kind) == 9 }
allow "odd" if { input.kind == ""; odd }
allow "all"
"#;
    let items: Vec<String> = (0..20).map(|item| item.to_string()).collect();
    let mut granted = [0; 2];
    for kind in [r#""a""#, r#""""#, r#""a", "note": "y""#] {
        let work = input("Work", &format!(r#"{{"items": [{}], "kind": {kind}}}"#, items.join(", ")));
        for fuel in (0..2_400).step_by(23) {
            let engine = engine_with(policy, EngineKind::Jit, Limits { fuel, ..Limits::default() });
            let mut evaluator = Evaluator::new(&engine);
            evaluator.set_input(&work);
            let (ruled, decided) = (evaluator.decide().effect(), engine.decide(&work).effect);
            assert!(ruled == Effect::Deny || decided == ruled, "{fuel} for {kind}: {ruled:?}, not {decided:?}");
            granted[usize::from(ruled == Effect::Allow)] += 1;
        }
    }
    assert!(granted.iter().all(|count| *count > 20), "{granted:?} on both sides of the limit");
}

#[test]
fn rules_packages_and_documents_are_asked_for_by_path() {
    let engine = Engine::new(EngineOptions::default());
    assert_eq!(engine.query("data.a", None), Err(QueryError::NotLoaded));
    let files = [
        ("a.hpol", "package a\nimport data.limits\n\ntwice(n) := n * 2\nbig := twice(limits.big)\nnone if 1 > 2\n"),
        ("limits.json", r#"{"big": 21}"#),
    ];
    engine.load(&Files::from_memory(files)).expect("it compiles");
    let query = |path: &str| engine.query(path, None);
    assert_eq!(query("data.a.big"), Ok(Some(42.into())));
    assert_eq!(query("data.a.none"), Ok(None));
    assert_eq!(query("data.limits.big"), Ok(Some(21.into())));
    assert_eq!(query("data.a"), Ok(Some(value(r#"{"big": 42}"#))));
    assert!(matches!(query("data.a.twice"), Err(QueryError::Function { .. })));
    assert!(matches!(query("data.a.unknown"), Err(QueryError::Unknown { .. })));
    assert!(matches!(query("a.big"), Err(QueryError::Path { .. })));
}

#[test]
fn a_rule_asked_for_by_path_gets_only_input_of_its_type() {
    let engine = engine(ORDERS);
    let order = order("ada", &["managers"], 1, "pen");
    assert_eq!(engine.query("data.orders.guard.manager", Some(order.value())), Ok(Some(true.into())));
    let wrong = engine.query("data.orders.guard.manager", Some(&value("{}")));
    assert!(matches!(wrong, Err(QueryError::Input { .. })));
}

#[test]
fn a_broken_policy_is_refused_with_every_finding_and_the_last_good_one_stays() {
    let engine = engine(ORDERS);
    let before = engine.status();
    let broken = [
        ("a.hpol", "package a\ninput: http.Request\nallow \"x\" if input.metod == \"GET\"\n"),
        ("b.hpol", "package b\nallow \"x\" if {\n"),
        ("c.json", r#"{"a": 1, "a": 2}"#),
    ];
    let error = engine.load(&Files::from_memory(broken)).expect_err("it is broken");
    let message = error.to_string();
    for expected in ["a.hpol", "b.hpol", "c.json"] {
        assert!(message.contains(expected), "{message}");
    }
    let status = engine.status();
    assert_eq!((status.generation, status.revision), (before.generation, before.revision));
    assert_eq!(status.last_error.map(|error| error.message), Some(message));
    assert_eq!(engine.decide(&order("ada", &[], 1, "pen")).effect, Effect::Mask);
}

#[test]
fn an_error_behind_any_number_of_warnings_is_an_error() {
    let unused: String = (0..6_000).map(|number| format!("unused_{number} := {number}\n")).collect();
    let policy = format!("package p\ninput: http.Request\n{unused}allow \"x\" if input.metod == \"GET\"\n");
    let checked = hpol_runtime::check(&Files::from_memory([("p.hpol", policy)]));
    assert!(checked.program.is_none());
    assert!(checked.diagnostics.iter().any(|found| found.code == "unknown-field"));
}

#[test]
fn deep_rules_are_evaluated_or_denied_on_a_small_stack() {
    // Calls and blocks nest as deeply as the compiler lets them.
    for (calls, nested) in [(100, 1), (100, 4), (100, 12), (20, 60)] {
        let mut policy = "package p\ninput: Number\ntype Number = { n: int }\nr0 := input.n\n".to_owned();
        for call in 1..calls {
            let open: String = (0..nested).map(|at| format!("[x{at} | x{at} := ")).collect();
            let close = "]".repeat(nested);
            let index = "[0]".repeat(nested);
            policy.push_str(&format!("r{call} := y if {{\n  z := {open}r{}{close}\n  y := z{index}\n}}\n", call - 1));
        }
        policy.push_str(&format!("allow \"deep\" if r{} == 1\n", calls - 1));
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let engine = Engine::new(EngineOptions { kind: EngineKind::Interpreter, ..EngineOptions::default() });
            let loaded = engine.load(&Files::from_memory([("p.hpol", policy)]));
            loaded.map(|_| engine.decide(&input("Number", r#"{"n": 1}"#)))
        });
        let result = thread.expect("a thread").join().expect("no overflow");
        match result {
            Ok(decision) if decision.effect == Effect::Allow => {}
            Ok(decision) => assert_eq!(&*decision.errors[0].code, code::DEPTH, "{decision:#?}"),
            Err(error) => assert!(error.to_string().contains("deep"), "{error}"),
        }
    }
}
