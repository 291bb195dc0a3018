//! Builtins on numbers.

use bigdecimal::RoundingMode;
use hpol_lang::value::Number;
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};
use sha2::{Digest, Sha256};

use crate::arguments::{Outcome, argument, failed, given};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{HeapError, WEIGHT_MAX, Word};

/// Longest integer that is computed, in bits; about a thousand digits.
pub(crate) const BITS_MAX: u64 = 3_300;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure("abs", "(decimal) -> decimal", "The number without its sign.", &[example("abs(-1.5)", "1.5")], abs),
    Builtin::pure("ceil", "(decimal) -> int", "The least integer that is not below the number.", &[example("ceil(1.2)", "2")], ceil),
    Builtin::pure(
        "floor",
        "(decimal) -> int",
        "The greatest integer that is not above the number.",
        &[example("floor(-1.2)", "-2")],
        floor,
    ),
    Builtin::pure(
        "numbers.range",
        "(int, int) -> array[int]",
        "The integers from the first to the second, both included, upwards or downwards.",
        &[
            example("numbers.range(1, 4)", "[1, 2, 3, 4]"),
            example("numbers.range(2, -1)", "[2, 1, 0, -1]"),
            example("numbers.range(0, 1000000000)", "error"),
        ],
        range,
    ),
    Builtin::pure(
        "numbers.range_step",
        "(int, int, int) -> array[int]",
        "Every so many integers from the first up or down to the second; the step is positive.",
        &[
            example("numbers.range_step(0, 10, 4)", "[0, 4, 8]"),
            example("numbers.range_step(3, 0, 2)", "[3, 1]"),
            example("numbers.range_step(0, 1, 0)", "error"),
        ],
        range,
    ),
    Builtin::pure(
        "rand.intn",
        "(string, int) -> int",
        "A number from 0 up to, and without, the integer, drawn anew for each decision; the same text and integer draw the same number within one.",
        &[example("rand.intn(\"a\", 1)", "0"), example("rand.intn(\"a\", 0)", "0")],
        random,
    )
    .of_decision(),
    Builtin::pure(
        "round",
        "(decimal) -> int",
        "The nearest integer; halves go away from zero.",
        &[example("round(1.5)", "2"), example("round(-1.5)", "-2"), example("round(1.4)", "1")],
        round,
    ),
];

/// Makes an integer of any size within the bound.
pub(crate) fn integer(call: &mut Call<'_>, value: BigInt) -> Outcome {
    if value.bits() > BITS_MAX {
        return Err(failed(format!("result has more than {BITS_MAX} bits")));
    }
    Ok(call.heap.number(Number::from(value))?)
}

fn abs(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let number = call.number(arguments, 1)?;
    if !number.is_negative() {
        return Ok(argument(arguments, 1));
    }
    Ok(call.heap.number(number.negate())?)
}

fn ceil(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    to_integer(call, arguments, RoundingMode::Ceiling)
}

fn floor(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    to_integer(call, arguments, RoundingMode::Floor)
}

fn round(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    to_integer(call, arguments, RoundingMode::HalfUp)
}

fn to_integer(call: &mut Call<'_>, arguments: &[Word], mode: RoundingMode) -> Outcome {
    let number = call.number(arguments, 1)?;
    if number.is_integer() {
        return Ok(argument(arguments, 1));
    }
    let (digits, _) = number.to_decimal().with_scale_round(0, mode).into_bigint_and_exponent();
    integer(call, digits)
}

/// `numbers.range`, and `numbers.range_step` with its third argument.
fn range(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (from, to) = (call.big_int(arguments, 1)?, call.big_int(arguments, 2)?);
    let step = if given(arguments, 3) { call.big_int(arguments, 3)? } else { BigInt::from(1) };
    if !step.is_positive() {
        return Err(failed("step must be a positive integer"));
    }
    let count = ((&to - &from).abs() / &step).to_usize().unwrap_or(usize::MAX).saturating_add(1);
    call.charge(count)?;
    if u32::try_from(count).map_or(true, |count| count >= WEIGHT_MAX) {
        return Err(HeapError::Weight.into());
    }
    let step = if to < from { -step } else { step };
    let mut next = from;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(integer(call, next.clone())?);
        next += &step;
    }
    Ok(call.heap.array(&items)?)
}

/// The time of the decision is the seed, so that a recorded decision draws the same numbers when it is replayed.
fn random(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let seed = call.now_nanoseconds.to_be_bytes();
    let bound = call.int(arguments, 2)?.unsigned_abs();
    let digest =
        Sha256::new().chain_update(seed).chain_update(bound.to_be_bytes()).chain_update(call.text(arguments, 1)?);
    let drawn = BigInt::from_bytes_be(num_bigint::Sign::Plus, &digest.finalize());
    if bound.is_zero() {
        return Ok(call.heap.int(0)?);
    }
    integer(call, drawn % bound)
}

/// A number of a count.
pub(crate) fn count_word(call: &mut Call<'_>, count: usize) -> Result<Word, BuiltinError> {
    Ok(call.heap.number(Number::from_usize(count))?)
}
