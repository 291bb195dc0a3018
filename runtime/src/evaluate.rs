//! One request against one generation: which packages take part, whether the input fits, what their rules find.

use std::sync::Arc;

use hpol_compiler::context::{CALL_DEPTH_MAX, Context, Fault, codes};
use hpol_compiler::machine::{self, Entry, Machine, Outcome, Told, Verdict};
use hpol_compiler::plan::{self, DecisionId, Program};
use hpol_lang::ast::EffectKeyword;
use hpol_lang::source::Span;
use hpol_lang::typed;
use hpol_lang::types::{SelectorKind, Type, validate};
use hpol_stdlib::heap::Heap;

use crate::build::{Group, Kinds};
use crate::combine::{Asks, Finding, Findings};
use crate::decision::{
    AbsentPath, ApprovalDemand, Approver, DetectorUse, Direction, Effect, EvaluationError, Increment, Mask, Operator,
    OperatorKind, RuleMatch, RuleOutcome, Selector, Witness,
};
use crate::error::code;
use crate::inputs::{Inputs, Keep, Source};
use crate::limits::Limits;
use crate::state::StateSource;

/// How many mismatches of an input are told.
const MISMATCHES_TOLD: usize = 5;

/// What the evaluation of a request needs of a generation.
pub(crate) struct Evaluation<'s> {
    pub(crate) program: &'s Program,
    /// Type of the input of each package.
    pub(crate) inputs: &'s [Type],
    /// Which packages decide on a kind of request.
    pub(crate) kinds: &'s Kinds,
    pub(crate) machine: &'s dyn Machine,
}

/// What a request leaves behind if it goes ahead, by numbers of the plan and words of the evaluation.
#[derive(Debug, Default)]
pub(crate) struct Left {
    labels: Vec<u32>,
    entries: Vec<(u32, Entry)>,
}

impl Left {
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        self.entries.clear();
    }

    /// The labels, one for each rule that gives one.
    pub(crate) fn labels<'p>(&self, program: &'p Program) -> impl Iterator<Item = &'p Arc<str>> {
        self.labels.iter().filter_map(|number| program.labels.get(*number as usize)).map(|rule| &rule.label)
    }

    /// What counters get.
    pub(crate) fn increments(&self, program: &Program, heap: &Heap) -> impl Iterator<Item = Increment> {
        self.entries.iter().filter_map(|(number, entry)| {
            let counter = program.counters.get(*number as usize)?;
            let key = heap.elements(entry.key).unwrap_or_default();
            Some(Increment {
                counter: counter.name.clone(),
                window_nanoseconds: counter.window_nanoseconds,
                key: key.iter().map(|part| heap.to_value(*part)).collect(),
                amount: heap.to_value(entry.amount),
            })
        })
    }
}

/// Told how each rule came out.
pub(crate) type Watch<'w> = &'w mut dyn FnMut(DecisionId, &Verdict);

