//! Builtins on strings. Positions and lengths count characters (Unicode scalar values).

use std::ops::Range;

use crate::arguments::{Outcome, argument, failed, operand_error};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{HeapError, Word};

mod search;

pub(crate) use search::TABLE as SEARCH_TABLE;

/// Longest string that a builtin makes, in bytes.
pub(crate) const BYTES_MAX: usize = 64 << 20;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "concat",
        "(string, array[string] | set[string]) -> string",
        "The strings in order with the first argument between them.",
        &[example("concat(\", \", [\"a\", \"b\"])", "\"a, b\""), example("concat(\",\", [1])", "error")],
        concat,
    ),
    Builtin::pure(
        "format_int",
        "(decimal, int) -> string",
        "The number without its fraction in base 2, 8, 10 or 16.",
        &[
            example("format_int(255, 16)", "\"ff\""),
            example("format_int(-5.9, 2)", "\"-101\""),
            example("format_int(1, 3)", "error"),
        ],
        format_int,
    ),
    Builtin::pure(
        "lower",
        "(string) -> string",
        "The string in small letters.",
        &[example("lower(\"ÀB\")", "\"àb\"")],
        lower,
    ),
    Builtin::pure(
        "replace",
        "(string, string, string) -> string",
        "The string with every occurrence of the second replaced by the third.",
        &[example("replace(\"a.b.c\", \".\", \"-\")", "\"a-b-c\"")],
        replace,
    ),
    Builtin::pure(
        "split",
        "(string, string) -> array[string]",
        "The parts of the string between occurrences of the second; its characters where that is empty.",
        &[example("split(\"a/b/\", \"/\")", "[\"a\", \"b\", \"\"]"), example("split(\"ab\", \"\")", "[\"a\", \"b\"]")],
        split,
    ),
    Builtin::pure(
        "strings.replace_n",
        "(map[string, string], string) -> string",
        "The string with each key of the map replaced by its value, from left to right; where several keys match, the first in ascending order counts.",
        &[
            example("strings.replace_n({\"<\": \"&lt;\", \">\": \"&gt;\"}, \"<b>\")", "\"&lt;b&gt;\""),
            example("strings.replace_n({\"f\": \"x\", \"foo\": \"y\"}, \"foo\")", "\"xoo\""),
        ],
        replace_n,
    ),
    Builtin::pure(
        "strings.reverse",
        "(string) -> string",
        "The characters from last to first.",
        &[example("strings.reverse(\"añb\")", "\"bña\"")],
        reverse,
    ),
    Builtin::pure(
        "strings.split_n",
        "(string, string, int) -> array[string]",
        "The first so many parts that `split` gives, or the last so many where the number is negative.",
        &[
            example("strings.split_n(\"a.b.c\", \".\", 2)", "[\"a\", \"b\"]"),
            example("strings.split_n(\"a.b.c\", \".\", -1)", "[\"c\"]"),
        ],
        split_n,
    ),
    Builtin::pure(
        "substring",
        "(string, int, int) -> string",
        "So many characters from a position, which counts from 0; all that follow where the length is negative.",
        &[
            example("substring(\"åäö\", 1, 2)", "\"äö\""),
            example("substring(\"abc\", 1, -1)", "\"bc\""),
            example("substring(\"abc\", 9, 1)", "\"\""),
            example("substring(\"abc\", -1, 1)", "error"),
        ],
        substring,
    ),
    Builtin::pure(
        "trim",
        "(string, string) -> string",
        "The string without the second's characters at both ends.",
        &[example("trim(\"..a.b.\", \".\")", "\"a.b\"")],
        trim,
    ),
    Builtin::pure(
        "trim_left",
        "(string, string) -> string",
        "The string without the second's characters at its start.",
        &[example("trim_left(\"..a.\", \".\")", "\"a.\"")],
        trim_left,
    ),
    Builtin::pure(
        "trim_prefix",
        "(string, string) -> string",
        "The string without the second at its start.",
        &[example("trim_prefix(\"ababc\", \"ab\")", "\"abc\"")],
        trim_prefix,
    ),
    Builtin::pure(
        "trim_right",
        "(string, string) -> string",
        "The string without the second's characters at its end.",
        &[example("trim_right(\".a..\", \".\")", "\".a\"")],
        trim_right,
    ),
    Builtin::pure(
        "trim_space",
        "(string) -> string",
        "The string without white space at both ends.",
        &[example("trim_space(\" a b\\n\")", "\"a b\"")],
        trim_space,
    ),
    Builtin::pure(
        "trim_suffix",
        "(string, string) -> string",
        "The string without the second at its end.",
        &[example("trim_suffix(\"a.rs\", \".rs\")", "\"a\"")],
        trim_suffix,
    ),
    Builtin::pure(
        "upper",
        "(string) -> string",
        "The string in capital letters.",
        &[example("upper(\"àb\")", "\"ÀB\"")],
        upper,
    ),
];

