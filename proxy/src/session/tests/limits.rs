//! Limits on what runs at a time, and a store that fails.

use serde_json::json;
use sqlx::Connection;

use super::harness::*;

#[tokio::test]
async fn too_many_requests_are_refused_and_room_is_given_back() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        config.limits.concurrency = 2;
        config.limits.concurrency_per_identity = 1;
    })
    .await;
    let first = test.post("/v1/responses", &responses_request());
    let call = test.upstream.call().await;
    let (status, body) = json_of(test.post("/v1/responses", &responses_request()).await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("too_many_requests")));
    call.reply_json(&json!({})).await;
    assert_eq!(first.await.expect("an answer").status().as_u16(), 200);
    let again = test.post("/v1/responses", &responses_request());
    test.upstream.call().await.reply_json(&json!({})).await;
    assert_eq!(again.await.expect("an answer").status().as_u16(), 200);

    let test = TestGateway::start_with(ALLOW_LLM, |config| config.limits.concurrency = 1).await;
    let first = test.post("/v1/responses", &responses_request());
    let call = test.upstream.call().await;
    let (status, body) = json_of(test.post("/v1/responses", &responses_request()).await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("overloaded")));
    call.reply_json(&json!({})).await;
    assert_eq!(first.await.expect("an answer").status().as_u16(), 200);
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_pass() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        config.store.busy_timeout = std::time::Duration::from_millis(20);
    })
    .await;
    let address = format!("sqlite://{}", test.store_path().display());
    let mut other = sqlx::SqliteConnection::connect(&address).await.expect("the store opens");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("a lock");
    let (status, body) = json_of(test.post("/v1/responses", &responses_request()).await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("store_unavailable")), "{body}");
    assert!(test.upstream.is_untouched().await);
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("the lock is free");
    let answer = test.post("/v1/responses", &responses_request());
    test.upstream.call().await.reply_json(&json!({})).await;
    assert_eq!(answer.await.expect("an answer").status().as_u16(), 200);
}

#[tokio::test]
async fn heads_are_limited_in_size_count_and_time() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        config.limits.header_size = 8 << 10;
        config.limits.header_time = std::time::Duration::from_millis(100);
    })
    .await;
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(20_000));
    assert!(test.raw(large.as_bytes()).await.starts_with("HTTP/1.1 4"));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(101));
    assert!(test.raw(many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(8_000));
    assert!(test.raw(long.as_bytes()).await.starts_with("HTTP/1.1 4"));
    // Half a head and then silence: the gateway closes the connection.
    test.raw(b"GET / HTTP/1.1\r\nHost").await;
    assert!(test.upstream.is_untouched().await);
}
