//! Builtins on YAML. Documents are JSON in another notation: keys become text, tags are not followed.

use std::fmt;

use hpol_lang::value::{Number, Value};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

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

/// A value as YAML denotes it.
struct Document(Value);

/// Most parts of a document that its aliases may repeat, and the bytes that can be repeated: together they bound what a small
/// text can grow to.
const REPEATED_PARTS_MAX: usize = 5_000;
const REPEATED_BYTES_MAX: usize = 16 << 10;

/// Reads a text of YAML as the JSON that it denotes. Aliases may repeat only so much.
///
/// # Errors
///
/// [`BuiltinError::Failed`] with the place and what is wrong.
pub fn read(text: &str) -> Result<Value, BuiltinError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPEATED_PARTS_MAX },
        budget: serde_saphyr::budget! { max_recorded_anchor_bytes: REPEATED_BYTES_MAX },
    };
    let document: Result<Document, _> = serde_saphyr::from_str_with_options(text, options);
    document.map(|document| document.0).map_err(|error| failed(format!("yaml: {error}")))
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

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML document")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Document(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
        Ok(Document(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Document, E> {
        Ok(Document(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Document, E> {
        Ok(Document(Value::Number(Number::from(num_bigint::BigInt::from(value)))))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Document, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Document(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Document, E> {
        Ok(Document(Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Document, A::Error> {
        let mut items = Vec::new();
        while let Some(Document(item)) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Document(Value::array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut entries = Vec::new();
        while let Some((Document(key), Document(value))) = map.next_entry()? {
            let key = match key {
                Value::String(_) => key,
                Value::Null | Value::Bool(_) | Value::Number(_) => Value::from(key.to_json()),
                Value::Array(_) | Value::Object(_) | Value::Set(_) => {
                    return Err(A::Error::custom("a key must be a text, a number or a bool"));
                }
            };
            entries.push((key, value));
        }
        Ok(Document(Value::object(entries)))
    }
}
