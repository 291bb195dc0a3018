//! One request from its head to its end: decode, identify, authorize, enforce, record.
//!
//! A request runs in a task of its own, apart from the connection, so that its end is recorded whatever becomes of the
//! client. Until the head of the response is sent, a client that goes away ends the request; from then on the task that
//! sends the body notices. Every refusal has a code and a sentence, and nothing that failed lets a request through.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hpol_runtime::Engine;
use hpol_stdlib::detect::mask::HashKey;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::approvals::Approvals;
use crate::body::{ClientBody, read_request};
use crate::clock::Clock;
use crate::config::{LimitsConfig, UpstreamKind};
use crate::gate::Gate;
use crate::history::History;
use crate::http::framing::FramingError;
use crate::http::message::{Head, HygieneError};
use crate::identity::{Authenticator, Identity};
use crate::llm::message::Endpoint;
use crate::metrics::Metrics;
use crate::record::{AuditLog, Record, RecordKind};
use crate::refusal::Refusal;
use crate::upstream::{Upstream, Upstreams};

mod decode;
mod exchange;
mod filter;
mod hold;
mod pump;

#[cfg(test)]
mod tests;

use exchange::Exchange;

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) engine: Engine,
    pub(crate) upstreams: Upstreams,
    pub(crate) authenticator: Authenticator,
    pub(crate) audit: AuditLog,
    pub(crate) approvals: Approvals,
    pub(crate) history: History,
    pub(crate) metrics: Metrics,
    pub(crate) gate: Gate,
    pub(crate) limits: LimitsConfig,
    pub(crate) hash_key: Arc<HashKey>,
    pub(crate) clock: Clock,
    /// Told when requests that still run must end.
    pub(crate) end: CancellationToken,
    /// The tasks of running requests.
    pub(crate) tasks: TaskTracker,
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Address of the peer.
    pub(crate) client: IpAddr,
    /// Number of the request on its connection, from 0.
    pub(crate) number: u64,
    /// What watches the connection's bytes.
    pub(crate) framing: crate::listener::SharedScanner,
}

impl Origin {
    fn refused(&self) -> Option<FramingError> {
        self.framing.refused().filter(|(number, _)| *number <= self.number).map(|(_, error)| error)
    }
}

/// What a request came to.
pub(crate) enum Answer {
    /// A response in memory.
    Whole(Response<Bytes>),
    /// A response whose body is still to come, and the task that sends it.
    Parts(Response<ClientBody>, pump::Task),
}

/// A request before anything is known of it.
pub(super) struct Arrival {
    id: String,
    origin: Origin,
    started: Instant,
    method: Method,
    path: String,
    identity: Option<String>,
    /// Whether the body was read to its end, so that the connection can go on.
    body_read: bool,
    /// Whether the policy was asked; from then on it is recorded what became of the request.
    decided: bool,
}

/// Serves one request.
pub(crate) async fn serve(services: Arc<Services>, origin: Origin, request: Request<Incoming>) -> Response<ClientBody> {
    let id = new_id();
    let (respond, response) = oneshot::channel();
    let tasks = services.tasks.clone();
    tasks.spawn(run(services, origin, request, id.clone(), respond));
    response.await.unwrap_or_else(|_| {
        // The task is gone without an answer.
        let refusal = Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "the gateway failed on this request; tell its operator the request's id",
        );
        refusal.response(&id, true).map(ClientBody::whole)
    })
}

async fn run(
    services: Arc<Services>,
    origin: Origin,
    request: Request<Incoming>,
    id: String,
    mut respond: oneshot::Sender<Response<ClientBody>>,
) {
    let mut arrival = Arrival {
        id,
        origin,
        started: Instant::now(),
        method: request.method().clone(),
        path: request.uri().path().chars().take(512).collect(),
        identity: None,
        body_read: false,
        decided: false,
    };
    let answer = tokio::select! {
        answer = answer(&services, &mut arrival, request) => Some(answer),
        () = respond.closed() => None,
    };
    match answer {
        None => {
            tracing::info!(request_id = arrival.id, "the client went away before its answer");
            arrival.record(&services, "client_gone", None).await;
        }
        Some(Ok(Answer::Whole(response))) => {
            // A client that is gone by now has its answer recorded all the same.
            let _ = respond.send(response.map(ClientBody::whole));
        }
        Some(Ok(Answer::Parts(response, task))) => {
            let _ = respond.send(response);
            task.await;
        }
        Some(Err(refusal)) => {
            services.metrics.refusal(refusal.reason.unwrap_or(refusal.code));
            tracing::info!(
                request_id = arrival.id,
                code = refusal.code,
                status = refusal.status.as_u16(),
                "request refused: {}",
                refusal.message
            );
            arrival.record(&services, refusal.code, Some(&refusal)).await;
            let _ = respond.send(refusal.response(&arrival.id, !arrival.body_read).map(ClientBody::whole));
        }
    }
}

