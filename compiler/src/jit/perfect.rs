//! Perfect hashes of constant collections: where a word would stand is computed without looking for it, so that one comparison tells
//! whether it is there.
//!
//! ```text
//! bucket = (word × seed) >> …        multiplier = multipliers[bucket]
//! place  = (word × multiplier) >> …  there if keys[place] == word
//! ```
//!
//! Elements are canonical ([`hpol_stdlib::heap::Word::is_canonical`]): they equal a value only if that is the same word. All tables have as
//! many entries as there are numbers that the shifts leave, so that any word whatever has its place within them.

use hpol_stdlib::heap::{Heap, View, Word};
use rustc_hash::FxHashMap;

use crate::index::is_keyed;
use crate::plan::{Index, IndexId, elements};

use super::abi::STOP;

/// Most keys: what is larger costs more to make than it saves.
const KEYS_MAX: usize = 1 << 12;

/// Multipliers that are tried for one bucket.
const TRIES_MAX: usize = 1 << 12;

/// Places for each key, at least.
const PLACES: usize = 2;

/// Keys in a bucket, on average, at most.
const BUCKET: usize = 2;

/// Perfect hashes of a program's constants. They must live as long as the code that was made with them.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    /// By the word of the collection.
    elements: FxHashMap<u64, Option<PerfectHash>>,
    /// By the word of the object.
    members: FxHashMap<u64, Option<PerfectMap>>,
    /// By the index.
    parts: FxHashMap<IndexId, Option<PerfectMap>>,
}

/// A perfect hash with a number for each key.
#[derive(Debug)]
pub(super) struct PerfectMap {
    pub(super) hash: PerfectHash,
    /// By place.
    pub(super) numbers: Box<[u64]>,
}

impl PerfectMap {
    fn of(entries: &[(Word, u64)]) -> Option<Self> {
        let keys: Vec<Word> = entries.iter().map(|entry| entry.0).collect();
        let hash = PerfectHash::of(&keys)?;
        let by_key: FxHashMap<u64, u64> = entries.iter().map(|entry| (entry.0.bits(), entry.1)).collect();
        let numbers = hash.keys.iter().map(|key| by_key.get(key).copied().unwrap_or(0)).collect();
        Some(Self { hash, numbers })
    }

    fn bytes(&self) -> usize {
        self.hash.bytes() + self.numbers.len() * size_of::<u64>()
    }
}

impl Hashes {
    /// The hash of a constant collection's elements.
    pub(super) fn of_elements(&mut self, heap: &Heap, collection: Word) -> Option<&PerfectHash> {
        let make = || {
            let mut items = elements(heap, collection)?.to_vec();
            items.sort_unstable_by_key(|item| item.bits());
            items.dedup();
            items.iter().all(|item| is_keyed(*item)).then(|| PerfectHash::of(&items)).flatten()
        };
        self.elements.entry(collection.bits()).or_insert_with(make).as_ref()
    }

    /// The members of a constant object by key, as bits of words, if all keys are canonical.
    pub(super) fn of_members(&mut self, heap: &Heap, object: Word) -> Option<&PerfectMap> {
        let make = || {
            let View::Object(keys, values) = heap.view(object) else { return None };
            let entries: Vec<(Word, u64)> = keys.iter().copied().zip(values.iter().map(|value| value.bits())).collect();
            keys.iter().all(|key| is_keyed(*key)).then(|| PerfectMap::of(&entries)).flatten()
        };
        self.members.entry(object.bits()).or_insert_with(make).as_ref()
    }

    /// Where the parts of an index stand, by the word of the collection.
    pub(super) fn of_parts(&mut self, id: IndexId, index: &Index) -> Option<&PerfectMap> {
        let make = || PerfectMap::of(&index.packed_parts()?);
        self.parts.entry(id).or_insert_with(make).as_ref()
    }

    /// Bytes of all tables.
    pub(super) fn bytes(&self) -> usize {
        let maps = self.members.values().chain(self.parts.values()).flatten();
        self.elements.values().flatten().map(PerfectHash::bytes).chain(maps.map(PerfectMap::bytes)).sum()
    }
}

/// A perfect hash. Its tables stay where they are while it is moved.
#[derive(Debug)]
pub(super) struct PerfectHash {
    pub(super) seed: u64,
    /// How far a product is shifted to be a bucket.
    pub(super) bucket_shift: u32,
    pub(super) multipliers: Box<[u64]>,
    /// How far a product is shifted to be a place.
    pub(super) shift: u32,
    /// Keys by place; [`STOP`], which no word has as its bits, where there is none.
    pub(super) keys: Box<[u64]>,
}

