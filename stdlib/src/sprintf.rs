//! `sprintf`, with the verbs, flags and complaints of Go's formatter, which Rego's users write their messages for.

use std::fmt::Write as _;

use hpol_lang::value::Value;
use num_bigint::BigInt;

use crate::arguments::{Outcome, argument};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{View, Word};
use crate::strings::expect_bytes;

mod float;
mod print;

/// Largest width or precision that is taken.
const WIDTH_MAX: usize = 1_000_000;

/// Longest text that is written without a look at the limits on the way.
const PLAIN_BYTES_MAX: usize = 1 << 20;

pub(crate) const TABLE: &[Builtin] = &[Builtin::pure(
    "sprintf",
    "(string, array[any]) -> string",
    "The first string with its verbs replaced by the values, as Go's formatter does: `%v` any value, `%s` text, `%d` integer, `%x` hexadecimal, `%.2f` decimals, `%q` quoted.",
    &[
        example("sprintf(\"%s has %d of %v\", [\"ada\", 2, [1, 2]])", "\"ada has 2 of [1, 2]\""),
        example("sprintf(\"%.2f|%5d|%-3s|%05d|%x\", [3.14159, 42, \"a\", 42, 255])", "\"3.14|   42|a  |00042|ff\""),
        example("sprintf(\"%d %s\", [\"a\"])", "\"%!d(string=a) %!s(MISSING)\""),
    ],
    sprintf,
)
.checked(check_format)];

/// A value as the formatter sees it.
#[derive(Debug)]
enum Operand {
    Int(i64),
    Big(BigInt),
    Float(f64),
    Text(String),
}

/// What stands between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn sprintf(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.text(arguments, 1)?;
    call.charge_value(argument(arguments, 2))?;
    match plainly(call, arguments)? {
        Some(made) => Ok(made),
        None => fully(call, arguments),
    }
}

/// Every format there is.
fn fully(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let format = call.text(arguments, 1)?.to_owned();
    let items = call.array(arguments, 2)?.to_vec();
    let operands = items.into_iter().map(|item| operand(call, item)).collect::<Result<Vec<_>, _>>()?;
    let mut printer = Printer { operands: &operands, next: 0, reordered: false, good_index: true, out: String::new() };
    printer.run(&format, |bytes| expect_bytes(call, bytes))?;
    let text = printer.out;
    call.make_string(&text)
}

/// As [`Printer`], for what nearly all formats are made of: texts and integers without flags. `None` for any other.
fn plainly(call: &mut Call<'_>, arguments: &[Word]) -> Result<Option<Word>, BuiltinError> {
    let mut out = call.heap.take_text();
    let Some(units) = write_plainly(call, arguments, &mut out)? else {
        call.heap.give_back_text(out);
        return Ok(None);
    };
    call.charge(units)?;
    call.make_written(out).map(Some)
}

/// Writes it, and gives what is charged on the way.
fn write_plainly(call: &Call<'_>, arguments: &[Word], out: &mut String) -> Result<Option<usize>, BuiltinError> {
    let mut items = call.array(arguments, 2)?.iter();
    let (mut rest, mut units) = (call.text(arguments, 1)?, 0_usize);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        units = units.saturating_add(out.len() / 100);
        let Some(verb) = rest.as_bytes().get(at + 1) else { return Ok(None) };
        rest = rest.get(at + 2..).unwrap_or_default();
        if *verb == b'%' {
            out.push('%');
            continue;
        }
        match (items.next().map(|item| call.heap.view(*item)), verb) {
            (Some(View::String(text)), b's' | b'v') => out.push_str(text),
            // Writing to a string does not fail.
            (Some(View::Int(value)), b'd' | b'v') => drop(write!(out, "{value}")),
            _ => return Ok(None),
        }
        if out.len() > PLAIN_BYTES_MAX {
            return Ok(None);
        }
    }
    out.push_str(rest);
    Ok(items.next().is_none().then_some(units))
}

fn operand(call: &mut Call<'_>, word: Word) -> Result<Operand, BuiltinError> {
    Ok(match call.heap.view(word) {
        View::Int(value) => Operand::Int(value),
        View::Number(number) => match (number.as_i64(), number.to_big_int()) {
            (Some(value), _) => Operand::Int(value),
            (None, Some(value)) => Operand::Big(value),
            (None, None) => Operand::Float(number.to_f64()),
        },
        View::String(text) => Operand::Text(text.to_owned()),
        _ => Operand::Text(call.value_of(word)?.to_string()),
    })
}

struct Printer<'o> {
    operands: &'o [Operand],
    next: usize,
    reordered: bool,
    good_index: bool,
    out: String,
}

