//! Sends the body of an answer to the client as it comes.

use std::future::Future;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::exchange::{Exchange, shutting_down, store_unavailable};
use super::filter::Filter;
use super::hold::{gone, refuse};
use crate::body::BodySender;
use crate::llm::sse::{Event, Frame, encode};
use crate::refusal::Refusal;

/// The rest of a request, to be run by its task.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Boxes the rest of a request.
pub(super) fn task(rest: impl Future<Output = ()> + Send + 'static) -> Task {
    Box::pin(rest)
}

/// Sends a body.
pub(super) struct Pump {
    pub(super) exchange: Exchange,
    pub(super) filter: Filter,
    pub(super) body: Incoming,
    pub(super) sender: BodySender,
    /// Whether the client reads events, and so can be told of an error.
    pub(super) events: bool,
    pub(super) status: StatusCode,
}

/// How a body ended.
enum End {
    /// As it should.
    Complete,
    /// The client is gone.
    Gone,
    /// With an error; what was held back may leave first where it is set.
    Failed(Refusal, Release),
}

#[derive(PartialEq, Eq)]
enum Release {
    HeldBack,
    Nothing,
}

impl Pump {
    /// Sends the body to its end. The upstream's connection is closed when the client goes away.
    pub(super) async fn run(mut self) {
        let deadline = Instant::now() + self.exchange.services.limits.request_time;
        let end = self.copy(deadline).await;
        match end {
            End::Gone => gone(&self.exchange).await,
            End::Complete => self.complete().await,
            End::Failed(refusal, release) => self.fail(&refusal, release).await,
        }
    }

    async fn copy(&mut self, deadline: Instant) -> End {
        let services = self.exchange.services.clone();
        let idle = self.exchange.upstream.idle_time();
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(idle, self.body.frame()) => frame,
                () = self.sender.gone() => return End::Gone,
                () = services.end.cancelled() => return End::Failed(shutting_down(), Release::HeldBack),
                () = tokio::time::sleep_until(deadline) => return End::Failed(too_long(), Release::HeldBack),
            };
            let data = match frame {
                Err(_) => {
                    services.metrics.upstream_error(self.exchange.upstream.name(), "timeout");
                    return End::Failed(self.exchange.upstream.timeout(), Release::HeldBack);
                }
                Ok(None) => return End::Complete,
                Ok(Some(Err(_))) => {
                    services.metrics.upstream_error(self.exchange.upstream.name(), "closed");
                    return End::Failed(self.exchange.closed_early(), Release::HeldBack);
                }
                // Trailers are not sent on.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_) => continue,
                },
            };
            let (out, pushed) = self.filter.push(data);
            // Before the client can answer them.
            self.exchange.note_calls(&self.filter.take_calls());
            tokio::select! {
                sent = self.sender.send(out) => if sent.is_err() { return End::Gone },
                () = services.end.cancelled() => return End::Failed(shutting_down(), Release::HeldBack),
                () = tokio::time::sleep_until(deadline) => return End::Failed(too_long(), Release::HeldBack),
            }
            if let Err(refusal) = pushed {
                return End::Failed(refusal, Release::Nothing);
            }
        }
    }

    async fn complete(mut self) {
        let (rest, complete) = match self.filter.finish() {
            Ok(finished) => finished,
            Err(refusal) => return self.fail(&refusal, Release::Nothing).await,
        };
        self.exchange.note_calls(&self.filter.take_calls());
        if !complete && self.status.is_success() {
            self.exchange.services.metrics.upstream_error(self.exchange.upstream.name(), "closed");
            // What finishing gave is text that may leave.
            let _ = self.sender.send(rest).await;
            let refusal = self.exchange.closed_early();
            return self.fail(&refusal, Release::Nothing).await;
        }
        if self.exchange.record_end("complete", self.status, self.filter.usage()).await.is_err() {
            return self.tell(&store_unavailable()).await;
        }
        let _ = self.sender.send(rest).await;
    }

    async fn fail(mut self, refusal: &Refusal, release: Release) {
        if !self.events {
            self.exchange.services.metrics.refusal(refusal.code);
            let _ = self.exchange.record_end(refusal.code, self.status, None).await;
            return self.sender.break_off().await;
        }
        let held = if release == Release::HeldBack { self.filter.flush() } else { Bytes::new() };
        let client_reads = tokio::time::timeout(CLIENT_TIME, self.sender.send(held)).await;
        if client_reads.is_ok() {
            // A client that does not read must not keep the task.
            let _ = tokio::time::timeout(CLIENT_TIME, refuse(&self.exchange, &self.sender, refusal)).await;
        } else {
            let _ = self.exchange.record_end(refusal.code, refusal.status, None).await;
        }
    }

    /// Tells the client of an error that cannot be recorded.
    async fn tell(self, refusal: &Refusal) {
        if self.events {
            let mut out = BytesMut::new();
            encode(&Frame::Event(Event::of_data(refusal.body(&self.exchange.id).to_string())), &mut out);
            let _ = self.sender.send(out.freeze()).await;
        } else {
            self.sender.break_off().await;
        }
    }
}

/// Time a client has to take the error that ends its stream.
const CLIENT_TIME: std::time::Duration = std::time::Duration::from_secs(5);

fn too_long() -> Refusal {
    let message = "the answer took longer than the gateway gives it (`limits.request_time`); ask for less at a time";
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "request_timeout", message)
}
