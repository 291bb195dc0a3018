//! Streams of both protocols, cut anywhere: what leaves, joined, is the text masked as a whole, and the copies agree.

use std::collections::BTreeMap;

use hpol_lang::value::{JsonLimits, JsonTree, parse_json_tree};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::mask::stream::TextKind;
use crate::mask::text::TextMasks;
use crate::testing::{text_masks, whole_text_masks};

const CARD: &str = "4111 1111 1111 1111";

fn event(data: &serde_json::Value) -> Event {
    Event { event: data["type"].as_str().map(str::to_owned), ..Event::of_data(data.to_string()) }
}

fn tree(event: &Event) -> JsonTree {
    parse_json_tree(event.data.as_deref().expect("an event with data"), JsonLimits::default()).expect("valid JSON")
}

/// What leaves for these events.
fn run(endpoint: Endpoint, masks: &TextMasks, events: &[serde_json::Value]) -> Result<Vec<JsonTree>, StreamError> {
    let mut masker = EventMasker::new(endpoint, masks);
    let mut left = Vec::new();
    for data in events {
        left.extend(masker.event(event(data))?);
    }
    left.extend(masker.flush());
    Ok(left.iter().map(tree).collect())
}

fn text<'t>(tree: &'t JsonTree, name: &str) -> &'t str {
    tree.get(name).and_then(JsonTree::as_str).unwrap_or_default()
}

/// A text in pieces of the given lengths, in characters.
fn pieces(text: &str, cuts: &[usize]) -> Vec<String> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    for cut in cuts {
        let cut = (*cut).min(rest.len());
        pieces.push(rest.drain(..cut).collect());
    }
    pieces.push(rest.into_iter().collect());
    pieces
}

