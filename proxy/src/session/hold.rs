//! Requests that wait for approval.

use std::time::Duration;

use bytes::BytesMut;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value as Json;
use tokio::sync::watch;

use super::Answer;
use super::exchange::{Exchange, Permit, shutting_down, store_unavailable};
use super::pump::{self, Pump};
use crate::approvals::{ApprovalError, ApprovalState, Ask, Outcome};
use crate::authorize::Verdict;
use crate::body::{BodySender, ClientBody, ClientGone};
use crate::http::message::media_type;
use crate::llm::sse::{Event, Frame, encode};
use crate::refusal::{DecisionBrief, Refusal};

/// How often a client that waits for a stream is told so. SDKs give up after minutes of silence, proxies after less.
const COMMENT_INTERVAL: Duration = Duration::from_secs(5);

impl Exchange {
    /// Waits until people agree to a request that needs it. `waiting` is told the approval's id.
    ///
    /// The policy may change meanwhile. A grant is bound to the policy that asked for it, so the request is decided anew
    /// where it did; a grant for the old one is not used then.
    pub(super) async fn obtain(&self, mut permit: Permit, waiting: impl Fn(&str)) -> Result<Permit, Refusal> {
        loop {
            let refusal = |status, code, message: String| {
                Refusal::new(status, code, message).because_of(DecisionBrief::of(&permit.decision))
            };
            let ask = Ask {
                identity: &self.identity,
                decision: &permit.decision,
                request_hash: self.request_hash,
                request_id: &self.id,
                summary: self.summary_with_texts(),
            };
            let approvals = &self.services.approvals;
            let ticket = approvals.request(&ask).await.map_err(|error| approval_error(&error))?;
            waiting(&ticket.id);
            tracing::info!(request_id = self.id, approval = ticket.id, "the request waits for approval");
            let outcome = tokio::select! {
                outcome = approvals.wait(&ticket.id) => outcome.map_err(|error| approval_error(&error))?,
                () = self.services.end.cancelled() => return Err(shutting_down()),
            };
            match outcome {
                Outcome::Granted if self.identity_ended() => {
                    let message =
                        "the token expired while the request waited for approval; send it again with a new one";
                    return Err(
                        Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", message).reason("token_expired")
                    );
                }
                Outcome::Granted if self.is_current(&permit) => {
                    // Other requests went ahead while this one waited.
                    let (authorized, reservation) = self.decide_granted(&permit)?;
                    if let Some(reservation) = reservation {
                        approvals.claim(&ticket, &self.id).await.map_err(|error| approval_error(&error))?;
                        self.record_decision(&authorized, Some(reservation)).await?;
                        return Ok(permit);
                    }
                }
                Outcome::Granted => {}
                Outcome::Refused { by, comment } => {
                    let reason = if comment.is_empty() { String::new() } else { format!(": {comment}") };
                    let message = format!("approval {} was refused by {by}{reason}", ticket.id);
                    return Err(refusal(StatusCode::FORBIDDEN, "approval_refused", message));
                }
                Outcome::Expired => {
                    let message =
                        format!("nobody approved in time (approval {}); send the request again to ask anew", ticket.id);
                    return Err(refusal(StatusCode::FORBIDDEN, "approval_expired", message));
                }
                Outcome::Used => return Err(used(&ticket.id)),
            }
            let authorized = self.decide().await?;
            permit = match authorized.verdict {
                Verdict::Deny(refusal) => return Err(refusal),
                Verdict::Pass(obligations) => return Ok(Permit { decision: authorized.decision, obligations }),
                Verdict::Approve(obligations) => Permit { decision: authorized.decision, obligations },
            };
        }
    }

    /// Whether the token of the one who asks has ended by now.
    fn identity_ended(&self) -> bool {
        self.identity.expires_at.is_some_and(|end| end <= self.services.clock.now())
    }

    /// Whether the policy that decided is still in force.
    fn is_current(&self, permit: &Permit) -> bool {
        self.services.engine.status().policy_hash.as_deref() == Some(&*permit.decision.policy_hash)
    }
}

fn used(approval: &str) -> Refusal {
    let message = format!("approval {approval} let another request like this one through; send it again to ask anew");
    Refusal::new(StatusCode::FORBIDDEN, "approval_used", message)
}

fn approval_error(error: &ApprovalError) -> Refusal {
    let message = error.to_string();
    match error {
        ApprovalError::Store(_) => store_unavailable(),
        ApprovalError::TooMany => Refusal::new(StatusCode::TOO_MANY_REQUESTS, error.code(), message),
        ApprovalError::NotGranted(ApprovalState::Used) => Refusal::new(
            StatusCode::FORBIDDEN,
            "approval_used",
            "another request like this one used the approval; send it again to ask anew",
        ),
        ApprovalError::NobodyMayAnswer
        | ApprovalError::TooLarge(_)
        | ApprovalError::NotFound
        | ApprovalError::OwnRequest
        | ApprovalError::NotAnApprover
        | ApprovalError::AlreadyAnswered
        | ApprovalError::NotPending(_)
        | ApprovalError::NotGranted(_)
        | ApprovalError::Contended => Refusal::new(StatusCode::FORBIDDEN, "approval_unavailable", message),
    }
}

