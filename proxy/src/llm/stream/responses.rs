//! Events of `POST /v1/responses`.

use std::collections::{BTreeMap, BTreeSet};

use hpol_lang::value::JsonTree;

use super::{OPEN_MAX, StreamError, is_error};
use crate::llm::sse::Event;
use crate::mask::document::mask_answer;
use crate::mask::stream::{TextKind, TextStream};
use crate::mask::text::TextMasks;

/// Which text a delta belongs to: the event's type without its last word, and the members that tell items and parts
/// apart, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    base: String,
    place: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Open {
    stream: TextStream,
    /// The last delta event without its text: what is held back leaves in a copy of it.
    template: (Event, JsonTree),
}

#[derive(Debug, Default)]
pub(super) struct State {
    open: BTreeMap<Key, Open>,
    ended: BTreeSet<Key>,
    /// Number of the last event that left.
    sequence: Option<i64>,
}

/// What an event does to the texts that are open.
enum Role {
    Delta,
    /// Ends the text of the same key.
    End,
    /// Ends the texts of a part or an item.
    EndOfContainer,
    /// Ends the answer.
    EndOfAnswer,
    Other,
}

impl State {
    pub(super) fn event(
        &mut self,
        masks: &TextMasks,
        event: Event,
        mut tree: JsonTree,
    ) -> Result<Vec<Event>, StreamError> {
        let kind = tree.get("type").and_then(JsonTree::as_str).unwrap_or_default().to_owned();
        let mut left = match role(&kind, &tree) {
            Role::Delta => return self.delta(masks, &kind, event, tree),
            Role::End => {
                let key = key(kind.trim_end_matches(".done"), &tree);
                self.flush(|open| *open == key)
            }
            Role::EndOfContainer => {
                let place = place(&tree);
                self.flush(|open| within(&open.place, &place))
            }
            Role::EndOfAnswer => self.flush(|_| true),
            Role::Other => Vec::new(),
        };
        mask_answer(&mut tree, masks)?;
        left.push(self.leave(event, tree));
        Ok(left)
    }

    fn delta(
        &mut self,
        masks: &TextMasks,
        kind: &str,
        event: Event,
        mut tree: JsonTree,
    ) -> Result<Vec<Event>, StreamError> {
        let base = kind.trim_end_matches(".delta");
        let Some(JsonTree::String(delta)) = tree.remove("delta") else {
            return Err(StreamError::Delta(kind.chars().take(100).collect()));
        };
        if base.ends_with("audio") {
            // Sound says the words that the transcript's mask takes out.
            return Err(StreamError::Delta(kind.to_owned()));
        }
        let key = key(base, &tree);
        if self.ended.contains(&key) {
            return Err(StreamError::AfterEnd);
        }
        if self.open.len() >= OPEN_MAX || self.ended.len() >= OPEN_MAX {
            return Err(StreamError::TooManyOpen);
        }
        mask_answer(&mut tree, masks)?;
        let template = (event.clone(), tree.clone());
        let text_kind = if base.ends_with("arguments") { TextKind::Arguments } else { TextKind::Prose };
        let open = self
            .open
            .entry(key)
            .or_insert_with(|| Open { stream: TextStream::new(masks, text_kind), template: template.clone() });
        open.template = template;
        let masked = open.stream.push(&delta);
        if masked.is_empty() && !delta.is_empty() {
            return Ok(Vec::new());
        }
        tree.set("delta", masked.into());
        Ok(vec![self.leave(event, tree)])
    }

    pub(super) fn flush_all(&mut self) -> Vec<Event> {
        self.flush(|_| true)
    }

    /// Ends texts; gives a delta for each that held something back.
    fn flush(&mut self, ends: impl Fn(&Key) -> bool) -> Vec<Event> {
        let keys: Vec<Key> = self.open.keys().filter(|key| ends(key)).cloned().collect();
        let mut left = Vec::new();
        for key in keys {
            let Some(open) = self.open.remove(&key) else { continue };
            self.ended.insert(key);
            let rest = open.stream.finish();
            if !rest.is_empty() {
                let (event, mut tree) = open.template;
                tree.set("delta", rest.into());
                left.push(self.leave(event, tree));
            }
        }
        left
    }

    /// An event as it leaves. Events are counted anew, since some are held back and others are added.
    fn leave(&mut self, event: Event, mut tree: JsonTree) -> Event {
        if let Some(number) = tree.get("sequence_number").and_then(JsonTree::as_i64) {
            let number = self.sequence.map_or(number, |last| last.saturating_add(1));
            self.sequence = Some(number);
            tree.set("sequence_number", number.into());
        }
        Event { data: Some(tree.to_string()), ..event }
    }
}

fn role(kind: &str, tree: &JsonTree) -> Role {
    match kind {
        "response.completed" | "response.failed" | "response.incomplete" | "response.cancelled" => Role::EndOfAnswer,
        _ if is_error(tree) => Role::EndOfAnswer,
        _ if kind.ends_with(".delta") || tree.get("delta").is_some() => Role::Delta,
        "response.output_item.done" => Role::EndOfContainer,
        _ if kind.ends_with("_part.done") => Role::EndOfContainer,
        _ if kind.ends_with(".done") => Role::End,
        _ => Role::Other,
    }
}

fn key(base: &str, tree: &JsonTree) -> Key {
    Key { base: base.to_owned(), place: place(tree) }
}

/// The members of an event that tell items and parts apart.
fn place(tree: &JsonTree) -> BTreeMap<String, String> {
    let tells = |name: &str| name.ends_with("_index") || matches!(name, "item_id" | "call_id" | "response_id");
    tree.members()
        .iter()
        .filter(|(name, _)| tells(name))
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}

/// Whether a text's place lies within a container's: what both name is the same, and they share something.
fn within(text: &BTreeMap<String, String>, container: &BTreeMap<String, String>) -> bool {
    let mut shared = container.iter().filter_map(|(name, value)| Some((text.get(name)?, value))).peekable();
    shared.peek().is_some() && shared.all(|(left, right)| left == right)
}
