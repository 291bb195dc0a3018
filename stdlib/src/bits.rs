//! Builtins on the bits of integers of any size; negative ones have endless leading ones.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use crate::arguments::{Outcome, operand_error};
use crate::builtin::{Builtin, Call, example};
use crate::heap::Word;
use crate::numbers::{BITS_MAX, integer};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "bits.and",
        "(int, int) -> int",
        "The bits that are set in both integers.",
        &[example("bits.and(6, 3)", "2"), example("bits.and(1.5, 3)", "error")],
        and,
    ),
    Builtin::pure(
        "bits.lsh",
        "(int, int) -> int",
        "The integer with its bits moved to the left by that many places.",
        &[
            example("bits.lsh(1, 4)", "16"),
            example("bits.lsh(1, -1)", "error"),
            example("bits.lsh(1, 1000000)", "error"),
        ],
        shift_left,
    ),
    Builtin::pure(
        "bits.negate",
        "(int) -> int",
        "The integer with every bit flipped.",
        &[example("bits.negate(42)", "-43")],
        negate,
    ),
    Builtin::pure(
        "bits.or",
        "(int, int) -> int",
        "The bits that are set in either integer.",
        &[example("bits.or(6, 3)", "7")],
        or,
    ),
    Builtin::pure(
        "bits.rsh",
        "(int, int) -> int",
        "The integer with its bits moved to the right by that many places.",
        &[example("bits.rsh(16, 4)", "1"), example("bits.rsh(-1, 9)", "-1")],
        shift_right,
    ),
    Builtin::pure(
        "bits.xor",
        "(int, int) -> int",
        "The bits that are set in exactly one of the integers.",
        &[example("bits.xor(6, 3)", "5")],
        xor,
    ),
];

fn and(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let result = call.big_int(arguments, 1)? & call.big_int(arguments, 2)?;
    integer(call, result)
}

fn or(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let result = call.big_int(arguments, 1)? | call.big_int(arguments, 2)?;
    integer(call, result)
}

fn xor(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let result = call.big_int(arguments, 1)? ^ call.big_int(arguments, 2)?;
    integer(call, result)
}

fn negate(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let result = !call.big_int(arguments, 1)?;
    integer(call, result)
}

fn shift_left(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (value, places) = shift_operands(call, arguments)?;
    if places > BITS_MAX {
        return Err(operand_error(2, &format!("must be at most {BITS_MAX}")));
    }
    integer(call, value << places)
}

fn shift_right(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (value, places) = shift_operands(call, arguments)?;
    integer(call, value >> places.min(BITS_MAX))
}

fn shift_operands(call: &Call<'_>, arguments: &[Word]) -> Result<(BigInt, u64), crate::builtin::BuiltinError> {
    let value = call.big_int(arguments, 1)?;
    let places = call.big_int(arguments, 2)?;
    if places.sign() == num_bigint::Sign::Minus {
        return Err(operand_error(2, "must be an unsigned integer number but got a negative integer"));
    }
    Ok((value, places.to_u64().unwrap_or(u64::MAX)))
}
