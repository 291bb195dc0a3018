//! Carries out masks on whole bodies.

use hpol_lang::value::{JsonLimits, JsonTree, parse_json_tree};

use super::message::is_json;
use crate::mask::Masks;
use crate::mask::document::{CannotMask, mask_answer, mask_plain, mask_request};
use crate::mask::stream::TextKind;

/// Whose rules say which strings of a JSON body are texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// A request of the OpenAI protocol.
    LlmRequest,
    /// An answer of the OpenAI protocol.
    LlmAnswer,
    /// Anything else: every string may be a text.
    Plain,
}

/// How a body is masked.
enum Form {
    Json,
    JsonLines,
    Text,
}

fn form(media_type: Option<&str>, masks: &Masks) -> Result<Form, CannotMask> {
    match media_type.unwrap_or_default() {
        json if is_json(json) => Ok(Form::Json),
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Ok(Form::JsonLines),
        // A field mask names a path that a plain text does not have: what it protects could stand anywhere in it.
        "text/plain" | "text/csv" | "text/markdown" if masks.fields.is_empty() => Ok(Form::Text),
        other => Err(CannotMask::MediaType(if other.is_empty() { "unknown" } else { other }.to_owned())),
    }
}

/// Checks before a body is read whether bodies of the media type can be masked at all.
///
/// # Errors
///
/// They cannot.
pub fn check_media_type(media_type: Option<&str>, masks: &Masks) -> Result<(), CannotMask> {
    form(media_type, masks).map(|_| ())
}

/// Masks a body of the media type.
///
/// # Errors
///
/// A body that cannot be masked, which must not pass.
pub fn mask_body(kind: BodyKind, media_type: Option<&str>, body: &[u8], masks: &Masks) -> Result<Vec<u8>, CannotMask> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    match form(media_type, masks)? {
        Form::Json => {
            let mut tree = tree_of(body)?;
            mask_tree(kind, &mut tree, masks)?;
            Ok(tree.to_string().into_bytes())
        }
        Form::JsonLines => mask_lines(kind, body, masks),
        Form::Text => {
            let text = std::str::from_utf8(body).map_err(|_| CannotMask::Malformed("UTF-8"))?;
            Ok(masks.texts.whole(text, TextKind::Prose).into_bytes())
        }
    }
}

/// Masks a JSON document.
///
/// # Errors
///
/// A text that cannot be masked.
pub fn mask_tree(kind: BodyKind, tree: &mut JsonTree, masks: &Masks) -> Result<(), CannotMask> {
    for field in &masks.fields {
        field.apply(tree);
    }
    if masks.texts.is_empty() {
        return Ok(());
    }
    match kind {
        BodyKind::LlmRequest => mask_request(tree, &masks.texts),
        BodyKind::LlmAnswer => mask_answer(tree, &masks.texts),
        BodyKind::Plain => {
            mask_plain(tree, &masks.texts, "");
            Ok(())
        }
    }
}

fn mask_lines(kind: BodyKind, body: &[u8], masks: &Masks) -> Result<Vec<u8>, CannotMask> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            let mut tree = tree_of(line)?;
            mask_tree(kind, &mut tree, masks)?;
            out.extend_from_slice(tree.to_string().as_bytes());
            out.push(b'\n');
        }
    }
    Ok(out)
}

fn tree_of(body: &[u8]) -> Result<JsonTree, CannotMask> {
    let text = std::str::from_utf8(body).map_err(|_| CannotMask::Malformed("UTF-8"))?;
    let limits = JsonLimits { bytes_max: text.len(), ..JsonLimits::default() };
    parse_json_tree(text, limits).map_err(|_| CannotMask::Malformed("JSON"))
}
