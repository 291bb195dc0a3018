//! Builtins on regular expressions in RE2's notation, which take time linear in the text whatever the pattern.

use std::sync::Arc;

use ::regex::{Regex, RegexBuilder};
use hpol_lang::value::Value;

use crate::arguments::{Outcome, argument, failed, operand_error};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;
use crate::strings::expect_bytes;

mod globs;
mod syntax;
mod template;

/// Memory that a compiled pattern takes at most, in bytes, and the fuel for sixteen bytes of text that it is matched against:
/// matching can take time in proportion to both. The last is the limit.
const SIZES: [(usize, usize); 4] = [(8 << 10, 1), (64 << 10, 16), (512 << 10, 128), (4 << 20, 1024)];

/// Memory that matching may take for its cache of states, in bytes.
const STATES_SIZE_MAX: usize = 2 << 20;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "regex.find_all_string_submatch_n",
        "(string, string, int) -> array[array[string]]",
        "The first so many matches of the pattern, all of them where the number is negative; each with its groups, `\"\"` for those without a part.",
        &[
            example("regex.find_all_string_submatch_n(`a(x*)b`, \"-axxb-ab-\", -1)", "[[\"axxb\", \"xx\"], [\"ab\", \"\"]]"),
            example("regex.find_all_string_submatch_n(`a`, \"aaa\", 1)", "[[\"a\"]]"),
        ],
        find_all_groups,
    )
    .checked(check_pattern),
    Builtin::pure(
        "regex.find_n",
        "(string, string, int) -> array[string]",
        "The first so many matches of the pattern; all of them where the number is negative.",
        &[example("regex.find_n(`a.`, \"paranormal\", 2)", "[\"ar\", \"an\"]")],
        find,
    )
    .checked(check_pattern),
    Builtin::pure(
        "regex.globs_match",
        "(string, string) -> bool",
        "Whether some non-empty text matches both of two simple patterns, which are made of characters, `.`, `[…]`, `*` and `+`.",
        &[example("regex.globs_match(\"a.*\", \"[a-z]+c\")", "true"), example("regex.globs_match(\"a+\", \"b+\")", "false")],
        globs::globs_match,
    ),
    Builtin::pure(
        "regex.is_valid",
        "(any) -> bool",
        "Whether the value is a valid pattern.",
        &[example("regex.is_valid(`^a+$`)", "true"), example("regex.is_valid(`[`)", "false"), example("regex.is_valid(1)", "false")],
        is_valid,
    ),
    Builtin::pure(
        "regex.match",
        "(string, string) -> bool",
        "Whether the pattern matches anywhere in the text.",
        &[
            example("regex.match(`^[a-z]+$`, \"abc\")", "true"),
            example("regex.match(`^[a-z]+$`, \"abc1\")", "false"),
            example("regex.match(`[`, \"a\")", "error"),
        ],
        matches,
    )
    .checked(check_pattern),
    Builtin::pure(
        "regex.replace",
        "(string, string, string) -> string",
        "The text, the first argument, with every match of the pattern replaced by the third, in which `$1` and `${name}` stand for groups.",
        &[example("regex.replace(\"2024-05-06\", `(\\d+)-(\\d+)-(\\d+)`, \"$3.$2.$1\")", "\"06.05.2024\"")],
        replace,
    )
    .checked(check_second_pattern),
    Builtin::pure(
        "regex.split",
        "(string, string) -> array[string]",
        "The parts of the text between matches of the pattern.",
        &[example("regex.split(`\\s*,\\s*`, \"a , b,c\")", "[\"a\", \"b\", \"c\"]")],
        split,
    )
    .checked(check_pattern),
    Builtin::pure(
        "regex.template_match",
        "(string, string, string, string) -> bool",
        "Whether the text matches a template, which is plain text with patterns between two delimiters, the third and fourth argument.",
        &[example("regex.template_match(\"urn:{[a-z]+}:x\", \"urn:foo:x\", \"{\", \"}\")", "true")],
        template::template_match,
    ),
];

/// A compiled pattern and what it costs to match.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    fuel_per_chunk: usize,
}

impl Pattern {
    /// The fuel for matching a text of so many bytes.
    pub(crate) fn fuel(&self, bytes: usize) -> usize {
        (bytes / 16 + 1).saturating_mul(self.fuel_per_chunk)
    }
}

/// Compiles a pattern in RE2's notation within the limits.
pub(crate) fn compile(pattern: &str) -> Result<Pattern, String> {
    build(&syntax::translate(pattern)?)
}

/// Compiles a pattern in the notation of the `regex` crate within the limits.
pub(crate) fn build(pattern: &str) -> Result<Pattern, String> {
    for (size_max, fuel_per_chunk) in SIZES {
        match RegexBuilder::new(pattern).size_limit(size_max).dfa_size_limit(STATES_SIZE_MAX).build() {
            Ok(regex) => return Ok(Pattern { regex, fuel_per_chunk }),
            Err(::regex::Error::CompiledTooBig(_)) => {}
            // The last line says what is wrong; those before it show the pattern.
            Err(other) => {
                let message = other.to_string();
                return Err(message.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned());
            }
        }
    }
    Err("pattern is too large".to_owned())
}

