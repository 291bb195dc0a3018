//! Builtins on sets of sets.

use crate::arguments::{Outcome, argument};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "intersection",
        "(set[set[T]]) -> set[T]",
        "The elements that every one of the sets has; none of no sets.",
        &[example("intersection({{1, 2, 3}, {2, 3, 4}})", "{2, 3}"), example("intersection(set())", "set()")],
        intersection,
    ),
    Builtin::pure(
        "union",
        "(set[set[T]]) -> set[T]",
        "The elements that any of the sets has.",
        &[example("union({{1, 2}, {2, 3}})", "{1, 2, 3}"), example("union({1})", "error")],
        union,
    ),
];

fn intersection(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    let sets = call.set(arguments, 1)?.to_vec();
    let mut common = match sets.first() {
        Some(first) => inner(call, arguments, *first)?.to_vec(),
        None => Vec::new(),
    };
    for set in sets.into_iter().skip(1) {
        inner(call, arguments, set)?;
        common.retain(|item| call.heap.contains(set, *item) == Some(true));
    }
    Ok(call.heap.set(common)?)
}

fn union(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    let mut joined = Vec::new();
    for set in call.set(arguments, 1)? {
        joined.extend_from_slice(inner(call, arguments, *set)?);
    }
    Ok(call.heap.set(joined)?)
}

fn inner<'a>(call: &'a Call<'_>, arguments: &[Word], set: Word) -> Result<&'a [Word], BuiltinError> {
    match call.heap.view(set) {
        View::Set(items) => Ok(items),
        _ => Err(call.wrong_element(arguments, 1, "set", set)),
    }
}
