//! Builtins on arrays.

use crate::arguments::{Outcome, argument};
use crate::builtin::{Builtin, Call, example};
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "array.concat",
        "(array[T], array[T]) -> array[T]",
        "The elements of the first array, then those of the second.",
        &[example("array.concat([1], [2, 3])", "[1, 2, 3]"), example("array.concat([1], {2})", "error")],
        concat,
    ),
    Builtin::pure(
        "array.flatten",
        "(array[any]) -> array[any]",
        "The elements, where each that is an array is replaced by its own elements; deeper arrays stay.",
        &[example("array.flatten([1, [2, [3]], []])", "[1, 2, [3]]")],
        flatten,
    ),
    Builtin::pure(
        "array.reverse",
        "(array[T]) -> array[T]",
        "The elements from last to first.",
        &[example("array.reverse([1, 2, 3])", "[3, 2, 1]")],
        reverse,
    ),
    Builtin::pure(
        "array.slice",
        "(array[T], int, int) -> array[T]",
        "The elements from the first position up to, and without, the second; positions count from 0 and are kept within the array.",
        &[
            example("array.slice([1, 2, 3, 4], 1, 3)", "[2, 3]"),
            example("array.slice([1, 2], -1, 9)", "[1, 2]"),
            example("array.slice([1, 2], 2, 1)", "[]"),
        ],
        slice,
    ),
];

fn concat(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let joined = [call.array(arguments, 1)?, call.array(arguments, 2)?].concat();
    call.charge(joined.len())?;
    Ok(call.heap.array(&joined)?)
}

fn flatten(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut flat = Vec::new();
    for item in call.array(arguments, 1)? {
        match call.heap.view(*item) {
            View::Array(inner) => flat.extend_from_slice(inner),
            _ => flat.push(*item),
        }
    }
    call.charge(flat.len())?;
    Ok(call.heap.array(&flat)?)
}

fn reverse(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut items = call.array(arguments, 1)?.to_vec();
    call.charge(items.len())?;
    items.reverse();
    Ok(call.heap.array(&items)?)
}

fn slice(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let items = call.array(arguments, 1)?;
    let within = |position: i64| usize::try_from(position.max(0)).unwrap_or(usize::MAX).min(items.len());
    let (start, stop) = (within(call.int(arguments, 2)?), within(call.int(arguments, 3)?));
    if start == 0 && stop == items.len() {
        return Ok(argument(arguments, 1));
    }
    let part = items[start.min(stop)..stop].to_vec();
    call.charge(part.len())?;
    Ok(call.heap.array(&part)?)
}
