//! Streamed answers: masked, broken off, given up.

use std::io::Write as _;

use serde_json::{Value as Json, json};

use super::harness::*;
use crate::llm::sse::{Event, Frame, SseLimits, decode_all};

const MASK_ANSWERS: &str = r#"
package guard
input: llm.Request
allow "all" if true
mask "cards" response text using redact(detect.credit_card)
"#;

fn chat_request() -> Json {
    json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hello"}]})
}

fn data(value: &Json) -> String {
    format!("data: {value}\n\n")
}

fn chunk(delta: &Json, finish: Option<&str>) -> String {
    data(
        &json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}),
    )
}

/// The events of a body.
fn events(text: &str) -> Vec<Event> {
    let frames = decode_all(text.as_bytes(), text.len(), SseLimits::default()).expect("a valid stream");
    let event = |frame| if let Frame::Event(event) = frame { Some(event) } else { None };
    frames.into_iter().filter_map(event).collect()
}

fn last_error(text: &str) -> Json {
    let last = events(text).pop().and_then(|event| event.data).expect("an event");
    serde_json::from_str::<Json>(&last).expect("JSON")["error"].clone()
}

#[tokio::test]
async fn a_stream_passes_as_it_comes() {
    let test = TestGateway::start(ALLOW_LLM).await;
    let answer = test.post("/v1/chat/completions", &chat_request());
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    call.chunk(chunk(&json!({"content": "first"}), None)).await;
    let mut response = answer.await.expect("an answer");
    // The second event is sent only once the client has the first.
    assert!(next_piece(&mut response).await.expect("a piece").contains("first"));
    call.chunk(chunk(&json!({}), Some("stop"))).await;
    call.chunk(data(&json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}))).await;
    call.chunk("data: [DONE]\n\n").await;
    call.end_events().await;
    assert!(text_of(response).await.ends_with("data: [DONE]\n\n"));
    assert_eq!(test.outcome().await, "complete");
    let record = test.records("response").await.pop().expect("a record");
    assert_eq!(body_of(&record)["usage"], json!({"input_tokens": 1, "output_tokens": 2}));
}

