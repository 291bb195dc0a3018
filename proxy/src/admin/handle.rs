//! The paths of the admin API. Each takes what it needs, asks the part in question, and shows the answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hpol_runtime::Status;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::AdminState;
use super::authenticate::Caller;
use super::error::{ApiError, ErrorBody};
use super::view::{
    AnswerBody, ApprovalList, ApprovalQuery, AuditHead, AuditList, AuditQuery, AuditRecord, Readiness, SessionList,
    SessionQuery, Unlabeling, WhoAmI, read_cursor, write_cursor,
};
use crate::approvals::{Answer, Approval};
use crate::config::Role;
use crate::history::{Unlabel, session_name};
use crate::record::{self, Record, RecordHash, RecordKind, bounded};

/// Approvals of one page if the caller names no number.
const APPROVALS_DEFAULT: u32 = 50;

/// Sessions of one page if the caller names no number, and at most.
const SESSIONS_DEFAULT: u32 = 100;
const SESSIONS_MAX: u32 = 1_000;

type Shared = State<Arc<AdminState>>;
type Reply<T> = Result<Json<T>, ApiError>;

impl AdminState {
    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        Ok(self.authenticator.authenticate(headers).await.inspect_err(|error| {
            tracing::warn!(code = error.code(), "a call to the admin API was turned away");
        })?)
    }

    async fn caller_with(&self, headers: &HeaderMap, role: Role, name: &str) -> Result<Caller, ApiError> {
        let caller = self.caller(headers).await?;
        if caller.has(role) { Ok(caller) } else { Err(ApiError::forbidden(name)) }
    }
}

/// Whether a person may see an approval: one's own request, one to answer, or any for an auditor.
fn may_see(caller: &Caller, approval: &Approval) -> bool {
    caller.has(Role::Auditor) || approval.subject == caller.person.name || approval.may_be_answered_by(&caller.person)
}

pub(super) async fn who_am_i(State(state): Shared, headers: HeaderMap) -> Reply<WhoAmI> {
    let Caller { person, roles } = state.caller(&headers).await?;
    Ok(Json(WhoAmI { name: person.name, issuer: person.issuer, groups: person.groups, roles }))
}

pub(super) async fn list_approvals(
    State(state): Shared,
    headers: HeaderMap,
    query: Result<Query<ApprovalQuery>, QueryRejection>,
) -> Reply<ApprovalList> {
    let caller = state.caller(&headers).await?;
    let Query(query) = query?;
    let before = match &query.before {
        None => None,
        Some(text) => {
            let place = read_cursor(text);
            Some(place.ok_or_else(|| ApiError::bad_request("`before` is not a `next` of a page before"))?)
        }
    };
    let page = state.approvals.list(query.state, before.as_ref(), query.limit.unwrap_or(APPROVALS_DEFAULT)).await?;
    let approvals = page.approvals.into_iter().filter(|approval| may_see(&caller, approval)).collect();
    Ok(Json(ApprovalList { approvals, next: page.next.as_ref().map(write_cursor) }))
}

pub(super) async fn show_approval(
    State(state): Shared,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Reply<Approval> {
    let caller = state.caller(&headers).await?;
    let Path(id) = id?;
    let approval = state.approvals.get(&id).await?;
    // To those who may not see it, it does not exist.
    if may_see(&caller, &approval) { Ok(Json(approval)) } else { Err(crate::approvals::ApprovalError::NotFound.into()) }
}

pub(super) async fn grant(
    state: Shared,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Reply<Approval> {
    answer(state, &headers, id, body, Answer::Grant).await
}

pub(super) async fn refuse(
    state: Shared,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Reply<Approval> {
    answer(state, &headers, id, body, Answer::Refuse).await
}

async fn answer(
    State(state): Shared,
    headers: &HeaderMap,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
    answer: Answer,
) -> Reply<Approval> {
    let caller = state.caller(headers).await?;
    let Path(id) = id?;
    let body = body?;
    let AnswerBody { comment } = if body.is_empty() {
        AnswerBody::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| ApiError::bad_request(format!("the body: {error}")))?
    };
    if !may_see(&caller, &state.approvals.get(&id).await?) {
        return Err(crate::approvals::ApprovalError::NotFound.into());
    }
    Ok(Json(state.approvals.answer(&id, &caller.person, answer, &comment).await?))
}

pub(super) async fn list_sessions(
    State(state): Shared,
    headers: HeaderMap,
    query: Result<Query<SessionQuery>, QueryRejection>,
) -> Reply<SessionList> {
    let caller = state.caller(&headers).await?;
    if !caller.has(Role::Operator) && !caller.has(Role::Auditor) {
        return Err(ApiError::forbidden("auditor"));
    }
    let Query(query) = query?;
    let limit = usize::try_from(query.limit.unwrap_or(SESSIONS_DEFAULT).clamp(1, SESSIONS_MAX)).unwrap_or(usize::MAX);
    let mut sessions = state.history.labelled(query.after.as_deref(), limit + 1);
    let more = sessions.len() > limit;
    sessions.truncate(limit);
    let last = sessions.last().map(|last| last.session.clone());
    Ok(Json(SessionList { sessions, next: if more { last } else { None } }))
}

/// Takes a label from a session. No policy can do that, so a person answers for it.
pub(super) async fn unlabel_session(
    State(state): Shared,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply<Unlabeling> {
    let caller = state.caller_with(&headers, Role::Operator, "operator").await?;
    let taken: Unlabeling =
        serde_json::from_slice(&body?).map_err(|error| ApiError::bad_request(format!("the body: {error}")))?;
    // A session's name starts with who vouches for its subject, and the subject.
    let own = session_name(&caller.person.issuer, &caller.person.name);
    if taken.session == own || taken.session.starts_with(&format!("{own} ")) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "own_session",
            "nobody takes labels from a session of their own; ask somebody else",
        ));
    }
    let body = json!({
        "session": bounded(&taken.session),
        "label": bounded(&taken.label),
        "comment": bounded(&taken.comment),
        "person_issuer": caller.person.issuer,
    });
    let mut record = Record::new(RecordKind::SessionLabelRemoved, body);
    record.identity = Some(caller.person.name);
    let change = Unlabel { session: taken.session.as_str().into(), label: taken.label.as_str().into() };
    if state.log.append_with(record, change).await?.is_none() {
        let message = "no session of this name has this label";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "label_not_found", message));
    }
    state.history.unlabel(&taken.session, &taken.label);
    Ok(Json(taken))
}