/// Charges for a string before it is made, and refuses one that is too long.
pub(crate) fn expect_bytes(call: &mut Call<'_>, bytes: usize) -> Result<(), BuiltinError> {
    call.charge_bytes(bytes)?;
    if bytes > BYTES_MAX { Err(HeapError::Memory.into()) } else { Ok(()) }
}

fn concat(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let between = call.text(arguments, 1)?.len();
    let mut bytes = 0_usize;
    for part in call.elements(arguments, 2)? {
        let text = call.heap.as_str(*part);
        let text = text.ok_or_else(|| call.wrong_element(arguments, 2, "string", *part))?;
        bytes = bytes.saturating_add(text.len() + between);
    }
    if bytes > BYTES_MAX {
        return Err(HeapError::Memory.into());
    }
    call.charge_value(argument(arguments, 2))?;
    let mut joined = call.heap.take_text();
    let between = call.text(arguments, 1)?;
    for (at, part) in call.elements(arguments, 2)?.iter().enumerate() {
        joined.push_str(if at > 0 { between } else { "" });
        joined.push_str(call.heap.as_str(*part).unwrap_or_default());
    }
    call.make_written(joined)
}

fn format_int(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let number = call.number(arguments, 1)?;
    let base = match call.number(arguments, 2)?.as_i64() {
        Some(2) => 2,
        Some(8) => 8,
        Some(10) => 10,
        Some(16) => 16,
        _ => return Err(operand_error(2, "must be one of {2, 8, 10, 16}")),
    };
    let whole = number.to_decimal().with_scale_round(0, bigdecimal::RoundingMode::Down);
    call.make_string(&whole.into_bigint_and_exponent().0.to_str_radix(base))
}

/// Characters map one to one, so that positions in the result are those of the argument.
fn lower(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    cased(call, arguments, str::make_ascii_lowercase, |c| c.to_lowercase().next().unwrap_or(c))
}

fn upper(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let single = |c: char| {
        let mut capitals = c.to_uppercase();
        if capitals.len() == 1 { capitals.next().unwrap_or(c) } else { c }
    };
    cased(call, arguments, str::make_ascii_uppercase, single)
}

/// The string with every character changed, by `ascii` where it has no others.
fn cased(call: &mut Call<'_>, arguments: &[Word], ascii: fn(&mut str), other: impl Fn(char) -> char) -> Outcome {
    let mut out = call.heap.take_text();
    let text = call.text(arguments, 1)?;
    if text.is_ascii() {
        out.push_str(text);
        ascii(&mut out);
    } else {
        out.extend(text.chars().map(other));
    }
    call.make_written(out)
}

fn replace(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, old, new) = (call.text(arguments, 1)?, call.text(arguments, 2)?, call.text(arguments, 3)?);
    let growth = text.matches(old).count().saturating_mul(new.len());
    let bytes = text.len().saturating_add(growth);
    expect_bytes(call, bytes)?;
    let mut replaced = call.heap.take_text();
    let (text, old, new) = (call.text(arguments, 1)?, call.text(arguments, 2)?, call.text(arguments, 3)?);
    let mut copied = 0;
    for (at, found) in text.match_indices(old) {
        replaced.push_str(text.get(copied..at).unwrap_or_default());
        replaced.push_str(new);
        copied = at + found.len();
    }
    replaced.push_str(text.get(copied..).unwrap_or_default());
    call.make_written(replaced)
}

