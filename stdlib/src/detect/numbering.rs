//! The numbering plans of the world, from the data of the `phonenumber` crate.
//!
//! That crate's own check keeps a hundred compiled expressions behind one lock; a text of numbers from many countries would
//! make it compile over and over. Here each country's expression is compiled once.

use std::sync::OnceLock;

use phonenumber::metadata::DATABASE;
use regex::bytes::{Regex, RegexBuilder};

const CODE_DIGITS_MAX: usize = 3;
const EXPRESSION_BYTES_MAX: usize = 1 << 20;

/// By country code. `None` where the code is nobody's.
static PLANS: [OnceLock<Option<Regex>>; 1000] = [const { OnceLock::new() }; 1000];

/// Loads the data, which takes a moment at its first use.
pub(crate) fn prepare() {
    is_valid(b"12125550123");
}

/// Whether these ASCII digits are a country code and a national number of that country.
pub(crate) fn is_valid(digits: &[u8]) -> bool {
    let mut code = 0;
    for (index, digit) in digits.iter().enumerate().take(CODE_DIGITS_MAX) {
        code = code * 10 + usize::from(digit - b'0');
        // No code begins with another one.
        if let Some(plan) = PLANS.get(code).and_then(|plan| plan.get_or_init(|| load(code)).as_ref()) {
            return has(plan, &digits[index + 1..]);
        }
    }
    false
}

fn has(plan: &Regex, national: &[u8]) -> bool {
    // Some write the zero that is dialled at home only.
    plan.is_match(national) || national.strip_prefix(b"0").is_some_and(|number| plan.is_match(number))
}

/// The expression of a country's national numbers, without the kinds of them: that is enough to tell a number from others.
fn load(code: usize) -> Option<Regex> {
    let regions = DATABASE.by_code(&u16::try_from(code).ok()?)?;
    let mut numbers: Vec<String> = Vec::new();
    for region in regions {
        let expression = region.descriptors().general().national_number().to_string();
        if !numbers.contains(&expression) {
            numbers.push(expression);
        }
    }
    RegexBuilder::new(&format!("^(?:{})$", numbers.join("|")))
        .ignore_whitespace(true)
        .unicode(false)
        .size_limit(EXPRESSION_BYTES_MAX)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_several_countries() {
        for number in [
            "12125550123",
            "46892857138",
            "447911123456",
            "4407911123456",
            "390236618300",
            "80012345678",
            "33142685300",
        ] {
            assert!(is_valid(number.as_bytes()), "{number}");
        }
        for number in ["1212555012", "121255501234", "9991234567", "0", "", "46", "999999999999999"] {
            assert!(!is_valid(number.as_bytes()), "{number}");
        }
    }

    #[test]
    fn every_plan_compiles() {
        let codes = (1..1000).filter(|code| u16::try_from(*code).is_ok_and(|code| DATABASE.by_code(&code).is_some()));
        for code in codes {
            assert!(load(code).is_some(), "{code}");
        }
    }
}
