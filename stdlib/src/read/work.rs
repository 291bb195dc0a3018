//! What the readers share: the way from checked parts to words and slots.

use std::hash::Hasher;

use hpol_lang::types::{Measure, Part, Progress, Type, validate_part};
use hpol_lang::value::{Number, Value};
use rustc_hash::FxHasher;

use super::Declined;
use super::shape::{Choice, FieldShape, Met, Node, NodeId, ObjectShape, Shape, Taken, UnionShape};
use crate::heap::{Heap, HeapError, Word};

/// Fields that are noted in one word when they were met.
const NOTED: usize = 64;
/// Parts that a reader keeps room for: one large request must not cost memory for ever.
const KEPT: usize = 1 << 16;
/// Names that are compared each with each.
const FEW: usize = 8;

/// Memory that a reader works with; every part of a value works on the ends of these rows.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    words: Vec<Word>,
    entries: Vec<(Word, Word)>,
    /// Of names that have no number, to find repeats.
    hashes: Vec<u64>,
    /// Words of the names of fields, absent until they are made.
    names: Vec<Word>,
    /// A text that was written with escapes.
    pub(super) text: String,
    /// The name of an entry of a map.
    pub(super) key: String,
}

impl Scratch {
    fn clear(&mut self) {
        self.words.clear();
        self.entries.clear();
        self.hashes.clear();
        self.text.clear();
        let texts = self.text.capacity().max(self.key.capacity());
        if self.words.capacity().max(self.entries.capacity()).max(self.hashes.capacity()).max(texts) > KEPT {
            *self = Self::default();
        }
    }
}

/// One reading.
#[derive(Debug)]
pub(super) struct Work<'r> {
    pub(super) shape: &'r Shape,
    pub(super) heap: &'r mut Heap,
    pub(super) scratch: &'r mut Scratch,
    slots: &'r mut [Word],
    /// How many pairs of a value and a type the reference looks at to choose, at most.
    trials: usize,
    /// Whether it chooses.
    choosing: bool,
}

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Members {
    words: usize,
    entries: usize,
    hashes: usize,
    /// Fields that were met, by number.
    met: u64,
    required: u32,
    count: usize,
}

impl From<HeapError> for Declined {
    fn from(_: HeapError) -> Self {
        Declined
    }
}

impl<'r> Work<'r> {
    #[inline]
    pub(super) fn start(
        shape: &'r Shape,
        heap: &'r mut Heap,
        slots: &'r mut Vec<Word>,
        scratch: &'r mut Scratch,
    ) -> Self {
        slots.clear();
        slots.resize(shape.slots, Word::ABSENT);
        scratch.clear();
        scratch.names.clear();
        scratch.names.resize(shape.names, Word::ABSENT);
        Self { shape, heap, scratch, slots, trials: 0, choosing: false }
    }

    #[inline]
    pub(super) fn finish(self) -> Result<(), Declined> {
        let end = Progress { depth: 0, trials: self.trials };
        if end.goes_on() { Ok(()) } else { Err(Declined) }
    }

    /// The node, and how deep the reference is within it.
    #[inline(always)]
    pub(super) fn enter(&mut self, id: NodeId, depth: usize) -> Result<(&'r Node, usize), Declined> {
        let shape = self.shape;
        let node = shape.nodes.get(id as usize).ok_or(Declined)?;
        let depth = depth + usize::from(node.levels);
        self.trials += if self.choosing { 1 + usize::from(node.levels) } else { 0 };
        let here = Progress { depth, trials: self.trials };
        if here.goes_on() { Ok((node, depth)) } else { Err(Declined) }
    }

    /// Puts the word of a node where it belongs.
    #[inline]
    pub(super) fn keep(&mut self, node: &Node, word: Word) {
        if let Some(slot) = node.slot
            && let Some(place) = self.slots.get_mut(slot as usize)
        {
            *place = standing(word);
        }
    }

    // Scalars.

    pub(super) fn null(&mut self, node: &Node) -> Result<Word, Declined> {
        if node.takes_null() { Ok(Word::NULL) } else { Err(Declined) }
    }

