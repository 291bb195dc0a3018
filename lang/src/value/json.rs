//! JSON text to [`Value`] and back.
//!
//! Own code, because a gateway's reader must refuse what general readers accept: a key twice in one object (the
//! gateway and the server behind it could each read another one) and numbers whose exponent would fill the memory.
//! Numbers stay exact. Grammar: RFC 8259.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};

use super::{JsonTree, Number, Value};

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
    let mut reader = Reader { text, at: 0, depth_left: limits.depth_max, repeats };
    if text.len() > limits.bytes_max {
        return Err(reader.error(format!("text is larger than {} bytes", limits.bytes_max)));
    }
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.error("unexpected text after the document"));
    }
    Ok(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth_left: usize,
    repeats: Repeats,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> JsonError {
        JsonError { message: message.into(), offset: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value<T: Build>(&mut self) -> Result<T, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(T::string),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", T::bool(true)),
            Some(b'f') => self.word("false", T::bool(false)),
            Some(b'n') => self.word("null", T::null()),
            Some(_) => Err(self.error("expected a JSON value")),
            None => Err(self.error("unexpected end of text")),
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T, JsonError>) -> Result<T, JsonError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(|| self.error("nesting is too deep"))?;
        self.at += 1;
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn word<T>(&mut self, word: &str, value: T) -> Result<T, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number<T: Build>(&mut self) -> Result<T, JsonError> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let number: Number = rest[..length].parse().map_err(|error| self.error(format!("{error}")))?;
        self.at += length;
        Ok(T::number(&rest[..length], number))
    }

    fn array<T: Build>(&mut self) -> Result<T, JsonError> {
        let mut items = Vec::new();
        self.skip_space();
        if self.accept(b']') {
            return Ok(T::array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value()?);
            self.skip_space();
            if self.accept(b']') {
                return Ok(T::array(items));
            }
            self.expect(b',', "expected `,` or `]`")?;
        }
    }

    fn object<T: Build>(&mut self) -> Result<T, JsonError> {
        let mut members = Vec::new();
        let mut keys = BTreeSet::new();
        self.skip_space();
        if self.accept(b'}') {
            return Ok(T::object(members));
        }
        loop {
            self.skip_space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            self.expect(b':', "expected `:`")?;
            self.skip_space();
            let value = self.value()?;
            if self.repeats == Repeats::Refused && !keys.insert(key.clone()) {
                return Err(JsonError { message: format!("key {} stands twice", Value::from(key)), offset: key_at });
            }
            members.push((key, value));
            self.skip_space();
            if self.accept(b'}') {
                return Ok(T::object(members));
            }
            self.expect(b',', "expected `,` or `}`")?;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, message: &str) -> Result<(), JsonError> {
        if self.accept(byte) { Ok(()) } else { Err(self.error(message)) }
    }

    /// Reads a string; the reader stands on its opening quote.
    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            let Some(plain) = plain else {
                self.at = self.text.len();
                return Err(self.error("string is not closed"));
            };
            out.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Ok(out),
                b'\\' => out.push(self.escape()?),
                _ => {
                    self.at -= 1;
                    return Err(self.error("control character in a string"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(byte) = self.peek() else { return Err(self.error("string is not closed")) };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.error("unknown escape")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.error("lone surrogate in a string"));
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(self.error("lone surrogate in a string"));
        }
        self.at += 2;
        let second = self.four_digits()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.error("lone surrogate in a string"));
        }
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(code).ok_or_else(|| self.error("lone surrogate in a string"))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
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
fn key_text(key: &Value) -> String {
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