impl Printer<'_> {
    /// Writes everything; `expect` is told of the bytes before a long output is made.
    fn run(
        &mut self,
        format: &str,
        mut expect: impl FnMut(usize) -> Result<(), BuiltinError>,
    ) -> Result<(), BuiltinError> {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            self.out.push_str(&rest[..at]);
            rest = self.verb(&rest[at + 1..], &mut expect)?;
        }
        self.out.push_str(rest);
        if !self.reordered && self.next < self.operands.len() {
            self.out.push_str("%!(EXTRA ");
            for (place, operand) in self.operands.iter().enumerate().skip(self.next) {
                let comma = if place > self.next { ", " } else { "" };
                let _ = write!(self.out, "{comma}{}={}", operand.type_name(), operand.plain());
            }
            self.out.push(')');
        }
        Ok(())
    }

    /// Handles one verb; `rest` starts behind its `%`. Gives what follows.
    fn verb<'f>(
        &mut self,
        mut rest: &'f str,
        expect: &mut impl FnMut(usize) -> Result<(), BuiltinError>,
    ) -> Result<&'f str, BuiltinError> {
        self.good_index = true;
        let mut spec = Spec::default();
        rest = spec.flags(rest);
        rest = self.index(rest);
        rest = self.width(rest, &mut spec);
        if let Some(after) = rest.strip_prefix('.') {
            rest = self.index(after);
            rest = self.precision(rest, &mut spec);
        }
        rest = self.index(rest);
        let Some(verb) = rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return Ok(rest);
        };
        expect(spec.width.unwrap_or(0).max(spec.precision.unwrap_or(0)).saturating_add(self.out.len()))?;
        match self.operands.get(self.next) {
            _ if verb == '%' => self.out.push('%'),
            _ if !self.good_index => {
                let _ = write!(self.out, "%!{verb}(BADINDEX)");
            }
            None => {
                let _ = write!(self.out, "%!{verb}(MISSING)");
            }
            Some(operand) => {
                self.next += 1;
                operand.print(&mut self.out, verb, &spec);
            }
        }
        Ok(&rest[verb.len_utf8()..])
    }

    /// Reads `[n]`, the operand to use next.
    fn index<'f>(&mut self, rest: &'f str) -> &'f str {
        let Some(inner) = rest.strip_prefix('[') else { return rest };
        self.reordered = true;
        let Some((number, after)) = inner.split_once(']') else {
            self.good_index = false;
            return inner;
        };
        match number.parse::<usize>() {
            Ok(place) if (1..=self.operands.len()).contains(&place) => self.next = place - 1,
            _ => self.good_index = false,
        }
        after
    }

    fn width<'f>(&mut self, rest: &'f str, spec: &mut Spec) -> &'f str {
        let Some(after) = rest.strip_prefix('*') else {
            let (width, after) = number(rest);
            spec.width = width;
            return after;
        };
        match self.star() {
            Some(width) => {
                spec.minus |= width < 0;
                spec.zero &= width >= 0;
                spec.width = usize::try_from(width.unsigned_abs()).ok();
            }
            None => self.out.push_str("%!(BADWIDTH)"),
        }
        after
    }

    fn precision<'f>(&mut self, rest: &'f str, spec: &mut Spec) -> &'f str {
        let Some(after) = rest.strip_prefix('*') else {
            let (precision, after) = number(rest);
            spec.precision = Some(precision.unwrap_or(0));
            return after;
        };
        match self.star() {
            Some(precision) => spec.precision = usize::try_from(precision).ok(),
            None => self.out.push_str("%!(BADPREC)"),
        }
        after
    }

    /// The operand that stands for a width or precision.
    fn star(&mut self) -> Option<i64> {
        let operand = self.operands.get(self.next)?;
        self.next += 1;
        match operand {
            Operand::Int(value) if usize::try_from(value.unsigned_abs()).is_ok_and(|size| size <= WIDTH_MAX) => {
                Some(*value)
            }
            _ => None,
        }
    }
}

impl Spec {
    fn flags<'f>(&mut self, rest: &'f str) -> &'f str {
        let flags = rest.len() - rest.trim_start_matches(['+', '-', '#', ' ', '0']).len();
        for flag in rest[..flags].bytes() {
            match flag {
                b'+' => self.plus = true,
                b'-' => self.minus = true,
                b'#' => self.sharp = true,
                b' ' => self.space = true,
                _ => self.zero = true,
            }
        }
        self.zero &= !self.minus;
        &rest[flags..]
    }
}

/// Digits at the start of a text as a number within the bound, and what follows.
fn number(rest: &str) -> (Option<usize>, &str) {
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    (rest[..digits].parse().ok().filter(|number| *number <= WIDTH_MAX), &rest[digits..])
}

/// Checks a format that stands in a policy.
fn check_format(position: usize, value: &Value) -> Result<(), String> {
    let (0, Some(format)) = (position, value.as_str()) else { return Ok(()) };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let start = &rest[at..];
        let flags = |c: char| matches!(c, '+' | '-' | '#' | ' ' | '.' | '*' | '[' | ']') || c.is_ascii_digit();
        let Some(verb) = rest[at + 1..].trim_start_matches(flags).chars().next() else {
            return Err("format ends in `%` without a verb: write `%%` for the sign itself".to_owned());
        };
        if !"%vsdqxXbcoOUeEfFgGtT".contains(verb) {
            let known = "`%v`, `%s`, `%d`, `%q`, `%x`, `%f`, `%g` or `%%`";
            return Err(format!("unknown verb `%{verb}` in the format: use {known}"));
        }
        let after = start.len() - start[1..].trim_start_matches(flags).len() + verb.len_utf8();
        rest = &start[after..];
    }
    Ok(())
}

#[cfg(test)]
mod tests;