    pub(super) fn bool(&mut self, node: &Node, value: bool) -> Result<Word, Declined> {
        if node.takes_bool(value) { Ok(Word::bool(value)) } else { Err(Declined) }
    }

    #[inline]
    pub(super) fn int(&mut self, node: &Node, value: i64) -> Result<Word, Declined> {
        if !node.takes_int(value) {
            return Err(Declined);
        }
        if node.build { Ok(self.heap.int(value)?) } else { Ok(Word::ABSENT) }
    }

    pub(super) fn number(&mut self, node: &Node, number: Number) -> Result<Word, Declined> {
        if !node.takes_number(&number) {
            return Err(Declined);
        }
        if node.build { Ok(self.heap.number(number)?) } else { Ok(Word::ABSENT) }
    }

    #[inline]
    pub(super) fn text(&mut self, node: &Node, text: &str) -> Result<Word, Declined> {
        let taken = node.takes_text(text).ok_or(Declined)?;
        if !node.build {
            return Ok(Word::ABSENT);
        }
        Ok(match taken {
            Taken::Same => self.heap.string(text)?,
            Taken::Int(value) => self.heap.int(value)?,
        })
    }

    /// A text that a node takes as it is.
    #[inline]
    pub(super) fn same_text(&mut self, node: &Node, text: &str) -> Result<Word, Declined> {
        if node.build { Ok(self.heap.string(text)?) } else { Ok(Word::ABSENT) }
    }

    /// The text in the scratch memory, as [`Work::text`].
    pub(super) fn escaped_text(&mut self, node: &Node) -> Result<Word, Declined> {
        let text = std::mem::take(&mut self.scratch.text);
        let word = self.text(node, &text);
        self.scratch.text = text;
        word
    }

    // Unions and what the reference checks.

    /// Which type of a union a value has; whether one was being chosen before.
    pub(super) fn choose(&mut self, union: &UnionShape, met: Met) -> (Choice, bool) {
        self.trials += union.members;
        (union.choice(met), std::mem::replace(&mut self.choosing, true))
    }

    /// Whether a type is being chosen.
    pub(super) fn is_choosing(&self) -> bool {
        self.choosing
    }

    /// Goes back to what was the case before [`Work::choose`].
    pub(super) fn chosen(&mut self, before: bool) {
        self.choosing = before;
    }

    /// A value that the reference checks.
    pub(super) fn slow(&mut self, value: &Value, ty: &Type, kept: NodeId, depth: usize) -> Result<Word, Declined> {
        let mut progress = Progress { depth, trials: self.trials };
        let part = validate_part(value, ty, &mut progress);
        self.trials = progress.trials;
        match part {
            Part::Fits(value) => self.value(kept, &value, depth),
            Part::Differs | Part::Unknown => Err(Declined),
        }
    }

    // Arrays and sets.

    /// Where the elements of an array begin.
    pub(super) fn open_array(&self) -> usize {
        self.scratch.words.len()
    }

    #[inline]
    pub(super) fn element(&mut self, node: &Node, word: Word) {
        if node.build {
            self.scratch.words.push(standing(word));
        }
    }

    pub(super) fn close_array(&mut self, node: &Node, start: usize, count: usize) -> Result<Word, Declined> {
        if !node.demands.iter().all(|demand| demand.holds_size(Measure::Items, count)) {
            return Err(Declined);
        }
        if !node.build {
            return Ok(Word::ABSENT);
        }
        let word = self.heap.array(self.scratch.words.get(start..).unwrap_or(&[]))?;
        self.scratch.words.truncate(start);
        Ok(word)
    }

