//! What the tests of the public API share.

use hpol_lang::value::{JsonLimits, Value, parse_json};
use hpol_runtime::source::Files;
use hpol_runtime::{Engine, EngineKind, EngineOptions, Input, Limits};

/// A policy over orders, with one rule of each effect.
pub(crate) const ORDERS: &str = r#"package orders.guard

input: Order

type Order = {
  user: string,
  groups: array[string],
  amount: int,
  items: array[{name: string, price: int}],
  country?: string,
}

manager if "managers" in input.groups

allow "small orders" if input.amount < 1000

allow "managers" because "managers may order anything" if manager

deny "weapons" because $"{item.name} may not be ordered" if {
  some item in input.items
  item.name in {"sword", "cannon"}
}

deny "embargo" if input.country in {"atlantis"}

approve "large orders" by group("finance") quorum 2 within 10m if input.amount > 5000

mask "user" response field("user") using hash unless manager

mask "cards" any text using redact(detect.pattern("[0-9]{16}"))
"#;

pub(crate) fn value(json: &str) -> Value {
    parse_json(json, JsonLimits::default()).expect("valid JSON")
}

pub(crate) fn input(kind: &str, json: &str) -> Input {
    Input::new(kind, value(json)).at(1_750_000_000_000_000_000)
}

pub(crate) fn order(user: &str, groups: &[&str], amount: i64, item: &str) -> Input {
    let groups: Vec<String> = groups.iter().map(|group| format!("{group:?}")).collect();
    let groups = groups.join(", ");
    let items = format!(r#"[{{"name": "{item}", "price": {amount}}}]"#);
    let json = format!(
        r#"{{"user": "{user}", "groups": [{groups}], "amount": {amount}, "items": {items}, "country": "france"}}"#
    );
    input("Order", &json)
}

pub(crate) fn engine(policy: &str) -> Engine {
    engine_with(policy, EngineKind::Jit, Limits::default())
}

pub(crate) fn engine_with(policy: &str, kind: EngineKind, limits: Limits) -> Engine {
    let engine = Engine::new(EngineOptions { kind, limits, ..EngineOptions::default() });
    if let Err(error) = engine.load(&Files::from_memory([("policy.hpol", policy)])) {
        panic!("the policy does not compile:\n{error}");
    }
    engine
}
