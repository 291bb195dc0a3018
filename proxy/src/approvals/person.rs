//! Who answers, and what a rule demands of them. Pure: no store, no clock.

use std::collections::BTreeSet;

use hpol_runtime::decision::{ApprovalDemand, Approver as PolicyApprover};
use serde::{Deserialize, Serialize};

/// Somebody who may answer approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name, as policies write it in `by user("…")`.
    pub name: String,
    /// Who vouches for the name.
    pub issuer: String,
    /// Groups, as policies write them in `by group("…")`.
    pub groups: Vec<String>,
}

/// One rule's demand, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Id of the rule.
    pub id: String,
    /// Who may answer.
    pub approvers: Vec<Approver>,
    /// How many different people must agree; at least 1.
    pub quorum: u32,
}

/// Who may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approver {
    /// Anyone in the group.
    Group(String),
    /// This person.
    User(String),
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Let it through.
    Grant,
    /// Do not.
    Refuse,
}

/// A person's answer to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The person's name.
    pub person: String,
    /// Who vouched for the name.
    pub issuer: String,
    /// The person's groups when answering.
    pub groups: Vec<String>,
    /// What was said.
    pub answer: Answer,
    /// Why, if anything was given.
    pub comment: String,
    /// When.
    pub time: crate::clock::Timestamp,
}

/// How the answers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// Answers are missing.
    Open,
    /// Every demand has its quorum, and nobody refused.
    Granted,
    /// Somebody refused.
    Refused,
}

impl Answer {
    /// The name it is stored under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Refuse => "refuse",
        }
    }
}

impl Demand {
    /// Whether a person of this name, in these groups, may answer.
    pub fn accepts(&self, name: &str, groups: &[String]) -> bool {
        self.approvers.iter().any(|approver| match approver {
            Approver::User(user) => user == name,
            Approver::Group(group) => groups.contains(group),
        })
    }

    /// How many different people of those who granted count for this demand.
    pub fn granted(&self, requester: &str, votes: &[Vote]) -> u32 {
        let people: BTreeSet<&str> = votes
            .iter()
            .filter(|vote| vote.answer == Answer::Grant && vote.person != requester)
            .filter(|vote| self.accepts(&vote.person, &vote.groups))
            .map(|vote| vote.person.as_str())
            .collect();
        u32::try_from(people.len()).unwrap_or(u32::MAX)
    }
}

impl From<&ApprovalDemand> for Demand {
    fn from(demand: &ApprovalDemand) -> Self {
        let approver = |approver: &PolicyApprover| match approver {
            PolicyApprover::Group(name) => Approver::Group(name.to_string()),
            PolicyApprover::User(name) => Approver::User(name.to_string()),
        };
        Self {
            id: demand.id.to_string(),
            approvers: demand.approvers.iter().map(approver).collect(),
            // A quorum of nobody would be granted before it was seen.
            quorum: demand.quorum.max(1),
        }
    }
}

/// How the answers stand. A refusal by anyone who may answer is final; a requester's own answer never counts; a
/// person's grant counts for each demand that names the person, and once for each.
pub fn tally(demands: &[Demand], requester: &str, votes: &[Vote]) -> Tally {
    let counts = |vote: &&Vote| {
        vote.person != requester && demands.iter().any(|demand| demand.accepts(&vote.person, &vote.groups))
    };
    if votes.iter().filter(counts).any(|vote| vote.answer == Answer::Refuse) {
        return Tally::Refused;
    }
    let met = |demand: &Demand| demand.granted(requester, votes) >= demand.quorum.max(1);
    if !demands.is_empty() && demands.iter().all(met) { Tally::Granted } else { Tally::Open }
}

#[cfg(test)]
mod tests;
