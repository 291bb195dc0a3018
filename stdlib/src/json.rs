//! Builtins on JSON: writing, reading, and cutting documents by paths.

use hpol_lang::value::{JsonLimits, Value, parse_json_last_key};

use crate::arguments::{Outcome, argument, failed, operand_error};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{DEPTH_MAX, View, Word};

mod patch;
mod paths;
mod schema;
mod write;

pub(crate) use write::write;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "json.filter",
        "(map[any, any], array[any] | set[any]) -> map[any, any]",
        "What stands at some paths of the object, such as `\"a/b\"` or `[\"a\", \"b\"]`, with what leads there.",
        &[
            example("json.filter({\"a\": {\"b\": 7, \"c\": 8}, \"d\": 9}, [\"a/b\"])", "{\"a\": {\"b\": 7}}"),
            example("json.filter({\"a\": [{\"b\": 7, \"c\": 8}, 1]}, {\"a/0/c\"})", "{\"a\": [{\"c\": 8}]}"),
        ],
        paths::filter,
    ),
    Builtin::pure(
        "json.is_valid",
        "(any) -> bool",
        "Whether the value is a text of JSON.",
        &[
            example("json.is_valid(\"[1]\")", "true"),
            example("json.is_valid(\"{\")", "false"),
            example("json.is_valid(1)", "false"),
        ],
        is_valid,
    ),
    Builtin::pure(
        "json.marshal",
        "(any) -> string",
        "The value as JSON; sets become arrays.",
        &[
            example("json.marshal({\"b\": {2, 1}, \"a\": null})", "`{\"a\":null,\"b\":[1,2]}`"),
            example("json.marshal(\"<a&b>\")", "`\"\\u003ca\\u0026b\\u003e\"`"),
        ],
        marshal,
    ),
    Builtin::pure(
        "json.marshal_with_options",
        "(any, {indent?: string, prefix?: string, pretty?: bool}) -> string",
        "The value as JSON, on several lines if `pretty` says so or `indent` or `prefix`, which stand at their starts, are given.",
        &[
            example("json.marshal_with_options([1, {}], {\"indent\": \"  \"})", "\"[\\n  1,\\n  {}\\n]\""),
            example("json.marshal_with_options([1], {})", "\"[1]\""),
            example("json.marshal_with_options([1], {\"tabs\": 1})", "error"),
        ],
        marshal_with_options,
    ),
    Builtin::pure(
        "json.match_schema",
        "(string | map[string, any], string | map[string, any]) -> [bool, array[{error: string, type: string, field: string, desc: string}]]",
        "Whether a document, an object or text of JSON, matches a JSON schema, and what does not.",
        &[
            example(
                "json.match_schema({\"id\": 5}, {\"properties\": {\"id\": {\"type\": \"integer\"}}, \"required\": [\"id\"]})",
                "[true, []]",
            ),
            example(
                "json.match_schema(`{\"id\": \"a\"}`, {\"properties\": {\"id\": {\"type\": \"integer\"}}})",
                "[false, [{\"error\": \"id: Invalid type. Expected: integer, given: string\", \"type\": \"invalid_type\", \"field\": \"id\", \"desc\": \"Invalid type. Expected: integer, given: string\"}]]",
            ),
        ],
        schema::match_schema,
    ),
    Builtin::pure(
        "json.patch",
        "(any, array[map[string, any]]) -> any",
        "The document after the operations of a JSON patch (RFC 6902): `add`, `remove`, `replace`, `move`, `copy` and `test`.",
        &[
            example(
                "json.patch({\"a\": [1, 3]}, [{\"op\": \"add\", \"path\": \"/a/1\", \"value\": 2}])",
                "{\"a\": [1, 2, 3]}",
            ),
            example("json.patch({\"a\": 1}, [{\"op\": \"test\", \"path\": \"/a\", \"value\": 2}])", "error"),
        ],
        patch::patch,
    ),
    Builtin::pure(
        "json.remove",
        "(map[any, any], array[any] | set[any]) -> map[any, any]",
        "The object without what stands at some paths, such as `\"a/b\"` or `[\"a\", \"b\"]`.",
        &[
            example("json.remove({\"a\": {\"b\": 7, \"c\": 8}}, [\"a/b\"])", "{\"a\": {\"c\": 8}}"),
            example("json.remove({}, [1])", "error"),
        ],
        paths::remove,
    ),
    Builtin::pure(
        "json.unmarshal",
        "(string) -> any",
        "The value that a text of JSON denotes; of a key that stands twice in an object, the last one counts.",
        &[
            example("json.unmarshal(`{\"a\": [1, 2.50]}`)", "{\"a\": [1, 2.5]}"),
            example("json.unmarshal(`{\"a\": 1, \"a\": 2}`)", "{\"a\": 2}"),
            example("json.unmarshal(\"{\")", "error"),
        ],
        unmarshal,
    ),
    Builtin::pure(
        "json.verify_schema",
        "(string | map[string, any]) -> [bool, string | null]",
        "Whether a value, an object or text of JSON, is a JSON schema, and what is wrong with it.",
        &[
            example("json.verify_schema({\"type\": \"string\"})", "[true, null]"),
            example(
                "json.verify_schema(`{\"type\": \"text\"}`)",
                "[false, \"jsonschema: has a primitive type that is NOT VALID -- given: /text/ Expected valid values are:[array boolean integer number null object string]\"]",
            ),
        ],
        schema::verify_schema,
    ),
];

/// Reads JSON text within the limits of values.
pub(crate) fn read(text: &str) -> Result<Value, BuiltinError> {
    let limits = JsonLimits { depth_max: usize::from(DEPTH_MAX) / 2, ..JsonLimits::default() };
    parse_json_last_key(text, limits).map_err(|error| failed(error.to_string()))
}

fn is_valid(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let Some(text) = call.heap.as_str(argument(arguments, 1)) else { return Ok(Word::FALSE) };
    let (bytes, valid) = (text.len(), read(text).is_ok());
    call.charge(bytes / 10)?;
    Ok(Word::bool(valid))
}

fn unmarshal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let bytes = call.text(arguments, 1)?.len();
    call.charge(bytes / 10)?;
    let value = read(call.text(arguments, 1)?)?;
    Ok(call.heap.from_value(&value)?)
}

fn marshal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = write(call, argument(arguments, 1), None)?;
    call.make_string(&text)
}

fn marshal_with_options(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let keys = call.object(arguments, 2)?.0.to_vec();
    for key in &keys {
        if !matches!(call.heap.as_str(*key), Some("indent" | "prefix" | "pretty")) {
            let key = call.value_of(*key)?;
            return Err(operand_error(2, &format!("object contained unknown key {key}")));
        }
    }
    let options = argument(arguments, 2);
    let text_of = |name: &str, default: &str| match call.heap.field(options, name) {
        Word::ABSENT => Ok(default.to_owned()),
        word => {
            let text = call.heap.as_str(word).map(str::to_owned);
            text.ok_or_else(|| operand_error(2, &format!("key \"{name}\" failed cast to string")))
        }
    };
    let (prefix, indent) = (text_of("prefix", "")?, text_of("indent", "\t")?);
    let pretty = match call.heap.view(call.heap.field(options, "pretty")) {
        View::Absent => ["indent", "prefix"].iter().any(|name| !call.heap.field(options, name).is_absent()),
        View::Bool(pretty) => pretty,
        _ => return Err(operand_error(2, "key \"pretty\" failed cast to bool")),
    };
    let text = write(call, argument(arguments, 1), pretty.then_some((&*prefix, &*indent)))?;
    call.make_string(&text)
}
