//! An explanation as text.

use std::fmt::{self, Formatter, Write};

use super::{ExplainedOutcome, Explanation, FailedCondition, Observed, RuleExplanation};

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
    for rule in &explanation.rules {
        writeln!(f)?;
        write!(f, "{rule}")?;
    }
    if !decision.revision.is_empty() {
        writeln!(f, "\npolicy {}", decision.revision)?;
    }
    Ok(())
}

pub(super) fn rule(rule: &RuleExplanation, f: &mut Formatter<'_>) -> fmt::Result {
    let outcome = match rule.outcome {
        ExplainedOutcome::Matched => "holds",
        ExplainedOutcome::NotMatched => "does not hold",
        ExplainedOutcome::Absent => "counts, because a value it looks at is absent",
        ExplainedOutcome::Error => "counts, because its evaluation failed",
        ExplainedOutcome::Exempt => "does not count, because its `unless` holds",
    };
    writeln!(f, "{} \"{}\" {outcome}  ({}, {})", rule.effect.word(), rule.id, rule.package, rule.location)?;
    if let Some(reason) = &rule.reason {
        writeln!(f, "  because {reason}")?;
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