impl Arrival {
    /// Records the end of a request that got no answer from upstream. Nothing passes after it, so a store that fails
    /// changes nothing.
    async fn record(&self, services: &Services, outcome: &str, refusal: Option<&Refusal>) {
        let kind = if self.decided { RecordKind::Response } else { RecordKind::Request };
        let body = json!({
            "outcome": outcome,
            "status": refusal.map(|refusal| refusal.status.as_u16()),
            "message": refusal.map(|refusal| crate::record::bounded(&refusal.message)),
            "method": crate::record::bounded(self.method.as_str()),
            "path": self.path,
            "client": self.origin.client.to_string(),
            "milliseconds": milliseconds(self.started),
        });
        let record = Record::new(kind, body).of_request(&self.id, self.identity.as_deref());
        if let Err(error) = services.audit.append(record).await {
            tracing::error!(request_id = self.id, %error, "a refusal could not be recorded");
        }
    }
}

async fn answer(
    services: &Arc<Services>,
    arrival: &mut Arrival,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    if let Some(error) = arrival.origin.refused() {
        return Err(malformed(&error));
    }
    let (parts, body) = request.into_parts();
    let head = Head::check(&parts).map_err(|error| hygiene(&error))?;
    let running = services.metrics.request_in_flight();
    let pass = services.gate.enter().ok_or_else(|| {
        let message = "the gateway runs as many requests as it may; try again later";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message)
    })?;
    let upstream = services.upstreams.route(&head.host, &head.path).ok_or_else(|| {
        let message = format!("no upstream takes path `{}`; see the gateway's `upstreams`", head.path);
        Refusal::new(StatusCode::NOT_FOUND, "unknown_path", message)
    })?;
    let endpoint = endpoint(&head, &upstream)?;
    let identity = identify(services, &head).await?;
    arrival.identity = Some(identity.subject.clone());
    let pass_of_identity = services.gate.enter_as(&identity.subject).ok_or_else(|| {
        let message = "you run as many requests at a time as you may; wait until one of them ends";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
    })?;
    let limit = usize::try_from(services.limits.body_size).unwrap_or(usize::MAX);
    let body = read_request(body, limit, services.limits.body_time).await?;
    arrival.body_read = true;
    // Chunks are read with the body, so what is wrong with them shows now.
    if let Some(error) = arrival.origin.refused() {
        return Err(malformed(&error));
    }
    let (message, body) = decode::decode(head, endpoint, body, limit)?;
    let session = services.history.session(&identity.issuer, &identity.subject, &message.head.headers);
    let exchange = Exchange {
        session,
        called: std::sync::Mutex::default(),
        services: services.clone(),
        id: arrival.id.clone(),
        client: arrival.origin.client,
        started: arrival.started,
        identity,
        upstream,
        request_hash: decode::request_hash(&message, &body),
        message,
        body,
        obligations: std::sync::OnceLock::new(),
        passes: (running, pass, pass_of_identity),
    };
    arrival.decided = true;
    exchange.run().await
}

fn endpoint(head: &Head, upstream: &Upstream) -> Result<Option<Endpoint>, Refusal> {
    if upstream.kind() != UpstreamKind::Openai {
        return Ok(None);
    }
    let path = upstream.inner_path(&head.path);
    if Endpoint::is_near(path) {
        let message =
            format!("path `{path}` could be taken for another one; write `/v1/responses` or `/v1/chat/completions`");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed_request", message));
    }
    Ok(Endpoint::of_path(path).filter(|_| head.method == Method::POST))
}

async fn identify(services: &Services, head: &Head) -> Result<Identity, Refusal> {
    services.authenticator.authenticate(&head.headers).await.map_err(|error| {
        if error.is_unavailable() {
            tracing::error!(%error, "clients cannot be identified");
            let message = "clients cannot be identified at the moment; try again later";
            return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), message);
        }
        Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", error.to_string()).reason(error.code())
    })
}

fn hygiene(error: &HygieneError) -> Refusal {
    let status = match error {
        HygieneError::TargetTooLong(_) => StatusCode::URI_TOO_LONG,
        HygieneError::TooManyHeaders(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        HygieneError::Method(_) | HygieneError::Upgrade => StatusCode::NOT_IMPLEMENTED,
        HygieneError::Version
        | HygieneError::Target
        | HygieneError::Path { .. }
        | HygieneError::Query
        | HygieneError::Host
        | HygieneError::Repeated(_)
        | HygieneError::HeaderText(_)
        | HygieneError::Expectation => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, "malformed_request", error.to_string())
}

fn malformed(error: &FramingError) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed_request", error.to_string())
}

/// Milliseconds since then, for records.
pub(crate) fn milliseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// An id that nobody can guess or repeat.
fn new_id() -> String {
    let mut bytes = [0; 12];
    match getrandom::fill(&mut bytes) {
        Ok(()) => format!("req_{}", hex::encode(bytes)),
        // Ids need no secrecy; without the system's randomness the clock still tells requests apart.
        Err(_) => format!("req_{:024x}", std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos()),
    }
}
