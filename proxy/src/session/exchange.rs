//! A request that was read: decided, sent on, answered, recorded.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hpol_runtime::Decision;
use hpol_stdlib::detect::Detector;
use hpol_stdlib::detect::mask::{MaskRule, MaskRules, Operator, mask_text};
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::{Method, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value as Json, json};
use tokio::time::timeout_at;

use super::filter::{Filter, Usage, calls_of_body};
use super::pump::{self, Pump};
use super::{Answer, Services, hold, milliseconds};
use crate::authorize::{Authorized, Content, Message, Obligations, Subject, Verdict, authorize, cannot_carry_out};
use crate::body::ClientBody;
use crate::gate::Pass;
use crate::history::{Keep, NotReserved, Reservation, Row, View};
use crate::http::codec::{BodyDecoder, decode_body};
use crate::http::enforce::{BodyKind, check_media_type, mask_body, mask_tree};
use crate::http::message::{media_type, request_headers, response_headers};
use crate::identity::Identity;
use crate::mask::document::CannotMask;
use crate::mask::texts::texts_of;
use crate::metrics::Present;
use crate::record::{Record, RecordKind};
use crate::refusal::Refusal;
use crate::upstream::{Outgoing, Upstream};

/// Texts that approvers are shown.
const TEXTS_SHOWN_MAX: usize = 16;

/// Bytes of a text that are searched for what approvers must not see.
const TEXT_SEARCHED_BYTES_MAX: usize = 8 << 10;

/// How often a decision is made again on what changed meanwhile before everybody else waits for it.
const RESERVE_TRIES: usize = 3;

/// A request that was read.
pub(super) struct Exchange {
    pub(super) services: Arc<Services>,
    pub(super) id: String,
    pub(super) client: IpAddr,
    pub(super) started: Instant,
    pub(super) identity: Identity,
    pub(super) upstream: Arc<Upstream>,
    pub(super) message: Message,
    pub(super) body: Bytes,
    pub(super) request_hash: [u8; 32],
    /// The session it belongs to.
    pub(super) session: Arc<str>,
    /// Calls of tools in the answer, to be written at its end.
    pub(super) called: Mutex<Vec<Row>>,
    /// What the request was sent with, to be counted at its end.
    pub(super) obligations: OnceLock<Obligations>,
    /// Counts the request as running until it ends.
    #[expect(dead_code, reason = "held for its drop")]
    pub(super) passes: (Present, Pass, Pass),
}

/// A request that may pass, and the decision that says so.
pub(super) struct Permit {
    pub(super) decision: Decision,
    pub(super) obligations: Obligations,
}

impl Exchange {
    /// Decides, and does what was decided.
    pub(super) async fn run(self) -> Result<Answer, Refusal> {
        let authorized = self.decide().await?;
        match authorized.verdict {
            Verdict::Deny(refusal) => Err(refusal),
            Verdict::Pass(obligations) => {
                let permit = Permit { decision: authorized.decision, obligations };
                self.services.metrics.overhead(self.started.elapsed());
                let response = self.send(&permit).await?;
                self.answer(permit, response).await
            }
            Verdict::Approve(obligations) => {
                let permit = Permit { decision: authorized.decision, obligations };
                if self.is_streamed() {
                    return Ok(hold::answer_streamed(self, permit));
                }
                let permit = self.obtain(permit, |_| ()).await?;
                let response = self.send(&permit).await?;
                self.answer(permit, response).await
            }
        }
    }

    /// Whether the client asked for a stream of events.
    fn is_streamed(&self) -> bool {
        matches!(&self.message.content, Content::Llm(request, _) if request.stream)
    }

    fn is_llm(&self) -> bool {
        matches!(self.message.content, Content::Llm(..))
    }

    /// Asks the policy, and records its decision together with what it leaves behind. Nothing of it takes effect before.
    pub(super) async fn decide(&self) -> Result<Authorized, Refusal> {
        let (authorized, reservation) = self.reserve(|verdict| matches!(verdict, Verdict::Pass(_)))?;
        self.record_decision(&authorized, reservation).await?;
        Ok(authorized)
    }

