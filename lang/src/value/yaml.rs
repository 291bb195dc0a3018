//! YAML: JSON in another notation. Keys become text, tags are not followed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Number, Value};

/// Most parts of a document that its aliases may repeat, and the bytes that can be repeated: together they bound what a small
/// text can grow to.
const REPEATED_PARTS_MAX: usize = 5_000;
const REPEATED_BYTES_MAX: usize = 16 << 10;

/// Why a text is no YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("yaml: {message}")]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
}

/// Reads a text of YAML as the JSON that it denotes. Aliases may repeat only so much.
///
/// ```
/// use hpol_lang::value::parse_yaml;
/// assert_eq!(parse_yaml("a: [1, 2.5]\n").map(|value| value.to_json()), Ok(r#"{"a":[1,2.5]}"#.to_owned()));
/// assert!(parse_yaml("[1").is_err());
/// ```
///
/// # Errors
///
/// [`YamlError`].
pub fn parse_yaml(text: &str) -> Result<Value, YamlError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPEATED_PARTS_MAX },
        budget: serde_saphyr::budget! { max_recorded_anchor_bytes: REPEATED_BYTES_MAX },
    };
    let document: Result<Document, _> = serde_saphyr::from_str_with_options(text, options);
    document.map(|document| document.0).map_err(|error| YamlError {
        line: error.location().and_then(|location| u32::try_from(location.line()).ok()),
        message: error.to_string(),
    })
}

/// A value as YAML denotes it.
struct Document(Value);

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
