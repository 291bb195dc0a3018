//! The body of a call of a language model to an [`LlmRequest`]. No IO.
//!
//! Reading is strict about the shape of what it reads: a field that the provider could understand in another way than
//! the policy is an error. What it does not know it names (`unknown_kinds`), and its texts are seen and masked like all
//! others, since these are collected from the whole body and not from the known places only.

use hpol_lang::value::JsonTree;

use super::message::{Endpoint, LlmRequest, Part, Tool};
use super::{chat, responses};

/// Why a body is not a call of a language model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field has another type than the protocol says.
    #[error("field `{field}` must be {expected}")]
    Field {
        /// The field.
        field: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A field that the protocol requires is not there.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
}

impl DecodeError {
    pub(super) fn field(field: impl Into<String>, expected: &'static str) -> Self {
        Self::Field { field: field.into(), expected }
    }
}

/// Reads the body of a call.
///
/// # Errors
///
/// A field whose type is not the protocol's.
pub fn decode(endpoint: Endpoint, body: &JsonTree) -> Result<LlmRequest, DecodeError> {
    if !matches!(body, JsonTree::Object(_)) {
        return Err(DecodeError::field("(body)", "an object"));
    }
    let mut request = LlmRequest::new(endpoint);
    request.model = text_field(body, "model")?;
    request.stream = bool_field(body, "stream")?.unwrap_or(false);
    request.store = bool_field(body, "store")?;
    match endpoint {
        Endpoint::Responses => responses::decode(body, &mut request)?,
        Endpoint::ChatCompletions => chat::decode(body, &mut request)?,
    }
    Ok(request)
}

/// A member that is there and not null.
pub(super) fn member<'t>(tree: &'t JsonTree, name: &str) -> Option<&'t JsonTree> {
    tree.get(name).filter(|value| **value != JsonTree::Null)
}

pub(super) fn text_field(tree: &JsonTree, name: &str) -> Result<Option<String>, DecodeError> {
    member(tree, name)
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| DecodeError::field(name, "a string")))
        .transpose()
}

pub(super) fn bool_field(tree: &JsonTree, name: &str) -> Result<Option<bool>, DecodeError> {
    member(tree, name).map(|value| value.as_bool().ok_or_else(|| DecodeError::field(name, "true or false"))).transpose()
}

pub(super) fn integer_field(tree: &JsonTree, name: &str) -> Result<Option<i64>, DecodeError> {
    member(tree, name).map(|value| value.as_i64().ok_or_else(|| DecodeError::field(name, "an integer"))).transpose()
}

pub(super) fn array_field<'t>(tree: &'t JsonTree, name: &str) -> Result<&'t [JsonTree], DecodeError> {
    match member(tree, name) {
        None => Ok(&[]),
        Some(JsonTree::Array(items)) => Ok(items),
        Some(_) => Err(DecodeError::field(name, "an array")),
    }
}

/// The parts of a message's content: a text or an array of parts.
pub(super) fn content(tree: Option<&JsonTree>, request: &mut LlmRequest) -> Result<Vec<Part>, DecodeError> {
    match tree {
        None | Some(JsonTree::Null) => Ok(Vec::new()),
        Some(JsonTree::String(text)) => Ok(vec![Part::text(text)]),
        Some(JsonTree::Array(parts)) => parts.iter().map(|tree| part(tree, request)).collect(),
        Some(_) => Err(DecodeError::field("content", "a string or an array of parts")),
    }
}

fn part(tree: &JsonTree, request: &mut LlmRequest) -> Result<Part, DecodeError> {
    if let JsonTree::String(text) = tree {
        return Ok(Part::text(text));
    }
    let kind = text_field(tree, "type")?.ok_or_else(|| DecodeError::field("type", "the kind of the part"))?;
    let file = member(tree, "file").unwrap_or(tree);
    Ok(match kind.as_str() {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            Part { kind: "text", text: text_field(tree, "text")?, ..Part::default() }
        }
        "refusal" => Part { kind: "refusal", text: text_field(tree, "refusal")?, ..Part::default() },
        "input_image" | "image_url" => {
            let url = match member(tree, "image_url") {
                Some(JsonTree::String(url)) => Some(url.clone()),
                Some(image) => text_field(image, "url")?,
                None => None,
            };
            Part { kind: "image", url: remote(url), file_id: text_field(tree, "file_id")?, ..Part::default() }
        }
        "input_audio" | "output_audio" => {
            Part { kind: "audio", text: text_field(tree, "transcript")?, ..Part::default() }
        }
        "input_file" | "file" => Part {
            kind: "file",
            text: None,
            url: remote(text_field(file, "file_url")?),
            filename: text_field(file, "filename")?,
            file_id: text_field(file, "file_id")?,
        },
        unknown => {
            request.note_unknown(unknown);
            let text = member(tree, "text").and_then(JsonTree::as_str).map(str::to_owned);
            Part { kind: "unknown", text, ..Part::default() }
        }
    })
}

/// An address to fetch from; inline data is none.
fn remote(url: Option<String>) -> Option<String> {
    url.filter(|url| !url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")))
}

/// A tool definition. `nested` is where chat completions put what responses put beside the kind.
pub(super) fn tool(tree: &JsonTree) -> Result<Tool, DecodeError> {
    let kind =
        text_field(tree, "type")?.ok_or_else(|| DecodeError::field("tools", "an array of objects with a `type`"))?;
    let nested = member(tree, &kind).filter(|value| matches!(value, JsonTree::Object(_))).unwrap_or(tree);
    let name = match kind.as_str() {
        "mcp" => text_field(tree, "server_label")?,
        _ => text_field(nested, "name")?,
    };
    let local = matches!(
        kind.as_str(),
        "function" | "custom" | "local_shell" | "computer_use_preview" | "computer" | "apply_patch"
    );
    Ok(Tool { name, server_url: text_field(tree, "server_url")?, hosted: !local, kind })
}
