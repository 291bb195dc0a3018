//! Properties: tests that are tried on values that are made up.

use std::time::Instant;

use hpol_compiler::plan::{self, TestRuns};
use hpol_lang::format::format;
use hpol_lang::parse::{ParseLimits, parse};
use hpol_lang::source::{SourceMap, Span};
use hpol_lang::types::{Type, validate};
use hpol_lang::value::Value;
use serde::Serialize;

use super::{Runner, Stopped, TestOutcome, TestResult};
use crate::draw::{Choices, Constants, draw, shrink};

/// How many values are drawn for each that must meet the assumptions.
const DRAWS_PER_CASE: usize = 100;
/// Values that came far with the assumptions, from which others are made.
const PARENTS_MAX: usize = 8;
/// The time that `now` yields, so that a property comes out the same every day: 2025-01-01T00:00:00Z.
const NOW_NANOSECONDS: i64 = 1_735_689_600_000_000_000;

/// A value that is not longer than this is told on one line.
const LINE_MAX: usize = 100;

/// What a property was tried on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PropertyRun {
    /// What the values came from.
    pub seed: u64,
    /// How many values were drawn.
    pub drawn: usize,
    /// How many of them met the assumptions.
    pub met: usize,
    /// The smallest value that was found for which it does not hold.
    pub counterexample: Option<Counterexample>,
}

/// A value for which a property does not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterexample {
    /// The value, as a document would hold it.
    pub value: Value,
    /// How often a smaller one was found after the first.
    pub shrunk: usize,
    /// A test that fails for it, ready to be put beside the property.
    pub test: String,
}

/// How a property came out for one value.
enum Trial {
    Holds,
    /// The step whose assumption is not met.
    Unmet(usize),
    Fails(Stopped),
}

/// A property that is being tried.
struct Property<'p> {
    runner: Runner<'p>,
    test: &'p plan::Test,
    variable: u32,
    ty: &'p Type,
    assumptions: usize,
    constants: Constants,
}

/// What the search came to.
struct Search {
    drawn: usize,
    met: usize,
    /// How often each assumption was the first that was not met.
    unmet: Vec<usize>,
    failing: Option<Vec<u64>>,
}

impl<'r> Runner<'r> {
    pub(super) fn property(&self, number: usize, test: &'r plan::Test) -> TestResult {
        let started = Instant::now();
        let result = self.result(&test.package, &test.name, test.span);
        let TestRuns::Drawn { variable, ty, assumptions, conditions } = &test.runs else { return result };
        let now_nanoseconds = self.options.now_nanoseconds.unwrap_or(NOW_NANOSECONDS);
        let runner = Runner { now_nanoseconds, ..*self };
        let constants = self.snapshot.constants(number);
        let property = Property { runner, test, variable: *variable, ty, assumptions: *assumptions, constants };
        let search = property.search();
        let mut run =
            PropertyRun { seed: self.options.seed, drawn: search.drawn, met: search.met, counterexample: None };
        let outcome = match &search.failing {
            None if search.met < self.options.cases => self.outcome(Err(property.too_few(&search))),
            None => TestOutcome::Passed,
            Some(choices) => {
                let (choices, shrunk) = property.shrink(choices);
                let value = property.value(&mut Choices::replay(&choices));
                let outcome = match property.trial(&value) {
                    Trial::Fails(stopped) => self.outcome(Err(stopped)),
                    // What was found does not come again: the evaluation took longer than it may, and now it did not.
                    Trial::Holds | Trial::Unmet(_) => {
                        self.outcome(Err(Stopped::Failed("the property fails only sometimes".to_owned(), test.span)))
                    }
                };
                let test = self.as_test(test, *variable, conditions, &value);
                let counterexample = Counterexample { value, shrunk, test };
                let outcome = told(outcome, &test_variable(property.test, *variable), &counterexample, &run);
                run.counterexample = Some(counterexample);
                outcome
            }
        };
        TestResult { outcome, property: Some(run), duration: started.elapsed(), ..result }
    }

    /// The property for one value, as a test.
    fn as_test(&self, test: &plan::Test, variable: u32, conditions: &[Span], value: &Value) -> String {
        let name = Value::from(format!("{}: counterexample", test.name)).to_json();
        let mut text =
            format!("package p\n\ntest {name} {{\n{} := {}\n", test_variable(test, variable), value.to_json());
        // Assumptions are met, and are left out where the expectation does not need what they bind: the checker knows the
        // value here, and could find that they always hold.
        let (expectation, assumptions) = conditions
            .split_last()
            .map_or(("", conditions), |(last, assumptions)| (self.program.sources.text(*last), assumptions));
        let bound = test.steps.iter().flat_map(|step| match step {
            plan::TestStep::Condition { binds, expectation: false, .. } => binds.as_slice(),
            plan::TestStep::Condition { .. } | plan::TestStep::Decision(_) => &[],
        });
        let mut bound = bound.filter_map(|local| test.locals.get(*local as usize));
        if bound.any(|name| uses(expectation, name)) {
            for span in assumptions {
                text.push_str(self.program.sources.text(*span));
                text.push('\n');
            }
        }
        text.push_str(expectation);
        text.push('\n');
        text.push_str("}\n");
        let mut sources = SourceMap::new();
        let file = sources.add("counterexample.hpol", text.as_str());
        let (module, _) = parse(&sources, file, &ParseLimits::default());
        let laid_out = module.map(|module| format(&sources, &module)).unwrap_or(text);
        laid_out.split_once("\n\n").map_or_else(|| laid_out.clone(), |(_, test)| test.to_owned())
    }
}

