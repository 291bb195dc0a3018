//! An explanation as text.

use std::fmt::{self, Formatter, Write};

use super::{
    DefinitionOutcome, ExplainedOutcome, Explanation, FailedCondition, Observed, Operands, QueryExplanation,
    RuleExplanation,
};
use crate::decision::Decision;
use crate::state::StateRead;

/// Characters of a value that are shown.
const VALUE_MAX: usize = 120;

pub(super) fn write(explanation: &Explanation, f: &mut Formatter<'_>) -> fmt::Result {
    let decision = &explanation.decision;
    writeln!(f, "{}", decision.effect.word())?;
    for reason in &decision.reasons {
        writeln!(f, "  {reason}")?;
    }
    for error in &decision.errors {
        write!(f, "  error {}: {}", error.code, error.message)?;
        match &error.location {
            Some(location) => writeln!(f, " ({location})")?,
            None => writeln!(f)?,
        }
    }
    if let Some(rule) = explanation.nearest.and_then(|nearest| explanation.rules.get(nearest)) {
        write!(f, "  nearest: allow \"{}\" ({}, {})", rule.id, rule.package, rule.location)?;
        writeln!(f, ", {}", counted(rule.met, rule.conditions))?;
        if let Some(failed) = &rule.failed {
            condition(failed, 2, f)?;
        }
    }
    for note in state_notes(decision) {
        writeln!(f, "  {note}")?;
    }
    for rule in &explanation.rules {
        writeln!(f)?;
        write!(f, "{rule}")?;
    }
    if !decision.revision.is_empty() {
        writeln!(f, "\npolicy {}", decision.revision)?;
    }
    Ok(())
}

pub(super) fn query(explanation: &QueryExplanation, f: &mut Formatter<'_>) -> fmt::Result {
    match (&explanation.value, &explanation.error) {
        (Some(value), _) => writeln!(f, "{} is {}", explanation.path, shortened(&value.to_string()))?,
        (None, None) => writeln!(f, "{} is undefined", explanation.path)?,
        (None, Some(error)) => {
            write!(f, "{} is an error: {}: {}", explanation.path, error.code, error.message)?;
            match &error.location {
                Some(location) => writeln!(f, " ({location})")?,
                None => writeln!(f)?,
            }
        }
    }
    for definition in &explanation.definitions {
        let outcome = match definition.outcome {
            DefinitionOutcome::Holds => "holds".to_owned(),
            DefinitionOutcome::NotTried => "was not tried".to_owned(),
            DefinitionOutcome::NotMet => {
                format!("does not hold, {}", counted(definition.met, definition.conditions))
            }
        };
        writeln!(f, "\ndefinition {}: {outcome}", definition.location)?;
        if let Some(failed) = &definition.failed {
            condition(failed, 1, f)?;
        }
    }
    let default = explanation.value.is_some() && !explanation.definitions.is_empty();
    if default && !explanation.definitions.iter().any(|definition| definition.outcome == DefinitionOutcome::Holds) {
        writeln!(f, "\nno definition holds: the value is what the rule has without one")?;
    }
    writeln!(f, "\npolicy {}", explanation.revision)
}

fn counted(met: usize, conditions: usize) -> String {
    let are = if met == 1 { "is" } else { "are" };
    match conditions {
        0 => "its value is undefined".to_owned(),
        1 => "its condition is not met".to_owned(),
        _ => format!("{met} of {conditions} conditions {are} met"),
    }
}

/// What was known of earlier requests, and what this one leaves behind.
pub(super) fn state_notes(decision: &Decision) -> Vec<String> {
    let mut notes: Vec<String> = decision.reads.iter().map(read).collect();
    notes.extend(
        decision.increments.iter().map(|increment| {
            format!("adds {} to counter {}{}", increment.amount, increment.counter, key(&increment.key))
        }),
    );
    notes.extend(decision.labels.iter().map(|label| format!("labels the session \"{label}\"")));
    notes
}

