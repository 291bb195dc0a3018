//! Inputs as the rules of a generation take them: what stands in the plan's slots, or whole values.

use std::borrow::Cow;

use hpol_compiler::context::Context;
use hpol_lang::types::validate;
use hpol_lang::value::{JsonLimits, Value, parse_json, to_value};
use hpol_stdlib::heap::{Heap, Word};
use hpol_stdlib::read::{Declined, Reader, Shape};
use serde::Serialize;

use crate::build::Group;
use crate::combine::Findings;
use crate::evaluate::{Evaluation, refuse_input, refuse_text};

/// Where an input comes from.
pub(crate) trait Source {
    /// Reads it straight into slots.
    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined>;

    /// The value, for the check that says what is wrong; an error is the message.
    fn value(&self) -> Result<Cow<'_, Value>, String>;
}

impl Source for &Value {
    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        reader.read_value(self, shape, heap, slots)
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        Ok(Cow::Borrowed(self))
    }
}

/// JSON text.
#[derive(Debug)]
pub(crate) struct JsonText<'t>(pub(crate) &'t str);

impl Source for JsonText<'_> {
    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        reader.read_json(self.0, shape, JsonLimits::default(), heap, slots)
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        parse_json(self.0, JsonLimits::default()).map(Cow::Owned).map_err(|error| error.to_string())
    }
}

/// Anything that serde can write.
#[derive(Debug)]
pub(crate) struct Typed<'t, T: ?Sized>(pub(crate) &'t T);

impl<T: Serialize + ?Sized> Source for Typed<'_, T> {
    fn read(&self, reader: &mut Reader, shape: &Shape, heap: &mut Heap, slots: &mut Vec<Word>) -> Result<(), Declined> {
        reader.read_typed(self.0, shape, heap, slots)
    }

    fn value(&self) -> Result<Cow<'_, Value>, String> {
        to_value(self.0).map(Cow::Owned).map_err(|error| error.to_string())
    }
}

/// The input of each group of packages that decides on a request, with the memory for reading more.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    reader: Reader,
    /// One after the other: the slots of each group, or one whole value for each.
    words: Vec<Word>,
    /// How many slots a group has; `None` if the words are whole values.
    slots: Option<usize>,
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

    /// Takes a request in for some groups. If it can't be decided on, `findings` say why.
    pub(crate) fn take<S: Source>(
        &mut self,
        source: &S,
        groups: &[Group],
        evaluation: &Evaluation<'_>,
        context: &mut Context,
        findings: &mut Findings,
    ) {
        let mark = context.heap().mark();
        if self.read(source, groups, context).is_err() {
            context.heap_mut().truncate(mark);
            self.check(source, groups, evaluation, context, findings);
        }
    }

    fn read<S: Source>(&mut self, source: &S, groups: &[Group], context: &mut Context) -> Result<(), Declined> {
        self.words.clear();
        for group in groups {
            let shape = group.shape.as_deref().ok_or(Declined)?;
            source.read(&mut self.reader, shape, context.heap_mut(), &mut self.row)?;
            self.words.extend_from_slice(&self.row);
            self.slots = Some(self.row.len());
        }
        Ok(())
    }

    fn check<S: Source>(
        &mut self,
        source: &S,
        groups: &[Group],
        evaluation: &Evaluation<'_>,
        context: &mut Context,
        findings: &mut Findings,
    ) {
        self.words.clear();
        self.slots = None;
        let value = match source.value() {
            Ok(value) => value,
            Err(message) => return refuse_text(&message, findings),
        };
        // Every package's type is checked before any rule runs.
        for group in groups {
            match validate(&value, &group.input) {
                Ok(value) => match context.make(&value) {
                    Ok(word) => self.words.push(word),
                    Err(fault) => evaluation.take_fault(fault, findings),
                },
                Err(mismatches) => refuse_input(&mismatches, findings),
            }
        }
    }
}
