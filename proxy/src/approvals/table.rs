//! Approvals in the store: reading them, and the changes that go with a record.

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::approval::{Approval, ApprovalKey, ApprovalState, Details};
use super::person::{Answer, Vote};
use crate::clock::Timestamp;
use crate::record::Change;
use crate::store::{Store, StoreError};

/// Most approvals of one page.
pub(super) const PAGE_MAX: u32 = 200;

const COLUMNS: &str = "SELECT id, state, opened, deadline, decided, use_until, subject, issuer, request_id, details
     FROM approval";

/// Opens an approval, if none of its key is open and there is room.
pub(super) struct Open {
    pub(super) approval: Approval,
    pub(super) key: ApprovalKey,
    pub(super) pending_max: u32,
    pub(super) pending_per_identity_max: u32,
}

/// Adds a vote and moves the approval to the state that follows, if nothing changed meanwhile.
pub(super) struct Cast {
    pub(super) id: String,
    pub(super) vote: Vote,
    pub(super) votes_before: usize,
    pub(super) state: ApprovalState,
    pub(super) use_until: Option<Timestamp>,
}

/// Ends an approval whose time is over.
pub(super) struct Expire {
    pub(super) id: String,
    pub(super) now: Timestamp,
}

/// Takes a grant, which then is used up.
pub(super) struct Claim {
    pub(super) id: String,
    pub(super) key: ApprovalKey,
    pub(super) now: Timestamp,
}

impl Change for Open {
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            let approval = &self.approval;
            let details =
                serde_json::to_string(&approval.details).map_err(|error| sqlx::Error::Encode(error.into()))?;
            let done = sqlx::query(
                "INSERT INTO approval (id, key, state, opened, deadline, subject, issuer, request_id, details)
                 SELECT ?1, ?2, 'pending', ?3, ?4, ?5, ?6, ?7, ?8
                 WHERE NOT EXISTS (SELECT 1 FROM approval WHERE key = ?2 AND state IN ('pending', 'granted'))
                   AND (SELECT count(*) FROM approval WHERE state = 'pending') < ?9
                   AND (SELECT count(*) FROM approval WHERE state = 'pending' AND subject = ?5 AND issuer = ?6) < ?10",
            )
            .bind(&approval.id)
            .bind(self.key.as_bytes())
            .bind(approval.opened.nanoseconds())
            .bind(approval.deadline.nanoseconds())
            .bind(&approval.subject)
            .bind(&approval.issuer)
            .bind(&approval.request_id)
            .bind(details)
            .bind(i64::from(self.pending_max))
            .bind(i64::from(self.pending_per_identity_max))
            .execute(connection)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }
}

impl Change for Cast {
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            let vote = &self.vote;
            let groups = serde_json::to_string(&vote.groups).map_err(|error| sqlx::Error::Encode(error.into()))?;
            // The new state was worked out from the votes that the caller saw, so it holds only for those.
            let done = sqlx::query(
                "UPDATE approval SET state = ?1, use_until = ?2, decided = CASE WHEN ?1 = 'pending' THEN NULL ELSE ?3 END
                 WHERE id = ?4 AND state = 'pending' AND deadline > ?3
                   AND (SELECT count(*) FROM approval_vote WHERE approval = ?4) = ?5",
            )
            .bind(self.state.name())
            .bind(self.use_until.map(Timestamp::nanoseconds))
            .bind(vote.time.nanoseconds())
            .bind(&self.id)
            .bind(i64::try_from(self.votes_before).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await?;
            if done.rows_affected() != 1 {
                return Ok(false);
            }
            let done = sqlx::query(
                "INSERT INTO approval_vote (approval, person, issuer, groups, answer, comment, time)
                 VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(&self.id)
            .bind(&vote.person)
            .bind(&vote.issuer)
            .bind(groups)
            .bind(vote.answer.name())
            .bind(&vote.comment)
            .bind(vote.time.nanoseconds())
            .execute(connection)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }
}

impl Change for Expire {
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE approval SET state = 'expired', decided = ?1
                 WHERE id = ?2 AND ((state = 'pending' AND deadline <= ?1) OR (state = 'granted' AND use_until <= ?1))",
            )
            .bind(self.now.nanoseconds())
            .bind(&self.id)
            .execute(connection)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }
}

impl Change for Claim {
    fn apply<'c>(&'c self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE approval SET state = 'used'
                 WHERE id = ? AND key = ? AND state = 'granted' AND use_until > ?",
            )
            .bind(&self.id)
            .bind(self.key.as_bytes())
            .bind(self.now.nanoseconds())
            .execute(connection)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }
}

/// The approval with this id.
pub(super) async fn get(store: &Store, id: &str) -> Result<Option<Approval>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id);
    get_one(store, query).await
}

