//! What the bytes of an answer go through on their way to the client.

use bytes::{Bytes, BytesMut};
use hpol_lang::value::{JsonLimits, JsonTree, parse_json_tree};
use http::StatusCode;
use serde_json::{Value as Json, json};

use crate::http::codec::BodyDecoder;
use crate::llm::message::Endpoint;
use crate::llm::sse::{Decoder, Event, Frame, SseLimits, encode};
use crate::llm::stream::EventMasker;
use crate::mask::text::TextMasks;
use crate::refusal::Refusal;

/// What an answer goes through.
#[derive(Debug)]
pub(super) enum Filter {
    /// Nothing.
    Raw,
    /// Events of a model's answer are read, masked if need be, and written again.
    Events(Box<EventFilter>),
}

/// Reads, masks and writes events.
#[derive(Debug)]
pub(super) struct EventFilter {
    /// `None` once the answer has ended.
    body: Option<BodyDecoder>,
    decoder: Option<Decoder>,
    masker: Option<EventMasker>,
    usage: Option<Usage>,
    /// Calls of tools since they were last taken, each with its id and the tool.
    calls: Vec<(String, String)>,
    /// The answer said that it is complete.
    complete: bool,
}

/// Most bytes that a piece of an answer may become when it is decompressed.
const DECODED_PIECE_BYTES_MAX: usize = 16 << 20;

/// Most calls of tools of one answer that are noted.
const CALLS_MAX: usize = 256;

/// Tokens that an answer took, as the provider counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    input: i64,
    output: i64,
}

impl Filter {
    /// The filter of a model's events.
    pub(super) fn events(endpoint: Endpoint, body: BodyDecoder, masks: &TextMasks) -> Self {
        let masker = (!masks.is_empty()).then(|| EventMasker::new(endpoint, masks));
        let decoder = Some(Decoder::new(SseLimits::default()));
        Self::Events(Box::new(EventFilter {
            body: Some(body),
            decoder,
            masker,
            usage: None,
            calls: Vec::new(),
            complete: false,
        }))
    }

    /// Whether bytes leave as they come.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self, Self::Raw)
    }

    /// Takes bytes of the upstream; gives what may leave, and why the answer ends there if it cannot be read or masked.
    pub(super) fn push(&mut self, bytes: Bytes) -> (Bytes, Result<(), Refusal>) {
        match self {
            Self::Raw => (bytes, Ok(())),
            Self::Events(filter) => {
                let mut out = BytesMut::new();
                let pushed = filter.push(&bytes, &mut out);
                (out.freeze(), pushed)
            }
        }
    }

    /// The upstream's answer ended; gives what was held back, and whether the answer was complete.
    ///
    /// # Errors
    ///
    /// What cannot be read or masked.
    pub(super) fn finish(&mut self) -> Result<(Bytes, bool), Refusal> {
        match self {
            Self::Raw => Ok((Bytes::new(), true)),
            Self::Events(filter) => filter.finish(),
        }
    }

    /// What was held back of a masked answer that broke off.
    pub(super) fn flush(&mut self) -> Bytes {
        let Self::Events(filter) = self else { return Bytes::new() };
        let mut out = BytesMut::new();
        for event in filter.masker.as_mut().map(EventMasker::flush).unwrap_or_default() {
            encode(&Frame::Event(event), &mut out);
        }
        out.freeze()
    }

    /// Calls of tools that the model made since this was last asked: each with its id and the tool.
    pub(super) fn take_calls(&mut self) -> Vec<(String, String)> {
        match self {
            Self::Raw => Vec::new(),
            Self::Events(filter) => std::mem::take(&mut filter.calls),
        }
    }

    /// Tokens that the answer took.
    pub(super) fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Raw => None,
            Self::Events(filter) => filter.usage.as_ref(),
        }
    }
}

impl EventFilter {
    fn push(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        let Some(body) = &mut self.body else { return Ok(()) };
        let decoded = body.push(bytes, DECODED_PIECE_BYTES_MAX).map_err(malformed)?;
        self.decode(&decoded, out)
    }

