//! What can go wrong with the store, told apart so that the gateway can say what to do.

use std::path::{Path, PathBuf};

/// Primary result codes of SQLite: <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const PERM: u32 = 3;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const READONLY: u32 = 8;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const NOTADB: u32 = 26;
}

/// Why the store did not do what was asked. A request that needed it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space is left, on the disk or under `store.max_size`.
    #[error("the store is full; make room on its disk or raise `store.max_size`")]
    Full,
    /// Another process held the lock for longer than `store.busy_timeout`.
    #[error("the store is locked by another process; end it, or raise `store.busy_timeout`")]
    Locked,
    /// The file may not be written.
    #[error("the store may not be written; check the access rights of its file and folder")]
    ReadOnly,
    /// The file is damaged.
    #[error("the store is damaged; move the file away and restore it from a backup")]
    Damaged,
    /// The file is something else.
    #[error("`{0}` is not a store of hpol; name another file under `store.path`")]
    Foreign(PathBuf),
    /// The file was written by a newer hpol.
    #[error("the store has version {found}, and this hpol knows versions up to {known}; use a newer hpol")]
    Newer {
        /// Version of the file.
        found: i64,
        /// Newest version that is known.
        known: i64,
    },
    /// The file could not be opened or created.
    #[error("cannot open the store `{path}`: {message}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// The store was closed because the gateway is stopping.
    #[error("the store is closed because the gateway is stopping")]
    Closed,
    /// A record is larger than records may be.
    #[error("a record of {size} bytes is larger than the {limit} bytes a record may have")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Reading took too long.
    #[error("reading the store took too long; narrow the search")]
    Slow,
    /// Any other failure.
    #[error("the store failed: {0}")]
    Other(String),
}

impl StoreError {
    /// A short word for metrics and machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full => "store_full",
            Self::Locked => "store_locked",
            Self::ReadOnly => "store_read_only",
            Self::Damaged => "store_damaged",
            Self::Foreign(_) => "store_foreign",
            Self::Newer { .. } => "store_newer",
            Self::Open { .. } => "store_open",
            Self::Closed => "store_closed",
            Self::TooLarge { .. } => "record_too_large",
            Self::Slow => "store_slow",
            Self::Other(_) => "store_failed",
        }
    }
}

impl StoreError {
    /// What an error means while a file is being opened: what is no database at all was never a store.
    pub(super) fn opening(error: sqlx::Error, path: &Path) -> Self {
        match primary_code(&error) {
            Some(code::NOTADB) => Self::Foreign(path.to_owned()),
            Some(code::CANTOPEN | code::PERM) => {
                let message = "no such file, or no right to open it".to_owned();
                Self::Open { path: path.to_owned(), message }
            }
            Some(_) | None => error.into(),
        }
    }
}

/// SQLite's primary result code, which is the lowest byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let primary = primary_code(&error).unwrap_or_default();
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::PoolTimedOut => Self::Slow,
                sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Closed,
                other => Self::Other(other.to_string()),
            };
        };
        match primary {
            code::FULL => Self::Full,
            code::BUSY | code::LOCKED => Self::Locked,
            code::READONLY | code::PERM | code::CANTOPEN => Self::ReadOnly,
            code::CORRUPT | code::NOTADB => Self::Damaged,
            code::IOERR => Self::Other(format!("reading or writing the disk failed: {}", database.message())),
            _ => Self::Other(database.message().to_owned()),
        }
    }
}
