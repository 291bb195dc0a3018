//! Requests that wait for people.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::harness::*;
use crate::approvals::Answer;

const APPROVE: &str = r#"
package guard
input: llm.Request
allow "all" if true
approve "needs a word" by group("oncall") within 1h because "it is new" if input.model == "new"
mask "cards" any text using redact(detect.credit_card)
"#;

fn request(stream: bool) -> Json {
    json!({"model": "new", "stream": stream, "messages": [{"role": "user", "content": "hello, ada@example.com"}]})
}

fn completion() -> Json {
    json!({"id": "c", "choices": [{"index": 0, "message": {"content": "card 4111 1111 1111 1111"}, "finish_reason": "stop"}]})
}

#[tokio::test]
async fn a_request_is_held_and_sent_once_granted() {
    let test = TestGateway::start(APPROVE).await;
    let held = test.post("/v1/chat/completions", &request(false));
    let id = test.pending().await;
    assert!(test.upstream.is_untouched().await);
    // Approvers see what is asked for, without what detectors find in it.
    let summary = test.gateway.approvals().get(&id).await.expect("the approval").details.summary;
    assert_eq!((&summary["model"], &summary["texts"]), (&json!("new"), &json!(["hello, [email]"])));
    answer(test.gateway.approvals(), &id, Answer::Grant).await;
    test.upstream.call().await.reply_json(&completion()).await;
    let (status, body) = json_of(held.await.expect("an answer")).await;
    assert_eq!((status, &body["choices"][0]["message"]["content"]), (200, &json!("card [credit_card]")));
    for kind in ["approval_opened", "approval_answered", "approval_used", "response"] {
        assert_eq!(test.records(kind).await.len(), 1, "{kind}");
    }
    // Decided when it came and when it was granted.
    assert_eq!(test.records("decision").await.len(), 2);
    // The grant is used up: the same request asks anew.
    let again = test.post("/v1/chat/completions", &request(false));
    assert_ne!(test.pending().await, id);
    again.abort();
}

#[tokio::test]
async fn a_refusal_is_told_with_its_reason() {
    let test = TestGateway::start(APPROVE).await;
    let held = test.post("/v1/chat/completions", &request(false));
    let id = test.pending().await;
    answer(test.gateway.approvals(), &id, Answer::Refuse).await;
    let response = held.await.expect("an answer");
    assert_eq!(response.headers().get("x-should-retry").map(|value| value.as_bytes()), Some(&b"false"[..]));
    let (status, body) = json_of(response).await;
    assert_eq!(
        (status, &body["error"]["code"], &body["error"]["type"]),
        (403, &json!("approval_refused"), &json!("policy_violation"))
    );
    assert_eq!(body["error"]["message"], json!(format!("approval {id} was refused by grace: as discussed")));
    assert_eq!((&body["error"]["rules"], &body["error"]["reasons"]), (&json!(["needs a word"]), &json!(["it is new"])));
    assert!(test.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_stream_is_kept_alive_while_it_waits() {
    let test = TestGateway::start(APPROVE).await;
    let mut held = soon(test.post("/v1/chat/completions", &request(true))).await.expect("an answer");
    assert_eq!(held.status().as_u16(), 200);
    let comment = next_piece(&mut held).await.expect("a comment");
    let id = test.pending().await;
    assert_eq!(comment, format!(": waiting for approval {id}\n\n"));
    answer(test.gateway.approvals(), &id, Answer::Grant).await;
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    let chunk =
        json!({"choices": [{"index": 0, "delta": {"content": "4111 1111 1111 1111"}, "finish_reason": "stop"}]});
    call.chunk(format!("data: {chunk}\n\ndata: [DONE]\n\n")).await;
    call.end_events().await;
    let text = text_of(held).await;
    assert!(text.contains("[credit_card]") && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(test.outcome().await, "complete");
}

#[tokio::test]
async fn a_stream_that_is_refused_or_answered_with_an_error_ends_with_one() {
    let test = TestGateway::start(APPROVE).await;
    let held = soon(test.post("/v1/chat/completions", &request(true))).await.expect("an answer");
    answer(test.gateway.approvals(), &test.pending().await, Answer::Refuse).await;
    let text = text_of(held).await;
    assert!(text.contains("\"code\":\"approval_refused\""), "{text}");

    let test = TestGateway::start(APPROVE).await;
    let held = soon(test.post("/v1/chat/completions", &request(true))).await.expect("an answer");
    answer(test.gateway.approvals(), &test.pending().await, Answer::Grant).await;
    let call = test.upstream.call().await;
    call.reply(
        "429 Too Many Requests",
        "content-type: application/json\r\n",
        r#"{"error":{"message":"4111 1111 1111 1111"}}"#,
    )
    .await;
    let text = text_of(held).await;
    assert!(text.contains("\"code\":\"upstream_error\"") && text.contains("429"), "{text}");
    assert!(!text.contains("4111 1111"), "{text}");
}

#[tokio::test]
async fn nobody_answering_is_a_refusal() {
    let test = TestGateway::start_with(APPROVE, |config| config.approvals.max_within = Duration::from_millis(50)).await;
    let (status, body) = json_of(test.post("/v1/chat/completions", &request(false)).await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("approval_expired")));
    assert!(test.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_client_that_tries_again_finds_its_approval() {
    let test = TestGateway::start(APPROVE).await;
    let first = test.post("/v1/chat/completions", &request(false));
    let id = test.pending().await;
    first.abort();
    assert_eq!(test.outcome().await, "client_gone");
    let second = test.post("/v1/chat/completions", &request(false));
    assert_eq!(test.pending().await, id);
    answer(test.gateway.approvals(), &id, Answer::Grant).await;
    test.upstream.call().await.reply_json(&completion()).await;
    assert_eq!(second.await.expect("an answer").status().as_u16(), 200);
    assert_eq!(test.records("approval_opened").await.len(), 1);
    // Another request is another approval.
    let mut other = request(false);
    other["messages"][0]["content"] = json!("something else");
    let other = test.post("/v1/chat/completions", &other);
    assert_ne!(test.pending().await, id);
    other.abort();
}

#[tokio::test]
async fn a_policy_that_changes_meanwhile_decides_anew() {
    let test = TestGateway::start(APPROVE).await;
    let held = test.post("/v1/chat/completions", &request(false));
    let id = test.pending().await;
    load(&test.engine, &format!("{APPROVE}\ndeny \"not any more\" if input.model == \"new\"\n"));
    answer(test.gateway.approvals(), &id, Answer::Grant).await;
    let (status, body) = json_of(held.await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["rules"]), (403, &json!(["not any more"])));
    assert!(test.upstream.is_untouched().await);
    assert!(test.records("approval_used").await.is_empty());
}