    /// Asks the policy anew about a request that people agreed to, because what it knows of earlier requests has changed since.
    /// Gives the reservation if it still only asks for what they agreed to.
    pub(super) fn decide_granted(&self, permit: &Permit) -> Result<(Authorized, Option<Reservation>), Refusal> {
        let terms = &permit.decision.approval;
        let (authorized, reservation) = self.reserve(|verdict| !matches!(verdict, Verdict::Deny(_)))?;
        let same = matches!(authorized.verdict, Verdict::Approve(_)) && authorized.decision.approval == *terms;
        Ok((authorized, if same { reservation } else { None }))
    }

    fn ask(&self) -> (Authorized, Arc<View>) {
        let now = self.services.clock.now();
        let brought = self.message.brought(&self.upstream);
        let view = Arc::new(self.services.history.view(&self.session, &brought, now));
        let subject = Subject { identity: &self.identity, target: &self.upstream, client: self.client, time: now };
        (authorize(&self.services.engine, &self.message, &subject, &view, &self.services.hash_key), view)
    }

    /// Asks the policy, and reserves what the decision leaves behind where its request goes ahead. A decision on something that
    /// changed meanwhile is made again, in the end while nothing can change.
    fn reserve(&self, goes_ahead: impl Fn(&Verdict) -> bool) -> Result<(Authorized, Option<Reservation>), Refusal> {
        let history = &self.services.history;
        for _ in 0..RESERVE_TRIES {
            let (authorized, view) = self.ask();
            if !goes_ahead(&authorized.verdict) {
                return Ok((authorized, None));
            }
            match view.reserve(&history.turn(), &authorized.decision) {
                Ok(reservation) => return Ok((authorized, Some(reservation))),
                Err(NotReserved::Changed) => {}
                Err(NotReserved::Full(what)) => return Err(history_full(what)),
            }
        }
        let turn = history.turn();
        let (authorized, view) = self.ask();
        if !goes_ahead(&authorized.verdict) {
            return Ok((authorized, None));
        }
        match view.reserve(&turn, &authorized.decision) {
            Ok(reservation) => Ok((authorized, Some(reservation))),
            Err(NotReserved::Full(what)) => Err(history_full(what)),
            // Only events of answers are noted out of turn.
            Err(NotReserved::Changed) => Err(history_full("so much at a time")),
        }
    }

    /// Records a decision, and makes durable what it leaves behind.
    pub(super) async fn record_decision(
        &self,
        authorized: &Authorized,
        reservation: Option<Reservation>,
    ) -> Result<(), Refusal> {
        let decision = &authorized.decision;
        self.services.metrics.decision(decision.effect, self.upstream.name(), authorized.took);
        let mut details = self.summary();
        if let Some(fields) = details.as_object_mut() {
            fields.insert("decision_microseconds".to_owned(), json!(authorized.took.as_nanos() as f64 / 1_000.0));
            if let Verdict::Deny(refusal) = &authorized.verdict {
                fields.insert("refused".to_owned(), json!(crate::record::bounded(&refusal.message)));
            }
        }
        let record = Record::decision(&self.id, &self.identity.subject, decision, details);
        match reservation {
            None => self.append(record).await?,
            Some(reservation) => {
                self.append_with(record, Keep(reservation.rows())).await?;
                reservation.keep();
            }
        }
        tracing::info!(
            request_id = self.id,
            identity = self.identity.subject,
            effect = ?decision.effect,
            revision = %decision.revision,
            microseconds = u64::try_from(authorized.took.as_micros()).unwrap_or(u64::MAX),
            "decided"
        );
        Ok(())
    }

    /// What is asked for, without any text of it: for records and approvers.
    pub(super) fn summary(&self) -> Json {
        let bounded = crate::record::bounded;
        let mut summary = json!({
            "method": self.message.head.method.as_str(),
            "path": bounded(&self.message.head.path),
            "upstream": self.upstream.name(),
            "client": self.client.to_string(),
            "request_hash": hex::encode(self.request_hash),
            "body_bytes": self.body.len(),
        });
        if let (Content::Llm(request, _), Some(fields)) = (&self.message.content, summary.as_object_mut()) {
            let tools: Vec<String> =
                request.tools.iter().take(32).map(|tool| bounded(tool.name.as_deref().unwrap_or(&tool.kind))).collect();
            fields.insert("endpoint".to_owned(), json!(request.endpoint.name()));
            fields.insert("model".to_owned(), json!(request.model.as_deref().map(bounded)));
            fields.insert("stream".to_owned(), json!(request.stream));
            fields.insert("tools".to_owned(), json!(tools));
            fields
                .insert("previous_response_id".to_owned(), json!(request.previous_response_id.as_deref().map(bounded)));
        }
        summary
    }

