//! JSON as it was written: for changing a document on its way without changing anything else in it.

use std::fmt;

use super::json::{Build, write_string};
use super::{Number, Value};

/// A JSON document that keeps the order of its keys and the spelling of its numbers.
///
/// ```
/// use hpol_lang::value::{JsonLimits, parse_json_tree};
/// let tree = parse_json_tree(r#"{"b": 1.50, "a": []}"#, JsonLimits::default()).expect("valid");
/// assert_eq!(tree.to_string(), r#"{"b":1.50,"a":[]}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonTree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as spelled.
    Number(Box<str>),
    /// Text.
    String(String),
    /// An array.
    Array(Vec<JsonTree>),
    /// An object; keys are distinct.
    Object(Vec<(String, JsonTree)>),
}

impl JsonTree {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The truth value, if this is a bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, if this is an integer of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(spelling) = self { spelling.parse().ok() } else { None }
    }

    /// The items of an array; none for anything else.
    pub fn items(&self) -> &[JsonTree] {
        if let Self::Array(items) = self { items } else { &[] }
    }

    /// The members of an object in order; none for anything else.
    pub fn members(&self) -> &[(String, JsonTree)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// The member of an object under a key.
    pub fn get(&self, key: &str) -> Option<&JsonTree> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member of an object under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut JsonTree> {
        let Self::Object(members) = self else { return None };
        members.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Puts a member into an object, in place of the one of that key or at the end. Nothing happens to other values.
    pub fn set(&mut self, key: &str, value: JsonTree) {
        match self.get_mut(key) {
            Some(place) => *place = value,
            None => {
                if let Self::Object(members) = self {
                    members.push((key.to_owned(), value));
                }
            }
        }
    }

    /// Takes a member out of an object.
    pub fn remove(&mut self, key: &str) -> Option<JsonTree> {
        let Self::Object(members) = self else { return None };
        let index = members.iter().position(|(name, _)| name == key)?;
        Some(members.remove(index).1)
    }

    /// The same document as a value to compute with.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            // The reader took only numbers that parse; a tree built by hand could hold another text.
            Self::Number(spelling) => spelling.parse().map_or_else(|_| Value::from(&**spelling), Value::Number),
            Self::String(text) => Value::from(text.as_str()),
            Self::Array(items) => Value::array(items.iter().map(Self::to_value)),
            Self::Object(members) => Value::object(members.iter().map(|(key, value)| (key.as_str(), value.to_value()))),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(spelling) => out.push_str(spelling),
            Self::String(text) => write_string(out, text),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// JSON text without spaces.
impl fmt::Display for JsonTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out);
        f.write_str(&out)
    }
}

impl From<&str> for JsonTree {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for JsonTree {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i64> for JsonTree {
    fn from(number: i64) -> Self {
        Self::Number(number.to_string().into())
    }
}

impl Build for JsonTree {
    fn null() -> Self {
        Self::Null
    }

    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(spelling: &str, _: Number) -> Self {
        Self::Number(spelling.into())
    }

    fn string(text: String) -> Self {
        Self::String(text)
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn object(members: Vec<(String, Self)>) -> Self {
        Self::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{JsonLimits, parse_json, parse_json_tree};
    use super::*;

    fn tree(text: &str) -> JsonTree {
        parse_json_tree(text, JsonLimits::default()).expect("valid JSON")
    }

    #[test]
    fn a_tree_is_written_as_it_was_read() {
        let text = r#"{"z":1.50,"a":[1e3,-0,true,null,"\u0000\n\"é"],"m":{}}"#;
        assert_eq!(tree(text).to_string(), text);
    }

    #[test]
    fn a_tree_and_a_value_of_one_text_agree() {
        let text = r#"{"z": 1.50, "a": [10000000000000000000000, "x"]}"#;
        assert_eq!(tree(text).to_value(), parse_json(text, JsonLimits::default()).expect("valid JSON"));
    }

    #[test]
    fn a_repeated_key_is_refused_in_a_tree_too() {
        let error = parse_json_tree(r#"{"a": 1, "\u0061": 2}"#, JsonLimits::default()).expect_err("key stands twice");
        assert_eq!(error.to_string(), "key \"a\" stands twice at byte 9");
    }

    #[test]
    fn members_are_replaced_in_place_and_added_at_the_end() {
        let mut tree = tree(r#"{"a": 1, "b": 2}"#);
        tree.set("a", "x".into());
        tree.set("c", 3.into());
        assert_eq!(tree.remove("b"), Some(JsonTree::from(2)));
        assert_eq!(tree.to_string(), r#"{"a":"x","c":3}"#);
    }
}