fn read(read: &StateRead) -> String {
    match read {
        StateRead::Counter { counter, key, value, .. } => {
            format!("counter {counter}{} stands at {value}", self::key(key))
        }
        StateRead::Labels { labels } if labels.is_empty() => "the session has no labels".to_owned(),
        StateRead::Labels { labels } => {
            let labels: Vec<String> = labels.iter().map(|label| format!("\"{label}\"")).collect();
            format!("the session has the labels {}", shortened(&labels.join(", ")))
        }
        StateRead::Seen { event, name, seen, .. } => {
            let seen = if *seen { "has seen" } else { "has not seen" };
            format!("the session {seen} {} \"{}\"", event.word(), shortened(name))
        }
    }
}

fn key(key: &[hpol_lang::value::Value]) -> String {
    if key.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = key.iter().map(|value| shortened(&value.to_string())).collect();
    format!(" for {}", parts.join(", "))
}

pub(super) fn rule(rule: &RuleExplanation, f: &mut Formatter<'_>) -> fmt::Result {
    let outcome = match rule.outcome {
        ExplainedOutcome::Matched => "holds",
        ExplainedOutcome::NotMatched => "does not hold",
        ExplainedOutcome::Absent => "counts, because a value it looks at is absent",
        ExplainedOutcome::Error => "counts, because its evaluation failed",
        ExplainedOutcome::Exempt => "does not count, because its `unless` holds",
    };
    let counted = match rule.failed {
        Some(_) if rule.conditions > 1 => format!(", {}", counted(rule.met, rule.conditions)),
        _ => String::new(),
    };
    writeln!(f, "{} \"{}\" {outcome}{counted}  ({}, {})", rule.effect.word(), rule.id, rule.package, rule.location)?;
    if let Some(reason) = &rule.reason {
        writeln!(f, "  because {reason}")?;
    }
    let annotations =
        rule.annotations.iter().map(|(name, value)| format!("@{name} {}", value.as_str().unwrap_or_default()));
    let annotations: Vec<String> = annotations.collect();
    if !annotations.is_empty() {
        writeln!(f, "  {}", annotations.join(", "))?;
    }
    for witness in &rule.witnesses {
        writeln!(f, "  {} = {}", witness.name, shortened(&witness.value.to_string()))?;
    }
    if let Some(failed) = &rule.failed {
        condition(failed, 1, f)?;
    }
    for absent in &rule.absent {
        writeln!(f, "  absent: {} ({})", absent.path, absent.location)?;
    }
    for error in &rule.errors {
        writeln!(f, "  error {}: {}", error.code, error.message)?;
    }
    Ok(())
}

fn condition(failed: &FailedCondition, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let indent = "  ".repeat(depth);
    let text = failed.text.split_whitespace().collect::<Vec<_>>().join(" ");
    write!(f, "{indent}not met: {}", shortened(&text))?;
    if failed.times > 1 {
        write!(f, "  ({} times)", failed.times)?;
    }
    writeln!(f, "  ({})", failed.location)?;
    if let Some(Operands { operator, left, right }) = &failed.operands {
        writeln!(f, "{indent}  compared: {} {operator} {}", observed(left), observed(right))?;
    }
    for value in &failed.values {
        writeln!(f, "{indent}  {} is {}", value.path, observed(&value.value))?;
    }
    for rule in &failed.rules {
        writeln!(f, "{indent}  {} is {}", rule.path, observed(&rule.value))?;
        for failed in &rule.failed {
            condition(failed, depth + 2, f)?;
        }
    }
    Ok(())
}

fn observed(value: &Observed) -> String {
    match value {
        Observed::Absent => "absent".to_owned(),
        Observed::Value(value) => shortened(&value.to_string()),
        Observed::Large { parts } => format!("a value of {parts} parts"),
    }
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(VALUE_MAX).collect();
    if characters.next().is_some() {
        // Writing to a string does not fail.
        let _ = write!(out, "…");
    }
    out
}
