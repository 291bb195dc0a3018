//! Why a decision came out as it did, and why a rule did not.
//!
//! The request is decided again by the reference evaluator, which notes what each rule reads and which condition it
//! fails at. Nothing of this is done for a decision itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use hpol_compiler::context::Context;
use hpol_compiler::machine::{Outcome, Verdict};
use hpol_compiler::plan::{DecisionId, FunctionId, Origin, Program};
use hpol_lang::source::{Location, Span};
use hpol_lang::value::Value;
use serde::Serialize;

use crate::build::Definition;
use crate::combine::{Findings, combine};
use crate::decision::{AbsentPath, Decision, Effect, EvaluationError, Witness};
use crate::evaluate::{Evaluation, Watch, effect, evaluation_error};
use crate::input::Input;
use crate::interpret::Interpreter;
use crate::query::Asked;
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
    /// Where nothing allowed: the allow that got furthest, as an index into `rules`.
    pub nearest: Option<usize>,
    /// Every decision rule of the packages that took part, in the order of package, effect and id.
    pub rules: Vec<RuleExplanation>,
}

/// Why a rule that is not a decision rule has its value, or none. Its text, by [`fmt::Display`], is for people.
#[derive(Debug, Clone, Serialize)]
pub struct QueryExplanation {
    /// What was asked for.
    pub path: Arc<str>,
    /// Its value; `None` where it is undefined.
    pub value: Option<Value>,
    /// The error that ended the evaluation.
    pub error: Option<EvaluationError>,
    /// The definitions of the rule, in the order of the text; none for a package or document.
    pub definitions: Vec<DefinitionExplanation>,
    /// Revision of the policy.
    pub revision: Arc<str>,
}

/// How one definition of a rule came out.
#[derive(Debug, Clone, Serialize)]
pub struct DefinitionExplanation {
    /// Where it stands.
    pub location: Location,
    /// How it came out.
    pub outcome: DefinitionOutcome,
    /// How many of its conditions were met, at least once each, one after the other.
    pub met: usize,
    /// How many conditions it has.
    pub conditions: usize,
    /// The condition that it got no further than.
    pub failed: Option<FailedCondition>,
}

/// How a definition came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionOutcome {
    /// It gives a value.
    Holds,
    /// A condition is not met.
    NotMet,
    /// It was not tried: another one had decided.
    NotTried,
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
    /// Its `@id`, `@owner` and `@severity`, as far as it has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Arc<str>, Value>,
    /// How it came out.
    pub outcome: ExplainedOutcome,
    /// How many of its conditions were met, at least once each, one after the other.
    pub met: usize,
    /// How many conditions it has.
    pub conditions: usize,
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
    /// What it compares, if it is a comparison, as it was the last time.
    pub operands: Option<Operands>,
    /// What it looked at, as it was the last time.
    pub values: Vec<ObservedValue>,
    /// Rules it asked that gave no value, `false` or an empty set, and where these failed.
    pub rules: Vec<FailedRule>,
}

/// Two values that are compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operands {
    /// How, as written: `==`, `<`, `in` and the like.
    pub operator: &'static str,
    /// The left one.
    pub left: Observed,
    /// The right one.
    pub right: Observed,
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

/// What a decision knew of earlier requests and what it leaves behind, a line for each.
pub fn state_notes(decision: &Decision) -> Vec<String> {
    text::state_notes(decision)
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
    let rules: Vec<_> = seen.into_iter().map(|(id, verdict)| explainer.rule(id, verdict, &evaluation)).collect();
    let decision = combine(findings, snapshot.name());
    let nearest = nearest(&decision, &rules);
    Explanation { decision, nearest, rules }
}

/// The allow of whose conditions most are met, where a request is refused because nothing allows it.
fn nearest(decision: &Decision, rules: &[RuleExplanation]) -> Option<usize> {
    let denied = decision.effect == Effect::Deny && !decision.rules.iter().any(|rule| rule.effect == Effect::Deny);
    let near = |rule: &RuleExplanation| {
        // Thousandths of the conditions; among equals the one that lacks least, then the first.
        let share = rule.met.saturating_mul(1_000) / rule.conditions.max(1);
        (share, std::cmp::Reverse(rule.conditions - rule.met))
    };
    let allows = rules.iter().enumerate().rev().filter(|(_, rule)| {
        rule.effect == Effect::Allow && rule.outcome == ExplainedOutcome::NotMatched && rule.failed.is_some()
    });
    allows.max_by_key(|(_, rule)| near(rule)).filter(|_| denied).map(|(index, _)| index)
}

