//! Reading times in layouts.

use super::format::{MONTHS, WEEKDAYS};
use super::layout::{Chunk, Offset, chunks};
use super::{days_in_month, days_to_month, nanoseconds_of};
use crate::casts::shortened;

/// What a text has told so far.
struct Reader<'t> {
    rest: &'t str,
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    /// Whether the hour is one of the afternoon.
    afternoon: Option<bool>,
    /// Seconds to the east of UTC.
    offset: i64,
}

/// The nanoseconds since 1970 that a text denotes in a layout; without a zone it is in UTC.
pub(super) fn parse(layout: &str, text: &str) -> Result<i128, String> {
    let mut reader = Reader {
        rest: text,
        year: 0,
        month: None,
        day: None,
        year_day: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        afternoon: None,
        offset: 0,
    };
    let fail = |what: &str| format!("parsing time \"{}\" as \"{}\": {what}", shortened(text), shortened(layout));
    let chunks = chunks(layout);
    for (place, chunk) in chunks.iter().enumerate() {
        let next = chunks.get(place + 1);
        if reader.chunk(chunk, next).is_none() {
            return Err(fail(&format!("cannot parse \"{}\"", shortened(reader.rest))));
        }
    }
    if !reader.rest.is_empty() {
        return Err(fail(&format!("extra text: \"{}\"", shortened(reader.rest))));
    }
    reader.nanoseconds().ok_or_else(|| fail("day out of range"))
}

