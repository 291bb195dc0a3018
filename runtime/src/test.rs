//! The tests that policies bring: what `hpol test` runs.
//!
//! A `test` of an `.hpol` file runs once, or once for each of its cases; a rule of a `.rego` file whose name starts with
//! `test_` is a test that must yield `true`. Every case is an evaluation of its own, with the limits of a request.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hpol_compiler::context::{Context, Fault, Outcomes};
use hpol_compiler::machine::{self, Machine};
use hpol_compiler::plan::{self, FunctionId, PlaceId, Program, Replacement, TestRuns};
use hpol_lang::source::{Location, Profile, Span};
use hpol_lang::value::Value;
use hpol_stdlib::heap::{View, Word};
use regex::Regex;
use serde::Serialize;

use crate::engine::{Engine, EngineKind};
use crate::error::QueryError;
use crate::evaluate;
use crate::explain;
use crate::input::now_nanoseconds;
use crate::snapshot::Snapshot;
use crate::state::{EmptyState, StateSource};

mod expect;
mod property;

pub use property::{Counterexample, PropertyRun};

/// Which tests are run, and how.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// Only tests whose `package.name` matches.
    pub filter: Option<Regex>,
    /// On which evaluators; on the engine's own if empty.
    pub engines: Vec<EngineKind>,
    /// The time that `now` yields, in nanoseconds since 1970. Without it that is the current time for tests, and a time that
    /// is always the same for properties.
    pub now_nanoseconds: Option<i64>,
    /// What the values for properties come from: the same seed gives the same values.
    pub seed: u64,
    /// How many values a property is tried on.
    pub cases: usize,
    /// How often a smaller counterexample is looked for; with 0 the first one is told.
    pub shrink_tries: usize,
    /// Whether the first test that fails ends the run.
    pub fail_fast: bool,
    /// A test that would start later than this is left out.
    pub deadline: Option<Instant>,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self {
            filter: None,
            engines: Vec::new(),
            now_nanoseconds: None,
            seed: 1,
            cases: 200,
            shrink_tries: 10_000,
            fail_fast: false,
            deadline: None,
        }
    }
}

/// How one case of a test came out.
#[derive(Debug, Clone, Serialize)]
pub struct TestResult {
    /// The test's package.
    pub package: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Which case, if it is driven by cases.
    pub case: Option<TestCase>,
    /// Where it stands.
    pub location: Location,
    /// On which evaluator it ran.
    pub engine: EngineKind,
    /// How it came out.
    pub outcome: TestOutcome,
    /// What a property was tried on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<PropertyRun>,
    /// How long it took.
    pub duration: Duration,
}

/// A case of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestCase {
    /// Its number, from 1.
    pub number: usize,
    /// Its value.
    pub value: Value,
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TestOutcome {
    /// Everything holds.
    Passed,
    /// Something does not hold.
    Failed {
        /// What was expected and what came, for people.
        message: String,
        /// The step that does not hold.
        location: Location,
    },
    /// It could not be carried through.
    Error {
        /// What went wrong.
        message: String,
        /// The place, where there is one.
        location: Option<Location>,
    },
}

impl TestOutcome {
    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        matches!(self, Self::Passed)
    }
}

/// Runs the tests of the policies that an engine has loaded, in the order of their places.
///
/// # Errors
///
/// [`QueryError::NotLoaded`].
pub fn run(engine: &Engine, options: &TestOptions) -> Result<Vec<TestResult>, QueryError> {
    let snapshot = engine.snapshot().ok_or(QueryError::NotLoaded)?;
    Ok(run_on(engine, &snapshot, options, &RefCell::default()))
}

/// The evaluators that tests run on.
pub(crate) fn kinds(engine: &Engine, options: &TestOptions) -> Vec<EngineKind> {
    if options.engines.is_empty() { vec![engine.options().kind] } else { options.engines.clone() }
}

/// Runs the tests of a snapshot and adds to `outcomes` how its conditions come out, if it tells that.
pub(crate) fn run_on(
    engine: &Engine,
    snapshot: &Snapshot,
    options: &TestOptions,
    outcomes: &RefCell<Outcomes>,
) -> Vec<TestResult> {
    let now_nanoseconds = options.now_nanoseconds.unwrap_or_else(now_nanoseconds);
    let wanted = |package: &str, name: &str| {
        options.filter.as_ref().is_none_or(|filter| filter.is_match(&format!("{package}.{name}")))
    };
    let mut results = Vec::new();
    for kind in kinds(engine, options) {
        let program = snapshot.program();
        let runner = Runner { engine, snapshot, program, kind, options, now_nanoseconds, outcomes };
        for (number, test) in snapshot.program().tests.iter().enumerate() {
            if wanted(&test.package, &test.name) && !runner.ends(&results) {
                results.extend(runner.test(number, test));
            }
        }
        for (package, name, function) in rego_tests(snapshot.program()) {
            if wanted(package, name) && !runner.ends(&results) {
                results.push(runner.rego(package, name, function));
            }
        }
    }
    results.sort_by(|left, right| left.location.cmp(&right.location));
    results
}

