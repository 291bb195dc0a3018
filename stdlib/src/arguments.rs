//! Reading a call's arguments, with the type errors that Rego's users know.
//!
//! Positions count from 1, as messages do.

use std::ops::Range;

use hpol_lang::value::{Number, Value};
use num_bigint::BigInt;

use crate::builtin::{BuiltinError, Call};
use crate::heap::{Heap, View, Word};

/// Largest value that is copied out of the heap.
const COPY_WEIGHT_MAX: u32 = 1 << 20;

/// What a builtin gives.
pub(crate) type Outcome = Result<Word, BuiltinError>;

/// A failure that says `message`.
pub(crate) fn failed(message: impl Into<String>) -> BuiltinError {
    BuiltinError::Failed(message.into())
}

/// The failure of an argument whose type or form is wrong.
pub(crate) fn operand_error(position: usize, message: &str) -> BuiltinError {
    BuiltinError::Type(format!("operand {position} {message}"))
}

/// The failure of an argument of the wrong type.
pub(crate) fn type_error(position: usize, expected: &str, got: &str) -> BuiltinError {
    operand_error(position, &format!("must be {expected} but got {got}"))
}

/// Rego's name of a word's type.
pub(crate) fn type_name(heap: &Heap, word: Word) -> &'static str {
    match heap.view(word) {
        View::Absent => "undefined",
        View::Null => "null",
        View::Bool(_) => "boolean",
        View::Int(_) | View::Number(_) => "number",
        View::String(_) => "string",
        View::Array(_) => "array",
        View::Object(..) => "object",
        View::Set(_) => "set",
    }
}

/// The argument at a position; absent where it was left out.
pub(crate) fn argument(arguments: &[Word], position: usize) -> Word {
    arguments.get(position - 1).copied().unwrap_or(Word::ABSENT)
}

/// Whether an optional argument was given.
pub(crate) fn given(arguments: &[Word], position: usize) -> bool {
    !argument(arguments, position).is_absent()
}

