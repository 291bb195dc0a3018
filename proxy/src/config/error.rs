//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use serde_saphyr::Error as YamlError;

/// Where to look.
const SEE: &str = "`docs/hpol.example.yaml` shows every setting";

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
pub(super) fn from_yaml(error: &YamlError, file: &str) -> Problem {
    let error = error.without_snippet();
    let position = error.location().map(|location| (location.line(), location.column()));
    Problem { file: file.to_owned(), position, setting: String::new(), message: explain(error) }
}

/// The reader's error in words for whoever wrote the file.
fn explain(error: &YamlError) -> String {
    let list = |names: &[&str]| format!("`{}`", names.join("`, `"));
    match error {
        YamlError::Eof { .. } => format!("the file ends before it says anything or in the middle of a value; {SEE}"),
        YamlError::SerdeMissingField { field, .. } => format!("`{field}` is missing; {SEE}"),
        YamlError::SerdeUnknownField { field, expected, .. } => {
            format!("`{field}` is not a setting; write one of {}", list(expected))
        }
        // Whoever wrote a secret into the file should not find it in a log as well.
        YamlError::SerdeUnknownVariant { expected, .. } if expected.contains(&"env") => {
            "this is not where a secret is kept; write `{env: NAME}` or `{file: PATH}`".to_owned()
        }
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is not known; write one of {}", list(expected))
        }
        YamlError::DuplicateMappingKey { key, .. } => {
            format!("`{}` comes twice; keep one", key.as_deref().unwrap_or_default())
        }
        YamlError::SerdeInvalidType { unexpected, expected, .. } => {
            format!("{unexpected} stands here; write {expected}")
        }
        YamlError::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            format!("a setting with a name should stand here; {SEE}")
        }
        YamlError::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            "only one of these settings can be given here; keep one".to_owned()
        }
        other => {
            // The position is shown in front already.
            let text = other.to_string();
            let suffix = other.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            suffix.and_then(|suffix| text.strip_suffix(&suffix).map(str::to_owned)).unwrap_or(text)
        }
    }
}
