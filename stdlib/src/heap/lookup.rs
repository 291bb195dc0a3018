//! Finding members of collections.

use super::word::Space;
use super::{Heap, Kind, RANK_STRING, View, Word};

/// Most keys that are looked through one by one for a word; among more, half of what is left is ruled out in each step.
const SCANNED_MAX: usize = 32;

impl Heap {
    /// The member of `base` under `key`: of an object by key, of an array by index, of a set the element itself.
    /// Absent where there is none, and where `base` is not a collection.
    #[inline]
    pub fn index(&self, base: Word, key: Word) -> Word {
        match base.kind() {
            Kind::Object | Kind::Set => {
                let (region, node) = self.node(base);
                // The values of an object stand behind its keys.
                let values = if base.kind() == Kind::Object { node.start + node.length } else { node.start };
                self.position(base, key).map_or(Word::ABSENT, |at| region.words[values as usize + at])
            }
            Kind::Array => {
                let (region, node) = self.node(base);
                let at = key.small_int().and_then(|index| usize::try_from(index).ok());
                let items = region.slice(node.start, node.length);
                at.and_then(|at| items.get(at)).copied().unwrap_or(Word::ABSENT)
            }
            Kind::Absent | Kind::Null | Kind::Bool | Kind::Int | Kind::Number | Kind::String => Word::ABSENT,
        }
    }

    /// The member of an object under a string key.
    pub fn field(&self, base: Word, name: &str) -> Word {
        let View::Object(keys, values) = self.view(base) else { return Word::ABSENT };
        if let Some(name) = self.interned(name) {
            return self.index(base, name);
        }
        if base.space() == Space::Frozen {
            return Word::ABSENT;
        }
        let at = keys.binary_search_by(|key| match self.view(*key) {
            View::String(text) => text.cmp(name),
            _ => self.rank(*key).cmp(&RANK_STRING),
        });
        at.map_or(Word::ABSENT, |at| values[at])
    }

    /// Whether `value` is in a collection: an element of an array or set, a value of an object.
    /// `None` where `collection` is none.
    pub fn contains(&self, collection: Word, value: Word) -> Option<bool> {
        match self.view(collection) {
            View::Set(_) => Some(self.position(collection, value).is_some()),
            View::Array(items) | View::Object(_, items) => Some(if value.is_canonical() {
                !value.is_absent() && items.contains(&value)
            } else {
                items.iter().any(|item| self.equal(*item, value))
            }),
            _ => None,
        }
    }

    /// The frozen word of a text that stands in the frozen region.
    #[inline]
    pub(super) fn interned(&self, text: &str) -> Option<Word> {
        self.region(Space::Frozen).interned(text)
    }

    /// Where a key stands among the keys of an object, or an element in a set.
    #[inline]
    fn position(&self, collection: Word, key: Word) -> Option<usize> {
        let (region, node) = self.node(collection);
        let keys = region.slice(node.start, node.length);
        if key.is_canonical() {
            if node.has_table() {
                let words = if collection.kind() == Kind::Object { 2 * node.length } else { node.length };
                return region.position(node, words, key);
            }
            if keys.len() <= SCANNED_MAX {
                return keys.iter().position(|probe| *probe == key);
            }
        } else if key.kind() == Kind::String && collection.space() == Space::Frozen {
            // What is frozen holds frozen strings only.
            return None;
        }
        keys.binary_search_by(|probe| self.compare(*probe, key)).ok()
    }
}
