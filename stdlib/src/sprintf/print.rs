//! Writing one operand by one verb.

use std::fmt::Write as _;

use num_bigint::BigInt;
use num_traits::Signed;

use super::float::print_float;
use super::{Operand, Spec};

impl Operand {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    /// As `%v` writes it.
    pub(super) fn plain(&self) -> String {
        let mut out = String::new();
        self.print(&mut out, 'v', &Spec::default());
        out
    }

    pub(super) fn print(&self, out: &mut String, verb: char, spec: &Spec) {
        let known = match (self, verb) {
            (_, 'T') => {
                pad(out, self.type_name(), spec);
                true
            }
            (Self::Int(value), 'c' | 'q' | 'U') => {
                print_character(out, *value, verb, spec);
                true
            }
            (Self::Int(value), _) => print_integer(out, &BigInt::from(*value), verb, spec),
            (Self::Big(value), 's') => print_integer(out, value, 'd', spec),
            (Self::Big(value), _) => print_integer(out, value, verb, spec),
            (Self::Float(value), _) => print_float(out, *value, verb, spec),
            (Self::Text(text), _) => print_text(out, text, verb, spec),
        };
        if !known {
            // A large integer writes itself, without the `*` of its type.
            let _ = write!(out, "%!{verb}({}={})", self.type_name().trim_start_matches('*'), self.plain());
        }
    }
}

/// Writes a text, filled up to the width.
pub(super) fn pad(out: &mut String, text: &str, spec: &Spec) {
    let fill = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    let filler = if spec.zero { "0" } else { " " };
    if spec.minus {
        out.push_str(text);
        out.push_str(&" ".repeat(fill));
    } else {
        out.push_str(&filler.repeat(fill));
        out.push_str(text);
    }
}

/// The sign that a number is written with.
pub(super) fn sign(negative: bool, spec: &Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn print_integer(out: &mut String, value: &BigInt, verb: char, spec: &Spec) -> bool {
    let base = match verb {
        'd' | 'v' => 10,
        'b' => 2,
        'o' | 'O' => 8,
        'x' | 'X' => 16,
        _ => return false,
    };
    let sign = sign(value.is_negative(), spec);
    let mut digits = value.abs().to_str_radix(base);
    if spec.precision == Some(0) && digits == "0" {
        digits.clear();
    }
    let least = match (spec.precision, spec.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero => width.saturating_sub(sign.len()),
        _ => 0,
    };
    digits.insert_str(0, &"0".repeat(least.saturating_sub(digits.len())));
    let prefix = match verb {
        'O' => "0o",
        'b' if spec.sharp => "0b",
        'o' if spec.sharp && !digits.starts_with('0') => "0",
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        _ => "",
    };
    if verb == 'X' {
        digits.make_ascii_uppercase();
    }
    pad(out, &format!("{sign}{prefix}{digits}"), &Spec { zero: false, ..*spec });
    true
}

fn print_character(out: &mut String, value: i64, verb: char, spec: &Spec) {
    let character = u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let text = match verb {
        'c' => character.to_string(),
        'q' => format!("'{}'", character.escape_debug()),
        _ if spec.sharp => format!("U+{value:04X} '{character}'"),
        _ => format!("U+{value:04X}"),
    };
    pad(out, &text, spec);
}

fn print_text(out: &mut String, text: &str, verb: char, spec: &Spec) -> bool {
    let cut = || -> String { text.chars().take(spec.precision.unwrap_or(usize::MAX)).collect() };
    match verb {
        's' | 'v' => pad(out, &cut(), spec),
        'q' if spec.sharp && !text.contains('`') => pad(out, &format!("`{}`", cut()), spec),
        'q' => pad(out, &quote(&cut()), spec),
        'x' | 'X' => {
            let bytes = &text.as_bytes()[..spec.precision.unwrap_or(usize::MAX).min(text.len())];
            let digits = if verb == 'x' { hex::encode(bytes) } else { hex::encode_upper(bytes) };
            pad(out, &digits, spec);
        }
        _ => return false,
    }
    true
}

/// The text in double quotes with Go's escapes.
fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\'' => out.push(c),
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            // Rust's debug form escapes what cannot be printed, in another notation.
            c if c.escape_debug().len() > 1 && u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if c.escape_debug().len() > 1 => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
