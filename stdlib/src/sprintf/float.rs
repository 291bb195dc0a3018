//! Writing floating-point numbers the way Go does.

use super::Spec;
use super::print::{pad, sign};

/// From which exponent on the shortest form is written with one.
const SHORTEST_EXPONENT: i32 = 6;

pub(super) fn print_float(out: &mut String, value: f64, verb: char, spec: &Spec) -> bool {
    let magnitude = value.abs();
    let digits = match verb {
        'f' | 'F' => format!("{magnitude:.*}", spec.precision.unwrap_or(6)),
        'e' | 'E' => with_exponent(&format!("{magnitude:.*e}", spec.precision.unwrap_or(6))),
        'g' | 'G' | 'v' => general(magnitude, spec.precision),
        _ => return false,
    };
    let digits = if verb.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits };
    let sign = sign(value.is_sign_negative(), spec);
    let fill = match spec.width {
        Some(width) if spec.zero => width.saturating_sub(sign.len() + digits.len()),
        _ => 0,
    };
    pad(out, &format!("{sign}{}{digits}", "0".repeat(fill)), &Spec { zero: false, ..*spec });
    true
}

/// `1.5e2` as `1.5e+02`.
fn with_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// With an exponent where it is small or large, else without; no zeros at the end.
fn general(magnitude: f64, precision: Option<usize>) -> String {
    let scientific = match precision {
        Some(precision) => format!("{magnitude:.*e}", precision.max(1) - 1),
        None => format!("{magnitude:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let digits = i32::try_from(mantissa.bytes().filter(u8::is_ascii_digit).count()).unwrap_or(i32::MAX);
    let from = match precision.map(|precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX)) {
        Some(precision) if precision > digits && digits > exponent => digits,
        Some(precision) => precision,
        None => SHORTEST_EXPONENT,
    };
    if exponent < -4 || exponent >= from {
        return with_exponent(&format!("{mantissa}e{exponent}"));
    }
    let decimals = usize::try_from((digits - 1 - exponent).max(0)).unwrap_or(0);
    format!("{magnitude:.decimals$}")
}