impl Call<'_> {
    /// The error that the argument is not of the expected type.
    pub(crate) fn wrong(&self, arguments: &[Word], position: usize, expected: &str) -> BuiltinError {
        type_error(position, expected, type_name(self.heap, argument(arguments, position)))
    }

    /// The error that an element of a collection is not of the expected type.
    pub(crate) fn wrong_element(
        &self,
        arguments: &[Word],
        position: usize,
        expected: &str,
        element: Word,
    ) -> BuiltinError {
        let outer = type_name(self.heap, argument(arguments, position));
        let inner = type_name(self.heap, element);
        operand_error(position, &format!("must be {outer} of {expected}s but got {outer} containing {inner}"))
    }

    /// A string.
    pub(crate) fn text(&self, arguments: &[Word], position: usize) -> Result<&str, BuiltinError> {
        let text = self.heap.as_str(argument(arguments, position));
        text.ok_or_else(|| self.wrong(arguments, position, "string"))
    }

    /// A number.
    pub(crate) fn number(&self, arguments: &[Word], position: usize) -> Result<Number, BuiltinError> {
        let number = self.heap.as_number(argument(arguments, position));
        number.ok_or_else(|| self.wrong(arguments, position, "number"))
    }

    /// An integer of any size.
    pub(crate) fn big_int(&self, arguments: &[Word], position: usize) -> Result<BigInt, BuiltinError> {
        let number = self.number(arguments, position)?;
        number.to_big_int().ok_or_else(|| not_an_integer(position))
    }

    /// An integer of 64 bits.
    pub(crate) fn int(&self, arguments: &[Word], position: usize) -> Result<i64, BuiltinError> {
        if let Some(small) = argument(arguments, position).small_int() {
            return Ok(small);
        }
        let number = self.number(arguments, position)?;
        if !number.is_integer() {
            return Err(not_an_integer(position));
        }
        number.as_i64().ok_or_else(|| operand_error(position, "must be an integer of 64 bits"))
    }

    /// The elements of an array.
    pub(crate) fn array(&self, arguments: &[Word], position: usize) -> Result<&[Word], BuiltinError> {
        match self.heap.view(argument(arguments, position)) {
            View::Array(items) => Ok(items),
            _ => Err(self.wrong(arguments, position, "array")),
        }
    }

    /// The elements of a set.
    pub(crate) fn set(&self, arguments: &[Word], position: usize) -> Result<&[Word], BuiltinError> {
        match self.heap.view(argument(arguments, position)) {
            View::Set(items) => Ok(items),
            _ => Err(self.wrong(arguments, position, "set")),
        }
    }

    /// The elements of an array or set.
    pub(crate) fn elements(&self, arguments: &[Word], position: usize) -> Result<&[Word], BuiltinError> {
        let elements = self.heap.elements(argument(arguments, position));
        elements.ok_or_else(|| self.wrong(arguments, position, "one of {set, array}"))
    }

    /// The keys and values of an object.
    pub(crate) fn object(&self, arguments: &[Word], position: usize) -> Result<(&[Word], &[Word]), BuiltinError> {
        match self.heap.view(argument(arguments, position)) {
            View::Object(keys, values) => Ok((keys, values)),
            _ => Err(self.wrong(arguments, position, "object")),
        }
    }

    /// The strings in an array or set.
    pub(crate) fn texts(&self, arguments: &[Word], position: usize) -> Result<Vec<&str>, BuiltinError> {
        let elements = self.elements(arguments, position)?;
        let text = |element: &Word| {
            let text = self.heap.as_str(*element);
            text.ok_or_else(|| self.wrong_element(arguments, position, "string", *element))
        };
        elements.iter().map(text).collect()
    }

    /// Charges for work on this many bytes.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<(), BuiltinError> {
        self.charge(bytes / 100)
    }

    /// Charges for work on the whole of a value.
    pub(crate) fn charge_value(&mut self, word: Word) -> Result<(), BuiltinError> {
        self.charge(usize::try_from(self.heap.weight(word)).unwrap_or(usize::MAX))
    }

    /// Copies a value out, if it is not too large for that: parts that it shares are written once for each place.
    pub(crate) fn value_of(&mut self, word: Word) -> Result<Value, BuiltinError> {
        self.charge_value(word)?;
        if self.heap.weight(word) > COPY_WEIGHT_MAX {
            return Err(failed("value is too large"));
        }
        Ok(self.heap.to_value(word))
    }

    /// Makes a string, and charges for it.
    pub(crate) fn make_string(&mut self, text: &str) -> Outcome {
        self.charge_bytes(text.len())?;
        Ok(self.heap.string(text)?)
    }

    /// Makes a string of a buffer, which is given back, and charges for it.
    pub(crate) fn make_written(&mut self, text: String) -> Outcome {
        self.charge_bytes(text.len())?;
        Ok(self.heap.string_from(text)?)
    }

    /// Makes the part of a string between two places in bytes, and charges for it.
    pub(crate) fn make_part(&mut self, word: Word, range: Range<usize>) -> Outcome {
        self.charge_bytes(range.len())?;
        Ok(self.heap.part(word, range)?)
    }

    /// Makes an array of parts of a string, and charges for it; the list is a buffer of the heap, which is given back.
    pub(crate) fn make_parts(&mut self, word: Word, ranges: Vec<Range<usize>>) -> Outcome {
        self.charge(ranges.len())?;
        for range in &ranges {
            self.charge_bytes(range.len())?;
        }
        Ok(self.heap.array_of_parts(word, ranges)?)
    }

    /// Makes an array of strings, and charges for it.
    pub(crate) fn make_strings<T: AsRef<str>>(&mut self, texts: &[T]) -> Outcome {
        self.charge(texts.len())?;
        let items = texts.iter().map(|text| self.make_string(text.as_ref())).collect::<Result<Vec<_>, _>>()?;
        Ok(self.heap.array(&items)?)
    }
}

fn not_an_integer(position: usize) -> BuiltinError {
    operand_error(position, "must be integer number but got floating-point number")
}