/// The compiled pattern at a position, from the cache.
fn pattern(call: &mut Call<'_>, arguments: &[Word], position: usize) -> Result<Arc<Pattern>, BuiltinError> {
    let bytes = call.text(arguments, position)?.len();
    // Charged each time, so that a decision's fuel does not depend on what the cache holds.
    call.charge(bytes / 4 + 1)?;
    let text = call.heap.as_str(argument(arguments, position)).unwrap_or("");
    call.caches.regexes.get_or_make(text, || compile(text)).map_err(failed)
}

fn check_pattern(position: usize, value: &Value) -> Result<(), String> {
    check_at(0, position, value)
}

fn check_second_pattern(position: usize, value: &Value) -> Result<(), String> {
    check_at(1, position, value)
}

fn check_at(expected: usize, position: usize, value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(pattern) if position == expected => {
            compile(pattern).map(drop).map_err(|error| format!("invalid regular expression: {error}"))
        }
        _ => Ok(()),
    }
}

/// The pattern at one position and the text at another, charged for.
fn subject<'a>(
    call: &'a mut Call<'_>,
    arguments: &[Word],
    pattern_at: usize,
    text_at: usize,
) -> Result<(Arc<Pattern>, &'a str), BuiltinError> {
    let pattern = pattern(call, arguments, pattern_at)?;
    let fuel = pattern.fuel(call.text(arguments, text_at)?.len());
    call.charge(fuel)?;
    Ok((pattern, call.text(arguments, text_at)?))
}

fn is_valid(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    if call.heap.as_str(argument(arguments, 1)).is_none() {
        return Ok(Word::FALSE);
    }
    match pattern(call, arguments, 1) {
        Ok(_) => Ok(Word::TRUE),
        Err(BuiltinError::Failed(_)) => Ok(Word::FALSE),
        Err(error) => Err(error),
    }
}

fn matches(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (pattern, text) = subject(call, arguments, 1, 2)?;
    Ok(Word::bool(pattern.regex.is_match(text)))
}

/// How many matches are asked for: all for a negative number.
fn limit(call: &Call<'_>, arguments: &[Word], position: usize) -> Result<usize, BuiltinError> {
    let wanted = call.number(arguments, position)?;
    if !wanted.is_integer() {
        return Err(operand_error(position, "must be integer number but got floating-point number"));
    }
    Ok(wanted.as_i64().and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(usize::MAX))
}

fn find(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let wanted = limit(call, arguments, 3)?;
    let (pattern, text) = subject(call, arguments, 1, 2)?;
    let found: Vec<String> =
        pattern.regex.find_iter(text).take(wanted).map(|found| found.as_str().to_owned()).collect();
    call.make_strings(&found)
}

fn find_all_groups(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let wanted = limit(call, arguments, 3)?;
    let (pattern, text) = subject(call, arguments, 1, 2)?;
    let group = |group: Option<::regex::Match<'_>>| group.map_or("", |group| group.as_str()).to_owned();
    let found: Vec<Vec<String>> =
        pattern.regex.captures_iter(text).take(wanted).map(|groups| groups.iter().map(group).collect()).collect();
    let found = found.iter().map(|groups| call.make_strings(groups)).collect::<Result<Vec<_>, _>>()?;
    Ok(call.heap.array(&found)?)
}

fn split(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (pattern, text) = subject(call, arguments, 1, 2)?;
    let parts: Vec<String> = split_parts(&pattern.regex, text).into_iter().map(str::to_owned).collect();
    call.make_strings(&parts)
}

/// An empty text is one part; an empty match at the start parts nothing.
fn split_parts<'t>(regex: &Regex, text: &'t str) -> Vec<&'t str> {
    if text.is_empty() && !regex.as_str().is_empty() {
        return vec![""];
    }
    let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
    for found in regex.find_iter(text) {
        end = found.start();
        if found.end() != 0 {
            parts.push(&text[begin..end]);
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(&text[begin..]);
    }
    parts
}

fn replace(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let replacement = call.text(arguments, 3)?.to_owned();
    let (pattern, text) = subject(call, arguments, 2, 1)?;
    let matches = pattern.regex.find_iter(text).count();
    // Each group may be the whole text.
    let references = replacement.matches('$').count();
    let most = matches.saturating_mul(replacement.len()).saturating_add(text.len().saturating_mul(references + 1));
    expect_bytes(call, most)?;
    let replaced = pattern.regex.replace_all(call.text(arguments, 1)?, replacement.as_str()).into_owned();
    call.make_string(&replaced)
}

#[cfg(test)]
mod tests;
