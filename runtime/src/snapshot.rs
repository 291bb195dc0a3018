//! One policy generation: what was compiled from one revision of the files. It never changes.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hpol_compiler::context::Context;
use hpol_compiler::jit::CompiledCode;
use hpol_compiler::machine::Machine;
use hpol_compiler::plan::{DecisionId, Program};
use hpol_lang::diagnostic::DiagnosticReport;
use hpol_lang::source::Span;
use hpol_lang::types::Type;

use crate::build::{self, Built, Definition};
use crate::code::CodeState;
use crate::combine::{PolicyName, default_reason};
use crate::decision::{Effect, RuleOutcome};
use crate::draw::Constants;
use crate::engine::{EngineKind, EngineOptions};
use crate::evaluate::Evaluation;
use crate::guard::guarded;
use crate::interpret::Interpreter;
use crate::source::Files;

/// Contexts that are kept for reuse; more evaluations than this at a time make their own.
const CONTEXTS_MAX: usize = 64;

/// A context that used more memory for values than this is not kept: one large request must not cost memory for ever.
const CONTEXT_BYTES_MAX: usize = 1 << 20;

/// One policy generation.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) generation: u64,
    pub(crate) loaded_at_nanoseconds: i64,
    name: PolicyName,
    built: Built,
    files: Files,
    options: EngineOptions,
    /// The same files without improvements, for explanations; made when the first is asked for.
    plain: OnceLock<Option<Box<Snapshot>>>,
    /// Memory of evaluations that have ended, for the next ones. It goes with the generation, because its values point
    /// into the generation's constants.
    contexts: Mutex<Vec<Context>>,
    /// What decision rules say that deny and give no reason, by their numbers; each is made when it is asked for first.
    denials: Box<[OnceLock<Box<str>>]>,
}

impl Snapshot {
    pub(crate) fn new(
        generation: u64,
        loaded_at_nanoseconds: i64,
        files: &Files,
        built: Built,
        options: &EngineOptions,
    ) -> Self {
        let name = PolicyName { revision: files.revision().clone(), policy_hash: files.hash().clone() };
        let (files, options) = (files.clone(), options.clone());
        let (plain, contexts) = (OnceLock::new(), Mutex::default());
        let denials = built.program.decisions.iter().map(|_| OnceLock::new()).collect();
        Self { generation, loaded_at_nanoseconds, name, built, files, options, plain, contexts, denials }
    }

    /// The same policy as a plan that does everything in the order of the text, so that what fails first is what a reader
    /// meets first. It is made once in a generation and goes with it.
    pub(crate) fn in_order_of_text(&self) -> &Snapshot {
        if !self.options.optimise {
            return self;
        }
        let make = || {
            let options = EngineOptions { kind: EngineKind::Interpreter, optimise: false, ..self.options.clone() };
            let built = build::build(&self.files, &options).ok()?;
            Some(Box::new(Self::new(self.generation, self.loaded_at_nanoseconds, &self.files, built, &options)))
        };
        // The files were compiled before, so that there is a plan. Without one the improved plan explains well enough.
        self.plain.get_or_init(make).as_deref().unwrap_or(self)
    }

    /// The same policy as a plan that tells how each condition comes out, with machine code if that is what will run it.
    pub(crate) fn telling_outcomes(&self, kind: EngineKind) -> Result<Snapshot, build::Refused> {
        let options = EngineOptions { kind, optimise: false, without_pass: None, ..self.options.clone() };
        let built = build::build_telling(&self.files, &options)?;
        Ok(Self::new(self.generation, self.loaded_at_nanoseconds, &self.files, built, &options))
    }

    /// Revision and hash.
    pub(crate) fn name(&self) -> &PolicyName {
        &self.name
    }

    /// What a decision rule says that denies and gives no reason.
    pub(crate) fn denies(&self, decision: DecisionId) -> Option<&str> {
        let rule = self.built.program.decisions.get(decision.index())?;
        let denial = self.denials.get(decision.index())?.get_or_init(|| {
            default_reason(&rule.id, RuleOutcome::Matched, Effect::Deny).unwrap_or_default().into_boxed_str()
        });
        Some(denial)
    }

    /// The machine code, if that is what is to run.
    pub(crate) fn code(&self, kind: EngineKind) -> Option<&CompiledCode> {
        self.built.code.get().filter(|_| kind == EngineKind::Jit)
    }

    /// How far the machine code is.
    pub(crate) fn code_state(&self) -> CodeState {
        self.built.code.state()
    }

    /// Waits until the machine code is made.
    pub(crate) fn wait_for_code(&self) -> CodeState {
        self.built.code.wait()
    }

    /// The plan.
    pub(crate) fn program(&self) -> &Arc<Program> {
        &self.built.program
    }

    /// Type of the input of each package, in the order of the plan's packages.
    pub(crate) fn inputs(&self) -> &[Type] {
        &self.built.inputs
    }

    /// What an evaluation by `machine` needs.
    pub(crate) fn evaluation<'s>(&'s self, machine: &'s dyn Machine) -> Evaluation<'s> {
        let Built { program, inputs, kinds, .. } = &self.built;
        Evaluation { program, inputs, kinds, machine }
    }

    /// The constants that values for a test are drawn with a view to, by its place among the tests.
    pub(crate) fn constants(&self, test: usize) -> Constants {
        let typed = self.built.typed.as_deref();
        let test = typed.and_then(|typed| Some((typed, typed.tests.get(test)?)));
        test.map(|(typed, test)| Constants::new(typed, test)).unwrap_or_default()
    }

    /// Findings that did not stop it.
    pub(crate) fn warnings(&self) -> &[DiagnosticReport] {
        &self.built.warnings
    }

    /// Places of the conditions of a decision rule, in the order of their evaluation.
    pub(crate) fn conditions(&self, decision: DecisionId) -> &[Span] {
        self.built.conditions.get(decision.index()).map_or(&[], Vec::as_slice)
    }

    /// Places in the definitions of a rule, by its path.
    pub(crate) fn definitions(&self, rule: &str) -> &[Definition] {
        self.built.definitions.get(rule).map_or(&[], Vec::as_slice)
    }

    /// Runs `work` with the evaluator that was asked for and a context for this generation; `None` if it panics.
    pub(crate) fn with_machine<T>(
        &self,
        kind: EngineKind,
        work: impl FnOnce(&dyn Machine, &mut Context) -> T,
    ) -> Option<T> {
        self.with_context(|context| match self.code(kind) {
            Some(code) => work(code, context),
            None => work(&Interpreter::default(), context),
        })
    }

    /// Runs `work` with a context for this generation; `None` if it panics.
    pub(crate) fn with_context<T>(&self, work: impl FnOnce(&mut Context) -> T) -> Option<T> {
        let kept = self.contexts.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut context = kept.unwrap_or_else(|| Context::new(self.program()));
        let result = guarded(|| work(&mut context))?;
        if context.heap().bytes_used() > CONTEXT_BYTES_MAX {
            return Some(result);
        }
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if contexts.len() < CONTEXTS_MAX {
            contexts.push(context);
        }
        Some(result)
    }
}
