//! The values of one evaluation: 64-bit words that point into arenas.
//!
//! A [`Word`] is an absent mark, null, a bool, a small integer, or the number of a node. Nodes live in one of two regions:
//! the frozen one, which a policy generation shares between evaluations (constants and data), and the local one,
//! which belongs to one evaluation and is emptied, not freed, for the next. Values never change once made, so
//! a word can be copied freely, and nothing is counted or collected.
//!
//! A string whose text stands in the frozen region is always the frozen region's word: [`Heap::string`], the only way to make
//! one, looks there first, and a word of the local region is valid over the frozen region it was made over and no other.
//! So a word of a frozen string differs from every other word just as the values do ([`Word::is_frozen_string`]): only two
//! local strings have to be compared by their text. Small integers, bools and null have one word each anyway. Such words are
//! called *canonical* ([`Word::is_canonical`]); sets and objects of the frozen region are looked up by them in tables
//! that are made when the collection is.
//!
//! Every node knows its depth and its weight (how many nodes its tree has when written out; a long string weighs as many as
//! its length makes up). Both are bounded when a value is made,
//! so that comparing, hashing or printing one is bounded too, although rules may share parts without end
//! (`a := [b, b]`, `b := [c, c]`, …).
//!
//! ```
//! use hpol_stdlib::heap::Heap;
//! let mut heap = Heap::default();
//! let word = heap.string("ada")?;
//! assert_eq!(heap.as_str(word), Some("ada"));
//! # Ok::<(), hpol_stdlib::heap::HeapError>(())
//! ```

use std::cmp::Ordering;
use std::mem::offset_of;
use std::sync::Arc;

use hpol_lang::value::{Number, Value};

mod buffers;
mod fingerprint;
mod lookup;
mod ordered;
mod region;
mod word;

pub(crate) use fingerprint::{Fingerprint, GRAM_BYTES, Gram};
pub use fingerprint::{Print, Prints};
pub use region::Region;
use region::{Node, arena_offset};
use word::Space;
pub use word::{Kind, Word};

/// Deepest nesting of a value.
pub const DEPTH_MAX: u16 = 512;

/// Largest number of nodes in a value when it is written out.
pub const WEIGHT_MAX: u32 = 1 << 24;

/// Bytes of text that weigh as much as a node, so that a value that holds a long string many times weighs what it takes to
/// write it out.
const BYTES_PER_WEIGHT: u32 = 32;

/// Why a value can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeapError {
    /// The evaluation has used the memory it may use.
    #[error("evaluation needs more memory than its limit")]
    Memory,
    /// The value is nested too deeply.
    #[error("value is nested deeper than {DEPTH_MAX} levels")]
    Depth,
    /// The value has too many parts.
    #[error("value has more than {WEIGHT_MAX} parts")]
    Weight,
}

/// Where an arena's nodes, words and text stand, and how many there are, for generated code. Its size is a power of two, so that a
/// bit of a word leads to it by a shift.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Arena {
    nodes: usize,
    nodes_length: usize,
    words: usize,
    words_length: usize,
    text: usize,
    text_length: usize,
}

impl Arena {
    /// Where the address of the nodes stands, in bytes.
    pub const NODES: usize = offset_of!(Arena, nodes);
    /// Where the number of the nodes stands.
    pub const NODES_LENGTH: usize = offset_of!(Arena, nodes_length);
    /// Where the address of the words stands.
    pub const WORDS: usize = offset_of!(Arena, words);
    /// Where the number of the words stands.
    pub const WORDS_LENGTH: usize = offset_of!(Arena, words_length);
    /// Where the address of the text stands.
    pub const TEXT: usize = offset_of!(Arena, text);
    /// Where the bytes of the text are counted.
    pub const TEXT_LENGTH: usize = offset_of!(Arena, text_length);

    #[inline]
    fn of(region: &Region) -> Self {
        Self {
            nodes: region.nodes.as_ptr().expose_provenance(),
            nodes_length: region.nodes.len(),
            words: region.words.as_ptr().expose_provenance(),
            words_length: region.words.len(),
            text: region.text.as_ptr().expose_provenance(),
            text_length: region.text.len(),
        }
    }
}

