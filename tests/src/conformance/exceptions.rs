//! The committed list of cases that may fail, each with a reason.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::case::Case;

/// Cases that may fail. One that passes must leave the list, so that it only shrinks.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// Reasons by the key of the case.
    reasons: BTreeMap<String, String>,
}

/// Why the list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionsError {
    /// It can't be read.
    #[error("can't read the exceptions `{path}`: {message}")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        message: String,
    },
    /// It says something twice, or nothing.
    #[error("the exceptions `{path}`: {message}")]
    Wrong {
        /// Its path.
        path: String,
        /// What is wrong.
        message: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Group>,
}

/// Cases that fail for one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    reason: String,
    cases: Vec<String>,
}

impl Exceptions {
    /// Reads the list: `[[exception]]` with `reason` and `cases`, each `FILE#INDEX NOTE`.
    ///
    /// # Errors
    ///
    /// [`ExceptionsError`].
    pub fn read(path: &Path) -> Result<Self, ExceptionsError> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ExceptionsError::Unreadable { path: name(), message: error.to_string() })?;
        Self::parse(&text).map_err(|message| ExceptionsError::Wrong { path: name(), message })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut reasons = BTreeMap::new();
        for group in file.exception {
            if group.reason.trim().is_empty() {
                return Err("an exception has no reason".to_owned());
            }
            for case in group.cases {
                if let Some((case, _)) = reasons.insert(case.clone(), group.reason.clone()).map(|reason| (case, reason))
                {
                    return Err(format!("`{case}` stands there twice"));
                }
            }
        }
        Ok(Self { reasons })
    }

    /// Why a case may fail.
    pub fn reason(&self, case: &Case) -> Option<&str> {
        self.reasons.get(&case.key()).map(String::as_str)
    }

    /// Exceptions for a file that is there, but has no such case.
    pub fn stale(&self, cases: &[Case]) -> Vec<String> {
        let keys: std::collections::BTreeSet<String> = cases.iter().map(Case::key).collect();
        let files: std::collections::BTreeSet<&str> = cases.iter().map(|case| case.file.as_str()).collect();
        let there = |key: &str| key.split_once('#').is_some_and(|(file, _)| files.contains(file));
        self.reasons.keys().filter(|key| there(key) && !keys.contains(*key)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Exceptions;

    #[test]
    fn a_reason_is_needed_and_a_case_stands_once() {
        let list = |reason: &str, cases: &str| format!("[[exception]]\nreason = \"{reason}\"\ncases = [{cases}]\n");
        assert!(Exceptions::parse(&list("later", "\"a/b.yaml#0 x\"")).is_ok());
        assert!(Exceptions::parse(&list(" ", "\"a/b.yaml#0 x\"")).is_err());
        assert!(Exceptions::parse(&list("later", "\"a/b.yaml#0 x\", \"a/b.yaml#0 x\"")).is_err());
    }
}
