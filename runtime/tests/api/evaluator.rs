//! Evaluators: nothing of a decision is left in the next one, however it ended.

use std::sync::Arc;

use hpol_runtime::state::EmptyState;
use hpol_runtime::{Effect, EngineKind, Evaluator, Input, Limits, Ruling};

use crate::common::{engine_with, input};

/// Each kind of request ends in another way, and in the midst of something.
const POLICY: &str = r#"package guard

input: Ask

type Ask = {kind: string, n: int, team?: string, items: array[int], orders: array[{id: int, of: int}]}

counter asks = count() if input.kind != "none" per input.kind window 1h

emit label "asked" if doubled > 3

tenth := 10 / input.n

doubled := input.n * 2 if input.n > 1

deep(n) := n if tenth > n

allow "all" because $"{input.kind} is allowed" if doubled > 1

deny "error in a replaced input" if { input.kind == "replaced"; deep(1) > 0 with input.n as 0 }

deny "limit in a collection in a replaced input" if {
  input.kind == "work"
  count([a + b | some a in input.items; some b in input.items; tenth > 0]) > 100000 with input.n as 1
}

deny "memory" if { input.kind == "memory"; count([[a, b] | some a in input.items; some b in input.items]) > 100000 }

deny "absent" because "no team" if { input.kind == "absent"; doubled > 3; input.team == "red" }

deny "joined" if {
  input.kind == "joined"
  some order in input.orders
  some other in input.orders
  other.id == order.of
  other.of == 1000
}

deny "asked often" if { input.kind == "state"; asks > 100 }

deny "labelled" if { input.kind == "state"; "bad" in session.labels }
"#;

fn request(kind: &str, n: i64, items: usize) -> Input {
    let items: Vec<String> = (0..items).map(|item| item.to_string()).collect();
    let orders: Vec<String> = (0..40).map(|id| format!(r#"{{"id": {id}, "of": {}}}"#, id / 2)).collect();
    let (items, orders) = (items.join(", "), orders.join(", "));
    let json = format!(r#"{{"kind": "{kind}", "n": {n}, "items": [{items}], "orders": [{orders}]}}"#);
    input("Ask", &json).with_state(Arc::new(EmptyState))
}

/// Everything that a ruling tells.
fn told(ruling: Ruling<'_>) -> String {
    let rules: Vec<_> = ruling.rules().collect();
    let reasons: Vec<_> = ruling.reasons().collect();
    let left = (ruling.labels().collect::<Vec<_>>(), ruling.increments().collect::<Vec<_>>());
    format!("{:?}\n{rules:?}\n{reasons:?}\n{:?}\n{left:?}", ruling.effect(), ruling.errors())
}

#[test]
fn a_decision_is_the_same_behind_any_other() {
    let mut requests = vec![input("Ask", r#"{"kind": 1}"#), input("Unknown", "{}")];
    for (kind, items) in [("work", 150), ("memory", 100)] {
        requests.push(request(kind, 4, items));
    }
    for kind in ["none", "replaced", "work", "memory", "absent", "joined", "state"] {
        requests.extend([0, 1, 4].map(|n| request(kind, n, 3)));
    }
    let limits = Limits { fuel: 15_000, memory_bytes: 100_000, ..Limits::default() };
    for kind in [EngineKind::Jit, EngineKind::Interpreter] {
        let engine = engine_with(POLICY, kind, limits);
        let fresh = requests.iter().map(|request| {
            let mut evaluator = Evaluator::new(&engine);
            evaluator.set_input(request);
            (told(evaluator.decide()), engine.decide(request))
        });
        let fresh = fresh.collect::<Vec<_>>();
        let codes = |at: usize| fresh[at].1.errors.iter().map(|error| error.code.to_string()).collect::<Vec<_>>();
        assert_eq!((codes(2), codes(3)), (vec!["limit_fuel".to_owned()], vec!["limit_memory".to_owned()]));
        for effect in [Effect::Allow, Effect::Deny] {
            assert!(fresh.iter().any(|(_, decision)| decision.effect == effect && decision.errors.is_empty()));
        }
        let mut evaluator = Evaluator::new(&engine);
        for (before, _) in requests.iter().zip(&fresh) {
            for (at, (request, (ruled, decided))) in requests.iter().zip(&fresh).enumerate() {
                evaluator.set_input(before);
                evaluator.decide();
                if at % 2 == 0 {
                    evaluator.surround(Some(request.now_nanoseconds()), request.state().cloned());
                    evaluator.set_json(request.kind(), &request.value().to_json());
                } else {
                    evaluator.set_input(request);
                }
                for _ in 0..2 {
                    assert_eq!(told(evaluator.decide()), *ruled, "{kind:?}, behind {before:?}");
                }
                assert_eq!(evaluator.decision(), *decided, "{kind:?}, behind {before:?}");
                assert_eq!(told(evaluator.decide()), *ruled, "{kind:?}, behind a decision");
            }
        }
    }
}

#[test]
fn lists_that_are_joined_take_as_much_work_on_both_evaluators() {
    let request = request("joined", 4, 3);
    let is_enough = |kind, fuel| {
        let decision = engine_with(POLICY, kind, Limits { fuel, ..Limits::default() }).decide(&request);
        decision.errors.is_empty()
    };
    let [jit, interpreter] = [EngineKind::Jit, EngineKind::Interpreter].map(|kind| {
        let (mut too_little, mut enough) = (0, 4_096);
        assert!(is_enough(kind, enough));
        while enough - too_little > 1 {
            let fuel = (too_little + enough) / 2;
            if is_enough(kind, fuel) {
                enough = fuel;
            } else {
                too_little = fuel;
            }
        }
        enough
    });
    assert_eq!(jit, interpreter);
}