    pub(super) fn close_set(&mut self, node: &Node, start: usize, count: Option<usize>) -> Result<Word, Declined> {
        // Demands on sizes say nothing about what is a set already.
        if let Some(count) = count
            && !node.demands.iter().all(|demand| demand.holds_size(Measure::Items, count))
        {
            return Err(Declined);
        }
        if !node.build {
            return Ok(Word::ABSENT);
        }
        let (heap, words) = (&mut *self.heap, &mut self.scratch.words);
        if let Some(items) = words.get_mut(start..) {
            items.sort_unstable_by(|left, right| heap.compare(*left, *right));
        }
        // Those that stay are moved together behind `start`.
        let mut end = start;
        for at in start..words.len() {
            let Some(item) = words.get(at).copied() else { break };
            let repeated = end > start && words.get(end - 1).is_some_and(|last| heap.equal(*last, item));
            if !repeated && let Some(place) = words.get_mut(end) {
                *place = item;
                end += 1;
            }
        }
        let word = heap.set_in_order(words.get(start..end).unwrap_or(&[]))?;
        words.truncate(start);
        Ok(word)
    }

    // Objects.

    pub(super) fn open_object(&mut self, node: &Node, object: &ObjectShape) -> Members {
        let scratch = &mut self.scratch;
        let members = Members {
            words: scratch.words.len(),
            entries: scratch.entries.len(),
            hashes: scratch.hashes.len(),
            met: 0,
            required: 0,
            count: 0,
        };
        if node.build && !object.rest_kept {
            // A place for each field, in their order.
            scratch.words.resize(members.words + object.fields.len(), Word::ABSENT);
        }
        members
    }

    /// Notes a field that has a number.
    #[inline(always)]
    pub(super) fn known(&mut self, object: &ObjectShape, members: &mut Members, at: usize) -> Result<(), Declined> {
        let Some(field) = object.fields.get(at) else { return Err(Declined) };
        if at < NOTED {
            let bit = 1 << at;
            if members.met & bit != 0 {
                return Err(Declined);
            }
            members.met |= bit;
        } else {
            self.note_by_hash(&field.name);
        }
        members.count += 1;
        members.required += u32::from(field.required);
        if object.name.is_some() { self.name_fits(object, &field.name) } else { Ok(()) }
    }

    #[cold]
    fn note_by_hash(&mut self, name: &str) {
        self.scratch.hashes.push(hash(name));
    }

    /// Keeps the value of a field that has a number.
    #[inline(always)]
    pub(super) fn keep_known(
        &mut self,
        node: &Node,
        object: &ObjectShape,
        members: &Members,
        at: usize,
        word: Word,
    ) -> Result<(), Declined> {
        let Some(field) = object.fields.get(at).filter(|field| field.kept && node.build) else { return Ok(()) };
        let word = standing(word);
        if object.rest_kept {
            let name = name_word(self.heap, &mut self.scratch.names, field)?;
            self.scratch.entries.push((name, word));
        } else if let Some(place) = self.scratch.words.get_mut(members.words + at) {
            *place = word;
        }
        Ok(())
    }

    /// Notes a field that has no number; the word of its name, if it is kept.
    pub(super) fn unknown(
        &mut self,
        node: &Node,
        object: &ObjectShape,
        members: &mut Members,
        name: &str,
    ) -> Result<(NodeId, Word), Declined> {
        let rest = object.rest.ok_or(Declined)?;
        self.scratch.hashes.push(hash(name));
        members.count += 1;
        if object.name.is_some() {
            self.name_fits(object, name)?;
        }
        let word = if node.build && object.rest_kept { self.heap.string(name)? } else { Word::ABSENT };
        Ok((rest, word))
    }

    /// As [`Work::unknown`], for the name in the scratch memory.
    pub(super) fn escaped_unknown(
        &mut self,
        node: &Node,
        object: &ObjectShape,
        members: &mut Members,
    ) -> Result<(NodeId, Word), Declined> {
        let name = std::mem::take(&mut self.scratch.text);
        let noted = self.unknown(node, object, members, &name);
        self.scratch.text = name;
        noted
    }

    /// Notes a field whose name is no text, which is the `count`th of its object.
    pub(super) fn unnamed(
        &mut self,
        node: &Node,
        object: &ObjectShape,
        members: &mut Members,
        name: &Value,
    ) -> Result<(NodeId, Word), Declined> {
        let rest = object.rest.filter(|_| !object.names_are_text).ok_or(Declined)?;
        members.count += 1;
        let word = if node.build && object.rest_kept { self.heap.from_value(name)? } else { Word::ABSENT };
        Ok((rest, word))
    }

