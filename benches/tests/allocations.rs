//! What grows with a request takes its memory once: warm decisions on long lists allocate nothing.
#![forbid(unsafe_code)]

use std::alloc::System;

use hpol_benches::error::BenchError;
use hpol_benches::loading::{Allocated, Allocations, allocations};
use hpol_benches::policy::Case;
use hpol_benches::policy::growth::{Items, Joined};
use hpol_runtime::source::Files;
use hpol_runtime::{Effect, Engine, EngineOptions, Evaluator};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Elements of a list: enough for an index to be made over it.
const ELEMENTS: usize = 100;

/// One test for everything, because allocations are those of the whole process.
#[test]
fn warm_decisions_allocate_nothing() -> Result<(), BenchError> {
    for case in [Case::new(Joined::new(ELEMENTS)), Case::new(Items::new(ELEMENTS))] {
        let counted = allocations(&case, || Allocated::of(&ALLOCATOR.stats()))?;
        assert_eq!(counted, Allocations { prepared: 0.0, json: 0.0 }, "{}", case.name);
    }
    let of_map = allocations_of_a_map();
    assert_eq!(of_map, 0, "of a map for serde");
    Ok(())
}

/// Allocations of warm decisions on a request that the host has as a map for serde.
fn allocations_of_a_map() -> usize {
    let policy = r#"package guard
input: Call
type Call = {user: string, "team name": string}
allow "ada" if input.user == "ada"
deny "blue" if input["team name"] == "blue"
"#;
    let engine = Engine::new(EngineOptions::default());
    assert!(engine.load(&Files::from_memory([("guard.hpol", policy)])).is_ok());
    let mut evaluator = Evaluator::new(&engine);
    evaluator.surround(Some(0), None);
    let request = json!({"user": "ada", "team name": "red"});
    let mut decide = || {
        evaluator.set_typed("Call", &request);
        assert_eq!(evaluator.decide().effect(), Effect::Allow);
    };
    (0..20).for_each(|_| decide());
    let before = Allocated::of(&ALLOCATOR.stats()).times;
    (0..20).for_each(|_| decide());
    Allocated::of(&ALLOCATOR.stats()).times - before
}
