//! The admin API, on a listener of its own: approvals, audit log, policy, health and metrics.
//!
//! Clients of the data path have no way in: the API has its own tokens, and takes the provider's only if the
//! configuration says so. `docs/admin-api.md` describes every path.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use hpol_runtime::Status;
use http::{HeaderValue, StatusCode, header};
use tokio_util::sync::CancellationToken;

use crate::approvals::Approvals;
use crate::clock::Clock;
use crate::history::History;
use crate::metrics::Metrics;
use crate::record::AuditLog;
use crate::store::Store;

mod authenticate;
pub mod client;
mod error;
mod handle;
mod server;
mod view;

pub use authenticate::{AdminAuthenticator, Caller};
pub use error::{ApiError, ErrorBody, ErrorEnvelope};
pub use server::serve;
pub use view::{
    AnswerBody, ApprovalList, ApprovalQuery, AuditHead, AuditList, AuditQuery, AuditRecord, Readiness, SessionList,
    SessionQuery, Unlabeling, WhoAmI,
};

/// Largest body of a call, in bytes.
const BODY_BYTES_MAX: usize = 16 << 10;

/// Longest time a call may take. Loading a policy from a slow repository is what takes longest.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);

/// The policy as the admin API sees it.
pub trait PolicyControl: Send + Sync {
    /// What is in force, and what was refused last.
    fn status(&self) -> Status;

    /// Looks for a newer policy at once, and says what is in force then. A policy that was refused shows in
    /// [`Status::last_error`].
    fn reload(&self) -> BoxFuture<'_, Status>;
}

/// What the admin API works on.
pub struct AdminState {
    /// Who may call.
    pub authenticator: AdminAuthenticator,
    /// The approvals.
    pub approvals: Approvals,
    /// What is kept of earlier requests.
    pub history: History,
    /// The audit log, to write to.
    pub log: AuditLog,
    /// The store, to read from.
    pub store: Store,
    /// The policy.
    pub policy: Arc<dyn PolicyControl>,
    /// The metrics.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
    /// Cancelled when the gateway stops: it is not ready from then on.
    pub shutdown: CancellationToken,
}

impl fmt::Debug for AdminState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AdminState").finish_non_exhaustive()
    }
}

/// The admin API as a service.
pub fn router(state: AdminState) -> Router {
    Router::new()
        .route("/healthz", get(handle::health))
        .route("/readyz", get(handle::readiness))
        .route("/metrics", get(handle::metrics))
        .route("/v1/whoami", get(handle::who_am_i))
        .route("/v1/approvals", get(handle::list_approvals))
        .route("/v1/approvals/{id}", get(handle::show_approval))
        .route("/v1/approvals/{id}/grant", post(handle::grant))
        .route("/v1/approvals/{id}/refuse", post(handle::refuse))
        .route("/v1/sessions", get(handle::list_sessions))
        .route("/v1/sessions/unlabel", post(handle::unlabel_session))
        .route("/v1/audit", get(handle::list_audit))
        .route("/v1/audit/head", get(handle::audit_head))
        .route("/v1/audit/{sequence}", get(handle::show_audit))
        .route("/v1/policy", get(handle::show_policy))
        .route("/v1/policy/reload", post(handle::reload_policy))
        .fallback(handle::not_found)
        .method_not_allowed_fallback(handle::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(limit))
        .with_state(Arc::new(state))
}

/// Ends calls that take too long, and keeps answers out of caches.
async fn limit(request: Request, next: Next) -> Response {
    let mut response = tokio::time::timeout(CALL_TIME_MAX, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the call took too long; try again").into_response()
    });
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
