//! JSON text to [`Value`] and back.
//!
//! Own code, because a gateway's reader must refuse what general readers accept: a key twice in one object (the
//! gateway and the server behind it could each read another one) and numbers whose exponent would fill the memory.
//! Numbers stay exact. Grammar: RFC 8259.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};

use super::{JsonScanner, JsonTree, Number, NumberToken, Value};

/// Bounds on JSON text from outside.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimits {
    /// Longest text, in bytes.
    pub bytes_max: usize,
    /// Deepest nesting of arrays and objects.
    pub depth_max: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { bytes_max: 64 << 20, depth_max: 128 }
    }
}

/// Why JSON text was refused, with the byte offset of the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the start.
    pub offset: usize,
}

/// Reads one JSON document.
///
/// ```
/// use hpol_lang::value::{JsonLimits, parse_json};
/// let value = parse_json(r#"{"user": "ada"}"#, JsonLimits::default()).expect("valid");
/// assert_eq!(value.get("user").and_then(|user| user.as_str()), Some("ada"));
/// assert!(parse_json(r#"{"a": 1, "a": 2}"#, JsonLimits::default()).is_err());
/// ```
///
/// # Errors
///
/// Text that is not JSON, repeats a key within an object, or passes a limit.
pub fn parse_json(text: &str, limits: JsonLimits) -> Result<Value, JsonError> {
    parse(text, limits, Repeats::Refused)
}

/// Reads one JSON document as most readers do: of a key that stands twice in an object, the last one counts. For text
/// that a policy itself takes apart, as Rego's `json.unmarshal` does; requests are read by [`parse_json`].
///
/// # Errors
///
/// Text that is not JSON, or passes a limit.
pub fn parse_json_last_key(text: &str, limits: JsonLimits) -> Result<Value, JsonError> {
    parse(text, limits, Repeats::LastCounts)
}

/// Reads one JSON document and keeps the order of keys and the spelling of numbers; refuses what [`parse_json`]
/// refuses.
///
/// # Errors
///
/// As [`parse_json`].
pub fn parse_json_tree(text: &str, limits: JsonLimits) -> Result<JsonTree, JsonError> {
    parse(text, limits, Repeats::Refused)
}

/// What is done about a key that stands twice in one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Refused,
    LastCounts,
}

/// What the reader builds: values to compute with, or a tree that can be written as it was.
pub(super) trait Build: Sized {
    fn null() -> Self;
    fn bool(value: bool) -> Self;
    fn number(spelling: &str, number: Number) -> Self;
    fn string(text: String) -> Self;
    fn array(items: Vec<Self>) -> Self;
    /// Keys are distinct, unless repeats were allowed: then the last counts.
    fn object(members: Vec<(String, Self)>) -> Self;
}

impl Build for Value {
    fn null() -> Self {
        Self::Null
    }

    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(_: &str, number: Number) -> Self {
        Self::Number(number)
    }

    fn string(text: String) -> Self {
        Self::from(text)
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(Arc::new(items))
    }

    fn object(members: Vec<(String, Self)>) -> Self {
        Self::object(members)
    }
}

fn parse<T: Build>(text: &str, limits: JsonLimits, repeats: Repeats) -> Result<T, JsonError> {
    let scanner = JsonScanner::new(text);
    let mut reader = Reader { scanner, buffer: String::new(), depth_left: limits.depth_max, repeats };
    if text.len() > limits.bytes_max {
        return Err(reader.scanner.error(format!("text is larger than {} bytes", limits.bytes_max)));
    }
    reader.scanner.skip_space();
    let value = reader.value()?;
    reader.scanner.skip_space();
    if reader.scanner.at() < text.len() {
        return Err(reader.scanner.error("unexpected text after the document"));
    }
    Ok(value)
}

struct Reader<'t> {
    scanner: JsonScanner<'t>,
    buffer: String,
    depth_left: usize,
    repeats: Repeats,
}

