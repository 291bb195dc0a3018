//! Masks the events of a streamed answer, as they come. No IO.
//!
//! A text arrives in deltas that are cut anywhere, so each text has a stream of its own that holds back only what could
//! still become a match. What it held back leaves in the next delta of that text, or in a delta made here in front of
//! the event that ends the text. The copies that follow (`*.done`, `response.completed`) are masked as a whole and come
//! out equal to the joined deltas.

use hpol_lang::value::{JsonError, JsonLimits, JsonTree, parse_json_tree};

use super::message::Endpoint;
use super::sse::Event;
use crate::mask::document::CannotMask;
use crate::mask::text::TextMasks;

mod chat;
mod responses;

/// Most texts that are open at a time in one answer.
const OPEN_MAX: usize = 1_024;

/// Why a stream cannot be masked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// An event's data is not JSON.
    #[error("an event of the answer is not valid JSON: {0}")]
    Json(JsonError),
    /// An event is JSON, but not an object.
    #[error("an event of the answer is not an object")]
    NotAnObject,
    /// A text went on after it had ended, when its masked end had left.
    #[error("the answer goes on with a text that had ended")]
    AfterEnd,
    /// A delta has a form in which it cannot be masked.
    #[error("a delta of kind `{0}` has a form that cannot be masked")]
    Delta(String),
    /// Too many texts are open.
    #[error("the answer has more than {OPEN_MAX} texts open at a time")]
    TooManyOpen,
    /// Part of an event cannot be masked.
    #[error(transparent)]
    CannotMask(#[from] CannotMask),
}

/// Masks the events of one answer.
#[derive(Debug)]
pub struct EventMasker {
    masks: TextMasks,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    Responses(responses::State),
    Chat(chat::State),
}

impl EventMasker {
    /// A masker at the start of an answer.
    pub fn new(endpoint: Endpoint, masks: &TextMasks) -> Self {
        let protocol = match endpoint {
            Endpoint::Responses => Protocol::Responses(responses::State::default()),
            Endpoint::ChatCompletions => Protocol::Chat(chat::State::default()),
        };
        Self { masks: masks.clone(), protocol }
    }

    /// Takes the next event; gives the events that may leave.
    ///
    /// # Errors
    ///
    /// An event that cannot be read or masked. The stream must end then.
    pub fn event(&mut self, event: Event) -> Result<Vec<Event>, StreamError> {
        let Some(data) = event.data.as_deref() else { return Ok(vec![event]) };
        if data.trim() == "[DONE]" {
            let mut events = self.flush();
            events.push(Event { data: Some("[DONE]".to_owned()), ..event });
            return Ok(events);
        }
        let tree = parse_json_tree(data, JsonLimits::default()).map_err(StreamError::Json)?;
        if !matches!(tree, JsonTree::Object(_)) {
            return Err(StreamError::NotAnObject);
        }
        match &mut self.protocol {
            Protocol::Responses(state) => state.event(&self.masks, event, tree),
            Protocol::Chat(state) => state.event(&self.masks, event, tree),
        }
    }

    /// Gives what was held back, at the end of the answer or in front of an error.
    pub fn flush(&mut self) -> Vec<Event> {
        match &mut self.protocol {
            Protocol::Responses(state) => state.flush_all(),
            Protocol::Chat(state) => state.flush_all(),
        }
    }
}

/// Whether an event is an error the provider reports.
fn is_error(tree: &JsonTree) -> bool {
    tree.get("error").is_some_and(|error| *error != JsonTree::Null)
        && tree.get("choices").is_none()
        && tree.get("response").is_none()
        || tree.get("type").and_then(JsonTree::as_str) == Some("error")
}

#[cfg(test)]
mod tests;
