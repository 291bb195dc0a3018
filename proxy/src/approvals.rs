//! Approvals: a request that waits until people agree to it.
//!
//! An approval is bound to identity, policy, demands and the exact request. The same request finds the approval that
//! is open for it, so a client that gives up and tries again does not ask a second time. A grant lets one request
//! through, within a stated time, and is then used up. A refusal stands for the same request until the deadline; after
//! it, the request asks anew. No answer by the deadline is a refusal, also if the gateway was down meanwhile.
//!
//! Every step is one transaction with its audit record.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::config::ApprovalsConfig;
use crate::metrics::Metrics;
use crate::record::{AuditLog, Change, Record, RecordKind, bounded};
use crate::store::Store;

mod approval;
mod error;
mod person;
mod table;
mod waiters;

pub use approval::{Approval, ApprovalKey, ApprovalState, Ask, Details};
pub use error::ApprovalError;
pub use person::{Answer, Approver, Demand, Person, Tally, Vote, tally};
use waiters::Waiters;

/// Largest summary that approvers are shown, in bytes.
const SUMMARY_BYTES_MAX: usize = 32 << 10;

/// Longest comment on an answer, in bytes; longer ones are cut.
const COMMENT_BYTES_MAX: usize = 512;

/// How often a change is tried again because others were faster.
const TRIES: usize = 16;

/// How long the task that ends approvals rests after the store failed.
const REST: Duration = Duration::from_secs(1);

/// All approvals. Clones share them.
#[derive(Debug, Clone)]
pub struct Approvals {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: ApprovalsConfig,
    store: Store,
    log: AuditLog,
    metrics: Metrics,
    clock: Clock,
    waiters: Arc<Waiters>,
    /// Told when the time of an approval was set.
    changed: Arc<Notify>,
}

/// An approval that a request found or opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The approval's id.
    pub id: String,
    /// What it is bound to.
    pub key: ApprovalKey,
    /// Where it stood when it was found.
    pub state: ApprovalState,
    /// Until when it may be answered.
    pub deadline: Timestamp,
    /// Whether this request opened it.
    pub opened: bool,
}

/// What an approval came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was granted: take it with [`Approvals::claim`], and send the request.
    Granted,
    /// It was refused.
    Refused {
        /// Who refused.
        by: String,
        /// Why, if anything was given.
        comment: String,
    },
    /// Nobody answered in time, or the grant was not used in time.
    Expired,
    /// Another request of the same kind used it.
    Used,
}

/// A page of approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalPage {
    /// The approvals, newest first.
    pub approvals: Vec<Approval>,
    /// Give this as `before` for the next page; `None` on the last.
    pub next: Option<(Timestamp, String)>,
}

