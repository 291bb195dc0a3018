//! The engine: the current policy generation, and questions to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hpol_compiler::Pass;
use hpol_lang::diagnostic::DiagnosticReport;
use hpol_lang::types::validate;
use hpol_lang::value::Value;
use serde::Serialize;

use crate::build::{self, Built, Refused};
use crate::capabilities::Capabilities;
pub use crate::code::CodeState;
use crate::combine::{Findings, combine};
use crate::decision::{Decision, Effect, EvaluationError};
use crate::error::{LoadError, QueryError, Rejection, code};
use crate::evaluate;
use crate::explain::{self, Explanation, QueryExplanation};
use crate::input::{Input, now_nanoseconds};
use crate::inputs::{Source, Typed};
use crate::limits::Limits;
use crate::query::{self, Asked};
use crate::snapshot::Snapshot;
use crate::source::Files;
use crate::state::StateSource;

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

/// When the machine code of a generation is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeReady {
    /// Before its first decision: loading takes as long as making it.
    #[default]
    BeforeFirstDecision,
    /// Some time after: the interpreter gives the same answers meanwhile, more slowly. See
    /// [`Engine::wait_for_code`].
    InBackground,
}

/// How an engine works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Which evaluator runs.
    pub kind: EngineKind,
    /// When machine code is there.
    pub code: CodeReady,
    /// Bounds on each evaluation.
    pub limits: Limits,
    /// Whether plans are improved before they run. Without it the results are the same and come later: for finding out
    /// whether an improvement is at fault.
    pub optimise: bool,
    /// One improvement that is left out, for finding out which is at fault.
    pub without_pass: Option<Pass>,
    /// What policies may do; everything if left out. Its limits can only narrow those above.
    pub capabilities: Option<Arc<Capabilities>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            kind: EngineKind::default(),
            code: CodeReady::default(),
            limits: Limits::default(),
            optimise: true,
            without_pass: None,
            capabilities: None,
        }
    }
}

/// Holds the current policy generation and answers requests. Clones share it.
///
/// ```
/// use hpol_runtime::source::Files;
/// use hpol_runtime::{Effect, Engine, EngineOptions, Input};
///
/// let policy = r#"
/// package guard
/// input: http.Request
/// allow "reads" if input.method == "GET"
/// "#;
/// let engine = Engine::new(EngineOptions::default());
/// engine.load(&Files::from_memory([("guard.hpol", policy)]))?;
/// assert_eq!(engine.status().generation, 1);
/// # Ok::<(), hpol_runtime::error::LoadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: EngineOptions,
    /// What decides. An evaluation takes it once and holds it to its end, so that the last one frees it.
    current: ArcSwapOption<Snapshot>,
    /// Number of the generation in `current`, or of the one before it, for who holds one and asks whether there is a newer.
    newest: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    generations: u64,
    last_error: Option<Rejection>,
    source_error: Option<String>,
}

/// A package of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageInfo {
    /// Its path without `data.`, such as `payments.guard`.
    pub path: Arc<str>,
    /// Name of the kind of request it decides, such as `llm.Request`; `None` for a library.
    pub input_kind: Option<Arc<str>>,
}

/// A counter of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterInfo {
    /// Its package and name, such as `payments.guard.writes`.
    pub name: Arc<str>,
    /// How far back it looks.
    pub window: Duration,
    /// The decision rules and labels that look at its value, such as `deny "write storm"`.
    pub readers: Vec<String>,
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
    /// How far its machine code is.
    pub code: CodeState,
    /// Findings about its files that did not stop it.
    pub warnings: Vec<DiagnosticReport>,
    /// What was refused since it was loaded.
    pub last_error: Option<Rejection>,
    /// Why the source of the policies can't be read now.
    pub source_error: Option<String>,
}

