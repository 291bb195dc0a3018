//! From a message to a verdict: builds the input, asks the engine, and turns the decision into what must be done.
//!
//! Whatever cannot be decided or carried out is a denial.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hpol_lang::value::{JsonTree, Value};
use hpol_runtime::decision::{Decision, Direction, Effect};
use hpol_runtime::{Engine, Input};
use hpol_stdlib::detect::mask::HashKey;

use crate::clock::Timestamp;
use crate::history::{Brought, View};
use crate::http::message::Head;
use crate::identity::Identity;
use crate::llm::message::LlmRequest;
use crate::mask::Masks;
use crate::mask::document::CannotMask;
use crate::refusal::{DecisionBrief, Refusal};
use crate::upstream::Upstream;

/// A request as far as policies see it.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its head.
    pub(crate) head: Head,
    /// What it asks for.
    pub(crate) content: Content,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Content {
    /// A call of a language model, and its body.
    Llm(Box<LlmRequest>, JsonTree),
    /// Anything else; its body, if that is JSON, and the body's size.
    Http(Option<JsonTree>, usize),
}

/// Who asks, from where, and what for.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// Who asks.
    pub(crate) identity: &'a Identity,
    /// Where it goes.
    pub(crate) target: &'a Upstream,
    /// Address of the peer.
    pub(crate) client: IpAddr,
    /// When it is asked.
    pub(crate) time: Timestamp,
}

/// What must be done with a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is refused.
    Deny(Refusal),
    /// It may pass, with these masks.
    Pass(Obligations),
    /// It may pass with these masks once people agree.
    Approve(Obligations),
}

/// What must be changed of what passes.
#[derive(Debug, Clone)]
pub(crate) struct Obligations {
    /// Masks of the request.
    pub(crate) request: Masks,
    /// Masks of the response.
    pub(crate) response: Masks,
}

/// A decision, what follows from it, and how long it took.
#[derive(Debug)]
pub(crate) struct Authorized {
    /// The decision.
    pub(crate) decision: Decision,
    /// What follows from it here.
    pub(crate) verdict: Verdict,
    /// How long the engine took.
    pub(crate) took: Duration,
}

impl Message {
    /// What it brings into the history of its session.
    pub(crate) fn brought(&self, target: &Upstream) -> Brought {
        match &self.content {
            Content::Http(..) => {
                Brought { action: format!("{} {}", self.head.method, target.name()), ..Brought::default() }
            }
            Content::Llm(request, _) => {
                let calls = request.tool_calls.iter().filter_map(|call| call.name.clone());
                Brought {
                    action: request.endpoint.name().to_owned(),
                    tools: calls.collect(),
                    outputs: request.tool_outputs.iter().map(|output| output.call_id.clone()).collect(),
                }
            }
        }
    }

    /// The input to decide on.
    pub(crate) fn input(&self, subject: &Subject<'_>) -> Input {
        let identity = Value::object([
            ("sub", Value::from(subject.identity.subject.as_str())),
            ("iss", Value::from(subject.identity.issuer.as_str())),
            ("groups", Value::array(subject.identity.groups.iter().map(|group| Value::from(group.as_str())))),
            ("claims", subject.identity.claims.clone()),
        ]);
        let labels = subject.target.labels().iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
        let target = Value::object([("name", Value::from(subject.target.name())), ("labels", Value::object(labels))]);
        let mut fields = vec![
            ("time", Value::from(subject.time.to_string())),
            ("headers", self.head.header_values()),
            ("identity", identity),
            ("target", target),
            ("client", Value::object([("ip", Value::from(subject.client.to_canonical().to_string()))])),
        ];
        let kind = match &self.content {
            Content::Llm(request, body) => {
                fields.extend(request.fields(body));
                "llm.Request"
            }
            Content::Http(body, size) => {
                let segments = self.head.segments.iter().map(|segment| Value::from(segment.as_str()));
                fields.push(("method", Value::from(self.head.method.as_str())));
                fields.push(("path", Value::from(self.head.path.as_str())));
                fields.push(("path_segments", Value::array(segments)));
                fields.push(("query", self.head.query_values()));
                fields.push(("body_size", Value::from(i64::try_from(*size).unwrap_or(i64::MAX))));
                fields.extend(body.as_ref().map(|body| ("body", body.to_value())));
                "http.Request"
            }
        };
        Input::new(kind, Value::object(fields)).at(subject.time.nanoseconds())
    }
}

/// Asks the policy about a message.
pub(crate) fn authorize(
    engine: &Engine,
    message: &Message,
    subject: &Subject<'_>,
    view: &Arc<View>,
    key: &Arc<HashKey>,
) -> Authorized {
    let started = Instant::now();
    let decision = engine.decide(&message.input(subject).with_state(view.clone()));
    let took = started.elapsed();
    let verdict = verdict(&decision, message, key);
    Authorized { decision, verdict, took }
}

fn verdict(decision: &Decision, message: &Message, key: &Arc<HashKey>) -> Verdict {
    if decision.effect == Effect::Deny {
        return Verdict::Deny(Refusal::denied(decision));
    }
    let obligations = match obligations(decision, message, key) {
        Ok(obligations) => obligations,
        Err(problem) => return Verdict::Deny(cannot_carry_out(decision, &problem)),
    };
    match decision.effect {
        Effect::Deny => Verdict::Deny(Refusal::denied(decision)),
        Effect::Approve => Verdict::Approve(obligations),
        Effect::Mask | Effect::Allow => Verdict::Pass(obligations),
    }
}

fn obligations(decision: &Decision, message: &Message, key: &Arc<HashKey>) -> Result<Obligations, CannotMask> {
    let request = Masks::new(&decision.masks, Direction::Request, key)?;
    let response = Masks::new(&decision.masks, Direction::Response, key)?;
    if let Content::Llm(llm, _) = &message.content {
        if llm.stream
            && let Some(field) = response.fields.first()
        {
            return Err(CannotMask::StreamedField(field.path().to_owned()));
        }
        if llm.audio_output && !response.texts.is_empty() {
            return Err(CannotMask::Sound);
        }
    }
    Ok(Obligations { request, response })
}

/// The denial of a request whose decision cannot be carried out.
pub(crate) fn cannot_carry_out(decision: &Decision, problem: &CannotMask) -> Refusal {
    let mut brief = DecisionBrief::of(decision);
    brief.rules = decision.masks.iter().flat_map(|mask| mask.ids.iter().map(ToString::to_string)).collect();
    brief.reasons.push(problem.to_string());
    let message = format!("denied by policy: {problem}");
    Refusal::new(http::StatusCode::FORBIDDEN, "policy_denied", message).because_of(brief)
}
