//! Why a decision came out as it did, and why a rule did not.
//!
//! The request is decided again by the reference evaluator, which notes what each rule reads and which condition it
//! fails at. Nothing of this is done for a decision itself.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use hpol_compiler::context::Context;
use hpol_compiler::machine::{Outcome, Verdict};
use hpol_compiler::plan::{DecisionId, FunctionId, Origin, Program};
use hpol_lang::source::{Location, Span};
use hpol_lang::value::Value;
use serde::Serialize;

use crate::combine::{Findings, combine};
use crate::decision::{AbsentPath, Decision, Effect, EvaluationError, Witness};
use crate::evaluate::{Evaluation, Watch, effect, evaluation_error};
use crate::input::Input;
use crate::interpret::Interpreter;
use crate::snapshot::Snapshot;

mod text;
pub(crate) mod trace;

use trace::{Steps, Trace};

/// Rules within rules that are explained.
const DEPTH_MAX: usize = 8;
/// Failing places that are told of one rule.
const FAILURES_MAX: usize = 3;

/// A decision and how each rule that took part came out. Its text, by [`fmt::Display`], is for people.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Every decision rule of the packages that took part, in the order of package, effect and id.
    pub rules: Vec<RuleExplanation>,
}

/// How one decision rule came out, and why.
#[derive(Debug, Clone, Serialize)]
pub struct RuleExplanation {
    /// Which of the four decision rules it is.
    pub effect: Effect,
    /// Its id.
    pub id: Arc<str>,
    /// Its package.
    pub package: Arc<str>,
    /// Where it stands.
    pub location: Location,
    /// How it came out.
    pub outcome: ExplainedOutcome,
    /// The condition that it got no further than, where it was not met.
    pub failed: Option<FailedCondition>,
    /// The value of `because`.
    pub reason: Option<String>,
    /// Which elements matched.
    pub witnesses: Vec<Witness>,
    /// What was absent where it looked.
    pub absent: Vec<AbsentPath>,
    /// Its errors.
    pub errors: Vec<EvaluationError>,
}

/// How a rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplainedOutcome {
    /// Its conditions hold.
    Matched,
    /// A condition does not hold.
    NotMatched,
    /// It counts, because it protects and a value it looks at is absent.
    Absent,
    /// It counts, because it protects and its evaluation failed.
    Error,
    /// Its `unless` holds.
    Exempt,
}

/// A condition that was not met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedCondition {
    /// Where it stands.
    pub location: Location,
    /// As written.
    pub text: String,
    /// How often it was tried and not met, in a rule that iterates.
    pub times: u32,
    /// What it looked at, as it was the last time.
    pub values: Vec<ObservedValue>,
    /// Rules it asked that gave no value or `false`, and where these failed.
    pub rules: Vec<FailedRule>,
}

/// A rule that was asked for by a condition that was not met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedRule {
    /// Its path.
    pub path: Arc<str>,
    /// What it gave.
    pub value: Observed,
    /// Conditions in it that were not met.
    pub failed: Vec<FailedCondition>,
}

/// A value by the path that was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservedValue {
    /// The path as written.
    pub path: Arc<str>,
    /// What was there.
    pub value: Observed,
}

/// What was there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// Nothing.
    Absent,
    /// This value.
    Value(Value),
    /// A value that is too large to repeat.
    Large {
        /// How many parts it has.
        parts: u32,
    },
}

/// Decides on a request with the reference evaluator and explains the result.
pub(crate) fn explain(snapshot: &Snapshot, input: &Input, context: &mut Context) -> Explanation {
    explained(snapshot, |evaluation, watch| evaluation.decide(input.kind(), input.value(), context, watch))
}

/// As [`explain`], for one package and the input that stands in the context.
pub(crate) fn explain_package(snapshot: &Snapshot, package: usize, context: &mut Context) -> Explanation {
    explained(snapshot, |evaluation, watch| evaluation.decide_package(package, context, watch))
}

fn explained(snapshot: &Snapshot, decide: impl FnOnce(&Evaluation<'_>, Watch<'_>) -> Findings) -> Explanation {
    let program = snapshot.program();
    let trace = Rc::new(RefCell::new(Trace::default()));
    let interpreter = Interpreter::traced(Rc::clone(&trace));
    let evaluation = snapshot.evaluation(&interpreter);
    let mut seen: Vec<(DecisionId, Verdict)> = Vec::new();
    let findings = decide(&evaluation, &mut |id, verdict| seen.push((id, verdict.clone())));
    let trace = trace.borrow();
    let explainer = Explainer { snapshot, program, trace: &trace };
    let rules = seen.into_iter().map(|(id, verdict)| explainer.rule(id, verdict, &evaluation)).collect();
    Explanation { decision: combine(findings, snapshot.name()), rules }
}

