//! hpol: rulings by an evaluator, and full decisions.

use std::borrow::Cow;
use std::hint::black_box;

use hpol_runtime::source::Files;
use hpol_runtime::{Decision, Effect, EngineOptions, Evaluator, Input, Ruling};

use super::{Engine, HPOL, Runner, Side, Start};
use crate::answer::Answer;
use crate::error::BenchError;
use crate::policy::{Case, Request};

/// The ways to ask hpol.
pub(super) const ENGINES: [Engine; 3] = [
    Engine { name: HPOL, side: Side::Ours, load: |case| Ok(Some(Box::new(Hpol::load(case)?))) },
    Engine { name: "hpol serde", side: Side::Ours, load: |case| Ok(Some(Box::new(Serde(Hpol::load(case)?)))) },
    Engine { name: "hpol full", side: Side::Ours, load: |case| Ok(Some(Box::new(Full::load(case)?))) },
];

/// The time of every decision, so that none depends on the day.
const NOW: i64 = 1_768_469_400_000_000_000;

/// The files of a policy.
pub fn files(case: &Case) -> Files {
    Files::from_memory(case.files.iter().map(|(path, content)| (path.as_str(), content.as_str())))
}

/// An engine that has loaded a policy, with its machine code.
fn engine(case: &Case) -> Result<hpol_runtime::Engine, BenchError> {
    let engine = hpol_runtime::Engine::new(EngineOptions::default());
    let loaded = engine.load(&files(case));
    loaded.map_err(|error| BenchError::engine(HPOL, &case.name, refusal(&error)))?;
    Ok(engine)
}

fn refusal(error: &hpol_runtime::error::LoadError) -> String {
    let mut message = error.to_string();
    for finding in error.rejection.diagnostics.iter().take(5) {
        message.push_str(&format!("\n  {finding:?}"));
    }
    message
}

/// The request as hpol takes it.
///
/// # Errors
///
/// A text that is no JSON.
pub fn input(kind: &str, request: &Request) -> Result<Input, String> {
    let input = Input::from_json(kind, &request.text).map_err(|error| error.to_string())?.at(NOW);
    Ok(match &request.state {
        Some(state) => input.with_state(state.clone()),
        None => input,
    })
}

/// Rulings: the effect, the rules and the reasons. An evaluator stands ready for each timed request.
#[derive(Debug)]
pub struct Hpol {
    kind: &'static str,
    inputs: Vec<Input>,
    requests: Vec<Request>,
    prepared: Vec<Evaluator>,
    /// Takes in requests one after the other.
    evaluator: Evaluator,
}

impl Hpol {
    /// Loads a policy.
    ///
    /// # Errors
    ///
    /// What is wrong with the policy or a request.
    pub fn load(case: &Case) -> Result<Self, BenchError> {
        let engine = engine(case)?;
        let inputs = inputs(case)?;
        let prepared = inputs[..case.timed].iter().map(|input| {
            let mut evaluator = Evaluator::new(&engine);
            evaluator.set_input(input);
            evaluator
        });
        let prepared = prepared.collect();
        let mut evaluator = Evaluator::new(&engine);
        evaluator.surround(Some(NOW), None);
        Ok(Self { kind: case.kind, inputs, requests: case.requests.clone(), prepared, evaluator })
    }
}

fn inputs(case: &Case) -> Result<Vec<Input>, BenchError> {
    let inputs = case.requests.iter().map(|request| input(case.kind, request));
    inputs.collect::<Result<_, _>>().map_err(|message| BenchError::engine(HPOL, &case.name, message))
}

/// What a caller takes out of a ruling.
fn consume(ruling: Ruling<'_>) {
    black_box(ruling.effect());
    for rule in ruling.rules() {
        black_box(rule.id);
    }
    for reason in ruling.reasons() {
        black_box(reason);
    }
}

fn ruled(ruling: Ruling<'_>) -> Result<Answer, String> {
    if let Some(error) = ruling.errors().first() {
        return Err(format!("{error:?}"));
    }
    let effect = ruling.effect();
    let notes = if effect == Effect::Deny {
        let without_reason = |id: &str| format!("rule `{id}` denies it");
        let denied = ruling.rules().zip(ruling.reasons());
        let note = |(rule, reason): (hpol_runtime::RulingRule<'_>, Cow<'_, str>)| match reason {
            reason if reason == without_reason(rule.id) => rule.id.to_owned(),
            reason => reason.into_owned(),
        };
        denied.map(|found| Cow::Owned(note(found))).collect()
    } else {
        let asking = ruling.rules().filter(|rule| rule.effect != Effect::Allow);
        asking.map(|rule| Cow::Owned(rule.id.to_owned())).collect()
    };
    Ok(Answer { effect, notes })
}

