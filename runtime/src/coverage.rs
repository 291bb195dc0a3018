//! How much of a policy its tests reach: each condition as it is written, and how it came out.
//!
//! The tests run on a plan that tells the outcome of every condition, in the order of the text. A condition is covered if it
//! was both met and not met; one that only gives a variable its value if it was met; a rule without conditions if it was
//! reached. A condition that is false and one that needs something absent are both not met; an error is neither. Tests are
//! not measured: `test` and `property`, rules of the Rego profile that start with `test_`, and packages and files whose
//! names end with `_test`.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::sync::Arc;

use hpol_compiler::context::{OutcomeCounts, Outcomes};
use hpol_compiler::plan::{ConditionForm, ConditionId, Program, WrittenCondition};
use hpol_lang::source::{FileId, Location, SourceFile, Span};
use serde::Serialize;

use crate::engine::{Engine, EngineKind};
use crate::error::QueryError;
use crate::test::{self, TestOptions, TestResult};

mod html;
mod lcov;
mod text;

/// How much of a policy its tests reach. Its text, by [`std::fmt::Display`], is for people.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// Over all files.
    #[serde(flatten)]
    pub total: Share,
    /// The files that have conditions or rules, in the order of their paths.
    pub files: Vec<FileCoverage>,
}

/// How many conditions are covered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// In percent; 100 where there is nothing to cover.
    pub percent: f64,
    /// Conditions that are covered.
    pub covered: usize,
    /// Conditions.
    pub conditions: usize,
}

/// One file.
#[derive(Debug, Clone, Serialize)]
pub struct FileCoverage {
    /// Path relative to the policy root.
    pub path: Arc<str>,
    /// Over the file.
    #[serde(flatten)]
    pub share: Share,
    /// Its conditions, in the order of the text.
    #[serde(rename = "items")]
    pub conditions: Vec<ConditionCoverage>,
    /// All of its text.
    #[serde(skip)]
    text: Arc<str>,
}

/// One condition.
#[derive(Debug, Clone, Serialize)]
pub struct ConditionCoverage {
    /// Where it starts.
    pub location: Location,
    /// As written, on one line.
    pub text: String,
    /// What it can do.
    pub kind: ConditionKind,
    /// How often it was evaluated.
    pub reached: u64,
    /// How often it was met; one that iterates may be so several times each time it is reached.
    pub met: u64,
    /// How often it was false, or needed something absent.
    pub not_met: u64,
    /// What was never seen of what should be; nothing if it is covered.
    pub missing: Option<Missing>,
    #[serde(skip)]
    span: Span,
}

/// What a condition can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// Be met or not.
    Test,
    /// Give a variable its value.
    Binding,
    /// It is no condition, but a rule that has none.
    Rule,
}

/// What was never seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It was never evaluated.
    NeverReached,
    /// It was evaluated and never met.
    NeverMet,
    /// It was met each time.
    NeverNotMet,
    /// Each time it was evaluated it ended in an error.
    NeverDecided,
}

impl Missing {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NeverReached => "never reached",
            Self::NeverMet => "never met",
            Self::NeverNotMet => "never not met",
            Self::NeverDecided => "never met and never not met",
        }
    }
}

/// Runs the tests of the policies that an engine has loaded, as [`test::run`] does, and measures what they reach.
///
/// # Errors
///
/// [`QueryError::NotLoaded`]; [`QueryError::NotCompiled`] if a rule is too large or too deeply nested for being measured.
pub fn run(engine: &Engine, options: &TestOptions) -> Result<(Vec<TestResult>, Coverage), QueryError> {
    let snapshot = engine.snapshot().ok_or(QueryError::NotLoaded)?;
    // What has machine code can be interpreted too.
    let with_code = test::kinds(engine, options).contains(&EngineKind::Jit);
    let kind = if with_code { EngineKind::Jit } else { EngineKind::Interpreter };
    let telling = snapshot.telling_outcomes(kind);
    let telling = telling.map_err(|refused| QueryError::NotCompiled { message: refused.message })?;
    let outcomes = RefCell::default();
    let results = test::run_on(engine, &telling, options, &outcomes);
    Ok((results, Coverage::new(telling.program(), &outcomes.into_inner())))
}

