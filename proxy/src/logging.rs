//! The gateway's own log: structured lines on standard error. Neither tokens, keys nor message texts go there.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{LogFormat, LoggingConfig};

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is not one.
    #[error("{0}")]
    Level(String),
    /// Something else in the process logs already.
    #[error("logging was set up already: {0}")]
    Set(String),
}

/// Starts logging for the whole process.
///
/// # Errors
///
/// A level that cannot be read, and a process whose logging was set up already.
pub fn start(config: &LoggingConfig) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&config.level).map_err(|error| LoggingError::Level(error.to_string()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_target(true);
    match config.format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    }
    .map_err(|error| LoggingError::Set(error.to_string()))
}

/// Says whether a level can be used.
pub(crate) fn check_level(level: &str) -> Result<(), String> {
    let help = "write `error`, `warn`, `info`, `debug` or `trace`, or filters such as `info,hpol_proxy=debug`";
    // A single unknown word would be read as the name of a module, and nothing would be logged.
    let word = level.chars().all(|c| c.is_ascii_alphanumeric());
    let known = ["error", "warn", "info", "debug", "trace", "off"].iter().any(|name| name.eq_ignore_ascii_case(level));
    if word && !known {
        return Err(format!("`{level}` is not a level; {help}"));
    }
    EnvFilter::try_new(level).map(|_| ()).map_err(|error| format!("`{level}` is not a level: {error}; {help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        for level in ["info", "WARN", "info,hpol_proxy=debug", "hpol_proxy::session=trace,warn"] {
            assert_eq!(check_level(level), Ok(()), "{level}");
        }
        for level in ["", "loud", "info,=", "a=b=c"] {
            assert!(check_level(level).is_err(), "{level}");
        }
    }
}
