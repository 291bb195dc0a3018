//! Writing JSON as Go does: keys sorted, and `<`, `>`, `&` escaped, so that the text can stand in a page.

use std::fmt::Write as _;

use crate::builtin::{BuiltinError, Call};
use crate::heap::{Heap, HeapError, View, Word};
use crate::strings::{BYTES_MAX, expect_bytes};

/// Writes a value; on several lines where a prefix and an indentation for them are given.
pub(crate) fn write(call: &mut Call<'_>, word: Word, lines: Option<(&str, &str)>) -> Result<String, BuiltinError> {
    call.charge_value(word)?;
    // The value's depth and weight are bounded, and so is the indentation then.
    let per_line = lines.map_or(0, |(prefix, indent)| prefix.len() + indent.len().saturating_mul(16));
    let weight = usize::try_from(call.heap.weight(word)).unwrap_or(usize::MAX);
    expect_bytes(call, weight.saturating_mul(per_line))?;
    let mut writer = Writer { heap: call.heap, lines, out: String::new() };
    writer.out.push_str(lines.map_or("", |(prefix, _)| prefix));
    writer.value(word, 0);
    // The bound may have been passed by the last part, or writing ended there.
    if writer.out.len() > BYTES_MAX { Err(HeapError::Memory.into()) } else { Ok(writer.out) }
}

struct Writer<'h> {
    heap: &'h Heap,
    lines: Option<(&'h str, &'h str)>,
    out: String,
}

impl Writer<'_> {
    fn value(&mut self, word: Word, depth: usize) {
        if self.out.len() > BYTES_MAX {
            return;
        }
        match self.heap.view(word) {
            View::Absent | View::Null => self.out.push_str("null"),
            View::Bool(value) => self.out.push_str(if value { "true" } else { "false" }),
            View::Int(value) => {
                let _ = write!(self.out, "{value}");
            }
            View::Number(number) => {
                let _ = write!(self.out, "{number}");
            }
            View::String(text) => self.string(text),
            View::Array(items) | View::Set(items) => {
                self.out.push('[');
                for (place, item) in items.iter().enumerate() {
                    self.before_item(place, depth + 1);
                    self.value(*item, depth + 1);
                }
                self.after_items(items.is_empty(), depth);
                self.out.push(']');
            }
            View::Object(keys, values) => {
                self.out.push('{');
                for (place, (key, value)) in keys.iter().zip(values).enumerate() {
                    self.before_item(place, depth + 1);
                    match self.heap.as_str(*key) {
                        Some(key) => self.string(key),
                        None => self.string(&self.heap.to_value(*key).to_json()),
                    }
                    self.out.push_str(if self.lines.is_some() { ": " } else { ":" });
                    self.value(*value, depth + 1);
                }
                self.after_items(keys.is_empty(), depth);
                self.out.push('}');
            }
        }
    }

    fn before_item(&mut self, place: usize, depth: usize) {
        if place > 0 {
            self.out.push(',');
        }
        self.line(depth);
    }

    fn after_items(&mut self, none: bool, depth: usize) {
        if !none {
            self.line(depth);
        }
    }

    fn line(&mut self, depth: usize) {
        if let Some((prefix, indent)) = self.lines {
            self.out.push('\n');
            self.out.push_str(prefix);
            self.out.push_str(&indent.repeat(depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
