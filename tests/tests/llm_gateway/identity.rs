//! Tokens that hold, and tokens that do not.

use serde_json::json;

use super::gateway::Gateway;
use super::oidc::{self, GATEWAY, OTHER, SHORT};
use super::process::wait_for;
use super::provider::provider;

fn body(prompt: &str) -> String {
    json!({"model": "gpt-4o-mini", "input": prompt}).to_string()
}

#[test]
fn a_token_that_does_not_hold_is_refused_once_with_its_reason() {
    let gateway = Gateway::start();
    let prompt = "plain question about tokens";
    let expired = oidc::shared().token("ada", SHORT);
    wait_for("the token to end", || {
        (gateway.post_as(&expired, &body("plain question early")).status == 401).then_some(())
    });
    let refused_before = gateway.records("request").len();
    let tokens = [
        (expired, "token_expired"),
        (oidc::shared().token("ada", OTHER), "token_audience"),
        ("sk-not-a-token".to_owned(), "token_malformed"),
    ];
    let mut clients = Vec::new();
    for (token, _) in &tokens {
        clients.push(gateway.python_as(token, "openai", "responses", prompt, &[]));
        clients.push(gateway.python_as(token, "openai", "agents-chat", prompt, &["--stream"]));
        clients.push(gateway.javascript_as(token, "openai", prompt, &["--stream"]));
    }
    let count = clients.len();
    for client in clients {
        let seen = client.seen();
        let error = seen.failed();
        assert_eq!((error.class.as_str(), error.status), ("AuthenticationError", Some(401)), "{seen:?}");
        assert_eq!(error.code.as_deref(), Some("invalid_token"), "{seen:?}");
    }
    for (token, reason) in &tokens {
        let answer = gateway.post_as(token, &body(prompt));
        assert_eq!((answer.status, &answer.json()["error"]["reason"]), (401, &json!(reason)), "{answer:?}");
    }
    assert!(provider().requests("about tokens").is_empty());
    // One record for each client and each request by hand: nobody tried again.
    assert_eq!(gateway.records("request").len() - refused_before, count + tokens.len());
    gateway.finish();
}

#[test]
fn a_new_signing_key_needs_no_restart() {
    let oidc = oidc::rotating();
    let gateway = Gateway::start_with(oidc);
    let old = oidc.token("ada", GATEWAY);
    let before = gateway.python_as(&old, "openai", "responses", "plain question before rotation", &[]);
    assert_eq!(before.seen().answered(), "June was warm and dry.");
    oidc.rotate();
    // The keys at hand serve until they are fetched anew, which the first token of the new key brings about.
    assert_eq!(gateway.post_as(&old, &body("plain question in rotation")).status, 200);
    let new = oidc.token("ada", GATEWAY);
    let after = [
        gateway.python_as(&new, "openai", "agents", "plain question after rotation", &["--stream"]),
        gateway.javascript_as(&new, "openai", "plain question after rotation", &[]),
    ];
    for client in after {
        assert_eq!(client.seen().answered(), "June was warm and dry.");
    }
    // The provider withdrew the old key, and now the gateway knows.
    let answer = gateway.post_as(&old, &body("plain question too late"));
    assert_eq!((answer.status, &answer.json()["error"]["reason"]), (401, &json!("token_unknown_key")), "{answer:?}");
    gateway.finish();
}
