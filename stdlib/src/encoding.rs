//! Builtins on text encodings: base64, hexadecimal, and URL queries.
//!
//! What decoding gives is text: bytes that are no UTF-8 become U+FFFD.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::arguments::{Outcome, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::casts::shortened;
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "base64.decode",
        "(string) -> string",
        "The text that a base64 text stands for.",
        &[example("base64.decode(\"aGVsbG8=\")", "\"hello\""), example("base64.decode(\"a\")", "error")],
        decode_base64,
    ),
    Builtin::pure(
        "base64.encode",
        "(string) -> string",
        "The text in base64.",
        &[example("base64.encode(\"subjects?_d\")", "\"c3ViamVjdHM/X2Q=\"")],
        encode_base64,
    ),
    Builtin::pure(
        "base64.is_valid",
        "(string) -> bool",
        "Whether the text is base64.",
        &[example("base64.is_valid(\"aGVsbG8=\")", "true"), example("base64.is_valid(\"{}\")", "false")],
        is_base64,
    ),
    Builtin::pure(
        "base64url.decode",
        "(string) -> string",
        "The text that a base64 text in the alphabet for URLs stands for, with or without padding.",
        &[example("base64url.decode(\"aGVsbG8\")", "\"hello\"")],
        decode_base64url,
    ),
    Builtin::pure(
        "base64url.encode",
        "(string) -> string",
        "The text in base64 in the alphabet for URLs, with padding.",
        &[example("base64url.encode(\"subjects?_d\")", "\"c3ViamVjdHM_X2Q=\"")],
        encode_base64url,
    ),
    Builtin::pure(
        "base64url.encode_no_pad",
        "(string) -> string",
        "The text in base64 in the alphabet for URLs, without padding.",
        &[example("base64url.encode_no_pad(\"hello\")", "\"aGVsbG8\"")],
        encode_base64url_no_pad,
    ),
    Builtin::pure(
        "hex.decode",
        "(string) -> string",
        "The text that hexadecimal digits stand for.",
        &[example("hex.decode(\"6869\")", "\"hi\""), example("hex.decode(\"6g\")", "error")],
        decode_hex,
    ),
    Builtin::pure(
        "hex.encode",
        "(string) -> string",
        "The text in hexadecimal digits.",
        &[example("hex.encode(\"hi\")", "\"6869\"")],
        encode_hex,
    ),
    Builtin::pure(
        "urlquery.decode",
        "(string) -> string",
        "The text without the escapes of a URL's query.",
        &[example("urlquery.decode(\"a%2Fb+c\")", "\"a/b c\""), example("urlquery.decode(\"%zz\")", "error")],
        decode_query,
    ),
    Builtin::pure(
        "urlquery.decode_object",
        "(string) -> map[string, array[string]]",
        "The parameters of a URL's query, each with its values in order.",
        &[example("urlquery.decode_object(\"a=1&b=x+y&a=2\")", "{\"a\": [\"1\", \"2\"], \"b\": [\"x y\"]}")],
        decode_query_object,
    ),
    Builtin::pure(
        "urlquery.encode",
        "(string) -> string",
        "The text with the escapes of a URL's query.",
        &[example("urlquery.encode(\"a/b c\")", "\"a%2Fb+c\"")],
        encode_query,
    ),
    Builtin::pure(
        "urlquery.encode_object",
        "(map[string, string | array[string] | set[string]]) -> string",
        "The parameters as a URL's query, in the order of their names.",
        &[
            example("urlquery.encode_object({\"b\": [\"1\", \"2\"], \"a\": \"c=d\"})", "\"a=c%3Dd&b=1&b=2\""),
            example("urlquery.encode_object({\"a\": 1})", "error"),
        ],
        encode_query_object,
    ),
];

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_PADDED: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
/// Base64 in the alphabet for URLs, padded or not.
pub(crate) const URL_ANY: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, LENIENT.with_decode_padding_mode(DecodePaddingMode::Indifferent));

fn make_text(call: &mut Call<'_>, bytes: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(bytes).into_owned();
    call.make_string(&text)
}

/// Line breaks within base64 are skipped, as most readers do.
fn without_breaks(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect()
}

fn decode_base64(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let decoded = PADDED.decode(without_breaks(call.text(arguments, 1)?));
    let bytes = decoded.map_err(|error| failed(format!("illegal base64 data: {error}")))?;
    make_text(call, &bytes)
}

fn encode_base64(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = PADDED.encode(call.text(arguments, 1)?);
    call.make_string(&text)
}

fn is_base64(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = without_breaks(call.text(arguments, 1)?);
    call.charge_bytes(text.len())?;
    Ok(Word::bool(PADDED.decode(text).is_ok()))
}

fn decode_base64url(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let decoded = URL_ANY.decode(without_breaks(call.text(arguments, 1)?));
    let bytes = decoded.map_err(|error| failed(format!("illegal base64 data: {error}")))?;
    make_text(call, &bytes)
}

fn encode_base64url(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = URL_PADDED.encode(call.text(arguments, 1)?);
    call.make_string(&text)
}

fn encode_base64url_no_pad(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = URL_PADDED.encode(call.text(arguments, 1)?);
    call.make_string(text.trim_end_matches('='))
}

fn encode_hex(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = hex::encode(call.text(arguments, 1)?);
    call.make_string(&text)
}

fn decode_hex(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?;
    if let Some(c) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(failed(format!("invalid byte: U+{:04X} '{c}'", u32::from(c))));
    }
    let bytes = hex::decode(text).map_err(|_| failed("odd length hex string"))?;
    make_text(call, &bytes)
}

fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

fn unescape(text: &str) -> Result<String, BuiltinError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(byte.ok_or_else(|| failed(format!("invalid URL escape in `{}`", shortened(text))))?);
                rest = &after[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn encode_query(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut out = String::new();
    escape(&mut out, call.text(arguments, 1)?);
    call.make_string(&out)
}

fn decode_query(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = unescape(call.text(arguments, 1)?)?;
    call.make_string(&text)
}

fn encode_query_object(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(crate::arguments::argument(arguments, 1))?;
    let (keys, values) = call.object(arguments, 1)?;
    let mut out = String::new();
    let text_of =
        |word: &Word| call.heap.as_str(*word).ok_or_else(|| call.wrong_element(arguments, 1, "string", *word));
    for (key, value) in keys.iter().zip(values) {
        let key = text_of(key)?;
        let values = match call.heap.view(*value) {
            View::Array(items) | View::Set(items) => items,
            _ => std::slice::from_ref(value),
        };
        for value in values {
            if !out.is_empty() {
                out.push('&');
            }
            escape(&mut out, key);
            out.push('=');
            escape(&mut out, text_of(value)?);
        }
    }
    call.make_string(&out)
}

fn decode_query_object(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let query = call.text(arguments, 1)?;
    if query.contains(';') {
        return Err(failed("invalid semicolon separator in query"));
    }
    let mut parameters: Vec<(String, Vec<String>)> = Vec::new();
    let mut places = rustc_hash::FxHashMap::default();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (unescape(key)?, unescape(value)?);
        let place = *places.entry(key.clone()).or_insert(parameters.len());
        if place == parameters.len() {
            parameters.push((key, Vec::new()));
        }
        parameters[place].1.push(value);
    }
    let mut entries = Vec::with_capacity(parameters.len());
    for (key, values) in parameters {
        entries.push((call.make_string(&key)?, call.make_strings(&values)?));
    }
    Ok(call.heap.object(entries)?)
}
