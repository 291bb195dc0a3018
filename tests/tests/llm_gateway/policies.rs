//! Changes of the policy while the gateway runs.

use serde_json::{Value, json};

use super::gateway::Gateway;
use super::process::wait_for;
use super::repository::example_with;

/// Denies what passed before.
const RULE: &str = "\ndeny \"closed\" because \"closed for today\" if input.model == \"gpt-4o-mini\"\n";

fn body() -> String {
    json!({"model": "gpt-4o-mini", "input": "plain question about revisions"}).to_string()
}

/// The policy's status once this is so.
fn wait_for_policy(gateway: &Gateway, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || Some(gateway.policy()).filter(|policy| so(policy)))
}

#[test]
fn a_commit_changes_the_next_decision_and_no_running_stream() {
    let gateway = Gateway::start();
    let first = gateway.policy()["revision"].clone();
    let running = gateway.python("responses", "long story about commits", &["--stream"]);
    wait_for("the stream to begin", || (!gateway.records("decision").is_empty()).then_some(()));
    let commit = gateway.policies.commit(&example_with(RULE));
    wait_for_policy(&gateway, "the new revision", |policy| policy["revision"] == commit.as_str());
    let denied = gateway.post(&body());
    assert_eq!((denied.status, denied.code().as_str()), (403, "policy_denied"));
    let error = &denied.json()["error"];
    assert_eq!((&error["policy_revision"], &error["reasons"]), (&json!(commit), &json!(["closed for today"])));
    assert!(!gateway.outcomes().contains(&"complete".to_owned()), "the stream still runs");
    let seen = running.seen();
    assert_eq!(seen.streamed, seen.answered());
    assert!(seen.streamed.contains("Chapter 7"), "{seen:?}");
    let revisions: Vec<Value> = gateway.records("decision").iter().map(|it| it.body["revision"].clone()).collect();
    assert_eq!(revisions, [first, json!(commit)]);
    gateway.finish();
}

#[test]
fn a_broken_commit_or_a_lost_repository_leaves_the_last_good_policy() {
    let gateway = Gateway::start();
    let good = gateway.policy();
    assert_eq!(gateway.post(&body()).status, 200);
    let broken = gateway.policies.commit(&example_with("\nallow \"broken\" if input.modle == 1\n"));
    let policy = wait_for_policy(&gateway, "the refusal", |policy| policy["last_error"]["revision"] == broken.as_str());
    assert_eq!((&policy["revision"], &policy["generation"]), (&good["revision"], &good["generation"]));
    let message = policy["last_error"]["message"].as_str().expect("a message");
    assert!(message.contains("modle"), "{message}");
    assert_eq!(gateway.post(&body()).status, 200);
    assert!(gateway.metrics().contains("hpol_policy_rejected 1"), "{}", gateway.metrics());
    assert_eq!(gateway.records("policy_rejected").len(), 1);

    let path = gateway.policies.path();
    let aside = path.with_extension("aside");
    std::fs::rename(path, &aside).expect("the repository is moved");
    let policy = wait_for_policy(&gateway, "the loss", |policy| policy["source_error"].is_string());
    assert_eq!(policy["revision"], good["revision"]);
    assert_eq!(gateway.post(&body()).status, 200);
    std::fs::rename(&aside, path).expect("the repository is moved back");
    wait_for_policy(&gateway, "the return", |policy| policy["source_error"].is_null());
    let fixed = gateway.policies.commit(&example_with(RULE));
    wait_for_policy(&gateway, "the new revision", |policy| policy["revision"] == fixed.as_str());
    assert_eq!(gateway.post(&body()).code(), "policy_denied");
    assert_eq!((gateway.records("policy_unreadable").len(), gateway.records("policy_readable").len()), (1, 1));
    gateway.finish();
}
