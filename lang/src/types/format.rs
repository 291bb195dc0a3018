//! Forms of text that `format` of a schema asks for.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Type;
use super::text::{parse_time, text_fits};

/// A form of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// `2026-01-31T09:00:00Z`
    DateTime,
    /// `^a+$`
    Regex,
    /// `2026-01-31`
    Date,
    /// `09:00:00Z`
    TimeOfDay,
    /// `P1DT2H`
    Duration,
    /// `a@example.com`
    Email,
    /// `www.example.com`
    Hostname,
    /// `10.0.0.1`
    Ipv4,
    /// `::1`
    Ipv6,
    /// `https://example.com/`
    Uri,
    /// A URI, or a part of one that is read beside another.
    UriReference,
    /// `2eb8aa08-aa98-11ea-b4aa-73b441d16380`
    Uuid,
    /// `/a/0`
    JsonPointer,
}

impl TextFormat {
    /// The form with a name; `None` if there is none.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => TextFormat::DateTime,
            "regex" => TextFormat::Regex,
            "date" => TextFormat::Date,
            "time" => TextFormat::TimeOfDay,
            "duration" => TextFormat::Duration,
            "email" => TextFormat::Email,
            "hostname" => TextFormat::Hostname,
            "ipv4" => TextFormat::Ipv4,
            "ipv6" => TextFormat::Ipv6,
            "uri" => TextFormat::Uri,
            "uri-reference" => TextFormat::UriReference,
            "uuid" => TextFormat::Uuid,
            "json-pointer" => TextFormat::JsonPointer,
            _ => return None,
        })
    }

    /// Whether a text has the form.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            TextFormat::DateTime => parse_time(text).is_some(),
            TextFormat::Regex => text_fits(text, &Type::Regex).is_ok(),
            // The year of a time is bounded by 64 bits of nanoseconds, that of a date is not: any leap year will do.
            TextFormat::Date => text.is_ascii() && text.len() == 10 && is_date(text),
            TextFormat::TimeOfDay => parse_time(&format!("2000-01-01T{text}")).is_some(),
            TextFormat::Duration => is_duration(text),
            TextFormat::Email => is_email(text),
            TextFormat::Hostname => is_hostname(text),
            TextFormat::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            TextFormat::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            TextFormat::Uri => is_uri_text(text) && has_scheme(text),
            TextFormat::UriReference => is_uri_text(text),
            TextFormat::Uuid => is_uuid(text),
            TextFormat::JsonPointer => is_pointer(text),
        }
    }
}

impl fmt::Display for TextFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextFormat::DateTime => "a time such as 2026-01-31T09:00:00Z",
            TextFormat::Regex => "a regular expression",
            TextFormat::Date => "a date such as 2026-01-31",
            TextFormat::TimeOfDay => "a time of day such as 09:00:00Z",
            TextFormat::Duration => "a duration such as P1DT2H",
            TextFormat::Email => "an email address",
            TextFormat::Hostname => "the name of a host",
            TextFormat::Ipv4 => "an IPv4 address",
            TextFormat::Ipv6 => "an IPv6 address",
            TextFormat::Uri => "a URI",
            TextFormat::UriReference => "a URI or a relative reference",
            TextFormat::Uuid => "a UUID",
            TextFormat::JsonPointer => "a JSON pointer",
        })
    }
}

/// The day is checked in a year of the same leap that 64 bits of nanoseconds can hold.
fn is_date(text: &str) -> bool {
    let Some((year, rest)) = text.split_at_checked(4) else { return false };
    let Ok(year) = year.parse::<u16>() else { return false };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let stand_in = if leap { 2000 } else { 2001 };
    text.starts_with(|first: char| first.is_ascii_digit())
        && parse_time(&format!("{stand_in}{rest}T00:00:00Z")).is_some()
}

fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|byte| byte.is_ascii_digit());
    }
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return false,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    !rest.is_empty() && in_units(date, "YMD") && in_units(time, "HMS")
}

/// Numbers with units in this order, each at most once.
fn in_units(text: &str, units: &str) -> bool {
    let (mut rest, mut units) = (text, units);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(unit) = rest.get(digits..).and_then(|rest| rest.chars().next()) else { return false };
        let Some((_, later)) = units.split_once(unit).filter(|_| digits > 0) else { return false };
        units = later;
        rest = rest.get(digits + unit.len_utf8()..).unwrap_or("");
    }
    true
}

fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let atom = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(atom) && is_hostname(host)
}

fn is_hostname(text: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    (1..=253).contains(&text.len()) && text.split('.').all(label)
}

/// Only characters of a URI, with each `%` in front of two hexadecimal digits.
fn is_uri_text(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let escapes = text
        .split('%')
        .skip(1)
        .all(|after| after.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())));
    text.bytes().all(allowed) && escapes && text.matches('#').count() <= 1
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    !rest.is_empty()
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        for (format, text, fits) in [
            ("date", "2024-02-29", true),
            ("date", "2023-02-29", false),
            ("date", "9999-12-31", true),
            ("date", "2024-2-29", false),
            ("time", "09:00:00.5+01:00", true),
            ("time", "09:00", false),
            ("duration", "P1Y2M3DT4H5M6S", true),
            ("duration", "P3W", true),
            ("duration", "PT", false),
            ("duration", "P1D2M", false),
            ("email", "a.b+c@example.com", true),
            ("email", "a..b@example.com", false),
            ("email", "example.com", false),
            ("hostname", "www.example.com", true),
            ("hostname", "-x.example", false),
            ("ipv4", "10.0.0.1", true),
            ("ipv4", "::1", false),
            ("ipv6", "::1", true),
            ("ipv6", "10.0.0.1", false),
            ("uri", "https://example.com/a?b=%20#c", true),
            ("uri", "/relative", false),
            ("uri", "https://example.com/ä", false),
            ("uri-reference", "/relative", true),
            ("uri-reference", "a%2", false),
            ("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", true),
            ("uuid", "2eb8aa08aa9811eab4aa73b441d16380", false),
            ("json-pointer", "/a~1b/0", true),
            ("json-pointer", "a", false),
        ] {
            let named = TextFormat::named(format).expect("there is such a form");
            assert_eq!(named.fits(text), fits, "`{text}` as {format}");
        }
    }
}