    /// What approvers are shown: the summary, and the beginnings of the texts, without what detectors find in them.
    pub(super) fn summary_with_texts(&self) -> Json {
        let mut summary = self.summary();
        let texts = match &self.message.content {
            Content::Llm(_, body) => texts_of(body),
            Content::Http(Some(body), _) => vec![body.to_string()],
            Content::Http(None, _) => Vec::new(),
        };
        let rules = MaskRules::new(vec![MaskRule { operator: Operator::Redact, detectors: Detector::all() }]);
        // The last texts are what the request is about; those before them are its history.
        let shown = texts.iter().rev().take(TEXTS_SHOWN_MAX).rev();
        let shown: Vec<String> = shown
            .map(|text| {
                // A value that is cut in two would not be found, so more is searched than shown.
                let searched = text.get(..text.floor_char_boundary(TEXT_SEARCHED_BYTES_MAX)).unwrap_or_default();
                crate::record::bounded(&mask_text(searched, &rules, &self.services.hash_key))
            })
            .collect();
        if let Some(fields) = summary.as_object_mut() {
            fields.insert("texts".to_owned(), json!(shown));
        }
        summary
    }

    /// Appends a record; what it describes must not happen if that fails.
    pub(super) async fn append(&self, record: Record) -> Result<(), Refusal> {
        self.services.audit.append(record).await.map(|_| ()).map_err(|error| {
            tracing::error!(request_id = self.id, %error, "the request is refused because it cannot be recorded");
            store_unavailable()
        })
    }

    /// Appends a record with rows that become durable with it.
    async fn append_with(&self, record: Record, rows: Keep) -> Result<(), Refusal> {
        self.services.audit.append_with(record, rows).await.map(|_| ()).map_err(|error| {
            tracing::error!(request_id = self.id, %error, "the request is refused because it cannot be recorded");
            store_unavailable()
        })
    }

    /// Notes calls of tools that the model made in its answer; they are written with the end of the request.
    pub(super) fn note_calls(&self, calls: &[(String, String)]) {
        if calls.is_empty() {
            return;
        }
        let rows = self.services.history.note_calls(&self.session, calls, self.services.clock.now());
        self.called.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }

    /// Records the end of the request.
    pub(super) async fn record_end(
        &self,
        outcome: &str,
        status: StatusCode,
        usage: Option<&Usage>,
    ) -> Result<(), Refusal> {
        let masked = self.obligations.get().map(|used| (used.request.changed(), used.response.changed()));
        let (masked_request, masked_response) = masked.unwrap_or_default();
        self.services.metrics.masked(masked_request + masked_response);
        let body = json!({
            "outcome": outcome,
            "status": status.as_u16(),
            "masked": { "request": masked_request, "response": masked_response },
            "upstream": self.upstream.name(),
            "usage": usage.copied().map(Usage::to_json),
            "milliseconds": milliseconds(self.started),
        });
        let record = Record::new(RecordKind::Response, body).of_request(&self.id, Some(&self.identity.subject));
        let called = std::mem::take(&mut *self.called.lock().unwrap_or_else(PoisonError::into_inner));
        self.append_with(record, Keep(called)).await
    }

    /// Masks the request and sends it on.
    pub(super) async fn send(&self, permit: &Permit) -> Result<Response<Incoming>, Refusal> {
        let masks = &permit.obligations.request;
        // Set once: a request is sent once.
        let _ = self.obligations.set(permit.obligations.clone());
        let body = if masks.is_empty() {
            self.body.clone()
        } else {
            self.masked_request(permit).map_err(|problem| cannot_carry_out(&permit.decision, &problem))?
        };
        let mut headers = request_headers(&self.message.head.headers);
        if !permit.obligations.response.is_empty() {
            // A part of a body cannot be masked, and a client's copy is a masked one.
            for name in [RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
                headers.remove(name);
            }
        }
        if !masks.is_empty() {
            remove_digests(&mut headers);
        }
        let head = &self.message.head;
        let outgoing = Outgoing { method: head.method.clone(), target: head.path_and_query(), headers, body };
        let sent = Instant::now();
        let response = tokio::select! {
            response = self.upstream.send(outgoing) => response,
            () = self.services.end.cancelled() => return Err(shutting_down()),
        };
        let name = self.upstream.name();
        match &response {
            Ok(_) => self.services.metrics.upstream_time(name, sent.elapsed()),
            Err(refusal) => self.services.metrics.upstream_error(name, refusal.code),
        }
        response
    }

