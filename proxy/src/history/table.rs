//! Counters and sessions in the store: reading them at the start, and what is written with a record.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hpol_lang::value::Number;
use sqlx::{Row as _, SqliteConnection};

use super::window::{BUCKETS, Bucket, Window};
use super::{CounterId, Happening, Memory, Session};
use crate::record::Change;
use crate::store::{Store, StoreError};

/// Longest time for which events are kept: the longest that a policy can ask for.
pub(super) const EVENTS_NANOSECONDS_MAX: i64 = 30 * 86_400 * 1_000_000_000;

/// Something to write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Row {
    /// What stands in one part of a counter's window.
    Bucket { counter: CounterId, index: i64, oldest: i64, amount: Number, version: u64 },
    /// A label of a session.
    Label { session: Arc<str>, label: Arc<str>, time: i64 },
    /// When something happened last in a session.
    Event { session: Arc<str>, event: Happening, name: Arc<str>, time: i64 },
}

/// Rows that become durable together with a record.
#[derive(Debug)]
pub(crate) struct Keep(pub(crate) Vec<Row>);

/// Takes a label away; does not apply where there is none.
#[derive(Debug)]
pub(crate) struct Unlabel {
    pub(crate) session: Arc<str>,
    pub(crate) label: Arc<str>,
}

impl Change for Keep {
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            for row in &self.0 {
                write(row, connection).await?;
            }
            Ok(true)
        })
    }
}

impl Change for Unlabel {
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM session_label WHERE session = ? AND label = ?")
                .bind(&*self.session)
                .bind(&*self.label)
                .execute(connection)
                .await?;
            Ok(done.rows_affected() > 0)
        })
    }
}

async fn write(row: &Row, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    match row {
        Row::Bucket { counter, index, oldest, amount, version } => {
            sqlx::query(
                "INSERT INTO counter_bucket (counter, window, key, bucket, amount, version) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (counter, window, key, bucket)
                 DO UPDATE SET amount = excluded.amount, version = excluded.version
                 WHERE excluded.version > counter_bucket.version",
            )
            .bind(&*counter.name)
            .bind(counter.window_nanoseconds)
            .bind(&*counter.key)
            .bind(index)
            .bind(amount.to_string())
            .bind(i64::try_from(*version).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await?;
            sqlx::query("DELETE FROM counter_bucket WHERE counter = ? AND window = ? AND key = ? AND bucket < ?")
                .bind(&*counter.name)
                .bind(counter.window_nanoseconds)
                .bind(&*counter.key)
                .bind(oldest)
                .execute(connection)
                .await?;
        }
        Row::Label { session, label, time } => {
            sqlx::query("INSERT OR IGNORE INTO session_label (session, label, time) VALUES (?, ?, ?)")
                .bind(&**session)
                .bind(&**label)
                .bind(time)
                .execute(connection)
                .await?;
        }
        Row::Event { session, event, name, time } => {
            sqlx::query(
                "INSERT INTO session_event (session, kind, name, time) VALUES (?, ?, ?, ?)
                 ON CONFLICT (session, kind, name) DO UPDATE SET time = max(session_event.time, excluded.time)",
            )
            .bind(&**session)
            .bind(event.word())
            .bind(&**name)
            .bind(time)
            .execute(connection)
            .await?;
        }
    }
    Ok(())
}

/// Reads what still counts, and drops the rest.
pub(super) async fn load(store: &Store, now: i64) -> Result<Memory, StoreError> {
    let mut connection = store.connect().await?;
    sqlx::query("DELETE FROM counter_bucket WHERE (bucket + ?) * max(window / ?, 1) < ?")
        .bind(BUCKETS + 2)
        .bind(BUCKETS)
        .bind(now)
        .execute(&mut connection)
        .await?;
    sqlx::query("DELETE FROM session_event WHERE time < ?")
        .bind(now.saturating_sub(EVENTS_NANOSECONDS_MAX))
        .execute(&mut connection)
        .await?;
    let mut memory = Memory::default();
    let damaged = |_| StoreError::Damaged;
    let rows =
        sqlx::query("SELECT counter, window, key, bucket, amount, version FROM counter_bucket ORDER BY 1, 2, 3, 4");
    for row in rows.fetch_all(&mut connection).await? {
        let key = CounterId {
            name: row.try_get::<String, _>(0)?.into(),
            window_nanoseconds: row.try_get(1)?,
            key: row.try_get::<String, _>(2)?.into(),
        };
        let version = u64::try_from(row.try_get::<i64, _>(5)?).map_err(|_| StoreError::Damaged)?;
        let amount = Number::from_str(&row.try_get::<String, _>(4)?).map_err(damaged)?;
        let window_nanoseconds = key.window_nanoseconds;
        let window = memory.counters.entry(key).or_insert_with(|| Window::new(window_nanoseconds));
        window.restore(Bucket { index: row.try_get(3)?, amount, version }).map_err(damaged)?;
        memory.version = memory.version.max(version);
    }
    let mut sessions: HashMap<Arc<str>, Session> = HashMap::new();
    for row in sqlx::query("SELECT session, label, time FROM session_label").fetch_all(&mut connection).await? {
        let session = sessions.entry(row.try_get::<String, _>(0)?.into()).or_default();
        session.labels.insert(row.try_get::<String, _>(1)?.into(), row.try_get(2)?);
    }
    for row in sqlx::query("SELECT session, kind, name, time FROM session_event").fetch_all(&mut connection).await? {
        let event = Happening::named(&row.try_get::<String, _>(1)?).ok_or(StoreError::Damaged)?;
        let session = sessions.entry(row.try_get::<String, _>(0)?.into()).or_default();
        session.events.insert((event, row.try_get::<String, _>(2)?.into()), row.try_get(3)?);
    }
    memory.sessions = sessions;
    Ok(memory)
}