struct Explainer<'e> {
    snapshot: &'e Snapshot,
    program: &'e Program,
    trace: &'e Trace,
}

impl Explainer<'_> {
    fn rule(&self, id: DecisionId, verdict: Verdict, evaluation: &Evaluation<'_>) -> RuleExplanation {
        let rule = &self.program.decisions[id.index()];
        let outcome = match verdict.outcome {
            Outcome::NotMatched => ExplainedOutcome::NotMatched,
            Outcome::Matched => ExplainedOutcome::Matched,
            Outcome::Absent => ExplainedOutcome::Absent,
            Outcome::Error => ExplainedOutcome::Error,
            Outcome::Exempt => ExplainedOutcome::Exempt,
        };
        let failed = match outcome {
            ExplainedOutcome::NotMatched | ExplainedOutcome::Absent => self.failed_condition(id, rule.body),
            ExplainedOutcome::Matched | ExplainedOutcome::Error | ExplainedOutcome::Exempt => None,
        };
        RuleExplanation {
            effect: effect(rule.effect),
            id: rule.id.clone(),
            package: self.program.packages[rule.package as usize].path.clone(),
            location: self.program.sources.location(rule.span),
            outcome,
            failed,
            reason: verdict.reason,
            witnesses: verdict.witnesses.into_iter().map(|(name, value)| Witness { name, value }).collect(),
            absent: verdict.absent.iter().map(|site| evaluation.absent_path(site)).collect(),
            errors: verdict.faults.into_iter().map(|fault| evaluation_error(fault, self.program)).collect(),
        }
    }

    /// The last condition, in the order of evaluation, that was reached and not met: all before it were met at least once.
    fn failed_condition(&self, id: DecisionId, body: FunctionId) -> Option<FailedCondition> {
        let steps = self.trace.of(body)?;
        let conditions = self.snapshot.conditions(id);
        let within = |span: &Span| conditions.iter().rposition(|condition| covers(*condition, *span));
        // Without a failure some collection was empty: what was read last says which.
        let failed = steps.failures.keys().filter_map(within).max();
        let last = failed.or_else(|| steps.reads.keys().filter_map(|(span, _)| within(span)).max())?;
        let condition = conditions[last];
        let failures = steps.failures.iter().filter(|(span, _)| covers(condition, **span));
        let times = failures.map(|(_, times)| *times).max().unwrap_or(1);
        Some(self.condition(condition, times, steps, 0))
    }

    fn condition(&self, span: Span, times: u32, steps: &Steps, depth: usize) -> FailedCondition {
        let mut values: Vec<ObservedValue> = Vec::new();
        for ((at, path), value) in &steps.reads {
            if covers(span, *at) && !values.iter().any(|known| known.path == *path) {
                values.push(ObservedValue { path: path.clone(), value: value.clone() });
            }
        }
        // `input.a` says nothing beside `input.a.b`.
        let longer =
            |path: &str, other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        let paths: Vec<Arc<str>> = values.iter().map(|value| value.path.clone()).collect();
        values.retain(|value| !paths.iter().any(|other| longer(&value.path, other)));
        let calls = steps.calls.iter().filter(|(at, _)| covers(span, **at) && depth < DEPTH_MAX);
        FailedCondition {
            location: self.program.sources.location(span),
            text: self.program.sources.text(span).to_owned(),
            times,
            values,
            rules: calls.filter_map(|(_, (called, value))| self.asked(*called, value, depth + 1)).collect(),
        }
    }

    /// A rule that gave nothing, or `false`.
    fn asked(&self, function: FunctionId, value: &Observed, depth: usize) -> Option<FailedRule> {
        let called = self.program.function(function);
        let denied = matches!(value, Observed::Absent | Observed::Value(Value::Bool(false)));
        if !denied || !matches!(called.origin, Origin::Rule(_)) {
            return None;
        }
        let failed = match self.trace.of(function) {
            None => Vec::new(),
            Some(steps) => {
                let places = steps.failures.iter().take(FAILURES_MAX);
                places.map(|(span, times)| self.condition(*span, *times, steps, depth)).collect()
            }
        };
        Some(FailedRule { path: called.name.clone(), value: value.clone(), failed })
    }
}

/// Whether `outer` covers `inner`.
fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// How the rule came out and why, in a few lines that each end with a line break.
impl fmt::Display for RuleExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::rule(self, f)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}
