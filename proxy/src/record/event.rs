//! What is handed to the audit log.

use hpol_runtime::Effect;
use hpol_runtime::decision::Decision;
use serde_json::{Value, json};

/// Largest body of a record, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

/// Most items of a list that a record keeps.
const ITEMS_MAX: usize = 32;

/// Longest text that a record keeps, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// The gateway started.
    Startup,
    /// The gateway stopped in order.
    Shutdown,
    /// A policy revision came into force.
    PolicyLoaded,
    /// A policy revision was refused; the last good one stayed.
    PolicyRejected,
    /// The policies can't be read; the last good revision stays.
    PolicyUnreadable,
    /// The policies can be read again.
    PolicyReadable,
    /// A person asked for the policy to be loaded anew.
    PolicyReload,
    /// A request arrived and was turned away before a policy was asked.
    Request,
    /// A policy decided on a request.
    Decision,
    /// An approval was asked for.
    ApprovalOpened,
    /// A person answered an approval.
    ApprovalAnswered,
    /// An approval ran out.
    ApprovalExpired,
    /// A granted request was let through.
    ApprovalUsed,
    /// The gateway answered the client.
    Response,
    /// A person took a label from a session.
    SessionLabelRemoved,
    /// The store works again after records could not be written.
    StoreRecovered,
}

/// An event to record. Its body holds no message texts, no tokens and no keys, only what was decided and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What happened.
    pub kind: RecordKind,
    /// The request it belongs to.
    pub request_id: Option<String>,
    /// Who asked, or who acted.
    pub identity: Option<String>,
    /// What was decided.
    pub effect: Option<Effect>,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// Everything else.
    pub body: Value,
}

impl RecordKind {
    /// The name it is stored under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Shutdown => "shutdown",
            Self::PolicyLoaded => "policy_loaded",
            Self::PolicyRejected => "policy_rejected",
            Self::PolicyUnreadable => "policy_unreadable",
            Self::PolicyReadable => "policy_readable",
            Self::PolicyReload => "policy_reload",
            Self::Request => "request",
            Self::Decision => "decision",
            Self::ApprovalOpened => "approval_opened",
            Self::ApprovalAnswered => "approval_answered",
            Self::ApprovalExpired => "approval_expired",
            Self::ApprovalUsed => "approval_used",
            Self::Response => "response",
            Self::SessionLabelRemoved => "session_label_removed",
            Self::StoreRecovered => "store_recovered",
        }
    }
}

impl Record {
    /// An event that belongs to no request.
    pub fn new(kind: RecordKind, body: Value) -> Self {
        Self { kind, request_id: None, identity: None, effect: None, rules: Vec::new(), body }
    }

    /// The same event as part of a request.
    #[must_use]
    pub fn of_request(mut self, request_id: &str, identity: Option<&str>) -> Self {
        self.request_id = Some(request_id.to_owned());
        self.identity = identity.map(bounded);
        self
    }

    /// A decision on a request. `details` says what was asked (method, path, model, hash of the request), without the
    /// texts of the message.
    ///
    /// Lists and texts of the decision are cut to what a record may hold; `cut: true` says so.
    pub fn decision(request_id: &str, identity: &str, decision: &Decision, details: Value) -> Self {
        let mut body = json!({
            "details": details,
            "rules": decision.rules.iter().take(ITEMS_MAX).map(|rule| json!({
                "effect": rule.effect,
                "id": bounded(&rule.id),
                "package": bounded(&rule.package),
                "outcome": rule.outcome,
                "location": bounded(&rule.location.to_string()),
            })).collect::<Vec<_>>(),
            "reasons": decision.reasons.iter().take(ITEMS_MAX).map(|reason| bounded(reason)).collect::<Vec<_>>(),
            "absent": decision.absent.iter().take(ITEMS_MAX).map(|path| bounded(&path.path)).collect::<Vec<_>>(),
            "masks": decision.masks.iter().take(ITEMS_MAX).map(|mask| {
                mask.ids.iter().take(ITEMS_MAX).map(|id| bounded(id)).collect::<Vec<_>>()
            }).collect::<Vec<_>>(),
            "errors": decision.errors.iter().take(ITEMS_MAX).map(|error| json!({
                "code": bounded(&error.code),
                "message": bounded(&error.message),
            })).collect::<Vec<_>>(),
            "reads": decision.reads.iter().take(ITEMS_MAX).map(|read| limited(json!(read))).collect::<Vec<_>>(),
            "increments": decision.increments.iter().take(ITEMS_MAX).map(|added| limited(json!(added))).collect::<Vec<_>>(),
            "labels": decision.labels,
            "revision": bounded(&decision.revision),
            "policy_hash": bounded(&decision.policy_hash),
        });
        let longest = [
            decision.rules.len(),
            decision.reasons.len(),
            decision.absent.len(),
            decision.masks.len(),
            decision.errors.len(),
            decision.reads.len(),
            decision.increments.len(),
        ];
        if let (Some(fields), true) = (body.as_object_mut(), longest.into_iter().any(|length| length > ITEMS_MAX)) {
            fields.insert("cut".to_owned(), true.into());
        }
        let mut record = Self::new(RecordKind::Decision, body).of_request(request_id, Some(identity));
        record.effect = Some(decision.effect);
        record.rules = decision.rules.iter().take(ITEMS_MAX).map(|rule| bounded(&rule.id)).collect();
        record
    }
}

/// A value, or the beginning of its text where that is longer than a record may hold.
fn limited(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= TEXT_BYTES_MAX { value } else { bounded(&text).into() }
}

/// A text cut to what a record may hold, at a character's end.
pub(crate) fn bounded(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// The name of an effect in the log.
pub(crate) fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Deny => "deny",
        Effect::Approve => "approve",
        Effect::Mask => "mask",
        Effect::Allow => "allow",
    }
}
