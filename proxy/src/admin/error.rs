//! Errors of the admin API as JSON: `{"error": {"code": …, "message": …}}`.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::approvals::ApprovalError;
use crate::identity::IdentityError;
use crate::store::StoreError;

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// What is told.
    pub body: ErrorBody,
}

/// What is told of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A word that programs compare.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

/// The error in its envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

impl ApiError {
    /// An error with its code and message.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, body: ErrorBody { code: code.to_owned(), message: message.into() } }
    }

    /// A role is missing.
    pub(super) fn forbidden(role: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "role_missing", format!("this needs the role `{role}`; ask an administrator"))
    }

    /// The request says something that cannot be understood.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// There is nothing at this path.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here; `docs/admin-api.md` lists the paths")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let mut response = (self.status, Json(ErrorEnvelope { error: self.body })).into_response();
        if unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        let status = if error.is_unavailable() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNAUTHORIZED };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), error.to_string())
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> Self {
        let status = match &error {
            ApprovalError::NotFound => StatusCode::NOT_FOUND,
            ApprovalError::OwnRequest | ApprovalError::NotAnApprover => StatusCode::FORBIDDEN,
            ApprovalError::AlreadyAnswered
            | ApprovalError::NotPending(_)
            | ApprovalError::NotGranted(_)
            | ApprovalError::Contended => StatusCode::CONFLICT,
            ApprovalError::NobodyMayAnswer | ApprovalError::TooLarge(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApprovalError::TooMany | ApprovalError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), "body_unreadable", rejection.body_text())
    }
}
