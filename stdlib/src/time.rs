//! Builtins on times and durations. A time is a number of nanoseconds since 1970, a duration one of nanoseconds; zones come
//! with the program.

use std::sync::LazyLock;

use hpol_lang::value::Value;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::arguments::{Outcome, argument, failed, type_error};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::casts::shortened;
use crate::heap::{View, Word};

mod duration;
mod format;
mod layout;
mod parse;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "time.add_date",
        "(time | int | array[any], int, int, int) -> time",
        "The time so many years, months and days later; a day that its month does not have runs over into the next.",
        &[
            example("time.add_date(0, 1, 1, 1)", "34300800000000000"),
            example("time.add_date(0, 400, 0, 0)", "error"),
        ],
        add_date,
    ),
    Builtin::pure(
        "time.clock",
        "(time | int | array[any]) -> array[int]",
        "Hour, minute and second of a time, or of `[time, zone]` in that zone.",
        &[
            example("time.clock(1517832000000000000)", "[12, 0, 0]"),
            example("time.clock([1517832000000000000, \"America/New_York\"])", "[7, 0, 0]"),
            example("time.clock([0, \"Nowhere/City\"])", "error"),
        ],
        clock,
    ),
    Builtin::pure(
        "time.date",
        "(time | int | array[any]) -> array[int]",
        "Year, month and day of a time, or of `[time, zone]` in that zone.",
        &[example("time.date(1582977600000000000)", "[2020, 2, 29]")],
        date,
    ),
    Builtin::pure(
        "time.diff",
        "(time | int | array[any], time | int | array[any]) -> array[int]",
        "Years, months, days, hours, minutes and seconds between two times, in the zone of the first.",
        &[example("time.diff(1582977600000000000, 0)", "[50, 1, 28, 12, 0, 0]")],
        diff,
    ),
    Builtin::pure(
        "time.format",
        "(time | int | array[any]) -> string",
        "The time as RFC 3339 text, or `[time, zone, layout]` in that zone and in a layout that shows how 2006-01-02 15:04:05 is to be written; `RFC1123` and Go's other names stand for layouts.",
        &[
            example("time.format(1582977600000000000)", "\"2020-02-29T12:00:00Z\""),
            example("time.format([1582977600000000000, \"Europe/Rome\", \"2 Jan 2006 15:04 MST\"])", "\"29 Feb 2020 13:00 CET\""),
        ],
        format_time,
    ),
    Builtin::pure("time.now_ns", "() -> time", "The time of the decision, the same throughout it.", &[example("time.now_ns()", "1709208000000000000")], now).of_decision(),
    Builtin::pure(
        "time.parse_duration_ns",
        "(string) -> duration",
        "The duration that a text such as `1h30m` or `250ms` denotes.",
        &[example("time.parse_duration_ns(\"1m30s\")", "90000000000"), example("time.parse_duration_ns(\"1 hour\")", "error")],
        parse_duration,
    )
    .checked(check_duration),
    Builtin::pure(
        "time.parse_ns",
        "(string, string) -> time",
        "The time that a text, the second argument, denotes in a layout that shows how 2006-01-02 15:04:05 would be written.",
        &[
            example("time.parse_ns(\"2006-01-02\", \"2020-02-29\")", "1582934400000000000"),
            example("time.parse_ns(\"RFC822Z\", \"02 Jun 17 19:00 -0700\")", "1496455200000000000"),
            example("time.parse_ns(\"2006-01-02\", \"2020-02-30\")", "error"),
        ],
        parse_time,
    )
    .checked(check_layout),
    Builtin::pure(
        "time.parse_rfc3339_ns",
        "(string) -> time",
        "The time that an RFC 3339 text denotes.",
        &[example("time.parse_rfc3339_ns(\"2017-06-02T19:00:00-07:00\")", "1496455200000000000"), example("time.parse_rfc3339_ns(\"2017-06-02\")", "error")],
        parse_rfc3339,
    )
    .checked(check_rfc3339),
    Builtin::pure(
        "time.weekday",
        "(time | int | array[any]) -> string",
        "The English name of a time's day, or of `[time, zone]` in that zone.",
        &[example("time.weekday(1517832000000000000)", "\"Monday\"")],
        weekday,
    ),
];

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;
const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
const RFC3339_NANOSECONDS: &str = "2006-01-02T15:04:05.999999999Z07:00";

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Layouts that have names.
fn named_layout(name: &str) -> &str {
    match name {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => RFC3339,
        "RFC3339Nano" => RFC3339_NANOSECONDS,
        other => other,
    }
}

