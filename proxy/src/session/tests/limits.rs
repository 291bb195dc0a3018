//! Limits on what runs at a time, and a store that fails.

use serde_json::json;
use sqlx::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::*;
use crate::config::{TlsConfig, client_tls};

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
async fn clients_without_a_token_that_holds_are_refused() {
    let provider = json!({"issuer": "http://127.0.0.1:1", "audience": "hpol"});
    let provider = serde_json::from_value(provider).expect("a provider");
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        config.identity.anonymous = false;
        config.identity.oidc = Some(provider);
    })
    .await;
    let response = test.get("/v1/models").await.expect("an answer");
    assert!(response.headers().get("www-authenticate").is_some());
    let (status, body) = json_of(response).await;
    let error = &body["error"];
    assert_eq!((status, &error["code"], &error["reason"]), (401, &json!("invalid_token"), &json!("token_missing")));
    assert_eq!(error["type"], "authentication_error");
    // Its body is not read: it could be anything, of any size.
    let head =
        "POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nonsense\r\nContent-Length: 1000000\r\n\r\n";
    let answer = test.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(!answer.contains("nonsense"), "{answer}");
    let records = test.records("request").await;
    assert!(records.len() == 2 && records.iter().all(|record| !record.body.contains("nonsense")));
}

#[tokio::test]
async fn the_listener_speaks_tls() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata");
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        config.tls = Some(TlsConfig { certificate: data.join("server.pem"), key: data.join("server.key") });
    })
    .await;
    let trust = client_tls(Some(&data.join("ca.pem"))).expect("an authority");
    let stream = tokio::net::TcpStream::connect(test.gateway.address()).await.expect("the gateway listens");
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(trust));
    let mut stream = soon(connector.connect(name, stream)).await.expect("a handshake");
    stream.write_all(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    // Plain bytes on the TLS listener get no answer in HTTP, and the listener lives on.
    assert!(!test.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.starts_with("HTTP"));
    assert!(tokio::net::TcpStream::connect(test.gateway.address()).await.is_ok());
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
