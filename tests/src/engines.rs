//! Every engine on one policy: interpreter and machine code, with and without the compiler's improvements, and with all but one of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hpol_lang::value::{JsonLimits, Value, parse_json};
use hpol_runtime::error::{LoadError, QueryError, code};
use hpol_runtime::source::Files;
use hpol_runtime::state::StateSource;
use hpol_runtime::{Decision, Effect, Engine, EngineKind, EngineOptions, Evaluator, Input, Limits, Pass};

/// How a policy is run.
type Way = (EngineKind, bool, Option<Pass>);

/// Interpreter and machine code, plain and improved.
const WAYS: [Way; 4] = [
    (EngineKind::Interpreter, false, None),
    (EngineKind::Interpreter, true, None),
    (EngineKind::Jit, false, None),
    (EngineKind::Jit, true, None),
];

/// Engines that must give the same answers.
#[derive(Debug)]
pub struct Engines {
    engines: Vec<Engine>,
    /// One for each engine, which all decisions go through one after the other.
    evaluators: Mutex<Vec<Evaluator>>,
}

impl Engines {
    /// Loads files into every engine.
    ///
    /// # Errors
    ///
    /// What is wrong with the files.
    ///
    /// # Panics
    ///
    /// One engine takes the files and another does not.
    pub fn load(files: &Files, limits: Limits) -> Result<Self, LoadError> {
        let without = Pass::ALL.iter().map(|pass| (EngineKind::Jit, true, Some(*pass)));
        Self::load_ways(files, limits, WAYS.into_iter().chain(without))
    }

    /// As [`Engines::load`], with one way in which a pass is left out instead of all of them: for many small programs.
    ///
    /// # Errors
    ///
    /// As [`Engines::load`].
    pub fn load_without(files: &Files, limits: Limits, pass: Pass) -> Result<Self, LoadError> {
        Self::load_ways(files, limits, WAYS.into_iter().chain([(EngineKind::Jit, true, Some(pass))]))
    }

    fn load_ways(files: &Files, limits: Limits, ways: impl Iterator<Item = Way>) -> Result<Self, LoadError> {
        let engines: Vec<Engine> = ways
            .map(|(kind, optimise, without_pass)| {
                Engine::new(EngineOptions { kind, limits, optimise, without_pass, ..EngineOptions::default() })
            })
            .collect();
        let (first, others) = engines.split_first().expect("there are engines");
        first.load(files)?;
        for engine in others {
            if let Err(error) = engine.load(files) {
                panic!("{} does not take what another engine takes: {error}", name(engine));
            }
        }
        let evaluators = engines.iter().map(Evaluator::new).collect();
        Ok(Self { engines, evaluators: Mutex::new(evaluators) })
    }

    /// The decision on a request.
    ///
    /// # Panics
    ///
    /// The engines differ, or an explanation tells of another decision. Past a limit they may, because one does more work
    /// than another for the same answer.
    pub fn decide(&self, input: &Input) -> Decision {
        let decide = |engine: &Engine| {
            let decision = engine.decide(input);
            assert!(!decision.errors.iter().any(|error| is_defect(&error.code)), "{}: {decision:#?}", name(engine));
            let explained = engine.explain(input).expect("a policy is loaded").decision;
            if !is_limited(&decision) && !is_limited(&explained) {
                assert_eq!(decision, explained, "{} decides otherwise than it explains", name(engine));
            }
            decision
        };
        let decision = self.agreed(decide, is_limited);
        if !is_limited(&decision) {
            self.rule_on(input, &decision);
        }
        decision
    }