impl Hpol {
    /// Says what is known of earlier requests, where the policy asks.
    fn surround(&mut self, at: usize) {
        if let Some(state) = &self.requests[at].state {
            self.evaluator.surround(Some(NOW), Some(state.clone()));
        }
    }

    fn take_text(&mut self, at: usize) {
        self.surround(at);
        self.evaluator.set_json(self.kind, black_box(&self.requests[at].text));
    }

    fn take_document(&mut self, at: usize) {
        self.surround(at);
        self.evaluator.set_typed(self.kind, black_box(&self.requests[at].document));
    }

    /// The ruling twice, because the second time everything is warm.
    fn ruled_twice(&mut self) -> Result<Answer, String> {
        let first = ruled(self.evaluator.decide())?;
        let second = ruled(self.evaluator.decide())?;
        if first == second { Ok(first) } else { Err(format!("{first}, then {second}")) }
    }
}

impl Runner for Hpol {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        match start {
            Start::Prepared => self.evaluator.set_input(&self.inputs[at]),
            Start::Json => self.take_text(at),
        }
        self.ruled_twice()
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            match start {
                Start::Prepared => {
                    for evaluator in &mut self.prepared {
                        consume(black_box(evaluator).decide());
                    }
                }
                Start::Json => {
                    for at in 0..self.prepared.len() {
                        self.take_text(at);
                        consume(self.evaluator.decide());
                    }
                }
            }
        }
    }
}

/// Rulings on requests that a host has as values for serde, each taken in anew; from JSON text by way of `serde_json::Value`.
#[derive(Debug)]
struct Serde(Hpol);

impl Serde {
    fn take(&mut self, start: Start, at: usize) -> Result<(), serde_json::Error> {
        if start == Start::Json {
            self.0.requests[at].document = serde_json::from_str(black_box(&self.0.requests[at].text))?;
        }
        self.0.take_document(at);
        Ok(())
    }
}

impl Runner for Serde {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        self.take(start, at).map_err(|error| error.to_string())?;
        self.0.ruled_twice()
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            for at in 0..self.0.prepared.len() {
                drop(black_box(self.take(start, at)));
                consume(self.0.evaluator.decide());
            }
        }
    }
}

/// Full decisions, with everything that is recorded and explained.
#[derive(Debug)]
struct Full {
    engine: hpol_runtime::Engine,
    kind: &'static str,
    inputs: Vec<Input>,
    requests: Vec<Request>,
    timed: usize,
}

impl Full {
    fn load(case: &Case) -> Result<Self, BenchError> {
        let (engine, inputs) = (engine(case)?, inputs(case)?);
        Ok(Self { engine, kind: case.kind, inputs, requests: case.requests.clone(), timed: case.timed })
    }
}

fn answer(decision: &Decision) -> Answer {
    let rules = decision.rules.iter().filter(|rule| rule.effect != Effect::Allow);
    let notes = rules.map(|rule| match (&rule.reason, rule.effect) {
        (Some(reason), Effect::Deny) => Cow::Owned(reason.clone()),
        _ => Cow::Owned(rule.id.to_string()),
    });
    Answer { effect: decision.effect, notes: notes.collect() }
}

impl Runner for Full {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        let decision = match start {
            Start::Prepared => self.engine.decide(&self.inputs[at]),
            Start::Json => self.engine.decide(&input(self.kind, &self.requests[at])?),
        };
        match decision.errors.first() {
            Some(error) => Err(format!("{error:?}")),
            None => Ok(answer(&decision)),
        }
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            match start {
                Start::Prepared => {
                    for input in &self.inputs[..self.timed] {
                        black_box(self.engine.decide(black_box(input)));
                    }
                }
                Start::Json => {
                    for request in &self.requests[..self.timed] {
                        drop(black_box(input(self.kind, black_box(request)).map(|input| self.engine.decide(&input))));
                    }
                }
            }
        }
    }
}
