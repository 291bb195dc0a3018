//! What the rules found, combined into one decision.
//!
//! deny > approve > mask > allow, and nothing without an allow. Whatever a rule that protects could not find out
//! counts as found: the caller gives such a rule with [`RuleOutcome::Absent`] or [`RuleOutcome::Error`].
//! The result does not depend on the order of the findings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hpol_compiler::context::codes;

use crate::decision::{
    AbsentPath, ApprovalDemand, ApprovalTerms, Approver, Decision, DetectorUse, Effect, EvaluationError, Increment,
    Mask, OperatorKind, RuleMatch, RuleOutcome, Selector,
};
use crate::error::code;
use crate::state::StateRead;

/// A rule that counts, with what it asks for.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) rule: RuleMatch,
    pub(crate) asks: Asks,
}

/// What a rule that counts asks for besides its effect.
#[derive(Debug, Clone)]
pub(crate) enum Asks {
    Nothing,
    Mask(Mask),
    Approval(ApprovalDemand, Duration),
}

/// Everything that the evaluation of one request came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) counting: Vec<Finding>,
    pub(crate) absent: Vec<AbsentPath>,
    /// Errors of rules.
    pub(crate) errors: Vec<EvaluationError>,
    /// Whether the evaluation could not be carried through, so that nothing can be granted.
    pub(crate) incomplete: bool,
    /// Labels that rules give.
    pub(crate) labels: Vec<Arc<str>>,
    /// What counters get.
    pub(crate) increments: Vec<Increment>,
    /// What was asked about earlier requests.
    pub(crate) reads: Vec<StateRead>,
    /// Why nothing allows, if it is known better than by default.
    pub(crate) no_allow: Option<String>,
}

/// What a denial says that no rule brought about.
pub(crate) const NO_ALLOW: &str = "no rule allows this request";

impl Findings {
    /// Makes room for the next decision.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.counting.clear();
        self.absent.clear();
        self.errors.clear();
        self.incomplete = false;
        self.labels.clear();
        self.increments.clear();
        self.reads.clear();
        self.no_allow = None;
    }

    /// What is known after a panic: nothing, so that nothing is granted.
    pub(crate) fn defect() -> Self {
        let message = crate::guard::DEFECT.to_owned();
        let error = EvaluationError { code: codes::INTERNAL.into(), message, location: None };
        Self { errors: vec![error], incomplete: true, ..Self::default() }
    }

    /// What is known where no request was given.
    pub(crate) fn without_request() -> Self {
        let message = "there is no request: set one before deciding".to_owned();
        let error = EvaluationError { code: code::INPUT_INVALID.into(), message, location: None };
        Self { errors: vec![error], incomplete: true, ..Self::default() }
    }
}

/// The revision and hash that a decision names.
#[derive(Debug, Clone)]
pub(crate) struct PolicyName {
    pub(crate) revision: Arc<str>,
    pub(crate) policy_hash: Arc<str>,
}

/// Combines findings to a decision.
pub(crate) fn combine(findings: Findings, policy: &PolicyName) -> Decision {
    let Findings { mut counting, mut absent, mut errors, incomplete, mut labels, mut increments, reads, no_allow } =
        findings;
    counting.sort_by(|left, right| key(&left.rule).cmp(&key(&right.rule)));
    absent.sort();
    absent.dedup();
    errors.sort_by(|left, right| {
        (&left.location, &left.code, &left.message).cmp(&(&right.location, &right.code, &right.message))
    });
    errors.dedup();
    let effect = effect(incomplete, |effect| counting.iter().any(|finding| finding.rule.effect == effect));
    if effect == Effect::Deny {
        counting.retain(|finding| finding.rule.effect == Effect::Deny);
        // What does not go ahead leaves nothing behind.
        labels.clear();
        increments.clear();
    }
    let mut reasons = reasons(&counting, effect);
    if incomplete {
        reasons.extend(errors.iter().map(|error| error.message.clone()));
    }
    if effect == Effect::Deny && reasons.is_empty() {
        reasons.push(no_allow.unwrap_or_else(|| NO_ALLOW.to_owned()));
    }
    without_repeats(&mut reasons);
    labels.sort();
    labels.dedup();
    increments.sort();
    let (masks, approval) = (join_masks(&counting), join_approvals(&counting));
    Decision {
        effect,
        rules: counting.into_iter().map(|finding| finding.rule).collect(),
        reasons,
        absent,
        masks,
        approval,
        labels,
        increments,
        reads,
        errors,
        revision: policy.revision.clone(),
        policy_hash: policy.policy_hash.clone(),
    }
}