impl Approvals {
    /// Takes up the approvals of the store, and ends those whose time is over, now and from here on.
    pub fn start(config: &ApprovalsConfig, store: &Store, log: &AuditLog, metrics: &Metrics, clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            config: config.clone(),
            store: store.clone(),
            log: log.clone(),
            metrics: metrics.clone(),
            clock,
            waiters: Arc::default(),
            changed: Arc::default(),
        });
        tokio::spawn(end_overdue(Arc::downgrade(&shared), shared.changed.clone()));
        Self { shared }
    }

    /// Finds the approval that is open for a request, or opens one. Its record is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The decision names nobody who may answer, too many approvals wait, or the store failed.
    pub async fn request(&self, ask: &Ask<'_>) -> Result<Ticket, ApprovalError> {
        let terms = ask.decision.approval.as_ref().ok_or(ApprovalError::NobodyMayAnswer)?;
        let demands: Vec<_> = terms.demands.iter().map(Demand::from).collect();
        if demands.is_empty() || demands.iter().any(|demand| demand.approvers.is_empty()) {
            return Err(ApprovalError::NobodyMayAnswer);
        }
        let key = ApprovalKey::new(ask.identity, &ask.decision.policy_hash, &demands, &ask.request_hash);
        for _ in 0..TRIES {
            let now = self.shared.clock.now();
            let found = table::newest(&self.shared.store, &key).await?;
            let ticket = |approval: &Approval, opened| Ticket {
                id: approval.id.clone(),
                key,
                state: approval.state,
                deadline: approval.deadline,
                opened,
            };
            match found {
                Some(approval) if approval.is_overdue(now) => self.expire(&approval).await?,
                Some(approval) if approval.stands_for_retries(now) => return Ok(ticket(&approval, false)),
                Some(_) | None => {
                    let within = terms.within.min(self.shared.config.max_within);
                    let approval = new_approval(ask, &demands, now, now.plus(within))?;
                    if self.open(approval.clone(), key).await? {
                        return Ok(ticket(&approval, true));
                    }
                    // Either another request of the same kind was faster, or there is no room.
                    let other = table::newest(&self.shared.store, &key).await?;
                    if !other.is_some_and(|other| other.stands_for_retries(now)) {
                        return Err(ApprovalError::TooMany);
                    }
                }
            }
        }
        Err(ApprovalError::Contended)
    }

    /// Waits until an approval is answered or its time is over. Costs nothing while nothing happens.
    ///
    /// # Errors
    ///
    /// There is no such approval, or the store failed.
    pub async fn wait(&self, id: &str) -> Result<Outcome, ApprovalError> {
        let mut waiter = self.shared.waiters.wait_for(id);
        loop {
            let approval = self.get(id).await?;
            let now = self.shared.clock.now();
            if approval.is_overdue(now) {
                self.expire(&approval).await?;
                continue;
            }
            match approval.state {
                ApprovalState::Pending => {
                    tokio::select! {
                        () = waiter.changed() => {}
                        () = tokio::time::sleep(now.until(approval.deadline)) => {}
                    }
                }
                ApprovalState::Granted => return Ok(Outcome::Granted),
                ApprovalState::Used => return Ok(Outcome::Used),
                ApprovalState::Expired => return Ok(Outcome::Expired),
                ApprovalState::Refused => {
                    let vote = approval.votes.into_iter().find(|vote| vote.answer == Answer::Refuse);
                    let (by, comment) = vote.map(|vote| (vote.person, vote.comment)).unwrap_or_default();
                    return Ok(Outcome::Refused { by, comment });
                }
            }
        }
    }

    /// Takes a grant for one request, which may be sent after this returns. The grant is used up.
    ///
    /// # Errors
    ///
    /// The approval is not granted or no longer, or the store failed: the request must not be sent.
    pub async fn claim(&self, ticket: &Ticket, request_id: &str) -> Result<(), ApprovalError> {
        let approval = self.get(&ticket.id).await?;
        let record = Record::new(RecordKind::ApprovalUsed, json!({"approval": approval.id}))
            .of_request(request_id, Some(&approval.subject));
        let change = table::Claim { id: approval.id.clone(), key: ticket.key, now: self.shared.clock.now() };
        if self.apply(&approval.id, record, change).await? {
            self.shared.metrics.approval("used");
            return Ok(());
        }
        let state = match self.get(&ticket.id).await?.state {
            // Its time ran out between the look and the change.
            ApprovalState::Granted => ApprovalState::Expired,
            state => state,
        };
        Err(ApprovalError::NotGranted(state))
    }

    /// Takes a person's answer. It is on the disk when this returns, and those who wait are woken.
    ///
    /// # Errors
    ///
    /// There is no such approval, it does not wait any more, the person may not answer it or did so already, or the
    /// store failed.
    pub async fn answer(
        &self,
        id: &str,
        person: &Person,
        answer: Answer,
        comment: &str,
    ) -> Result<Approval, ApprovalError> {
        for _ in 0..TRIES {
            let mut approval = self.get(id).await?;
            let now = self.shared.clock.now();
            if approval.is_overdue(now) {
                self.expire(&approval).await?;
                continue;
            }
            approval.check_answer(person)?;
            let votes_before = approval.votes.len();
            let vote = Vote {
                person: person.name.clone(),
                issuer: person.issuer.clone(),
                groups: person.groups.clone(),
                answer,
                comment: cut(comment),
                time: now,
            };
            approval.votes.push(vote.clone());
            approval.state = match tally(&approval.details.demands, &approval.subject, &approval.votes) {
                Tally::Open => ApprovalState::Pending,
                Tally::Granted => ApprovalState::Granted,
                Tally::Refused => ApprovalState::Refused,
            };
            approval.decided = (approval.state != ApprovalState::Pending).then_some(now);
            approval.use_until =
                (approval.state == ApprovalState::Granted).then(|| now.plus(self.shared.config.use_within));
            let record = answer_record(&approval, &vote);
            let change = table::Cast {
                id: id.to_owned(),
                vote,
                votes_before,
                state: approval.state,
                use_until: approval.use_until,
            };
            if self.apply(id, record, change).await? {
                if approval.state != ApprovalState::Pending {
                    self.shared.metrics.approval(approval.state.name());
                }
                return Ok(approval);
            }
        }
        Err(ApprovalError::Contended)
    }

    /// An approval by its id.
    ///
    /// # Errors
    ///
    /// There is no such approval, or the store failed.
    pub async fn get(&self, id: &str) -> Result<Approval, ApprovalError> {
        table::get(&self.shared.store, id).await?.ok_or(ApprovalError::NotFound)
    }

    /// A page of approvals, newest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn list(
        &self,
        state: Option<ApprovalState>,
        before: Option<&(Timestamp, String)>,
        limit: u32,
    ) -> Result<ApprovalPage, ApprovalError> {
        let limit = limit.clamp(1, table::PAGE_MAX);
        let mut approvals = table::list(&self.shared.store, state, before, limit + 1).await?;
        let more = approvals.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        if more {
            approvals.pop();
        }
        let last = approvals.last().map(|approval| (approval.opened, approval.id.clone()));
        Ok(ApprovalPage { next: if more { last } else { None }, approvals })
    }

    /// How many approvals wait for an answer.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn pending(&self) -> Result<i64, ApprovalError> {
        Ok(table::pending(&self.shared.store).await?)
    }

    async fn open(&self, approval: Approval, key: ApprovalKey) -> Result<bool, ApprovalError> {
        let body = json!({
            "approval": approval.id,
            "deadline": approval.deadline,
            "demands": approval.details.demands,
            "reasons": approval.details.reasons,
            "request_hash": approval.details.request_hash,
            "policy_hash": approval.details.policy_hash,
            "revision": approval.details.revision,
            "issuer": approval.issuer,
        });
        let mut record =
            Record::new(RecordKind::ApprovalOpened, body).of_request(&approval.request_id, Some(&approval.subject));
        record.rules = approval.details.demands.iter().map(|demand| bounded(&demand.id)).collect();
        let id = approval.id.clone();
        let change = table::Open {
            approval,
            key,
            pending_max: self.shared.config.max_pending,
            pending_per_identity_max: self.shared.config.max_pending_per_identity,
        };
        let opened = self.apply(&id, record, change).await?;
        if opened {
            self.shared.metrics.approval("opened");
        }
        Ok(opened)
    }

    async fn expire(&self, approval: &Approval) -> Result<(), ApprovalError> {
        expire(&self.shared, approval).await
    }

    async fn apply(&self, id: &str, record: Record, change: impl Change + 'static) -> Result<bool, ApprovalError> {
        apply(&self.shared, id, record, change).await
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Lets the task that ends approvals notice that nobody needs it.
        self.changed.notify_one();
    }
}