impl Engine {
    /// An engine without a policy: it denies everything until one is loaded.
    pub fn new(mut options: EngineOptions) -> Self {
        if let Some(capabilities) = &options.capabilities {
            options.limits = capabilities.narrowed(options.limits);
        }
        let shared =
            Shared { options, current: ArcSwapOption::empty(), newest: AtomicU64::new(0), state: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Compiles files and lets them decide from now on. Evaluations that have begun end on what they began with.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files. The engine stays with what it had.
    pub fn load(&self, files: &Files) -> Result<Status, LoadError> {
        match build::build(files, &self.shared.options) {
            Ok(built) => self.install(files, built),
            Err(Refused { message, diagnostics }) => {
                let rejection = Rejection {
                    revision: files.revision().clone(),
                    message,
                    diagnostics,
                    at_nanoseconds: now_nanoseconds(),
                };
                self.state().last_error = Some(rejection.clone());
                return Err(LoadError { rejection: Box::new(rejection) });
            }
        }
        Ok(self.status())
    }

    /// Makes a generation the current one.
    fn install(&self, files: &Files, built: Built) {
        let mut state = self.state();
        state.generations += 1;
        state.last_error = None;
        let snapshot =
            Arc::new(Snapshot::new(state.generations, now_nanoseconds(), files, built, &self.shared.options));
        // Under the lock, so that of two loads at a time the one with the higher number stays.
        self.shared.current.store(Some(snapshot));
        self.shared.newest.store(state.generations, Ordering::Release);
    }

    /// Decides on a request. Whatever goes wrong is a deny whose [`Decision::errors`] say why.
    pub fn decide(&self, input: &Input) -> Decision {
        self.decide_on(input.kind(), input.value(), input.now_nanoseconds(), input.state().cloned())
    }

    /// As [`Engine::decide`], on a Rust value whose fields go straight to where the policies look for them. A field that is
    /// `None` is absent; else the forms are those of [`hpol_lang::value::to_value`]. The time that counts is in nanoseconds
    /// since 1970; without `state`, rules that ask for earlier requests fail, and protect.
    ///
    /// ```
    /// # use hpol_runtime::source::Files;
    /// # use hpol_runtime::{Effect, Engine, EngineOptions};
    /// # let policy = "package guard\ninput: Call\ntype Call = {method: string}\nallow \"reads\" if input.method == \"GET\"\n";
    /// # let engine = Engine::new(EngineOptions::default());
    /// # engine.load(&Files::from_memory([("guard.hpol", policy)]))?;
    /// #[derive(serde::Serialize)]
    /// struct Call<'c> {
    ///     method: &'c str,
    /// }
    ///
    /// let decision = engine.decide_typed("Call", &Call { method: "GET" }, 1_750_000_000_000_000_000, None);
    /// assert_eq!(decision.effect, Effect::Allow);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decide_typed<T: Serialize + ?Sized>(
        &self,
        kind: &str,
        value: &T,
        now_nanoseconds: i64,
        state: Option<Arc<dyn StateSource>>,
    ) -> Decision {
        self.decide_on(kind, &Typed(value), now_nanoseconds, state)
    }

    fn decide_on<S: Source>(
        &self,
        kind: &str,
        source: &S,
        now_nanoseconds: i64,
        state: Option<Arc<dyn StateSource>>,
    ) -> Decision {
        let Some(snapshot) = self.shared.current.load_full() else { return not_loaded() };
        let options = &self.shared.options;
        let findings = snapshot.with_machine(options.kind, |machine, context| {
            evaluate::begin(context, &options.limits, now_nanoseconds, state);
            snapshot.evaluation(machine).decide(kind, source, context, &mut |_, _| {})
        });
        combine(findings.unwrap_or_else(Findings::defect), snapshot.name())
    }

    /// Decides on a request as [`Engine::decide`] does, and says of each rule how it came out and why.
    ///
    /// # Errors
    ///
    /// [`QueryError::NotLoaded`].
    pub fn explain(&self, input: &Input) -> Result<Explanation, QueryError> {
        let current = self.shared.current.load_full().ok_or(QueryError::NotLoaded)?;
        let snapshot = current.in_order_of_text();
        let explanation = snapshot.with_context(|context| {
            let state = input.state().cloned();
            evaluate::begin(context, &self.shared.options.limits, input.now_nanoseconds(), state);
            explain::explain(snapshot, input, context)
        });
        explanation
            .ok_or_else(|| QueryError::Evaluation(evaluate::evaluation_error(evaluate::defect(), snapshot.program())))
    }

    /// Why a rule has its value, or none: for each of its definitions how far it got, and which condition stopped it.
    ///
    /// # Errors
    ///
    /// [`QueryError`], except for an error of the evaluation, which is explained too.
    pub fn explain_query(&self, path: &str, input: Option<&Value>) -> Result<QueryExplanation, QueryError> {
        self.explain_query_with_state(path, input, None)
    }

    /// As [`Engine::explain_query`], where `state` says what counters stand at and what the session has seen.
    ///
    /// # Errors
    ///
    /// As [`Engine::explain_query`].
    pub fn explain_query_with_state(
        &self,
        path: &str,
        input: Option<&Value>,
        state: Option<Arc<dyn StateSource>>,
    ) -> Result<QueryExplanation, QueryError> {
        let current = self.shared.current.load_full().ok_or(QueryError::NotLoaded)?;
        let snapshot = current.in_order_of_text();
        let program = snapshot.program();
        let asked = query::find(program, path)?;
        let input = fitting(snapshot, &asked, input)?;
        let fault = |fault| QueryError::Evaluation(evaluate::evaluation_error(fault, program));
        let explanation = snapshot.with_context(|context| {
            evaluate::begin(context, &self.shared.options.limits, now_nanoseconds(), state);
            if let Some(input) = &input {
                context.set_input(input).map_err(fault)?;
            }
            Ok(explain::explain_query(snapshot, path, &asked, context))
        });
        explanation.unwrap_or_else(|| Err(fault(evaluate::defect())))
    }

    /// The value at a path: of a rule (`data.guard.privileged`), a part of one, a package, or a document; `None` where it is
    /// undefined. A package that declares the type of its input gets only input of that type.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub fn query(&self, path: &str, input: Option<&Value>) -> Result<Option<Value>, QueryError> {
        self.query_with_state(path, input, None)
    }