    fn masked_request(&self, permit: &Permit) -> Result<Bytes, CannotMask> {
        let masks = &permit.obligations.request;
        match &self.message.content {
            Content::Llm(_, tree) => {
                let mut tree = tree.clone();
                mask_tree(BodyKind::LlmRequest, &mut tree, masks)?;
                Ok(tree.to_string().into())
            }
            Content::Http(..) => {
                let media_type = self.message.head.media_type();
                mask_body(BodyKind::Plain, media_type.as_deref(), &self.body, masks).map(Bytes::from)
            }
        }
    }

    /// Answers the client with what the upstream answered.
    pub(super) async fn answer(self, permit: Permit, response: Response<Incoming>) -> Result<Answer, Refusal> {
        let masked = !permit.obligations.response.is_empty();
        let is_events = media_type(response.headers()).as_deref() == Some("text/event-stream");
        let has_body = self.message.head.method != Method::HEAD
            && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if is_events && self.is_llm() && has_body {
            let filter = self.event_filter(&permit, response.headers())?;
            return Ok(self.parts(filter, response, true));
        }
        if !has_body || (!masked && !self.is_llm()) {
            return Ok(self.parts(Filter::Raw, response, false));
        }
        self.whole(permit, response).await
    }

    /// What events of a model's answer go through.
    pub(super) fn event_filter(&self, permit: &Permit, headers: &HeaderMap) -> Result<Filter, Refusal> {
        let masks = &permit.obligations.response;
        let refuse = |problem: &CannotMask| cannot_carry_out(&permit.decision, problem);
        if let Some(field) = masks.fields.first() {
            return Err(refuse(&CannotMask::StreamedField(field.path().to_owned())));
        }
        let Content::Llm(request, _) = &self.message.content else { return Ok(Filter::Raw) };
        let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        match BodyDecoder::new(encoding) {
            Ok(decoder) => Ok(Filter::events(request.endpoint, decoder, &masks.texts)),
            Err(_) if masks.is_empty() => Ok(Filter::Raw),
            Err(error) => Err(refuse(&CannotMask::Operator(error.to_string()))),
        }
    }

