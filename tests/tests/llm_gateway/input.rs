//! Requests that no SDK would send.

use super::gateway::Gateway;
use super::http;

#[test]
fn bad_requests_get_a_clear_error_and_a_record() {
    let gateway = Gateway::start();
    let bearer = format!("Bearer {}", gateway.token("ada"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let send = |line: &str, headers: &[(&str, &str)], body: &str| {
        let answer = http::send(gateway.address(), line, headers, body);
        assert!(answer.head.contains("x-should-retry: false"), "{answer:?}");
        (answer.status, answer.code())
    };
    let post = "POST /openai/v1/responses HTTP/1.1";
    let oversized = [headers[0], headers[1], ("content-length", "65537")];
    assert_eq!(send(post, &oversized, ""), (413, "request_too_large".to_owned()));
    assert_eq!(send(post, &headers, r#"{"model": "gpt-4o-mini", "#), (400, "invalid_json".to_owned()));
    let twice = r#"{"model": "gpt-4o-mini", "model": "gpt-4o", "input": "plain question"}"#;
    assert_eq!(send(post, &headers, twice), (400, "invalid_json".to_owned()));
    assert_eq!(send(post, &headers, r#"["plain question"]"#), (400, "invalid_request".to_owned()));
    assert_eq!(send(post, &headers[..1], "{}"), (415, "unsupported_media_type".to_owned()));
    assert_eq!(send("POST /elsewhere/v1/responses HTTP/1.1", &headers, "{}"), (404, "unknown_path".to_owned()));
    let refused: Vec<String> = gateway
        .records("request")
        .iter()
        .map(|record| record.body["outcome"].as_str().unwrap_or_default().to_owned())
        .collect();
    let expected = [
        "request_too_large",
        "invalid_json",
        "invalid_json",
        "invalid_request",
        "unsupported_media_type",
        "unknown_path",
    ];
    assert_eq!(refused, expected);
    // An endpoint without a meaning of its own is plain HTTP, which this policy does not allow.
    assert_eq!(send("GET /openai/v1/models HTTP/1.1", &headers[..1], ""), (403, "policy_denied".to_owned()));
    assert_eq!(gateway.effects(), ["deny"]);
    assert_eq!(gateway.post(r#"{"model": "gpt-4o-mini", "input": "plain question at last"}"#).status, 200);
    gateway.finish();
}

#[test]
fn a_prompt_beyond_the_limit_raises_a_typed_error_once() {
    let gateway = Gateway::start();
    let prompt = "plain question, very long ".repeat(4000);
    let clients = [gateway.python("responses", &prompt, &[]), gateway.python("agents-chat", &prompt, &["--stream"])];
    let javascript = gateway.javascript(&prompt, &[]);
    for client in clients.into_iter().chain([javascript]) {
        let seen = client.seen();
        let error = seen.failed();
        assert_eq!((error.status, error.code.as_deref()), (Some(413), Some("request_too_large")), "{seen:?}");
    }
    assert_eq!(gateway.records("request").len(), 3);
    gateway.finish();
}
