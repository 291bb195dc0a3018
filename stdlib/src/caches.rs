//! Compiled patterns, kept between calls and evaluations, within a bound.

use std::collections::hash_map::Entry;
use std::ops::Deref;
use std::sync::Arc;

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::builtin::BuiltinError;
use crate::detect::Scanner;
use crate::heap::{Heap, Region, Word};
use crate::regex::{self, Pattern};

/// Patterns kept of each kind. Policies use few; patterns that come with requests must not fill the memory.
const ENTRIES_MAX: usize = 256;

/// Patterns of a program that are known by their words.
const KNOWN_MAX: usize = 1_024;

/// Patterns that must be known before texts are looked through for what they require: for a few it costs as much as it saves.
pub const FILTERED_MIN: usize = 3;

/// Compiled patterns and other things that are costly to make, kept by the engine for a thread's evaluations.
/// Bounded: entries that were not used lately go when it is full.
#[derive(Debug, Default)]
pub struct Caches {
    pub(crate) regexes: Cache<Pattern>,
    pub(crate) globs: Cache<Pattern>,
    pub(crate) scanners: Cache<Scanner>,
    known: Known,
}

/// Patterns that stand in the frozen region of a program, by their words: they are found without a look at their text.
#[derive(Debug, Default)]
struct Known {
    /// Over which the words are valid.
    region: Option<Arc<Region>>,
    /// By the pattern, and for a glob by what it stops at.
    patterns: FxHashMap<(Word, Word), Arc<Pattern>>,
    networks: FxHashMap<Word, IpNet>,
    /// How many of them require something of a text.
    filtered: usize,
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Found<'c> {
    pattern: FoundPattern<'c>,
    /// Whether there are enough others for looking at what a text holds.
    among_many: bool,
}

#[derive(Debug)]
enum FoundPattern<'c> {
    Known(&'c Arc<Pattern>),
    Kept(Arc<Pattern>),
}

/// A match that can be run.
#[derive(Debug)]
pub struct KnownMatch<'c> {
    pattern: Found<'c>,
    text: Word,
    /// For the pattern, and for the text.
    units: [u64; 2],
}

impl KnownMatch<'_> {
    /// The work that it is, which whoever runs it takes.
    #[inline]
    pub fn units(&self) -> u64 {
        let [pattern, text] = self.units;
        pattern.saturating_add(text)
    }

    /// Takes the fuel for it, as far as there is some.
    pub(crate) fn charge(&self, fuel: &mut u64) -> Result<(), BuiltinError> {
        for units in self.units {
            *fuel = fuel.checked_sub(units).ok_or(BuiltinError::Fuel)?;
        }
        Ok(())
    }

    /// Whether the pattern matches.
    #[inline]
    pub fn holds(&self, heap: &mut Heap) -> bool {
        regex::is_match(heap, &self.pattern, self.text)
    }
}

impl Found<'_> {
    /// A copy to keep.
    pub(crate) fn shared(&self) -> Arc<Pattern> {
        match &self.pattern {
            FoundPattern::Known(pattern) => Arc::clone(pattern),
            FoundPattern::Kept(pattern) => Arc::clone(pattern),
        }
    }

    /// Whether it is worth to look at what a text holds before it is matched.
    #[inline]
    pub(crate) fn is_filtered_now(&self) -> bool {
        self.among_many && self.is_filtered()
    }
}

impl Deref for Found<'_> {
    type Target = Pattern;

    #[inline]
    fn deref(&self) -> &Pattern {
        match &self.pattern {
            FoundPattern::Known(pattern) => pattern,
            FoundPattern::Kept(pattern) => pattern,
        }
    }
}

impl Known {
    /// Forgets what is known of another program.
    #[inline]
    fn begin(&mut self, heap: &Heap) {
        if self.region.as_ref().is_none_or(|region| !Arc::ptr_eq(region, heap.frozen())) {
            *self = Self { region: Some(heap.frozen().clone()), ..Self::default() };
        }
    }

    /// The pattern of a key, which is remembered if its words are the program's.
    #[inline]
    fn find(
        &mut self,
        heap: &Heap,
        key: (Word, Word),
        make: impl FnOnce() -> Result<Arc<Pattern>, String>,
    ) -> Result<Found<'_>, String> {
        self.begin(heap);
        let is_full = self.patterns.len() >= KNOWN_MAX;
        let pattern = match self.patterns.entry(key) {
            Entry::Occupied(entry) => FoundPattern::Known(entry.into_mut()),
            Entry::Vacant(entry) => {
                let pattern = make()?;
                if is_full || !key.0.is_frozen_string() || !key.1.is_shared() {
                    FoundPattern::Kept(pattern)
                } else {
                    self.filtered += usize::from(pattern.is_filtered());
                    FoundPattern::Known(entry.insert(pattern))
                }
            }
        };
        Ok(Found { pattern, among_many: self.filtered >= FILTERED_MIN })
    }
}

