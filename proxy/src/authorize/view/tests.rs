use std::net::IpAddr;

use hpol_lang::value::{JsonLimits, parse_json, parse_json_tree, to_value};
use hpol_runtime::source::Files;
use hpol_runtime::{Engine, EngineOptions, Input};
use http::Request;
use insta::assert_snapshot;

use super::*;
use crate::llm::codec::decode;
use crate::llm::message::Endpoint;
use crate::testing::{identity, upstream_config};
use crate::upstream::Upstream;

const BODY: &str = r#"{
  "model": "gpt-4o-mini",
  "temperature": 0.10000000000000000000000001,
  "seed": 36893488147419103232,
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Mail?"}, {"type": "text", "text": "Now."}]},
    {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "inbox", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "one letter"}
  ],
  "tools": [
    {"type": "function", "function": {"name": "inbox", "parameters": {}}},
    {"type": "mcp", "server_url": "https://x.example", "authorization": "secret", "headers": {"x": "secret"}}
  ]
}"#;

fn head() -> Head {
    let request = Request::post("/v1/chat/completions?a=1&b=&a=2")
        .header("host", "gateway")
        .header("authorization", "Bearer secret")
        .header("x-team", "ops")
        .header("x-team", "dev");
    Head::check(&request.body(()).expect("a request").into_parts().0).expect("a good head")
}

/// Hands both views of one request to `look`.
fn with_views(look: impl FnOnce(&LlmView<'_>, &HttpView<'_>)) {
    let (mut identity, head) = (identity("ann"), head());
    identity.claims = parse_json(r#"{"weight": 0.30000000000000000000001}"#, JsonLimits::default()).expect("JSON");
    let mut config = upstream_config("models", "/", None);
    config.labels.insert("env".to_owned(), "prod".to_owned());
    let target = Upstream::new(config, 8_192).expect("an upstream");
    let client: IpAddr = "::ffff:10.0.0.7".parse().expect("an address");
    let time = "2025-06-15T15:06:40Z".parse().expect("a time");
    let subject = Subject { identity: &identity, target: &target, client, time };
    let body = parse_json_tree(BODY, JsonLimits::default()).expect("JSON");
    let request = decode(Endpoint::ChatCompletions, &body).expect("a call");
    look(
        &LlmView { head: &head, subject: &subject, request: &request, body: &body },
        &HttpView { head: &head, subject: &subject, body: Some(&body), body_size: BODY.len() },
    );
}

#[test]
fn policies_see_all_of_a_request_but_credentials() {
    with_views(|llm, http| {
        let shown = |value: &Value| {
            let parts = value.to_json();
            assert!(!parts.contains("Bearer"), "{parts}");
            parts.replace(",\"", ",\n\"")
        };
        let llm = shown(&to_value(llm).expect("a value"));
        assert!(!llm.contains("secret"), "{llm}");
        assert_snapshot!("llm", llm);
        assert_snapshot!("http", shown(&to_value(http).expect("a value")));
    });
}

#[test]
fn a_view_is_decided_on_as_its_value_is() {
    let engine = Engine::new(EngineOptions::default());
    let policies = [
        (
            "llm.hpol",
            r#"
package llm_guard

input: llm.Request

allow "calls" if input.model == "gpt-4o-mini"

deny "heavy" because $"{input.identity.claims.weight}" if input.identity.claims.weight > 0.3

deny "seed" because $"{input.body.seed}" if input.body.seed > 36893488147419103231

deny "tools" because $"{tool.name} in {input.headers["x-team"]}" if {
  some tool in input.tools
  tool.kind == "function"
}

deny "outputs" because $"{output.name} said {output.text}" if some output in input.tool_outputs

deny "all of it" because $"{input.body}" if count(input.texts) > 2
"#,
        ),
        (
            "http.hpol",
            r#"
package http_guard

input: http.Request

allow "posts" if input.method == "POST"

deny "query" because $"{input.query}" if "2" in input.query.a

deny "from" because $"{input.client.ip} {input.path_segments} {input.body_size} {input.time}" if input.target.labels.env == "prod"
"#,
        ),
    ];
    engine.load(&Files::from_memory(policies)).expect("good policies");
    with_views(|llm, http| {
        let now = llm.subject.time.nanoseconds();
        let of_llm = Input::new("llm.Request", to_value(llm).expect("a value")).at(now);
        let of_http = Input::new("http.Request", to_value(http).expect("a value")).at(now);
        let decision = engine.decide(&of_llm);
        assert_eq!(engine.decide_typed("llm.Request", llm, now, None), decision);
        assert_snapshot!("llm_reasons", decision.reasons.join("\n"));
        let decision = engine.decide(&of_http);
        assert_eq!(engine.decide_typed("http.Request", http, now, None), decision);
        assert_snapshot!("http_reasons", decision.reasons.join("\n"));
    });
}
