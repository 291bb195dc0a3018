//! Upstreams that fail, and clients that go away.

use super::gateway::Gateway;
use super::process::wait_for;
use super::provider::provider;

#[test]
fn an_upstream_that_is_down_or_silent_is_told_once_with_a_code() {
    let gateway = Gateway::start();
    let token = gateway.token("ada");
    let prompt = "plain question about outages";
    let cases = [("down", "upstream_unreachable", 502), ("silent", "upstream_timeout", 504)];
    let clients: Vec<_> = cases
        .iter()
        .map(|(upstream, code, status)| {
            let clients = [
                gateway.python_as(&token, upstream, "responses", prompt, &[]),
                gateway.python_as(&token, upstream, "agents-chat", prompt, &["--stream"]),
                gateway.javascript_as(&token, upstream, prompt, &["--stream"]),
            ];
            (clients, *code, *status)
        })
        .collect();
    for (clients, code, status) in clients {
        for client in clients {
            let seen = client.seen();
            let error = seen.failed();
            assert_eq!((error.class.as_str(), error.status), ("InternalServerError", Some(status)), "{seen:?}");
            assert_eq!(error.code.as_deref(), Some(code), "{seen:?}");
        }
    }
    // No client tried again.
    assert_eq!(gateway.effects(), vec!["mask"; 6]);
    let mut outcomes = gateway.outcomes();
    outcomes.sort();
    assert_eq!(outcomes, ["upstream_timeout", "upstream_unreachable"].map(|code| vec![code; 3]).concat());
    assert!(provider().requests("outages").is_empty());
    gateway.finish();
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error() {
    let gateway = Gateway::start();
    let prompt = "broken story about cuts";
    let clients = [
        gateway.python("responses", prompt, &["--stream"]),
        gateway.python("chat", prompt, &["--stream"]),
        gateway.python("agents", prompt, &["--stream"]),
        gateway.javascript(prompt, &["--stream"]),
        gateway.javascript(prompt, &["--stream", "--chat"]),
    ];
    for client in clients {
        let seen = client.seen();
        assert_eq!(seen.failed().code.as_deref(), Some("upstream_closed"), "{seen:?}");
        assert_eq!(seen.text, None);
        assert!(seen.streamed.starts_with("Chapter 1"), "what came before the cut was shown: {seen:?}");
    }
    assert_eq!(gateway.outcomes(), vec!["upstream_closed"; 5]);
    gateway.finish();
}

#[test]
fn a_client_that_leaves_in_mid_stream_is_recorded_and_troubles_nobody() {
    let gateway = Gateway::start();
    let options = ["--stream", "--stop-after", "12"];
    let clients = ["responses", "chat"].map(|kind| gateway.python(kind, "long story about leaving", &options));
    for client in clients {
        let seen = client.seen();
        assert!(seen.error.is_none() && seen.text.is_none(), "{seen:?}");
        assert!(seen.streamed.starts_with("Chapter 1"), "{seen:?}");
    }
    let outcomes = wait_for("both to be recorded", || Some(gateway.outcomes()).filter(|outcomes| outcomes.len() == 2));
    assert_eq!(outcomes, ["client_gone", "client_gone"]);
    let next = gateway.python("responses", "plain question after leaving", &["--stream"]);
    assert_eq!(next.seen().answered(), "June was warm and dry.");
    gateway.finish();
}
