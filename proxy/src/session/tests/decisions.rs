//! Allow, deny and mask on whole messages.

use std::io::Write as _;

use http::Method;
use http_body_util::Full;
use serde_json::{Value as Json, json};

use super::harness::*;

const CARD: &str = "4111 1111 1111 1111";

#[tokio::test]
async fn an_allowed_call_passes_with_the_gateways_key() {
    let test = TestGateway::start(ALLOW_LLM).await;
    let answer = test.post("/v1/responses?x=1", &responses_request());
    let call = test.upstream.call().await;
    assert!(call.head.starts_with("POST /v1/responses?x=1 HTTP/1.1"), "{}", call.head);
    assert_eq!(call.header("authorization").as_deref(), Some("Bearer sk-upstream-key"));
    assert_eq!(call.header("accept-encoding").as_deref(), Some("identity"));
    assert_eq!(call.header("host"), Some(test.upstream.address.to_string()));
    assert_eq!(call.body, responses_request().to_string());
    let body = json!({"id": "resp_1", "output": [], "usage": {"input_tokens": 3, "output_tokens": 5}});
    call.reply_json(&body).await;
    let response = answer.await.expect("an answer");
    let id = response.headers().get("x-hpol-request-id").and_then(|id| id.to_str().ok()).expect("an id").to_owned();
    assert_eq!(json_of(response).await, (200, body));

    let decision = test.records("decision").await.pop().expect("a record");
    assert_eq!(decision.request_id.as_deref(), Some(&*id));
    assert_eq!(decision.effect.as_deref(), Some("allow"));
    assert_eq!(decision.rules, ["all"]);
    let details = &body_of(&decision)["details"];
    assert_eq!((&details["endpoint"], &details["model"]), (&json!("responses"), &json!("gpt-4o-mini")));
    let recorded = test.records("response").await.pop().expect("a record");
    assert_eq!(body_of(&recorded)["usage"], json!({"input_tokens": 3, "output_tokens": 5}));
    assert!(!decision.body.contains("client-token") && !decision.body.contains("hello"), "{}", decision.body);
}

#[tokio::test]
async fn a_denied_call_is_told_why_and_goes_nowhere() {
    let policy = r#"
package guard
input: llm.Request
allow "all" if true
deny "no gpt" because $"model {input.model} is not for you" if input.model == "gpt-4o-mini"
"#;
    let test = TestGateway::start(policy).await;
    let response = test.post("/v1/responses", &responses_request()).await.expect("an answer");
    assert_eq!(response.headers().get("x-should-retry").map(|value| value.as_bytes()), Some(&b"false"[..]));
    let (status, mut body) = json_of(response).await;
    assert_eq!(status, 403);
    let fields = body["error"].as_object_mut().expect("an error");
    assert!(fields.remove("request_id").is_some_and(|id| id.as_str().is_some_and(|id| id.starts_with("req_"))));
    assert!(fields.remove("policy_revision").is_some_and(|revision| revision != ""));
    assert_eq!(
        body,
        json!({"error": {
            "message": "denied by policy: model gpt-4o-mini is not for you",
            "type": "policy_violation",
            "param": null,
            "code": "policy_denied",
            "rules": ["no gpt"],
            "reasons": ["model gpt-4o-mini is not for you"],
        }})
    );
    assert!(test.upstream.is_untouched().await);
    let decision = test.records("decision").await.pop().expect("a record");
    assert_eq!((decision.effect.as_deref(), &decision.rules[..]), (Some("deny"), &["no gpt".to_owned()][..]));
}

#[tokio::test]
async fn what_no_policy_allows_is_denied() {
    let test = TestGateway::start(ALLOW_LLM).await;
    for path in ["/v1/embeddings", "/v1/files", "/v1/responses/resp_1"] {
        let (status, body) = json_of(test.get(path).await.expect("an answer")).await;
        assert_eq!((status, &body["error"]["code"]), (403, &json!("policy_denied")), "{path}: {body}");
    }
    // A path that a lenient server would take for a call of a model is not decided as something else.
    for path in ["/v1/responses/", "/V1/Chat/Completions"] {
        let (status, _) = json_of(test.post(path, &responses_request()).await.expect("an answer")).await;
        assert_eq!(status, 400, "{path}");
    }
    assert!(test.upstream.is_untouched().await);
}

