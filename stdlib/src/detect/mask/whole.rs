//! Operators on a whole text that arrives in chunks.

use super::operator::{HashKey, Hasher, Operator, star};

/// Masks a whole text. An empty text stays empty.
#[derive(Debug, Clone)]
pub(crate) struct WholeMask {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Nothing has come yet; at the first character this text is released.
    Replace(String),
    /// The text was released, or there is none.
    Replaced,
    /// The hash so far, and whether anything came.
    Hash(Box<Hasher>, bool),
    /// The characters that may be the last ones.
    Last { count: usize, kept: String, is_longer: bool },
}

impl WholeMask {
    pub(crate) fn new(operator: Operator, key: &HashKey) -> WholeMask {
        let state = match operator {
            Operator::Drop => State::Replaced,
            Operator::Constant(text) => State::Replace(text),
            Operator::Redact => State::Replace("[redacted]".to_owned()),
            Operator::Hash => State::Hash(Box::new(key.hasher()), false),
            Operator::Last(count) => State::Last {
                count: usize::try_from(count).unwrap_or(usize::MAX),
                kept: String::new(),
                is_longer: false,
            },
        };
        WholeMask { state }
    }

    pub(crate) fn push(&mut self, chunk: &str) -> String {
        if chunk.is_empty() {
            return String::new();
        }
        match &mut self.state {
            State::Replace(text) => {
                let text = std::mem::take(text);
                self.state = State::Replaced;
                text
            }
            State::Replaced => String::new(),
            State::Hash(hasher, has_begun) => {
                hasher.update(chunk.as_bytes());
                *has_begun = true;
                String::new()
            }
            State::Last { count, kept, is_longer } => {
                kept.push_str(chunk);
                let surplus = kept.chars().count().saturating_sub(*count);
                if surplus == 0 {
                    return String::new();
                }
                *is_longer = true;
                let end = kept.char_indices().nth(surplus).map_or(kept.len(), |(index, _)| index);
                kept.drain(..end).map(star).collect()
            }
        }
    }

    pub(crate) fn finish(&mut self) -> String {
        match std::mem::replace(&mut self.state, State::Replaced) {
            State::Replace(_) | State::Replaced | State::Hash(_, false) => String::new(),
            State::Hash(hasher, true) => hasher.finish(),
            State::Last { kept, is_longer: true, .. } => kept,
            State::Last { kept, is_longer: false, .. } => kept.chars().map(star).collect(),
        }
    }
}
