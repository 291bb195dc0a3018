//! Layouts beside what Go makes of them.

use super::*;

fn at(nanoseconds: i64, zone: &str) -> Moment {
    let zone = if zone.is_empty() { TimeZone::UTC } else { ZONES.get(zone).expect("a zone") };
    let timestamp = Timestamp::from_nanosecond(nanoseconds.into()).expect("in range");
    Moment { timestamp, zone, layout: String::new() }
}

#[test]
fn times_are_written_in_layouts() {
    // 2006-01-02 22:04:05.123456 UTC.
    let moment = at(1_136_239_445_123_456_000, "America/Denver");
    for (layout, text) in [
        ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 15:04:05 2006"),
        ("Monday, 02-Jan-06 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 MST"),
        ("January 2 2006 3:4:5pm", "January 2 2006 3:4:5pm"),
        ("2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.123-07:00"),
        ("2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.123456-07:00"),
        ("15:04:05,000000000000", "15:04:05,123456000000"),
        ("03:04PM -0700 -07 -07:00:00 Z0700", "03:04PM -0700 -07 -07:00:00 -0700"),
        ("002 __2 _2006", "002   2 _2006"),
        ("Month Monat x.5", "Month Monat x.5"),
        ("1/2/06", "1/2/06"),
        ("", ""),
    ] {
        assert_eq!(format::format(layout, &moment), text, "{layout}");
    }
    assert_eq!(format::format("15:04:05.999 Z07:00", &at(0, "")), "00:00:00 Z");
    assert_eq!(format::format(RFC3339, &at(i64::MIN, "")), "1677-09-21T00:12:43Z");
}

#[test]
fn times_are_read_in_layouts() {
    for (layout, text, seconds) in [
        (RFC3339, "2017-06-02T19:00:00-07:00", 1_496_455_200),
        (RFC3339, "2017-06-03T02:00:00.5Z", 1_496_455_200),
        ("01/02 03:04:05PM '06 -0700", "06/02 07:00:00PM '17 -0700", 1_496_455_200),
        ("Mon Jan _2 15:04:05 2006", "Sat Jun  3 02:00:00 2017", 1_496_455_200),
        ("2 January 2006", "3 JUNE 2017", 1_496_448_000),
        ("2006 002", "2017 154", 1_496_448_000),
        ("2006-01-02 15:04 MST", "2017-06-03 02:00 CET", 1_496_455_200),
        ("2006-01-02 15:04 MST", "2017-06-03 04:00 GMT+2", 1_496_455_200),
        ("3:04PM 2006-1-2", "12:00AM 1970-1-1", 0),
        ("06-01-02", "69-01-01", -31_536_000),
    ] {
        let nanoseconds = parse::parse(layout, text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(nanoseconds.div_euclid(1_000_000_000), seconds, "{text}");
    }
    assert_eq!(parse::parse("5.999", "5.25"), Ok(nanoseconds_of(days_to_month(0, 0), 0, 0, 5, 250_000_000)));
}

#[test]
fn other_times_are_refused() {
    for (layout, text) in [
        (RFC3339, "2017-06-02"),
        (RFC3339, "2017-13-02T00:00:00Z"),
        (RFC3339, "2017-02-29T00:00:00Z"),
        (RFC3339, "2017-02-28T24:00:00Z"),
        (RFC3339, "2017-02-28T00:00:00Z "),
        (RFC3339, "2017-02-28T00:00:00+25:00"),
        ("2006-01-02", "2017-2-3"),
        ("2006 002", "2017 366"),
        ("Jan", "Jän"),
        ("15:04:05.000", "01:02:03.5"),
        ("MST", "x"),
    ] {
        assert!(parse::parse(layout, text).is_err(), "{text} as {layout}");
    }
}

#[test]
fn durations_are_read() {
    for (text, nanoseconds) in [
        ("0", 0),
        ("1h30m", 5_400_000_000_000),
        ("-1.5s", -1_500_000_000),
        ("+.5us", 500),
        ("1µs1μs", 2_000),
        ("9223372036854775807ns", i64::MAX),
        ("-9223372036854775808ns", i64::MIN),
    ] {
        assert_eq!(duration::parse(text), Ok(nanoseconds), "{text}");
    }
    for text in ["", "-", "1", "1 h", "1d", ".s", "h", "9223372036854775808ns", "3000000h", "1h-1m"] {
        assert!(duration::parse(text).is_err(), "{text}");
    }
}

#[test]
fn calendar_agrees_with_the_library() {
    for (year, month) in [(1970, 1), (2000, 2), (1900, 3), (2024, 2), (1677, 9), (2262, 4), (-4, 2)] {
        let first = jiff::civil::date(year, month, 1);
        let since = first - jiff::civil::date(1970, 1, 1);
        assert_eq!(days_to_month(year.into(), i64::from(month) - 1), i64::from(since.get_days()), "{first}");
        assert_eq!(days_in_month(year.into(), i64::from(month) - 1), i64::from(first.days_in_month()), "{first}");
    }
}

#[test]
fn literals_are_checked() {
    let text = |text: &str| Value::from(text);
    assert_eq!(check_layout(0, &text("2006-01-02")), Ok(()));
    assert_eq!(check_layout(0, &text("RFC1123")), Ok(()));
    assert!(check_layout(0, &text("YYYY-MM-DD")).is_err());
    assert!(check_rfc3339(0, &text("yesterday")).is_err());
    assert!(check_duration(0, &text("1 hour")).is_err());
}