    /// An answer that is sent on as it comes.
    fn parts(self, filter: Filter, response: Response<Incoming>, events: bool) -> Answer {
        let (parts, body) = response.into_parts();
        let mut headers = response_headers(&parts.headers);
        if matches!(filter, Filter::Raw) {
            for name in [CONTENT_LENGTH, CONTENT_ENCODING] {
                if let Some(value) = parts.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
        } else {
            remove_digests(&mut headers);
        }
        add_request_id(&mut headers, &self.id);
        let (sender, client_body) = ClientBody::parts();
        let mut answer = Response::new(client_body);
        *answer.status_mut() = parts.status;
        *answer.headers_mut() = headers;
        let pump = Pump { exchange: self, filter, body, sender, events, status: parts.status };
        Answer::Parts(answer, pump::task(pump.run()))
    }

    /// An answer that is read to its end, masked, recorded and then sent.
    async fn whole(self, permit: Permit, response: Response<Incoming>) -> Result<Answer, Refusal> {
        let masks = &permit.obligations.response;
        let (parts, body) = response.into_parts();
        let mut headers = response_headers(&parts.headers);
        let encoding = parts.headers.get(CONTENT_ENCODING);
        let refuse = |problem: &CannotMask| cannot_carry_out(&permit.decision, problem);
        let media_type = media_type(&parts.headers);
        let empty = body.is_end_stream();
        if !masks.is_empty() && !empty {
            // An answer that never ends would be read for long before it is refused.
            check_media_type(media_type.as_deref(), masks).map_err(|problem| refuse(&problem))?;
        }
        let mut bytes = self.collect(body).await?;
        if masks.is_empty() {
            if let Some(encoding) = encoding {
                headers.insert(CONTENT_ENCODING, encoding.clone());
            }
        } else {
            if parts.status == StatusCode::PARTIAL_CONTENT {
                return Err(refuse(&CannotMask::Malformed("a whole body: the upstream sent a part")));
            }
            let limit = usize::try_from(self.services.limits.response_buffer).unwrap_or(usize::MAX);
            let decoded = decode_body(encoding.and_then(|value| value.to_str().ok()), &bytes, limit)
                .map_err(|error| refuse(&CannotMask::Operator(error.to_string())))?;
            let kind = if self.is_llm() { BodyKind::LlmAnswer } else { BodyKind::Plain };
            let masked = mask_body(kind, media_type.as_deref(), &decoded, masks).map_err(|problem| refuse(&problem))?;
            bytes = masked.into();
            remove_digests(&mut headers);
        }
        let usage = if self.is_llm() { Usage::of_body(&bytes) } else { None };
        if self.is_llm() {
            self.note_calls(&calls_of_body(&bytes));
        }
        self.record_end("complete", parts.status, usage.as_ref()).await?;
        add_request_id(&mut headers, &self.id);
        let mut answer = Response::new(bytes);
        *answer.status_mut() = parts.status;
        *answer.headers_mut() = headers;
        Ok(Answer::Whole(answer))
    }

    /// Reads the body of a response to its end.
    pub(super) async fn collect(&self, mut body: Incoming) -> Result<Bytes, Refusal> {
        let limit = usize::try_from(self.services.limits.response_buffer).unwrap_or(usize::MAX);
        let deadline = tokio::time::Instant::now() + self.services.limits.request_time;
        let mut bytes = bytes::BytesMut::new();
        loop {
            let frame = tokio::select! {
                frame = timeout_at(deadline, tokio::time::timeout(self.upstream.idle_time(), body.frame())) => frame,
                () = self.services.end.cancelled() => return Err(shutting_down()),
            };
            let Ok(Ok(frame)) = frame else {
                self.services.metrics.upstream_error(self.upstream.name(), "timeout");
                return Err(self.upstream.timeout());
            };
            match frame {
                None => return Ok(bytes.freeze()),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if bytes.len() + data.len() > limit {
                        let message =
                            format!("the answer is larger than the {limit} bytes the gateway holds; ask for less");
                        return Err(Refusal::new(StatusCode::BAD_GATEWAY, "response_too_large", message));
                    }
                    bytes.extend_from_slice(&data);
                }
                Some(Err(_)) => {
                    self.services.metrics.upstream_error(self.upstream.name(), "closed");
                    return Err(self.closed_early());
                }
            }
        }
    }

    /// The refusal for an answer that broke off.
    pub(super) fn closed_early(&self) -> Refusal {
        let message = format!("upstream `{}` ended its answer early; try again later", self.upstream.name());
        Refusal::new(StatusCode::BAD_GATEWAY, "upstream_closed", message)
    }
}

fn history_full(what: &str) -> Refusal {
    tracing::error!(what, "a request is refused because there is no room to remember it");
    let message = format!("the gateway has no room to remember more {what}; tell its operator (`sessions`)");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "history_full", message)
}

/// Headers that no longer fit a body that was changed.
fn remove_digests(headers: &mut HeaderMap) {
    let digests = ["content-md5", "digest", "content-digest", "repr-digest", "accept-ranges", "content-range"];
    for name in digests.map(HeaderName::from_static).into_iter().chain([ETAG, LAST_MODIFIED]) {
        headers.remove(name);
    }
}

fn add_request_id(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert("x-hpol-request-id", value);
    }
}

/// The refusal of a request that cannot be recorded.
pub(super) fn store_unavailable() -> Refusal {
    let message = "the gateway cannot record requests at the moment, so it takes none; try again later";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", message)
}

/// The refusal of a request that runs when the gateway stops.
pub(super) fn shutting_down() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "shutting_down",
        "the gateway is stopping; send the request again later",
    )
}