    /// As [`Engine::query`], where `state` says what counters stand at and what the session has seen.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub fn query_with_state(
        &self,
        path: &str,
        input: Option<&Value>,
        state: Option<Arc<dyn StateSource>>,
    ) -> Result<Option<Value>, QueryError> {
        let snapshot = self.shared.current.load_full().ok_or(QueryError::NotLoaded)?;
        let program = snapshot.program();
        let asked = query::find(program, path)?;
        let input = fitting(&snapshot, &asked, input)?;
        let options = &self.shared.options;
        let fault = |fault| QueryError::Evaluation(evaluate::evaluation_error(fault, program));
        let value = snapshot.with_machine(options.kind, |machine, context| {
            evaluate::begin(context, &options.limits, now_nanoseconds(), state);
            if let Some(input) = &input {
                context.set_input(input).map_err(fault)?;
            }
            asked.evaluate(machine, context).map_err(fault)
        });
        value.unwrap_or_else(|| Err(fault(evaluate::defect())))
    }

    /// What the engine runs, and what it refused last.
    pub fn status(&self) -> Status {
        let current = self.shared.current.load();
        let current = current.as_deref();
        let state = self.state();
        Status {
            generation: current.map_or(0, |snapshot| snapshot.generation),
            revision: current.map(|snapshot| snapshot.name().revision.clone()),
            policy_hash: current.map(|snapshot| snapshot.name().policy_hash.clone()),
            loaded_at_nanoseconds: current.map(|snapshot| snapshot.loaded_at_nanoseconds),
            engine: self.shared.options.kind,
            code: current.map_or(CodeState::None, |snapshot| snapshot.code_state()),
            warnings: current.map(|snapshot| snapshot.warnings().to_vec()).unwrap_or_default(),
            last_error: state.last_error.clone(),
            source_error: state.source_error.clone(),
        }
    }

    /// Waits until the machine code of the current generation is there, or is known not to come.
    pub fn wait_for_code(&self) -> CodeState {
        let current = self.snapshot();
        current.map_or(CodeState::None, |snapshot| snapshot.wait_for_code())
    }

    /// The packages of the current generation, in the order of their paths; none before the first.
    pub fn packages(&self) -> Vec<PackageInfo> {
        let Some(snapshot) = self.shared.current.load_full() else { return Vec::new() };
        let packages = snapshot.program().packages.iter();
        packages
            .map(|package| PackageInfo { path: package.path.clone(), input_kind: package.input_kind.clone() })
            .collect()
    }

    /// The counters of the current generation, in the order of their names.
    pub fn counters(&self) -> Vec<CounterInfo> {
        let Some(snapshot) = self.shared.current.load_full() else { return Vec::new() };
        let counters = snapshot.program().counters.iter();
        counters
            .map(|counter| CounterInfo {
                name: counter.name.clone(),
                window: Duration::from_nanos(u64::try_from(counter.window_nanoseconds).unwrap_or(0)),
                readers: counter.readers.clone(),
            })
            .collect()
    }

    /// How the engine works.
    pub fn options(&self) -> &EngineOptions {
        &self.shared.options
    }

    /// The current generation.
    pub(crate) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.shared.current.load_full()
    }

    /// Whether this is the current generation.
    pub(crate) fn is_current(&self, snapshot: &Snapshot) -> bool {
        self.shared.newest.load(Ordering::Acquire) == snapshot.generation
    }

    /// Notes whether the source of the policies can be read.
    pub(crate) fn source_is(&self, error: Option<String>) {
        self.state().source_error = error;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The input as the package of what is asked for takes it.
fn fitting(snapshot: &Snapshot, asked: &Asked<'_>, input: Option<&Value>) -> Result<Option<Value>, QueryError> {
    match (asked.package, input) {
        (Some(package), Some(value)) => {
            let value = validate(value, &snapshot.inputs()[package]);
            value.map(Some).map_err(|mismatches| QueryError::input(&mismatches))
        }
        (_, value) => Ok(value.cloned()),
    }
}

pub(crate) fn not_loaded() -> Decision {
    let message = QueryError::NotLoaded.to_string();
    Decision {
        effect: Effect::Deny,
        rules: Vec::new(),
        reasons: vec![message.clone()],
        absent: Vec::new(),
        masks: Vec::new(),
        approval: None,
        labels: Vec::new(),
        increments: Vec::new(),
        reads: Vec::new(),
        errors: vec![EvaluationError { code: code::POLICY_NOT_LOADED.into(), message, location: None }],
        revision: "".into(),
        policy_hash: "".into(),
    }
}

#[cfg(test)]
mod tests;