#[tokio::test]
async fn values_split_over_events_and_reads_are_masked() {
    let test = TestGateway::start(MASK_ANSWERS).await;
    let mut stream = String::new();
    for piece in ["Your card ", "4111 1", "111 1111 1", "111 is on file."] {
        stream.push_str(&chunk(&json!({"content": piece}), None));
    }
    stream.push_str(&chunk(&json!({}), Some("stop")));
    stream.push_str("data: [DONE]\n\n");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(stream.as_bytes()).expect("into memory");
    let gzip = encoder.finish().expect("into memory");
    for (headers, bytes) in [("", stream.clone().into_bytes()), ("content-encoding: gzip\r\n", gzip)] {
        for piece in [1, 7, 1_000] {
            let answer = test.post("/v1/chat/completions", &chat_request());
            let mut call = test.upstream.call().await;
            call.begin_events(headers).await;
            for piece in bytes.chunks(piece) {
                call.chunk(piece).await;
            }
            call.end_events().await;
            let text = text_of(answer.await.expect("an answer")).await;
            let joined: String = events(&text)
                .iter()
                .filter_map(|event| serde_json::from_str::<Json>(event.data.as_deref()?).ok())
                .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
                .collect();
            assert_eq!(joined, "Your card [credit_card] is on file.", "{headers} in pieces of {piece}");
            assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_ends_early_is_told_with_a_code() {
    for policy in [ALLOW_LLM, MASK_ANSWERS] {
        // Within a chunk, between chunks, and with an orderly end but no last event.
        for end in ["ff\r\ndata: {\"cho", "", "0\r\n\r\n"] {
            let test = TestGateway::start(policy).await;
            let answer = test.post("/v1/chat/completions", &chat_request());
            let mut call = test.upstream.call().await;
            call.begin_events("").await;
            call.chunk(chunk(&json!({"content": "card 4111 1111"}), None)).await;
            call.send(end).await;
            drop(call);
            let text = text_of(answer.await.expect("an answer")).await;
            let error = last_error(&text);
            assert_eq!(
                (&error["code"], &error["type"]),
                (&json!("upstream_closed"), &json!("upstream_error")),
                "{text}"
            );
            assert!(text.contains("4111 1111"), "what came before is not lost: {text}");
            assert_eq!(test.outcome().await, "upstream_closed");
        }
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_ends_where_it_is_masked() {
    let cases: [&[u8]; 4] =
        [b"data: no json\n\n", b"data: [1]\n\n", b"data: \xff\n\n", b"data: {\"a\": 1, \"a\": 2}\n\n"];
    for bad in cases {
        let test = TestGateway::start(MASK_ANSWERS).await;
        let answer = test.post("/v1/chat/completions", &chat_request());
        let mut call = test.upstream.call().await;
        call.begin_events("").await;
        call.chunk(chunk(&json!({"content": "fine. "}), None)).await;
        call.chunk(bad).await;
        call.chunk(chunk(&json!({"content": "never seen"}), None)).await;
        let text = text_of(answer.await.expect("an answer")).await;
        assert_eq!(last_error(&text)["code"], "upstream_malformed", "{text}");
        assert!(text.contains("fine. ") && !text.contains("never seen"), "{text}");
        call.closed().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_call() {
    let test = TestGateway::start(ALLOW_LLM).await;
    let answer = test.post("/v1/chat/completions", &chat_request());
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    call.chunk(chunk(&json!({"content": "first"}), None)).await;
    let mut response = answer.await.expect("an answer");
    next_piece(&mut response).await.expect("a piece");
    drop(response);
    call.closed().await;
    assert_eq!(test.outcome().await, "client_gone");

    // The same before the answer's head.
    let test = TestGateway::start(ALLOW_LLM).await;
    let answer = test.post("/v1/chat/completions", &chat_request());
    let call = test.upstream.call().await;
    answer.abort();
    call.closed().await;
    assert_eq!(test.outcome().await, "client_gone");
}

#[tokio::test]
async fn an_error_of_the_provider_in_a_stream_reaches_the_client() {
    let test = TestGateway::start(MASK_ANSWERS).await;
    let answer = test.post("/v1/responses", &json!({"model": "m", "input": "x", "stream": true}));
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    call.chunk(data(
        &json!({"type": "response.output_text.delta", "item_id": "i", "delta": "4111", "sequence_number": 4}),
    ))
    .await;
    call.chunk(data(
        &json!({"type": "error", "code": "server_error", "message": "on 4111 1111 1111 1111", "sequence_number": 5}),
    ))
    .await;
    call.end_events().await;
    let text = text_of(answer.await.expect("an answer")).await;
    let types: Vec<Json> = events(&text)
        .iter()
        .filter_map(|event| serde_json::from_str::<Json>(event.data.as_deref()?).ok())
        .map(|event| json!([event["type"], event["delta"], event["message"], event["sequence_number"]]))
        .collect();
    assert_eq!(
        types,
        [json!(["response.output_text.delta", "4111", null, 4]), json!(["error", null, "on [credit_card]", 5]),]
    );
    assert_eq!(test.outcome().await, "complete");
}

#[tokio::test]
async fn an_upstream_that_is_down_or_slow_has_a_code() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        // The listener is gone by now, so nobody answers there.
        config.upstreams[0].base_url = format!("http://{}", address.expect("a free port"));
    })
    .await;
    let (status, body) = json_of(test.post("/v1/responses", &responses_request()).await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (502, &json!("upstream_unreachable")));
    assert_eq!(test.outcome().await, "upstream_unreachable");

    let short = std::time::Duration::from_millis(50);
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        let times = &mut config.upstreams[0].timeouts;
        (times.connect, times.first_byte, times.idle) = (short, short, short);
    })
    .await;
    let answer = test.post("/v1/responses", &responses_request());
    let call = test.upstream.call().await;
    let (status, body) = json_of(answer.await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (504, &json!("upstream_timeout")));
    call.closed().await;

    let answer = test.post("/v1/chat/completions", &chat_request());
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    call.chunk(chunk(&json!({"content": "then silence"}), None)).await;
    let text = text_of(answer.await.expect("an answer")).await;
    assert_eq!(last_error(&text)["code"], "upstream_timeout", "{text}");
    call.closed().await;
}

#[tokio::test]
async fn a_stop_lets_streams_end_and_ends_those_that_do_not() {
    let test = TestGateway::start_with(ALLOW_LLM, |config| {
        config.limits.drain_time = std::time::Duration::from_millis(50);
    })
    .await;
    let answer = test.post("/v1/chat/completions", &chat_request());
    let mut call = test.upstream.call().await;
    call.begin_events("").await;
    call.chunk(chunk(&json!({"content": "on and on"}), None)).await;
    let response = answer.await.expect("an answer");
    let address = test.gateway.address();
    soon(test.gateway.shutdown()).await.expect("the last record is written");
    let text = text_of(response).await;
    assert!(text.contains("on and on"), "{text}");
    assert_eq!(last_error(&text)["code"], "shutting_down", "{text}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
