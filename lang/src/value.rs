//! Values as policies, documents and callers see them: JSON plus sets, with exact numbers and one total order.
//!
//! These are owned values for literals, test expectations and the API. An evaluation works on the compact form of
//! `hpol-stdlib`'s heap instead.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

mod exact;
mod json;
mod json_tree;
mod key;
mod number;
mod place;
mod scan;
mod typed;
mod yaml;

pub use exact::{EXACT_NUMBER, Exact, exact_number};
pub use json::{JsonError, JsonLimits, parse_json, parse_json_last_key, parse_json_tree};
pub use json_tree::JsonTree;
pub use key::{key_of, write_key};
pub use number::{Number, NumberError};
pub(crate) use place::{Step, place_of};
pub use scan::{JsonScanner, NumberToken};
pub use typed::{TypedError, to_value, to_value_within};
pub use yaml::{YamlError, parse_yaml};

/// A value. The order over all values is Rego's: null, false, true, numbers, strings, arrays, objects, sets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text.
    String(Arc<str>),
    /// An ordered sequence.
    Array(Arc<Vec<Value>>),
    /// Keys with values; JSON objects have string keys, Rego's may have any.
    Object(Arc<BTreeMap<Value, Value>>),
    /// Distinct values.
    Set(Arc<BTreeSet<Value>>),
}

impl Value {
    /// Builds an array.
    pub fn array(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Array(Arc::new(items.into_iter().collect()))
    }

    /// Builds a set.
    pub fn set(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Set(Arc::new(items.into_iter().collect()))
    }

    /// Builds an object; the last of equal keys stays.
    pub fn object<K: Into<Value>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Object(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The truth value, if this is a bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The member of an object under a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        if let Self::Object(entries) = self { entries.get(&Value::from(key)) } else { None }
    }

    /// Rego's name of the type: `null`, `boolean`, `number`, `string`, `array`, `object` or `set`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    /// The value as JSON text: sets become arrays, keys that are not strings become their own text.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::write_json(&mut out, self);
        out
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::String(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
            Self::Set(_) => 6,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            (Self::Array(left), Self::Array(right)) => left.cmp(right),
            // Entry by entry: first the key, then the value.
            (Self::Object(left), Self::Object(right)) => left.cmp(right),
            (Self::Set(left), Self::Set(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::String(text)
    }
}

/// Rego's notation, in which sets differ from arrays: `{1, 2}`, `set()`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => f.write_str(&self.to_json()),
            Self::Array(items) => write_items(f, "[", items.iter(), "]"),
            Self::Set(items) if items.is_empty() => f.write_str("set()"),
            Self::Set(items) => write_items(f, "{", items.iter(), "}"),
            Self::Object(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_items<'a>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl Iterator<Item = &'a Value>,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::serialize(self, serializer)
    }
}