/// A time in a zone, and how it is to be written.
struct Moment {
    timestamp: Timestamp,
    zone: TimeZone,
    layout: String,
}

impl Moment {
    /// The date and the clock in the zone.
    fn local(&self) -> DateTime {
        self.zone.to_datetime(self.timestamp)
    }
}

/// Reads a number of nanoseconds, or an array of it, a zone and a layout.
fn moment(call: &Call<'_>, arguments: &[Word], position: usize) -> Result<Moment, BuiltinError> {
    let expected = "either number (ns) or [number (ns), string (tz)]";
    let word = argument(arguments, position);
    let (nanoseconds, rest) = match call.heap.view(word) {
        View::Int(_) | View::Number(_) => (word, &[][..]),
        View::Array([first, rest @ ..]) => (*first, rest),
        _ => return Err(call.wrong(arguments, position, expected)),
    };
    let number = call.heap.as_number(nanoseconds);
    let number = number.ok_or_else(|| type_error(1, "number", crate::arguments::type_name(call.heap, nanoseconds)))?;
    let nanoseconds = number.as_i64().ok_or_else(|| failed("timestamp too big"))?;
    let text = |place: usize| match rest.get(place) {
        None => Ok(""),
        Some(word) => {
            let text = call.heap.as_str(*word);
            text.ok_or_else(|| type_error(1, "string", crate::arguments::type_name(call.heap, *word)))
        }
    };
    let zone = match text(0)? {
        "" | "UTC" | "Local" => TimeZone::UTC,
        name => ZONES.get(name).map_err(|_| failed(format!("unknown time zone {}", shortened(name))))?,
    };
    let timestamp = Timestamp::from_nanosecond(nanoseconds.into()).map_err(|error| failed(error.to_string()))?;
    Ok(Moment { timestamp, zone, layout: text(1)?.to_owned() })
}

/// Makes a time, if it is one that can be said in nanoseconds.
fn make_time(call: &mut Call<'_>, nanoseconds: i128) -> Outcome {
    let nanoseconds = i64::try_from(nanoseconds).map_err(|_| failed("time outside of valid range"))?;
    Ok(call.heap.int(nanoseconds)?)
}

fn make_ints(call: &mut Call<'_>, values: &[i64]) -> Outcome {
    let values = values.iter().map(|value| call.heap.int(*value)).collect::<Result<Vec<_>, _>>()?;
    Ok(call.heap.array(&values)?)
}

/// Nanoseconds from 1970 to a date and clock in UTC, whatever the year.
fn nanoseconds_of(days: i64, hour: i64, minute: i64, second: i64, nanosecond: i64) -> i128 {
    let seconds = i128::from(hour) * 3600 + i128::from(minute) * 60 + i128::from(second);
    i128::from(days) * NANOSECONDS_PER_DAY + seconds * 1_000_000_000 + i128::from(nanosecond)
}

/// Days from 1970-01-01 to the first of a month of the proleptic Gregorian calendar; months count from 0 and may run over.
fn days_to_month(year: i64, month: i64) -> i64 {
    // Years that start in March have their leap day at the end.
    let months = year * 12 + month - 2;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    let days_before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days_before_year + (month * 153 + 2) / 5 - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    days_to_month(year, month + 1) - days_to_month(year, month)
}

fn now(call: &mut Call<'_>, _: &[Word]) -> Outcome {
    Ok(call.heap.int(call.now_nanoseconds)?)
}

fn date(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let local = moment(call, arguments, 1)?.local();
    make_ints(call, &[local.year().into(), local.month().into(), local.day().into()])
}

