//! Indexes over base documents: which elements of a collection can match, by what stands in some of their fields.
//!
//! An index only rules elements out. What it finds is looked at again by the loop that asks, so that elements which share a
//! bucket do no harm, and a collection or key that it does not know is run through as ever.

use std::fmt;
use std::ops::Range;

use hpol_stdlib::heap::{Heap, Kind, View, Word};
use rustc_hash::FxHashMap;

/// Fewest elements of a collection that is worth an index.
pub(crate) const INDEXED_MIN: usize = 8;

/// Most entries of one element, which has one for each member of the list that is looked into.
const ENTRIES_PER_ELEMENT_MAX: usize = 16;

/// Most combinations of keys that are looked up for one loop.
const COMBINATIONS_MAX: usize = 16;

/// Most positions that the loops of one evaluation may gather from several buckets.
const GATHERED_MAX: usize = 1 << 20;

/// Set in the start of a run whose positions were gathered.
const GATHERED: u32 = 1 << 28;

/// How keys are mixed into a hash, which generated code does too.
pub(crate) const MIX_ROTATION: u32 = 23;
pub(crate) const MIX_MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
pub(crate) const MIX_SHIFT: u32 = 32;

/// By what a hash is multiplied for its upper bits to be its bucket.
pub(crate) const SPREAD: u64 = 0xD6E8_FEB8_6659_FD93;

/// What an index looks at in an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Aspect {
    /// Keys that lead there from the element; none for the element itself.
    pub path: Vec<Step>,
    /// What must be true of what stands there and the key.
    pub relation: Relation,
}

/// A relation of what stands in an element to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// It is the key.
    Is,
    /// The key is in it.
    Holds,
    /// It is in the key.
    Among,
}

/// A step into an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member of an object under a name.
    Field(Word),
    /// A member of an object or an array by key.
    Member(Word),
}

/// An index over some collections.
#[derive(Debug, Clone)]
pub struct Index {
    /// What it looks at.
    pub aspects: Vec<Aspect>,
    /// What must stand in every element of a collection that is only indexed in an evaluation.
    pub(crate) required: Vec<Vec<Step>>,
    parts: FxHashMap<Word, Part>,
    /// For each collection one more than it has buckets: where each starts in `positions`.
    starts: Vec<u32>,
    /// Positions of elements, within a bucket by mark, and ascending among those with the same.
    positions: Vec<u32>,
    /// A part of the hash of each: what shares a bucket by chance has another.
    marks: Vec<u32>,
    /// Whether some key stands for several values.
    combines: bool,
}

/// A collection in an index.
#[derive(Debug, Clone, Copy)]
struct Part {
    starts: u32,
    /// There are two to the power of this many buckets.
    bits: u32,
}

/// Which elements a loop runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where their positions start in the index, or, with [`GATHERED`], among those that were gathered, plus one; 0 if it runs
    /// over all.
    start: u32,
    /// How many there are.
    pub length: u32,
}

impl Run {
    /// A run over all of so many elements.
    pub fn all(length: u32) -> Self {
        Self { start: 0, length }
    }

    /// A run over positions that stand somewhere in a list.
    pub(crate) fn within(start: u32, length: u32) -> Self {
        Self { start: start.saturating_add(1), length }
    }

    /// Where its positions start; `None` if it runs over all.
    pub(crate) fn start(self) -> Option<u32> {
        self.start.checked_sub(1)
    }

    /// As one number of 60 bits; `None` if it does not fit.
    pub(crate) fn pack(self) -> Option<i64> {
        let fits = self.start < 1 << 29 && self.length < 1 << 31;
        fits.then_some(i64::from(self.start) << 31 | i64::from(self.length))
    }

    /// What [`Run::pack`] made.
    pub(crate) fn unpack(packed: u64) -> Self {
        let part = |bits: u64| u32::try_from(bits).unwrap_or(0);
        Self { start: part(packed >> 31 & 0x1FFF_FFFF), length: part(packed & 0x7FFF_FFFF) }
    }
}