/// Asks for a rule with the reference evaluator and explains what it gives; the input stands in the context.
pub(crate) fn explain_query(
    snapshot: &Snapshot,
    path: &str,
    asked: &Asked<'_>,
    context: &mut Context,
) -> QueryExplanation {
    let program = snapshot.program();
    let trace = Rc::new(RefCell::new(Trace::default()));
    let interpreter = Interpreter::traced(Rc::clone(&trace));
    let (value, error) = match asked.evaluate(&interpreter, context) {
        Ok(value) => (value, None),
        Err(fault) => (None, Some(evaluation_error(fault, program))),
    };
    let trace = trace.borrow();
    let explainer = Explainer { snapshot, program, trace: &trace };
    QueryExplanation {
        path: path.into(),
        value,
        error,
        definitions: asked.rule().map(|rule| explainer.definitions(rule)).unwrap_or_default(),
        revision: snapshot.name().revision.clone(),
    }
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
        let conditions = self.snapshot.conditions(id);
        let (met, failed) = match outcome {
            ExplainedOutcome::NotMatched | ExplainedOutcome::Absent => self.failed_condition(conditions, rule.body),
            ExplainedOutcome::Matched | ExplainedOutcome::Exempt => (conditions.len(), None),
            ExplainedOutcome::Error => (0, None),
        };
        RuleExplanation {
            met,
            conditions: conditions.len(),
            effect: effect(rule.effect),
            id: rule.id.clone(),
            package: self.program.packages[rule.package as usize].path.clone(),
            location: self.program.sources.location(rule.span),
            annotations: rule.annotations.iter().cloned().collect(),
            outcome,
            failed,
            reason: verdict.reason,
            witnesses: verdict.witnesses.into_iter().map(|(name, value)| Witness { name, value }).collect(),
            absent: verdict.absent.iter().map(|site| evaluation.absent_path(site)).collect(),
            errors: verdict.faults.into_iter().map(|fault| evaluation_error(fault, self.program)).collect(),
        }
    }

    fn definitions(&self, rule: FunctionId) -> Vec<DefinitionExplanation> {
        let name = &self.program.function(rule).name;
        let steps = self.trace.of(rule);
        let explained = |definition: &Definition| {
            let holds = steps.is_some_and(|steps| definition.yields.iter().any(|place| steps.yields.contains(place)));
            let conditions = definition.conditions.len();
            let (met, mut failed) =
                if holds { (conditions, None) } else { self.failed_condition(&definition.conditions, rule) };
            if let (false, None, Some(steps)) = (holds, &failed, steps) {
                failed = self.failed_value(definition, steps);
            }
            let outcome = match (holds, &failed) {
                (true, _) => DefinitionOutcome::Holds,
                (false, Some(_)) => DefinitionOutcome::NotMet,
                (false, None) => DefinitionOutcome::NotTried,
            };
            let location = self.program.sources.location(definition.span);
            DefinitionExplanation { location, outcome, met, conditions, failed }
        };
        let mut definitions: Vec<_> = self.snapshot.definitions(name).iter().map(explained).collect();
        definitions.sort_by(|a, b| a.location.cmp(&b.location));
        definitions
    }

    /// What a definition yields, where its conditions are met and it yields nothing nevertheless.
    fn failed_value(&self, definition: &Definition, steps: &Steps) -> Option<FailedCondition> {
        let value = *definition.yields.first()?;
        let times = steps.failures.iter().find(|(span, _)| covers(value, **span)).map(|(_, times)| *times)?;
        Some(self.condition(value, times, steps, 0))
    }

    /// The last condition, in the order of evaluation, that was reached and not met, and how many come before it: each of
    /// these was met at least once.
    fn failed_condition(&self, conditions: &[Span], body: FunctionId) -> (usize, Option<FailedCondition>) {
        let Some(steps) = self.trace.of(body) else { return (0, None) };
        let within = |span: &Span| conditions.iter().rposition(|condition| covers(*condition, *span));
        // Without a failure some collection was empty: what was read last says which.
        let failed = steps.failures.keys().filter_map(within).max();
        let last = failed.or_else(|| steps.reads.keys().filter_map(|(span, _)| within(span)).max());
        let Some((last, condition)) = last.and_then(|last| Some((last, *conditions.get(last)?))) else {
            return (0, None);
        };
        let failures = steps.failures.iter().filter(|(span, _)| covers(condition, **span));
        let times = failures.map(|(_, times)| *times).max().unwrap_or(1);
        (last, Some(self.condition(condition, times, steps, 0)))
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
            operands: operands(span, steps),
            values,
            rules: calls.filter_map(|(_, (called, value))| self.asked(*called, value, depth + 1)).collect(),
        }
    }

    /// A rule that gave nothing, `false` or an empty set.
    fn asked(&self, function: FunctionId, value: &Observed, depth: usize) -> Option<FailedRule> {
        let called = self.program.function(function);
        let denied = match value {
            Observed::Absent | Observed::Value(Value::Bool(false)) => true,
            Observed::Value(Value::Set(items)) => items.is_empty(),
            Observed::Value(_) | Observed::Large { .. } => false,
        };
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

/// What a condition compares: of comparisons within each other the outermost.
fn operands(condition: Span, steps: &Steps) -> Option<Operands> {
    let within = steps.operands.iter().filter(|(span, _)| covers(condition, **span));
    within.max_by_key(|(span, _)| span.end - span.start).map(|(_, operands)| operands.clone())
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

impl fmt::Display for QueryExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::query(self, f)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}