#[tokio::test]
async fn plain_http_is_decided_on_path_query_and_body() {
    let policy = r#"
package guard
input: http.Request
allow "files" if {
  input.method == "POST"
  input.path_segments[0] == "v1"
  input.path_segments[1] == "files"
  input.query["purpose"][0] == "test"
  input.headers["x-team"] == "red"
  input.body.name == "a.txt"
  input.target.name == "provider"
  input.target.labels["env"] == "prod"
}
"#;
    let label = ("env".to_owned(), "prod".to_owned());
    let test = TestGateway::start_with(policy, |config| config.upstreams[0].labels = [label].into()).await;
    let request = |team: &str| {
        let request = test.build(Method::POST, "/v1/files?purpose=test").header("content-type", "application/json");
        request.header("x-team", team).body(Full::from(r#"{"name": "a.txt"}"#)).expect("a request")
    };
    let answer = test.request(request("red"));
    test.upstream.call().await.reply("201 Created", "x-y: z\r\nset-cookie: a=b\r\n", "made").await;
    let response = answer.await.expect("an answer");
    assert_eq!(response.status().as_u16(), 201);
    assert!(response.headers().get("x-y").is_some() && response.headers().get("set-cookie").is_none());
    assert_eq!(text_of(response).await, "made");
    assert_eq!(test.request(request("blue")).await.expect("an answer").status().as_u16(), 403);
}

const MASK_REQUESTS: &str = r#"
package guard
input: llm.Request
allow "all" if true
mask "cards" request text using redact(detect.credit_card)
"#;

#[tokio::test]
async fn requests_are_masked_wherever_text_stands_and_keep_their_order() {
    let test = TestGateway::start(MASK_REQUESTS).await;
    let body = format!(
        r#"{{"model":"m","instructions":"{CARD}","input":[{{"role":"user","content":[{{"type":"input_text","text":"{CARD}"}}]}},{{"type":"function_call","call_id":"call_4111111111111111","name":"f","arguments":"{{\"card\":\"{CARD}\"}}"}},{{"type":"function_call_output","call_id":"call_4111111111111111","output":"{CARD}"}},{{"type":"not_known_yet","z":{{"deep":["{CARD}"]}}}}],"metadata":{{"card":"{CARD}"}},"temperature":1.50,"tools":[{{"type":"function","name":"f","parameters":{{"type":"object","properties":{{"z":{{"type":"string"}},"a":{{"type":"string"}}}}}}}}]}}"#
    );
    let answer = test.post_text("/v1/responses", "application/json", body.clone());
    let call = test.upstream.call().await;
    assert_eq!(call.body, body.replace(CARD, "[credit_card]"));
    call.reply_json(&json!({"output": [{"type": "message", "content": [{"type": "output_text", "text": CARD}]}]}))
        .await;
    // The mask is for requests only.
    assert!(text_of(answer.await.expect("an answer")).await.contains(CARD));
    let decision = test.records("decision").await.pop().expect("a record");
    assert_eq!(decision.effect.as_deref(), Some("mask"));
    let response = test.records("response").await.pop().expect("a record");
    assert_eq!(body_of(&response)["masked"], json!({"request": 6, "response": 0}));
}

#[tokio::test]
async fn a_file_whose_text_cannot_be_read_is_refused_where_texts_are_masked() {
    let test = TestGateway::start(MASK_REQUESTS).await;
    let request = |data: &str| json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "filename": "a", "file_data": data}]}]});
    let (status, body) =
        json_of(test.post("/v1/responses", &request("data:application/pdf;base64,AAAA")).await.expect("an answer"))
            .await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("policy_denied")));
    assert_eq!(test.outcome().await, "policy_denied");
    assert!(test.upstream.is_untouched().await);
    // "4111 1111 1111 1111"
    let answer = test.post("/v1/responses", &request("data:text/plain;base64,NDExMSAxMTExIDExMTEgMTExMQ=="));
    let call = test.upstream.call().await;
    // "[credit_card]"
    assert!(call.body.contains("data:text/plain;base64,W2NyZWRpdF9jYXJkXQ=="), "{}", call.body);
    call.reply_json(&json!({})).await;
    answer.await.expect("an answer");
}

const MASK_ANSWERS: &str = r#"
package guard
input: llm.Request
allow "all" if true
mask "cards" response text using redact(detect.credit_card)
"#;

fn answer_with(text: &str) -> Json {
    json!({"id": "resp_4111111111111111", "created_at": 1_741_476_542, "output": [
        {"type": "message", "content": [{"type": "output_text", "text": text, "logprobs": [{"token": text}]}]},
        {"type": "function_call", "call_id": "call_1", "arguments": json!({"card": text}).to_string()},
    ]})
}

