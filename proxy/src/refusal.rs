//! What a client reads when its request is refused: an error in the form that OpenAI's SDKs know, and sends no retry.

use bytes::Bytes;
use hpol_runtime::Decision;
use hpol_runtime::decision::Effect;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value as Json, json};

/// Why a request is refused, and what the client can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// What happened, as a word that programs compare: `policy_denied`.
    pub code: &'static str,
    /// What happened and what to do, for people.
    pub message: String,
    /// What exactly happened, where a code stands for several things: `token_expired`.
    pub reason: Option<&'static str>,
    /// The decision, in parts, where there is one.
    pub decision: Option<Box<DecisionBrief>>,
}

/// What a client is told of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionBrief {
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// Their reasons.
    pub reasons: Vec<String>,
    /// Revision of the policy.
    pub revision: String,
}

impl DecisionBrief {
    /// The brief of a decision: the rules of its effect, errors as reasons where nothing else speaks.
    pub fn of(decision: &Decision) -> Self {
        let decided = decision.rules.iter().filter(|rule| rule.effect == decision.effect);
        let mut reasons = decision.reasons.clone();
        if reasons.is_empty() {
            reasons.extend(decision.errors.iter().map(|error| error.message.clone()));
        }
        Self {
            rules: decided.map(|rule| rule.id.to_string()).collect(),
            reasons,
            revision: decision.revision.to_string(),
        }
    }
}

impl Refusal {
    /// A refusal without a decision.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), reason: None, decision: None }
    }

    /// A refusal by policy.
    pub fn denied(decision: &Decision) -> Self {
        let brief = DecisionBrief::of(decision);
        let why = if !brief.reasons.is_empty() {
            brief.reasons.join("; ")
        } else if !brief.rules.is_empty() {
            format!("rule `{}`", brief.rules.join("`, `"))
        } else if decision.effect == Effect::Deny {
            "no rule allows this request".to_owned()
        } else {
            "it cannot be carried out here".to_owned()
        };
        Self::new(StatusCode::FORBIDDEN, "policy_denied", format!("denied by policy: {why}")).because_of(brief)
    }

    /// The same refusal with what exactly happened.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same refusal with what is told of the decision.
    #[must_use]
    pub fn because_of(mut self, brief: DecisionBrief) -> Self {
        self.decision = Some(Box::new(brief));
        self
    }

    /// The kind of error, as the SDKs group them.
    pub fn kind(&self) -> &'static str {
        match self.code {
            "policy_denied" | "approval_refused" | "approval_expired" | "approval_unavailable" => "policy_violation",
            _ => match self.status.as_u16() {
                401 => "authentication_error",
                429 => "rate_limit_error",
                400..500 => "invalid_request_error",
                502 | 504 => "upstream_error",
                _ => "server_error",
            },
        }
    }

    /// The error as JSON.
    pub fn body(&self, request_id: &str) -> Json {
        let mut error = json!({
            "message": self.message,
            "type": self.kind(),
            "param": null,
            "code": self.code,
            "request_id": request_id,
        });
        if let (Some(reason), Some(fields)) = (self.reason, error.as_object_mut()) {
            fields.insert("reason".to_owned(), json!(reason));
        }
        if let (Some(brief), Some(fields)) = (&self.decision, error.as_object_mut()) {
            fields.insert("rules".to_owned(), json!(brief.rules));
            fields.insert("reasons".to_owned(), json!(brief.reasons));
            fields.insert("policy_revision".to_owned(), json!(brief.revision));
        }
        json!({ "error": error })
    }

    /// The response. `close` says that the connection ends with it, since the request was not read to its end.
    pub fn response(&self, request_id: &str, close: bool) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body(request_id).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The SDKs send a refused request up to three times if they are not told otherwise.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            // The first is what the SDKs show with an error; the second stands on every answer.
            headers.insert("x-request-id", id.clone());
            headers.insert("x-hpol-request-id", id);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
