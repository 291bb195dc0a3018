//! The operators under their names, as Rego lets them be called: `plus(1, 2)` for `1 + 2`.

use std::cmp::Ordering;

use hpol_lang::value::{Number, NumberError};

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "and",
        "(set[T], set[T]) -> set[T]",
        "The elements that both sets have; `a & b`.",
        &[example("and({1, 2}, {2, 3})", "{2}")],
        and,
    ),
    Builtin::pure(
        "div",
        "(decimal, decimal) -> decimal",
        "The first number divided by the second; `a / b`.",
        &[example("div(7, 2)", "3.5"), example("div(1, 0)", "error")],
        div,
    ),
    Builtin::pure(
        "eq",
        "(any, any) -> bool",
        "Whether both are the same value; `a = b`.",
        &[example("eq(1, 1.0)", "true")],
        equal,
    ),
    Builtin::pure(
        "equal",
        "(any, any) -> bool",
        "Whether both are the same value; `a == b`.",
        &[example("equal([1], {1})", "false")],
        equal,
    ),
    Builtin::pure(
        "gt",
        "(any, any) -> bool",
        "Whether the first stands after the second in the order over all values; `a > b`.",
        &[example("gt(2, 1)", "true")],
        greater,
    ),
    Builtin::pure(
        "gte",
        "(any, any) -> bool",
        "Whether the first does not stand before the second in the order over all values; `a >= b`.",
        &[example("gte(2, 2)", "true")],
        not_less,
    ),
    Builtin::pure(
        "internal.gather",
        "(set[any], int) -> map[any, set[any]]",
        "From arrays of so many keys and an element: the elements by their keys; what rules such as `a[x] contains y` are made of.",
        &[
            example("internal.gather({[\"a\", 1], [\"a\", 2], [\"b\", 3]}, 1)", "{[\"a\"]: {1, 2}, [\"b\"]: {3}}"),
            example("internal.gather({[\"a\", 1], [\"a\", \"b\", 2]}, 2)", "{[\"a\", \"b\"]: {2}}"),
            example("internal.gather([1], 1)", "error"),
        ],
        gather,
    ),
    Builtin::pure(
        "internal.member_2",
        "(any, any) -> bool",
        "Whether the first is an element of the second; `a in b`.",
        &[example("internal.member_2(1, [1, 2])", "true"), example("internal.member_2(1, 1)", "false")],
        member,
    ),
    Builtin::pure(
        "internal.member_3",
        "(any, any, any) -> bool",
        "Whether the third has the second under the first as its key or position; `k, v in c`.",
        &[
            example("internal.member_3(1, \"b\", [\"a\", \"b\"])", "true"),
            example("internal.member_3(\"k\", 1, {\"k\": 2})", "false"),
        ],
        member_with_key,
    ),
    Builtin::pure(
        "lt",
        "(any, any) -> bool",
        "Whether the first stands before the second in the order over all values; `a < b`.",
        &[example("lt(1, \"a\")", "true")],
        less,
    ),
    Builtin::pure(
        "lte",
        "(any, any) -> bool",
        "Whether the first does not stand after the second in the order over all values; `a <= b`.",
        &[example("lte(2, 1)", "false")],
        not_greater,
    ),
    Builtin::pure(
        "minus",
        "(decimal | set[any], decimal | set[any]) -> decimal | set[any]",
        "The first number less the second, or the elements of the first set that the second does not have; `a - b`.",
        &[example("minus(3, 5)", "-2"), example("minus({1, 2}, {2})", "{1}"), example("minus({1}, 1)", "error")],
        minus,
    ),
    Builtin::pure(
        "mul",
        "(decimal, decimal) -> decimal",
        "Both numbers multiplied; `a * b`.",
        &[example("mul(3, 1.5)", "4.5")],
        multiply,
    ),
    Builtin::pure(
        "neq",
        "(any, any) -> bool",
        "Whether the values differ; `a != b`.",
        &[example("neq(1, \"1\")", "true")],
        not_equal,
    ),
    Builtin::pure(
        "or",
        "(set[T], set[T]) -> set[T]",
        "The elements of either set; `a | b`.",
        &[example("or({1}, {2})", "{1, 2}")],
        or,
    ),
    Builtin::pure(
        "plus",
        "(decimal, decimal) -> decimal",
        "Both numbers added; `a + b`.",
        &[example("plus(0.1, 0.2)", "0.3")],
        plus,
    ),
    Builtin::pure(
        "rem",
        "(int, int) -> int",
        "What is left of the first integer after division by the second, with the sign of the first; `a % b`.",
        &[example("rem(-7, 4)", "-3"), example("rem(7, 0)", "error"), example("rem(1.5, 1)", "error")],
        remainder,
    ),
];