impl Reader<'_> {
    fn nanoseconds(&self) -> Option<i128> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let days = match self.year_day {
            Some(year_day) => self.days_by_year_day(year_day)?,
            None => {
                let (month, day) = (self.month.unwrap_or(1) - 1, self.day.unwrap_or(1));
                if !(1..=days_in_month(self.year, month)).contains(&day) {
                    return None;
                }
                days_to_month(self.year, month) + day - 1
            }
        };
        Some(nanoseconds_of(days, hour, self.minute, self.second - self.offset, self.nanosecond))
    }

    /// Day and month, where they are given too, must say the same.
    fn days_by_year_day(&self, year_day: i64) -> Option<i64> {
        let start = days_to_month(self.year, 0);
        let length = days_to_month(self.year, 12) - start;
        let days = start + year_day - 1;
        let month_fits = self.month.is_none_or(|month| {
            let first = days_to_month(self.year, month - 1);
            let day = days - first + 1;
            (1..=days_in_month(self.year, month - 1)).contains(&day) && self.day.is_none_or(|given| given == day)
        });
        ((1..=length).contains(&year_day) && month_fits).then_some(days)
    }

    /// Reads one part; `None` where the text has another one.
    fn chunk(&mut self, chunk: &Chunk<'_>, next: Option<&Chunk<'_>>) -> Option<()> {
        match chunk {
            Chunk::Literal(text) => self.literal(text)?,
            Chunk::LongMonth => self.month = Some(self.name(&MONTHS, usize::MAX)?),
            Chunk::Month => self.month = Some(self.name(&MONTHS, 3)?),
            Chunk::NumberMonth => self.month = Some(self.number(false, 1..=12)?),
            Chunk::ZeroMonth => self.month = Some(self.number(true, 1..=12)?),
            Chunk::LongWeekday => {
                self.name(&WEEKDAYS, usize::MAX)?;
            }
            Chunk::Weekday => {
                self.name(&WEEKDAYS, 3)?;
            }
            Chunk::Day => self.day = Some(self.number(false, 0..=99)?),
            Chunk::SpaceDay => {
                self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                self.day = Some(self.number(false, 0..=99)?);
            }
            Chunk::ZeroDay => self.day = Some(self.number(true, 0..=99)?),
            Chunk::SpaceYearDay | Chunk::ZeroYearDay => self.year_day = Some(self.year_day(*chunk)?),
            Chunk::Hour => self.hour = self.number(false, 0..=23)?,
            Chunk::Hour12 => self.hour = self.number(false, 0..=12)?,
            Chunk::ZeroHour12 => self.hour = self.number(true, 0..=12)?,
            Chunk::Minute => self.minute = self.number(false, 0..=59)?,
            Chunk::ZeroMinute => self.minute = self.number(true, 0..=59)?,
            Chunk::Second => self.second(false, next)?,
            Chunk::ZeroSecond => self.second(true, next)?,
            Chunk::LongYear => self.year = self.digits(4)?,
            Chunk::Year => {
                let year = self.digits(2)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Chunk::Half => self.half("AM", "PM")?,
            Chunk::SmallHalf => self.half("am", "pm")?,
            Chunk::ZoneName => self.zone_name()?,
            Chunk::Offset(offset) => self.offset(*offset)?,
            Chunk::Fraction { digits, zeros, .. } => self.fraction(zeros.then_some(*digits))?,
        }
        Some(())
    }

    /// Blanks in a layout stand for any number of them.
    fn literal(&mut self, mut text: &str) -> Option<()> {
        while let Some(c) = text.chars().next() {
            if c == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                (text, self.rest) = (text.trim_start_matches(' '), self.rest.trim_start_matches(' '));
            } else {
                self.rest = self.rest.strip_prefix(c)?;
                text = &text[c.len_utf8()..];
            }
        }
        Some(())
    }

    /// A name, of which the first `length` letters are written; its number from 1.
    fn name(&mut self, names: &[&str], length: usize) -> Option<i64> {
        let written = |name: &&&str| {
            let name = name.get(..length).unwrap_or(name);
            self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        let place = names.iter().position(|name| written(&name))?;
        let name = names[place];
        self.rest = &self.rest[name.len().min(length)..];
        i64::try_from(place + 1).ok()
    }

    /// So many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
        self.rest = rest;
        Some(number)
    }

    /// Two digits, or also one.
    fn number(&mut self, two: bool, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let count = self.rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if count == 0 || two && count < 2 {
            return None;
        }
        self.digits(count).filter(|number| range.contains(number))
    }

    /// Three characters, of which the first may be blanks where the layout says so.
    fn year_day(&mut self, chunk: Chunk<'_>) -> Option<i64> {
        let (text, rest) = self.rest.split_at_checked(3)?;
        let digits = if chunk == Chunk::SpaceYearDay { text.trim_start_matches(' ') } else { text };
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
        self.rest = rest;
        Some(number)
    }

    /// A fraction may follow the seconds although the layout has none.
    fn second(&mut self, two: bool, next: Option<&Chunk<'_>>) -> Option<()> {
        self.second = self.number(two, 0..=59)?;
        let follows = self.rest.starts_with(['.', ',']) && self.rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if follows && !matches!(next, Some(Chunk::Fraction { .. })) {
            self.fraction(None)?;
        }
        Some(())
    }

    /// So many digits of a second, or any number of them, also none.
    fn fraction(&mut self, digits: Option<usize>) -> Option<()> {
        let Some(after) = self.rest.strip_prefix(['.', ',']) else { return digits.is_none().then_some(()) };
        let available = after.bytes().take_while(u8::is_ascii_digit).count();
        let count = match digits {
            Some(digits) if digits > available => return None,
            Some(digits) => digits,
            None if available == 0 => return Some(()),
            None => available,
        };
        let (text, rest) = after.split_at(count);
        self.nanosecond = format!("{text:0<9}")[..9].parse().ok()?;
        self.rest = rest;
        Some(())
    }

    fn half(&mut self, morning: &str, afternoon: &str) -> Option<()> {
        let half = self.rest.get(..2)?;
        self.afternoon = Some(if half == afternoon {
            true
        } else if half == morning {
            false
        } else {
            return None;
        });
        self.rest = &self.rest[2..];
        Some(())
    }

    fn offset(&mut self, offset: Offset) -> Option<()> {
        if offset.z
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            self.rest = rest;
            return Some(());
        }
        let sign = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let mut seconds = self.digits(2).filter(|hours| *hours <= 24)? * 3600;
        for (written, unit) in [(offset.minutes, 60), (offset.seconds, 1)] {
            if written {
                if offset.colons {
                    self.rest = self.rest.strip_prefix(':')?;
                }
                seconds += self.digits(2).filter(|part| *part < 60)? * unit;
            }
        }
        self.offset = sign * seconds;
        Some(())
    }

    /// An abbreviation such as `CET`. Only `UTC` and `GMT` with hours say which offset they mean, so others count as none.
    fn zone_name(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix("UTC") {
            self.rest = rest;
            return Some(());
        }
        if let Some(rest) = self.rest.strip_prefix("GMT") {
            self.rest = rest;
            return self.hours().map(|hours| self.offset = hours * 3600).or(Some(()));
        }
        if self.rest.starts_with(['+', '-']) {
            return self.hours().map(drop);
        }
        let capitals = self.rest.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
        let length = match capitals {
            _ if self.rest.starts_with("ChST") || self.rest.starts_with("MeST") => 4,
            3 => 3,
            4 if self.rest.as_bytes()[3] == b'T' || self.rest.starts_with("WITA") => 4,
            5 if self.rest.as_bytes()[4] == b'T' => 5,
            _ => return None,
        };
        self.rest = &self.rest[length..];
        Some(())
    }

    /// Hours with a sign, below 24.
    fn hours(&mut self) -> Option<i64> {
        let sign = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let digits = self.rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        let hours: i64 = self.rest[1..=digits].parse().ok().filter(|hours| *hours <= 23)?;
        self.rest = &self.rest[digits + 1..];
        Some(sign * hours)
    }
}
