//! What a session answers.

use std::fmt;
use std::sync::Arc;

use hpol_lang::value::Value;

use crate::error::QueryError;

/// How many solutions are told of one query.
const SOLUTIONS_MAX: usize = 100;

/// What a session answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing was asked.
    Nothing,
    /// So many declarations were taken.
    Declared(usize),
    /// There is no value.
    Undefined,
    /// A value.
    Value(Value),
    /// Every way in which the query holds: its variables with their values, and the value of its expression if it is one.
    Solutions {
        /// Names in the order of the text.
        names: Vec<Arc<str>>,
        /// Their values.
        rows: Vec<Vec<Value>>,
    },
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Declared(1) => f.write_str("declared"),
            Self::Declared(number) => write!(f, "{number} declared"),
            Self::Undefined => f.write_str("undefined"),
            Self::Value(value) => write!(f, "{value}"),
            Self::Solutions { names, rows } => {
                for (index, row) in rows.iter().take(SOLUTIONS_MAX).enumerate() {
                    let line = if index > 0 { "\n" } else { "" };
                    let pairs: Vec<String> =
                        names.iter().zip(row).map(|(name, value)| format!("{name} = {value}")).collect();
                    write!(f, "{line}{}", pairs.join(", "))?;
                }
                match rows.len().checked_sub(SOLUTIONS_MAX) {
                    Some(more) if more > 0 => write!(f, "\n… and {more} more"),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// Why something that was typed has no answer. The message may have several lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReplError {
    /// What is wrong, for people.
    pub message: String,
}

impl ReplError {
    pub(super) fn said(message: String) -> Self {
        Self { message }
    }
}

impl From<QueryError> for ReplError {
    fn from(error: QueryError) -> Self {
        Self { message: error.to_string() }
    }
}
