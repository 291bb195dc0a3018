//! Builtins on regular expressions in RE2's notation, which take time linear in the text whatever the pattern.

use std::ops::Range;
use std::sync::Arc;

use ::regex::{Regex, RegexBuilder};
use hpol_lang::value::Value;

use crate::arguments::{Outcome, argument, failed, operand_error, type_error, type_name};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::caches::Found;
use crate::heap::{Fingerprint, Heap, Word};
use crate::strings::{BYTES_MAX, expect_bytes};
use required::Required;

pub use ruling::Ruling;

mod globs;
mod required;
mod ruling;
mod syntax;
mod template;

/// Memory that a compiled pattern takes at most, in bytes, and the fuel for sixteen bytes of text that it is matched against:
/// matching can take time in proportion to both. The last is the limit.
const SIZES: [(usize, usize); 4] = [(8 << 10, 1), (64 << 10, 16), (512 << 10, 128), (4 << 20, 1024)];

/// So many bytes of text cost so much.
const CHUNK_BYTES: usize = 16;

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
    required: Option<Required>,
}

impl Pattern {
    /// Whether anything can be ruled out by what it requires.
    pub(crate) fn is_filtered(&self) -> bool {
        self.required.is_some()
    }

    /// Whether a text with this fingerprint can't have a match.
    pub(crate) fn rules_out(&self, text: &Fingerprint) -> bool {
        self.required.as_ref().is_some_and(|required| required.rules_out(text))
    }

    /// The fuel for matching a text of so many bytes.
    pub(crate) fn fuel(&self, bytes: usize) -> usize {
        (bytes / CHUNK_BYTES + 1).saturating_mul(self.fuel_per_chunk)
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
            Ok(regex) => return Ok(Pattern { regex, fuel_per_chunk, required: Required::of(pattern) }),
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
    charge_pattern(call, arguments, position)?;
    let found = call.caches.regex(call.heap, argument(arguments, position)).map_err(failed)?;
    Ok(found.shared())
}

/// Charged each time, so that a decision's fuel does not depend on what the cache holds.
fn charge_pattern(call: &mut Call<'_>, arguments: &[Word], position: usize) -> Result<(), BuiltinError> {
    let bytes = call.text(arguments, position)?.len();
    call.charge(pattern_units(bytes))
}

/// The fuel for a pattern of so many bytes.
pub(crate) fn pattern_units(bytes: usize) -> usize {
    bytes / 4 + 1
}

/// Whether a pattern matches a text of so many bytes, for which `fuel` is charged.
pub(crate) fn matches_text(
    heap: &mut Heap,
    fuel: &mut u64,
    pattern: &Found<'_>,
    text: (Word, usize),
) -> Result<bool, BuiltinError> {
    let (text, bytes) = text;
    let units = u64::try_from(pattern.fuel(bytes)).unwrap_or(u64::MAX);
    *fuel = fuel.checked_sub(units).ok_or(BuiltinError::Fuel)?;
    Ok(is_match(heap, pattern, text))
}

/// Whether a pattern matches a text, which was paid for.
pub(crate) fn is_match(heap: &mut Heap, pattern: &Found<'_>, text: Word) -> bool {
    if pattern.is_filtered_now() && heap.fingerprint(text).is_some_and(|print| pattern.rules_out(print)) {
        return false;
    }
    pattern.regex.is_match(heap.as_str(text).unwrap_or_default())
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
    let Call { heap, caches, fuel, .. } = call;
    let (pattern, text) = (argument(arguments, 1), argument(arguments, 2));
    // What nearly every call is: a pattern of the policy, asked before.
    if let Some(known) = caches.known_match(heap, pattern, text) {
        known.charge(fuel)?;
        return Ok(Word::bool(known.holds(heap)));
    }
    charge_pattern(call, arguments, 1)?;
    let Call { heap, caches, fuel, .. } = call;
    let pattern = caches.regex(heap, pattern).map_err(failed)?;
    let Some(bytes) = heap.text_length(text) else {
        return Err(type_error(2, "string", type_name(heap, text)));
    };
    Ok(Word::bool(matches_text(heap, fuel, &pattern, (text, bytes))?))
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
    let mut ranges = call.heap.take_ranges();
    let (pattern, text) = subject(call, arguments, 1, 2)?;
    ranges.extend(pattern.regex.find_iter(text).take(wanted).map(|found| found.range()));
    call.make_parts(argument(arguments, 2), ranges)
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
    let mut parts = call.heap.take_ranges();
    let (pattern, text) = subject(call, arguments, 1, 2)?;
    split_parts(&pattern.regex, text, &mut parts);
    call.make_parts(argument(arguments, 2), parts)
}

/// An empty text is one part; an empty match at the start parts nothing.
fn split_parts(regex: &Regex, text: &str, parts: &mut Vec<Range<usize>>) {
    if text.is_empty() && !regex.as_str().is_empty() {
        return parts.push(0..0);
    }
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(text) {
        end = found.start();
        if found.end() != 0 {
            parts.push(begin..end);
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(begin..text.len());
    }
}

fn replace(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let references = call.text(arguments, 3)?.matches('$').count();
    let mut out = call.heap.take_text();
    let (pattern, _) = subject(call, arguments, 2, 1)?;
    let (text, replacement) = (call.text(arguments, 1)?, call.text(arguments, 3)?);
    let bytes = text.len();
    // Each group may be the whole text.
    let most =
        |matches: usize| matches.saturating_mul(replacement.len()).saturating_add(bytes.saturating_mul(references + 1));
    let (mut matches, mut copied) = (0_usize, 0);
    let mut add = |found: Range<usize>, expand: &dyn Fn(&mut String)| {
        matches += 1;
        // What is too long is counted, but not made.
        if most(matches) <= BYTES_MAX {
            out.push_str(text.get(copied..found.start).unwrap_or_default());
            expand(&mut out);
            copied = found.end;
        }
    };
    if references == 0 {
        pattern.regex.find_iter(text).for_each(|found| add(found.range(), &|out| out.push_str(replacement)));
    } else {
        pattern.regex.captures_iter(text).for_each(|groups| {
            let found = groups.get(0).map_or(0..0, |found| found.range());
            add(found, &|out| groups.expand(replacement, out));
        });
    }
    let (matches, most) = (matches, most(matches));
    out.push_str(text.get(copied..).unwrap_or_default());
    expect_bytes(call, most)?;
    if matches == 0 {
        call.heap.give_back_text(out);
        return call.make_part(argument(arguments, 1), 0..bytes);
    }
    call.make_written(out)
}

#[cfg(test)]
mod tests;
