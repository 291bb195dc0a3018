//! From a message to a verdict: builds the input, asks the engine, and turns the decision into what must be done.
//!
//! Whatever cannot be decided or carried out is a denial.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hpol_lang::value::JsonTree;
use hpol_runtime::Engine;
use hpol_runtime::decision::{Decision, Direction, Effect};
use hpol_runtime::state::StateSource;
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

mod view;

use view::{HttpView, LlmView};

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

    /// Asks an engine.
    fn decide(&self, engine: &Engine, subject: &Subject<'_>, view: &Arc<View>) -> Decision {
        let (head, now) = (&self.head, subject.time.nanoseconds());
        let state: Option<Arc<dyn StateSource>> = Some(view.clone());
        match &self.content {
            Content::Llm(request, body) => {
                engine.decide_typed("llm.Request", &LlmView { head, subject, request, body }, now, state)
            }
            Content::Http(body, body_size) => {
                let view = HttpView { head, subject, body: body.as_ref(), body_size: *body_size };
                engine.decide_typed("http.Request", &view, now, state)
            }
        }
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
    let decision = message.decide(engine, subject, view);
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