impl Index {
    /// An index over these frozen collections. Those that it can't serve exactly are left out: an element without one of the
    /// required parts would make the loop say that something is absent. `None` if none is left.
    pub(crate) fn build(
        heap: &Heap,
        aspects: Vec<Aspect>,
        required: &[Vec<Step>],
        collections: &[Word],
    ) -> Option<Self> {
        let mut index = Self {
            combines: aspects.iter().any(|aspect| aspect.relation == Relation::Among),
            aspects,
            required: Vec::new(),
            parts: FxHashMap::default(),
            starts: Vec::new(),
            positions: Vec::new(),
            marks: Vec::new(),
        };
        for collection in collections {
            if index.parts.contains_key(collection) {
                continue;
            }
            let complete = |item: &Word| required.iter().all(|path| follow(heap, *item, path).is_some());
            let items = elements(heap, *collection).filter(|items| items.len() >= INDEXED_MIN);
            let items = items.filter(|items| items.iter().all(complete));
            if let Some(entries) = items.and_then(|items| index.entries(heap, items)) {
                index.add(*collection, entries)?;
            }
        }
        (!index.parts.is_empty()).then_some(index)
    }

    /// What an index that an evaluation makes looks at, and what must stand in every element for it to be exact.
    pub(crate) fn made(aspects: Vec<Aspect>, required: Vec<Vec<Step>>) -> Self {
        Self {
            aspects,
            required,
            parts: FxHashMap::default(),
            starts: Vec::new(),
            positions: Vec::new(),
            marks: Vec::new(),
            combines: false,
        }
    }

    /// Whether evaluations make it: one that is made at load has collections.
    pub fn is_made(&self) -> bool {
        self.parts.is_empty()
    }

    /// Hashes of the keys of each element, with its position. Elements that no canonical keys match have none.
    fn entries(&self, heap: &Heap, items: &[Word]) -> Option<Vec<(u64, u32)>> {
        let mut entries = Vec::with_capacity(items.len());
        for (item, at) in items.iter().zip(0_u32..) {
            let mut hashes = vec![0_u64];
            for aspect in &self.aspects {
                let word = follow(heap, *item, &aspect.path)?;
                let single = [word];
                let wanted = match aspect.relation {
                    Relation::Is | Relation::Among => &single[..],
                    Relation::Holds => elements(heap, word).unwrap_or_default(),
                };
                let wanted = wanted.iter().filter(|word| word.is_canonical());
                let wanted: Vec<Word> = wanted.copied().collect();
                hashes = hashes.iter().flat_map(|hash| wanted.iter().map(|word| mix(*hash, word.bits()))).collect();
                if hashes.len() > ENTRIES_PER_ELEMENT_MAX {
                    return None;
                }
            }
            hashes.sort_unstable();
            hashes.dedup();
            entries.extend(hashes.into_iter().map(|hash| (hash, at)));
        }
        Some(entries)
    }

    fn add(&mut self, collection: Word, entries: Vec<(u64, u32)>) -> Option<()> {
        let buckets = entries.len().max(1).next_power_of_two();
        let bits = buckets.trailing_zeros();
        let mut entries: Vec<(usize, u32, u32)> =
            entries.into_iter().map(|(hash, at)| (bucket(hash, bits), mark(hash), at)).collect();
        entries.sort_unstable();
        // Two keys of one element can have the same mark, and it must not be run over twice.
        entries.dedup();
        // Runs are handed around in 60 bits.
        if self.positions.len() + entries.len() + 1 >= GATHERED as usize {
            return None;
        }
        let starts = u32::try_from(self.starts.len()).ok()?;
        let mut next = 0;
        for at in 0..=buckets {
            next += entries[next..].partition_point(|entry| entry.0 < at);
            self.starts.push(u32::try_from(self.positions.len() + next).ok()?);
        }
        self.positions.extend(entries.iter().map(|entry| entry.2));
        self.marks.extend(entries.iter().map(|entry| entry.1));
        self.parts.insert(collection, Part { starts, bits });
        Some(())
    }

