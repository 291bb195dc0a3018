use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::code::Code;
use hpol_lang::value::{JsonLimits, parse_json};

use super::*;

/// How often the policies are swapped.
const GENERATIONS: usize = 10_000;
const THREADS: usize = 2;

fn with_code(built: &Built) -> Built {
    Built {
        typed: None,
        definitions: rustc_hash::FxHashMap::default(),
        program: built.program.clone(),
        code: Code::now(&built.program).expect("code is made"),
        inputs: built.inputs.clone(),
        kinds: built.kinds.clone(),
        conditions: built.conditions.clone(),
        warnings: Vec::new(),
    }
}

#[test]
fn generations_are_freed_when_their_last_evaluation_ends() {
    let policies = ["allow \"all\"", "deny \"all\" if input.n >= 0"].map(|rule| {
        let text =
            format!("package p\ninput: Number\ntype Number = {{ n: int }}\nallow \"some\" if input.n > 5\n{rule}\n");
        Files::from_memory([("p.hpol", text)])
    });
    let built = policies.clone().map(|files| {
        let options = EngineOptions { kind: EngineKind::Interpreter, ..EngineOptions::default() };
        let built = build::build(&files, &options).expect("it compiles");
        (files, built)
    });
    let engine = Engine::new(EngineOptions::default());
    engine.load(&policies[0]).expect("it compiles");
    let done = AtomicBool::new(false);
    let decided = AtomicU64::new(0);
    let value = parse_json(r#"{"n": 7}"#, JsonLimits::default()).expect("valid JSON");
    let input = Input::new("Number", value);
    let mut generations: Vec<Weak<Snapshot>> = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let decision = engine.decide(&input);
                    // Every decision is one policy's or the other's, never a mixture.
                    let expected =
                        if decision.policy_hash == *policies[0].hash() { Effect::Allow } else { Effect::Deny };
                    assert_eq!(decision.effect, expected);
                    assert!(decision.errors.is_empty());
                    decided.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for generation in 0..GENERATIONS {
            // What comes before the code is made once only: it would take most of the time.
            let (files, built) = &built[generation % 2];
            engine.install(files, with_code(built));
            generations.extend(engine.snapshot().as_ref().map(Arc::downgrade));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(engine.status().generation, GENERATIONS as u64 + 1);
    assert!(decided.load(Ordering::Relaxed) > 0);
    let alive = generations.iter().filter(|generation| generation.strong_count() > 0).count();
    assert_eq!(alive, 1, "only the current generation is kept");
}
