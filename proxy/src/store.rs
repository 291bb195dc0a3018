//! The embedded store: one SQLite file with the audit log and the approvals.
//!
//! Everything is written by one task (see [`crate::record`]), so that a change and its record are one transaction.
//! Reads go over a small pool of their own and are never in the way of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use crate::config::StoreConfig;

mod error;
mod schema;

pub use error::StoreError;

/// Connections for reading.
const READERS: u32 = 4;

/// Longest time a read may wait for a connection, and take.
const READ_TIME_MAX: Duration = Duration::from_secs(10);

/// Size of a page of the file, in bytes; `store.max_size` counts in pages.
const PAGE_SIZE: u32 = 4096;

/// The open store. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    options: SqliteConnectOptions,
    readers: SqlitePool,
}

impl Store {
    /// Opens the file, creates it if there is none, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened or created, is locked, damaged, something else, or of a newer version.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        create_private(&config.path)?;
        let mut options = options(&config.path, config.busy_timeout)
            .page_size(PAGE_SIZE)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        if let Some(size) = config.max_size {
            options = options.pragma("max_page_count", (size / u64::from(PAGE_SIZE)).to_string());
        }
        let mut connection = connect(&options, &config.path).await?;
        schema::migrate(&mut connection, &config.path).await?;
        connection.close().await?;
        Ok(Self { path: config.path.clone(), readers: readers(&options), options })
    }

    /// Opens the file of a gateway, running or not, for reading only.
    ///
    /// # Errors
    ///
    /// No such file, or one that cannot be opened, is damaged, something else, or of another version.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let options = options(path, READ_TIME_MAX).read_only(true);
        let mut connection = connect(&options, path).await?;
        let version = schema::check(&mut connection, path).await?;
        if version < schema::known_version() {
            return Err(StoreError::Foreign(path.to_owned()));
        }
        connection.close().await?;
        Ok(Self { path: path.to_owned(), readers: readers(&options), options })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Connections for reading.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// A connection of one's own for writing.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        connect(&self.options, &self.path).await
    }

    /// Runs a read, which may not take longer than reads may.
    pub(crate) async fn read<T>(&self, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        tokio::time::timeout(READ_TIME_MAX, read).await.unwrap_or(Err(StoreError::Slow))
    }
}

fn options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(busy_timeout)
        .foreign_keys(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

fn readers(options: &SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READ_TIME_MAX)
        .connect_lazy_with(options.clone().pragma("query_only", "ON"))
}

async fn connect(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, StoreError> {
    SqliteConnection::connect_with(options).await.map_err(|error| StoreError::opening(error, path))
}

/// Creates the file, if there is none, so that only its owner may read it. SQLite gives the files beside it the same
/// rights.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| open_failed(path, &error))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &file.metadata().map_err(|error| open_failed(path, &error))?.permissions(),
        );
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "other users of this machine may read the store; run `chmod 600` on it");
        }
    }
    drop(file);
    Ok(())
}

fn open_failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Open { path: path.to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