    /// Keeps the value of a field that has no number.
    #[inline]
    pub(super) fn keep_unknown(&mut self, name: Word, word: Word) {
        if !name.is_absent() {
            self.scratch.entries.push((name, word));
        }
    }

    #[inline(never)]
    fn name_fits(&mut self, object: &ObjectShape, name: &str) -> Result<(), Declined> {
        let Some(wanted) = object.name else { return Ok(()) };
        let (node, _) = self.enter(wanted, 0)?;
        node.takes_text(name).map(|_| ()).ok_or(Declined)
    }

    pub(super) fn close_object(
        &mut self,
        node: &Node,
        object: &ObjectShape,
        members: &Members,
    ) -> Result<Word, Declined> {
        let complete = members.required == object.required;
        let fits = node.demands.iter().all(|demand| demand.holds_size(Measure::Fields, members.count));
        if !complete || !fits || has_repeats(self.scratch.hashes.get_mut(members.hashes..).unwrap_or(&mut [])) {
            return Err(Declined);
        }
        self.scratch.hashes.truncate(members.hashes);
        if !node.build {
            return Ok(Word::ABSENT);
        }
        let keys = self.scratch.words.len();
        let values =
            if object.rest_kept { self.lay_out_entries(members) } else { self.lay_out_fields(object, members)? };
        let words = &self.scratch.words;
        let word =
            self.heap.object_in_order(words.get(keys..values).unwrap_or(&[]), words.get(values..).unwrap_or(&[]))?;
        self.scratch.words.truncate(members.words);
        self.scratch.entries.truncate(members.entries);
        Ok(word)
    }

    /// Puts names in order, then the values, behind the other words; where the values begin.
    fn lay_out_entries(&mut self, members: &Members) -> usize {
        let (heap, scratch) = (&*self.heap, &mut self.scratch);
        let entries = scratch.entries.get_mut(members.entries..).unwrap_or(&mut []);
        entries.sort_unstable_by(|left, right| heap.compare(left.0, right.0));
        scratch.words.extend(entries.iter().map(|(name, _)| *name));
        let values = scratch.words.len();
        scratch.words.extend(entries.iter().map(|(_, value)| *value));
        values
    }

    /// As [`Work::lay_out_entries`], from the places of the fields, which are in order.
    fn lay_out_fields(&mut self, object: &ObjectShape, members: &Members) -> Result<usize, Declined> {
        let Scratch { words, names, .. } = &mut *self.scratch;
        let places = members.words..members.words + object.fields.len();
        for (at, field) in places.clone().zip(object.fields.iter()) {
            if words.get(at).is_some_and(|word| !word.is_absent()) {
                words.push(name_word(self.heap, names, field)?);
            }
        }
        let values = words.len();
        for at in places {
            if let Some(word) = words.get(at).copied().filter(|word| !word.is_absent()) {
                words.push(word);
            }
        }
        Ok(values)
    }
}

/// The word of a value, or what stands for one that was not made.
#[inline]
fn standing(word: Word) -> Word {
    if word.is_absent() { Word::TRUE } else { word }
}

/// The word of a field's name, made when it is needed first.
#[inline]
fn name_word(heap: &mut Heap, names: &mut [Word], field: &FieldShape) -> Result<Word, Declined> {
    let Some(place) = names.get_mut(field.name_word) else { return Ok(heap.string(&field.name)?) };
    if place.is_absent() {
        *place = heap.string(&field.name)?;
    }
    Ok(*place)
}

fn hash(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    hasher.finish()
}

/// Whether two are equal, which names that differ hardly ever are.
fn has_repeats(hashes: &mut [u64]) -> bool {
    if hashes.len() <= FEW {
        let later = |at: usize| hashes.get(at + 1..).unwrap_or(&[]);
        return hashes.iter().enumerate().any(|(at, hash)| later(at).contains(hash));
    }
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| matches!(pair, [left, right] if left == right))
}