/// Where the tables of the frozen region stand, and how many slots they have, for generated code.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Tables {
    slots: usize,
    length: usize,
}

impl Tables {
    /// Where the address of the slots stands, in bytes.
    pub const SLOTS: usize = offset_of!(Tables, slots);
    /// Where their number stands.
    pub const LENGTH: usize = offset_of!(Tables, length);

    fn of(region: &Region) -> Self {
        Self { slots: region.tables.as_ptr().expose_provenance(), length: region.tables.len() }
    }
}

/// The memory of one evaluation, over the shared frozen region.
#[derive(Debug)]
pub struct Heap {
    /// The local arena and the frozen one, as they stand now: whatever changes or moves one says so here.
    arenas: [Arena; 2],
    tables: Tables,
    frozen: Arc<Region>,
    local: Region,
    /// Where new nodes are said to be: local, or frozen while a frozen region is built.
    space: Space,
    bytes_max: usize,
    buffers: buffers::Buffers,
    fingerprints: fingerprint::Fingerprints,
}

/// How far a local region is filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapMark {
    nodes: usize,
    words: usize,
    text: usize,
    numbers: usize,
}

/// A value taken apart for reading.
#[derive(Debug, Clone, Copy)]
pub enum View<'h> {
    /// No value.
    Absent,
    /// `null`
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits a word.
    Int(i64),
    /// Any other number.
    Number(&'h Number),
    /// Text.
    String(&'h str),
    /// Elements in order.
    Array(&'h [Word]),
    /// Keys in ascending order, and their values at the same places.
    Object(&'h [Word], &'h [Word]),
    /// Elements in ascending order.
    Set(&'h [Word]),
}

impl Default for Heap {
    fn default() -> Self {
        Self::new(Arc::default(), usize::MAX)
    }
}

impl Heap {
    /// Where the local and the frozen [`Arena`] stand in a heap, in bytes.
    pub const ARENAS_OFFSET: usize = offset_of!(Heap, arenas);
    /// Bytes of a node.
    pub const NODE_BYTES: usize = size_of::<Node>();
    /// Where stands in a node, in bytes, where a collection's words start, or a string's bytes; it has 32 bits.
    pub const NODE_START: usize = offset_of!(Node, start);
    /// Where stands in a node, in bytes, how many elements a collection has, or bytes a string; it has 32 bits.
    pub const NODE_LENGTH: usize = offset_of!(Node, length);
    /// Where stands in the node of a frozen set or object how many slots its table has, as a power of two, in bytes; it has 16
    /// bits, and is 0 if there is no table. Where the table starts stands behind the collection's words, as an integer's word. A
    /// slot has 32 bits: 0, or a position among the keys plus one.
    pub const NODE_TABLE: usize = offset_of!(Node, table);
    /// A key is looked for first at the upper bits of its product with this.
    pub const TABLE_MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    /// Where the [`Tables`] stand in a heap, in bytes.
    pub const TABLES_OFFSET: usize = offset_of!(Heap, tables);

    /// A heap over `frozen` whose own region takes at most about `bytes_max` bytes.
    pub fn new(frozen: Arc<Region>, bytes_max: usize) -> Self {
        let local = Region::default();
        let arenas = [Arena::of(&local), Arena::of(&frozen)];
        Self {
            arenas,
            tables: Tables::of(&frozen),
            frozen,
            local,
            space: Space::Local,
            bytes_max,
            buffers: buffers::Buffers::default(),
            fingerprints: fingerprint::Fingerprints::default(),
        }
    }

    /// A heap whose nodes are to be frozen: see [`Heap::into_frozen`]. Its strings are interned.
    pub fn for_freezing() -> Self {
        Self { space: Space::Frozen, ..Self::default() }
    }

    /// A heap like that of [`Heap::for_freezing`], which adds to what was frozen before. Its words stay valid.
    pub fn thaw(frozen: Region) -> Self {
        Self { local: frozen, ..Self::for_freezing() }
    }

    /// Freezes what a heap made by [`Heap::for_freezing`] holds; its words are valid over the result.
    pub fn into_frozen(mut self) -> Arc<Region> {
        self.local.shrink();
        Arc::new(self.local)
    }

    /// Empties the local region and keeps its memory, for the next evaluation over the same or another frozen region.
    pub fn reset(&mut self, frozen: Arc<Region>, bytes_max: usize) {
        self.frozen = frozen;
        self.bytes_max = bytes_max;
        self.empty();
        self.arenas[1] = Arena::of(&self.frozen);
        self.tables = Tables::of(&self.frozen);
    }

    /// Says how many bytes the local region may take from now on, about.
    #[inline]
    pub fn limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// How far the local region is filled, to go back to with [`Heap::truncate`].
    #[inline]
    pub fn mark(&self) -> HeapMark {
        let Region { nodes, words, text, numbers, .. } = &self.local;
        HeapMark { nodes: nodes.len(), words: words.len(), text: text.len(), numbers: numbers.len() }
    }

    /// Drops what the local region was given since `mark`; words made before stay valid.
    #[inline]
    pub fn truncate(&mut self, mark: HeapMark) {
        self.fingerprints.forget();
        if self.mark() != mark {
            self.cut(mark);
        }
    }

    /// Drops all that the local region holds.
    #[inline]
    pub fn empty(&mut self) {
        self.fingerprints.forget();
        self.local.clear();
        self.arenas[0] = Arena::of(&self.local);
    }

    #[inline(never)]
    fn cut(&mut self, mark: HeapMark) {
        self.local.nodes.truncate(mark.nodes);
        self.local.words.truncate(mark.words);
        self.local.text.truncate(mark.text);
        self.local.numbers.truncate(mark.numbers);
        self.arenas[0] = Arena::of(&self.local);
    }

    /// The shared region.
    pub fn frozen(&self) -> &Arc<Region> {
        &self.frozen
    }

    /// Bytes in use in the local region, about.
    pub fn bytes_used(&self) -> usize {
        self.local.bytes_used()
    }

    #[inline]
    fn region(&self, space: Space) -> &Region {
        if space == self.space { &self.local } else { &self.frozen }
    }

    #[inline]
    fn node(&self, word: Word) -> (&Region, Node) {
        let region = self.region(word.space());
        (region, region.node(word))
    }

    // Reading.

    /// Takes a value apart.
    #[inline]
    pub fn view(&self, word: Word) -> View<'_> {
        match word.kind() {
            Kind::Absent => View::Absent,
            Kind::Null => View::Null,
            Kind::Bool => View::Bool(word == Word::TRUE),
            Kind::Int => View::Int(word.small_int().unwrap_or(0)),
            Kind::Number => {
                let (region, node) = self.node(word);
                View::Number(&region.numbers[node.start as usize])
            }
            Kind::String => {
                let (region, node) = self.node(word);
                View::String(region.str(node))
            }
            Kind::Array => {
                let (region, node) = self.node(word);
                View::Array(region.slice(node.start, node.length))
            }
            Kind::Object => {
                let (region, node) = self.node(word);
                let keys = region.slice(node.start, node.length);
                View::Object(keys, region.slice(node.start + node.length, node.length))
            }
            Kind::Set => {
                let (region, node) = self.node(word);
                View::Set(region.slice(node.start, node.length))
            }
        }
    }

    /// The text of a string.
    #[inline]
    pub fn as_str(&self, word: Word) -> Option<&str> {
        word.is_string().then(|| {
            let (region, node) = self.node(word);
            region.str(node)
        })
    }

    /// How many bytes the text of a string has.
    #[inline]
    pub(crate) fn text_length(&self, word: Word) -> Option<usize> {
        word.is_string().then(|| self.node(word).1.length as usize)
    }

    /// The bytes of a string.
    #[inline]
    pub fn text_bytes(&self, word: Word) -> Option<&[u8]> {
        word.is_string().then(|| {
            let (region, node) = self.node(word);
            region.bytes(node)
        })
    }

    /// A number of any size.
    pub fn as_number(&self, word: Word) -> Option<Number> {
        match self.view(word) {
            View::Int(value) => Some(Number::from(value)),
            View::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// A 64-bit integer.
    pub fn as_i64(&self, word: Word) -> Option<i64> {
        match self.view(word) {
            View::Int(value) => Some(value),
            View::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Elements of an array or set.
    #[inline]
    pub fn elements(&self, word: Word) -> Option<&[Word]> {
        match self.view(word) {
            View::Array(items) | View::Set(items) => Some(items),
            _ => None,
        }
    }

    /// How many elements a collection has, or characters a string; `None` for other values.
    pub fn count(&self, word: Word) -> Option<usize> {
        match self.view(word) {
            View::Array(items) | View::Set(items) | View::Object(items, _) => Some(items.len()),
            View::String(text) => Some(text.chars().count()),
            _ => None,
        }
    }

    /// How many nodes the value has when written out, with long strings counted by their length, for charging work on it.
    pub fn weight(&self, word: Word) -> u32 {
        if word.is_node() { self.node(word).1.weight } else { 1 }
    }

    /// Whether two values are the same value. Absent equals nothing, itself included.
    pub fn equal(&self, left: Word, right: Word) -> bool {
        if left == right {
            return !left.is_absent();
        }
        // What has one word only differs from all other words.
        if left.is_canonical() || right.is_canonical() || left.kind() != right.kind() {
            return false;
        }
        self.same_text(left, right).unwrap_or_else(|| self.compare(left, right) == Ordering::Equal)
    }

    /// Whether two strings are the same; `None` if one is none.
    #[inline]
    pub fn same_text(&self, left: Word, right: Word) -> Option<bool> {
        Some(self.text_bytes(left)? == self.text_bytes(right)?)
    }

    /// The order over all values, as [`Value`]'s; absent stands before everything.
    pub fn compare(&self, left: Word, right: Word) -> Ordering {
        if left == right {
            return Ordering::Equal;
        }
        match (self.view(left), self.view(right)) {
            (View::Bool(left), View::Bool(right)) => left.cmp(&right),
            (View::Int(left), View::Int(right)) => left.cmp(&right),
            (View::Int(left), View::Number(right)) => Number::from(left).cmp(right),
            (View::Number(left), View::Int(right)) => left.cmp(&Number::from(right)),
            (View::Number(left), View::Number(right)) => left.cmp(right),
            (View::String(left), View::String(right)) => left.cmp(right),
            (View::Array(left), View::Array(right)) | (View::Set(left), View::Set(right)) => {
                self.compare_all(left, right)
            }
            (View::Object(left_keys, left), View::Object(right_keys, right)) => {
                // Entry by entry: first the key, then the value.
                let entries = left_keys.iter().zip(left).zip(right_keys.iter().zip(right));
                let unequal = entries
                    .map(|((left_key, left), (right_key, right))| {
                        self.compare(*left_key, *right_key).then_with(|| self.compare(*left, *right))
                    })
                    .find(|order| order.is_ne());
                unequal.unwrap_or_else(|| left_keys.len().cmp(&right_keys.len()))
            }
            _ => self.rank(left).cmp(&self.rank(right)),
        }
    }

    fn compare_all(&self, left: &[Word], right: &[Word]) -> Ordering {
        let pairs = left.iter().zip(right);
        let unequal = pairs.map(|(left, right)| self.compare(*left, *right)).find(|order| order.is_ne());
        unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
    }

    fn rank(&self, word: Word) -> u8 {
        match word.kind() {
            Kind::Absent => 0,
            Kind::Null => 1,
            Kind::Bool => 2,
            Kind::Int | Kind::Number => 3,
            Kind::String => RANK_STRING,
            Kind::Array => 5,
            Kind::Object => 6,
            Kind::Set => 7,
        }
    }

    /// Copies a value out. Absent becomes null; callers that can meet it ask first.
    pub fn to_value(&self, word: Word) -> Value {
        match self.view(word) {
            View::Absent | View::Null => Value::Null,
            View::Bool(value) => Value::Bool(value),
            View::Int(value) => Value::from(value),
            View::Number(number) => Value::Number(number.clone()),
            View::String(text) => Value::from(text),
            View::Array(items) => Value::array(items.iter().map(|item| self.to_value(*item))),
            View::Set(items) => Value::set(items.iter().map(|item| self.to_value(*item))),
            View::Object(keys, values) => {
                Value::object(keys.iter().zip(values).map(|(key, value)| (self.to_value(*key), self.to_value(*value))))
            }
        }
    }

    // Making.

    /// Copies a value in.
    ///
    /// # Errors
    ///
    /// [`HeapError`], as for everything that makes values.
    pub fn from_value(&mut self, value: &Value) -> Result<Word, HeapError> {
        match value {
            Value::Null => Ok(Word::NULL),
            Value::Bool(value) => Ok(Word::bool(*value)),
            Value::Number(number) => self.number(number.clone()),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.from_value(item)).collect::<Result<Vec<_>, _>>()?;
                self.array(&items)
            }
            Value::Set(items) => {
                let items = items.iter().map(|item| self.from_value(item)).collect::<Result<Vec<_>, _>>()?;
                self.set(items)
            }
            Value::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| Ok((self.from_value(key)?, self.from_value(value)?)))
                    .collect::<Result<Vec<_>, HeapError>>()?;
                self.object(entries)
            }
        }
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// [`HeapError::Memory`].
    pub fn number(&mut self, number: Number) -> Result<Word, HeapError> {
        if let Some(word) = number.as_i64().and_then(Word::from_small_int) {
            return Ok(word);
        }
        let start = arena_offset(self.local.numbers.len())?;
        self.local.numbers.push(number);
        self.push(Kind::Number, Node::new(start, 0, 1, 1))
    }

    /// An integer.
    ///
    /// # Errors
    ///
    /// [`HeapError::Memory`].
    pub fn int(&mut self, value: i64) -> Result<Word, HeapError> {
        Word::from_small_int(value).map_or_else(|| self.number(Number::from(value)), Ok)
    }

    /// A string. Each text stands once in a frozen region, and what stands there is not made again.
    ///
    /// # Errors
    ///
    /// [`HeapError::Memory`].
    pub fn string(&mut self, text: &str) -> Result<Word, HeapError> {
        if let Some(word) = self.interned(text) {
            return Ok(word);
        }
        let length = arena_offset(text.len())?;
        let start = arena_offset(self.local.text.len())?;
        let index = arena_offset(self.local.nodes.len())?;
        // Room for both at once, and where they are then is said once for both.
        self.reserve(text.len() + size_of::<Node>())?;
        self.local.text.push_str(text);
        self.local.nodes.push(Node::new(start, length, 1 + length / BYTES_PER_WEIGHT, 1));
        let Arena { nodes, nodes_length, text, text_length, .. } = Arena::of(&self.local);
        self.arenas[0] = Arena { nodes, nodes_length, text, text_length, ..self.arenas[0] };
        let word = Word::node(Kind::String, self.space, index);
        if self.space == Space::Frozen {
            self.local.intern(word);
        }
        Ok(word)
    }

    /// An array of these elements.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn array(&mut self, items: &[Word]) -> Result<Word, HeapError> {
        self.collection(Kind::Array, items.len(), items, &[])
    }

    /// A set of these elements, in any order and with repeats. The list becomes a buffer.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn set(&mut self, mut items: Vec<Word>) -> Result<Word, HeapError> {
        // Of equal elements any may stay.
        items.sort_unstable_by(|left, right| self.compare(*left, *right));
        items.dedup_by(|left, right| self.equal(*left, *right));
        let set = self.collection(Kind::Set, items.len(), &items, &[]);
        self.give_back_words(items);
        set
    }

    /// An object of these entries, in any order; of equal keys the last stays. The list becomes a buffer.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn object(&mut self, mut entries: Vec<(Word, Word)>) -> Result<Word, HeapError> {
        // The sort keeps the order of equal keys, so that reversing first makes the last of them the first, which stays.
        entries.reverse();
        entries.sort_by(|left, right| self.compare(left.0, right.0));
        entries.dedup_by(|later, kept| self.equal(later.0, kept.0));
        let mut words = self.take_words();
        words.extend(entries.iter().map(|entry| entry.0).chain(entries.iter().map(|entry| entry.1)));
        let (keys, values) = words.split_at(entries.len());
        let object = self.collection(Kind::Object, keys.len(), keys, values);
        self.give_back_words(words);
        self.give_back_entries(entries);
        object
    }

    fn collection(&mut self, kind: Kind, length: usize, first: &[Word], second: &[Word]) -> Result<Word, HeapError> {
        let (mut weight, mut depth) = self.extent(first, 1, 0);
        if !second.is_empty() {
            (weight, depth) = self.extent(second, weight, depth);
        }
        if weight > WEIGHT_MAX {
            return Err(HeapError::Weight);
        }
        if depth >= DEPTH_MAX {
            return Err(HeapError::Depth);
        }
        let start = arena_offset(self.local.words.len())?;
        let length = arena_offset(length)?;
        self.reserve(size_of::<Word>() * (first.len() + second.len()) + size_of::<Node>())?;
        self.local.words.extend_from_slice(first);
        if !second.is_empty() {
            self.local.words.extend_from_slice(second);
        }
        let Arena { words, words_length, .. } = Arena::of(&self.local);
        self.arenas[0] = Arena { words, words_length, ..self.arenas[0] };
        let mut node = Node::new(start, length, weight, depth + 1);
        if self.space == Space::Frozen && matches!(kind, Kind::Object | Kind::Set) {
            self.local.make_table(&mut node, first)?;
        }
        self.push_reserved(kind, node)
    }

    /// Weight and depth of what holds these words too.
    #[inline]
    fn extent(&self, items: &[Word], mut weight: u32, mut depth: u16) -> (u32, u16) {
        for item in items {
            if item.is_node() {
                let node = self.node(*item).1;
                weight = weight.saturating_add(node.weight);
                depth = depth.max(node.depth);
            } else {
                weight = weight.saturating_add(1);
                depth = depth.max(1);
            }
        }
        (weight, depth)
    }

    /// Adds text, and says where it starts. Only what adds a node is seen by words, but text that moves must be known at once.
    fn push_text(&mut self, text: &str) -> Result<u32, HeapError> {
        let start = arena_offset(self.local.text.len())?;
        self.reserve(text.len())?;
        self.local.text.push_str(text);
        let Arena { text, text_length, .. } = Arena::of(&self.local);
        self.arenas[0] = Arena { text, text_length, ..self.arenas[0] };
        Ok(start)
    }

    fn push(&mut self, kind: Kind, node: Node) -> Result<Word, HeapError> {
        self.reserve(size_of::<Node>())?;
        self.push_reserved(kind, node)
    }

    /// Adds a node for which there is room.
    #[inline]
    fn push_reserved(&mut self, kind: Kind, node: Node) -> Result<Word, HeapError> {
        let index = arena_offset(self.local.nodes.len())?;
        self.local.nodes.push(node);
        self.nodes_moved();
        Ok(Word::node(kind, self.space, index))
    }

    /// Says where the nodes are now.
    #[inline]
    fn nodes_moved(&mut self) {
        let Arena { nodes, nodes_length, .. } = Arena::of(&self.local);
        self.arenas[0] = Arena { nodes, nodes_length, ..self.arenas[0] };
    }

    #[inline]
    fn reserve(&self, bytes: usize) -> Result<(), HeapError> {
        if self.local.bytes_held().saturating_add(bytes) > self.bytes_max { Err(HeapError::Memory) } else { Ok(()) }
    }
}

const RANK_STRING: u8 = 4;

#[cfg(test)]
mod tests;
