//! Making arrays, sets and objects, at once or element by element.

use std::cmp::Ordering;
use std::sync::Arc;

use hpol_stdlib::heap::{HeapError, Kind, View, Word};

use crate::context::{Context, Stop, codes};
use crate::plan::{Collection, PlaceId};

/// Collections that are being made, innermost last. Their memory is kept for the next ones.
#[derive(Debug, Default)]
pub(crate) struct Builders {
    open: Vec<Builder>,
    spare: Vec<Builder>,
    /// Words in all of them.
    words: usize,
}

/// A value, or only an object, at a path.
type Entry = (Vec<Word>, Option<Word>);

#[derive(Debug, Default)]
struct Builder {
    keys: Vec<Word>,
    values: Vec<Word>,
}

impl Builders {
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.open.is_empty() {
            self.truncate(0);
        }
    }

    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    #[cold]
    pub(crate) fn truncate(&mut self, length: usize) {
        while self.open.len() > length
            && let Some(builder) = self.open.pop()
        {
            self.discard(builder);
        }
    }

    fn discard(&mut self, mut builder: Builder) {
        self.words -= builder.keys.len() + builder.values.len();
        builder.keys.clear();
        builder.values.clear();
        self.spare.push(builder);
    }
}

impl Context {
    /// An array.
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit, as for all that make values.
    pub fn make_array(&mut self, items: &[Word], place: PlaceId) -> Result<Word, Stop> {
        let array = self.heap.array(items);
        self.made(array, place)
    }

    /// A set.
    ///
    /// # Errors
    ///
    /// As [`Context::make_array`].
    pub fn make_set(&mut self, items: &[Word], place: PlaceId) -> Result<Word, Stop> {
        for item in items {
            self.charge_weight(*item, place)?;
        }
        let set = self.heap.set_of(items);
        self.made(set, place)
    }

    /// An object of entries whose keys and values alternate.
    ///
    /// # Errors
    ///
    /// As [`Context::make_array`], and for one key with two values.
    pub fn make_object(&mut self, entries: &[Word], place: PlaceId) -> Result<Word, Stop> {
        let mut list = self.heap.take_entries();
        list.extend(entries.chunks_exact(2).map(|entry| (entry[0], entry[1])));
        self.object_of(list, place)
    }

    /// Begins a collection.
    pub fn collect_begin(&mut self) {
        let builder = self.builders.spare.pop().unwrap_or_default();
        self.builders.open.push(builder);
    }

    /// Adds to the innermost collection.
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit.
    pub fn emit(&mut self, key: Option<Word>, value: Word, place: PlaceId) -> Result<(), Stop> {
        self.charge(1, place)?;
        let bytes = self.builders.words.saturating_mul(size_of::<Word>()).saturating_add(self.heap.bytes_used());
        if bytes > self.memory_bytes_max() {
            let span = self.program.place(place);
            return Err(self.stop_heap(HeapError::Memory, span));
        }
        if let Some(builder) = self.builders.open.last_mut() {
            self.builders.words += 1 + usize::from(key.is_some());
            builder.keys.extend(key);
            builder.values.push(value);
        }
        Ok(())
    }

    /// Ends the innermost collection and makes it.
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit, and for one key with two values.
    pub fn collect_end(&mut self, collection: Collection, place: PlaceId) -> Result<Word, Stop> {
        let Some(builder) = self.builders.open.pop() else {
            return Err(self.stop(codes::INTERNAL, "a collection ends that did not begin", place));
        };
        let result = self.collected(&builder, collection, place);
        self.builders.discard(builder);
        result
    }

    fn collected(&mut self, builder: &Builder, collection: Collection, place: PlaceId) -> Result<Word, Stop> {
        match collection {
            Collection::Array => self.make_array(&builder.values, place),
            Collection::Set => self.make_set(&builder.values, place),
            Collection::Object => {
                let mut entries = self.heap.take_entries();
                entries.extend(builder.keys.iter().copied().zip(builder.values.iter().copied()));
                self.object_of(entries, place)
            }
            Collection::Nested { .. } => {
                let entries = self.keyed_by_paths(builder);
                self.nested(Word::ABSENT, entries, place)
            }
        }
    }