fn arithmetic(
    call: &mut Call<'_>,
    arguments: &[Word],
    operate: fn(&Number, &Number) -> Result<Number, NumberError>,
) -> Outcome {
    let (left, right) = (call.number(arguments, 1)?, call.number(arguments, 2)?);
    let result = operate(&left, &right).map_err(|error| failed(error.to_string()))?;
    Ok(call.heap.number(result)?)
}

fn plus(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    arithmetic(call, arguments, Number::add)
}

fn multiply(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    arithmetic(call, arguments, Number::multiply)
}

fn div(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    if call.number(arguments, 2)?.is_zero() {
        return Err(failed("divide by zero"));
    }
    arithmetic(call, arguments, Number::divide)
}

fn remainder(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (left, right) = (call.number(arguments, 1)?, call.number(arguments, 2)?);
    if !left.is_integer() || !right.is_integer() {
        return Err(failed("modulo on floating-point number"));
    }
    if right.is_zero() {
        return Err(failed("modulo by zero"));
    }
    arithmetic(call, arguments, Number::remainder)
}

fn minus(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    match call.heap.view(argument(arguments, 1)) {
        View::Int(_) | View::Number(_) => arithmetic(call, arguments, Number::subtract),
        View::Set(_) => combine_sets(call, arguments, |present| !present),
        _ => Err(call.wrong(arguments, 1, "one of {number, set}")),
    }
}

fn and(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    combine_sets(call, arguments, |present| present)
}

/// The elements of the first set that are wanted, given whether the second has them.
fn combine_sets(call: &mut Call<'_>, arguments: &[Word], wanted: fn(bool) -> bool) -> Outcome {
    let (left, right) = (call.set(arguments, 1)?, argument(arguments, 2));
    call.set(arguments, 2)?;
    let kept: Vec<Word> =
        left.iter().copied().filter(|item| wanted(call.heap.contains(right, *item) == Some(true))).collect();
    call.charge_value(argument(arguments, 1))?;
    Ok(call.heap.set(kept)?)
}

fn or(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let joined = [call.set(arguments, 1)?, call.set(arguments, 2)?].concat();
    call.charge_value(argument(arguments, 1))?;
    call.charge_value(argument(arguments, 2))?;
    Ok(call.heap.set(joined)?)
}

fn compare(call: &mut Call<'_>, arguments: &[Word]) -> Result<Ordering, BuiltinError> {
    let (left, right) = (argument(arguments, 1), argument(arguments, 2));
    let weight = call.heap.weight(left).min(call.heap.weight(right));
    call.charge(usize::try_from(weight).unwrap_or(usize::MAX))?;
    Ok(call.heap.compare(left, right))
}

fn equal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(compare(call, arguments)?.is_eq()))
}

fn not_equal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(compare(call, arguments)?.is_ne()))
}

fn less(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(compare(call, arguments)?.is_lt()))
}

fn not_less(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(compare(call, arguments)?.is_ge()))
}

fn greater(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(compare(call, arguments)?.is_gt()))
}

fn not_greater(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(compare(call, arguments)?.is_le()))
}

fn gather(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let rows = call.set(arguments, 1)?.to_vec();
    let depth = usize::try_from(call.int(arguments, 2)?).unwrap_or(usize::MAX);
    call.charge(rows.len())?;
    // A set is in order, so rows with the same keys stand one after the other.
    let mut entries: Vec<(Word, Word)> = Vec::new();
    let mut group: Option<(Word, Vec<Word>)> = None;
    for row in rows {
        let View::Array(items) = call.heap.view(row) else { continue };
        let Some((element, keys)) = items.split_last() else { continue };
        if keys.len() != depth {
            continue;
        }
        let (element, keys) = (*element, keys.to_vec());
        let keys = call.heap.array(&keys)?;
        match &mut group {
            Some((of, elements)) if call.heap.equal(*of, keys) => elements.push(element),
            _ => {
                if let Some((of, elements)) = group.replace((keys, vec![element])) {
                    entries.push((of, call.heap.set(elements)?));
                }
            }
        }
    }
    if let Some((of, elements)) = group {
        entries.push((of, call.heap.set(elements)?));
    }
    Ok(call.heap.object(entries)?)
}

fn member(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (value, collection) = (argument(arguments, 1), argument(arguments, 2));
    let length = match call.heap.view(collection) {
        View::Array(items) | View::Object(items, _) => items.len(),
        _ => 1,
    };
    call.charge(length)?;
    Ok(Word::bool(call.heap.contains(collection, value).unwrap_or(false)))
}

fn member_with_key(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let [key, value, collection] = [1, 2, 3].map(|position| argument(arguments, position));
    let found = call.heap.index(collection, key);
    Ok(Word::bool(call.heap.equal(found, value)))
}
