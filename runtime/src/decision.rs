//! What a policy answers to a request, with everything that is needed to carry it out and to explain it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hpol_lang::source::Location;
use hpol_lang::value::Value;
use serde::Serialize;

use crate::state::StateRead;

/// The outcome, from strongest to weakest: a deny beats an approval, which beats a mask, which beats an allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The request is refused. Also what is decided when nothing allows.
    Deny,
    /// The request waits for people to agree; masks apply once they do.
    Approve,
    /// The request passes and [`Decision::masks`] are applied.
    Mask,
    /// The request passes as it is.
    Allow,
}

impl Effect {
    /// The word as policies write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Approve => "approve",
            Self::Mask => "mask",
            Self::Allow => "allow",
        }
    }
}

/// The answer to one request. It owns its data and outlives the engine's generation that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What to do.
    pub effect: Effect,
    /// The rules that decided, in the order of effect, package and id.
    pub rules: Vec<RuleMatch>,
    /// Reasons for people, from the deciding rules, without repeats.
    pub reasons: Vec<String>,
    /// Input paths that were absent where a rule looked.
    pub absent: Vec<AbsentPath>,
    /// Masks to apply if the request passes, joined where two fall on the same values.
    pub masks: Vec<Mask>,
    /// Who must agree, if the effect is [`Effect::Approve`].
    pub approval: Option<ApprovalTerms>,
    /// Labels that the session gets if the request goes ahead, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Arc<str>>,
    /// What counters get if the request goes ahead, in the order of their names. A request that is denied, or refused by those
    /// who were to approve it, adds nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub increments: Vec<Increment>,
    /// What was asked about earlier requests, with the answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<StateRead>,
    /// Errors met while evaluating; each was counted against the request.
    pub errors: Vec<EvaluationError>,
    /// Revision of the policy: a git commit, or `folder:` and a hash.
    pub revision: Arc<str>,
    /// SHA-256 of all policy files and data, in hexadecimal.
    pub policy_hash: Arc<str>,
}

/// What a request that goes ahead adds to a counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Increment {
    /// The counter's package and name, such as `payments.guard.writes`.
    pub counter: Arc<str>,
    /// How far back the counter looks.
    pub window_nanoseconds: i64,
    /// The key.
    pub key: Vec<Value>,
    /// A number that is not negative.
    pub amount: Value,
}

/// A rule that took part in a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleMatch {
    /// Which of the four decision rules it is.
    pub effect: Effect,
    /// Its id, as written.
    pub id: Arc<str>,
    /// Its package, without `data.`.
    pub package: Arc<str>,
    /// Where it stands.
    pub location: Location,
    /// How it came to count.
    pub outcome: RuleOutcome,
    /// The value of `because`, or `None` where the rule gives no reason.
    pub reason: Option<String>,
    /// Which elements matched, by variable name.
    pub witnesses: Vec<Witness>,
    /// Its `@id`, `@owner` and `@severity`, as far as it has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Arc<str>, Value>,
}

/// How a rule came to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleOutcome {
    /// Its conditions held.
    Matched,
    /// A value it looks at was absent, and the rule protects.
    Absent,
    /// Its evaluation failed, and the rule protects.
    Error,
}

/// A variable of a rule that matched, with the value it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// The variable, as written.
    pub name: Arc<str>,
    /// Its value.
    pub value: Value,
}

/// An absent value and where a rule looked for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AbsentPath {
    /// The path as written, such as `input.user.email`.
    pub path: Arc<str>,
    /// The place in the policy.
    pub location: Location,
}

/// An error of the policy or of the limits on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvaluationError {
    /// Stable code, such as `eval_builtin_error` or `limit_fuel`.
    pub code: Arc<str>,
    /// What went wrong, for people.
    pub message: String,
    /// The place in the policy, where there is one.
    pub location: Option<Location>,
}

/// A change to make to the request or the response.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Mask {
    /// Ids of the rules that ask for it.
    pub ids: Vec<Arc<str>>,
    /// Where it applies.
    pub selector: Selector,
    /// What is done to what it finds.
    pub operator: Operator,
}

/// Which part of the traffic a mask applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// What the client sends.
    Request,
    /// What the server answers.
    Response,
    /// Both.
    Any,
}

/// What a mask applies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Selector {
    /// Every text of the message: `any text`, `request text`, `response text`.
    Text {
        /// Which way the message goes.
        direction: Direction,
    },
    /// A path into a JSON body, such as `customer.cards[*].number`: `response field("…")`.
    Field {
        /// Which way the message goes.
        direction: Direction,
        /// The path: names joined by `.`, `[*]` for every element.
        path: Arc<str>,
    },
    /// A column of a table: `column("customers", "email")`.
    Column {
        /// The table.
        table: Arc<str>,
        /// The column.
        column: Arc<str>,
    },
}

/// What is done to a masked value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Operator {
    /// The change.
    pub kind: OperatorKind,
    /// Only what these detectors find is changed; empty means the whole value.
    pub detectors: Vec<DetectorUse>,
}

/// The changes, from strongest to weakest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OperatorKind {
    /// The field is removed; in text, the match becomes nothing.
    Drop,
    /// The value becomes this text.
    Constant(Arc<str>),
    /// The value becomes its kind in brackets, such as `[credit_card]`.
    Redact,
    /// The value becomes a keyed hash of itself.
    Hash,
    /// All but the last so many characters become `*`.
    Last(u32),
}

/// A detector as a policy names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DetectorUse {
    /// A built-in one, such as `credit_card`.
    Named(Arc<str>),
    /// A pattern of the policy's own.
    Pattern(Arc<str>),
}

/// Who must agree to a request, and by when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalTerms {
    /// Each is one rule's demand; all of them must be met.
    pub demands: Vec<ApprovalDemand>,
    /// Time until the request is refused for lack of an answer.
    pub within: Duration,
}

/// One rule's demand for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalDemand {
    /// Id of the rule.
    pub id: Arc<str>,
    /// Who may answer.
    pub approvers: Vec<Approver>,
    /// How many different people must agree.
    pub quorum: u32,
}

/// Who may answer an approval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Approver {
    /// Anyone in the group.
    Group(Arc<str>),
    /// This person.
    User(Arc<str>),
}