    /// Which elements can match these keys, one for each aspect; `None` if it can't tell. Positions from several buckets are
    /// added to `gathered`.
    pub fn matches(&self, heap: &Heap, collection: Word, keys: &[Word], gathered: &mut Vec<u32>) -> Option<Run> {
        let part = self.parts.get(&collection)?;
        if self.combines {
            return self.gather(*part, heap, keys, gathered);
        }
        let (mut hash, mut nowhere) = (0, false);
        for key in keys {
            if !key.is_canonical() {
                if key.kind() != Kind::String {
                    return None;
                }
                // A string of the evaluation's own stands nowhere in what is frozen.
                nowhere = true;
            } else if key.is_absent() {
                return None;
            }
            hash = mix(hash, key.bits());
        }
        let found = if nowhere { 0..0 } else { self.find(*part, hash)? };
        Some(Run { start: found.start + 1, length: found.end - found.start })
    }

    /// Where the positions of the elements with a hash stand.
    fn find(&self, part: Part, hash: u64) -> Option<Range<u32>> {
        let at = part.starts as usize + bucket(hash, part.bits);
        let (start, end) = (*self.starts.get(at)?, *self.starts.get(at + 1)?);
        let marks = self.marks.get(start as usize..end as usize)?;
        let wanted = mark(hash);
        let before = marks.partition_point(|mark| *mark < wanted);
        let length = marks[before..].partition_point(|mark| *mark == wanted);
        let start = start + u32::try_from(before).ok()?;
        Some(start..start + u32::try_from(length).ok()?)
    }

    /// For generated code: the collections, each with where its buckets start and, in the upper half, how far a hash is shifted to be
    /// one of them. Those with a single bucket are left out, and so is an index whose keys stand for several values.
    pub(crate) fn packed_parts(&self) -> Option<Vec<(Word, u64)>> {
        let parts = self.parts.iter().filter(|(_, part)| part.bits > 0);
        let packed = parts.map(|(word, part)| (*word, u64::from(64 - part.bits) << 32 | u64::from(part.starts)));
        let mut packed: Vec<(Word, u64)> = packed.collect();
        packed.sort_unstable_by_key(|(word, _)| word.bits());
        (!self.combines).then_some(packed)
    }

    /// For generated code: where the buckets start, and the marks and positions in them.
    pub(crate) fn tables(&self) -> [&[u32]; 3] {
        [&self.starts, &self.marks, &self.positions]
    }

    /// As [`Index::matches`] where keys stand for several values.
    fn gather(&self, part: Part, heap: &Heap, keys: &[Word], gathered: &mut Vec<u32>) -> Option<Run> {
        let (hashes, count) = self.combinations(heap, keys)?;
        let start = gathered.len();
        let mut only = 0..0;
        for hash in &hashes[..count] {
            let found = self.find(part, *hash)?;
            if found.is_empty() || found == only {
                continue;
            }
            if !only.is_empty() {
                if gathered.len() == start {
                    gathered.extend_from_slice(self.slice(&only));
                }
                gathered.extend_from_slice(self.slice(&found));
            }
            only = found;
        }
        if gathered.len() == start {
            return Some(Run { start: only.start + 1, length: only.end - only.start });
        }
        let length = if gathered.len() > GATHERED_MAX { 0 } else { sort(gathered, start) };
        if length == 0 {
            gathered.truncate(start);
            return None;
        }
        Some(Run { start: GATHERED | (u32::try_from(start).ok()? + 1), length })
    }

    /// Hashes of all combinations of values that match the keys, and how many there are.
    fn combinations(&self, heap: &Heap, keys: &[Word]) -> Option<([u64; COMBINATIONS_MAX], usize)> {
        let (mut hashes, mut count) = ([0; COMBINATIONS_MAX], 1);
        for (aspect, key) in self.aspects.iter().zip(keys) {
            if key.is_absent() {
                return None;
            }
            let single = [*key];
            let wanted = match aspect.relation {
                Relation::Is | Relation::Holds => &single[..],
                // Nothing is in anything else.
                Relation::Among => elements(heap, *key).unwrap_or_default(),
            };
            let (mut next, mut made) = ([0; COMBINATIONS_MAX], 0);
            for word in wanted {
                if !word.is_canonical() {
                    // A string of the evaluation's own stands nowhere in what is frozen.
                    if word.kind() == Kind::String {
                        continue;
                    }
                    return None;
                }
                for hash in &hashes[..count] {
                    *next.get_mut(made)? = mix(*hash, word.bits());
                    made += 1;
                }
            }
            (hashes, count) = (next, made);
        }
        Some((hashes, count))
    }