fn response_events(kind: &str, field: &str, text: &str, cuts: &[usize]) -> Vec<serde_json::Value> {
    let place = json!({"item_id": "item_1", "output_index": 0, "content_index": 0});
    let with = |mut data: serde_json::Value, number: usize| {
        let fields = data.as_object_mut().expect("an object");
        fields.extend(place.as_object().expect("an object").clone());
        fields.insert("sequence_number".into(), number.into());
        data
    };
    let mut events = vec![json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1"}})];
    for piece in pieces(text, cuts) {
        events.push(with(json!({"type": format!("{kind}.delta"), "delta": piece}), events.len()));
    }
    events.push(with(json!({"type": format!("{kind}.done"), field: text}), events.len()));
    events.push(with(json!({"type": "response.content_part.done", "part": {"type": "x", field: text}}), events.len()));
    let item = json!({"type": "message", "id": "item_1", "content": [{"type": "output_text", field: text}]});
    events.push(
        json!({"type": "response.output_item.done", "output_index": 0, "item": item, "sequence_number": events.len()}),
    );
    let response = json!({"id": "resp_1", "output": [item], "usage": {"input_tokens": 1, "output_tokens": 2}});
    events.push(json!({"type": "response.completed", "response": response, "sequence_number": events.len()}));
    events
}

/// Checks deltas against the whole, the copies against the deltas, and the numbers of the events.
fn check_responses(masks: &TextMasks, kind: &str, field: &str, text_kind: TextKind, whole: &str, cuts: &[usize]) {
    let left = run(Endpoint::Responses, masks, &response_events(kind, field, whole, cuts)).expect("maskable");
    let expected = masks.whole(whole, text_kind);
    let delta = format!("{kind}.delta");
    let joined: String =
        left.iter().filter(|tree| text(tree, "type") == delta).map(|tree| text(tree, "delta")).collect();
    assert_eq!(joined, expected, "deltas of {kind}, cut at {cuts:?}");
    let done = left.iter().find(|tree| text(tree, "type") == format!("{kind}.done")).expect("a done event");
    assert_eq!(text(done, field), expected, "copy of {kind}");
    let numbers: Vec<_> = left.iter().filter_map(|tree| tree.get("sequence_number")?.as_i64()).collect();
    assert!(numbers.windows(2).all(|pair| pair.first() < pair.last()), "numbers {numbers:?}");
    for tree in &left {
        assert!(expected.contains(CARD) || !tree.to_string().contains(CARD), "{tree}");
    }
}

#[test]
fn every_kind_of_response_text_is_masked_in_deltas_and_copies() {
    let masks = text_masks(&["credit_card", "email"]);
    let kinds = [
        ("response.output_text", "text", TextKind::Prose),
        ("response.refusal", "refusal", TextKind::Prose),
        ("response.reasoning_text", "text", TextKind::Prose),
        ("response.reasoning_summary_text", "text", TextKind::Prose),
        ("response.custom_tool_call_input", "input", TextKind::Prose),
        ("response.code_interpreter_call_code", "code", TextKind::Prose),
        ("response.audio.transcript", "transcript", TextKind::Prose),
        ("response.shell_call_command", "command", TextKind::Prose),
        ("response.shell_call_output_content", "output", TextKind::Prose),
        ("response.something_new", "words", TextKind::Prose),
    ];
    let whole = format!("Your card {CARD} and ada@example.com are on file.");
    for (kind, field, text_kind) in kinds {
        for cut in 0..whole.len() {
            check_responses(&masks, kind, field, text_kind, &whole, &[cut]);
        }
        check_responses(&masks, kind, field, text_kind, &whole, &vec![1; whole.len()]);
    }
    let arguments = format!(r#"{{"card": "{CARD}", "number": 4111111111111111, "to": ["ada@example.com"]}}"#);
    for kind in ["response.function_call_arguments", "response.mcp_call_arguments"] {
        for cut in 0..arguments.len() {
            check_responses(&masks, kind, "arguments", TextKind::Arguments, &arguments, &[cut]);
        }
    }
}

#[test]
fn arguments_stay_valid_json() {
    let masks = text_masks(&["credit_card", "email"]);
    let arguments = format!(
        r#"{{"card": "\u0034{}", "n": 4111111111111111, "ok": [true, null, 1.5e3], "q": "a \"b\" é"}}"#,
        &CARD[1..]
    );
    let masked = masks.whole(&arguments, TextKind::Arguments);
    let tree = parse_json_tree(&masked, JsonLimits::default()).expect("still JSON");
    assert_eq!(text(&tree, "card"), "[credit_card]");
    assert_eq!(tree.get("n").and_then(JsonTree::as_i64), Some(0));
    assert_eq!(tree.get("ok").map(ToString::to_string).as_deref(), Some("[true,null,1.5e3]"));
    assert_eq!(text(&tree, "q"), "a \"b\" é");
    let whole = whole_text_masks().whole(&arguments, TextKind::Arguments);
    let tree = parse_json_tree(&whole, JsonLimits::default()).expect("still JSON");
    assert_eq!(text(&tree, "card"), "[redacted]");
}

#[test]
fn a_text_that_looks_like_json_and_is_none_is_masked_as_text() {
    let masks = text_masks(&["credit_card", "email"]);
    for text in [
        format!("[{CARD}]"),
        format!("[note] {CARD}"),
        format!("{{{CARD}}}"),
        format!("{{\"a\": {CARD}}}"),
        format!("{{\"a\": 1}} {CARD}"),
        format!("[1, 2] and [{CARD}] and {{"),
        format!("[\"x\" {CARD}"),
        format!("[[[[{CARD}"),
    ] {
        let masked = masks.whole(&text, TextKind::Prose);
        assert_eq!(masked, text.replace(CARD, "[credit_card]"), "{text}");
    }
}

#[test]
fn the_open_tail_alone_is_held_back() {
    let masks = text_masks(&["credit_card"]);
    let mut masker = EventMasker::new(Endpoint::Responses, &masks);
    let events = response_events("response.output_text", "text", "Hello there, friend. ", &[6, 7]);
    let first = masker.event(event(&events[1])).expect("maskable");
    assert_eq!(first.len(), 1, "the first delta leaves at once: {first:?}");
}

#[test]
fn parts_of_an_answer_are_told_apart() {
    let masks = text_masks(&["credit_card"]);
    let delta = |part: i64, text: &str| json!({"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": part, "delta": text});
    let done = |part: i64| json!({"type": "response.output_text.done", "item_id": "i", "output_index": 0, "content_index": part, "text": ""});
    let events = [delta(0, "4111 1111 "), delta(1, "4111 1111 "), done(1), delta(0, "1111 1111."), done(0)];
    let left = run(Endpoint::Responses, &masks, &events).expect("maskable");
    let joined = |part: i64| -> String {
        let of_part = left.iter().filter(|tree| tree.get("content_index").and_then(JsonTree::as_i64) == Some(part));
        of_part.map(|tree| text(tree, "delta")).collect()
    };
    assert_eq!(joined(0), "[credit_card].");
    assert_eq!(joined(1), "4111 1111 ");
    let late = [delta(0, "a"), done(0), delta(0, "b")];
    assert_eq!(run(Endpoint::Responses, &masks, &late), Err(StreamError::AfterEnd));
}

#[test]
fn log_probabilities_and_padding_go() {
    let masks = text_masks(&["credit_card"]);
    let data = json!({"type": "response.output_text.delta", "item_id": "i", "delta": "x",
        "logprobs": [{"token": "4111 1111 1111 1111"}], "obfuscation": "abc"});
    let left = run(Endpoint::Responses, &masks, &[data]).expect("maskable");
    assert_eq!(left[0].get("logprobs").map(ToString::to_string).as_deref(), Some("[]"));
    assert_eq!(text(&left[0], "obfuscation"), "");
}

#[test]
fn sound_and_deltas_of_another_form_end_the_stream() {
    let masks = text_masks(&["credit_card"]);
    for data in [
        json!({"type": "response.audio.delta", "delta": "AAAA"}),
        json!({"type": "response.output_text.delta", "delta": {"text": "x"}}),
    ] {
        assert!(matches!(run(Endpoint::Responses, &masks, &[data]), Err(StreamError::Delta(_))));
    }
    let chat = json!({"choices": [{"index": 0, "delta": {"audio": {"data": "AAAA"}}}]});
    assert_eq!(run(Endpoint::ChatCompletions, &masks, &[chat]), Err(StreamError::CannotMask(CannotMask::Sound)));
    let mut masker = EventMasker::new(Endpoint::Responses, &masks);
    assert!(matches!(masker.event(Event::of_data("not json")), Err(StreamError::Json(_))));
    assert_eq!(masker.event(Event::of_data("[]")), Err(StreamError::NotAnObject));
}

fn chunk(delta: serde_json::Value, finish: Option<&str>) -> serde_json::Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]})
}

