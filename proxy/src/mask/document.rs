//! Masks the texts of whole JSON documents: requests and answers of the OpenAI protocol, and bodies of plain HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpol_lang::value::JsonTree;

use super::stream::TextKind;
use super::text::TextMasks;
use super::texts::{Place, TextClass, classify, text_of_data_url};

/// Why a mask cannot be carried out, so that the message must not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotMask {
    /// A file whose text cannot be read.
    #[error("an inline file has a form whose text cannot be masked; send its text, or a text file")]
    File,
    /// Sound, which says the words that are masked.
    #[error("an answer as sound cannot be masked; ask for text")]
    Sound,
    /// A body that is neither JSON nor plain text.
    #[error("a body of type `{0}` cannot be masked")]
    MediaType(String),
    /// A body that is not what its type says.
    #[error("the body cannot be read as `{0}`")]
    Malformed(&'static str),
    /// A selector that names columns of a table.
    #[error("a mask of column `{0}` cannot be carried out over HTTP; use `field(…)` or `text`")]
    Column(String),
    /// A selector whose path cannot be read.
    #[error("the path `{0}` of a mask cannot be read; write names joined by `.`, with `[*]` for every element")]
    Path(String),
    /// A field of a body that is streamed.
    #[error(
        "a mask of field `{0}` cannot be carried out on a streamed answer; ask for it without `stream`, or mask text"
    )]
    StreamedField(String),
    /// A detector that is not known.
    #[error("a mask cannot be carried out: {0}")]
    Operator(String),
}

/// Masks the texts of a request.
///
/// # Errors
///
/// A text that cannot be masked.
pub fn mask_request(tree: &mut JsonTree, masks: &TextMasks) -> Result<(), CannotMask> {
    Walk { masks, answer: false }.tree(tree, Place::ROOT)
}

/// Masks the texts of an answer, or of an event of one.
///
/// # Errors
///
/// A text that cannot be masked.
pub fn mask_answer(tree: &mut JsonTree, masks: &TextMasks) -> Result<(), CannotMask> {
    Walk { masks, answer: true }.tree(tree, Place::ROOT)
}

struct Walk<'m> {
    masks: &'m TextMasks,
    answer: bool,
}

impl Walk<'_> {
    fn tree(&self, tree: &mut JsonTree, place: Place<'_>) -> Result<(), CannotMask> {
        match tree {
            JsonTree::Null | JsonTree::Bool(_) | JsonTree::Number(_) => Ok(()),
            JsonTree::String(text) => self.text(text, place),
            JsonTree::Array(items) => items.iter_mut().try_for_each(|item| self.tree(item, place.element())),
            JsonTree::Object(members) => {
                let free_keys = matches!(place.key(), "metadata" | "variables");
                for (key, value) in members {
                    let log_probabilities = matches!(key.as_str(), "logprobs" | "top_logprobs");
                    match value {
                        // They spell the text token by token.
                        JsonTree::Array(items) if log_probabilities => items.clear(),
                        JsonTree::Object(_) if log_probabilities => *value = JsonTree::Null,
                        _ => self.tree(value, place.member(key))?,
                    }
                    if free_keys {
                        *key = self.masks.found_only(key);
                    }
                }
                Ok(())
            }
        }
    }

    fn text(&self, text: &mut String, place: Place<'_>) -> Result<(), CannotMask> {
        match classify(place, text) {
            TextClass::Prose => *text = self.masks.whole(text, TextKind::Prose),
            TextClass::Arguments => *text = self.masks.whole(text, TextKind::Arguments),
            TextClass::Label => *text = self.masks.found_only(text),
            TextClass::File => {
                let (head, inner) = text_of_data_url(text).ok_or(CannotMask::File)?;
                *text = format!("{head},{}", STANDARD.encode(self.masks.whole(&inner, TextKind::Prose)));
            }
            TextClass::Media if self.answer && place.key() == "data" => return Err(CannotMask::Sound),
            TextClass::Echo => text.clear(),
            TextClass::Media | TextClass::Structure | TextClass::Credential => {}
        }
        Ok(())
    }
}

/// Masks every string, key and number of a document of which nothing is known. `context` is the key in front of it.
pub fn mask_plain(tree: &mut JsonTree, masks: &TextMasks, context: &str) {
    match tree {
        JsonTree::Null | JsonTree::Bool(_) => {}
        JsonTree::Number(spelling) => {
            if let Some(masked) = masks.number(context, spelling) {
                *spelling = masked.into();
            }
        }
        JsonTree::String(text) => *text = masks.whole_after(context, text),
        JsonTree::Array(items) => items.iter_mut().for_each(|item| mask_plain(item, masks, context)),
        JsonTree::Object(members) => {
            for (key, value) in members {
                mask_plain(value, masks, key);
                *key = masks.found_only(key);
            }
        }
    }
}
