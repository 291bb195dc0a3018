//! Builtins on amounts with units.

use bigdecimal::{BigDecimal, RoundingMode};
use hpol_lang::value::Number;

use crate::arguments::{Outcome, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::casts::{parse_number, shortened};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "units.parse",
        "(string) -> decimal",
        "The number that an amount such as `10K`, `1.5Gi` or `100m` denotes; `m` is a thousandth, `M` a million.",
        &[
            example("units.parse(\"10K\")", "10000"),
            example("units.parse(\"1.1Ki\")", "1126.4"),
            example("units.parse(\"100m\")", "0.1"),
            example("units.parse(\"1x\")", "error"),
        ],
        parse,
    ),
    Builtin::pure(
        "units.parse_bytes",
        "(string) -> int",
        "The bytes that an amount such as `10KB`, `1.5GiB` or `100m` denotes; letters may be small or capital, and fractions of bytes are dropped.",
        &[
            example("units.parse_bytes(\"10KB\")", "10000"),
            example("units.parse_bytes(\"1.1kib\")", "1126"),
            example("units.parse_bytes(\"10 KB\")", "error"),
        ],
        parse_bytes,
    ),
];

/// Most digits of an exponent.
const EXPONENT_DIGITS_MAX: usize = 6;

/// Digits behind the point that `units.parse` keeps.
const DECIMALS: i64 = 10;

fn parse(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?.replace('"', "");
    let (amount, unit) = amount_and_unit(&text, "amount")?;
    let unit = unit.char_indices().map(|(at, c)| if at == 0 { c } else { c.to_ascii_lowercase() }).collect::<String>();
    let factor = if unit == "m" {
        BigDecimal::new(1.into(), 3)
    } else {
        // Of the single letters only `m` has two meanings.
        let name = if unit == "M" { "m".to_owned() } else { unit.to_ascii_lowercase() };
        factor(&name).ok_or_else(|| failed(format!("unit {} not recognized", shortened(&unit))))?.into()
    };
    let value = (amount.to_decimal() * factor).with_scale_round(DECIMALS, RoundingMode::HalfUp);
    make(call, value)
}

fn parse_bytes(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?.replace('"', "").to_lowercase();
    let (amount, unit) = amount_and_unit(&text, "byte amount")?;
    let name = unit.strip_suffix('b').unwrap_or(unit);
    let factor = factor(name).filter(|_| !name.is_empty() || unit.is_empty());
    let factor = factor.ok_or_else(|| failed(format!("byte unit {} not recognized", shortened(unit))))?;
    let value = (amount.to_decimal() * BigDecimal::from(factor)).with_scale_round(0, RoundingMode::Down);
    make(call, value)
}

fn make(call: &mut Call<'_>, value: BigDecimal) -> Outcome {
    let number = Number::from_decimal(value).map_err(|error| failed(error.to_string()))?;
    Ok(call.heap.number(number)?)
}

fn factor(name: &str) -> Option<u64> {
    let (letter, base) = name.strip_suffix('i').map_or((name, 1000_u64), |letter| (letter, 1024));
    let power = match letter {
        "" if base == 1000 => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    Some(base.pow(power))
}

/// Splits at the first character that belongs to no number; an `e` does if digits follow.
fn amount_and_unit<'t>(text: &'t str, what: &str) -> Result<(Number, &'t str), BuiltinError> {
    if text.contains(' ') {
        return Err(failed("spaces not allowed in resource strings"));
    }
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' | b'.' | b'+' | b'-' => end += 1,
            b'e' | b'E' if matches!(bytes.get(end + 1), Some(b'0'..=b'9' | b'+' | b'-')) => {
                let exponent = end + 1 + usize::from(matches!(bytes[end + 1], b'+' | b'-'));
                let digits = bytes[exponent..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if digits > EXPONENT_DIGITS_MAX {
                    return Err(failed("exponent too large"));
                }
                end = exponent + digits;
            }
            _ => break,
        }
    }
    let (amount, unit) = text.split_at(end);
    if amount.is_empty() {
        return Err(failed(format!("no {what} provided")));
    }
    let amount = parse_number(amount).map_err(|_| failed(format!("could not parse {what} to a number")))?;
    Ok((amount, unit))
}
