//! Arenas, the texts of the frozen one, and the tables by which its sets and objects are looked up.

use std::hash::Hasher;

use hashbrown::HashTable;
use hpol_lang::value::Number;
use rustc_hash::FxHasher;

use super::word::Space;
use super::{Heap, HeapError, Kind, Word};

/// Fewest entries of a frozen set or object with a table; fewer are looked through.
const TABLE_ENTRIES_MIN: usize = 9;

/// A string, number or collection. What it holds stands in the region's arenas.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Where its content starts: in bytes of text, or in words, or the number's index.
    pub(super) start: u32,
    /// Bytes of a string, elements of a collection.
    pub(super) length: u32,
    /// Nodes in its tree.
    pub(super) weight: u32,
    /// Levels in its tree, from 1.
    pub(super) depth: u16,
    /// The table by which it is looked up has two to the power of this many slots; 0 if there is none. Where it starts stands
    /// behind the collection's words.
    pub(super) table: u16,
}

/// Arenas of nodes and what they hold.
#[derive(Debug, Default)]
pub struct Region {
    pub(super) nodes: Vec<Node>,
    /// Elements of arrays and sets (sorted), and of objects: all keys (sorted), then their values.
    pub(super) words: Vec<Word>,
    pub(super) text: String,
    pub(super) numbers: Vec<Number>,
    texts: Texts,
    /// Slots of the tables of a frozen region: 0, or a position among the keys plus one.
    pub(super) tables: Vec<u32>,
}

/// The strings of a frozen region by text, so that each stands once there.
#[derive(Debug, Default)]
struct Texts {
    /// Indices of nodes.
    nodes: HashTable<u32>,
    /// A bit for each length that occurs, the last for all that are longer: most texts of a request differ in length
    /// from all of a small policy, and need not be hashed.
    lengths: u64,
    /// The greatest length.
    longest: usize,
}

impl Node {
    pub(super) fn new(start: u32, length: u32, weight: u32, depth: u16) -> Self {
        Self { start, length, weight, depth, table: 0 }
    }

    pub(super) fn has_table(self) -> bool {
        self.table > 0
    }
}

impl Region {
    #[inline]
    pub(super) fn node(&self, word: Word) -> Node {
        self.nodes[word.index()]
    }

    #[inline]
    pub(super) fn str(&self, node: Node) -> &str {
        &self.text[node.start as usize..(node.start + node.length) as usize]
    }

    #[inline]
    pub(super) fn bytes(&self, node: Node) -> &[u8] {
        &self.text.as_bytes()[node.start as usize..(node.start + node.length) as usize]
    }

    #[inline]
    pub(super) fn slice(&self, start: u32, length: u32) -> &[Word] {
        &self.words[start as usize..(start + length) as usize]
    }

    /// Bytes in use, about.
    pub fn bytes_used(&self) -> usize {
        self.bytes_held()
            + self.tables.len() * size_of::<u32>()
            // A byte for each slot tells of its state.
            + self.texts.nodes.capacity() * (size_of::<u32>() + 1)
    }

    /// Bytes in use but for what only frozen regions have.
    #[inline]
    pub(super) fn bytes_held(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
            + self.words.len() * size_of::<Word>()
            + self.text.len()
            + self.numbers.len() * 64
    }

    /// The word of a string of a frozen region.
    #[inline]
    pub fn interned(&self, text: &str) -> Option<Word> {
        if self.texts.lengths & length_bit(text.len()) == 0 || text.len() > self.texts.longest {
            return None;
        }
        self.find_interned(text)
    }

    #[inline(never)]
    fn find_interned(&self, text: &str) -> Option<Word> {
        let found = self.texts.nodes.find(hash(text), |index| self.str(self.nodes[*index as usize]) == text)?;
        Some(Word::node(Kind::String, Space::Frozen, *found))
    }

    /// Makes a string known to [`Region::interned`], which did not know its text.
    pub(super) fn intern(&mut self, word: Word) {
        let Self { nodes, text, texts, .. } = self;
        let text_of = |index: u32| {
            let node = nodes[index as usize];
            &text[node.start as usize..(node.start + node.length) as usize]
        };
        let Ok(index) = u32::try_from(word.index()) else { return };
        let text = text_of(index);
        texts.lengths |= length_bit(text.len());
        texts.longest = texts.longest.max(text.len());
        texts.nodes.insert_unique(hash(text), index, |index| hash(text_of(*index)));
    }

    /// Makes the table of a set or object with these keys whose words have just been added, if it is large enough.
    /// Keys of which a value can have several words are left out.
    pub(super) fn make_table(&mut self, node: &mut Node, keys: &[Word]) -> Result<(), HeapError> {
        if keys.len() < TABLE_ENTRIES_MIN {
            return Ok(());
        }
        // At most three of four slots are taken.
        let slots = (keys.len() + keys.len() / 3 + 1).next_power_of_two();
        let start = arena_offset(self.tables.len())?;
        self.tables.resize(arena_offset(self.tables.len() + slots)? as usize, 0);
        node.table = u16::try_from(slots.trailing_zeros()).unwrap_or(0);
        self.words.push(Word::from_small_int(i64::from(start)).unwrap_or(Word::ABSENT));
        let table = &mut self.tables[start as usize..];
        for (key, at) in keys.iter().zip(1_u32..) {
            if key.is_canonical() {
                let mut slot = first_slot(*key, node.table);
                while table[slot] != 0 {
                    slot = (slot + 1) & (slots - 1);
                }
                table[slot] = at;
            }
        }
        Ok(())
    }

    /// Where a canonical key stands among the keys of a set or object that has a table, which takes so many words.
    pub(super) fn position(&self, node: Node, words: u32, key: Word) -> Option<usize> {
        let start = self.words[(node.start + words) as usize].small_int()?;
        let table = &self.tables[usize::try_from(start).ok()?..];
        let keys = self.slice(node.start, node.length);
        let last = (1_usize << node.table) - 1;
        let mut slot = first_slot(key, node.table);
        loop {
            let at = (table[slot] as usize).checked_sub(1)?;
            if keys[at] == key {
                return Some(at);
            }
            slot = (slot + 1) & last;
        }
    }

    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.words.shrink_to_fit();
        self.text.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.tables.shrink_to_fit();
        let Self { nodes, text, texts, .. } = self;
        texts.nodes.shrink_to_fit(|index| {
            let node = nodes[*index as usize];
            hash(&text[node.start as usize..(node.start + node.length) as usize])
        });
    }

    /// Empties what a region has that is not frozen, and keeps its memory.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.words.clear();
        self.text.clear();
        self.numbers.clear();
    }
}

#[inline]
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Where a key is looked for first in a table of so many slots (as a power of two): the upper bits of a product with the
/// golden ratio, on which all bits of the word have an influence.
fn first_slot(key: Word, slots: u16) -> usize {
    let mixed = key.bits().wrapping_mul(Heap::TABLE_MULTIPLIER);
    usize::try_from(mixed >> (64 - u32::from(slots))).unwrap_or(0)
}

/// Arenas are addressed by 31 bits, so that sums of two offsets stay within 32.
#[inline]
pub(super) fn arena_offset(value: usize) -> Result<u32, HeapError> {
    u32::try_from(value).ok().filter(|value| *value <= u32::MAX / 2).ok_or(HeapError::Memory)
}