/// The texts that leave, by their path in the delta.
fn chat_texts(left: &[JsonTree]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for tree in left {
        for choice in tree.get("choices").map(JsonTree::items).unwrap_or_default() {
            let delta = choice.get("delta").cloned().unwrap_or(JsonTree::Null);
            for (name, value) in delta.members() {
                if let Some(text) = value.as_str() {
                    texts.entry(name.clone()).or_insert_with(String::new).push_str(text);
                }
                for call in value.items() {
                    let index = call.get("index").and_then(JsonTree::as_i64).unwrap_or(-1);
                    let arguments =
                        call.get("function").map(|function| text(function, "arguments")).unwrap_or_default();
                    texts.entry(format!("call {index}")).or_insert_with(String::new).push_str(arguments);
                }
            }
        }
    }
    texts
}

#[test]
fn chat_texts_are_masked_per_choice_and_call() {
    let masks = text_masks(&["credit_card", "email"]);
    let arguments = format!(r#"{{"card":"{CARD}"}}"#);
    let (left, right) = arguments.split_at(14);
    let call =
        |index: i64, arguments: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]});
    let events = [
        chunk(json!({"role": "assistant", "content": ""}), None),
        chunk(json!({"content": "card 4111 1111"}), None),
        chunk(json!({"reasoning_content": "mail ada@exam"}), None),
        chunk(json!({"content": " 1111 1111"}), None),
        chunk(json!({"reasoning_content": "ple.com"}), None),
        chunk(
            json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            None,
        ),
        chunk(call(0, left), None),
        chunk(call(1, left), None),
        chunk(call(0, right), None),
        chunk(json!({}), Some("tool_calls")),
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 1}}),
    ];
    let left_events = run(Endpoint::ChatCompletions, &masks, &events).expect("maskable");
    let texts = chat_texts(&left_events);
    assert_eq!(texts["content"], "card [credit_card]");
    assert_eq!(texts["reasoning_content"], "mail [email]");
    assert_eq!(texts["call 0"], r#"{"card":"[credit_card]"}"#);
    // The rest leaves in front of the chunk that ends the choice.
    let ended = left_events
        .iter()
        .position(|tree| tree.to_string().contains("\"finish_reason\":\"tool_calls\""))
        .expect("an end");
    assert!(left_events[ended + 1..].iter().all(|tree| !tree.to_string().contains("delta")));
    let usage = left_events.last().expect("the usage chunk");
    assert_eq!(usage.get("usage").map(ToString::to_string).as_deref(), Some(r#"{"prompt_tokens":1}"#));
}

#[test]
fn a_chat_text_that_goes_on_after_its_end_ends_the_stream() {
    let masks = text_masks(&["credit_card"]);
    let events = [chunk(json!({"content": "a"}), Some("stop")), chunk(json!({"content": "b"}), None)];
    assert_eq!(run(Endpoint::ChatCompletions, &masks, &events), Err(StreamError::AfterEnd));
}

#[test]
fn a_mask_of_whole_texts_gives_one_replacement() {
    let masks = whole_text_masks();
    let events = [
        chunk(json!({"content": "secret "}), None),
        chunk(json!({"content": "words"}), None),
        chunk(json!({}), Some("stop")),
    ];
    let texts = chat_texts(&run(Endpoint::ChatCompletions, &masks, &events).expect("maskable"));
    assert_eq!(texts["content"], "[redacted]");
}

fn any_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just(CARD.to_owned()),
        Just("ada@example.com".to_owned()),
        Just("4111111111111111".to_owned()),
        Just("{\"a\": [\"".to_owned()),
        Just("\"]}".to_owned()),
        Just("\\u0034111 1111 1111 1111".to_owned()),
        Just("\\\"\\\\".to_owned()),
        Just("\\ud83d\\ude00".to_owned()),
        "[a-z0-9 {}\\[\\]:,\"\\\\é@.]{0,12}",
    ];
    proptest::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn response_deltas_are_the_whole_masked(text in any_text(), cuts in proptest::collection::vec(0usize..9, 0..40)) {
        let masks = text_masks(&["credit_card", "email"]);
        check_responses(&masks, "response.output_text", "text", TextKind::Prose, &text, &cuts);
        check_responses(&masks, "response.function_call_arguments", "arguments", TextKind::Arguments, &text, &cuts);
    }

    #[test]
    fn chat_deltas_are_the_whole_masked(text in any_text(), cuts in proptest::collection::vec(0usize..9, 0..40)) {
        let masks = text_masks(&["credit_card", "email"]);
        let mut events: Vec<_> = pieces(&text, &cuts).iter().map(|piece| chunk(json!({"content": piece}), None)).collect();
        events.push(chunk(json!({}), Some("stop")));
        let texts = chat_texts(&run(Endpoint::ChatCompletions, &masks, &events).expect("maskable"));
        let joined = texts.get("content").cloned().unwrap_or_default();
        prop_assert_eq!(joined, masks.whole(&text, TextKind::Prose));
    }

    #[test]
    fn a_json_text_stays_the_same_document(value in any_json()) {
        let masks = text_masks(&["credit_card"]);
        let text = value.to_string();
        let masked = masks.whole(&text, TextKind::Arguments);
        let read = |text: &str| parse_json_tree(text, JsonLimits::default()).expect("valid JSON").to_value();
        prop_assert_eq!(read(&masked), read(&text));
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        (-1000i64..1000).prop_map(serde_json::Value::from),
        "[a-z \"\\\\\n\t\u{1}é😀]{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-z\"é]{0,4}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
        .boxed()
    })
    .prop_filter("a document, not a word", |value| value.is_object() || value.is_array())
}