impl Evaluation<'_> {
    /// Decides on a request of `kind` with every package that takes part.
    pub(crate) fn decide<S: Source>(
        &self,
        kind: &str,
        source: &S,
        context: &mut Context,
        watch: Watch<'_>,
    ) -> Findings {
        let (mut findings, mut inputs) = (Findings::default(), Inputs::default());
        if let Some(groups) = self.load(kind, source, Keep::Decision, context, &mut inputs, &mut findings) {
            self.run(groups, &inputs, context, &mut findings, watch);
        }
        findings
    }

    /// Takes a request in: the packages that decide on its kind, and the input of each of their groups. `None` if it can't be
    /// decided on, and then `findings` say why.
    pub(crate) fn load<S: Source>(
        &self,
        kind: &str,
        source: &S,
        keep: Keep,
        context: &mut Context,
        inputs: &mut Inputs,
        findings: &mut Findings,
    ) -> Option<&Arc<[Group]>> {
        let groups = self.groups(kind, findings)?;
        inputs.take(source, keep, groups, self.program, context, findings);
        (!findings.incomplete).then_some(groups)
    }

    /// The packages that decide on a kind of request; `None` if there are none, and then `findings` say so.
    pub(crate) fn groups(&self, kind: &str, findings: &mut Findings) -> Option<&Arc<[Group]>> {
        let groups = self.kinds.get(kind);
        if groups.is_none() {
            findings.no_allow = Some(format!("no policy decides requests of kind `{kind}`"));
        }
        groups
    }

    /// Runs the rules of some groups on their inputs.
    pub(crate) fn run(
        &self,
        groups: &[Group],
        inputs: &Inputs,
        context: &mut Context,
        findings: &mut Findings,
        watch: Watch<'_>,
    ) {
        for (at, group) in groups.iter().enumerate() {
            inputs.put(at, context);
            for package in &group.packages {
                self.run_package(*package, context, findings, watch);
            }
        }
        findings.reads = context.state_reads();
    }

    /// Decides with one package on the input that stands in the context.
    pub(crate) fn decide_package(&self, package: usize, context: &mut Context, watch: Watch<'_>) -> Findings {
        let mut findings = Findings::default();
        let input = context.input();
        if input.is_absent() {
            let message = "there is no input: give one by `with input as`".to_owned();
            findings.errors.push(EvaluationError { code: code::INPUT_INVALID.into(), message, location: None });
            findings.incomplete = true;
            return findings;
        }
        match validate(&context.heap().to_value(input), &self.inputs[package]) {
            Err(mismatches) => refuse_input(&mismatches, &mut findings),
            Ok(value) => match context.heap_mut().from_value(&value) {
                Ok(word) => {
                    context.set_input_word(word);
                    self.run_package(package, context, &mut findings, watch);
                }
                Err(error) => {
                    let message = error.to_string();
                    findings.errors.push(EvaluationError { code: codes::MEMORY.into(), message, location: None });
                    findings.incomplete = true;
                }
            },
        }
        findings.reads = context.state_reads();
        findings
    }

    fn run_package(&self, package: usize, context: &mut Context, findings: &mut Findings, watch: Watch<'_>) {
        let decisions = &self.program.packages[package].decisions;
        let mut candidates = Vec::new();
        if !context.candidates(package, true, &mut candidates) {
            candidates.extend((0..).take(decisions.len()));
        }
        for id in candidates.into_iter().filter_map(|at: u32| decisions.get(at as usize)) {
            // Nothing can be granted any more, and what is left of the limits is not worth using up.
            if findings.incomplete {
                return;
            }
            let verdict = machine::decide(self.machine, *id, context);
            watch(*id, &verdict);
            self.take(*id, verdict, findings);
        }
        let mut left = Left::default();
        self.leave_behind(package, true, context, &mut left, findings);
        findings.labels.extend(left.labels(self.program).cloned());
        findings.increments.extend(left.increments(self.program, context.heap()));
    }

    /// What the request leaves behind if it goes ahead: labels and increments of the package's counters. A request that counts
    /// but can't be counted does not go ahead. What was absent is only told if it is asked for.
    pub(crate) fn leave_behind(
        &self,
        package: usize,
        tells_absences: bool,
        context: &mut Context,
        left: &mut Left,
        findings: &mut Findings,
    ) {
        let own = |number: u32| number as usize == package;
        let mut told = Told { absent: tells_absences.then(Vec::new), ..Told::default() };
        for (number, rule) in (0..).zip(&self.program.labels).filter(|(_, rule)| own(rule.package)) {
            if findings.incomplete {
                return;
            }
            if machine::condition_holds(self.machine, rule.condition, context, &mut told).holds() {
                left.labels.push(number);
            }
            let absent = told.absent.iter_mut().flat_map(|absent| absent.drain(..));
            findings.absent.extend(absent.filter_map(|site| Some(self.absent_path(self.program.site(site)?))));
            for fault in told.faults.drain(..) {
                self.take_fault(fault, findings);
            }
        }
        for (number, counter) in (0..).zip(&self.program.counters).filter(|(_, counter)| own(counter.package)) {
            if findings.incomplete {
                return;
            }
            match machine::counted(self.machine, counter, context) {
                Ok(entry) => left.entries.extend(entry.map(|entry| (number, entry))),
                Err(fault) => {
                    findings.incomplete = true;
                    self.take_fault(fault, findings);
                }
            }
        }
    }

    fn take(&self, id: DecisionId, verdict: Verdict, findings: &mut Findings) {
        let rule = &self.program.decisions[id.index()];
        findings.absent.extend(verdict.absent.iter().map(|site| self.absent_path(site)));
        for fault in verdict.faults {
            self.take_fault(fault, findings);
        }
        let Some(outcome) = rule_outcome(verdict.outcome) else { return };
        let witnesses = verdict.witnesses.into_iter().map(|(name, value)| Witness { name, value });
        findings.counting.push(Finding {
            rule: RuleMatch {
                effect: effect(rule.effect),
                id: rule.id.clone(),
                package: self.program.packages[rule.package as usize].path.clone(),
                location: self.program.sources.location(rule.span),
                outcome,
                reason: verdict.reason,
                witnesses: witnesses.collect(),
                annotations: rule.annotations.iter().cloned().collect(),
            },
            asks: asks(rule),
        });
    }

    pub(crate) fn take_fault(&self, fault: Fault, findings: &mut Findings) {
        take_fault(fault, self.program, findings);
    }

    pub(crate) fn absent_path(&self, site: &plan::Site) -> AbsentPath {
        AbsentPath { path: site.path.clone(), location: self.program.sources.location(site.span) }
    }
}

