//! Writing times in layouts.

use std::fmt::Write as _;

use jiff::civil::Weekday;

use super::Moment;
use super::layout::{Chunk, Offset, chunks};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS[weekday.to_monday_zero_offset().unsigned_abs() as usize % 7]
}

pub(super) fn format(layout: &str, moment: &Moment) -> String {
    let local = moment.local();
    let info = moment.zone.to_offset_info(moment.timestamp);
    let seconds = info.offset().seconds();
    let (year, hour) = (local.year(), local.hour());
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month = MONTHS[local.month().unsigned_abs() as usize - 1];
    let weekday = weekday_name(local.weekday());
    let mut out = String::new();
    for chunk in chunks(layout) {
        // Writing to a string never fails.
        let _ = match chunk {
            Chunk::Literal(text) => out.write_str(text),
            Chunk::LongMonth => out.write_str(month),
            Chunk::Month => out.write_str(&month[..3]),
            Chunk::NumberMonth => write!(out, "{}", local.month()),
            Chunk::ZeroMonth => write!(out, "{:02}", local.month()),
            Chunk::LongWeekday => out.write_str(weekday),
            Chunk::Weekday => out.write_str(&weekday[..3]),
            Chunk::Day => write!(out, "{}", local.day()),
            Chunk::SpaceDay => write!(out, "{:2}", local.day()),
            Chunk::ZeroDay => write!(out, "{:02}", local.day()),
            Chunk::SpaceYearDay => write!(out, "{:3}", local.day_of_year()),
            Chunk::ZeroYearDay => write!(out, "{:03}", local.day_of_year()),
            Chunk::Hour => write!(out, "{hour:02}"),
            Chunk::Hour12 => write!(out, "{hour12}"),
            Chunk::ZeroHour12 => write!(out, "{hour12:02}"),
            Chunk::Minute => write!(out, "{}", local.minute()),
            Chunk::ZeroMinute => write!(out, "{:02}", local.minute()),
            Chunk::Second => write!(out, "{}", local.second()),
            Chunk::ZeroSecond => write!(out, "{:02}", local.second()),
            Chunk::LongYear => write!(out, "{year:04}"),
            Chunk::Year => write!(out, "{:02}", year.rem_euclid(100)),
            Chunk::Half => out.write_str(if hour >= 12 { "PM" } else { "AM" }),
            Chunk::SmallHalf => out.write_str(if hour >= 12 { "pm" } else { "am" }),
            Chunk::ZoneName => out.write_str(info.abbreviation()),
            Chunk::Offset(offset) => write_offset(&mut out, seconds, offset),
            Chunk::Fraction { sign, digits, zeros } => {
                write_fraction(&mut out, local.subsec_nanosecond().unsigned_abs(), sign, digits, zeros)
            }
        };
    }
    out
}

fn write_offset(out: &mut String, seconds: i32, offset: Offset) -> std::fmt::Result {
    if offset.z && seconds == 0 {
        return out.write_str("Z");
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let colon = if offset.colons { ":" } else { "" };
    write!(out, "{sign}{:02}", seconds / 3600)?;
    if offset.minutes {
        write!(out, "{colon}{:02}", seconds / 60 % 60)?;
    }
    if offset.seconds {
        write!(out, "{colon}{:02}", seconds % 60)?;
    }
    Ok(())
}

fn write_fraction(out: &mut String, nanoseconds: u32, sign: char, digits: usize, zeros: bool) -> std::fmt::Result {
    let text = format!("{nanoseconds:09}");
    let text = text.get(..digits).unwrap_or(&text);
    let text = if zeros { text } else { text.trim_end_matches('0') };
    if text.is_empty() {
        Ok(())
    } else {
        write!(out, "{sign}{text}{}", "0".repeat(if zeros { digits.saturating_sub(9) } else { 0 }))
    }
}
