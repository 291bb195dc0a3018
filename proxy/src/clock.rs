//! The time of day, so that a test can set it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time of day.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

/// A time of day, in nanoseconds since 1970. That is how it is stored and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    /// A clock that asks `read`.
    pub fn from_fn(read: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::from((self.0)())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock(..)")
    }
}

impl Timestamp {
    /// The time that lies so many nanoseconds after 1970.
    pub fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since 1970.
    pub fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// The time `duration` later, or the last one there is.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The time from now until then; zero if it has passed.
    pub fn until(self, then: Self) -> Duration {
        u64::try_from(then.0.saturating_sub(self.0)).map_or(Duration::ZERO, Duration::from_nanos)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
            Err(before) => {
                Self(i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanoseconds| -nanoseconds))
            }
        }
    }
}

impl fmt::Display for Timestamp {
    /// As RFC 3339 in UTC, such as `2026-01-31T12:00:00.5Z`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(timestamp) => fmt::Display::fmt(&timestamp, formatter),
            Err(_) => write!(formatter, "{}ns", self.0),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write a time such as `2026-01-31T12:00:00Z`";
        let parsed: jiff::Timestamp = text.parse().map_err(|_| format!("`{text}` is not a time; {help}"))?;
        i64::try_from(parsed.as_nanosecond()).map(Self).map_err(|_| format!("`{text}` is out of range; {help}"))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read() {
        let time = Timestamp::from_nanoseconds(1_750_000_000_500_000_000);
        assert_eq!(time.to_string(), "2025-06-15T15:06:40.5Z");
        assert_eq!("2025-06-15T15:06:40.5Z".parse(), Ok(time));
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert_eq!(time.until(time.plus(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(time.plus(Duration::from_secs(3)).until(time), Duration::ZERO);
    }
}
