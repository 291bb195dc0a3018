//! Requests that wait for a person.

use std::io::BufReader;
use std::net::TcpStream;

use hpol_proxy::approvals::{Answer, ApprovalState};

use super::gateway::Gateway;
use super::http;
use super::process::wait_for;
use super::provider::provider;

const JUNE: &str = "June was warm and dry.";

/// What makes the policy ask for approval.
const TOOL: [&str; 2] = ["--tool", "delete_customer"];

/// A request by hand that waits as the clients' do, so that the test sees when they were told that they wait.
fn held_by_hand(gateway: &Gateway) -> BufReader<TcpStream> {
    let tool = r#"{"type": "function", "name": "delete_customer", "parameters": {}}"#;
    let body = format!(r#"{{"model": "gpt-4o-mini", "input": "by hand", "stream": true, "tools": [{tool}]}}"#);
    let bearer = format!("Bearer {}", gateway.token("ada"));
    let length = body.len().to_string();
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("content-length", length.as_str())];
    http::open(gateway.address(), "POST /openai/v1/responses HTTP/1.1", &headers, &body)
}

#[test]
fn a_held_stream_outlives_the_clients_patience_and_is_answered() {
    let gateway = Gateway::start();
    let prompt = "plain question about patience";
    // The gateway says every 5 seconds that it waits, so 8 seconds of silence never come.
    let options = ["--stream", "--timeout", "8", TOOL[0], TOOL[1]];
    let clients = [gateway.python("agents", prompt, &options), gateway.python("agents-chat", prompt, &options)];
    let javascript = gateway.javascript(prompt, &["--stream", TOOL[0], TOOL[1]]);
    let pending = gateway.wait_for_approvals(ApprovalState::Pending, 3);
    // The first comment comes at once, the third after 10 seconds: longer than the clients would wait in silence.
    http::read_until(&mut held_by_hand(&gateway), ": waiting for approval", 3);
    assert!(provider().requests("patience").is_empty());
    for approval in &pending {
        assert_eq!(
            (approval.subject.as_str(), &*approval.details.reasons),
            ("ada", &["the agent may call delete_customer".to_owned()][..])
        );
        gateway.answer("otto", approval, Answer::Grant);
    }
    for client in clients.into_iter().chain([javascript]) {
        let seen = client.seen();
        assert_eq!((seen.answered(), seen.streamed.as_str()), (JUNE, JUNE));
    }
    assert_eq!(provider().requests("patience").len(), 3);
    assert_eq!(gateway.wait_for_approvals(ApprovalState::Used, 3).len(), 3);
    gateway.finish();
}

#[test]
fn a_refused_request_raises_an_error_and_goes_nowhere() {
    let gateway = Gateway::start();
    let prompt = "plain question about refusals";
    let clients = [gateway.python("agents", prompt, &TOOL), gateway.javascript(prompt, &TOOL)];
    let streamed = [TOOL[0], TOOL[1], "--stream"];
    let streams = [gateway.python("agents", prompt, &streamed), gateway.javascript(prompt, &streamed)];
    for approval in gateway.wait_for_approvals(ApprovalState::Pending, 4) {
        gateway.answer("olga", &approval, Answer::Refuse);
    }
    for client in clients {
        let seen = client.seen();
        let error = seen.failed();
        assert_eq!((error.class.as_str(), error.status), ("PermissionDeniedError", Some(403)), "{seen:?}");
        assert_eq!(error.code.as_deref(), Some("approval_refused"));
        assert!(error.message.contains("refused by olga: seen"), "{seen:?}");
    }
    // The status of a stream was sent long ago; the error comes as its last event.
    for client in streams {
        let seen = client.seen();
        assert_eq!(seen.failed().code.as_deref(), Some("approval_refused"), "{seen:?}");
        assert_eq!(seen.text, None);
    }
    assert!(provider().requests("refusals").is_empty());
    assert_eq!(gateway.outcomes(), vec!["approval_refused"; 4]);
    gateway.finish();
}

#[test]
fn a_client_that_gives_up_and_tries_again_finds_the_same_approval() {
    let gateway = Gateway::start();
    let client = gateway.python("agents", "plain question about retries", &["--timeout", "8", TOOL[0], TOOL[1]]);
    // Without a stream nothing tells the client that it waits, so it gives up and the SDK tries again.
    let tries = || gateway.records("decision").len();
    wait_for("a second try", || (tries() >= 2).then_some(()));
    let pending = gateway.wait_for_approvals(ApprovalState::Pending, 1);
    assert_eq!(pending.len(), 1, "{pending:?}");
    gateway.answer("otto", &pending[0], Answer::Grant);
    assert_eq!(client.seen().answered(), JUNE);
    assert_eq!(provider().requests("retries").len(), 1);
    assert_eq!(gateway.records("approval_opened").len(), 1);
    assert_eq!(gateway.records("approval_used").len(), 1);
    gateway.finish();
}
