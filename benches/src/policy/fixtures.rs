//! Requests as the gateway describes them, for the policies that decide on those.

use serde_json::{Value, json};

/// An `llm.Request`.
pub(super) fn llm(sub: &str, groups: &[&str], model: &str, tools: Value, messages: usize) -> Value {
    let text = "Please sum up what was said about the delivery of last week and what is to be done next.";
    let message = |at: usize| {
        let role = if at.is_multiple_of(2) { "user" } else { "assistant" };
        json!({"role": role, "text": text, "parts": [{"kind": "text", "text": text}]})
    };
    let input: Vec<Value> = (0..messages).map(|at| json!({"role": message(at)["role"], "content": text})).collect();
    json!({
        "point": "request",
        "endpoint": "responses",
        "model": model,
        "stream": false,
        "background": false,
        "messages": (0..messages).map(message).collect::<Vec<_>>(),
        "texts": vec![text; messages],
        "tools": tools,
        "tool_calls": [],
        "tool_outputs": [],
        "unknown_kinds": [],
        "max_output_tokens": 512,
        "body": {"model": model, "input": input, "max_output_tokens": 512},
        "headers": {"content-type": "application/json", "user-agent": "client/1.0", "accept": "application/json"},
        "identity": {"sub": sub, "iss": "https://id.example", "groups": groups, "claims": {"sub": sub, "groups": groups}},
        "target": {"name": "openai", "labels": {"env": "prod"}},
        "client": {"ip": "10.0.0.7"},
        "time": "2026-01-15T09:30:00Z",
    })
}

/// An `http.Request`.
pub(super) fn http(method: &str, path: &str, identity: Value, body_size: i64, ip: &str) -> Value {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    json!({
        "method": method,
        "path": path,
        "path_segments": segments,
        "query": {"page": ["2"], "fields": ["id", "name"]},
        "headers": {"accept": "application/json", "user-agent": "client/1.0", "x-request-id": "4f1f-22"},
        "body_size": body_size,
        "identity": identity,
        "target": {"name": "api", "labels": {"env": "prod"}},
        "client": {"ip": ip},
        "time": "2026-01-15T09:30:00Z",
    })
}
