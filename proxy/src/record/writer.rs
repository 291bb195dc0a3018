//! The one task that writes to the store.
//!
//! Many requests append at once, and each waits until its record is on the disk. The task takes whatever has gathered
//! while the last transaction was being written, and writes it as the next one: the disk is waited for once for all of
//! them. The chain's end is read anew in each transaction, so a second process on the same file cannot fork the chain.

use futures_util::future::BoxFuture;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::entry::{Entry, RecordHash};
use super::event::{BODY_BYTES_MAX, Record, effect_name};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// Most records in one transaction.
const BATCH_MAX: usize = 256;

/// A change of other tables that becomes durable together with its record, or not at all.
pub(crate) trait Change: Send + Sync {
    /// Makes the change. `false` means that things are no longer as the caller saw them: nothing is written then.
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>>;
}

/// Where a record came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub sequence: u64,
    /// Its hash.
    pub hash: RecordHash,
}

/// What an append came to: the record's place, or `None` where the change did not apply.
pub(super) type Outcome = Result<Option<Appended>, StoreError>;

pub(super) struct Job {
    pub(super) draft: Draft,
    pub(super) change: Option<Box<dyn Change>>,
    pub(super) done: oneshot::Sender<Outcome>,
}

/// A record in its stored form, before it has a place in the chain.
#[derive(Debug)]
pub(super) struct Draft {
    kind: &'static str,
    request_id: Option<String>,
    identity: Option<String>,
    effect: Option<&'static str>,
    rules: Vec<String>,
    body: String,
}

impl Draft {
    /// Refuses what is too large, before it takes a place in the queue.
    pub(super) fn new(record: Record) -> Result<Self, StoreError> {
        let body = record.body.to_string();
        let size = body.len() + record.rules.iter().map(String::len).sum::<usize>();
        if size > BODY_BYTES_MAX {
            return Err(StoreError::TooLarge { size, limit: BODY_BYTES_MAX });
        }
        Ok(Self {
            kind: record.kind.name(),
            request_id: record.request_id,
            identity: record.identity,
            effect: record.effect.map(effect_name),
            rules: record.rules,
            body,
        })
    }

    fn into_entry(self, clock: &Clock, head: Appended) -> Entry {
        let mut entry = Entry {
            sequence: head.sequence + 1,
            time: clock.now(),
            kind: self.kind.to_owned(),
            request_id: self.request_id,
            identity: self.identity,
            effect: self.effect.map(str::to_owned),
            rules: self.rules,
            body: self.body,
            previous: head.hash,
            hash: RecordHash::ZERO,
        };
        entry.hash = entry.compute_hash();
        entry
    }
}

/// Writes what comes in until every sender is gone.
pub(super) async fn run(store: Store, clock: Clock, mut jobs: mpsc::Receiver<Job>, observe: impl Fn(&Outcome)) {
    let mut connection = None;
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while jobs.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let mut waiting = Vec::with_capacity(batch.len());
        let mut drafts = Vec::with_capacity(batch.len());
        for job in batch.drain(..) {
            waiting.push(job.done);
            drafts.push((job.draft, job.change));
        }
        let results = match write(&store, &clock, &mut connection, drafts).await {
            Ok(results) => results.into_iter().map(Ok).collect(),
            Err(error) => {
                tracing::error!(code = error.code(), "records could not be written: {error}");
                // The connection may be in the middle of a transaction; a new one starts clean.
                connection = None;
                vec![Err(error); waiting.len()]
            }
        };
        for (done, result) in waiting.into_iter().zip(results) {
            observe(&result);
            // The caller may have gone away; its record stands all the same.
            let _ = done.send(result);
        }
    }
    if let Some(connection) = connection {
        // The records are durable already; closing only folds SQLite's side file into the main one.
        let _ = connection.close().await;
    }
}

async fn write(
    store: &Store,
    clock: &Clock,
    connection: &mut Option<SqliteConnection>,
    drafts: Vec<(Draft, Option<Box<dyn Change>>)>,
) -> Result<Vec<Option<Appended>>, StoreError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(store.connect().await?),
    };
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut head = read_head(&mut transaction).await?.unwrap_or(Appended { sequence: 0, hash: RecordHash::ZERO });
    let mut results = Vec::with_capacity(drafts.len());
    for (draft, change) in drafts {
        if let Some(change) = change
            && !apply(change.as_ref(), &mut transaction).await?
        {
            results.push(None);
            continue;
        }
        let entry = draft.into_entry(clock, head);
        insert(&mut transaction, &entry).await?;
        head = Appended { sequence: entry.sequence, hash: entry.hash };
        results.push(Some(head));
    }
    write_head(&mut transaction, head).await?;
    transaction.commit().await?;
    Ok(results)
}

/// Makes one change within the transaction; one that does not apply leaves nothing behind.
async fn apply(change: &dyn Change, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let mut savepoint = connection.begin().await?;
    let applied = change.apply(&mut savepoint).await?;
    if applied {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
    }
    Ok(applied)
}

pub(super) async fn read_head(connection: &mut SqliteConnection) -> Result<Option<Appended>, StoreError> {
    let Some(row) = sqlx::query("SELECT sequence, hash FROM audit_head").fetch_optional(connection).await? else {
        return Ok(None);
    };
    let sequence = u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| StoreError::Damaged)?;
    let hash = RecordHash::from_slice(row.try_get(1)?).ok_or(StoreError::Damaged)?;
    Ok(Some(Appended { sequence, hash }))
}

async fn write_head(connection: &mut SqliteConnection, head: Appended) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO audit_head (only_row, sequence, hash) VALUES (1, ?, ?)")
        .bind(i64::try_from(head.sequence).map_err(|_| StoreError::Damaged)?)
        .bind(head.hash.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, entry: &Entry) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (sequence, time, kind, request_id, identity, effect, rules, body, previous, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(i64::try_from(entry.sequence).map_err(|_| StoreError::Damaged)?)
    .bind(entry.time.nanoseconds())
    .bind(&entry.kind)
    .bind(&entry.request_id)
    .bind(&entry.identity)
    .bind(&entry.effect)
    .bind(serde_json::to_string(&entry.rules).map_err(|error| StoreError::Other(error.to_string()))?)
    .bind(&entry.body)
    .bind(entry.previous.as_bytes().as_slice())
    .bind(entry.hash.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}
