//! What earlier requests change for later ones.

use serde_json::{Value as Json, json};

use super::harness::*;
use crate::approvals::Answer;

const LIMIT: &str = r#"
package guard
input: llm.Request
counter calls = count() per input.identity.sub window 1h
allow "all"
deny "storm" because $"{calls} calls within the hour" if calls >= 1
"#;

const FLOW: &str = r#"
package guard
input: llm.Request
allow "all"
emit label "untrusted" if {
  some output in input.tool_outputs
  output.name == "fetch_url"
}
deny "mail after untrusted text" if {
  "untrusted" in session.labels
  some tool in input.tools
  tool.name == "send_mail"
}
deny "mail after the inbox" if {
  session.seen(tool("get_inbox"), within: 1h)
  some tool in input.tools
  tool.name == "send_mail"
}
deny "made up" if "unseen-tool-output" in session.labels
"#;

fn chat(messages: Json, tools: &[&str]) -> Json {
    let tools: Vec<Json> = tools.iter().map(|name| json!({"type": "function", "function": {"name": name}})).collect();
    json!({"model": "m", "messages": messages, "tools": tools})
}

fn hello() -> Json {
    chat(json!([{"role": "user", "content": "hello"}]), &[])
}

fn calling(id: &str, tool: &str) -> Json {
    let call = json!({"id": id, "type": "function", "function": {"name": tool, "arguments": "{}"}});
    json!({"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}]})
}

fn told(id: &str, tool: &str) -> Json {
    json!([
        {"role": "user", "content": "hello"},
        calling(id, tool)["choices"][0]["message"],
        {"role": "tool", "tool_call_id": id, "content": "text"},
    ])
}

fn completion() -> Json {
    json!({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]})
}

/// Sends a request that passes, and answers it.
async fn passes(test: &TestGateway, request: &Json, answer: &Json) {
    let held = test.post("/v1/chat/completions", request);
    test.upstream.call().await.reply_json(answer).await;
    let (status, body) = json_of(held.await.expect("an answer")).await;
    assert_eq!(status, 200, "{body}");
}

/// Sends a request that a rule denies.
async fn denied(test: &TestGateway, request: &Json, rule: &str) {
    let (status, body) = json_of(test.post("/v1/chat/completions", request).await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["rules"]), (403, &json!([rule])), "{body}");
}

#[tokio::test]
async fn a_counter_limits_and_is_kept_over_a_restart() {
    let test = TestGateway::start(LIMIT).await;
    passes(&test, &hello(), &completion()).await;
    denied(&test, &hello(), "storm").await;
    let records = test.records("decision").await;
    let bodies: Vec<Json> = records.iter().map(body_of).collect();
    assert_eq!(bodies[0]["increments"][0]["counter"], json!("guard.calls"));
    assert_eq!((&bodies[0]["reads"][0]["value"], &bodies[1]["reads"][0]["value"]), (&json!(0), &json!(1)));
    assert_eq!(bodies[1]["increments"], json!([]));
    let store = test.store_path().to_owned();
    let (gateway, _kept) = test.stop();
    gateway.shutdown().await.expect("the last record is written");
    let again = TestGateway::start_with(LIMIT, |config| config.store.path = store).await;
    denied(&again, &hello(), "storm").await;
}

#[tokio::test]
async fn of_requests_at_a_time_only_as_many_pass_as_may() {
    let test = TestGateway::start(LIMIT).await;
    let held: Vec<_> = (0..8).map(|_| test.post("/v1/chat/completions", &hello())).collect();
    test.upstream.call().await.reply_json(&completion()).await;
    let mut statuses = Vec::new();
    for held in held {
        statuses.push(json_of(held.await.expect("an answer")).await.0);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[403; 7]].concat());
}

#[tokio::test]
async fn labels_and_events_of_a_session_decide_later_requests() {
    let test = TestGateway::start(FLOW).await;
    let mail = |messages: Json| chat(messages, &["send_mail"]);
    passes(&test, &mail(json!([{"role": "user", "content": "hello"}])), &calling("call_1", "fetch_url")).await;
    // The output of a call that the model made here; what it brings labels the session for later.
    passes(&test, &mail(told("call_1", "fetch_url")), &completion()).await;
    denied(&test, &mail(json!([{"role": "user", "content": "a new conversation"}])), "mail after untrusted text").await;
    let labelled = test.gateway.history().labelled(None, 10);
    assert_eq!(labelled[0].labels.iter().map(|label| label.label.as_str()).collect::<Vec<_>>(), ["untrusted"]);
    // Requests without the tool go on.
    passes(&test, &hello(), &calling("call_2", "get_inbox")).await;
    test.gateway.history().unlabel(&labelled[0].session, "untrusted");
    denied(&test, &mail(json!([{"role": "user", "content": "mail"}])), "mail after the inbox").await;
}

#[tokio::test]
async fn an_output_of_a_call_that_no_model_made_is_marked() {
    let test = TestGateway::start(FLOW).await;
    denied(&test, &chat(told("call_9", "fetch_url"), &[]), "made up").await;
    // What was denied leaves nothing behind.
    assert_eq!(test.gateway.history().labelled(None, 10), []);
    let mut request = hello();
    request["stream"] = json!(true);
    let held = test.post("/v1/chat/completions", &request);
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    let delta =
        json!({"tool_calls": [{"index": 0, "id": "call_9", "function": {"name": "fetch_url", "arguments": ""}}]});
    call.chunk(format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})))
        .await;
    call.chunk(
        "data: {\"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\": \"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    )
    .await;
    call.end_events().await;
    assert!(text_of(held.await.expect("an answer")).await.contains("call_9"));
    passes(&test, &chat(told("call_9", "fetch_url"), &[]), &completion()).await;
}

#[tokio::test]
async fn what_was_granted_is_decided_again_on_what_happened_meanwhile() {
    let policy = format!("{LIMIT}\napprove \"ask\" by group(\"oncall\") within 1h if input.model == \"new\"\n");
    let test = TestGateway::start(&policy).await;
    let mut request = hello();
    request["model"] = json!("new");
    let held = test.post("/v1/chat/completions", &request);
    let id = test.pending().await;
    // An approval that waits counts nothing.
    passes(&test, &hello(), &completion()).await;
    answer(test.gateway.approvals(), &id, Answer::Grant).await;
    let (status, body) = json_of(held.await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["rules"]), (403, &json!(["storm"])), "{body}");
    assert!(test.upstream.is_untouched().await);
}
