//! Bodies: reading a client's within limits, and sending one whose parts come from a task.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::refusal::Refusal;

/// Parts that may wait for a slow client.
const PARTS_WAITING_MAX: usize = 8;

/// The body of a response to a client.
#[derive(Debug)]
pub(crate) enum ClientBody {
    /// All of it.
    Whole(Full<Bytes>),
    /// Parts, as a task sends them.
    Parts(mpsc::Receiver<Result<Bytes, BrokenOff>>),
}

/// The body ends before its end: the connection is cut, so that the client notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body broke off")]
pub(crate) struct BrokenOff;

/// Sends the parts of a body.
#[derive(Debug, Clone)]
pub(crate) struct BodySender(mpsc::Sender<Result<Bytes, BrokenOff>>);

/// The client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientGone;

impl ClientBody {
    /// A body in memory.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }

    /// A body whose parts are sent later.
    pub(crate) fn parts() -> (BodySender, Self) {
        let (sender, receiver) = mpsc::channel(PARTS_WAITING_MAX);
        (BodySender(sender), Self::Parts(receiver))
    }
}

impl BodySender {
    /// Sends a part; waits while the client is slow.
    ///
    /// # Errors
    ///
    /// The client is gone.
    pub(crate) async fn send(&self, part: Bytes) -> Result<(), ClientGone> {
        if part.is_empty() {
            return Ok(());
        }
        self.0.send(Ok(part)).await.map_err(|_| ClientGone)
    }

    /// Ends the body before its end.
    pub(crate) async fn break_off(&self) {
        // A client that is gone needs no cut.
        let _ = self.0.send(Err(BrokenOff)).await;
    }

    /// Waits until the client is gone.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                let frame: Poll<Option<Result<Frame<Bytes>, Infallible>>> = Pin::new(body).poll_frame(context);
                frame.map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Parts(parts) => parts.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Parts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Parts(_) => SizeHint::default(),
        }
    }
}

/// Reads the body of a request.
///
/// # Errors
///
/// A body that is too large, too slow, or breaks off.
pub(crate) async fn read_request(mut body: Incoming, limit: usize, time: Duration) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body is larger than {limit} bytes, the most this gateway takes; send less");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    };
    let length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if length > limit {
        return Err(too_large());
    }
    let deadline = Instant::now() + time;
    let mut bytes = BytesMut::new();
    loop {
        let frame = tokio::time::timeout_at(deadline, body.frame()).await.map_err(|_| {
            let message = format!("the body did not arrive within {} seconds; send it faster", time.as_secs());
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
        })?;
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Ok(frame)) => {
                // Trailers are not sent on.
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
            Some(Err(_)) => {
                let message = "the body broke off or is malformed; send the request again";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "invalid_body", message));
            }
        }
    }
}
