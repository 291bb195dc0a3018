//! Builtins that turn values of one type into another.

use hpol_lang::value::Number;

use crate::arguments::{Outcome, argument, failed, operand_error};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[Builtin::pure(
    "to_number",
    "(null | bool | decimal | string) -> decimal",
    "The number that a text denotes; 0 and 1 for `false` and `true`, 0 for `null`.",
    &[
        example("to_number(\"-42.5\")", "-42.5"),
        example("to_number(true)", "1"),
        example("to_number(\"nan\")", "error"),
        example("to_number(\"4 2\")", "error"),
    ],
    to_number,
)];

fn to_number(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let word = argument(arguments, 1);
    let number = match call.heap.view(word) {
        View::Null => Number::from(0),
        View::Bool(value) => Number::from(i64::from(value)),
        View::Int(_) | View::Number(_) => return Ok(word),
        View::String(text) => parse_number(text)?,
        _ => return Err(call.wrong(arguments, 1, "one of {null, boolean, number, string}")),
    };
    Ok(call.heap.number(number)?)
}

/// Reads a decimal number in the wider notation of `to_number`, which allows a plus sign and leading zeros, and a dot
/// with digits on one side only.
pub(crate) fn parse_number(text: &str) -> Result<Number, BuiltinError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let name = unsigned.to_ascii_lowercase();
    if matches!(name.as_str(), "nan" | "inf" | "infinity") {
        return Err(operand_error(1, &format!("must be a number but got `{text}`")));
    }
    json_spelling(text, unsigned)
        .and_then(|spelling| spelling.parse().ok())
        .ok_or_else(|| failed(format!("`{}` is not a number", shortened(text))))
}

/// The text as JSON would spell it.
fn json_spelling(text: &str, unsigned: &str) -> Option<String> {
    let (mantissa, exponent) = unsigned.find(['e', 'E']).map_or((unsigned, ""), |at| unsigned.split_at(at));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let whole = whole.trim_start_matches('0');
    let (whole, fraction) =
        (if whole.is_empty() { "0" } else { whole }, if fraction.is_empty() { "0" } else { fraction });
    Some(format!("{sign}{whole}.{fraction}{exponent}"))
}

/// A text as messages show it.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
