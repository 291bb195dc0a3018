//! Requests that pass, that are denied, and that are masked on their way.

use super::gateway::Gateway;
use super::process::Client;
use super::provider::provider;

/// What the provider says of June.
const JUNE: &str = "June was warm and dry.";

/// What the provider says of a card, as a client may see it. The provider sends three characters at a time.
const MASKED: &str = "It is [credit_card], so [credit_card], until May.";

/// Every client, streaming and not, with the same prompt.
fn every_client(gateway: &Gateway, prompt: &str, options: &[&str]) -> Vec<(Client, bool)> {
    let mut clients = Vec::new();
    for stream in [false, true] {
        let options: Vec<&str> = options.iter().copied().chain(stream.then_some("--stream")).collect();
        for kind in ["responses", "chat", "agents", "agents-chat"] {
            clients.push((gateway.python(kind, prompt, &options), stream));
        }
        let chat: Vec<&str> = options.iter().copied().chain(["--chat"]).collect();
        clients.push((gateway.javascript(prompt, &options), stream));
        clients.push((gateway.javascript(prompt, &chat), stream));
    }
    clients
}

/// The answer of every client, which is the same piece by piece and as a whole.
fn answers(clients: Vec<(Client, bool)>) -> Vec<String> {
    let answer = |(client, stream): (Client, bool)| {
        let seen = client.seen();
        let text = seen.answered().to_owned();
        if stream {
            assert_eq!(seen.streamed, text);
            assert!(seen.events.is_empty() || seen.events.contains(&"response.completed".to_owned()), "{seen:?}");
        }
        text
    };
    clients.into_iter().map(answer).collect()
}

#[test]
fn an_allowed_request_is_answered_in_every_client() {
    let gateway = Gateway::start();
    let clients = every_client(&gateway, "plain question about allowances", &[]);
    let count = clients.len();
    assert_eq!(answers(clients), vec![JUNE; count]);
    // The provider answers only who has its key, so the gateway sent it; the client's token is nowhere.
    let requests = provider().requests("allowances");
    assert_eq!(requests.len(), count);
    for request in &requests {
        assert!(!request.to_string().contains("eyJ"), "no token of a client: {request}");
    }
    assert_eq!(gateway.effects(), vec!["mask"; count]);
    assert_eq!(gateway.outcomes(), vec!["complete"; count]);
    for record in gateway.records("decision") {
        assert_eq!(record.identity.as_deref(), Some("ada"));
        assert!(record.rules.contains(&"model of the group".to_owned()), "{record:?}");
    }
    gateway.finish();
}

#[test]
fn a_denied_request_is_sent_once_and_raises_a_typed_error() {
    let gateway = Gateway::start();
    let clients = every_client(&gateway, "plain question about denials", &["--model", "gpt-4o"]);
    let count = clients.len();
    for (client, _) in clients {
        let seen = client.seen();
        let error = seen.failed();
        assert_eq!((error.class.as_str(), error.status), ("PermissionDeniedError", Some(403)), "{seen:?}");
        assert_eq!(error.code.as_deref(), Some("policy_denied"));
        assert!(error.message.contains("ada may not use gpt-4o"), "{seen:?}");
        assert_eq!(seen.text, None);
    }
    assert!(provider().requests("denials").is_empty());
    // One decision for each client: none of them tried again.
    assert_eq!(gateway.effects(), vec!["deny"; count]);
    assert_eq!(gateway.outcomes(), vec!["policy_denied"; count]);
    gateway.finish();
}

#[test]
fn a_card_number_is_masked_however_the_stream_cuts_it() {
    let gateway = Gateway::start();
    let clients = every_client(&gateway, "which card on file has she", &[]);
    let count = clients.len();
    assert_eq!(answers(clients), vec![MASKED; count]);
    assert_eq!(gateway.outcomes(), vec!["complete"; count]);
    for record in gateway.records("response") {
        assert_ne!(record.body["masked"]["response"], 0, "{record:?}");
    }
    gateway.finish();
}

#[test]
fn personal_data_in_a_prompt_does_not_reach_the_provider() {
    let gateway = Gateway::start();
    let prompt = "plain question of ada@example.com about prompts, paid with 4111 1111 1111 1111";
    let clients = [gateway.python("responses", prompt, &[]), gateway.python("agents-chat", prompt, &["--stream"])];
    let javascript = gateway.javascript(prompt, &["--stream"]);
    for client in clients.into_iter().chain([javascript]) {
        assert_eq!(client.seen().answered(), JUNE);
    }
    let requests = provider().requests("about prompts");
    assert_eq!(requests.len(), 3);
    for request in requests {
        let request = request.to_string();
        assert!(request.contains("plain question of [email] about prompts, paid with [credit_card]"), "{request}");
        assert!(!request.contains("ada@example.com") && !request.contains("4111"), "{request}");
    }
    gateway.finish();
}

#[test]
fn calls_of_tools_are_masked_both_ways() {
    let gateway = Gateway::start();
    let prompt = "weather for tool calls";
    let mut clients = Vec::new();
    for options in [&["--tool", "get_weather"][..], &["--tool", "get_weather", "--stream"]] {
        clients.push(gateway.python("agents", prompt, options));
        clients.push(gateway.python("agents-chat", prompt, options));
        clients.push(gateway.javascript(prompt, options));
        clients.push(gateway.javascript(prompt, &[options, &["--chat"]].concat()));
    }
    let count = clients.len();
    for client in clients {
        assert_eq!(client.seen().answered(), "Take no umbrella.");
    }
    // The provider asked for the weather at a card number of somebody. The tool got the number masked, as part of an
    // answer; what the tool said went to the provider with the address masked too, as part of a request.
    let with_outputs = provider().requests("sunny in");
    assert_eq!(with_outputs.len(), count);
    for request in with_outputs {
        let request = request.to_string();
        assert!(request.contains("sunny in [credit_card] of [email]"), "{request}");
        assert!(!request.contains("4111") && !request.contains("ada@example.com"), "{request}");
    }
    // Two requests of each client: the question, and the output of the tool.
    assert_eq!(gateway.outcomes(), vec!["complete"; 2 * count]);
    gateway.finish();
}
