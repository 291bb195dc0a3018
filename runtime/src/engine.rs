//! The engine: the current policy generation, and questions to it.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use serde::Serialize;

use crate::decision::{Decision, Effect, EvaluationError};
use crate::error::{Rejection, code};
use crate::input::Input;
use crate::limits::Limits;

/// Which evaluator runs the plan. Both give the same results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Machine code.
    #[default]
    Jit,
    /// The reference evaluator: slower, without generated code.
    Interpreter,
}

/// How an engine works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineOptions {
    /// Which evaluator runs.
    pub kind: EngineKind,
    /// Bounds on each evaluation.
    pub limits: Limits,
}

/// Holds the current policy generation and answers requests. Clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: EngineOptions,
    current: ArcSwapOption<Snapshot>,
    last_error: Mutex<Option<Rejection>>,
}

/// One policy generation.
#[derive(Debug)]
struct Snapshot {
    generation: u64,
    revision: Arc<str>,
    policy_hash: Arc<str>,
    loaded_at_nanoseconds: i64,
}

/// What an engine runs, and what it refused last.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Number of the current generation, from 1; 0 before the first.
    pub generation: u64,
    /// Revision of the current generation.
    pub revision: Option<Arc<str>>,
    /// SHA-256 of its files, in hexadecimal.
    pub policy_hash: Option<Arc<str>>,
    /// When it was loaded, in nanoseconds since 1970.
    pub loaded_at_nanoseconds: Option<i64>,
    /// Which evaluator runs it.
    pub engine: EngineKind,
    /// What was refused since it was loaded.
    pub last_error: Option<Rejection>,
}

impl Engine {
    /// An engine without a policy: it denies everything until one is loaded.
    pub fn new(options: EngineOptions) -> Self {
        let shared = Shared { options, current: ArcSwapOption::empty(), last_error: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Decides on a request. Whatever goes wrong is a deny whose [`Decision::errors`] say why.
    pub fn decide(&self, _input: &Input) -> Decision {
        not_loaded()
    }

    /// What the engine runs, and what it refused last.
    pub fn status(&self) -> Status {
        let current = self.shared.current.load();
        let current = current.as_deref();
        Status {
            generation: current.map_or(0, |snapshot| snapshot.generation),
            revision: current.map(|snapshot| snapshot.revision.clone()),
            policy_hash: current.map(|snapshot| snapshot.policy_hash.clone()),
            loaded_at_nanoseconds: current.map(|snapshot| snapshot.loaded_at_nanoseconds),
            engine: self.shared.options.kind,
            last_error: self.shared.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

fn not_loaded() -> Decision {
    let message = "no policy is loaded".to_owned();
    Decision {
        effect: Effect::Deny,
        rules: Vec::new(),
        reasons: vec![message.clone()],
        absent: Vec::new(),
        masks: Vec::new(),
        approval: None,
        errors: vec![EvaluationError { code: code::POLICY_NOT_LOADED.into(), message, location: None }],
        revision: "".into(),
        policy_hash: "".into(),
    }
}
