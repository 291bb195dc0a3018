//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Why a configuration was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read `{path}`: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is larger than any configuration.
    #[error("`{path}` is larger than {limit} bytes; a configuration is a short YAML file")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The text is not a configuration, or what it says cannot be done.
    #[error("{}", display_problems(.0))]
    Problems(Vec<Problem>),
}

impl ConfigError {
    /// The single problems; empty where the file itself could not be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Problems(problems) => problems,
            Self::Read { .. } | Self::TooLarge { .. } => &[],
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, from 1; `None` where a setting is missing altogether.
    pub position: Option<(u64, u64)>,
    /// The setting, such as `upstreams[0].base_url`; empty where the text is not YAML.
    pub setting: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some((line, column)) = self.position {
            write!(formatter, ":{line}:{column}")?;
        }
        if !self.setting.is_empty() {
            write!(formatter, ": `{}`", self.setting)?;
        }
        write!(formatter, ": {}", self.message)
    }
}

fn display_problems(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// A problem from an error of the YAML reader.
pub(super) fn from_yaml(error: &serde_saphyr::Error, file: &str) -> Problem {
    let error = error.without_snippet();
    let position = error.location().map(|location| (location.line(), location.column()));
    Problem { file: file.to_owned(), position, setting: String::new(), message: error.to_string() }
}