    /// The position in the collection of an element of a run.
    pub fn position(&self, run: Run, at: u32, gathered: &[u32]) -> u32 {
        let Some(start) = run.start.checked_sub(1) else { return at };
        let (list, start) =
            if start & GATHERED == 0 { (&self.positions[..], start) } else { (gathered, start ^ GATHERED) };
        list.get((start + at) as usize).copied().unwrap_or(u32::MAX)
    }

    /// Positions of the elements of a run of an index without [`Relation::Among`].
    pub fn positions(&self, run: Run) -> &[u32] {
        let start = run.start.saturating_sub(1);
        self.slice(&(start..start + run.length))
    }

    fn slice(&self, range: &Range<u32>) -> &[u32] {
        self.positions.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// How many collections it has.
    pub fn collections(&self) -> usize {
        self.parts.len()
    }

    /// Bytes in use, about.
    pub fn bytes_used(&self) -> usize {
        (self.starts.len() + self.positions.len() + self.marks.len()) * size_of::<u32>() + self.parts.capacity() * 17
    }

    /// What it looks at, for people.
    pub(crate) fn describe(&self, heap: &Heap, keys: &[String], f: &mut impl fmt::Write) -> fmt::Result {
        for (at, (aspect, key)) in self.aspects.iter().zip(keys).enumerate() {
            f.write_str(if at == 0 { "" } else { " and " })?;
            let mut part = String::from("element");
            for step in &aspect.path {
                match step {
                    Step::Field(name) => part = format!("{part}.{}", heap.as_str(*name).unwrap_or_default()),
                    Step::Member(key) => part = format!("{part}[{}]", heap.to_value(*key)),
                }
            }
            match aspect.relation {
                Relation::Is => write!(f, "{part} == {key}")?,
                Relation::Holds => write!(f, "{key} in {part}")?,
                Relation::Among => write!(f, "{part} in {key}")?,
            }
        }
        f.write_str(if self.is_made() { ", once indexed" } else { "" })
    }
}

/// Sorts what stands behind a place, each once, and returns how much that is.
fn sort(list: &mut Vec<u32>, start: usize) -> u32 {
    list[start..].sort_unstable();
    let mut kept = start;
    for at in start..list.len() {
        if kept == start || list[kept - 1] != list[at] {
            list[kept] = list[at];
            kept += 1;
        }
    }
    list.truncate(kept);
    u32::try_from(kept - start).unwrap_or(0)
}

/// What a loop over a value runs over, and what is in it.
pub(crate) fn elements(heap: &Heap, collection: Word) -> Option<&[Word]> {
    match heap.view(collection) {
        View::Array(items) | View::Set(items) | View::Object(_, items) => Some(items),
        View::Absent | View::Null | View::Bool(_) | View::Int(_) | View::Number(_) | View::String(_) => None,
    }
}

/// What stands at a path of an element; `None` if something on the way is absent.
pub(crate) fn follow(heap: &Heap, element: Word, path: &[Step]) -> Option<Word> {
    path.iter().try_fold(element, |word, step| {
        let found = match (step, word.kind()) {
            (Step::Field(key) | Step::Member(key), Kind::Object) | (Step::Member(key), Kind::Array) => {
                heap.index(word, *key)
            }
            _ => Word::ABSENT,
        };
        (!found.is_absent()).then_some(found)
    })
}

/// The hash of what came before and of another key, by what its equals share.
pub(crate) fn mix(hash: u64, key: u64) -> u64 {
    let mixed = (hash.rotate_left(MIX_ROTATION) ^ key).wrapping_mul(MIX_MULTIPLIER);
    mixed ^ mixed >> MIX_SHIFT
}

/// The part of a hash that tells apart what shares a bucket.
fn mark(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0)
}

/// Which of two to the power of so many buckets a hash belongs to.
pub(crate) fn bucket(hash: u64, bits: u32) -> usize {
    // The upper bits depend on all that went into the hash.
    let spread = hash.wrapping_mul(SPREAD);
    usize::try_from(spread.checked_shr(64 - bits).unwrap_or(0)).unwrap_or(0)
}