    /// Holds what evaluators say, asked twice, to the decision.
    fn rule_on(&self, input: &Input, decision: &Decision) {
        let mut evaluators = self.evaluators.lock().unwrap_or_else(PoisonError::into_inner);
        for (evaluator, engine) in evaluators.iter_mut().zip(&self.engines) {
            let name = name(engine);
            // Every other input goes the way of its text, which sets and keys that are no text would not survive.
            let text = input.value().to_json();
            let same = parse_json(&text, JsonLimits::default()).is_ok_and(|value| value == *input.value());
            if same && text.len().is_multiple_of(2) {
                evaluator.surround(Some(input.now_nanoseconds()), input.state().cloned());
                evaluator.set_json(input.kind(), &text);
            } else {
                evaluator.set_input(input);
            }
            for _ in 0..2 {
                let ruling = evaluator.decide();
                assert_eq!(ruling.effect(), decision.effect, "{name} rules otherwise than it decides");
                let mut rules: Vec<_> = ruling.rules().map(|rule| (rule.effect, rule.package, rule.id)).collect();
                rules.sort();
                let decided = decision.rules.iter().map(|rule| (rule.effect, &*rule.package, &*rule.id));
                assert_eq!(rules, decided.collect::<Vec<_>>(), "{name} names other rules");
                let reasons: BTreeSet<_> = ruling.reasons().collect();
                let decided = decision.reasons.iter().map(|reason| reason.as_str().into());
                let decided: BTreeSet<_> = decided.collect();
                // Of a denial an evaluator does not find out what else goes wrong.
                let stops = ruling.effect() == Effect::Deny && !decision.errors.is_empty();
                let agree = if stops { reasons.is_subset(&decided) } else { reasons == decided };
                assert!(agree && !reasons.is_empty() | decided.is_empty(), "{name}: {reasons:?}, not {decided:?}");
                let mut left: Vec<_> = ruling.labels().cloned().collect();
                left.sort();
                left.dedup();
                assert_eq!(left, decision.labels, "{name} gives other labels");
                let mut increments: Vec<_> = ruling.increments().collect();
                increments.sort();
                assert_eq!(increments, decision.increments, "{name} counts otherwise");
            }
            assert_eq!(evaluator.decision(), *decision, "{name} decides otherwise the second time");
        }
    }

    /// The value at a path.
    ///
    /// # Errors
    ///
    /// What every engine fails with.
    ///
    /// # Panics
    ///
    /// As [`Engines::decide`].
    pub fn query(&self, path: &str, input: Option<&Value>) -> Result<Option<Value>, QueryError> {
        self.query_with_state(path, input, None)
    }

    /// As [`Engines::query`], where `state` says what is known of earlier requests.
    ///
    /// # Errors
    ///
    /// What every engine fails with.
    ///
    /// # Panics
    ///
    /// As [`Engines::decide`].
    pub fn query_with_state(
        &self,
        path: &str,
        input: Option<&Value>,
        state: Option<Arc<dyn StateSource>>,
    ) -> Result<Option<Value>, QueryError> {
        let query = |engine: &Engine| {
            let answer = engine.query_with_state(path, input, state.clone());
            if let Err(QueryError::Evaluation(error)) = &answer {
                assert!(!is_defect(&error.code), "{}: {error:#?}", name(engine));
            }
            answer
        };
        let limited = |answer: &Result<_, QueryError>| matches!(answer, Err(QueryError::Evaluation(error)) if is_limit(&error.code));
        self.agreed(query, limited)
    }

    fn agreed<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&Engine) -> T, limited: impl Fn(&T) -> bool) -> T {
        let mut answers: Vec<T> = self.engines.iter().map(ask).collect();
        if let Some(at) = answers.iter().position(limited) {
            return answers.swap_remove(at);
        }
        for (answer, engine) in answers.iter().zip(&self.engines) {
            assert_eq!(*answer, answers[0], "{} differs from {}", name(engine), name(&self.engines[0]));
        }
        answers.swap_remove(0)
    }
}

fn name(engine: &Engine) -> String {
    let EngineOptions { kind, optimise, without_pass, .. } = engine.options();
    match without_pass {
        _ if !optimise => format!("{kind:?} without optimisation"),
        Some(pass) => format!("{kind:?} without {pass:?}"),
        None => format!("{kind:?}"),
    }
}

fn is_defect(code: &str) -> bool {
    code == code::INTERNAL
}

fn is_limit(code: &str) -> bool {
    [code::FUEL, code::MEMORY, code::DEPTH, code::TIME, code::VALUE].contains(&code)
}

fn is_limited(decision: &Decision) -> bool {
    decision.errors.iter().any(|error| is_limit(&error.code))
}
