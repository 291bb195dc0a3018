//! A client of the admin API, for `hpol approvals` and `hpol audit`.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::ErrorEnvelope;
use super::view::{
    AnswerBody, ApprovalList, ApprovalQuery, AuditHead, AuditList, AuditQuery, AuditRecord, Readiness, SessionList,
    SessionQuery, Unlabeling, WhoAmI,
};
use crate::approvals::{Answer, Approval, ApprovalError};
use crate::config::{Secret, TlsError, client_tls};

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Longest time a call may take.
const CALL_TIME_MAX: Duration = Duration::from_secs(90);

/// A client of one gateway's admin API.
#[derive(Debug, Clone)]
pub struct AdminClient {
    base: Url,
    authorization: http::HeaderValue,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one.
    #[error("`{0}` is not an address of the admin API; write it as `http://127.0.0.1:8401`")]
    Address(String),
    /// The token cannot be sent.
    #[error("the token has characters that cannot be sent")]
    Token,
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The gateway was not reached.
    #[error("cannot reach the admin API at {address}: {message}; is the gateway running?")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What went wrong.
        message: String,
    },
    /// The gateway took too long.
    #[error("the admin API did not answer in time")]
    Timeout,
    /// The gateway answered with an error.
    #[error("{message}")]
    Api {
        /// The status.
        status: StatusCode,
        /// A word that programs compare.
        code: String,
        /// What happened and what to do.
        message: String,
    },
    /// The answer is not what the admin API sends.
    #[error("the answer is not one of hpol's admin API: {0}; is the address right?")]
    Invalid(String),
}

impl AdminClient {
    /// A client of the API at `address`, such as `http://127.0.0.1:8401`. `ca_file` names certificates to trust in place of
    /// the public ones.
    ///
    /// # Errors
    ///
    /// An address, token or certificate that cannot be used.
    pub fn new(address: &str, token: &Secret, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let mut base = Url::parse(address).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(wrong());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut authorization =
            http::HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| ClientError::Token)?;
        authorization.set_sensitive(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(client_tls(ca_file)?).https_or_http().enable_http1().build();
        Ok(Self { base, authorization, http: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Who the token stands for.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn who_am_i(&self) -> Result<WhoAmI, ClientError> {
        self.get("v1/whoami", &()).await
    }

    /// A page of approvals, newest first.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn approvals(&self, query: &ApprovalQuery) -> Result<ApprovalList, ClientError> {
        self.get("v1/approvals", query).await
    }

    /// One approval.
    ///
    /// # Errors
    ///
    /// The call failed, or there is no such approval.
    pub async fn approval(&self, id: &str) -> Result<Approval, ClientError> {
        self.get(&format!("v1/approvals/{}", path_segment(id)?), &()).await
    }

    /// Answers an approval.
    ///
    /// # Errors
    ///
    /// The call failed, or the answer was not taken.
    pub async fn answer(&self, id: &str, answer: Answer, comment: &str) -> Result<Approval, ClientError> {
        let body = AnswerBody { comment: comment.to_owned() };
        let body = serde_json::to_vec(&body).map_err(|error| ClientError::Invalid(error.to_string()))?;
        let path = format!("v1/approvals/{}/{}", path_segment(id)?, answer.name());
        self.call(Method::POST, &path, &(), body.into(), &[]).await
    }

    /// A page of sessions that have labels.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn sessions(&self, query: &SessionQuery) -> Result<SessionList, ClientError> {
        self.get("v1/sessions", query).await
    }

    /// Takes a label from a session.
    ///
    /// # Errors
    ///
    /// The call failed, or no such session has the label.
    pub async fn unlabel(&self, session: &str, label: &str, comment: &str) -> Result<Unlabeling, ClientError> {
        let body = Unlabeling { session: session.to_owned(), label: label.to_owned(), comment: comment.to_owned() };
        let body = serde_json::to_vec(&body).map_err(|error| ClientError::Invalid(error.to_string()))?;
        self.call(Method::POST, "v1/sessions/unlabel", &(), body.into(), &[]).await
    }

    /// A page of the audit log, newest first.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditList, ClientError> {
        self.get("v1/audit", query).await
    }