/// Whether a name stands in a text as a word of its own.
fn uses(text: &str, name: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name)
}

fn test_variable(test: &plan::Test, variable: u32) -> String {
    test.locals.get(variable as usize).map_or_else(String::new, ToString::to_string)
}

/// A failure with what it failed for.
fn told(outcome: TestOutcome, variable: &str, counterexample: &Counterexample, run: &PropertyRun) -> TestOutcome {
    let line = counterexample.value.to_json();
    let json = if line.chars().count() <= LINE_MAX {
        line
    } else {
        serde_json::to_string_pretty(&counterexample.value).unwrap_or(line)
    };
    let tail = format!(
        "\nfor {variable} = {json}\n(value {} of seed {}, made smaller {} times; as a test:)\n{}",
        run.drawn,
        run.seed,
        counterexample.shrunk,
        counterexample.test.trim_end()
    );
    match outcome {
        TestOutcome::Passed => TestOutcome::Passed,
        TestOutcome::Failed { message, location } => TestOutcome::Failed { message: message + &tail, location },
        TestOutcome::Error { message, location } => TestOutcome::Error { message: message + &tail, location },
    }
}

impl Property<'_> {
    fn value(&self, choices: &mut Choices) -> Value {
        draw(self.ty, &self.constants, self.runner.now_nanoseconds, choices)
    }

    fn trial(&self, value: &Value) -> Trial {
        // As a policy sees it: a time is a number there.
        let Ok(seen) = validate(value, self.ty) else { return Trial::Unmet(0) };
        match self.runner.steps(self.test, Some((self.variable, &seen))) {
            (_, Ok(())) => Trial::Holds,
            (last, Err(Stopped::Failed(..))) if last < self.assumptions => Trial::Unmet(last),
            (_, Err(stopped)) => Trial::Fails(stopped),
        }
    }

    /// Draws until enough values met the assumptions or one fails.
    fn search(&self) -> Search {
        let options = self.runner.options;
        let mut search = Search { drawn: 0, met: 0, unmet: vec![0; self.assumptions.max(1)], failing: None };
        // Choices whose value came furthest: a change of them has better prospects than a new value.
        let mut parents: (usize, Vec<Vec<u64>>) = (0, Vec::new());
        let seed = options.seed ^ hash(&format!("{}.{}", self.test.package, self.test.name));
        let late = || options.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        while search.met < options.cases && search.drawn < options.cases.saturating_mul(DRAWS_PER_CASE) && !late() {
            let own = seed.wrapping_add((search.drawn as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
            let scarce = search.drawn > 20 && search.met * 4 < search.drawn;
            let mut choices = match parents.1.get(search.drawn / 2 % parents.1.len().max(1)) {
                Some(parent) if scarce && search.drawn.is_multiple_of(2) => Choices::varied(parent, own),
                _ => Choices::random(own),
            };
            let value = self.value(&mut choices);
            search.drawn += 1;
            let reached = match self.trial(&value) {
                Trial::Holds => {
                    search.met += 1;
                    self.assumptions
                }
                Trial::Unmet(step) => {
                    search.unmet[step] += 1;
                    step
                }
                Trial::Fails(_) => {
                    search.met += 1;
                    search.failing = Some(choices.taken().to_vec());
                    return search;
                }
            };
            if reached > parents.0 {
                parents = (reached, Vec::new());
            }
            if reached == parents.0 && reached > 0 {
                if parents.1.len() >= PARENTS_MAX {
                    parents.1.remove(0);
                }
                parents.1.push(choices.taken().to_vec());
            }
        }
        search
    }

    fn shrink(&self, choices: &[u64]) -> (Vec<u64>, usize) {
        shrink(choices, self.runner.options.shrink_tries, |candidate| {
            let mut choices = Choices::replay(candidate);
            let value = self.value(&mut choices);
            matches!(self.trial(&value), Trial::Fails(_)).then(|| choices.taken().to_vec())
        })
    }

    fn too_few(&self, search: &Search) -> Stopped {
        let worst = search.unmet.iter().enumerate().max_by_key(|(step, times)| (**times, usize::MAX - step));
        let (step, times) = worst.map_or((0, 0), |(step, times)| (step, *times));
        let span = match self.test.steps.get(step) {
            Some(plan::TestStep::Condition { span, .. }) if step < self.assumptions => *span,
            _ => self.test.span,
        };
        let text = self.runner.program.sources.text(span);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = format!(
            "of {} values only {} met the assumptions, and {} are wanted\n`{text}` was not met by {times}: assume less, \
             or draw from a narrower type",
            search.drawn, search.met, self.runner.options.cases
        );
        Stopped::Failed(message, span)
    }
}

/// FNV-1a: properties of one seed are drawn apart.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
