//! The tables of the store, as steps from one version to the next. A step that was released is never changed.

use sqlx::{Connection, Row, SqliteConnection};

use super::StoreError;

/// Marks a SQLite file as a store of hpol: the letters `hpol`.
const APPLICATION_ID: i64 = 0x6870_6f6c;

/// What takes the store from version `index` to `index + 1`.
const STEPS: [&str; 2] = [VERSION_1, VERSION_2];

/// The audit log with its head, and approvals with their votes.
const VERSION_1: &str = "
CREATE TABLE audit (
    sequence   INTEGER PRIMARY KEY,
    time       INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    request_id TEXT,
    identity   TEXT,
    effect     TEXT,
    rules      TEXT NOT NULL,
    body       TEXT NOT NULL,
    previous   BLOB NOT NULL,
    hash       BLOB NOT NULL
) STRICT;
CREATE INDEX audit_time ON audit (time);
CREATE INDEX audit_request ON audit (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_identity ON audit (identity) WHERE identity IS NOT NULL;

-- The last record, kept a second time so that a cut tail shows.
CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL
) STRICT;

-- Guards against mistakes in code. Who can write the file can drop them: that is what the chain is for.
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit records are never deleted'); END;

CREATE TABLE approval (
    id           TEXT PRIMARY KEY,
    key          BLOB NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'granted', 'refused', 'expired', 'used')),
    opened       INTEGER NOT NULL,
    deadline     INTEGER NOT NULL,
    decided      INTEGER,
    use_until    INTEGER,
    subject      TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    details      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- At most one approval of a key is open at a time.
CREATE UNIQUE INDEX approval_open ON approval (key) WHERE state IN ('pending', 'granted');
CREATE INDEX approval_key ON approval (key, opened);
CREATE INDEX approval_state ON approval (state, opened);

CREATE TABLE approval_vote (
    approval TEXT NOT NULL REFERENCES approval (id),
    person   TEXT NOT NULL,
    issuer   TEXT NOT NULL,
    groups   TEXT NOT NULL,
    answer   TEXT NOT NULL CHECK (answer IN ('grant', 'refuse')),
    comment  TEXT NOT NULL,
    time     INTEGER NOT NULL,
    PRIMARY KEY (approval, person)
) STRICT, WITHOUT ROWID;
";

/// Counters, and the labels and events of sessions.
const VERSION_2: &str = "
CREATE TABLE counter_bucket (
    counter TEXT NOT NULL,
    window  INTEGER NOT NULL,
    key     TEXT NOT NULL,
    bucket  INTEGER NOT NULL,
    amount  TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (counter, window, key, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_label (
    session TEXT NOT NULL,
    label   TEXT NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (session, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_event (
    session TEXT NOT NULL,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (session, kind, name)
) STRICT, WITHOUT ROWID;
";

/// Brings a file to the newest version, in one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection, path: &std::path::Path) -> Result<(), StoreError> {
    let transaction = connection.begin_with("BEGIN IMMEDIATE").await;
    let mut transaction = transaction.map_err(|error| StoreError::opening(error, path))?;
    let version = check(&mut transaction, path).await?;
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or(usize::MAX)) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
    }
    if version < known_version() {
        // Pragmas take no parameters; both numbers are constants.
        let text = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};", known_version());
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// The version of a file, if it is a store at all.
pub(super) async fn check(connection: &mut SqliteConnection, path: &std::path::Path) -> Result<i64, StoreError> {
    let version = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await;
    let version: i64 = version.map_err(|error| StoreError::opening(error, path))?.try_get(0)?;
    let application: i64 = sqlx::query("PRAGMA application_id").fetch_one(&mut *connection).await?.try_get(0)?;
    let tables: i64 = sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await?.try_get(0)?;
    let new = tables == 0 && version == 0 && application == 0;
    if !new && application != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if version > known_version() {
        return Err(StoreError::Newer { found: version, known: known_version() });
    }
    Ok(version)
}

/// The newest version.
pub(super) fn known_version() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