impl Reader<'_> {
    fn value<T: Build>(&mut self) -> Result<T, JsonError> {
        match self.scanner.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(T::string),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.scanner.word("true").map(|()| T::bool(true)),
            Some(b'f') => self.scanner.word("false").map(|()| T::bool(false)),
            Some(b'n') => self.scanner.word("null").map(|()| T::null()),
            Some(_) => Err(self.scanner.error("expected a JSON value")),
            None => Err(self.scanner.error("unexpected end of text")),
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T, JsonError>) -> Result<T, JsonError> {
        let too_deep = || self.scanner.error("nesting is too deep");
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(too_deep)?;
        self.scanner.go_to(self.scanner.at() + 1);
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn number<T: Build>(&mut self) -> Result<T, JsonError> {
        let start = self.scanner.at();
        let number: Number = match self.scanner.number() {
            NumberToken::Int(value) => Number::from(value),
            NumberToken::Spelled(spelling) => {
                spelling.parse().map_err(|error| JsonError { message: format!("{error}"), offset: start })?
            }
        };
        Ok(T::number(self.scanner.text().get(start..self.scanner.at()).unwrap_or(""), number))
    }

    fn array<T: Build>(&mut self) -> Result<T, JsonError> {
        let mut items = Vec::new();
        self.scanner.skip_space();
        if self.scanner.accept(b']') {
            return Ok(T::array(items));
        }
        loop {
            self.scanner.skip_space();
            items.push(self.value()?);
            self.scanner.skip_space();
            if self.scanner.accept(b']') {
                return Ok(T::array(items));
            }
            self.scanner.expect(b',', "expected `,` or `]`")?;
        }
    }

    fn object<T: Build>(&mut self) -> Result<T, JsonError> {
        let mut members = Vec::new();
        let mut keys = BTreeSet::new();
        self.scanner.skip_space();
        if self.scanner.accept(b'}') {
            return Ok(T::object(members));
        }
        loop {
            self.scanner.skip_space();
            let key_at = self.scanner.at();
            if self.scanner.peek() != Some(b'"') {
                return Err(self.scanner.error("expected a key in double quotes"));
            }
            let key = self.string()?;
            self.scanner.skip_space();
            self.scanner.expect(b':', "expected `:`")?;
            self.scanner.skip_space();
            let value = self.value()?;
            if self.repeats == Repeats::Refused && !keys.insert(key.clone()) {
                return Err(JsonError { message: format!("key {} stands twice", Value::from(key)), offset: key_at });
            }
            members.push((key, value));
            self.scanner.skip_space();
            if self.scanner.accept(b'}') {
                return Ok(T::object(members));
            }
            self.scanner.expect(b',', "expected `,` or `}`")?;
        }
    }

    /// Reads a string; the scanner stands on its opening quote.
    fn string(&mut self) -> Result<String, JsonError> {
        Ok(match self.scanner.string(&mut self.buffer)? {
            Some(plain) => plain.to_owned(),
            None => self.buffer.clone(),
        })
    }
}

pub(super) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(text) => write_string(out, text),
        Value::Array(items) => write_sequence(out, items.iter()),
        Value::Set(items) => write_sequence(out, items.iter()),
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, &key_text(key));
                out.push(':');
                write_json(out, value);
            }
            out.push('}');
        }
    }
}

fn write_sequence<'a>(out: &mut String, items: impl Iterator<Item = &'a Value>) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_json(out, item);
    }
    out.push(']');
}

pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// JSON has only string keys, so another key is written as its own JSON text.
pub(super) fn key_text(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_json(), str::to_owned)
}

pub(super) fn serialize<S: serde::Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Null => serializer.serialize_unit(),
        Value::Bool(value) => serializer.serialize_bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(int) => serializer.serialize_i64(int),
            // Serde has no exact decimals: formats get the nearest float. `Value::to_json` keeps every digit.
            None => serializer.serialize_f64(number.to_f64()),
        },
        Value::String(text) => serializer.serialize_str(text),
        Value::Array(items) => sequence(items.iter(), items.len(), serializer),
        Value::Set(items) => sequence(items.iter(), items.len(), serializer),
        Value::Object(entries) => {
            let mut map = serializer.serialize_map(Some(entries.len()))?;
            for (key, value) in entries.iter() {
                map.serialize_entry(&key_text(key), value)?;
            }
            map.end()
        }
    }
}

fn sequence<'a, S: serde::Serializer>(
    items: impl Iterator<Item = &'a Value>,
    length: usize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_seq(Some(length))?;
    for item in items {
        out.serialize_element(item)?;
    }
    out.end()
}
