//! Builtins on objects.

use crate::arguments::{Outcome, argument, operand_error, type_error, type_name};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{Heap, HeapError, View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "object.filter",
        "(map[any, T], map[any, any] | set[any] | array[any]) -> map[any, T]",
        "The entries of the object whose keys are in the second argument; of an object there, its keys count.",
        &[
            example("object.filter({\"a\": 1, \"b\": 2}, {\"a\"})", "{\"a\": 1}"),
            example("object.filter({\"a\": 1}, \"a\")", "error"),
        ],
        filter,
    ),
    Builtin::pure(
        "object.get",
        "(map[any, any], any, any) -> any",
        "The value under a key, or under a path given as an array of keys, or else the third argument.",
        &[
            example("object.get({\"a\": 1}, \"a\", 0)", "1"),
            example("object.get({\"a\": {\"b\": [5]}}, [\"a\", \"b\", 0], 0)", "5"),
            example("object.get({\"a\": 1}, \"z\", 0)", "0"),
        ],
        get,
    ),
    Builtin::pure(
        "object.keys",
        "(map[K, any]) -> set[K]",
        "The object's keys.",
        &[example("object.keys({\"a\": 1, \"b\": 2})", "{\"a\", \"b\"}"), example("object.keys([1])", "error")],
        keys,
    ),
    Builtin::pure(
        "object.remove",
        "(map[any, T], map[any, any] | set[any] | array[any]) -> map[any, T]",
        "The object without the keys in the second argument; of an object there, its keys count.",
        &[example("object.remove({\"a\": 1, \"b\": 2}, [\"a\"])", "{\"b\": 2}")],
        remove,
    ),
    Builtin::pure(
        "object.subset",
        "(map[any, any] | set[any] | array[any], map[any, any] | set[any] | array[any]) -> bool",
        "Whether the first holds all of the second: objects key by key and downwards, sets by element, arrays as a run of elements; an array may hold a set.",
        &[
            example("object.subset({\"a\": {\"b\": 1, \"c\": 2}}, {\"a\": {\"b\": 1}})", "true"),
            example("object.subset([1, 2, 3], [2, 3])", "true"),
            example("object.subset([1, 2, 3], [1, 3])", "false"),
            example("object.subset([1, 2, 3], {1, 3})", "true"),
        ],
        subset,
    ),
    Builtin::pure(
        "object.union",
        "(map[any, any], map[any, any]) -> map[any, any]",
        "Both objects in one; where both have an object under a key the two are joined, else the second's value stays.",
        &[example(
            "object.union({\"a\": {\"x\": 1}, \"b\": 2}, {\"a\": {\"y\": 3}, \"b\": 4})",
            "{\"a\": {\"x\": 1, \"y\": 3}, \"b\": 4}",
        )],
        union,
    ),
    Builtin::pure(
        "object.union_n",
        "(array[map[any, any]]) -> map[any, any]",
        "All objects in one, joined from left to right as `object.union` does.",
        &[
            example("object.union_n([{\"a\": 1}, {\"b\": 2}, {\"a\": 3}])", "{\"a\": 3, \"b\": 2}"),
            example("object.union_n([1])", "error"),
        ],
        union_n,
    ),
];

fn get(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.object(arguments, 1)?;
    let (object, key, default) = (argument(arguments, 1), argument(arguments, 2), argument(arguments, 3));
    let found = match call.heap.view(key) {
        View::Array(path) => path.iter().fold(object, |value, key| call.heap.index(value, *key)),
        _ => call.heap.index(object, key),
    };
    Ok(if found.is_absent() { default } else { found })
}

fn keys(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let keys = call.object(arguments, 1)?.0.to_vec();
    call.charge(keys.len())?;
    Ok(call.heap.set(keys)?)
}

fn filter(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    select(call, arguments, |named| named)
}

fn remove(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    select(call, arguments, |named| !named)
}

