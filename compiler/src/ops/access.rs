//! Reading input, documents, members and elements.

use hpol_stdlib::heap::{Heap, Kind, View, Word};

use crate::context::{Context, Stop};
use crate::plan::{PathId, PlaceId, Shape, SiteId, SlotId};

impl Context {
    /// The input; absent if there is none.
    pub fn load_input(&mut self, site: SiteId) -> Word {
        let input = self.input();
        self.mark_if_absent(input, Some(site))
    }

    /// A path of the input; `sites` are those of its last steps.
    pub fn load_slot(&mut self, slot: SlotId, sites: &[Option<SiteId>]) -> Word {
        let found = self.slot(slot);
        if found.is_absent() {
            self.mark_missing(slot, sites);
        }
        found
    }

    /// Marks the first step of a path that finds nothing.
    #[cold]
    fn mark_missing(&mut self, slot: SlotId, sites: &[Option<SiteId>]) {
        let (mut at, mut missing) = (slot, None);
        // The last site that is looked at going up is that of the first step that finds nothing.
        for site in sites.iter().rev() {
            missing = *site;
            let Some(parent) = self.program.slots.get(at).and_then(|slot| slot.parent) else { break };
            let above = self.slot(parent);
            if !above.is_absent() {
                // That something is not in a set is an answer.
                missing = missing.filter(|_| above.kind() != Kind::Set);
                break;
            }
            at = parent;
        }
        if let Some(site) = missing {
            self.mark(site);
        }
    }

    /// A base document; `value` is what stands there unless it is replaced.
    pub fn load_data(&mut self, path: PathId, value: Word, site: SiteId) -> Word {
        let found = self.document(path, value);
        self.mark_if_absent(found, Some(site))
    }

    /// The member of an object under a constant name, or the name itself if it is in a set. That something is not in a set
    /// is an answer, so it marks nothing.
    pub fn field(&mut self, base: Word, name: Word, site: Option<SiteId>) -> Word {
        let found = member(&self.heap, base, name);
        let site = if base.kind() == Kind::Set { None } else { site };
        self.mark_if_absent(found, site)
    }

    /// A member by key. That something is not in a set is an answer, so it marks nothing.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel.
    pub fn index(&mut self, base: Word, key: Word, site: Option<SiteId>, place: PlaceId) -> Result<Word, Stop> {
        self.charge_weight(key, place)?;
        let found = self.heap.index(base, key);
        let site = if base.kind() == Kind::Set { None } else { site };
        Ok(self.mark_if_absent(found, site))
    }

    pub(super) fn mark_if_absent(&mut self, word: Word, site: Option<SiteId>) -> Word {
        if word.is_absent()
            && let Some(site) = site
        {
            self.mark(site);
        }
        word
    }

    /// Takes fuel for work that looks at every part of a value.
    pub(super) fn charge_weight(&mut self, word: Word, place: PlaceId) -> Result<(), Stop> {
        match word.kind() {
            Kind::Array | Kind::Object | Kind::Set => self.charge(u64::from(self.heap.weight(word)), place),
            Kind::Absent | Kind::Null | Kind::Bool | Kind::Int | Kind::Number | Kind::String => Ok(()),
        }
    }

    /// How many iterations a loop over a value has; `None` (and the mark is set) if it is no collection.
    pub fn each_length(&mut self, collection: Word, site: SiteId) -> Option<u32> {
        let length = match self.heap.view(collection) {
            View::Array(items) | View::Set(items) | View::Object(items, _) => u32::try_from(items.len()).ok(),
            View::Absent | View::Null | View::Bool(_) | View::Int(_) | View::Number(_) | View::String(_) => None,
        };
        if length.is_none() {
            self.mark(site);
        }
        length
    }

    /// Key and value of an iteration.
    pub fn each_entry(&self, collection: Word, at: u32) -> (Word, Word) {
        let index = at as usize;
        match self.heap.view(collection) {
            View::Array(items) => {
                let key = Word::from_small_int(i64::from(at)).unwrap_or(Word::ABSENT);
                (key, items.get(index).copied().unwrap_or(Word::ABSENT))
            }
            View::Set(items) => {
                let item = items.get(index).copied().unwrap_or(Word::ABSENT);
                (item, item)
            }
            View::Object(keys, values) => {
                let read = |words: &[Word]| words.get(index).copied().unwrap_or(Word::ABSENT);
                (read(keys), read(values))
            }
            View::Absent | View::Null | View::Bool(_) | View::Int(_) | View::Number(_) | View::String(_) => {
                (Word::ABSENT, Word::ABSENT)
            }
        }
    }

    /// Whether a value is an array, or an object, with so many elements.
    pub fn has_shape(&self, value: Word, shape: Shape, length: u32) -> bool {
        let items = match (self.heap.view(value), shape) {
            (View::Array(items), Shape::Array) | (View::Object(items, _), Shape::Object) => items,
            _ => return false,
        };
        items.len() == length as usize
    }
}

/// The member of an object under a constant name, or the name itself if it is in a set.
pub(crate) fn member(heap: &Heap, base: Word, name: Word) -> Word {
    match base.kind() {
        Kind::Object | Kind::Set => heap.index(base, name),
        Kind::Absent | Kind::Null | Kind::Bool | Kind::Int | Kind::Number | Kind::String | Kind::Array => Word::ABSENT,
    }
}
