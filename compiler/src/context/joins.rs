//! Indexes over collections that only exist in one evaluation, made where loops ask for them again and again.
//!
//! A loop within a loop that looks for the elements with some value runs over all of them the first time. The second time an
//! index is made over them, for a unit of work each, and from then on the loop runs over those that can match. Its memory is kept for the next
//! evaluation, and the index is not: words of another evaluation are other values.

use std::hash::Hasher;

use hpol_stdlib::heap::{Heap, Kind, Word};
use rustc_hash::FxHasher;

use crate::plan::{Index, IndexId, Run, Step, bucket, elements, follow, mix};

/// Fewest elements of a collection that is worth an index.
pub(crate) const JOINED_MIN: usize = 16;

/// Most collections that are kept an eye on; a loop over another one each time is not worth it.
const KNOWN_MAX: usize = 32;

/// Heaviest text that is looked for by its hash: half a kilobyte.
const WEIGHT_MAX: u32 = 16;

/// Numbers that room is kept for from one evaluation to the next.
const KEPT: usize = 1 << 18;

/// The indexes of one evaluation.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    known: Vec<Known>,
    /// For each index one more than it has buckets: where each starts in `positions`.
    starts: Vec<u32>,
    /// Positions of elements, ascending within a bucket.
    positions: Vec<u32>,
    /// Hashes of the elements of a collection while its index is made; `None` for those that nothing finds.
    hashes: Vec<Option<u64>>,
    /// Elements that were looked at to make indexes, which is to be charged.
    looked_at: u64,
}

/// A collection that some loop was entered over.
#[derive(Debug)]
struct Known {
    index: IndexId,
    collection: Word,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Once.
    Entered,
    /// It has an index: its buckets, two to the power of so many bits, start there.
    Made { starts: usize, bits: u32 },
    /// It can have none.
    Declined,
}

impl Joins {
    #[inline]
    pub(super) fn clear(&mut self) {
        if !self.known.is_empty() {
            self.forget();
        }
    }

    #[inline(never)]
    fn forget(&mut self) {
        self.known.clear();
        self.starts.clear();
        self.positions.clear();
        self.hashes.clear();
        if self.starts.capacity().max(self.positions.capacity()).max(self.hashes.capacity()) > KEPT {
            *self = Self::default();
        }
    }

    /// Where the positions stand, for generated code.
    pub(crate) fn address(&self) -> usize {
        self.positions.as_ptr().expose_provenance()
    }

    /// Which elements of a collection can match these keys, one for each aspect of the index; `None` if it can't tell, or not yet.
    pub(crate) fn run(
        &mut self,
        id: IndexId,
        index: &Index,
        heap: &Heap,
        collection: Word,
        keys: &[Word],
    ) -> Option<Run> {
        let items = elements(heap, collection).filter(|items| items.len() >= JOINED_MIN)?;
        let found = self.known.iter().position(|known| known.collection == collection && known.index == id);
        let Some(at) = found else {
            if self.known.len() < KNOWN_MAX {
                self.known.push(Known { index: id, collection, state: State::Entered });
            }
            return None;
        };
        let mut state = self.known.get(at)?.state;
        if let State::Entered = state {
            self.looked_at += u64::try_from(items.len()).unwrap_or(u64::MAX);
            state = self.make(index, heap, items).unwrap_or(State::Declined);
            self.known.get_mut(at)?.state = state;
        }
        let State::Made { starts, bits } = state else { return None };
        let hash = keys.iter().try_fold(0, |hash, key| Some(mix(hash, value_hash(heap, *key)?)))?;
        let bucket = starts + bucket(hash, bits);
        let (start, end) = (*self.starts.get(bucket)?, *self.starts.get(bucket + 1)?);
        Some(Run::within(start, end - start))
    }

    /// How many elements were looked at to make indexes since this was asked last.
    #[inline]
    pub(crate) fn take_looked_at(&mut self) -> u64 {
        std::mem::take(&mut self.looked_at)
    }

    /// Makes the index over some elements; `None` if it would not be exact.
    fn make(&mut self, index: &Index, heap: &Heap, items: &[Word]) -> Option<State> {
        self.hashes.clear();
        for item in items {
            // A loop says that something is absent where an element lacks what it looks for.
            let complete = |path: &Vec<Step>| follow(heap, *item, path).is_some();
            if !index.required.iter().all(complete) {
                return None;
            }
            let mut hash = Some(0);
            for aspect in &index.aspects {
                let part = value_hash(heap, follow(heap, *item, &aspect.path)?);
                hash = hash.zip(part).map(|(hash, part)| mix(hash, part));
            }
            self.hashes.push(hash);
        }
        let buckets = items.len().next_power_of_two();
        let bits = buckets.trailing_zeros();
        let (starts, before) = (self.starts.len(), self.positions.len());
        // Each bucket is counted where the next one starts, then its elements are put in from behind, which leaves where it starts.
        self.starts.resize(starts + buckets + 1, 0);
        let counts = self.starts.get_mut(starts..)?;
        for hash in self.hashes.iter().flatten() {
            *counts.get_mut(bucket(*hash, bits))? += 1;
        }
        let mut sum = u32::try_from(before).ok()?;
        for count in counts.iter_mut() {
            sum = sum.checked_add(*count)?;
            *count = sum;
        }
        self.positions.resize(sum as usize, 0);
        let mut at = u32::try_from(items.len()).ok()?;
        for hash in self.hashes.iter().rev() {
            at -= 1;
            let Some(hash) = hash else { continue };
            let start = counts.get_mut(bucket(*hash, bits))?;
            *start -= 1;
            *self.positions.get_mut(*start as usize)? = at;
        }
        Run::within(sum, 0).pack()?;
        Some(State::Made { starts, bits })
    }

    /// The position in the collection of an element of a run.
    pub(crate) fn position(&self, run: Run, at: u32) -> u32 {
        match run.start() {
            None => at,
            Some(start) => self.positions.get((start + at) as usize).copied().unwrap_or(u32::MAX),
        }
    }
}

/// A hash that equal values share; `None` for values that are equal to none that has one, and for long texts, so that hashing one
/// is no more work than it is charged for.
fn value_hash(heap: &Heap, word: Word) -> Option<u64> {
    if word.is_absent() {
        return None;
    }
    if word.is_canonical() {
        return Some(word.bits());
    }
    let text = heap.as_str(word).filter(|_| word.kind() == Kind::String && heap.weight(word) <= WEIGHT_MAX)?;
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    Some(hasher.finish())
}
