//! Builtins that tell types apart.

use crate::arguments::{Outcome, argument, type_name};
use crate::builtin::{Builtin, Call, example};
use crate::heap::{Kind, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "is_array",
        "(any) -> bool",
        "Whether the value is an array.",
        &[example("is_array([])", "true"), example("is_array({1})", "false")],
        is_array,
    ),
    Builtin::pure(
        "is_boolean",
        "(any) -> bool",
        "Whether the value is `true` or `false`.",
        &[example("is_boolean(false)", "true")],
        is_boolean,
    ),
    Builtin::pure(
        "is_null",
        "(any) -> bool",
        "Whether the value is `null`.",
        &[example("is_null(null)", "true")],
        is_null,
    ),
    Builtin::pure(
        "is_number",
        "(any) -> bool",
        "Whether the value is a number.",
        &[example("is_number(1.5)", "true")],
        is_number,
    ),
    Builtin::pure(
        "is_object",
        "(any) -> bool",
        "Whether the value is an object.",
        &[example("is_object({})", "true")],
        is_object,
    ),
    Builtin::pure("is_set", "(any) -> bool", "Whether the value is a set.", &[example("is_set({1})", "true")], is_set),
    Builtin::pure(
        "is_string",
        "(any) -> bool",
        "Whether the value is a string.",
        &[example("is_string(\"\")", "true"), example("is_string(1)", "false")],
        is_string,
    ),
    Builtin::pure(
        "type_name",
        "(any) -> string",
        "The name of the value's type: `null`, `boolean`, `number`, `string`, `array`, `object` or `set`.",
        &[example("type_name(set())", "\"set\"")],
        name_of_type,
    ),
];

fn is_array(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(argument(arguments, 1).kind() == Kind::Array))
}

fn is_boolean(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(argument(arguments, 1).kind() == Kind::Bool))
}

fn is_null(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(argument(arguments, 1).kind() == Kind::Null))
}

fn is_number(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(matches!(argument(arguments, 1).kind(), Kind::Int | Kind::Number)))
}

fn is_object(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(argument(arguments, 1).kind() == Kind::Object))
}

fn is_set(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(argument(arguments, 1).kind() == Kind::Set))
}

fn is_string(_: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    Ok(Word::bool(argument(arguments, 1).kind() == Kind::String))
}

fn name_of_type(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let name = type_name(call.heap, argument(arguments, 1));
    Ok(call.heap.string(name)?)
}
