//! Memory of machine code over many reloads. It stands alone in its process, whose mappings it reads.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, Ordering};

use hpol_lang::value::{JsonLimits, parse_json};
use hpol_runtime::source::Files;
use hpol_runtime::{Engine, EngineOptions, Input};

/// How often the policies are reloaded, from their text on.
const GENERATIONS: usize = if cfg!(debug_assertions) { 500 } else { 10_000 };

/// Bytes of executable memory that belong to no file.
fn code_bytes() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the process has mappings");
    let mapping = |line: &str| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let executable = fields.next()?.contains('x');
        let anonymous = fields.nth(2)? == "0" && fields.next().is_none();
        let bytes = u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?;
        (executable && anonymous).then_some(bytes)
    };
    maps.lines().filter_map(mapping).sum()
}

#[test]
fn code_memory_returns_to_that_of_one_generation() {
    let files = [1, 2].map(|number| {
        let rules: String = (0..10)
            .map(|rule| format!("allow \"a{rule}\" if {{ some x in input.items; x == {rule} + {number} }}\n"))
            .collect();
        let text = format!("package p\ninput: Items\ntype Items = {{ items: array[int] }}\n{rules}");
        Files::from_memory([("p.hpol", text)])
    });
    let input = parse_json(r#"{"items": [1, 2, 3]}"#, JsonLimits::default()).expect("valid JSON");
    let input = Input::new("Items", input);
    let engine = Engine::new(EngineOptions::default());
    let without = code_bytes();
    engine.load(&files[0]).expect("it compiles");
    let one = code_bytes();
    assert!(one > without, "the policy has machine code");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(engine.decide(&input).errors.is_empty());
            }
        });
        for generation in 1..=GENERATIONS {
            engine.load(&files[generation % 2]).expect("it compiles");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(code_bytes(), one);
    drop(engine);
    assert_eq!(code_bytes(), without);
}