/// Rules of the Rego profile whose name starts with `test_`.
fn rego_tests(program: &Program) -> impl Iterator<Item = (&str, &str, FunctionId)> {
    program.rules.iter().filter_map(|(path, id)| {
        let (package, name) = path.strip_prefix("data.")?.rsplit_once('.')?;
        let function = program.function(*id);
        let is_rego = program.sources.file(function.span.file).profile == Profile::Rego;
        (is_rego && function.parameters == 0 && name.starts_with("test_")).then_some((package, name, *id))
    })
}

struct Runner<'r> {
    engine: &'r Engine,
    snapshot: &'r Snapshot,
    program: &'r Program,
    kind: EngineKind,
    options: &'r TestOptions,
    now_nanoseconds: i64,
    outcomes: &'r RefCell<Outcomes>,
}

/// Why a case stops before its end.
enum Stopped {
    Failed(String, Span),
    Fault(Fault),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Runner<'_> {
    /// Whether no further test is to run.
    fn ends(&self, results: &[TestResult]) -> bool {
        let late = self.options.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        late || self.options.fail_fast && results.iter().any(|result| !result.outcome.passed())
    }

    fn test(&self, number: usize, test: &plan::Test) -> Vec<TestResult> {
        let (variable, cases) = match &test.runs {
            TestRuns::Once => return vec![self.case(number, test, None)],
            TestRuns::Cases(variable, cases) => (*variable, *cases),
            TestRuns::Drawn { .. } => return vec![self.property(number, test)],
        };
        let started = Instant::now();
        match self.evaluated(|machine, context| self.values(cases, test, machine, context)) {
            Ok(values) => {
                let numbered = values.into_iter().enumerate();
                numbered.map(|(at, value)| self.case(number, test, Some((variable, at + 1, value)))).collect()
            }
            Err(stopped) => {
                let result = self.result(&test.package, &test.name, test.span);
                vec![TestResult { outcome: self.outcome(Err(stopped)), duration: started.elapsed(), ..result }]
            }
        }
    }

    /// The elements of the array that a test runs through.
    fn values(
        &self,
        cases: FunctionId,
        test: &plan::Test,
        machine: &dyn Machine,
        context: &mut Context,
    ) -> Result<Vec<Value>, Stopped> {
        let unbound = vec![Word::ABSENT; self.program.function(cases).parameters as usize];
        let array = machine::query(machine, cases, &unbound, context)?.unwrap_or(Word::ABSENT);
        match context.heap().view(array) {
            View::Array(items) if !items.is_empty() => {
                Ok(items.iter().map(|item| context.heap().to_value(*item)).collect())
            }
            View::Array(_) => Err(Stopped::Failed("the test has no cases".to_owned(), test.span)),
            _ => Err(Stopped::Failed("the cases are not an array".to_owned(), test.span)),
        }
    }

    fn case(&self, number: usize, test: &plan::Test, case: Option<(u32, usize, Value)>) -> TestResult {
        let started = Instant::now();
        let bound = case.as_ref().map(|(variable, _, value)| (*variable, value));
        let outcome = match self.steps(test, bound).1 {
            Err(failed @ Stopped::Failed(..)) => Err(self.told_in_order(number, bound).unwrap_or(failed)),
            outcome => outcome,
        };
        let case = case.map(|(_, number, value)| TestCase { number, value });
        let outcome = self.outcome(outcome);
        let result = self.result(&test.package, &test.name, test.span);
        TestResult { case, outcome, duration: started.elapsed(), ..result }
    }

    /// How a test fails by the plan that does everything in the order of the text: it explains best. `None` if that is the
    /// one that is run anyway.
    fn told_in_order(&self, number: usize, bound: Option<(u32, &Value)>) -> Option<Stopped> {
        let snapshot = self.snapshot.in_order_of_text();
        if std::ptr::eq(snapshot, self.snapshot) {
            return None;
        }
        let runner = Runner { snapshot, program: snapshot.program(), kind: EngineKind::Interpreter, ..*self };
        let failed = runner.steps(snapshot.program().tests.get(number)?, bound).1.err()?;
        matches!(failed, Stopped::Failed(..)).then_some(failed)
    }

    /// Runs the steps of a test in order, with the number of the one that was the last.
    fn steps(&self, test: &plan::Test, bound: Option<(u32, &Value)>) -> (usize, Result<(), Stopped>) {
        let mut last = 0;
        let outcome = self.evaluated(|machine, context| {
            let mut locals = vec![Word::ABSENT; test.locals.len()];
            if let Some((variable, value)) = bound {
                let word = context.heap_mut().from_value(value);
                let word = word.map_err(|error| Stopped::Failed(error.to_string(), test.span))?;
                locals[variable as usize] = word;
            }
            test.steps.iter().enumerate().try_for_each(|(number, step)| {
                last = number;
                self.step(step, &mut locals, machine, context)
            })
        });
        (last, outcome)
    }

