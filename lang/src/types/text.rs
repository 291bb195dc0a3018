//! Texts with a meaning: addresses, networks, patterns, times and durations.

use std::net::IpAddr;

use super::Type;

const NANOSECONDS: i64 = 1_000_000_000;
/// Longest text that is read as a pattern.
const PATTERN_BYTES_MAX: usize = 10_000;

/// Whether a text is one of type `ip`, `cidr`, `regex`, `glob`, `time` or `duration`; an error says why not. Any text is of
/// every other type.
///
/// # Errors
///
/// Why the text is not of the type.
pub fn text_fits(text: &str, ty: &Type) -> Result<(), String> {
    match ty {
        Type::Ip => text.parse::<IpAddr>().map(|_| ()).map_err(|_| "it is not an IP address".to_owned()),
        Type::Cidr => cidr(text),
        Type::Regex => regex(text),
        Type::Glob => glob(text),
        Type::Time => {
            parse_time(text).map(|_| ()).ok_or_else(|| "it is not a time such as `2026-01-31T09:00:00Z`".to_owned())
        }
        Type::Duration => {
            parse_duration(text).map(|_| ()).ok_or_else(|| "it is not a duration such as `15m`".to_owned())
        }
        _ => Ok(()),
    }
}

fn cidr(text: &str) -> Result<(), String> {
    let Some((address, length)) = text.split_once('/') else {
        return Err("it is not a network such as `10.0.0.0/8`".to_owned());
    };
    let address: IpAddr = address.parse().map_err(|_| format!("`{address}` is not an IP address"))?;
    let length_max = if address.is_ipv4() { 32 } else { 128 };
    match length.parse::<u8>() {
        Ok(length) if length <= length_max => Ok(()),
        _ => Err(format!("`{length}` is not a prefix length from 0 to {length_max}")),
    }
}

fn regex(text: &str) -> Result<(), String> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes"));
    }
    let built = regex::RegexBuilder::new(text).size_limit(1 << 20).nest_limit(50).build();
    built.map(|_| ()).map_err(|error| match error {
        regex::Error::Syntax(message) => {
            message.lines().last().unwrap_or("it is not a pattern").trim_start_matches("error: ").to_owned()
        }
        regex::Error::CompiledTooBig(_) => "it is too large once compiled".to_owned(),
        other => other.to_string(),
    })
}

/// Braces and brackets must be closed; everything else is a pattern.
fn glob(text: &str) -> Result<(), String> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes"));
    }
    let mut open = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.next().is_none() => return Err("it ends with a backslash".to_owned()),
            '[' | '{' => open.push(character),
            ']' if open.pop() != Some('[') => return Err("`]` closes nothing".to_owned()),
            '}' if open.pop() != Some('{') => return Err("`}` closes nothing".to_owned()),
            _ => {}
        }
    }
    open.pop().map_or(Ok(()), |character| Err(format!("`{character}` is not closed")))
}

/// Nanoseconds of a text such as `15m`, `1h30m` or `250ms`; `None` if it is none or does not fit.
pub fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => NANOSECONDS,
            "m" => 60 * NANOSECONDS,
            "h" => 3_600 * NANOSECONDS,
            "d" => 86_400 * NANOSECONDS,
            "w" => 7 * 86_400 * NANOSECONDS,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// Nanoseconds since 1970 of an RFC 3339 text; `None` if it is none or lies outside the years that 64 bits hold.
pub fn parse_time(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let sign = |at: usize, allowed: &str| text.get(at..=at).filter(|found| allowed.contains(*found));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    for (at, allowed) in [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")] {
        sign(at, allowed)?;
    }
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days_in_month = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        if digits == 0 {
            return None;
        }
        let padded: String = fraction.chars().take(digits.min(9)).chain("000000000".chars()).take(9).collect();
        nanoseconds = padded.parse().ok()?;
        rest = fraction.get(digits..)?;
    }
    let seconds =
        days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_seconds(rest)?;
    seconds.checked_mul(NANOSECONDS)?.checked_add(nanoseconds)
}

/// Seconds that `Z`, `+01:00` or `-05:30` lie east of UTC.
fn offset_seconds(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let direction = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then(|| direction * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
}

/// Days from 1970-01-01 in the Gregorian calendar, counted in eras of 400 years that start in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_nanoseconds_since_1970() {
        assert_eq!(parse_time("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_time("2000-02-29T12:00:00.5+01:00"), Some(951_822_000_500_000_000));
        assert_eq!(parse_time("1969-12-31T23:59:59Z"), Some(-1_000_000_000));
        for text in [
            "",
            "2001-02-29T00:00:00Z",
            "2000-01-01",
            "2000-01-01T00:00:00",
            "9999-01-01T00:00:00Z",
            "2000-01-01T00:00:00+1:00",
        ] {
            assert_eq!(parse_time(text), None, "`{text}`");
        }
    }

    #[test]
    fn durations_are_nanoseconds() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000_000_000));
        assert_eq!(parse_duration("250ms"), Some(250_000_000));
        for text in ["", "15", "m", "15x", "99999999999999h"] {
            assert_eq!(parse_duration(text), None, "`{text}`");
        }
    }

    #[test]
    fn texts_are_checked() {
        for (text, ty, good) in [
            ("10.0.0.1", Type::Ip, true),
            ("10.0.0.256", Type::Ip, false),
            ("10.0.0.0/8", Type::Cidr, true),
            ("10.0.0.0/33", Type::Cidr, false),
            ("::/0", Type::Cidr, true),
            ("^a+$", Type::Regex, true),
            ("a(", Type::Regex, false),
            ("*.example.{com,org}", Type::Glob, true),
            ("a[", Type::Glob, false),
        ] {
            assert_eq!(text_fits(text, &ty).is_ok(), good, "`{text}` as {ty}");
        }
    }
}