/// What is decided where rules of some effects count: `has` says which.
pub(crate) fn effect(incomplete: bool, has: impl Fn(Effect) -> bool) -> Effect {
    if incomplete || has(Effect::Deny) || !has(Effect::Allow) {
        Effect::Deny
    } else if has(Effect::Approve) {
        Effect::Approve
    } else if has(Effect::Mask) {
        Effect::Mask
    } else {
        Effect::Allow
    }
}

type Key<'a> = (Effect, &'a str, &'a str, &'a hpol_lang::source::Location);

fn key(rule: &RuleMatch) -> Key<'_> {
    (rule.effect, &rule.package, &rule.id, &rule.location)
}

/// The reasons of the rules that brought the effect about.
fn reasons(counting: &[Finding], effect: Effect) -> Vec<String> {
    let deciding = counting.iter().map(|finding| &finding.rule).filter(|rule| rule.effect == effect);
    deciding.filter_map(|rule| rule.reason.clone().or_else(|| default_reason(&rule.id, rule.outcome, effect))).collect()
}

/// The reason of a rule that gives none. A denial always says something.
pub(crate) fn default_reason(id: &str, outcome: RuleOutcome, effect: Effect) -> Option<String> {
    match outcome {
        RuleOutcome::Absent => Some(format!("rule `{id}` applies, because a value it looks at is absent")),
        RuleOutcome::Error => Some(format!("rule `{id}` applies, because its evaluation failed")),
        RuleOutcome::Matched if effect == Effect::Deny => Some(format!("rule `{id}` denies it")),
        RuleOutcome::Matched => None,
    }
}

fn without_repeats(texts: &mut Vec<String>) {
    let mut seen: Vec<String> = Vec::new();
    texts.retain(|text| {
        let new = !seen.contains(text);
        if new {
            seen.push(text.clone());
        }
        new
    });
}

/// What tells masks on the same values: the selector, and the detectors in order.
type MaskedValues = (Selector, Vec<DetectorUse>);

/// Masks on the same values, which are those with the same selector and detectors, join to the strongest.
fn join_masks(counting: &[Finding]) -> Vec<Mask> {
    let mut joined: BTreeMap<MaskedValues, (OperatorKind, Vec<Arc<str>>)> = BTreeMap::new();
    for finding in counting {
        let Asks::Mask(mask) = &finding.asks else { continue };
        let mut detectors = mask.operator.detectors.clone();
        detectors.sort();
        detectors.dedup();
        let entry = joined.entry((mask.selector.clone(), detectors));
        let (kind, ids) = entry.or_insert_with(|| (mask.operator.kind.clone(), Vec::new()));
        // The order of the changes is that of their strength; of two `last` the shorter is the stronger.
        if mask.operator.kind < *kind {
            *kind = mask.operator.kind.clone();
        }
        ids.extend(mask.ids.iter().filter(|id| !ids.contains(id)).cloned().collect::<Vec<_>>());
    }
    let mut masks: Vec<Mask> = joined
        .into_iter()
        .map(|((selector, detectors), (kind, ids))| Mask {
            ids,
            selector,
            operator: crate::decision::Operator { kind, detectors },
        })
        .collect();
    // Where one value falls under several masks, the strongest stands first.
    masks.sort_by(|left, right| left.operator.kind.cmp(&right.operator.kind));
    masks
}

/// Every demand stays; those on the same people join to the larger quorum. The shortest time counts.
fn join_approvals(counting: &[Finding]) -> Option<ApprovalTerms> {
    let mut demands: Vec<ApprovalDemand> = Vec::new();
    let mut within: Option<Duration> = None;
    for finding in counting {
        let Asks::Approval(demand, time) = &finding.asks else { continue };
        within = Some(within.map_or(*time, |known| known.min(*time)));
        let approvers = sorted(&demand.approvers);
        match demands.iter_mut().find(|known| known.approvers == approvers) {
            Some(known) if known.quorum >= demand.quorum => {}
            Some(known) => *known = ApprovalDemand { approvers, ..demand.clone() },
            None => demands.push(ApprovalDemand { approvers, ..demand.clone() }),
        }
    }
    within.map(|within| ApprovalTerms { demands, within })
}

fn sorted(approvers: &[Approver]) -> Vec<Approver> {
    let mut approvers = approvers.to_vec();
    approvers.sort();
    approvers.dedup();
    approvers
}

#[cfg(test)]
mod tests;
