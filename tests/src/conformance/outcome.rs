//! What a case came to, and whether that is what it wants.

use std::collections::BTreeSet;
use std::fmt;

use hpol_lang::value::Value;

use super::case::{Case, Wanted};

/// What a case came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These bindings, as JSON.
    Bindings(BTreeSet<Value>),
    /// The modules are refused: OPA's code and hpol's text of each error, in the order of their places.
    Refused(Vec<(String, String)>),
    /// The evaluation failed: code and text.
    Failed(String, String),
    /// The engines differ, or one panicked.
    Defect(String),
}

/// Whether an outcome is the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it passes.
    pub passed: bool,
    /// For a wanted error with a text: whether that text is OPA's too.
    pub same_text: Option<bool>,
}

impl Outcome {
    /// Judges it.
    pub fn judge(&self, case: &Case) -> Verdict {
        match (&case.wanted, self) {
            (Wanted::Bindings { bindings, unordered }, Self::Bindings(found)) => {
                let wanted: BTreeSet<Value> = bindings.iter().map(|binding| comparable(binding, *unordered)).collect();
                let found: BTreeSet<Value> = found.iter().map(|binding| comparable(binding, *unordered)).collect();
                Verdict { passed: wanted == found, same_text: None }
            }
            (Wanted::Error { code, text }, Self::Failed(found, message)) => {
                let same_text = text.as_ref().map(|text| format!("{found}: {message}").contains(text.as_str()));
                Verdict { passed: found == code, same_text }
            }
            (Wanted::Error { code, text }, Self::Refused(findings)) => {
                let passed = findings.iter().any(|(found, _)| found == code);
                let same = |text: &String| findings.iter().any(|(_, message)| message.contains(text.as_str()));
                Verdict { passed, same_text: text.as_ref().map(same) }
            }
            _ => Verdict { passed: false, same_text: None },
        }
    }
}

/// A binding as JSON with, if asked, the arrays in it in ascending order.
fn comparable(binding: &Value, unordered: bool) -> Value {
    let Value::Object(names) = json(binding) else { return json(binding) };
    Value::object(names.iter().map(|(name, value)| match value {
        Value::Array(items) if unordered => {
            let mut items = items.to_vec();
            items.sort();
            (name.clone(), Value::array(items))
        }
        value => (name.clone(), value.clone()),
    }))
}

/// The value as it is once it has been JSON.
fn json(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        Value::Array(items) => Value::array(items.iter().map(json)),
        Value::Set(items) => Value::array(items.iter().map(json)),
        Value::Object(entries) => Value::object(entries.iter().map(|(key, value)| {
            let key = if key.as_str().is_some() { key.clone() } else { Value::from(key.to_json()) };
            (key, json(value))
        })),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bindings(bindings) if bindings.is_empty() => f.write_str("undefined"),
            Self::Bindings(bindings) => {
                let bindings: Vec<String> = bindings.iter().map(Value::to_string).collect();
                f.write_str(&bindings.join(" "))
            }
            Self::Refused(findings) => {
                let findings: Vec<String> = findings.iter().map(|(code, text)| format!("{code} ({text})")).collect();
                write!(f, "refused: {}", findings.join(", "))
            }
            Self::Failed(code, message) => write!(f, "{code}: {message}"),
            Self::Defect(message) => write!(f, "defect: {message}"),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bindings { bindings, .. } if bindings.is_empty() => f.write_str("undefined"),
            Self::Bindings { bindings, .. } => {
                let bindings: Vec<String> = bindings.iter().map(Value::to_string).collect();
                f.write_str(&bindings.join(" "))
            }
            Self::Error { code, text: Some(text) } => write!(f, "{code} ({text})"),
            Self::Error { code, text: None } => f.write_str(code),
        }
    }
}