fn replace_n(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (keys, values) = call.object(arguments, 1)?;
    let (patterns, bytes) = (keys.len(), call.text(arguments, 2)?.len());
    let text_of = |words: &[Word], part: &str| {
        let texts = words.iter().map(|word| call.heap.as_str(*word).map(str::to_owned)).collect::<Option<Vec<_>>>();
        texts.ok_or_else(|| operand_error(1, &format!("non-string {part} found in pattern object")))
    };
    let (keys, values) = (text_of(keys, "key")?, text_of(values, "value")?);
    call.charge(patterns.saturating_mul(bytes) / 100)?;
    let text = call.text(arguments, 2)?;
    let mut out = String::new();
    let (mut at, mut copied, mut after_empty) = (0, 0, false);
    while at <= text.len() {
        let rest = &text[at..];
        let found = keys.iter().position(|key| rest.starts_with(key.as_str()) && !(key.is_empty() && after_empty));
        after_empty = found.is_some_and(|found| keys[found].is_empty());
        if let Some(found) = found {
            out.push_str(&text[copied..at]);
            out.push_str(&values[found]);
            at += keys[found].len();
            copied = at;
            if out.len() > BYTES_MAX {
                return Err(HeapError::Memory.into());
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    call.make_string(&out)
}

/// Where a part stands in the text that it is cut out of, in bytes.
pub(crate) fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

/// Where the parts of the first string stand, in a buffer of the heap.
fn parts(call: &mut Call<'_>, arguments: &[Word]) -> Result<Vec<Range<usize>>, BuiltinError> {
    let bytes = call.text(arguments, 1)?.len();
    call.charge(bytes)?;
    let mut parts = call.heap.take_ranges();
    let (text, between) = (call.text(arguments, 1)?, call.text(arguments, 2)?);
    match between.as_bytes() {
        // Splitting by nothing gives the characters.
        [] => parts.extend(text.char_indices().map(|(at, c)| at..at + c.len_utf8())),
        [byte] => {
            let mut start = 0;
            for at in memchr::memchr_iter(*byte, text.as_bytes()) {
                parts.push(start..at);
                start = at + 1;
            }
            parts.push(start..text.len());
        }
        _ => parts.extend(text.split(between).map(|part| place(text, part))),
    }
    Ok(parts)
}

fn split(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let parts = parts(call, arguments)?;
    call.make_parts(argument(arguments, 1), parts)
}

fn split_n(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let wanted = call.int(arguments, 3)?;
    let mut parts = parts(call, arguments)?;
    let count = usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX).min(parts.len());
    if wanted < 0 {
        parts.drain(..parts.len() - count);
    }
    parts.truncate(count);
    call.make_parts(argument(arguments, 1), parts)
}

fn reverse(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut reversed = call.heap.take_text();
    reversed.extend(call.text(arguments, 1)?.chars().rev());
    call.make_written(reversed)
}

fn substring(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?;
    let (offset, length) = (call.int(arguments, 2)?, call.int(arguments, 3)?);
    let offset = usize::try_from(offset).map_err(|_| failed("negative offset"))?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let bytes = text.len();
    let place_of = |from: &str, characters: usize| from.char_indices().nth(characters).map_or(from.len(), |(at, _)| at);
    let start = place_of(text, offset);
    let end = start + place_of(text.get(start..).unwrap_or_default(), length);
    call.charge_bytes(bytes)?;
    call.make_part(argument(arguments, 1), start..end)
}

/// Makes what a function cuts out of the first string, given the second.
fn cut(call: &mut Call<'_>, arguments: &[Word], cut: impl for<'t> Fn(&'t str, &str) -> &'t str) -> Outcome {
    let (text, given) = (call.text(arguments, 1)?, call.text(arguments, 2)?);
    let part = place(text, cut(text, given));
    call.make_part(argument(arguments, 1), part)
}

fn trim(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    cut(call, arguments, |text, set| text.trim_matches(|c| set.contains(c)))
}

fn trim_left(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    cut(call, arguments, |text, set| text.trim_start_matches(|c| set.contains(c)))
}

fn trim_right(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    cut(call, arguments, |text, set| text.trim_end_matches(|c| set.contains(c)))
}

fn trim_prefix(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    cut(call, arguments, |text, prefix| text.strip_prefix(prefix).unwrap_or(text))
}

fn trim_suffix(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    cut(call, arguments, |text, suffix| text.strip_suffix(suffix).unwrap_or(text))
}

fn trim_space(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?;
    let part = place(text, text.trim());
    call.make_part(argument(arguments, 1), part)
}
