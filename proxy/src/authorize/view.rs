//! A request as policies see it: the fields of `llm.Request` and `http.Request`, lent for a decision, which reads them straight
//! to where the policies look for them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hpol_lang::value::{Exact, JsonTree, Value};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::http::message::Head;
use crate::llm::message::{LlmRequest, Message, ToolCall, ToolOutput};
use crate::mask::texts::texts_of;

use super::Subject;

/// A call of a language model: `llm.Request`.
#[derive(Debug)]
pub(super) struct LlmView<'m> {
    pub(super) head: &'m Head,
    pub(super) subject: &'m Subject<'m>,
    pub(super) request: &'m LlmRequest,
    pub(super) body: &'m JsonTree,
}

/// Any other request: `http.Request`.
#[derive(Debug)]
pub(super) struct HttpView<'m> {
    pub(super) head: &'m Head,
    pub(super) subject: &'m Subject<'m>,
    /// The body, if it is JSON.
    pub(super) body: Option<&'m JsonTree>,
    /// Bytes of the body.
    pub(super) body_size: usize,
}

impl Serialize for LlmView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { head, subject, request, body } = self;
        let mut fields = serializer.serialize_struct("llm.Request", 22)?;
        common(&mut fields, head, subject)?;
        fields.serialize_field("point", "request")?;
        fields.serialize_field("endpoint", request.endpoint.name())?;
        fields.serialize_field("model", &request.model)?;
        fields.serialize_field("stream", &request.stream)?;
        fields.serialize_field("background", &request.background)?;
        fields.serialize_field("store", &request.store)?;
        fields.serialize_field("instructions", &request.all_instructions())?;
        fields.serialize_field("messages", &List(|| request.messages.iter().map(MessageView)))?;
        fields.serialize_field("texts", &texts_of(body))?;
        fields.serialize_field("tools", &request.tools)?;
        fields.serialize_field("tool_calls", &request.tool_calls)?;
        let outputs = || request.tool_outputs.iter().map(|output| output_view(request, output));
        fields.serialize_field("tool_outputs", &List(outputs))?;
        fields.serialize_field("unknown_kinds", &request.unknown_kinds)?;
        fields.serialize_field("previous_response_id", &request.previous_response_id)?;
        fields.serialize_field("conversation", &request.conversation)?;
        fields.serialize_field("prompt_id", &request.prompt_id)?;
        fields.serialize_field("max_output_tokens", &request.max_output_tokens)?;
        fields.serialize_field("body", &LlmBody(body))?;
        fields.end()
    }
}

impl Serialize for HttpView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { head, subject, body, body_size } = self;
        let mut fields = serializer.serialize_struct("http.Request", 11)?;
        common(&mut fields, head, subject)?;
        fields.serialize_field("method", head.method.as_str())?;
        fields.serialize_field("path", &head.path)?;
        fields.serialize_field("path_segments", &head.segments)?;
        fields.serialize_field("query", &query(head))?;
        fields.serialize_field("body_size", &i64::try_from(*body_size).unwrap_or(i64::MAX))?;
        fields.serialize_field("body", &body.map(Exact))?;
        fields.end()
    }
}

/// The fields that both kinds have.
fn common<S: SerializeStruct>(fields: &mut S, head: &Head, subject: &Subject<'_>) -> Result<(), S::Error> {
    let identity = subject.identity;
    fields.serialize_field("time", &subject.time)?;
    fields.serialize_field("headers", &Headers(head))?;
    fields.serialize_field(
        "identity",
        &Identity {
            sub: &identity.subject,
            iss: &identity.issuer,
            groups: &identity.groups,
            claims: Exact(&identity.claims),
        },
    )?;
    fields.serialize_field("target", &Target { name: subject.target.name(), labels: subject.target.labels() })?;
    fields.serialize_field("client", &Client { ip: subject.client.to_canonical() })
}

#[derive(Debug, serde::Serialize)]
struct Identity<'m> {
    sub: &'m str,
    iss: &'m str,
    groups: &'m [String],
    claims: Exact<'m, Value>,
}

#[derive(Debug, serde::Serialize)]
struct Target<'m> {
    name: &'m str,
    labels: &'m BTreeMap<String, String>,
}

#[derive(Debug, serde::Serialize)]
struct Client {
    ip: IpAddr,
}

/// The headers, without credentials.
#[derive(Debug)]
struct Headers<'m>(&'m Head);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.shown_headers() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

/// Every parameter of the query with all of its values.
fn query(head: &Head) -> BTreeMap<&str, Vec<&str>> {
    let mut query: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &head.parameters {
        query.entry(name).or_default().push(value);
    }
    query
}

/// The items of an iterator, each made when it is written.
struct List<F>(F);

impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for List<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

/// A message, with its texts together.
#[derive(Debug)]
struct MessageView<'m>(&'m Message);

impl Serialize for MessageView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Message { role, parts } = self.0;
        let mut fields = serializer.serialize_struct("llm.Message", 3)?;
        fields.serialize_field("role", role)?;
        fields.serialize_field("text", &self.0.text())?;
        fields.serialize_field("parts", parts)?;
        fields.end()
    }
}

/// What a tool gave back, with the tool's name as the call tells it.
#[derive(Debug, serde::Serialize)]
struct OutputView<'m> {
    call_id: Option<&'m str>,
    name: Option<&'m str>,
    text: &'m str,
}

fn output_view<'m>(request: &'m LlmRequest, output: &'m ToolOutput) -> OutputView<'m> {
    let called = |call: &&ToolCall| output.call_id.is_some() && call.call_id == output.call_id;
    let call = request.tool_calls.iter().find(called);
    OutputView {
        call_id: output.call_id.as_deref(),
        name: call.and_then(|call| call.name.as_deref()),
        text: &output.text,
    }
}

/// The body without the credentials that tools carry for their servers.
#[derive(Debug)]
struct LlmBody<'m>(&'m JsonTree);

impl Serialize for LlmBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let JsonTree::Object(members) = self.0 else { return Exact(self.0).serialize(serializer) };
        let mut map = serializer.serialize_map(Some(members.len()))?;
        for (name, value) in members {
            match value {
                JsonTree::Array(tools) if name == "tools" => {
                    map.serialize_entry(name, &List(|| tools.iter().map(ToolBody)))?;
                }
                _ => map.serialize_entry(name, &Exact(value))?,
            }
        }
        map.end()
    }
}

/// A tool of the body.
#[derive(Debug)]
struct ToolBody<'m>(&'m JsonTree);

impl Serialize for ToolBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let JsonTree::Object(members) = self.0 else { return Exact(self.0).serialize(serializer) };
        let shown = members.iter().filter(|(name, _)| !matches!(name.as_str(), "authorization" | "headers"));
        serializer.collect_map(shown.map(|(name, value)| (name, Exact(value))))
    }
}

#[cfg(test)]
mod tests;
