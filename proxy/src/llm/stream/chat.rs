//! Chunks of `POST /v1/chat/completions`.

use std::collections::BTreeMap;

use hpol_lang::value::JsonTree;

use super::{OPEN_MAX, StreamError, is_error};
use crate::llm::sse::Event;
use crate::mask::document::{CannotMask, mask_answer};
use crate::mask::stream::{TextKind, TextStream};
use crate::mask::text::TextMasks;
use crate::mask::texts::{Place, TextClass, classify};

/// A step from a choice to a string in it. Elements of arrays are told apart by their `index`, as clients do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    Element(i64),
}

type TextPath = Vec<Step>;

/// The texts of one choice.
#[derive(Debug, Default)]
struct Choice {
    open: BTreeMap<TextPath, TextStream>,
    ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    choices: BTreeMap<i64, Choice>,
    /// The last chunk without its choices: what is held back leaves in a copy of it.
    template: Option<(Event, JsonTree)>,
}

impl State {
    pub(super) fn event(
        &mut self,
        masks: &TextMasks,
        event: Event,
        mut tree: JsonTree,
    ) -> Result<Vec<Event>, StreamError> {
        let choices = match tree.get_mut("choices") {
            Some(JsonTree::Array(choices)) => std::mem::take(choices),
            Some(_) => return Err(StreamError::Delta("choices".to_owned())),
            None => {
                let mut left = if is_error(&tree) { self.flush_all() } else { Vec::new() };
                mask_answer(&mut tree, masks)?;
                left.push(Event { data: Some(tree.to_string()), ..event });
                return Ok(left);
            }
        };
        mask_answer(&mut tree, masks)?;
        let mut template = tree.clone();
        template.remove("usage");
        self.template = Some((event.clone(), template));
        let mut left = Vec::new();
        let mut masked = Vec::with_capacity(choices.len());
        for choice in choices {
            masked.push(self.choice(masks, choice, &mut left)?);
        }
        tree.set("choices", JsonTree::Array(masked));
        left.push(Event { data: Some(tree.to_string()), ..event });
        Ok(left)
    }

    /// Masks a choice; what a chunk in front of this one must carry is added to `left`.
    fn choice(
        &mut self,
        masks: &TextMasks,
        mut tree: JsonTree,
        left: &mut Vec<Event>,
    ) -> Result<JsonTree, StreamError> {
        if !matches!(tree, JsonTree::Object(_)) {
            return Err(StreamError::Delta("choice".to_owned()));
        }
        let index = tree.get("index").and_then(JsonTree::as_i64).unwrap_or(0);
        if self.choices.len() >= OPEN_MAX {
            return Err(StreamError::TooManyOpen);
        }
        let choice = self.choices.entry(index).or_default();
        let ends = tree.get("finish_reason").is_some_and(|reason| *reason != JsonTree::Null);
        let mut path = Vec::new();
        mask_texts(choice, masks, &mut tree, Place::ROOT, &mut path)?;
        if ends {
            choice.ended = true;
            for (path, stream) in std::mem::take(&mut choice.open) {
                let rest = stream.finish();
                if rest.is_empty() {
                    continue;
                }
                match find(&mut tree, &path) {
                    Some(JsonTree::String(text)) => text.push_str(&rest),
                    Some(_) | None => {
                        left.extend(self.template.as_ref().map(|template| chunk(template, index, &path, rest)))
                    }
                }
            }
        }
        Ok(tree)
    }

    pub(super) fn flush_all(&mut self) -> Vec<Event> {
        let Some(template) = &self.template else { return Vec::new() };
        let mut left = Vec::new();
        for (index, choice) in &mut self.choices {
            choice.ended = true;
            for (path, stream) in std::mem::take(&mut choice.open) {
                let rest = stream.finish();
                if !rest.is_empty() {
                    left.push(chunk(template, *index, &path, rest));
                }
            }
        }
        left
    }
}

/// Puts every text of a choice through its stream.
fn mask_texts(
    choice: &mut Choice,
    masks: &TextMasks,
    tree: &mut JsonTree,
    place: Place<'_>,
    path: &mut TextPath,
) -> Result<(), StreamError> {
    match tree {
        JsonTree::Null | JsonTree::Bool(_) | JsonTree::Number(_) => {}
        JsonTree::String(text) => {
            let kind = match classify(place, text) {
                TextClass::Prose => TextKind::Prose,
                TextClass::Arguments => TextKind::Arguments,
                TextClass::Label => {
                    *text = masks.found_only(text);
                    return Ok(());
                }
                TextClass::Media if place.key() == "data" => return Err(CannotMask::Sound.into()),
                TextClass::File => return Err(CannotMask::File.into()),
                TextClass::Echo => {
                    text.clear();
                    return Ok(());
                }
                TextClass::Media | TextClass::Structure | TextClass::Credential => return Ok(()),
            };
            if choice.ended && !text.is_empty() {
                return Err(StreamError::AfterEnd);
            }
            if choice.open.len() >= OPEN_MAX {
                return Err(StreamError::TooManyOpen);
            }
            let stream = choice.open.entry(path.clone()).or_insert_with(|| TextStream::new(masks, kind));
            *text = stream.push(text);
        }
        JsonTree::Array(items) => {
            for (position, item) in items.iter_mut().enumerate() {
                let position = i64::try_from(position).unwrap_or(i64::MAX);
                path.push(Step::Element(item.get("index").and_then(JsonTree::as_i64).unwrap_or(position)));
                mask_texts(choice, masks, item, place.element(), path)?;
                path.pop();
            }
        }
        JsonTree::Object(members) => {
            for (name, value) in members {
                if matches!(name.as_str(), "logprobs" | "top_logprobs") {
                    *value = JsonTree::Null;
                    continue;
                }
                path.push(Step::Member(name.clone()));
                mask_texts(choice, masks, value, place.member(name), path)?;
                path.pop();
            }
        }
    }
    Ok(())
}

fn find<'t>(tree: &'t mut JsonTree, path: &[Step]) -> Option<&'t mut JsonTree> {
    path.iter().try_fold(tree, |tree, step| match step {
        Step::Member(name) => tree.get_mut(name),
        Step::Element(index) => {
            let JsonTree::Array(items) = tree else { return None };
            items.iter_mut().enumerate().find_map(|(position, item)| {
                let position = i64::try_from(position).unwrap_or(i64::MAX);
                (item.get("index").and_then(JsonTree::as_i64).unwrap_or(position) == *index).then_some(item)
            })
        }
    })
}

/// A chunk that carries one text of one choice.
fn chunk((event, template): &(Event, JsonTree), index: i64, path: &[Step], text: String) -> Event {
    let mut carried = JsonTree::String(text);
    for step in path.iter().rev() {
        carried = match step {
            Step::Member(name) => JsonTree::Object(vec![(name.clone(), carried)]),
            Step::Element(index) => {
                let mut element = carried;
                if let JsonTree::Object(members) = &mut element {
                    members.insert(0, ("index".to_owned(), (*index).into()));
                }
                JsonTree::Array(vec![element])
            }
        };
    }
    if let JsonTree::Object(members) = &mut carried {
        members.insert(0, ("index".to_owned(), index.into()));
        members.push(("finish_reason".to_owned(), JsonTree::Null));
    }
    let mut tree = template.clone();
    tree.set("choices", JsonTree::Array(vec![carried]));
    Event { data: Some(tree.to_string()), ..event.clone() }
}