/// Answers a request for a stream at once, tells the client now and then that it waits, and goes on once people agreed.
pub(super) fn answer_streamed(exchange: Exchange, permit: Permit) -> Answer {
    let (sender, body) = ClientBody::parts();
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&exchange.id) {
        headers.insert("x-hpol-request-id", id);
    }
    Answer::Parts(response, pump::task(hold(exchange, permit, sender)))
}

async fn hold(exchange: Exchange, permit: Permit, sender: BodySender) {
    let permit = match wait(&exchange, permit, &sender).await {
        Ok(Ok(permit)) => permit,
        Ok(Err(refusal)) => return refuse(&exchange, &sender, &refusal).await,
        Err(ClientGone) => return gone(&exchange).await,
    };
    let response = tokio::select! {
        response = exchange.send(&permit) => response,
        () = sender.gone() => return gone(&exchange).await,
    };
    let response = match response {
        Ok(response) => response,
        Err(refusal) => return refuse(&exchange, &sender, &refusal).await,
    };
    let status = response.status();
    let is_events = media_type(response.headers()).as_deref() == Some("text/event-stream");
    if !is_events || !status.is_success() {
        return forward_error(&exchange, &permit, &sender, response).await;
    }
    match exchange.event_filter(&permit, response.headers()) {
        Ok(filter) if filter.is_raw() => {
            // Encoded bytes cannot follow the comments that were sent.
            refuse(&exchange, &sender, &exchange.closed_early()).await;
        }
        Ok(filter) => Pump { exchange, filter, body: response.into_body(), sender, events: true, status }.run().await,
        Err(refusal) => refuse(&exchange, &sender, &refusal).await,
    }
}

/// Waits for the approval and keeps the connection alive.
async fn wait(exchange: &Exchange, permit: Permit, sender: &BodySender) -> Result<Result<Permit, Refusal>, ClientGone> {
    let (found, mut approval) = watch::channel(String::new());
    let obtain = exchange.obtain(permit, |id| {
        found.send_replace(id.to_owned());
    });
    tokio::pin!(obtain);
    loop {
        tokio::select! {
            permit = &mut obtain => return Ok(permit),
            () = sender.gone() => return Err(ClientGone),
            Ok(()) = approval.changed() => {}
            () = tokio::time::sleep(COMMENT_INTERVAL) => {}
        }
        let mut comment = BytesMut::new();
        let id = approval.borrow_and_update().clone();
        encode(&Frame::Comment(format!("waiting for approval {id}")), &mut comment);
        sender.send(comment.freeze()).await?;
    }
}

/// Sends an answer that is no stream as the error that it is to a client that reads events.
async fn forward_error(
    exchange: &Exchange,
    permit: &Permit,
    sender: &BodySender,
    response: Response<hyper::body::Incoming>,
) {
    let status = response.status();
    let refusal = match exchange.collect(response.into_body()).await {
        Err(refusal) => refusal,
        Ok(bytes) => {
            // Only an error's own sentence is told, and only where no mask would have to change it.
            let told =
                permit.obligations.response.is_empty().then(|| serde_json::from_slice::<Json>(&bytes).ok()).flatten();
            let told = told.as_ref().and_then(|body| body.pointer("/error/message")).and_then(Json::as_str);
            let message = format!(
                "the upstream answered with status {status}{}",
                told.map_or_else(String::new, |told| format!(": {told}"))
            );
            Refusal::new(StatusCode::BAD_GATEWAY, "upstream_error", message)
        }
    };
    refuse(exchange, sender, &refusal).await;
}

/// Ends a stream with an error, recorded before it is told.
pub(super) async fn refuse(exchange: &Exchange, sender: &BodySender, refusal: &Refusal) {
    exchange.services.metrics.refusal(refusal.code);
    tracing::info!(request_id = exchange.id, code = refusal.code, "the stream ends: {}", refusal.message);
    // The refusal lets nothing through, so a store that fails changes nothing.
    let _ = exchange.record_end(refusal.code, refusal.status, None).await;
    let mut out = BytesMut::new();
    encode(&Frame::Event(Event::of_data(refusal.body(&exchange.id).to_string())), &mut out);
    let _ = sender.send(out.freeze()).await;
}

/// Records that the client is gone. An approval that waits stays, for the client's next try.
pub(super) async fn gone(exchange: &Exchange) {
    tracing::info!(request_id = exchange.id, "the client went away");
    let _ = exchange.record_end("client_gone", StatusCode::OK, None).await;
}
