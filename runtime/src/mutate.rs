//! Mutation testing: small changes of a policy, each of which some test should notice.
//!
//! A change is made in the text, so that what is shown is what was tried, and the policy is checked and compiled anew each
//! time. A change that does not compile is no mutant; one whose plan is the same as before can't be noticed. Files with
//! tests are left alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hpol_compiler::plan::{Program, display_function};
use hpol_lang::ast::{ItemKind, Module};
use hpol_lang::diagnostic::Severity;
use hpol_lang::source::{Location, Profile, SourceMap, Span};
use serde::Serialize;

use crate::engine::{Engine, EngineKind, EngineOptions};
use crate::source::Files;
use crate::test::{self, TestOptions};

mod find;

/// How mutants are made and run.
#[derive(Debug, Clone)]
pub struct MutateOptions {
    /// Which tests are run, and how.
    pub tests: TestOptions,
    /// How many mutants are tried at most: of more, as many as this are taken at even distances.
    pub mutants: usize,
    /// How long the tests of one mutant may take; a mutant that takes longer counts as noticed.
    pub time: Duration,
}

impl Default for MutateOptions {
    fn default() -> Self {
        Self { tests: TestOptions::default(), mutants: 1_000, time: Duration::from_secs(10) }
    }
}

/// What the mutants of a policy came to.
#[derive(Debug, Clone, Serialize)]
pub struct MutationReport {
    /// Each mutant that was tried, in the order of their places.
    pub mutants: Vec<Mutant>,
    /// How many changes there are, tried or not.
    pub found: usize,
    /// How many mutants a test noticed.
    pub killed: usize,
    /// How many no test noticed.
    pub survived: usize,
    /// Percent of both that a test noticed; 100 if there are none.
    pub score: f64,
}

/// A changed policy.
#[derive(Debug, Clone, Serialize)]
pub struct Mutant {
    /// Where the change is.
    pub location: Location,
    /// What was changed.
    pub kind: MutantKind,
    /// The text before.
    pub before: String,
    /// The text after.
    pub after: String,
    /// What came of it.
    pub outcome: MutantOutcome,
    /// What a test would have to do to notice it.
    pub hint: &'static str,
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MutantKind {
    /// A condition is left out.
    DropCondition,
    /// A condition is turned round.
    Negate,
    /// A `not` is left out.
    DropNot,
    /// An operator becomes another.
    Operator,
    /// A constant becomes one beside it.
    Constant,
    /// An element of a list is left out.
    DropElement,
    /// `every` becomes `some`.
    EveryToSome,
    /// A rule is left out.
    DropRule,
    /// A rule has another effect.
    Effect,
}

/// What came of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MutantOutcome {
    /// A test noticed it.
    Killed {
        /// The test, or why it could not run.
        by: String,
    },
    /// No test noticed it.
    Survived,
    /// It is the same policy.
    Equivalent,
    /// It is no policy.
    Invalid,
}

/// Why there are no mutants.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MutateError {
    /// The policy has errors.
    #[error("{0}")]
    Policy(String),
    /// Its tests fail already.
    #[error("`{0}` fails without any change: the tests must pass before they can be told to notice something")]
    Failing(String),
    /// There is nothing to run.
    #[error("the policy has no tests that could notice a change")]
    NoTests,
}

/// A change that can be made.
#[derive(Debug, Clone)]
struct Change {
    span: Span,
    after: String,
    kind: MutantKind,
}

impl MutantKind {
    fn hint(self) -> &'static str {
        match self {
            Self::DropCondition => "add a test in which only this condition does not hold",
            Self::Negate | Self::DropNot => "add a test whose outcome depends on this condition",
            Self::Operator => "add a test at the boundary, where the two operators differ",
            Self::Constant => "add a test with this value and one with the value just beside it",
            Self::DropElement => "add a test for this element",
            Self::EveryToSome => "add a test in which one element meets the conditions and another does not",
            Self::DropRule => "add a test that this rule decides",
            Self::Effect => "add a test that expects the effect of this rule",
        }
    }
}

