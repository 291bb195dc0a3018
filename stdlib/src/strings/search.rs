//! Builtins that look for one string in another.

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{Kind, Word};
use crate::numbers::count_word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "contains",
        "(string, string) -> bool",
        "Whether the first string contains the second.",
        &[example("contains(\"abc\", \"bc\")", "true"), example("contains(\"abc\", 1)", "error")],
        contains,
    ),
    Builtin::pure(
        "endswith",
        "(string, string) -> bool",
        "Whether the first string ends with the second.",
        &[example("endswith(\"a.rs\", \".rs\")", "true")],
        ends_with,
    ),
    Builtin::pure(
        "indexof",
        "(string, string) -> int",
        "Where the second string first stands in the first, counted from 0; -1 where it does not.",
        &[
            example("indexof(\"åbc\", \"bc\")", "1"),
            example("indexof(\"abc\", \"z\")", "-1"),
            example("indexof(\"abc\", \"\")", "error"),
        ],
        index_of,
    ),
    Builtin::pure(
        "indexof_n",
        "(string, string) -> array[int]",
        "Every place where the second string stands in the first, counted from 0.",
        &[example("indexof_n(\"aaa\", \"aa\")", "[0, 1]"), example("indexof_n(\"abc\", \"z\")", "[]")],
        index_of_n,
    ),
    Builtin::pure(
        "startswith",
        "(string, string) -> bool",
        "Whether the first string starts with the second.",
        &[example("startswith(\"/v1/x\", \"/v1/\")", "true")],
        starts_with,
    ),
    Builtin::pure(
        "strings.any_prefix_match",
        "(string | array[string] | set[string], string | array[string] | set[string]) -> bool",
        "Whether any of the first strings starts with any of the second.",
        &[
            example("strings.any_prefix_match([\"abc\", \"x\"], {\"ab\", \"q\"})", "true"),
            example("strings.any_prefix_match(\"abc\", \"b\")", "false"),
        ],
        any_prefix,
    ),
    Builtin::pure(
        "strings.any_suffix_match",
        "(string | array[string] | set[string], string | array[string] | set[string]) -> bool",
        "Whether any of the first strings ends with any of the second.",
        &[example("strings.any_suffix_match(\"api.example.com\", [\".example.com\", \".test\"])", "true")],
        any_suffix,
    ),
    Builtin::pure(
        "strings.count",
        "(string, string) -> int",
        "How often the second string stands in the first, without overlap.",
        &[example("strings.count(\"banana\", \"an\")", "2")],
        count,
    ),
];

/// The two strings of a call, charged for.
fn pair<'a>(call: &'a mut Call<'_>, arguments: &[Word]) -> Result<(&'a str, &'a str), BuiltinError> {
    let bytes = call.text(arguments, 1)?.len();
    call.charge_bytes(bytes)?;
    Ok((call.text(arguments, 1)?, call.text(arguments, 2)?))
}

fn contains(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, part) = pair(call, arguments)?;
    Ok(Word::bool(text.contains(part)))
}

fn starts_with(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, part) = pair(call, arguments)?;
    Ok(Word::bool(text.starts_with(part)))
}

fn ends_with(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, part) = pair(call, arguments)?;
    Ok(Word::bool(text.ends_with(part)))
}

fn count(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, part) = pair(call, arguments)?;
    let count = text.matches(part).count();
    count_word(call, count)
}

fn index_of(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, part) = pair(call, arguments)?;
    if part.is_empty() {
        return Err(failed("empty search character"));
    }
    match text.find(part).map(|at| text[..at].chars().count()) {
        Some(at) => count_word(call, at),
        None => Ok(call.heap.int(-1)?),
    }
}

fn index_of_n(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let steps = call.text(arguments, 1)?.len().saturating_mul(call.text(arguments, 2)?.len());
    call.charge_bytes(steps)?;
    let (text, part) = pair(call, arguments)?;
    if part.is_empty() {
        return Err(failed("empty search character"));
    }
    let starts = text.char_indices().enumerate();
    let places: Vec<usize> =
        starts.filter(|(_, (at, _))| text[*at..].starts_with(part)).map(|(place, _)| place).collect();
    let places = places.into_iter().map(|place| count_word(call, place)).collect::<Result<Vec<_>, _>>()?;
    Ok(call.heap.array(&places)?)
}

fn any_prefix(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    any_pair(call, arguments, |text, part| text.starts_with(part))
}

fn any_suffix(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    any_pair(call, arguments, |text, part| text.ends_with(part))
}

fn any_pair(call: &mut Call<'_>, arguments: &[Word], matches: fn(&str, &str) -> bool) -> Outcome {
    let size = |position| call.heap.elements(argument(arguments, position)).map_or(1, <[Word]>::len);
    let pairs = size(1).saturating_mul(size(2));
    call.charge(pairs)?;
    let (texts, parts) = (one_or_more(call, arguments, 1)?, one_or_more(call, arguments, 2)?);
    let text_of = |word: &Word| call.heap.as_str(*word).unwrap_or_default();
    let found = texts.iter().map(text_of).any(|text| parts.iter().any(|part| matches(text, text_of(part))));
    Ok(Word::bool(found))
}

/// The strings of an array or set, or the one string that stands in their place.
fn one_or_more<'a>(call: &'a Call<'_>, arguments: &'a [Word], position: usize) -> Result<&'a [Word], BuiltinError> {
    let words = arguments.get(position - 1).map_or(&[][..], std::slice::from_ref);
    let is_text = |word: &Word| word.kind() == Kind::String;
    if words.iter().all(is_text) && !words.is_empty() {
        return Ok(words);
    }
    let Some(items) = call.heap.elements(argument(arguments, position)) else {
        return Err(call.wrong(arguments, position, "one of {string, set, array}"));
    };
    if !items.iter().all(is_text) {
        // It says which is none.
        call.texts(arguments, position)?;
    }
    Ok(items)
}
