//! A converted policy gives the results of the old one.

use hpol_lang::convert::{ConvertOptions, convert};
use hpol_lang::value::Value;
use hpol_runtime::source::Files;
use hpol_runtime::{Effect, Engine, EngineKind, EngineOptions, Input};
use proptest::prelude::*;

use crate::common::value;

const ORDERS: &str = r#"package orders

default allow := false

allow if {
	"staff" in input.groups
	some item in input.items
	item.price < 100
	count(deny) == 0
}

allow if manager

manager if "managers" in input.groups

cheap(item) if item.price < limit

limit := 50

allow if {
	input.user == "eve"
	every item in input.items { cheap(item) }
	not input.rush
}

deny contains msg if {
	some item in input.items
	item.kind == "weapon"
	msg := sprintf("%s is a weapon", [item.name])
}

deny contains "closed" if {
	input.day in {"saturday", "sunday"}
	not manager
}
"#;

const ADMISSION: &str = r#"package admission

deny contains msg if {
	input.kind == "Pod"
	container := input.containers[_]
	not startswith(container.image, "registry.example/")
	msg := sprintf("image %v is from elsewhere", [container.image])
}

deny contains msg if {
	some container in input.containers
	container.cpu > 4
	msg := "too much"
}
"#;

fn engine(name: &str, text: &str) -> Engine {
    let engine = Engine::new(EngineOptions { kind: EngineKind::Interpreter, ..EngineOptions::default() });
    engine.load(&Files::from_memory([(name, text)])).unwrap_or_else(|error| panic!("{error}\n{text}"));
    engine
}

/// The engines of the old and the new text.
fn both(package: &str, rego: &str) -> (Engine, Engine) {
    let converted = convert("old.rego", rego, &ConvertOptions::default(), &hpol_stdlib::environment());
    let converted = converted.expect("it is Rego");
    assert!(converted.is_complete(), "{package}: {:?}", converted.notes);
    (engine("old.rego", rego), engine("new.hpol", &converted.text))
}

/// What the old policy comes to, and what the new one decides, with the reasons.
fn compare(engines: &(Engine, Engine), package: &str, allows: bool, input: &Value) {
    let ask = |rule: &str| engines.0.query(&format!("data.{package}.{rule}"), Some(input)).expect("an answer");
    let reasons = match ask("deny") {
        Some(Value::Set(reasons)) => reasons.iter().filter_map(|reason| reason.as_str().map(str::to_owned)).collect(),
        other => panic!("{other:?}"),
    };
    let mut reasons: Vec<String> = reasons;
    let allowed = reasons.is_empty() && (!allows || ask("allow") == Some(Value::Bool(true)));
    let decision = engines.1.decide(&Input::new("Input", input.clone()));
    assert!(decision.errors.is_empty(), "{input}: {decision:?}");
    assert_eq!(decision.effect != Effect::Deny, allowed, "{input}: {decision:?}");
    if !reasons.is_empty() {
        let mut given = decision.reasons.clone();
        given.sort();
        reasons.sort();
        // A rule that several elements match gives the reason of one of them.
        assert!(!given.is_empty() && given.iter().all(|reason| reasons.contains(reason)), "{given:?} {reasons:?}");
    }
}

fn item() -> impl Strategy<Value = String> {
    (prop_oneof!["pen", "weapon"], 0..150)
        .prop_map(|(kind, price)| format!(r#"{{"kind": "{kind}", "name": "{kind} {price}", "price": {price}}}"#))
}

fn order() -> impl Strategy<Value = Value> {
    let groups = prop::collection::vec(prop_oneof!["staff", "managers", "guests"], 0..3);
    let day = prop_oneof!["monday", "sunday"];
    let user = prop_oneof!["ada", "eve"];
    (groups, day, user, any::<bool>(), prop::collection::vec(item(), 0..3)).prop_map(
        |(groups, day, user, rush, items)| {
            value(&format!(
                r#"{{"groups": {groups:?}, "day": "{day}", "user": "{user}", "rush": {rush}, "items": [{}]}}"#,
                items.join(", ")
            ))
        },
    )
}

fn pod() -> impl Strategy<Value = Value> {
    let container = (prop_oneof!["registry.example/a", "elsewhere/b"], 0..9)
        .prop_map(|(image, cpu)| format!(r#"{{"image": "{image}", "cpu": {cpu}}}"#));
    (prop_oneof!["Pod", "Job"], prop::collection::vec(container, 0..3)).prop_map(|(kind, containers)| {
        value(&format!(r#"{{"kind": "{kind}", "containers": [{}]}}"#, containers.join(", ")))
    })
}

#[test]
fn converted_policies_decide_as_before() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let orders = both("orders", ORDERS);
    runner
        .run(&order(), |input| {
            compare(&orders, "orders", true, &input);
            Ok(())
        })
        .expect("the same results");
    let admission = both("admission", ADMISSION);
    runner
        .run(&pod(), |input| {
            compare(&admission, "admission", false, &input);
            Ok(())
        })
        .expect("the same results");
}