/// The newest approval of a key.
pub(super) async fn newest(store: &Store, key: &ApprovalKey) -> Result<Option<Approval>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    // An open one first: there is at most one, and clocks may have been set back since.
    query
        .push(" WHERE key = ")
        .push_bind(key.as_bytes())
        .push(" ORDER BY state IN ('pending', 'granted') DESC, opened DESC, id DESC LIMIT 1");
    get_one(store, query).await
}

/// A page of approvals, newest first. `before` is where the page before ended.
pub(super) async fn list(
    store: &Store,
    state: Option<ApprovalState>,
    before: Option<&(Timestamp, String)>,
    limit: u32,
) -> Result<Vec<Approval>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query.push(" WHERE 1 = 1");
    if let Some(state) = state {
        query.push(" AND state = ").push_bind(state.name());
    }
    if let Some((opened, id)) = before {
        query.push(" AND (opened, id) < (").push_bind(opened.nanoseconds()).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY opened DESC, id DESC LIMIT ").push_bind(i64::from(limit));
    store
        .read(async {
            // One transaction, so that state and votes are of one moment.
            let mut transaction = store.readers().begin().await?;
            let rows = query.build().fetch_all(&mut *transaction).await?;
            let mut approvals = Vec::with_capacity(rows.len());
            for row in &rows {
                let mut approval = read_approval(row)?;
                approval.votes = votes(&mut transaction, &approval.id).await?;
                approvals.push(approval);
            }
            Ok(approvals)
        })
        .await
}

/// How many approvals wait.
pub(super) async fn pending(store: &Store) -> Result<i64, StoreError> {
    store
        .read(async {
            let row =
                sqlx::query("SELECT count(*) FROM approval WHERE state = 'pending'").fetch_one(store.readers()).await?;
            Ok(row.try_get(0)?)
        })
        .await
}

/// The approvals whose time is over, and when the time of the next one will be.
pub(super) async fn overdue(store: &Store, now: Timestamp) -> Result<(Vec<String>, Option<Timestamp>), StoreError> {
    store
        .read(async {
            let rows = sqlx::query(
                "SELECT id, CASE state WHEN 'pending' THEN deadline ELSE use_until END AS ends
                 FROM approval WHERE state IN ('pending', 'granted') ORDER BY ends",
            )
            .fetch_all(store.readers())
            .await?;
            let mut over = Vec::new();
            for row in rows {
                let ends = Timestamp::from_nanoseconds(row.try_get("ends")?);
                if ends > now {
                    return Ok((over, Some(ends)));
                }
                over.push(row.try_get("id")?);
            }
            Ok((over, None))
        })
        .await
}

async fn get_one(store: &Store, mut query: QueryBuilder<Sqlite>) -> Result<Option<Approval>, StoreError> {
    store
        .read(async {
            let mut transaction = store.readers().begin().await?;
            let Some(row) = query.build().fetch_optional(&mut *transaction).await? else { return Ok(None) };
            let mut approval = read_approval(&row)?;
            approval.votes = votes(&mut transaction, &approval.id).await?;
            Ok(Some(approval))
        })
        .await
}

async fn votes(connection: &mut SqliteConnection, id: &str) -> Result<Vec<Vote>, StoreError> {
    let rows = sqlx::query(
        "SELECT person, issuer, groups, answer, comment, time FROM approval_vote WHERE approval = ? ORDER BY time, person",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_vote).collect()
}

fn read_vote(row: &SqliteRow) -> Result<Vote, StoreError> {
    let answer = match row.try_get("answer")? {
        "grant" => Answer::Grant,
        "refuse" => Answer::Refuse,
        _ => return Err(StoreError::Damaged),
    };
    Ok(Vote {
        person: row.try_get("person")?,
        issuer: row.try_get("issuer")?,
        groups: serde_json::from_str(row.try_get("groups")?).map_err(|_| StoreError::Damaged)?,
        answer,
        comment: row.try_get("comment")?,
        time: Timestamp::from_nanoseconds(row.try_get("time")?),
    })
}

fn read_approval(row: &SqliteRow) -> Result<Approval, StoreError> {
    let optional = |nanoseconds: Option<i64>| nanoseconds.map(Timestamp::from_nanoseconds);
    let details: Details = serde_json::from_str(row.try_get("details")?).map_err(|_| StoreError::Damaged)?;
    Ok(Approval {
        id: row.try_get("id")?,
        state: ApprovalState::from_name(row.try_get("state")?).ok_or(StoreError::Damaged)?,
        opened: Timestamp::from_nanoseconds(row.try_get("opened")?),
        deadline: Timestamp::from_nanoseconds(row.try_get("deadline")?),
        decided: optional(row.try_get("decided")?),
        use_until: optional(row.try_get("use_until")?),
        subject: row.try_get("subject")?,
        issuer: row.try_get("issuer")?,
        request_id: row.try_get("request_id")?,
        details,
        votes: Vec::new(),
    })
}