    /// The base document at a path with the values of rules put in, and with objects where packages are. Paths are
    /// relative to it.
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit, and where one value stands within another.
    pub(crate) fn make_document(
        &mut self,
        path: &[Arc<str>],
        rules: &[(&[Arc<str>], Word)],
        packages: &[&[Arc<str>]],
        place: PlaceId,
    ) -> Result<Word, Stop> {
        let values = rules.iter().map(|(path, value)| (*path, Some(*value)));
        let mut entries = Vec::with_capacity(rules.len() + packages.len());
        for (path, value) in values.chain(packages.iter().map(|path| (*path, None))) {
            let mut keys = Vec::with_capacity(path.len());
            for name in path {
                let key = self.heap.string(name);
                keys.push(self.made(key, place)?);
            }
            entries.push((keys, value));
        }
        let base = self.descend(self.data(), path);
        if entries.is_empty() && !base.is_absent() {
            return Ok(base);
        }
        self.nested(base, entries, place)
    }

    fn keyed_by_paths(&self, builder: &Builder) -> Vec<Entry> {
        let keys = builder.keys.iter().map(|key| self.heap.elements(*key).unwrap_or_default().to_vec());
        keys.zip(builder.values.iter().copied().map(Some)).collect()
    }

    /// `base` with each value put in at its path. Two values at one path, or one within another, are a conflict;
    /// a base value stays.
    fn nested(&mut self, base: Word, mut entries: Vec<Entry>, place: PlaceId) -> Result<Word, Stop> {
        let whole = entries.iter().find_map(|(path, value)| value.filter(|_| path.is_empty()));
        if let Some(whole) = whole {
            for (path, value) in &entries {
                let same = value.is_none_or(|value| path.is_empty() && self.heap.equal(value, whole));
                if !same {
                    return Err(self.conflict(place));
                }
            }
            return self.merged(base, whole, place);
        }
        if !base.is_absent() && base.kind() != Kind::Object {
            return Ok(base);
        }
        // What is left at this path only says that there is an object.
        entries.retain(|entry| !entry.0.is_empty());
        let mut members: Vec<(Word, Word)> = if let View::Object(keys, values) = self.heap.view(base) {
            keys.iter().copied().zip(values.iter().copied()).collect()
        } else {
            Vec::new()
        };
        self.charge(u64::try_from(members.len() + entries.len()).unwrap_or(u64::MAX), place)?;
        entries.sort_by(|left, right| self.heap.compare(left.0[0], right.0[0]));
        let mut entries = entries.into_iter().peekable();
        while let Some((path, value)) = entries.next() {
            let key = path[0];
            let mut below = vec![(path[1..].to_vec(), value)];
            while let Some((path, value)) = entries.next_if(|next| self.heap.equal(next.0[0], key)) {
                below.push((path[1..].to_vec(), value));
            }
            let member = self.nested(self.heap.index(base, key), below, place)?;
            // Of equal keys the last stays.
            members.push((key, member));
        }
        let object = self.heap.object(members);
        self.made(object, place)
    }

    /// A base value with the members of `other` that it has not; absent gives way.
    fn merged(&mut self, base: Word, other: Word, place: PlaceId) -> Result<Word, Stop> {
        if base.is_absent() {
            return Ok(other);
        }
        let (View::Object(keys, values), View::Object(..)) = (self.heap.view(other), self.heap.view(base)) else {
            return Ok(base);
        };
        let others: Vec<(Word, Word)> = keys.iter().copied().zip(values.iter().copied()).collect();
        let View::Object(keys, values) = self.heap.view(base) else { return Ok(base) };
        let mut members: Vec<(Word, Word)> = keys.iter().copied().zip(values.iter().copied()).collect();
        self.charge(u64::try_from(members.len() + others.len()).unwrap_or(u64::MAX), place)?;
        for (key, value) in others {
            let member = self.merged(self.heap.index(base, key), value, place)?;
            // Of equal keys the last stays.
            members.push((key, member));
        }
        let object = self.heap.object(members);
        self.made(object, place)
    }

    fn object_of(&mut self, mut entries: Vec<(Word, Word)>, place: PlaceId) -> Result<Word, Stop> {
        for (key, _) in &entries {
            self.charge_weight(*key, place)?;
        }
        entries.sort_by(|left, right| self.heap.compare(left.0, right.0));
        let clash = entries.windows(2).any(|pair| {
            self.heap.compare(pair[0].0, pair[1].0) == Ordering::Equal && !self.heap.equal(pair[0].1, pair[1].1)
        });
        if clash {
            return Err(self.conflict(place));
        }
        let object = self.heap.object(entries);
        self.made(object, place)
    }

    fn conflict(&mut self, place: PlaceId) -> Stop {
        self.stop(codes::CONFLICT, "an object must not have two values under one key", place)
    }
}
