//! Inputs as the rules of a generation take them: what stands in the plan's slots, or whole values.

use std::borrow::Cow;

use hpol_compiler::context::Context;
use hpol_compiler::plan::Program;
use hpol_lang::types::validate;
use hpol_lang::value::{JsonLimits, Value, parse_json, to_value};
use hpol_stdlib::heap::{Heap, Word};
use hpol_stdlib::read::{Declined, Reader, Shape};
use serde::Serialize;

use crate::build::Group;
use crate::combine::Findings;
use crate::evaluate::{refuse_input, refuse_text, take_fault};

/// What is kept of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All that a decision may tell.
    Decision,
    /// What rules look at to come to a ruling: witnesses may lack parts.
    Ruling,
}

/// A request that is read again if a decision is asked for.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) kind: String,
    text: String,
    value: Option<Value>,
    /// Whether there is one.
    is_set: bool,
}

/// Bytes of text that a request keeps room for.
const TEXT_KEPT: usize = 1 << 20;

impl Request {
    pub(crate) fn clear(&mut self) {
        if self.is_set {
            self.is_set = false;
            self.value = None;
            self.text.clear();
            self.text.shrink_to(TEXT_KEPT);
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set
    }

    pub(crate) fn set<S: Source>(&mut self, kind: &str, source: &S) {
        self.clear();
        self.kind.clear();
        self.kind.push_str(kind);
        self.is_set = true;
        source.keep(self);
    }
}

impl Source for Request {
    const LASTS: bool = true;

    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        match &self.value {
            Some(value) => value.read(reader, shape, heap, slots),
            None => JsonText(&self.text).read(reader, shape, heap, slots),
        }
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        match &self.value {
            Some(value) => Ok(Cow::Borrowed(value)),
            None => parse_json(&self.text, JsonLimits::default()).map(Cow::Owned).map_err(|error| error.to_string()),
        }
    }

    fn keep(&self, _: &mut Request) {}
}

/// Where an input comes from.
pub(crate) trait Source {
    /// Whether it can be read again when it is gone.
    const LASTS: bool;

    /// Reads it straight into slots.
    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined>;

    /// The value, for the check that says what is wrong; an error is the message.
    fn value(&self) -> Result<Cow<'_, Value>, String>;

    /// Puts it where it can be read again, if it lasts.
    fn keep(&self, request: &mut Request);
}

impl Source for Value {
    const LASTS: bool = true;

    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        reader.read_value(self, shape, heap, slots)
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        Ok(Cow::Borrowed(self))
    }

    fn keep(&self, request: &mut Request) {
        request.value = Some(self.clone());
    }
}

/// JSON text.
#[derive(Debug)]
pub(crate) struct JsonText<'t>(pub(crate) &'t str);

impl Source for JsonText<'_> {
    const LASTS: bool = true;

    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        reader.read_json(self.0, shape, JsonLimits::default(), heap, slots)
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        parse_json(self.0, JsonLimits::default()).map(Cow::Owned).map_err(|error| error.to_string())
    }

    fn keep(&self, request: &mut Request) {
        request.text.push_str(self.0);
    }
}

/// Anything that serde can write.
#[derive(Debug)]
pub(crate) struct Typed<'t, T: ?Sized>(pub(crate) &'t T);

impl<T: Serialize + ?Sized> Source for Typed<'_, T> {
    const LASTS: bool = false;

    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        reader.read_typed(self.0, shape, heap, slots)
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        to_value(self.0).map(Cow::Owned).map_err(|error| error.to_string())
    }

    fn keep(&self, _: &mut Request) {}
}

/// The input of each group of packages that decides on a request, with the memory for reading more.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    reader: Reader,
    /// One after the other: the slots of each group, or one whole value for each.
    words: Vec<Word>,
    /// How many slots a group has; `None` if the words are whole values.
    slots: Option<usize>,
    /// Whether witnesses lack parts.
    reduced: bool,
    row: Vec<Word>,
}

impl Inputs {
    /// Gives the context the input of a group.
    pub(crate) fn put(&self, group: usize, context: &mut Context) {
        match self.slots {
            None => context.set_input_word(self.words.get(group).copied().unwrap_or(Word::ABSENT)),
            Some(count) => {
                let start = group.saturating_mul(count);
                context.set_slots(self.words.get(start..start.saturating_add(count)).unwrap_or(&[]));
            }
        }
    }

    /// Whether witnesses lack parts, so that what is to tell them needs the request again.
    pub(crate) fn is_reduced(&self) -> bool {
        self.reduced
    }

    /// Takes a request in for some groups. If it can't be decided on, `findings` say why.
    pub(crate) fn take<S: Source>(
        &mut self,
        source: &S,
        keep: Keep,
        groups: &[Group],
        program: &Program,
        context: &mut Context,
        findings: &mut Findings,
    ) {
        let mark = context.heap().mark();
        if self.read(source, keep, groups, context).is_err() {
            context.heap_mut().truncate(mark);
            self.check(source, groups, program, context, findings);
        }
    }

    #[inline]
    fn read<S: Source>(
        &mut self,
        source: &S,
        keep: Keep,
        groups: &[Group],
        context: &mut Context,
    ) -> Result<(), Declined> {
        self.words.clear();
        // What can't be read again must be kept whole now.
        let keep = if S::LASTS { keep } else { Keep::Decision };
        self.reduced = false;
        if let [group] = groups {
            let shapes = group.shapes.as_ref().ok_or(Declined)?;
            self.reduced = keep == Keep::Ruling && shapes.ruling.is_some();
            source.read(&mut self.reader, shapes.shape(keep), context.heap_mut(), &mut self.words)?;
            self.slots = Some(self.words.len());
            return Ok(());
        }
        for group in groups {
            let shapes = group.shapes.as_ref().ok_or(Declined)?;
            self.reduced |= keep == Keep::Ruling && shapes.ruling.is_some();
            source.read(&mut self.reader, shapes.shape(keep), context.heap_mut(), &mut self.row)?;
            self.words.extend_from_slice(&self.row);
            self.slots = Some(self.row.len());
        }
        Ok(())
    }

    #[cold]
    fn check<S: Source>(
        &mut self,
        source: &S,
        groups: &[Group],
        program: &Program,
        context: &mut Context,
        findings: &mut Findings,
    ) {
        self.words.clear();
        (self.slots, self.reduced) = (None, false);
        let value = match source.value() {
            Ok(value) => value,
            Err(message) => return refuse_text(&message, findings),
        };
        // Every package's type is checked before any rule runs.
        for group in groups {
            match validate(&value, &group.input) {
                Ok(value) => match context.make(&value) {
                    Ok(word) => self.words.push(word),
                    Err(fault) => take_fault(fault, program, findings),
                },
                Err(mismatches) => refuse_input(&mismatches, findings),
            }
        }
    }
}
