//! What the admin API sends and takes. The client reads the same types.

use std::collections::BTreeSet;

use hpol_runtime::Effect;
use serde::{Deserialize, Serialize};

use crate::approvals::{Approval, ApprovalState};
use crate::clock::Timestamp;
use crate::config::Role;
use crate::history::SessionLabels;
use crate::record::{Entry, Filter, RecordHash, effect_name};

/// A page of approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalList {
    /// The approvals, newest first.
    pub approvals: Vec<Approval>,
    /// Give this as `before` for the next page.
    pub next: Option<String>,
}

/// Which approvals to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalQuery {
    /// Only those in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ApprovalState>,
    /// Only those after this place: `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Most approvals of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What goes with an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerBody {
    /// Why.
    pub comment: String,
}

/// A page of sessions that have labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// The sessions, in order of their names.
    pub sessions: Vec<SessionLabels>,
    /// Give this as `after` for the next page.
    pub next: Option<String>,
}

/// Which sessions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionQuery {
    /// Only those behind this one: `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most sessions of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A label to take from a session, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlabeling {
    /// The session.
    pub session: String,
    /// The label.
    pub label: String,
    /// Why; goes into the audit log.
    pub comment: String,
}

/// A record of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number.
    pub sequence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// What happened.
    pub kind: String,
    /// The request it belongs to.
    pub request_id: Option<String>,
    /// Who asked, or who acted.
    pub identity: Option<String>,
    /// What was decided.
    pub effect: Option<String>,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// Everything else.
    pub body: serde_json::Value,
    /// Hash of the record before it.
    pub previous: RecordHash,
    /// Hash of this record.
    pub hash: RecordHash,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditList {
    /// The records, newest first.
    pub records: Vec<AuditRecord>,
    /// Give this as `before` for the next page.
    pub next: Option<u64>,
}

/// Which records to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    /// Not before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of this identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Decided like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Decided by the rule with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Only records before this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Most records of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The end of the audit log. Keep it elsewhere to prove later that nothing before it was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Number of the last record; 0 for an empty log.
    pub sequence: u64,
    /// Hash of the last record; zeros for an empty log.
    pub hash: RecordHash,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The person's name.
    pub name: String,
    /// Who vouches for it.
    pub issuer: String,
    /// The person's groups.
    pub groups: Vec<String>,
    /// The person's roles.
    pub roles: BTreeSet<Role>,
}

/// Whether the gateway can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What stands in the way.
    pub problems: Vec<super::ErrorBody>,
}

impl From<&Entry> for AuditRecord {
    fn from(entry: &Entry) -> Self {
        Self {
            sequence: entry.sequence,
            time: entry.time,
            kind: entry.kind.clone(),
            request_id: entry.request_id.clone(),
            identity: entry.identity.clone(),
            effect: entry.effect.clone(),
            rules: entry.rules.clone(),
            // A body that is not JSON was not written by the gateway; it is shown as it is.
            body: serde_json::from_str(&entry.body).unwrap_or_else(|_| entry.body.as_str().into()),
            previous: entry.previous,
            hash: entry.hash,
        }
    }
}

impl AuditQuery {
    /// The filter this asks for.
    ///
    /// # Errors
    ///
    /// An effect that is none.
    pub fn to_filter(&self) -> Result<Filter, String> {
        let effect = match self.effect.as_deref() {
            None => None,
            Some(name) => {
                let all = [Effect::Deny, Effect::Approve, Effect::Mask, Effect::Allow];
                let found = all.into_iter().find(|effect| effect_name(*effect) == name);
                Some(found.ok_or_else(|| format!("`{name}` is not an effect; write deny, approve, mask or allow"))?)
            }
        };
        Ok(Filter {
            since: self.since,
            until: self.until,
            kind: self.kind.clone(),
            identity: self.identity.clone(),
            effect,
            rule: self.rule.clone(),
            request_id: self.request_id.clone(),
            before: self.before,
            limit: self.limit,
        })
    }
}

/// A place in the list of approvals as text.
pub(super) fn write_cursor((opened, id): &(Timestamp, String)) -> String {
    format!("{}.{id}", opened.nanoseconds())
}

/// A place in the list of approvals from its text.
pub(super) fn read_cursor(text: &str) -> Option<(Timestamp, String)> {
    let (opened, id) = text.split_once('.')?;
    Some((Timestamp::from_nanoseconds(opened.parse().ok()?), id.to_owned()))
}
