//! Secrets: named in the file by where they are, never written in it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest secret that is read, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Where a secret comes from: `{env: NAME}` or `{file: PATH}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of the gateway's process.
    Env(String),
    /// A file. It is read again when the secret is needed anew, so it may be replaced while the gateway runs. A line
    /// break at its end does not count.
    File(PathBuf),
}

/// A secret in memory. It has no text form, so it cannot be logged by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a secret could not be read. Never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment has no such variable.
    #[error("environment variable `{0}` is not set; set it before starting the gateway")]
    Unset(String),
    /// The variable or the file holds nothing.
    #[error("the secret in {0} is empty")]
    Empty(String),
    /// The secret is not text in UTF-8.
    #[error("the secret in {0} is not UTF-8 text")]
    NotText(String),
    /// The secret could be guessed.
    #[error(
        "the secret in {0} is shorter than {1} characters and could be guessed; make one with `openssl rand -hex 32`"
    )]
    TooShort(String, usize),
    /// The secret is longer than any key.
    #[error("the secret in {0} is longer than {SECRET_BYTES_MAX} bytes")]
    TooLong(String),
    /// The file could not be read.
    #[error("cannot read the secret in file `{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// A variable that is not set, a file that cannot be read, a secret that is empty, too long or not text.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let text = match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(text) => text,
                Err(std::env::VarError::NotPresent) => return Err(SecretError::Unset(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => return Err(SecretError::NotText(self.to_string())),
            },
            Self::File(path) => self.read_file(path)?,
        };
        if u64::try_from(text.len()).map_or(true, |length| length > SECRET_BYTES_MAX) {
            return Err(SecretError::TooLong(self.to_string()));
        }
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(SecretError::Empty(self.to_string()));
        }
        Ok(Secret(text.to_owned()))
    }

    /// Reads the secret, which must have at least so many characters.
    ///
    /// # Errors
    ///
    /// As [`SecretSource::read`], and a secret that is shorter.
    pub fn read_at_least(&self, length_min: usize) -> Result<Secret, SecretError> {
        let secret = self.read()?;
        if secret.0.chars().count() < length_min {
            return Err(SecretError::TooShort(self.to_string(), length_min));
        }
        Ok(secret)
    }

    fn read_file(&self, path: &Path) -> Result<String, SecretError> {
        let failed = |error| SecretError::File { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        // One byte more than allowed, so that too long a file shows.
        File::open(path).map_err(failed)?.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        String::from_utf8(bytes).map_err(|_| SecretError::NotText(self.to_string()))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "environment variable `{name}`"),
            Self::File(path) => write!(formatter, "file `{}`", path.display()),
        }
    }
}

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Use it where it is sent or compared, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_without_its_last_line_break() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-secret\n").expect("write");
        let secret = SecretSource::File(path).read().expect("readable");
        assert_eq!(secret.expose(), "sk-secret");
        assert!(!format!("{secret:?}").contains("sk-"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("write");
            SecretSource::File(path)
        };
        assert!(matches!(write("empty", b"\n").read(), Err(SecretError::Empty(_))));
        assert!(matches!(write("binary", b"\xff\xfe").read(), Err(SecretError::NotText(_))));
        assert!(matches!(write("long", &[b'a'; 70_000]).read(), Err(SecretError::TooLong(_))));
        let missing = SecretSource::File(folder.path().join("none")).read().expect_err("missing");
        assert!(missing.to_string().contains("none"), "{missing}");
        let unset = SecretSource::Env("HPOL_TEST_NEVER_SET".to_owned()).read().expect_err("unset");
        assert!(unset.to_string().contains("HPOL_TEST_NEVER_SET"), "{unset}");
    }
}
