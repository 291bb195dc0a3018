//! `expect package effect …` against a decision.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use hpol_lang::value::Value;

use crate::decision::{Decision, Effect};
use crate::explain::{ExplainedOutcome, Explanation};

/// What a test expects of a decision.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) negated: bool,
    pub(super) effect: Effect,
    pub(super) id: Option<Value>,
    pub(super) because: Option<Value>,
    /// A set or an array of ids.
    pub(super) masks: Option<Value>,
}

impl Expected {
    /// Compares; an error says what was expected and what came.
    pub(super) fn check(&self, decision: &Decision) -> Result<(), String> {
        let differences = self.differences(decision);
        match (self.negated, differences.is_empty()) {
            (false, true) | (true, false) => Ok(()),
            (false, false) => {
                Err(format!("expected {}, but {}\n{}", self.text(), differences.join(", and "), came(decision)))
            }
            (true, true) => Err(format!("expected not {}\n{}", self.text(), came(decision))),
        }
    }

    /// Why the rules that were expected to decide do not, one indented block for each.
    pub(super) fn why(&self, explanation: &Explanation) -> String {
        let mut text = String::new();
        if self.negated || (self.id.is_none() && self.is_met(&explanation.decision)) {
            return text;
        }
        for rule in &explanation.rules {
            let wanted = rule.effect == self.effect
                && self.id.as_ref().is_none_or(|id| id.as_str() == Some(&*rule.id))
                && rule.outcome == ExplainedOutcome::NotMatched;
            if wanted {
                rule.to_string().lines().for_each(|line| {
                    // Writing to a string does not fail.
                    let _ = write!(text, "\n  {line}");
                });
            }
        }
        text
    }

    fn is_met(&self, decision: &Decision) -> bool {
        match self.effect {
            // An allow with masks is still an allow.
            Effect::Allow => matches!(decision.effect, Effect::Allow | Effect::Mask),
            effect => decision.effect == effect,
        }
    }

    fn differences(&self, decision: &Decision) -> Vec<String> {
        let mut differences = Vec::new();
        let met = self.is_met(decision);
        if !met {
            differences.push(format!("the effect is {}", name(decision.effect)));
        }
        if let Some(id) = &self.id {
            let decided =
                decision.rules.iter().any(|rule| rule.effect == self.effect && Some(&*rule.id) == id.as_str());
            if met && !decided {
                differences.push(format!("no rule {id} decided"));
            }
        }
        if let Some(because) = &self.because
            && !decision.reasons.iter().any(|reason| Some(reason.as_str()) == because.as_str())
        {
            differences.push(format!("no reason is {because}"));
        }
        if let Some(masks) = &self.masks {
            let expected = texts(masks);
            let applied: BTreeSet<Arc<str>> = decision.masks.iter().flat_map(|mask| mask.ids.iter().cloned()).collect();
            if expected != applied {
                differences.push(format!("the masks are {}", list(&applied)));
            }
        }
        differences
    }

    fn text(&self) -> String {
        let mut text = name(self.effect).to_owned();
        // Writing to a string does not fail.
        if let Some(id) = &self.id {
            let _ = write!(text, " {id}");
        }
        if let Some(because) = &self.because {
            let _ = write!(text, " because {because}");
        }
        if let Some(masks) = &self.masks {
            let _ = write!(text, " masks {}", list(&texts(masks)));
        }
        text
    }
}

fn texts(value: &Value) -> BTreeSet<Arc<str>> {
    let text = |value: &Value| value.as_str().map(Arc::from);
    match value {
        Value::Set(items) => items.iter().filter_map(text).collect(),
        Value::Array(items) => items.iter().filter_map(text).collect(),
        other => text(other).into_iter().collect(),
    }
}

fn list(ids: &BTreeSet<Arc<str>>) -> String {
    let ids: Vec<String> = ids.iter().map(|id| Value::from(id.clone()).to_string()).collect();
    format!("{{{}}}", ids.join(", "))
}

/// The decision in a few lines.
fn came(decision: &Decision) -> String {
    let mut text = format!("it decided {}", name(decision.effect));
    for reason in &decision.reasons {
        let _ = write!(text, "\n  reason: {reason}");
    }
    for rule in &decision.rules {
        let _ = write!(text, "\n  {} \"{}\" at {}", name(rule.effect), rule.id, rule.location);
    }
    for absent in &decision.absent {
        let _ = write!(text, "\n  absent: {} at {}", absent.path, absent.location);
    }
    for error in &decision.errors {
        let _ = write!(text, "\n  error {}: {}", error.code, error.message);
    }
    text
}

fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Deny => "deny",
        Effect::Approve => "approve",
        Effect::Mask => "mask",
        Effect::Allow => "allow",
    }
}
