//! Builtins on YAML.

use hpol_lang::value::{JsonLimits, Value, parse_yaml};

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "yaml.is_valid",
        "(any) -> bool",
        "Whether the value is a text of YAML.",
        &[
            example("yaml.is_valid(\"a: [1, 2]\")", "true"),
            example("yaml.is_valid(\"[1\")", "false"),
            example("yaml.is_valid(1)", "false"),
        ],
        is_valid,
    ),
    Builtin::pure(
        "yaml.marshal",
        "(any) -> string",
        "The value as YAML; sets become arrays.",
        &[example("yaml.marshal({\"a\": {1, 2}, \"b\": \"x\"})", "\"a:\\n- 1\\n- 2\\nb: x\\n\"")],
        marshal,
    ),
    Builtin::pure(
        "yaml.unmarshal",
        "(string) -> any",
        "The value that a text of YAML denotes.",
        &[
            example("yaml.unmarshal(\"a: [1, 2.5]\\nb: yes it is\\n\")", "{\"a\": [1, 2.5], \"b\": \"yes it is\"}"),
            example("yaml.unmarshal(\"1: x\")", "{\"1\": \"x\"}"),
            example("yaml.unmarshal(\"[1\")", "error"),
        ],
        unmarshal,
    ),
];

fn read(text: &str) -> Result<Value, BuiltinError> {
    parse_yaml(text).map_err(|error| failed(error.to_string()))
}

/// Reads a document of a policy or of a host: one YAML document that denotes JSON, within the limits of JSON documents. A key
/// stands once.
///
/// # Errors
///
/// The place and what is wrong.
pub fn read_document(text: &str, limits: JsonLimits) -> Result<Value, String> {
    if text.len() > limits.bytes_max {
        return Err(format!("it is larger than {} bytes", limits.bytes_max));
    }
    let value = parse_yaml(text).map_err(|error| error.to_string())?;
    if deeper_than(&value, limits.depth_max) {
        return Err(format!("it is nested more than {} levels deep", limits.depth_max));
    }
    Ok(value)
}

fn deeper_than(value: &Value, depth: usize) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, level)) = open.pop() {
        if level > depth {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(entries) => open.extend(entries.values().map(|item| (item, level + 1))),
            _ => {}
        }
    }
    false
}

fn is_valid(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let Some(text) = call.heap.as_str(argument(arguments, 1)) else { return Ok(Word::FALSE) };
    let (bytes, valid) = (text.len(), read(text).is_ok());
    call.charge(bytes)?;
    Ok(Word::bool(valid))
}

fn unmarshal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let bytes = call.text(arguments, 1)?.len();
    call.charge(bytes)?;
    let value = read(call.text(arguments, 1)?)?;
    let word = call.heap.from_value(&value)?;
    call.charge_value(word)?;
    Ok(word)
}

fn marshal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let value = call.value_of(argument(arguments, 1))?;
    let text = serde_saphyr::to_string(&value).map_err(|error| failed(error.to_string()))?;
    call.make_string(&text)
}