    fn decode(&mut self, decoded: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        let mut buffer = BytesMut::from(decoded);
        while let Some(decoder) = &mut self.decoder {
            let Some(frame) = decoder.decode(&mut buffer).map_err(malformed)? else { break };
            self.frame(frame, out)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(Bytes, bool), Refusal> {
        let mut out = BytesMut::new();
        if let Some(body) = self.body.take() {
            let rest = body.finish().map_err(malformed)?;
            self.decode(&rest, &mut out)?;
        }
        if let Some(decoder) = self.decoder.take()
            && let Some(frame) = decoder.finish().map_err(malformed)?
        {
            self.frame(frame, &mut out)?;
        }
        for event in self.masker.as_mut().map(EventMasker::flush).unwrap_or_default() {
            encode(&Frame::Event(event), &mut out);
        }
        Ok((out.freeze(), self.complete))
    }

    fn frame(&mut self, frame: Frame, out: &mut BytesMut) -> Result<(), Refusal> {
        let event = match frame {
            // A comment could carry text past the masks; what it is for is that something is sent.
            Frame::Comment(text) => {
                let text = if self.masker.is_some() { String::new() } else { text };
                encode(&Frame::Comment(text), out);
                return Ok(());
            }
            Frame::Event(event) => event,
        };
        self.observe(&event);
        match &mut self.masker {
            None => encode(&Frame::Event(event), out),
            Some(masker) => {
                for event in masker.event(event).map_err(malformed)? {
                    encode(&Frame::Event(event), out);
                }
            }
        }
        Ok(())
    }

    /// Notes usage and whether the answer is complete. Only events that can tell are read as JSON.
    fn observe(&mut self, event: &Event) {
        let data = event.data.as_deref().unwrap_or_default();
        if data.trim() == "[DONE]" {
            self.complete = true;
            return;
        }
        let telling = ["\"usage\"", "\"finish_reason\"", "\"response.", "\"error\"", "\"tool_calls\""];
        if !telling.iter().any(|word| data.contains(word)) {
            return;
        }
        let Ok(tree) = parse_json_tree(data, JsonLimits::default()) else { return };
        self.usage = Usage::of_tree(&tree).or(self.usage);
        if self.calls.len() < CALLS_MAX {
            calls_of_tree(&tree, &mut self.calls);
        }
        let kind = tree.get("type").and_then(JsonTree::as_str).unwrap_or_default();
        let ended = matches!(
            kind,
            "response.completed" | "response.failed" | "response.incomplete" | "response.cancelled" | "error"
        );
        let choices = tree.get("choices").map(JsonTree::items).unwrap_or_default();
        let finished = |choice: &JsonTree| choice.get("finish_reason").is_some_and(|reason| *reason != JsonTree::Null);
        let failed = tree.get("error").is_some_and(|error| *error != JsonTree::Null);
        self.complete |= ended || failed || choices.iter().any(finished);
    }
}

/// The calls of tools in a body: each with its id and the tool.
pub(super) fn calls_of_body(body: &[u8]) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    let text = std::str::from_utf8(body).ok();
    if let Some(tree) = text.and_then(|text| parse_json_tree(text, JsonLimits::default()).ok()) {
        calls_of_tree(&tree, &mut calls);
    }
    calls
}

/// Items of `responses`, whole or one by one, and messages or pieces of them of `chat.completions`.
fn calls_of_tree(tree: &JsonTree, calls: &mut Vec<(String, String)>) {
    let text = |tree: Option<&JsonTree>| tree.and_then(JsonTree::as_str).map(str::to_owned);
    let output = tree.get("output").or_else(|| tree.get("response")?.get("output"));
    for item in output.map(JsonTree::items).unwrap_or_default().iter().chain(tree.get("item")) {
        if let (Some(id), Some(name)) = (text(item.get("call_id")), text(item.get("name"))) {
            calls.push((id, name));
        }
    }
    for choice in tree.get("choices").map(JsonTree::items).unwrap_or_default() {
        let message = choice.get("message").or_else(|| choice.get("delta"));
        for call in message.and_then(|message| message.get("tool_calls")).map(JsonTree::items).unwrap_or_default() {
            let tool = call.get("function").or_else(|| call.get("custom"));
            if let (Some(id), Some(name)) = (text(call.get("id")), text(tool.and_then(|tool| tool.get("name")))) {
                calls.push((id, name));
            }
        }
    }
    calls.truncate(CALLS_MAX);
}

fn malformed(error: impl std::error::Error) -> Refusal {
    let message = format!("the upstream's stream was ended because it cannot be read safely: {error}");
    Refusal::new(StatusCode::BAD_GATEWAY, "upstream_malformed", message)
}

impl Usage {
    /// The usage that a JSON body tells.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        Self::of_tree(&parse_json_tree(text, JsonLimits::default()).ok()?)
    }

    fn of_tree(tree: &JsonTree) -> Option<Self> {
        let usage = tree.get("usage").or_else(|| tree.get("response")?.get("usage"))?;
        let count = |names: [&str; 2]| names.iter().find_map(|name| usage.get(name)?.as_i64());
        Some(Self {
            input: count(["input_tokens", "prompt_tokens"])?,
            output: count(["output_tokens", "completion_tokens"])?,
        })
    }

    /// For records.
    pub(super) fn to_json(self) -> Json {
        json!({ "input_tokens": self.input, "output_tokens": self.output })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::text_masks;

    /// What leaves for a stream that comes in pieces of these lengths.
    fn run(stream: &[u8], masks: &TextMasks, cuts: &[usize]) -> String {
        let body = BodyDecoder::new(None).expect("no encoding");
        let mut filter = Filter::events(Endpoint::ChatCompletions, body, masks);
        let mut out = BytesMut::new();
        let mut rest = Bytes::copy_from_slice(stream);
        for cut in cuts {
            let (left, pushed) = filter.push(rest.split_to((*cut).min(rest.len())));
            pushed.expect("a good stream");
            out.extend_from_slice(&left);
        }
        let (left, pushed) = filter.push(rest);
        pushed.expect("a good stream");
        out.extend_from_slice(&left);
        let (left, complete) = filter.finish().expect("a good stream");
        assert!(complete, "the stream has its last event");
        out.extend_from_slice(&left);
        String::from_utf8(out.to_vec()).expect("UTF-8")
    }

    proptest! {
        #[test]
        fn cuts_of_the_network_do_not_show(
            pieces in proptest::collection::vec("[0-9a-z @.é]{0,8}|4111 1111 |1111 1111|ada@exam|ple\\.com", 0..8),
            cuts in proptest::collection::vec(0usize..60, 0..30),
        ) {
            let masks = text_masks(&["credit_card", "email"]);
            let mut stream = String::from(": hello\r\n\r\n");
            for piece in &pieces {
                let chunk = json!({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": null}]});
                stream.push_str(&format!("data: {chunk}\n\n"));
            }
            stream.push_str("data: {\"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\": \"stop\"}]}\r\n\r\ndata: [DONE]\n\n");
            prop_assert_eq!(run(stream.as_bytes(), &masks, &cuts), run(stream.as_bytes(), &masks, &[]));
        }
    }
}