pub(super) async fn list_audit(
    State(state): Shared,
    headers: HeaderMap,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Reply<AuditList> {
    state.caller_with(&headers, Role::Auditor, "auditor").await?;
    let Query(query) = query?;
    let filter = query.to_filter().map_err(ApiError::bad_request)?;
    let page = record::list(&state.store, &filter).await?;
    Ok(Json(AuditList { records: page.entries.iter().map(AuditRecord::from).collect(), next: page.next }))
}

pub(super) async fn audit_head(State(state): Shared, headers: HeaderMap) -> Reply<AuditHead> {
    state.caller_with(&headers, Role::Auditor, "auditor").await?;
    let head = record::head(&state.store).await?;
    let (sequence, hash) = head.map_or((0, RecordHash::ZERO), |head| (head.sequence, head.hash));
    Ok(Json(AuditHead { sequence, hash }))
}

pub(super) async fn show_audit(
    State(state): Shared,
    headers: HeaderMap,
    sequence: Result<Path<u64>, PathRejection>,
) -> Reply<AuditRecord> {
    state.caller_with(&headers, Role::Auditor, "auditor").await?;
    let Path(sequence) = sequence?;
    let entry = record::show(&state.store, sequence).await?;
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "record_not_found", "no record has this number");
    Ok(Json(AuditRecord::from(&entry.ok_or_else(missing)?)))
}

pub(super) async fn show_policy(State(state): Shared, headers: HeaderMap) -> Reply<Status> {
    let caller = state.caller(&headers).await?;
    if !caller.has(Role::Operator) && !caller.has(Role::Auditor) {
        return Err(ApiError::forbidden("operator"));
    }
    Ok(Json(state.policy.status()))
}

pub(super) async fn reload_policy(State(state): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    let caller = state.caller_with(&headers, Role::Operator, "operator").await?;
    let mut record = Record::new(RecordKind::PolicyReload, json!({"issuer": caller.person.issuer}));
    record.identity = Some(caller.person.name);
    state.log.append(record).await?;
    let status = state.policy.reload().await;
    // The last good policy stays, so the gateway works on; the caller is told all the same.
    let failed = status.last_error.is_some() || status.source_error.is_some();
    let code = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((code, Json(status)).into_response())
}

pub(super) async fn health() -> Json<serde_json::Value> {
    Json(json!({"alive": true}))
}

pub(super) async fn readiness(State(state): Shared) -> (StatusCode, Json<Readiness>) {
    let mut problems = Vec::new();
    let mut add = |code: &str, message: String| problems.push(ErrorBody { code: code.to_owned(), message });
    if state.shutdown.is_cancelled() {
        add("stopping", "the gateway is stopping".to_owned());
    } else if let Err(error) = state.log.check().await {
        add(error.code(), error.to_string());
    }
    if state.policy.status().generation == 0 {
        add("policy_not_loaded", "no policy is loaded, so every request is denied".to_owned());
    }
    let ready = problems.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, problems }))
}

pub(super) async fn metrics(State(state): Shared) -> Response {
    if let Ok(pending) = state.approvals.pending().await {
        state.metrics.approvals_pending(pending);
    }
    let text = state.metrics.render(&state.policy.status(), state.clock.now().nanoseconds());
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

pub(super) async fn not_found() -> ApiError {
    ApiError::not_found()
}

pub(super) async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}