impl Caches {
    /// The pattern that is a word's text.
    pub(crate) fn regex(&mut self, heap: &Heap, word: Word) -> Result<Found<'_>, String> {
        let cache = &mut self.regexes;
        self.known.find(heap, (word, Word::ABSENT), || {
            let text = heap.as_str(word).unwrap_or_default();
            cache.get_or_make(text, || regex::compile(text))
        })
    }

    /// The match of a pattern with a text, if the pattern is the program's and was asked for before, and the text is one.
    #[inline]
    pub fn known_match(&mut self, heap: &Heap, pattern: Word, text: Word) -> Option<KnownMatch<'_>> {
        let (pattern_bytes, bytes) = (heap.text_length(pattern)?, heap.text_length(text)?);
        self.known.begin(heap);
        let known = FoundPattern::Known(self.known.patterns.get(&(pattern, Word::ABSENT))?);
        let pattern = Found { pattern: known, among_many: self.known.filtered >= FILTERED_MIN };
        let units = [regex::pattern_units(pattern_bytes), pattern.fuel(bytes)];
        let units = units.map(|units| u64::try_from(units).unwrap_or(u64::MAX));
        Some(KnownMatch { pattern, text, units })
    }

    /// The network that is a word's text; those of the program are read once.
    pub(crate) fn network<E>(
        &mut self,
        heap: &Heap,
        word: Word,
        read: impl FnOnce() -> Result<IpNet, E>,
    ) -> Result<IpNet, E> {
        self.known.begin(heap);
        let networks = &mut self.known.networks;
        if let Some(known) = networks.get(&word) {
            return Ok(*known);
        }
        let network = read()?;
        if word.is_frozen_string() && networks.len() < KNOWN_MAX {
            networks.insert(word, network);
        }
        Ok(network)
    }

    /// The glob that is a word's text, which stops at the characters of an array, or null.
    pub(crate) fn glob(
        &mut self,
        heap: &Heap,
        word: Word,
        stops: Word,
        make: impl FnOnce(&mut Cache<Pattern>) -> Result<Arc<Pattern>, String>,
    ) -> Result<Found<'_>, String> {
        let cache = &mut self.globs;
        self.known.find(heap, (word, stops), || make(cache))
    }
}

/// Values by text. When the newer half is full it becomes the older half, whose entries are dropped; an entry that is
/// used moves to the newer half. So what was used within the last `ENTRIES_MAX` different look-ups is always there.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    newer: FxHashMap<Box<str>, Arc<V>>,
    older: FxHashMap<Box<str>, Arc<V>>,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { newer: FxHashMap::default(), older: FxHashMap::default() }
    }
}

impl<V> Cache<V> {
    /// The value under `key`, made if it is not there.
    pub(crate) fn get_or_make<E>(&mut self, key: &str, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        if let Some(value) = self.newer.get(key) {
            return Ok(Arc::clone(value));
        }
        let value = match self.older.remove(key) {
            Some(value) => value,
            None => Arc::new(make()?),
        };
        if self.newer.len() >= ENTRIES_MAX {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key.into(), Arc::clone(&value));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_keeps_what_is_used_and_stays_bounded() {
        let mut cache = Cache::default();
        let mut made = 0;
        for key in 0..ENTRIES_MAX * 10 {
            let value = cache.get_or_make(&key.to_string(), || Ok::<_, ()>(key)).expect("never fails");
            assert_eq!(*value, key);
            let kept = cache.get_or_make("kept", || {
                made += 1;
                Ok::<_, ()>(usize::MAX)
            });
            assert_eq!(*kept.expect("never fails"), usize::MAX);
        }
        assert!(cache.newer.len() + cache.older.len() <= 2 * ENTRIES_MAX);
        assert_eq!(made, 1, "the entry in use is made once");
    }

    #[test]
    fn failures_are_not_kept() {
        let mut cache = Cache::default();
        assert!(cache.get_or_make("key", || Err::<(), _>("no")).is_err());
        assert!(cache.get_or_make("key", || Ok::<_, &str>(())).is_ok());
    }
}