/// Changes a policy in every way that is known, and runs its tests on each. `progress` is told how many of how many mutants
/// are done.
///
/// # Errors
///
/// [`MutateError`] if the policy can't be run as it is.
pub fn mutate(
    files: &Files,
    options: &MutateOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<MutationReport, MutateError> {
    let original = load(files).map_err(|error| MutateError::Policy(error.to_string()))?;
    let plain = TestOptions { shrink_tries: 0, fail_fast: true, deadline: None, ..options.tests.clone() };
    let results = test::run(&original, &plain).map_err(|error| MutateError::Policy(error.to_string()))?;
    if let Some(failed) = results.iter().find(|result| !result.outcome.passed()) {
        return Err(MutateError::Failing(format!("{}.{}", failed.package, failed.name)));
    }
    if results.is_empty() {
        return Err(MutateError::NoTests);
    }
    let checked = crate::check(files);
    let all = changes(&checked.modules, &checked.sources);
    let chosen = chosen(&all, options.mutants);
    let trial = Trial { files, sources: &checked.sources, plan: plan_of(&original), options, plain };
    let mutants = trial.run(&chosen, progress);
    let count = |wanted: fn(&MutantOutcome) -> bool| mutants.iter().filter(|mutant| wanted(&mutant.outcome)).count();
    let killed = count(|outcome| matches!(outcome, MutantOutcome::Killed { .. }));
    let survived = count(|outcome| *outcome == MutantOutcome::Survived);
    Ok(MutationReport { found: all.len(), killed, survived, score: percent(killed, killed + survived), mutants })
}

/// A part in percent; nothing of nothing is all of it.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

fn load(files: &Files) -> Result<Engine, crate::error::LoadError> {
    let engine =
        Engine::new(EngineOptions { kind: EngineKind::Interpreter, optimise: false, ..EngineOptions::default() });
    engine.load(files)?;
    Ok(engine)
}

fn changes(modules: &[Module], sources: &SourceMap) -> Vec<Change> {
    let mut changes: Vec<Change> =
        modules.iter().filter(|module| !has_tests(module)).flat_map(|module| find::changes(module, sources)).collect();
    changes.sort_by(|left, right| (left.span, &left.after).cmp(&(right.span, &right.after)));
    changes.dedup_by(|left, right| left.span == right.span && left.after == right.after);
    changes
}

fn has_tests(module: &Module) -> bool {
    module.items.iter().any(|item| match &item.kind {
        ItemKind::Test(_) | ItemKind::Property(_) => true,
        ItemKind::Rule(rule) if module.profile == Profile::Rego => match &rule.head.reference.head.kind {
            hpol_lang::ast::ExprKind::Variable(name) => name.starts_with("test_"),
            _ => false,
        },
        _ => false,
    })
}

/// At even distances, so that every part of the policy has its share.
fn chosen(all: &[Change], limit: usize) -> Vec<&Change> {
    let wanted = limit.min(all.len());
    let places: BTreeSet<usize> = (0..wanted).map(|number| number * all.len() / wanted.max(1)).collect();
    places.into_iter().filter_map(|place| all.get(place)).collect()
}

/// All that decides how a policy behaves, without places.
fn plan_of(engine: &Engine) -> String {
    engine.snapshot().map(|snapshot| plan_text(snapshot.program())).unwrap_or_default()
}

fn plan_text(program: &Program) -> String {
    let mut text = String::new();
    for function in &program.functions {
        text.push_str(&display_function(program, function));
    }
    for decision in &program.decisions {
        let carried = (&decision.effect, &decision.id, &decision.approval, &decision.mask);
        text.push_str(&format!("{carried:?}\n"));
    }
    text
}

struct Trial<'t> {
    files: &'t Files,
    sources: &'t SourceMap,
    plan: String,
    options: &'t MutateOptions,
    plain: TestOptions,
}

impl Trial<'_> {
    /// Tries mutants on all processors; their order is kept.
    fn run(&self, changes: &[&Change], progress: &(dyn Fn(usize, usize) + Sync)) -> Vec<Mutant> {
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(changes.len().max(1));
        let mut mutants: Vec<(usize, Mutant)> = std::thread::scope(|scope| {
            let work = || {
                let mut own = Vec::new();
                while let Some((number, change)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|number| Some((number, changes.get(number)?)))
                {
                    own.push((number, self.mutant(change)));
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, changes.len());
                }
                own
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        mutants.sort_by_key(|(number, _)| *number);
        mutants.into_iter().map(|(_, mutant)| mutant).collect()
    }

    fn mutant(&self, change: &Change) -> Mutant {
        Mutant {
            location: self.sources.location(change.span),
            kind: change.kind,
            before: one_line(self.sources.text(change.span)),
            after: one_line(&change.after),
            outcome: self.outcome(change),
            hint: change.kind.hint(),
        }
    }

    fn outcome(&self, change: &Change) -> MutantOutcome {
        let engine = match load(&self.changed(change)) {
            Ok(engine) => engine,
            Err(error) => {
                let findings = &error.rejection.diagnostics;
                let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error).peekable();
                // A test names the rule that is gone, or that has another effect now.
                let named = errors.peek().is_some() && errors.all(|finding| finding.code == "unknown-rule-id");
                let by = "a test names the rule".to_owned();
                return if named { MutantOutcome::Killed { by } } else { MutantOutcome::Invalid };
            }
        };
        if plan_of(&engine) == self.plan {
            return MutantOutcome::Equivalent;
        }
        let deadline = Instant::now().checked_add(self.options.time);
        let tests = TestOptions { deadline, ..self.plain.clone() };
        match test::run(&engine, &tests) {
            Ok(results) => match results.iter().find(|result| !result.outcome.passed()) {
                Some(failed) => MutantOutcome::Killed { by: format!("{}: {}", failed.package, failed.name) },
                None if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    MutantOutcome::Killed { by: "the tests took too long".to_owned() }
                }
                None => MutantOutcome::Survived,
            },
            Err(_) => MutantOutcome::Invalid,
        }
    }

    /// The files with one change.
    fn changed(&self, change: &Change) -> Files {
        let file = self.sources.file(change.span.file);
        let (start, end) = (change.span.start as usize, change.span.end as usize);
        let before = file.text.get(..start).unwrap_or_default();
        let text = format!("{before}{}{}", change.after, file.text.get(end..).unwrap_or_default());
        Files::from_memory(self.files.iter().map(|(path, content)| {
            let content: Vec<u8> = if *path == file.path { text.clone().into_bytes() } else { content.to_vec() };
            (Arc::clone(path), content)
        }))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
