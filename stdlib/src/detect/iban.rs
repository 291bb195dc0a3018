//! International bank account numbers: country, length of that country, and the check of ISO 7064 (mod 97-10).

use super::matcher::{Confidence, Hit, Outcome};
use super::window::Window;

/// Lengths by country, from the SWIFT registry. In the order of the codes.
const LENGTHS: &[(&[u8; 2], u8)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The two letters of each country, in capitals.
pub(crate) fn countries() -> impl Iterator<Item = [u8; 2]> {
    LENGTHS.iter().map(|(code, _)| **code)
}

pub(crate) fn evaluate(window: &Window<'_>, start: usize) -> Outcome {
    let mut country = [0_u8; 2];
    for (place, letter) in country.iter_mut().enumerate() {
        match window.byte(start + place)? {
            Some(byte) if byte.is_ascii_alphabetic() => *letter = byte.to_ascii_uppercase(),
            Some(_) | None => return Ok(None),
        }
    }
    let Ok(entry) = LENGTHS.binary_search_by(|(code, _)| (*code).cmp(&country)) else { return Ok(None) };
    let length = usize::from(LENGTHS[entry].1);
    let mut characters = [0_u8; 34];
    let mut count = 0;
    let mut at = start;
    while count < length {
        if count > 0 && count.is_multiple_of(4) {
            at += window.separator(at)?;
        }
        match window.byte(at)? {
            // Country, then two check digits.
            Some(byte) if byte.is_ascii_alphanumeric() && (byte.is_ascii_digit() || !(2..4).contains(&count)) => {
                characters[count] = byte.to_ascii_uppercase();
            }
            Some(_) | None => return Ok(None),
        }
        count += 1;
        at += 1;
    }
    if !window.begins_at(start) || !window.ends_at(at)? || !is_valid(&characters[..length]) {
        return Ok(None);
    }
    Ok(Some(Hit::new(start, at, Confidence::Certain)))
}

fn is_valid(characters: &[u8]) -> bool {
    let (head, tail) = characters.split_at(4);
    let remainder = tail.iter().chain(head).fold(0_u32, |remainder, &byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_fits() {
        assert!(LENGTHS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(LENGTHS.iter().all(|(_, length)| (15..=34).contains(length)));
    }

    #[test]
    fn the_check() {
        assert!(is_valid(b"GB29NWBK60161331926819"));
        assert!(is_valid(b"DE89370400440532013000"));
        assert!(!is_valid(b"DE88370400440532013000"));
    }
}