fn clock(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let local = moment(call, arguments, 1)?.local();
    make_ints(call, &[local.hour().into(), local.minute().into(), local.second().into()])
}

fn weekday(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let local = moment(call, arguments, 1)?.local();
    call.make_string(format::weekday_name(local.weekday()))
}

fn format_time(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let moment = moment(call, arguments, 1)?;
    let layout = if moment.layout.is_empty() { RFC3339_NANOSECONDS } else { named_layout(&moment.layout) };
    let text = format::format(layout, &moment);
    call.make_string(&text)
}

fn add_date(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    /// Nothing further than this can be said in nanoseconds.
    const DISTANCE_MAX: i64 = 1_000_000;
    let moment = moment(call, arguments, 1)?;
    let distance = |position| call.int(arguments, position).map(|distance| distance.clamp(-DISTANCE_MAX, DISTANCE_MAX));
    let (years, months, days) = (distance(2)?, distance(3)?, distance(4)?);
    let local = moment.local();
    let month = days_to_month(i64::from(local.year()) + years, i64::from(local.month()) - 1 + months);
    let days = month + i64::from(local.day()) - 1 + days;
    let wall = nanoseconds_of(
        days,
        local.hour().into(),
        local.minute().into(),
        local.second().into(),
        local.subsec_nanosecond().into(),
    );
    let utc = Timestamp::from_nanosecond(wall).map_err(|_| failed("time outside of valid range"))?;
    let zoned = moment.zone.to_ambiguous_timestamp(TimeZone::UTC.to_datetime(utc)).compatible();
    let timestamp = zoned.map_err(|_| failed("time outside of valid range"))?;
    make_time(call, timestamp.as_nanosecond())
}

fn diff(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (first, mut second) = (moment(call, arguments, 1)?, moment(call, arguments, 2)?);
    second.zone = first.zone.clone();
    let (early, late) = if first.timestamp > second.timestamp { (second, first) } else { (first, second) };
    let (early, late) = (early.local(), late.local());
    let mut parts = [
        i64::from(late.year()) - i64::from(early.year()),
        i64::from(late.month()) - i64::from(early.month()),
        i64::from(late.day()) - i64::from(early.day()),
        i64::from(late.hour()) - i64::from(early.hour()),
        i64::from(late.minute()) - i64::from(early.minute()),
        i64::from(late.second()) - i64::from(early.second()),
    ];
    // Days are borrowed from the month of the earlier time.
    let days = days_in_month(early.year().into(), i64::from(early.month()) - 1);
    for (place, size) in [(5, 60), (4, 60), (3, 24), (2, days), (1, 12)] {
        if parts[place] < 0 {
            parts[place] += size;
            parts[place - 1] -= 1;
        }
    }
    make_ints(call, &parts)
}

fn parse_time(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (layout, text) = (named_layout(call.text(arguments, 1)?), call.text(arguments, 2)?);
    let nanoseconds = parse::parse(layout, text).map_err(failed)?;
    make_time(call, nanoseconds)
}

fn parse_rfc3339(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let nanoseconds = parse::parse(RFC3339, call.text(arguments, 1)?).map_err(failed)?;
    make_time(call, nanoseconds)
}

fn parse_duration(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let nanoseconds = duration::parse(call.text(arguments, 1)?).map_err(failed)?;
    Ok(call.heap.int(nanoseconds)?)
}

fn check_layout(position: usize, value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(layout) if position == 0 && !layout::has_parts(named_layout(layout)) => Err(format!(
            "layout `{}` names no part of a time: write how 2006-01-02 15:04:05 would stand there",
            shortened(layout)
        )),
        _ => Ok(()),
    }
}

fn check_rfc3339(_: usize, value: &Value) -> Result<(), String> {
    value.as_str().map_or(Ok(()), |text| parse::parse(RFC3339, text).map(drop))
}

fn check_duration(_: usize, value: &Value) -> Result<(), String> {
    value.as_str().map_or(Ok(()), |text| duration::parse(text).map(drop))
}

#[cfg(test)]
mod tests;
