//! Requests that two servers could read in two ways, and bodies that cannot be read.

use std::io::Write as _;

use http::Method;
use http_body_util::Full;
use serde_json::json;

use super::harness::*;

const ALLOW_ALL: &str = r#"
package guard
input: http.Request
allow "all" if true
"#;

#[tokio::test]
async fn smuggled_requests_are_refused_and_the_connection_ends() {
    let test = TestGateway::start(ALLOW_ALL).await;
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases = [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked", body.len()),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}", body.len()),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: chunked, identity".to_owned(),
        "Transfer-Encoding : chunked".to_owned(),
        "Content-Length: 5\r\nContent-Length: 6".to_owned(),
        "Content-Length: 5\r\nContent-Length: 5".to_owned(),
        "Content-Length: +5".to_owned(),
        "Host: y".to_owned(),
        "A: b\nContent-Length: 5".to_owned(),
        "A: b\r\n folded: 1".to_owned(),
        "A: b\0c".to_owned(),
        "Upgrade: websocket\r\nConnection: Upgrade".to_owned(),
        "Expect: something".to_owned(),
    ];
    for headers in cases {
        let answer = test.raw(format!("POST /a HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{body}").as_bytes()).await;
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["400", "501"].contains(&status), "{headers:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {answer}");
    }
    for head in [
        "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://other/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /a/../b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET //a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /a%2fb HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /%2e%2e/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /a HTTP/1.1\nHost: x\nConnection: close\n\n",
        "GET /a HTTP/2.0\r\nHost: x\r\n\r\n",
        "not http at all\r\n\r\n",
    ] {
        let answer = test.raw(head.as_bytes()).await;
        assert!(["400", "501", "505"].contains(&answer.get(9..12).unwrap_or_default()), "{head:?}: {answer}");
    }
    assert!(test.upstream.is_untouched().await);
    assert!(test.records("request").await.len() >= 20, "each is recorded");
}

#[tokio::test]
async fn what_follows_a_refused_request_is_not_served() {
    let test = TestGateway::start(ALLOW_ALL).await;
    let smuggled = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
    let bytes = format!(
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}{smuggled}"
    );
    let answer = test.raw(bytes.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("\"code\":\"malformed_request\""), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert!(test.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_denied_request_leaves_its_connection_usable() {
    let test = TestGateway::start(ALLOW_LLM).await;
    let body = "{\"a\": 1}";
    let first = format!(
        "POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let last = "GET /v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = test.raw(format!("{first}{first}{last}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 403 Forbidden").count(), 3, "{answer}");
    assert_eq!(test.records("decision").await.len(), 3);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_have_a_code() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| config.limits.body_size = 2_000).await;
    let json = "application/json";
    let large = format!("{{\"model\": \"{}\"}}", "x".repeat(2_000));
    let cases: [(&str, &str, u16, &str); 12] = [
        (json, "{\"model\": ", 400, "invalid_json"),
        (json, "{\"model\": \"a\", \"model\": \"b\"}", 400, "invalid_json"),
        (json, "", 400, "invalid_json"),
        (json, "[]", 400, "invalid_request"),
        (json, "{\"model\": 1}", 400, "invalid_request"),
        (json, "{\"stream\": \"yes\"}", 400, "invalid_request"),
        (json, "{\"input\": [{\"role\": \"user\", \"content\": 5}]}", 400, "invalid_request"),
        (json, "{\"input\": [{\"role\": \"user\", \"content\": [{\"text\": \"no kind\"}]}]}", 400, "invalid_request"),
        ("application/json; charset=utf-16", "{}", 400, "invalid_json"),
        ("text/plain", "{}", 415, "unsupported_media_type"),
        (json, &large, 413, "request_too_large"),
        (json, &"[".repeat(500), 400, "invalid_json"),
    ];
    for (media_type, body, status, code) in cases {
        let response = test.post_text("/v1/responses", media_type, body.to_owned()).await.expect("an answer");
        assert_eq!(response.headers().get("x-should-retry").map(|value| value.as_bytes()), Some(&b"false"[..]));
        let (found, answer) = json_of(response).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{body}: {answer}");
    }
    // The same in chunks, whose length nobody says before.
    let chunks = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let head = "POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = test.raw(format!("{head}{chunks}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(test.upstream.is_untouched().await);
}

#[tokio::test]
async fn compressed_requests_are_decoded_within_limits() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| config.limits.body_size = 10_000).await;
    let compress = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    };
    let request = |encoding: &str, body: Vec<u8>| {
        let request = test.build(Method::POST, "/v1/responses").header("content-type", "application/json");
        test.request(request.header("content-encoding", encoding).body(Full::from(body)).expect("a request"))
    };
    let answer = request("gzip", compress(responses_request().to_string().as_bytes()));
    let call = test.upstream.call().await;
    assert_eq!(call.body, responses_request().to_string());
    assert_eq!(call.header("content-encoding"), None);
    call.reply_json(&json!({})).await;
    assert_eq!(answer.await.expect("an answer").status().as_u16(), 200);
    for (encoding, body, status, code) in [
        ("gzip", compress(&vec![b' '; 1 << 20]), 413, "request_too_large"),
        ("gzip", b"no gzip".to_vec(), 400, "invalid_body"),
        ("br", b"x".to_vec(), 415, "unsupported_encoding"),
    ] {
        let (found, answer) = json_of(request(encoding, body).await.expect("an answer")).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)));
    }
}
