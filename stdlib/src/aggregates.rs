//! Builtins that fold a collection into one value.

use hpol_lang::value::Number;

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "all",
        "(array[any] | set[any]) -> bool",
        "Whether every element is `true`; so it is of an empty collection.",
        &[example("all([true, true])", "true"), example("all([true, 1])", "false"), example("all([])", "true")],
        all,
    ),
    Builtin::pure(
        "any",
        "(array[any] | set[any]) -> bool",
        "Whether some element is `true`.",
        &[example("any([false, true])", "true"), example("any(set())", "false")],
        any,
    ),
    Builtin::pure(
        "count",
        "(string | array[any] | set[any] | map[any, any]) -> int",
        "How many elements a collection has, or characters a string.",
        &[example("count([1, 2])", "2"), example("count(\"año\")", "3"), example("count(7)", "error")],
        count,
    ),
    Builtin::pure(
        "max",
        "(array[T] | set[T]) -> T",
        "The greatest element in the order over all values; undefined of an empty collection.",
        &[example("max([1, 3, 2])", "3"), example("max([])", "undefined")],
        max,
    ),
    Builtin::pure(
        "min",
        "(array[T] | set[T]) -> T",
        "The least element in the order over all values; undefined of an empty collection.",
        &[example("min({3, 1, 2})", "1"), example("min([\"a\", 1])", "1")],
        min,
    ),
    Builtin::pure(
        "product",
        "(array[decimal] | set[decimal]) -> decimal",
        "All numbers multiplied; 1 of an empty collection.",
        &[example("product([2, 3, 4])", "24"), example("product([])", "1"), example("product([\"2\"])", "error")],
        product,
    ),
    Builtin::pure(
        "sort",
        "(array[T] | set[T]) -> array[T]",
        "The elements in ascending order.",
        &[example("sort([3, 1, 2])", "[1, 2, 3]"), example("sort({\"b\", \"a\"})", "[\"a\", \"b\"]")],
        sort,
    ),
    Builtin::pure(
        "sum",
        "(array[decimal] | set[decimal]) -> decimal",
        "All numbers added; 0 of an empty collection.",
        &[example("sum([1, 2, 3.5])", "6.5"), example("sum(set())", "0"), example("sum([1, \"2\"])", "error")],
        sum,
    ),
];

fn count(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let collection = argument(arguments, 1);
    let bytes = call.heap.as_str(collection).map_or(0, str::len);
    call.charge_bytes(bytes)?;
    let count = call.heap.count(collection);
    let count = count.ok_or_else(|| call.wrong(arguments, 1, "one of {array, object, set, string}"))?;
    Ok(call.heap.number(Number::from_usize(count))?)
}

fn all(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let elements = call.elements(arguments, 1)?;
    let (length, all) = (elements.len(), elements.iter().all(|element| *element == Word::TRUE));
    call.charge(length)?;
    Ok(Word::bool(all))
}

fn any(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let elements = call.elements(arguments, 1)?;
    let (length, any) = (elements.len(), elements.contains(&Word::TRUE));
    call.charge(length)?;
    Ok(Word::bool(any))
}

fn max(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    let elements = call.elements(arguments, 1)?;
    let greatest = elements.iter().copied().max_by(|left, right| call.heap.compare(*left, *right));
    greatest.ok_or(BuiltinError::Undefined)
}

fn min(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    let elements = call.elements(arguments, 1)?;
    let least = elements.iter().copied().min_by(|left, right| call.heap.compare(*left, *right));
    least.ok_or(BuiltinError::Undefined)
}

fn sort(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    let mut elements = call.elements(arguments, 1)?.to_vec();
    // A set stands sorted.
    if let View::Array(_) = call.heap.view(argument(arguments, 1)) {
        elements.sort_by(|left, right| call.heap.compare(*left, *right));
    }
    Ok(call.heap.array(&elements)?)
}

fn sum(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    fold_numbers(call, arguments, Number::from(0), |total, number| total.add(number))
}

fn product(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    fold_numbers(call, arguments, Number::from(1), |total, number| total.multiply(number))
}

fn fold_numbers(
    call: &mut Call<'_>,
    arguments: &[Word],
    start: Number,
    step: fn(&Number, &Number) -> Result<Number, hpol_lang::value::NumberError>,
) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    let mut total = start;
    for element in call.elements(arguments, 1)? {
        let number = call.heap.as_number(*element);
        let number = number.ok_or_else(|| call.wrong_element(arguments, 1, "number", *element))?;
        total = step(&total, &number).map_err(|error| failed(error.to_string()))?;
    }
    Ok(call.heap.number(total)?)
}
