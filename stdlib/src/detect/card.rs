//! Payment cards: 12 to 19 digits, with or without separators, from a known issuer range and with a right check digit.

use super::context::Context;
use super::matcher::{Confidence, Hit, Outcome};
use super::window::{More, Window};

const DIGITS_MAX: usize = 19;
const DIGITS_MIN: usize = 12;

const CONTEXT: Context = Context {
    for_it: &[
        "card",
        "cards",
        "credit",
        "debit",
        "cc",
        "ccn",
        "visa",
        "mastercard",
        "maestro",
        "amex",
        "discover",
        "diners",
        "jcb",
        "unionpay",
        "pan",
        "kreditkarte",
        "karte",
        "carte",
        "tarjeta",
        "carta",
        "cartão",
        "creditcard",
        "cardnumber",
        "cardno",
    ],
    against_it: &["order", "invoice", "tracking", "timestamp", "barcode", "ean", "gtin", "isbn", "imei", "sku"],
};

/// How well length and first digits fit an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Issuer {
    /// A range at the length its cards have.
    Usual,
    /// A length that is rare in the range, or no known range: chance hits outnumber cards where nothing else speaks for one.
    Rare,
    /// No length that cards have.
    None,
}

/// The digits of a candidate and where its groups end.
struct Candidate {
    digits: [u8; DIGITS_MAX],
    /// Digits up to the end of each group, and the index in the text after it.
    ends: [(usize, usize); DIGITS_MAX],
    groups: usize,
}

pub(crate) fn evaluate(window: &Window<'_>, start: usize) -> Outcome {
    if !window.begins_at(start) || is_fraction(window, start) {
        return Ok(None);
    }
    let candidate = read(window, start)?;
    for group in (0..candidate.groups).rev() {
        let (count, end) = candidate.ends[group];
        if count < DIGITS_MIN {
            break;
        }
        let digits = &candidate.digits[..count];
        let issuer = issuer(digits);
        if issuer == Issuer::None || !luhn(digits) || digits.iter().all(|digit| *digit == digits[0]) {
            continue;
        }
        if issuer == Issuer::Usual && is_usual_grouping(&candidate.ends[..=group]) {
            return Ok(Some(Hit::new(start, end, Confidence::Certain)));
        }
        if CONTEXT.speaks_for(window, start) {
            return Ok(Some(Hit::new(start, end, Confidence::Likely)));
        }
    }
    Ok(None)
}

/// `0.4111111111111111` is a number.
fn is_fraction(window: &Window<'_>, start: usize) -> bool {
    matches!(window.before(start), Some(b'.' | b','))
        && start >= 2
        && window.before(start - 1).is_some_and(|byte| byte.is_ascii_digit())
}

fn read(window: &Window<'_>, start: usize) -> Result<Candidate, More> {
    let mut candidate = Candidate { digits: [0; DIGITS_MAX], ends: [(0, 0); DIGITS_MAX], groups: 0 };
    let mut count = 0;
    let mut at = start;
    loop {
        while let Some(byte @ b'0'..=b'9') = window.byte(at)? {
            if count == DIGITS_MAX {
                return Ok(candidate);
            }
            candidate.digits[count] = byte - b'0';
            count += 1;
            at += 1;
        }
        if !window.ends_at(at)? {
            return Ok(candidate);
        }
        candidate.ends[candidate.groups] = (count, at);
        candidate.groups += 1;
        let separator = window.separator(at)?;
        let more =
            separator > 0 && count < DIGITS_MAX && window.byte(at + separator)?.is_some_and(|b| b.is_ascii_digit());
        if !more {
            return Ok(candidate);
        }
        at += separator;
    }
}

/// One group, groups of four, or 4-6-5 and 4-6-4 as on the cards that have fewer digits.
fn is_usual_grouping(ends: &[(usize, usize)]) -> bool {
    let mut previous = 0;
    let mut sizes = [0_usize; DIGITS_MAX];
    for (size, (count, _)) in sizes.iter_mut().zip(ends) {
        *size = count - previous;
        previous = *count;
    }
    match &sizes[..ends.len()] {
        [_] | [4, 6, 4 | 5] => true,
        [first @ .., last] => first.iter().all(|size| *size == 4) && *last <= 4,
        [] => false,
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
}

fn issuer(digits: &[u8]) -> Issuer {
    let length = digits.len();
    let (two, three, four) = (number(&digits[..2]), number(&digits[..3]), number(&digits[..4]));
    // For each range: the usual lengths and the rare ones.
    let (usual, rare): (&[usize], &[usize]) = match (two, three, four) {
        // Visa
        (40..=49, _, _) => (&[16], &[13, 19]),
        // Mastercard
        (51..=55, _, _) | (_, _, 2221..=2720) => (&[16], &[]),
        // American Express
        (34 | 37, _, _) => (&[15], &[]),
        // Diners Club
        (36 | 38 | 39, _, _) | (_, 300..=305, _) | (_, _, 3095) => (&[14], &[16, 19]),
        // JCB, and its old range of 15 digits
        (_, _, 3528..=3589) => (&[16], &[17, 18, 19]),
        (_, _, 1800 | 2131) => (&[15], &[]),
        // Mir
        (_, _, 2200..=2204) => (&[16], &[17, 18, 19]),
        // Discover, UnionPay, RuPay
        (_, _, 6011) | (_, 644..=649, _) | (60 | 62 | 65 | 81 | 82, _, _) => (&[16], &[17, 18, 19]),
        // Maestro and the national schemes in its range
        (50 | 56..=58 | 63 | 67, _, _) | (_, _, 604) => (&[16], &[12, 13, 14, 15, 17, 18, 19]),
        // Troy, Uzcard, Humo
        (_, _, 9792 | 8600 | 9860) => (&[16], &[]),
        // Ranges are given out anew: where a word says that it is a card, the check digit is enough.
        _ => (&[], &[14, 15, 16]),
    };
    if usual.contains(&length) {
        Issuer::Usual
    } else if rare.contains(&length) {
        Issuer::Rare
    } else {
        Issuer::None
    }
}

/// The check digit of ISO/IEC 7812.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit() {
        assert!(luhn(&[4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
        assert!(!luhn(&[4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]));
    }

    #[test]
    fn issuers_by_range_and_length() {
        let of = |text: &str| issuer(&text.bytes().map(|byte| byte - b'0').collect::<Vec<_>>());
        assert_eq!(of("4111111111111111"), Issuer::Usual);
        assert_eq!(of("4222222222222"), Issuer::Rare);
        assert_eq!(of("378282246310005"), Issuer::Usual);
        assert_eq!(of("2720990000000007"), Issuer::Usual);
        assert_eq!(of("2721000000000004"), Issuer::Rare);
        assert_eq!(of("17000000000000000"), Issuer::None);
    }
}
