//! An approval as it is stored and shown.

use hpol_runtime::Decision;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::ApprovalError;
use super::person::{Demand, Person, Vote};
use crate::clock::Timestamp;
use crate::identity::Identity;

/// Put in front of what is hashed, so that no other hash of the project can be taken for one of an approval.
const DOMAIN: &[u8] = b"hpol approval 1\n";

/// What an approval is asked for.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// The decision that demands the approval.
    pub decision: &'a Decision,
    /// SHA-256 of the exact request: method, target, and body.
    pub request_hash: [u8; 32],
    /// The request's id.
    pub request_id: &'a str,
    /// What approvers are shown: method, path, model, tools. Already masked, without secrets.
    pub summary: serde_json::Value,
}

/// What an approval is bound to: identity, policy, demands and the exact request. Anything else asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApprovalKey([u8; 32]);

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// It waits for answers.
    Pending,
    /// It was granted, and the request has not been sent yet.
    Granted,
    /// Somebody refused.
    Refused,
    /// Nobody answered in time, or the grant was not used in time.
    Expired,
    /// It was granted, and the request was sent.
    Used,
}

/// An approval with its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it was asked for.
    pub opened: Timestamp,
    /// Until when it may be answered.
    pub deadline: Timestamp,
    /// When it was granted or refused, or ran out.
    pub decided: Option<Timestamp>,
    /// Until when the granted request must be sent.
    pub use_until: Option<Timestamp>,
    /// Who asks.
    pub subject: String,
    /// Who vouches for the one who asks.
    pub issuer: String,
    /// The request that asked first.
    pub request_id: String,
    /// What it is about.
    #[serde(flatten)]
    pub details: Details,
    /// The answers so far, in their order.
    pub votes: Vec<Vote>,
}

/// What an approval is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What is asked for.
    pub summary: serde_json::Value,
    /// Why approval is needed: the rules' reasons.
    pub reasons: Vec<String>,
    /// Who must agree.
    pub demands: Vec<Demand>,
    /// SHA-256 of the exact request, in hexadecimal.
    pub request_hash: String,
    /// SHA-256 of the policy, in hexadecimal.
    pub policy_hash: String,
    /// Revision of the policy.
    pub revision: String,
}

impl Approval {
    /// Whether its time is over though its state does not say so yet.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        match self.state {
            ApprovalState::Pending => self.deadline <= now,
            ApprovalState::Granted => self.use_until.is_none_or(|until| until <= now),
            ApprovalState::Refused | ApprovalState::Expired | ApprovalState::Used => false,
        }
    }

    /// Whether the same request, sent again, gets this approval and not a new one.
    pub(super) fn stands_for_retries(&self, now: Timestamp) -> bool {
        match self.state {
            ApprovalState::Pending | ApprovalState::Granted => true,
            ApprovalState::Refused => now < self.deadline,
            ApprovalState::Expired | ApprovalState::Used => false,
        }
    }

    /// Whether a person is among those who may answer.
    pub fn may_be_answered_by(&self, person: &Person) -> bool {
        self.subject != person.name
            && self.details.demands.iter().any(|demand| demand.accepts(&person.name, &person.groups))
    }

    /// Whether a person may answer now.
    pub(super) fn check_answer(&self, person: &Person) -> Result<(), ApprovalError> {
        // Names are compared whoever vouches for them: one person may be known to the provider and to the gateway.
        if self.subject == person.name {
            return Err(ApprovalError::OwnRequest);
        }
        if !self.may_be_answered_by(person) {
            return Err(ApprovalError::NotAnApprover);
        }
        if self.votes.iter().any(|vote| vote.person == person.name) {
            return Err(ApprovalError::AlreadyAnswered);
        }
        match self.state {
            ApprovalState::Pending => Ok(()),
            ApprovalState::Granted | ApprovalState::Refused | ApprovalState::Expired | ApprovalState::Used => {
                Err(ApprovalError::NotPending(self.state))
            }
        }
    }
}

impl ApprovalKey {
    /// The key of what is asked for.
    pub fn new(identity: &Identity, policy_hash: &str, demands: &[Demand], request_hash: &[u8; 32]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        // Demands may depend on the time or on claims; a grant for lesser ones must not serve for greater ones.
        let demands = serde_json::to_string(demands).unwrap_or_default();
        for text in [&*identity.issuer, &*identity.subject, policy_hash, &demands] {
            hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(text);
        }
        hasher.update(request_hash);
        Self(hasher.finalize().into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Granted, Self::Refused, Self::Expired, Self::Used];

    /// The name it is stored under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