    /// One record of the audit log.
    ///
    /// # Errors
    ///
    /// The call failed, or there is no such record.
    pub async fn audit_record(&self, sequence: u64) -> Result<AuditRecord, ClientError> {
        self.get(&format!("v1/audit/{sequence}"), &()).await
    }

    /// The end of the audit log.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn audit_head(&self) -> Result<AuditHead, ClientError> {
        self.get("v1/audit/head", &()).await
    }

    /// What policy is in force, and what was refused last.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn policy(&self) -> Result<serde_json::Value, ClientError> {
        self.get("v1/policy", &()).await
    }

    /// Makes the gateway look for a newer policy. A policy that was refused shows in `last_error`.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn reload_policy(&self) -> Result<serde_json::Value, ClientError> {
        let refused = [StatusCode::UNPROCESSABLE_ENTITY];
        self.call(Method::POST, "v1/policy/reload", &(), Bytes::new(), &refused).await
    }

    /// Whether the gateway can do its work.
    ///
    /// # Errors
    ///
    /// The call failed.
    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        self.call(Method::GET, "readyz", &(), Bytes::new(), &[StatusCode::SERVICE_UNAVAILABLE]).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, ClientError> {
        self.call(Method::GET, path, query, Bytes::new(), &[]).await
    }

    /// Calls, and reads the answer of a status that is a success or among `also`.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &impl Serialize,
        body: Bytes,
        also: &[StatusCode],
    ) -> Result<T, ClientError> {
        let mut url = self.base.join(path).map_err(|error| ClientError::Invalid(error.to_string()))?;
        append_query(&mut url, query)?;
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Invalid(error.to_string()))?;
        let exchange = tokio::time::timeout(CALL_TIME_MAX, self.exchange(request));
        let (status, bytes) = exchange.await.map_err(|_| ClientError::Timeout)??;
        if !status.is_success() && !also.contains(&status) {
            let envelope: ErrorEnvelope = serde_json::from_slice(&bytes)
                .map_err(|_| ClientError::Invalid(format!("status {status} without an error in JSON")))?;
            let error = envelope.error;
            return Err(ClientError::Api { status, code: error.code, message: error.message });
        }
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Invalid(error.to_string()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), ClientError> {
        let unreachable = |error: &dyn std::error::Error| ClientError::Unreachable {
            address: self.base.to_string(),
            message: error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
        };
        let response = self.http.request(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ClientError::Invalid(format!("it is larger than {ANSWER_BYTES_MAX} bytes"))
            } else {
                unreachable(&*error)
            }
        })?;
        Ok((status, body.to_bytes()))
    }
}

/// Adds the fields of a query, each percent-encoded.
fn append_query(url: &mut Url, query: &impl Serialize) -> Result<(), ClientError> {
    let value = serde_json::to_value(query).map_err(|error| ClientError::Invalid(error.to_string()))?;
    let Some(fields) = value.as_object().filter(|fields| !fields.is_empty()) else { return Ok(()) };
    let mut pairs = url.query_pairs_mut();
    for (name, value) in fields {
        match value.as_str() {
            Some(text) => pairs.append_pair(name, text),
            None => pairs.append_pair(name, &value.to_string()),
        };
    }
    Ok(())
}

/// An id as one segment of a path. What is no id at all is not sent: it could lead to another path.
fn path_segment(id: &str) -> Result<&str, ClientError> {
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(id);
    }
    let error = ApprovalError::NotFound;
    let (code, message) = (error.code().to_owned(), error.to_string());
    Err(ClientError::Api { status: StatusCode::NOT_FOUND, code, message })
}
