//! Explanations, as text.

use crate::common::{ORDERS, engine, input, order};

fn explained(policy: &str, input: &hpol_runtime::Input) -> String {
    engine(policy).explain(input).expect("a policy is loaded").to_string()
}

#[test]
fn why_a_request_was_not_allowed() {
    insta::assert_snapshot!(explained(ORDERS, &order("ada", &["staff"], 2000, "pen")));
}

#[test]
fn why_a_request_was_denied() {
    insta::assert_snapshot!(explained(ORDERS, &order("ada", &["managers"], 10, "cannon")));
}

#[test]
fn what_was_absent() {
    let json = r#"{"user": "ada", "groups": ["staff"], "amount": 10, "items": []}"#;
    insta::assert_snapshot!(explained(ORDERS, &input("Order", json)));
}

#[test]
fn an_input_of_the_wrong_type() {
    insta::assert_snapshot!(explained(ORDERS, &input("Order", r#"{"user": 1, "groups": [], "items": []}"#)));
}

#[test]
fn an_explanation_decides_as_the_engine_does() {
    let engine = engine(ORDERS);
    for amount in [10, 2000, 6000] {
        for group in ["staff", "managers"] {
            for item in ["pen", "sword"] {
                let order = order("ada", &[group], amount, item);
                assert_eq!(engine.explain(&order).expect("a policy is loaded").decision, engine.decide(&order));
            }
        }
    }
}
