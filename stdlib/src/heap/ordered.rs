//! Collections from parts that lie in the caller's memory, for readers that allocate nothing of their own.

use std::cmp::Ordering;

use super::{Heap, HeapError, Kind, Word};

impl Heap {
    /// An object of keys in ascending order, without repeats, and their values at the same places.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn object_in_order(&mut self, keys: &[Word], values: &[Word]) -> Result<Word, HeapError> {
        debug_assert!(self.ascends(keys), "keys are in order");
        debug_assert_eq!(keys.len(), values.len(), "each key has a value");
        self.collection(Kind::Object, keys.len(), keys, values)
    }

    /// A set of elements in ascending order, without repeats.
    ///
    /// # Errors
    ///
    /// [`HeapError`].
    pub fn set_in_order(&mut self, items: &[Word]) -> Result<Word, HeapError> {
        debug_assert!(self.ascends(items), "elements are in order");
        self.collection(Kind::Set, items.len(), items, &[])
    }

    /// Whether each is smaller than the next.
    fn ascends(&self, words: &[Word]) -> bool {
        words.windows(2).all(|pair| matches!(pair, [left, right] if self.compare(*left, *right) == Ordering::Less))
    }
}
