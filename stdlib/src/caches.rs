//! Compiled patterns, kept between calls and evaluations, within a bound.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::detect::Scanner;
use crate::regex::Pattern;

/// Patterns kept of each kind. Policies use few; patterns that come with requests must not fill the memory.
const ENTRIES_MAX: usize = 256;

/// Compiled patterns and other things that are costly to make, kept by the engine for a thread's evaluations.
/// Bounded: entries that were not used lately go when it is full.
#[derive(Debug, Default)]
pub struct Caches {
    pub(crate) regexes: Cache<Pattern>,
    pub(crate) globs: Cache<Pattern>,
    pub(crate) scanners: Cache<Scanner>,
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
