//! Memory for what is being made, kept so that the next thing needs none.

use std::ops::Range;
use std::sync::Arc;

use super::region::{Node, Region, arena_offset};
use super::{BYTES_PER_WEIGHT, Heap, HeapError, Kind, Space, Word};

/// Bytes of a buffer that are kept; a larger one is freed, as few evaluations need one.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Buffers that nobody uses now.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    text: String,
    words: Vec<Word>,
    entries: Vec<(Word, Word)>,
    ranges: Vec<Range<usize>>,
}

/// Whether a list is kept in place of another: the larger one is.
fn keeps<T>(kept: &Vec<T>, other: &Vec<T>) -> bool {
    let most = KEPT_BYTES_MAX / size_of::<T>().max(1);
    (kept.capacity()..=most).contains(&other.capacity())
}

impl Heap {
    /// An empty buffer for text; [`Heap::give_back_text`] takes it back, or [`Heap::string_from`].
    pub fn take_text(&mut self) -> String {
        std::mem::take(&mut self.buffers.text)
    }

    /// Keeps a buffer for the next that is taken.
    pub fn give_back_text(&mut self, mut text: String) {
        if (self.buffers.text.capacity()..=KEPT_BYTES_MAX).contains(&text.capacity()) {
            text.clear();
            self.buffers.text = text;
        }
    }

    /// A string of what was written to a buffer, which is given back.
    ///
    /// # Errors
    ///
    /// [`HeapError::Memory`].
    pub fn string_from(&mut self, text: String) -> Result<Word, HeapError> {
        let word = self.string(&text);
        self.give_back_text(text);
        word
    }

    /// An empty buffer for words; [`Heap::give_back_words`] takes it back, or [`Heap::array_from`] and [`Heap::set`].
    pub fn take_words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.buffers.words)
    }

    /// Keeps a buffer for the next that is taken.
    pub fn give_back_words(&mut self, mut words: Vec<Word>) {
        if keeps(&self.buffers.words, &words) {
            words.clear();
            self.buffers.words = words;
        }
    }

    /// An array of the words in a buffer, which is given back.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn array_from(&mut self, words: Vec<Word>) -> Result<Word, HeapError> {
        let array = self.array(&words);
        self.give_back_words(words);
        array
    }

    /// A set of these elements, in any order and with repeats.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn set_of(&mut self, items: &[Word]) -> Result<Word, HeapError> {
        let mut words = self.take_words();
        words.extend_from_slice(items);
        self.set(words)
    }

    /// An empty buffer for the entries of an object; [`Heap::object`] takes it back.
    pub fn take_entries(&mut self) -> Vec<(Word, Word)> {
        std::mem::take(&mut self.buffers.entries)
    }

    /// Keeps a buffer for the next that is taken.
    pub fn give_back_entries(&mut self, mut entries: Vec<(Word, Word)>) {
        if keeps(&self.buffers.entries, &entries) {
            entries.clear();
            self.buffers.entries = entries;
        }
    }

    /// An empty buffer for parts of a text, as places in bytes.
    pub(crate) fn take_ranges(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.buffers.ranges)
    }

    /// Keeps a buffer for the next that is taken.
    pub(crate) fn give_back_ranges(&mut self, mut ranges: Vec<Range<usize>>) {
        if keeps(&self.buffers.ranges, &ranges) {
            ranges.clear();
            self.buffers.ranges = ranges;
        }
    }

    /// An array of parts of a string, in order, each as [`Heap::part`] makes it; the list is a buffer, which is given back.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub(crate) fn array_of_parts(&mut self, word: Word, ranges: Vec<Range<usize>>) -> Result<Word, HeapError> {
        let mut words = self.take_words();
        if word.is_string() && word.space() == Space::Local && self.space == Space::Local {
            self.own_parts(word, &ranges, &mut words)?;
        } else {
            for range in &ranges {
                words.push(self.part(word, range.clone())?);
            }
        }
        self.give_back_ranges(ranges);
        self.array_from(words)
    }

    /// Makes parts of a string of the evaluation's own, all at once: their bytes are those of the string.
    fn own_parts(&mut self, word: Word, ranges: &[Range<usize>], words: &mut Vec<Word>) -> Result<(), HeapError> {
        // A range takes as much as a node.
        self.reserve(size_of_val(ranges))?;
        let whole = self.node(word).1;
        let Self { local, frozen, .. } = self;
        let Region { nodes, text, .. } = local;
        let text = text.get(whole.start as usize..(whole.start + whole.length) as usize).unwrap_or_default();
        let made = ranges.iter().try_for_each(|range| {
            let part = text.get(range.clone()).unwrap_or_default();
            let length = arena_offset(part.len())?;
            if length == whole.length {
                words.push(word);
            } else if let Some(known) = frozen.interned(part) {
                words.push(known);
            } else {
                let index = arena_offset(nodes.len())?;
                let start = whole.start + arena_offset(range.start)?;
                nodes.push(Node::new(start, length, 1 + length / BYTES_PER_WEIGHT, 1));
                words.push(Word::node(Kind::String, Space::Local, index));
            }
            Ok(())
        });
        self.nodes_moved();
        made
    }

    /// The part of a string between two places in bytes. It shares the string's text where that is the evaluation's own.
    ///
    /// # Errors
    ///
    /// [`HeapError::Memory`].
    pub(crate) fn part(&mut self, word: Word, range: Range<usize>) -> Result<Word, HeapError> {
        let Some(text) = self.as_str(word) else { return Ok(Word::ABSENT) };
        let part = text.get(range.clone()).unwrap_or_default();
        if part.len() == text.len() {
            return Ok(word);
        }
        if let Some(known) = self.interned(part) {
            return Ok(known);
        }
        let length = arena_offset(part.len())?;
        let start = if word.space() == self.space {
            self.node(word).1.start + arena_offset(range.start)?
        } else {
            let frozen = Arc::clone(&self.frozen);
            self.push_text(frozen.str(frozen.node(word)).get(range).unwrap_or_default())?
        };
        let part = self.push(Kind::String, Node::new(start, length, 1 + length / BYTES_PER_WEIGHT, 1))?;
        if self.space == Space::Frozen {
            self.local.intern(part);
        }
        Ok(part)
    }
}