impl PerfectHash {
    /// The hash of these keys, which are all different; `None` if none was found.
    fn of(keys: &[Word]) -> Option<Self> {
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return None;
        }
        let places = (keys.len() * PLACES).next_power_of_two().max(2);
        let buckets = keys.len().div_ceil(BUCKET).next_power_of_two().max(2);
        let (shift, bucket_shift) = (64 - places.trailing_zeros(), 64 - buckets.trailing_zeros());
        let mut numbers = Numbers(0);
        let seed = numbers.next();
        let mut groups: Vec<(usize, Vec<usize>)> = (0..buckets).map(|bucket| (bucket, Vec::new())).collect();
        for (at, key) in keys.iter().enumerate() {
            groups[place(key.bits(), seed, bucket_shift)].1.push(at);
        }
        // Large ones first, while there is room.
        groups.sort_by_key(|group| std::cmp::Reverse(group.1.len()));
        let mut found =
            Self { seed, bucket_shift, multipliers: vec![1; buckets].into(), shift, keys: vec![STOP; places].into() };
        for (bucket, group) in groups.iter().take_while(|group| !group.1.is_empty()) {
            found.multipliers[*bucket] = found.settle(keys, group, &mut numbers)?;
        }
        Some(found)
    }

    /// Puts the keys of a bucket into free places, and says by which multiplier.
    fn settle(&mut self, keys: &[Word], group: &[usize], numbers: &mut Numbers) -> Option<u64> {
        for _ in 0..TRIES_MAX {
            let multiplier = numbers.next();
            let mut taken = 0;
            for at in group {
                let place = place(keys[*at].bits(), multiplier, self.shift);
                if self.keys[place] != STOP {
                    break;
                }
                self.keys[place] = keys[*at].bits();
                taken += 1;
            }
            if taken == group.len() {
                return Some(multiplier);
            }
            for at in &group[..taken] {
                self.keys[place(keys[*at].bits(), multiplier, self.shift)] = STOP;
            }
        }
        None
    }

    /// Bytes of its tables.
    pub(super) fn bytes(&self) -> usize {
        (self.multipliers.len() + self.keys.len()) * size_of::<u64>()
    }
}

/// Shifts leave few enough bits for any machine.
fn place(word: u64, multiplier: u64, shift: u32) -> usize {
    usize::try_from(word.wrapping_mul(multiplier) >> shift).unwrap_or(0)
}

/// Odd numbers without a pattern, the same in every run.
struct Numbers(u64);

impl Numbers {
    /// By the generator SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) | 1
    }
}

#[cfg(test)]
mod tests {
    use hpol_stdlib::heap::Heap;

    use super::*;

    fn has(hash: &PerfectHash, word: Word) -> bool {
        let multiplier = hash.multipliers[place(word.bits(), hash.seed, hash.bucket_shift)];
        hash.keys[place(word.bits(), multiplier, hash.shift)] == word.bits()
    }

    fn words(count: i64) -> Vec<Word> {
        let mut heap = Heap::for_freezing();
        let texts =
            (0..count).map(|number| heap.string(&format!("text {number}")).expect("it fits")).collect::<Vec<_>>();
        texts.into_iter().chain((-count..count).filter_map(|number| Word::from_small_int(number * 8))).collect()
    }

    #[test]
    fn each_key_has_its_own_place_and_no_other_word_has_it() {
        for count in [1, 2, 3, 5, 9, 33, 100, 500] {
            let all = words(count);
            let (keys, others): (Vec<Word>, Vec<Word>) = all.iter().partition(|word| word.bits() % 7 != 1);
            let hash = PerfectHash::of(&keys).expect("one is found");
            assert!(keys.iter().all(|key| has(&hash, *key)));
            let constants = [Word::NULL, Word::TRUE, Word::FALSE, Word::ABSENT];
            assert!(!others.iter().chain(&constants).any(|other| has(&hash, *other)));
        }
    }

    #[test]
    fn what_is_too_large_or_has_a_key_twice_has_none() {
        let many = words(i64::try_from(KEYS_MAX).expect("it is small"));
        assert!(PerfectHash::of(&many).is_none());
        assert!(PerfectHash::of(&[Word::TRUE, Word::TRUE]).is_none());
        assert!(PerfectHash::of(&[]).is_none());
    }
}