/// How a rule came to count, if it does.
pub(crate) fn rule_outcome(outcome: Outcome) -> Option<RuleOutcome> {
    match outcome {
        Outcome::NotMatched | Outcome::Exempt => None,
        Outcome::Matched => Some(RuleOutcome::Matched),
        Outcome::Absent => Some(RuleOutcome::Absent),
        Outcome::Error => Some(RuleOutcome::Error),
    }
}

/// Starts an evaluation in a context; `state` answers questions about earlier requests.
pub(crate) fn begin(context: &mut Context, limits: &Limits, now_nanoseconds: i64, state: Option<Arc<dyn StateSource>>) {
    let limits = hpol_compiler::context::Limits {
        fuel: limits.fuel,
        memory_bytes: limits.memory_bytes,
        call_depth: limits.depth.min(CALL_DEPTH_MAX),
        time: Some(limits.time),
        interrupt: None,
    };
    context.begin_again(limits, now_nanoseconds, state);
}

/// Notes an error of an evaluation.
pub(crate) fn take_fault(fault: Fault, program: &Program, findings: &mut Findings) {
    findings.incomplete |= fault.is_limit();
    findings.errors.push(evaluation_error(fault, program));
}

/// The fault of an evaluation that panicked.
pub(crate) fn defect() -> Fault {
    Fault { code: codes::INTERNAL, message: crate::guard::DEFECT.to_owned(), span: None }
}

/// The fault with a place that people read.
pub(crate) fn evaluation_error(fault: Fault, program: &Program) -> EvaluationError {
    let location = fault.span.map(|span: Span| program.sources.location(span));
    EvaluationError { code: fault.code.into(), message: fault.message, location }
}

/// Notes that a request can't be read.
pub(crate) fn refuse_text(message: &str, findings: &mut Findings) {
    findings.incomplete = true;
    let message = format!("input: {message}");
    findings.errors.push(EvaluationError { code: code::INPUT_INVALID.into(), message, location: None });
}

pub(crate) fn refuse_input(mismatches: &[hpol_lang::types::Mismatch], findings: &mut Findings) {
    findings.incomplete = true;
    for mismatch in mismatches.iter().take(MISMATCHES_TOLD) {
        let message = format!("input: {mismatch}");
        findings.errors.push(EvaluationError { code: code::INPUT_INVALID.into(), message, location: None });
    }
}

pub(crate) fn effect(keyword: EffectKeyword) -> Effect {
    match keyword {
        EffectKeyword::Deny => Effect::Deny,
        EffectKeyword::Approve => Effect::Approve,
        EffectKeyword::Mask => Effect::Mask,
        EffectKeyword::Allow => Effect::Allow,
    }
}

fn asks(rule: &plan::Decision) -> Asks {
    if let Some(typed::Mask { selector, operator }) = &rule.mask {
        let (selector, operator) = (self::selector(selector), self::operator(operator));
        return Asks::Mask(Mask { ids: vec![rule.id.clone()], selector, operator });
    }
    if let Some(approval) = &rule.approval {
        let approvers = approval.approvers.iter().map(|approver| match approver {
            typed::Approver::Group(name) => Approver::Group(name.clone()),
            typed::Approver::User(name) => Approver::User(name.clone()),
        });
        let approvers = approvers.collect();
        let within = std::time::Duration::from_nanos(u64::try_from(approval.within_nanoseconds).unwrap_or(0));
        return Asks::Approval(ApprovalDemand { id: rule.id.clone(), approvers, quorum: approval.quorum }, within);
    }
    Asks::Nothing
}

fn selector(selector: &typed::Selector) -> Selector {
    let direction = match selector.direction {
        typed::Direction::Request => Direction::Request,
        typed::Direction::Response => Direction::Response,
        typed::Direction::Any => Direction::Any,
    };
    let argument = |at: usize| selector.arguments.get(at).cloned().unwrap_or_default();
    match selector.kind {
        SelectorKind::Text => Selector::Text { direction },
        SelectorKind::Field => Selector::Field { direction, path: argument(0) },
        SelectorKind::Column => Selector::Column { table: argument(0), column: argument(1) },
    }
}

fn operator(operator: &typed::Operator) -> Operator {
    let kind = match &operator.kind {
        typed::OperatorKind::Drop => OperatorKind::Drop,
        typed::OperatorKind::Constant(text) => OperatorKind::Constant(text.clone()),
        typed::OperatorKind::Redact => OperatorKind::Redact,
        typed::OperatorKind::Hash => OperatorKind::Hash,
        typed::OperatorKind::Last(characters) => OperatorKind::Last(*characters),
    };
    let detectors = operator.detectors.iter().map(|detector| match detector {
        typed::Detector::Named(name) => DetectorUse::Named(name.clone()),
        typed::Detector::Pattern(pattern) => DetectorUse::Pattern(pattern.clone()),
    });
    Operator { kind, detectors: detectors.collect() }
}