    fn step(
        &self,
        step: &plan::TestStep,
        locals: &mut [Word],
        machine: &dyn Machine,
        context: &mut Context,
    ) -> Result<(), Stopped> {
        match step {
            plan::TestStep::Condition { function, binds, expectation, span } => {
                let Some(bound) = machine::query(machine, *function, locals, context)? else {
                    let text = self.program.sources.text(*span);
                    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    let what = if *expectation { "expectation" } else { "condition" };
                    return Err(Stopped::Failed(format!("the {what} `{text}` does not hold"), *span));
                };
                let values = context.heap().elements(bound).unwrap_or_default();
                for (variable, value) in binds.iter().zip(values) {
                    locals[*variable as usize] = *value;
                }
                Ok(())
            }
            plan::TestStep::Decision(expectation) => self.decision(expectation, locals, machine, context),
        }
    }

    fn decision(
        &self,
        expectation: &plan::Expectation,
        locals: &[Word],
        machine: &dyn Machine,
        context: &mut Context,
    ) -> Result<(), Stopped> {
        let undefined = |what: &str| Stopped::Failed(format!("{what} is undefined"), expectation.span);
        let mut value = |function: Option<FunctionId>, what: &str| -> Result<Option<Word>, Stopped> {
            let Some(function) = function else { return Ok(None) };
            machine::query(machine, function, locals, context)?.map(Some).ok_or_else(|| undefined(what))
        };
        let id = value(expectation.id, "the id")?;
        let because = value(expectation.because, "the reason")?;
        let masks = value(expectation.masks, "the set of masks")?;
        let mut replacements = Vec::new();
        let mut values = Vec::new();
        for (target, function) in &expectation.with {
            values.push(value(*function, "the value of a `with`")?.unwrap_or(Word::ABSENT));
            replacements.push(Replacement { target: target.clone(), value: None });
        }
        let heap = context.heap();
        let expected = expect::Expected {
            negated: expectation.negated,
            effect: evaluate::effect(expectation.effect),
            id: id.map(|word| heap.to_value(word)),
            because: because.map(|word| heap.to_value(word)),
            masks: masks.map(|word| heap.to_value(word)),
        };
        if context.enter_with(&replacements, &values, PlaceId(u32::MAX)).is_err() {
            return Err(Stopped::Fault(context.take_fault()));
        }
        let evaluation = self.snapshot.evaluation(machine);
        let package = expectation.package as usize;
        let findings = evaluation.decide_package(package, context, &mut |_, _| {});
        let decision = crate::combine::combine(findings, self.snapshot.name());
        let checked = expected.check(&decision).map_err(|message| {
            self.take_outcomes(context);
            let explanation = explain::explain_package(self.snapshot, package, context);
            // What is decided again to be explained does not count twice.
            context.take_outcomes();
            Stopped::Failed(format!("{message}{}", expected.why(&explanation)), expectation.span)
        });
        context.leave_with();
        checked
    }

    fn rego(&self, package: &str, name: &str, function: FunctionId) -> TestResult {
        let started = Instant::now();
        let span = self.program.function(function).span;
        let outcome = self.evaluated(|machine, context| match machine::query(machine, function, &[], context)? {
            Some(Word::TRUE) => Ok(()),
            Some(other) => {
                let value = context.heap().to_value(other);
                Err(Stopped::Failed(format!("`{name}` is `{value}` and not `true`"), span))
            }
            None => Err(Stopped::Failed(format!("`{name}` is undefined"), span)),
        });
        let outcome = self.outcome(outcome);
        let result = self.result(&package.into(), &name.into(), span);
        TestResult { outcome, duration: started.elapsed(), ..result }
    }

    /// Runs an evaluation of its own.
    fn evaluated<T>(&self, work: impl FnOnce(&dyn Machine, &mut Context) -> Result<T, Stopped>) -> Result<T, Stopped> {
        let result = self.snapshot.with_machine(self.kind, |machine, context| {
            // Nothing happened before a test, unless it says so by `with`.
            let state = Some(Arc::new(EmptyState) as Arc<dyn StateSource>);
            evaluate::begin(context, &self.engine.options().limits, self.now_nanoseconds, state);
            let result = work(machine, context);
            self.take_outcomes(context);
            result
        });
        result.unwrap_or_else(|| Err(Stopped::Fault(evaluate::defect())))
    }

    fn take_outcomes(&self, context: &mut Context) {
        self.outcomes.borrow_mut().add(&context.take_outcomes());
    }

    fn outcome(&self, outcome: Result<(), Stopped>) -> TestOutcome {
        let place = |span: Span| self.program.sources.location(span);
        match outcome {
            Ok(()) => TestOutcome::Passed,
            Err(Stopped::Failed(message, span)) => TestOutcome::Failed { message, location: place(span) },
            Err(Stopped::Fault(fault)) => TestOutcome::Error {
                message: format!("{}: {}", fault.code, fault.message),
                location: fault.span.map(place),
            },
        }
    }

    fn result(&self, package: &Arc<str>, name: &Arc<str>, span: Span) -> TestResult {
        TestResult {
            package: package.clone(),
            name: name.clone(),
            case: None,
            location: self.program.sources.location(span),
            engine: self.kind,
            outcome: TestOutcome::Passed,
            property: None,
            duration: Duration::ZERO,
        }
    }
}
