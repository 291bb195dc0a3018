//! Reading the audit log: search, single records, and the check of the whole chain.

use futures_util::TryStreamExt;
use hpol_runtime::Effect;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::chain::{Chain, ChainFault, Verified};
use super::entry::{Entry, RecordHash};
use super::event::effect_name;
use super::writer::{Appended, read_head};
use crate::clock::Timestamp;
use crate::store::{Store, StoreError};

/// Most records of one page.
pub const PAGE_MAX: u32 = 500;

/// Records of one page if the caller names no number.
pub const PAGE_DEFAULT: u32 = 50;

const COLUMNS: &str =
    "SELECT sequence, time, kind, request_id, identity, effect, rules, body, previous, hash FROM audit";

/// Which records to list. What is `None` does not matter. The newest come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Asked by this identity.
    pub identity: Option<String>,
    /// Decided like this.
    pub effect: Option<Effect>,
    /// Decided by the rule with this id.
    pub rule: Option<String>,
    /// Of this request.
    pub request_id: Option<String>,
    /// Only records before this number: where the page before ended.
    pub before: Option<u64>,
    /// Most records; [`PAGE_DEFAULT`] if `None`, and never more than [`PAGE_MAX`].
    pub limit: Option<u32>,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records, newest first.
    pub entries: Vec<Entry>,
    /// Give this as [`Filter::before`] for the next page; `None` on the last.
    pub next: Option<u64>,
}

/// Why a log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain is broken.
    #[error(transparent)]
    Fault(#[from] ChainFault),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists records.
///
/// # Errors
///
/// The store could not be read, or the search took too long.
pub async fn list(store: &Store, filter: &Filter) -> Result<Page, StoreError> {
    let limit = filter.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query
        .push(" WHERE sequence < ")
        .push_bind(filter.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX));
    if let Some(since) = filter.since {
        query.push(" AND time >= ").push_bind(since.nanoseconds());
    }
    if let Some(until) = filter.until {
        query.push(" AND time < ").push_bind(until.nanoseconds());
    }
    let effect = filter.effect.map(effect_name);
    for (column, wanted) in [
        (" AND kind = ", filter.kind.as_deref()),
        (" AND identity = ", filter.identity.as_deref()),
        (" AND effect = ", effect),
        (" AND request_id = ", filter.request_id.as_deref()),
    ] {
        if let Some(wanted) = wanted {
            query.push(column).push_bind(wanted);
        }
    }
    if let Some(rule) = &filter.rule {
        query.push(" AND EXISTS (SELECT 1 FROM json_each(audit.rules) WHERE value = ").push_bind(rule).push(")");
    }
    // One more than asked for tells whether there is a next page.
    query.push(" ORDER BY sequence DESC LIMIT ").push_bind(i64::from(limit) + 1);
    let rows = store.read(async { Ok(query.build().fetch_all(store.readers()).await?) }).await?;
    let mut entries = rows.iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
    let more = entries.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        entries.pop();
    }
    let next = if more { entries.last().map(|entry| entry.sequence) } else { None };
    Ok(Page { entries, next })
}

/// One record by its number.
///
/// # Errors
///
/// The store could not be read.
pub async fn show(store: &Store, sequence: u64) -> Result<Option<Entry>, StoreError> {
    let Ok(sequence) = i64::try_from(sequence) else { return Ok(None) };
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query.push(" WHERE sequence = ").push_bind(sequence);
    let row = store.read(async { Ok(query.build().fetch_optional(store.readers()).await?) }).await?;
    row.as_ref().map(read_entry).transpose()
}

/// Number and hash of the last record; `None` for an empty log.
///
/// # Errors
///
/// The store could not be read.
pub async fn head(store: &Store) -> Result<Option<Appended>, StoreError> {
    store
        .read(async {
            let mut connection = store.readers().acquire().await?;
            read_head(&mut connection).await
        })
        .await
}

/// Checks every record of the log. `wanted` is a hash that was kept outside of the store.
///
/// # Errors
///
/// The first place where the chain is broken, or a store that could not be read.
pub async fn verify(store: &Store, wanted: Option<RecordHash>) -> Result<Verified, VerifyError> {
    // One transaction sees the records and the head of one moment, however long this takes.
    let mut transaction = store.readers().begin().await.map_err(StoreError::from)?;
    let head = read_head(&mut transaction).await?;
    let mut chain = Chain::new(wanted);
    {
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push(" ORDER BY sequence");
        let mut rows = query.build().fetch(&mut *transaction);
        while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
            let entry = read_entry(&row)
                .map_err(|error| ChainFault::Unreadable { last: chain.last(), message: error.to_string() })?;
            chain.push(&entry)?;
        }
    }
    Ok(chain.finish(head.map(|head| (head.sequence, head.hash)))?)
}

fn read_entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let hash = |column: &str| {
        let bytes: &[u8] = row.try_get(column)?;
        RecordHash::from_slice(bytes).ok_or(StoreError::Damaged)
    };
    let rules: &str = row.try_get("rules")?;
    Ok(Entry {
        sequence: u64::try_from(row.try_get::<i64, _>("sequence")?).map_err(|_| StoreError::Damaged)?,
        time: Timestamp::from_nanoseconds(row.try_get("time")?),
        kind: row.try_get("kind")?,
        request_id: row.try_get("request_id")?,
        identity: row.try_get("identity")?,
        effect: row.try_get("effect")?,
        rules: serde_json::from_str(rules).map_err(|_| StoreError::Damaged)?,
        body: row.try_get("body")?,
        previous: hash("previous")?,
        hash: hash("hash")?,
    })
}
