//! Documents that pass serde with every digit of their numbers.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::json::key_text;
use super::{JsonTree, Number, Value};

/// The name of the wrapper around a number's text that serde has no type for. What reads it makes a number of the text.
pub const EXACT_NUMBER: &str = "$hpol::number";

/// A document for [`to_value`](super::to_value) and the readers of inputs, which take its numbers as they are. Other formats
/// get the text of a number that is no 64-bit integer.
///
/// ```
/// use hpol_lang::value::{Exact, JsonLimits, parse_json_tree, to_value};
/// let tree = parse_json_tree("[0.1, 36893488147419103232]", JsonLimits::default()).expect("valid");
/// assert_eq!(to_value(&Exact(&tree))?, tree.to_value());
/// # Ok::<(), hpol_lang::value::TypedError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Exact<'d, T>(pub &'d T);

impl Serialize for Exact<'_, JsonTree> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            JsonTree::Null => serializer.serialize_unit(),
            JsonTree::Bool(value) => serializer.serialize_bool(*value),
            JsonTree::Number(spelling) => match spelling.parse::<Number>() {
                Ok(value) => number(value.as_i64(), || Cow::Borrowed(&**spelling), serializer),
                // As `JsonTree::to_value` does with a tree that was built by hand.
                Err(_) => serializer.serialize_str(spelling),
            },
            JsonTree::String(text) => serializer.serialize_str(text),
            JsonTree::Array(items) => serializer.collect_seq(items.iter().map(Exact)),
            JsonTree::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, &Exact(value)))?;
                map.end()
            }
        }
    }
}

impl Serialize for Exact<'_, Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(value) => number(value.as_i64(), || Cow::Owned(value.to_string()), serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Exact)),
            Value::Set(items) => serializer.collect_seq(items.iter().map(Exact)),
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(&key_text(key), &Exact(value)))?;
                map.end()
            }
        }
    }
}

fn number<'t, S: Serializer>(
    small: Option<i64>,
    text: impl FnOnce() -> Cow<'t, str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match small {
        Some(small) => serializer.serialize_i64(small),
        None => serializer.serialize_newtype_struct(EXACT_NUMBER, &text()),
    }
}

/// The number whose text stands in the wrapper called [`EXACT_NUMBER`]; `None` for another text.
pub fn exact_number<T: Serialize + ?Sized>(wrapped: &T) -> Option<Number> {
    match super::to_value(wrapped) {
        Ok(Value::String(text)) => text.parse().ok(),
        _ => None,
    }
}
