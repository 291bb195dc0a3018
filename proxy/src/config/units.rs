//! Durations and sizes as people write them in a file: `30s`, `5m`, `1MiB`.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Longest duration a configuration may name: a year.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Names of duration units, with their length in nanoseconds.
const DURATION_UNITS: [(&str, u128); 5] = [
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("d", 86_400 * NANOS_PER_SECOND),
];

/// Names of size units, with their length in bytes.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads a duration such as `30s`, `1h30m` or `250ms`.
///
/// # Errors
///
/// A text without a number or a unit, an unknown unit, or more than a year.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let help = "write a number and a unit, such as `250ms`, `30s`, `5m`, `1h30m` or `2d`";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("a duration is empty; {help}"));
    }
    let mut nanoseconds: u128 = 0;
    while !rest.is_empty() {
        let (digits, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a duration; {help}"))?;
        let (_, length) = DURATION_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| format!("`{text}` is not a duration; {help}"))?;
        nanoseconds = nanoseconds.saturating_add(u128::from(number).saturating_mul(*length));
        rest = tail;
    }
    let duration = u64::try_from(nanoseconds).map_or(Duration::MAX, Duration::from_nanos);
    if duration > DURATION_MAX {
        return Err(format!("`{text}` is longer than a year; use a shorter duration"));
    }
    Ok(duration)
}

/// A duration in the form that [`parse_duration`] reads.
pub fn display_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let unit = DURATION_UNITS.iter().rev().find(|(_, length)| nanoseconds.is_multiple_of(*length));
    unit.map_or_else(
        || format!("{}ms", duration.as_millis()),
        |(name, length)| format!("{}{name}", nanoseconds / length),
    )
}

/// Reads a size such as `1MiB`, `64KB` or `4096`.
///
/// # Errors
///
/// A text that is not a whole number with a known unit, or too large a number.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let help = "write a whole number and a unit, such as `4096B`, `64KiB`, `1MiB` or `2GB`";
    let trimmed = text.trim();
    let (digits, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
    let unit = if unit.is_empty() { "B" } else { unit.trim_start() };
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size; {help}"))?;
    let (_, length) =
        SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| format!("`{text}` is not a size; {help}"))?;
    number.checked_mul(*length).ok_or_else(|| format!("`{text}` is too large a size"))
}

/// A size in the form that [`parse_size`] reads.
pub fn display_size(bytes: u64) -> String {
    let binary = SIZE_UNITS.iter().filter(|(name, _)| name.contains('i')).rev();
    let unit = binary.into_iter().find(|(_, length)| bytes > 0 && bytes.is_multiple_of(*length));
    unit.map_or_else(|| format!("{bytes}B"), |(name, length)| format!("{}{name}", bytes / length))
}

/// serde for [`Duration`] fields.
pub(crate) mod duration {
    use super::{Duration, DurationVisitor, display_duration};

    pub(crate) fn serialize<S: serde::Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&display_duration(*value))
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_any(DurationVisitor)
    }
}

/// serde for sizes in bytes.
pub(crate) mod size {
    use super::{SizeVisitor, display_size};

    pub(crate) fn serialize<S: serde::Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&display_size(*value))
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

/// serde for sizes that may be left out.
pub(crate) mod optional_size {
    use serde::Deserialize;

    use super::{SizeVisitor, display_size};

    pub(crate) fn serialize<S: serde::Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => serializer.serialize_str(&display_size(*bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        struct Size(u64);
        impl<'de> Deserialize<'de> for Size {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(SizeVisitor).map(Size)
            }
        }
        Ok(Option::<Size>::deserialize(deserializer)?.map(|size| size.0))
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration with a unit, such as `30s` or `5m`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).map_err(E::custom)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a size, such as `64KiB` or `1MiB`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        parse_size(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<u64, E> {
        Ok(bytes)
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<u64, E> {
        u64::try_from(bytes).map_err(|_| E::custom(format!("`{bytes}` is not a size; it is below zero")))
    }
}

/// Stands for durations in the JSON Schema.
pub(crate) struct DurationText;

impl JsonSchema for DurationText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: numbers with the units ms, s, m, h, d.",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$",
            "examples": ["250ms", "30s", "1h30m"],
        })
    }
}

/// Stands for sizes in the JSON Schema.
pub(crate) struct SizeText;

impl JsonSchema for SizeText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "A size: bytes, or a whole number with one of the units B, KB, MB, GB, KiB, MiB, GiB.",
            "pattern": "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)?$",
            "minimum": 0,
            "examples": ["64KiB", "1MiB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, milliseconds) in
            [("250ms", 250), ("30s", 30_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "s", "30x", "-1s", "1.5s", "400d", "99999999999999999999s", "30s!"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in
            [("4096", 4096), ("4096B", 4096), ("64KiB", 65_536), ("1MB", 1_000_000), ("1 MiB", 1 << 20)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1mib", "-1", "1.5MiB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(milliseconds in 0u64..10_000_000_000, bytes: u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&display_duration(duration)), Ok(duration));
            prop_assert_eq!(parse_size(&display_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