/// Ends approvals whose time is over, so that this shows even where no request waits for them.
async fn end_overdue(shared: Weak<Shared>, changed: Arc<Notify>) {
    while let Some(held) = shared.upgrade() {
        let rest = match end_due(&held).await {
            Ok(Some(next)) => Some(held.clock.now().until(next)),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(code = error.code(), "approvals could not be ended: {error}");
                Some(REST)
            }
        };
        drop(held);
        tokio::select! {
            () = changed.notified() => {}
            () = async {
                match rest {
                    Some(rest) => tokio::time::sleep(rest).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }
}

async fn end_due(shared: &Shared) -> Result<Option<Timestamp>, ApprovalError> {
    let (over, next) = table::overdue(&shared.store, shared.clock.now()).await?;
    for id in over {
        if let Some(approval) = table::get(&shared.store, &id).await? {
            expire(shared, &approval).await?;
        }
    }
    Ok(next)
}

async fn expire(shared: &Shared, approval: &Approval) -> Result<(), ApprovalError> {
    let body = json!({"approval": approval.id, "was": approval.state.name()});
    let record =
        Record::new(RecordKind::ApprovalExpired, body).of_request(&approval.request_id, Some(&approval.subject));
    let change = table::Expire { id: approval.id.clone(), now: shared.clock.now() };
    if apply(shared, &approval.id, record, change).await? {
        shared.metrics.approval("expired");
    }
    Ok(())
}

async fn apply(
    shared: &Shared,
    id: &str,
    record: Record,
    change: impl Change + 'static,
) -> Result<bool, ApprovalError> {
    let applied = shared.log.append_with(record, change).await?.is_some();
    if applied {
        shared.waiters.wake(id);
        shared.changed.notify_one();
    }
    Ok(applied)
}

fn new_approval(
    ask: &Ask<'_>,
    demands: &[Demand],
    opened: Timestamp,
    deadline: Timestamp,
) -> Result<Approval, ApprovalError> {
    if ask.summary.to_string().len() > SUMMARY_BYTES_MAX {
        return Err(ApprovalError::TooLarge(SUMMARY_BYTES_MAX));
    }
    let decision = ask.decision;
    Ok(Approval {
        id: new_id()?,
        state: ApprovalState::Pending,
        opened,
        deadline,
        decided: None,
        use_until: None,
        subject: ask.identity.subject.clone(),
        issuer: ask.identity.issuer.clone(),
        request_id: ask.request_id.to_owned(),
        details: Details {
            summary: ask.summary.clone(),
            reasons: decision.reasons.iter().take(16).map(|reason| bounded(reason)).collect(),
            demands: demands.to_vec(),
            request_hash: hex::encode(ask.request_hash),
            policy_hash: decision.policy_hash.to_string(),
            revision: decision.revision.to_string(),
        },
        votes: Vec::new(),
    })
}

fn answer_record(approval: &Approval, vote: &Vote) -> Record {
    let body = json!({
        "approval": approval.id,
        "answer": vote.answer.name(),
        "comment": vote.comment,
        "person_issuer": vote.issuer,
        "person_groups": vote.groups.iter().take(32).map(|group| bounded(group)).collect::<Vec<_>>(),
        "state": approval.state.name(),
        "requester": bounded(&approval.subject),
    });
    Record::new(RecordKind::ApprovalAnswered, body).of_request(&approval.request_id, Some(&vote.person))
}

/// An id that nobody can guess.
fn new_id() -> Result<String, ApprovalError> {
    let mut bytes = [0u8; 12];
    getrandom::fill(&mut bytes)
        .map_err(|error| crate::store::StoreError::Other(format!("no random numbers to be had: {error}")))?;
    Ok(format!("a-{}", hex::encode(bytes)))
}

fn cut(comment: &str) -> String {
    comment.get(..comment.floor_char_boundary(COMMENT_BYTES_MAX)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