#[tokio::test]
async fn answers_are_masked_compressed_or_not_and_errors_too() {
    let test = TestGateway::start(MASK_ANSWERS).await;
    let masked = json!({"id": "resp_4111111111111111", "created_at": 1_741_476_542, "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "[credit_card]", "logprobs": []}]},
        {"type": "function_call", "call_id": "call_1", "arguments": r#"{"card":"[credit_card]"}"#},
    ]});
    let headers = "content-type: application/json\r\netag: \"1\"\r\ncontent-md5: x\r\n";
    let text = answer_with(CARD).to_string();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("into memory");
    let gzip = encoder.finish().expect("into memory");
    for (encoding, body) in [("", text.clone().into_bytes()), ("content-encoding: gzip\r\n", gzip)] {
        let answer = test.post("/v1/responses", &responses_request());
        test.upstream.call().await.reply("200 OK", &format!("{headers}{encoding}"), body).await;
        let response = answer.await.expect("an answer");
        for name in ["etag", "content-md5", "content-encoding"] {
            assert!(response.headers().get(name).is_none(), "{name}");
        }
        assert_eq!(json_of(response).await, (200, masked.clone()));
    }
    let answer = test.post("/v1/responses", &responses_request());
    let error = json!({"error": {"message": format!("cannot say {CARD}"), "type": "invalid_request_error"}});
    test.upstream.call().await.reply("400 Bad Request", headers, error.to_string()).await;
    let (status, body) = json_of(answer.await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["message"]), (400, &json!("cannot say [credit_card]")));
}

#[tokio::test]
async fn answers_that_cannot_be_masked_do_not_pass() {
    let test = TestGateway::start(MASK_ANSWERS).await;
    let json = "content-type: application/json\r\n";
    let cases: [(&str, &str, &str); 5] = [
        (json, "content-encoding: br\r\n", "xx"),
        (json, "content-encoding: gzip\r\n", "no gzip"),
        (json, "", "{\"no\": json"),
        ("content-type: text/html\r\n", "", "<p>4111 1111 1111 1111</p>"),
        ("", "", "something"),
    ];
    for (media_type, encoding, body) in cases {
        let answer = test.post("/v1/responses", &responses_request());
        test.upstream.call().await.reply("200 OK", &format!("{media_type}{encoding}"), body).await;
        let (status, refusal) = json_of(answer.await.expect("an answer")).await;
        assert_eq!(
            (status, &refusal["error"]["code"]),
            (403, &json!("policy_denied")),
            "{media_type}{encoding}: {refusal}"
        );
        assert_eq!(refusal["error"]["rules"], json!(["cards"]));
    }
}

#[tokio::test]
async fn sound_is_not_asked_for_where_its_words_are_masked() {
    let sound = json!({"model": "m", "messages": [], "modalities": ["text", "audio"], "audio": {"voice": "x"}});
    let test = TestGateway::start(MASK_ANSWERS).await;
    let (status, body) = json_of(test.post("/v1/chat/completions", &sound).await.expect("an answer")).await;
    assert_eq!(status, 403, "{body}");
    assert!(test.upstream.is_untouched().await);
}

#[tokio::test]
async fn fields_of_plain_bodies_are_masked() {
    let policy = r#"
package guard
input: http.Request
allow "all" if true
mask "mail" response field("customers[*].email") using redact
mask "keys" response field("key") using drop
mask "numbers" response field("customers[*].phone") using last(4)
mask "cards" any text using redact(detect.credit_card)
"#;
    let test = TestGateway::start(policy).await;
    let answer = test.get("/v1/customers");
    let body = json!({"customers": [{"email": "a@example.com", "phone": "555-0100", "n": 4111111111111111_u64}, {"note": CARD}],
        "key": "secret", "count": 2});
    let call = test.upstream.call().await;
    call.reply_json(&body).await;
    let (status, body) = json_of(answer.await.expect("an answer")).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"customers": [{"email": "[redacted]", "phone": "***-0100", "n": 0}, {"note": "[credit_card]"}], "count": 2})
    );
    // Ranges of a body cannot be masked, so none is asked for.
    let ranged = test.build(Method::GET, "/v1/x").header("range", "bytes=0-1").header("if-none-match", "\"1\"");
    let answer = test.request(ranged.body(Full::default()).expect("a request"));
    let call = test.upstream.call().await;
    assert_eq!((call.header("range"), call.header("if-none-match")), (None, None));
    call.reply("200 OK", "content-type: text/event-stream\r\n", "data: x\n\n").await;
    assert_eq!(answer.await.expect("an answer").status().as_u16(), 403);
}