/// The entries that are wanted, given whether the second argument names their keys.
fn select(call: &mut Call<'_>, arguments: &[Word], wanted: fn(bool) -> bool) -> Outcome {
    call.object(arguments, 1)?;
    let names = match call.heap.view(argument(arguments, 2)) {
        View::Object(names, _) | View::Array(names) | View::Set(names) => names.to_vec(),
        _ => return Err(call.wrong(arguments, 2, "one of {object, set, array}")),
    };
    call.charge_value(argument(arguments, 1))?;
    call.charge_value(argument(arguments, 2))?;
    let names = call.heap.set(names)?;
    let (keys, values) = call.object(arguments, 1)?;
    let entries = keys.iter().copied().zip(values.iter().copied());
    let kept = entries.filter(|(key, _)| wanted(call.heap.contains(names, *key) == Some(true))).collect();
    Ok(call.heap.object(kept)?)
}

fn union(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.object(arguments, 1)?;
    call.object(arguments, 2)?;
    call.charge_value(argument(arguments, 1))?;
    call.charge_value(argument(arguments, 2))?;
    Ok(join(call.heap, argument(arguments, 1), argument(arguments, 2))?)
}

fn union_n(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let objects = call.array(arguments, 1)?.to_vec();
    let mut joined = call.heap.object(Vec::new())?;
    for object in objects {
        let View::Object(..) = call.heap.view(object) else {
            return Err(call.wrong_element(arguments, 1, "object", object));
        };
        call.charge_value(joined)?;
        call.charge_value(object)?;
        joined = join(call.heap, joined, object)?;
    }
    Ok(joined)
}

/// Joins two values; the depth of values is bounded, so that this is too.
fn join(heap: &mut Heap, left: Word, right: Word) -> Result<Word, HeapError> {
    let (View::Object(left_keys, left_values), View::Object(right_keys, right_values)) =
        (heap.view(left), heap.view(right))
    else {
        return Ok(right);
    };
    let left_only = left_keys.iter().copied().zip(left_values.iter().copied());
    let mut entries: Vec<(Word, Word)> = left_only.filter(|(key, _)| heap.index(right, *key).is_absent()).collect();
    let added: Vec<(Word, Word)> = right_keys.iter().copied().zip(right_values.iter().copied()).collect();
    for (key, value) in added {
        let own = heap.index(left, key);
        let joined = if own.is_absent() { value } else { join(heap, own, value)? };
        entries.push((key, joined));
    }
    heap.object(entries)
}

fn subset(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (whole, part) = (argument(arguments, 1), argument(arguments, 2));
    call.charge_value(whole)?;
    call.charge_value(part)?;
    let comparable = matches!(
        (call.heap.view(whole), call.heap.view(part)),
        (View::Object(..), View::Object(..))
            | (View::Set(_), View::Set(_))
            | (View::Array(_), View::Array(_) | View::Set(_))
    );
    if !comparable {
        return Err(incomparable(call, whole, part));
    }
    if let (View::Array(whole), View::Array(part) | View::Set(part)) = (call.heap.view(whole), call.heap.view(part)) {
        let steps = whole.len().saturating_mul(part.len());
        call.charge(steps)?;
    }
    Ok(Word::bool(holds(call.heap, whole, part)))
}

fn incomparable(call: &Call<'_>, whole: Word, part: Word) -> BuiltinError {
    let (whole, part) = (type_name(call.heap, whole), type_name(call.heap, part));
    match whole {
        "object" | "set" => type_error(2, whole, part),
        "array" => type_error(2, "one of {array, set}", part),
        _ => operand_error(1, &format!("must be one of {{object, set, array}} but got {whole}")),
    }
}

/// Whether `whole` holds all of `part`.
fn holds(heap: &Heap, whole: Word, part: Word) -> bool {
    match (heap.view(whole), heap.view(part)) {
        (View::Object(..), View::Object(keys, values)) => keys.iter().zip(values).all(|(key, value)| {
            let own = heap.index(whole, *key);
            !own.is_absent() && (heap.equal(own, *value) || nested_holds(heap, own, *value))
        }),
        (View::Set(_) | View::Array(_), View::Set(items)) => {
            items.iter().all(|item| heap.contains(whole, *item) == Some(true))
        }
        (View::Array(whole), View::Array(part)) => {
            part.is_empty() || whole.windows(part.len()).any(|run| all_equal(heap, run, part))
        }
        _ => false,
    }
}

/// Below the top, only values of the same type are compared by their parts.
fn nested_holds(heap: &Heap, whole: Word, part: Word) -> bool {
    whole.kind() == part.kind() && holds(heap, whole, part)
}

fn all_equal(heap: &Heap, left: &[Word], right: &[Word]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| heap.equal(*left, *right))
}