impl Coverage {
    fn new(program: &Program, outcomes: &Outcomes) -> Self {
        let mut written: Vec<(ConditionId, WrittenCondition)> =
            (0..).map(ConditionId).zip(program.conditions.iter().copied()).collect();
        // What stands around others comes first.
        written.sort_by_key(|(_, WrittenCondition { span, form })| (span.file, span.start, Reverse(span.end), *form));
        // A rule such as `p[x] contains y` has become two, of which one has a condition in the place of the rule.
        written.dedup_by_key(|(_, condition)| condition.span);
        let of_file = |(id, file): (FileId, &SourceFile)| {
            let own = written.iter().filter(|(_, condition)| condition.span.file == id);
            let conditions: Vec<_> =
                own.map(|(at, condition)| ConditionCoverage::new(program, *condition, outcomes.of(*at))).collect();
            let share = Share::of(&conditions);
            FileCoverage { path: file.path.clone(), share, conditions, text: file.text.clone() }
        };
        let mut files: Vec<FileCoverage> = program.sources.files().map(of_file).collect();
        files.retain(|file| !file.conditions.is_empty());
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Self { total: Share::of(files.iter().flat_map(|file| &file.conditions)), files }
    }

    /// Whether at least so many percent of the conditions are covered.
    pub fn reaches(&self, percent: f64) -> bool {
        self.total.percent >= percent
    }

    /// As a tracefile of LCOV: a branch for each outcome of a condition, and the lines on which conditions start.
    pub fn lcov(&self) -> String {
        lcov::render(self)
    }

    /// As a page that shows the text of each file with its conditions marked.
    pub fn html(&self) -> String {
        html::render(self)
    }
}

impl Share {
    fn of<'c>(conditions: impl IntoIterator<Item = &'c ConditionCoverage>) -> Self {
        let (mut covered, mut all) = (0_usize, 0_usize);
        for condition in conditions {
            all += 1;
            covered += usize::from(condition.missing.is_none());
        }
        // Counts of a policy are far below what the number can't hold exactly.
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let percent = if all == 0 { 100.0 } else { 100.0 * number(covered) / number(all) };
        Self { percent, covered, conditions: all }
    }
}

impl ConditionCoverage {
    fn new(program: &Program, condition: WrittenCondition, counts: OutcomeCounts) -> Self {
        let WrittenCondition { span, form } = condition;
        let text = program.sources.text(span);
        let text = match form {
            // The text of a rule goes on over its value; its first line names it.
            ConditionForm::Unconditional => text.lines().next().unwrap_or("").trim().to_owned(),
            ConditionForm::Test | ConditionForm::Binding => text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        let kind = match form {
            ConditionForm::Test => ConditionKind::Test,
            ConditionForm::Binding => ConditionKind::Binding,
            ConditionForm::Unconditional => ConditionKind::Rule,
        };
        let OutcomeCounts { reached, met, not_met } = counts;
        let missing = missing(kind, counts);
        Self { location: program.sources.location(span), text, kind, reached, met, not_met, missing, span }
    }
}

fn missing(kind: ConditionKind, counts: OutcomeCounts) -> Option<Missing> {
    match (counts.reached > 0, counts.met > 0, counts.not_met > 0) {
        (false, ..) => Some(Missing::NeverReached),
        (true, true, false) if kind == ConditionKind::Test => Some(Missing::NeverNotMet),
        (true, true, _) => None,
        (true, false, false) if kind == ConditionKind::Test => Some(Missing::NeverDecided),
        (true, false, _) => Some(Missing::NeverMet),
    }
}
