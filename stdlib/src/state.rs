//! What is known of earlier requests: counters, and the labels and events of a session.
//!
//! Evaluation stays pure. The host answers through a [`StateSource`], each question is asked once for a decision, and every
//! answer is noted as a [`StateRead`]: a decision is replayed from what it read.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use hpol_lang::value::{Number, Value};
use serde::Serialize;

use crate::arguments::{Outcome, argument, failed, operand_error, type_name};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{Heap, View, Word};

mod asked;

pub use asked::State;
use asked::{Answer, Question};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "internal.counter",
        "(string, duration, array[any]) -> number",
        "What a declared counter stands at for its key; a `counter` declaration calls it, policies name the counter.",
        &[example("internal.counter(\"guard.writes\", 3600000000000, [\"ann\"])", "0"), example("internal.counter(\"guard.writes\", 3600000000000, [[]])", "error")],
        counter,
    )
    .of_decision(),
    Builtin::pure(
        "session.labels",
        "() -> set[string]",
        "The labels that earlier requests of the session were given; `.hpol` files write `session.labels`.",
        &[example("session.labels()", "set()")],
        labels,
    )
    .of_decision(),
    Builtin::pure(
        "session.seen",
        "(string, string, duration) -> bool",
        "Whether the session has an event of a kind (`tool`, `label` or `action`) and name that is not older; `.hpol` files write `session.seen(tool(\"x\"), within: 1h)`.",
        &[
            example("session.seen(\"tool\", \"get_inbox\", 3600000000000)", "false"),
            example("session.seen(\"door\", \"x\", 3600000000000)", "error"),
        ],
        seen,
    )
    .of_decision(),
];

/// Where the answers come from: a host's store, a record of an earlier decision, or what a test says.
pub trait StateSource: Debug + Send + Sync {
    /// What a counter stands at for a key, within the window that ends now and before this request.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    fn counter(&self, counter: &str, window_nanoseconds: i64, key: CounterKey<'_>) -> Result<Number, StateError>;

    /// Tells each label of the session, in any order.
    ///
    /// # Errors
    ///
    /// Why they are not known.
    fn labels(&self, tell: &mut dyn FnMut(&str)) -> Result<(), StateError>;

    /// Whether the session has seen an event within a time.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    fn seen(&self, event: EventKind, name: &str, within_nanoseconds: i64) -> Result<bool, StateError>;
}

/// What tells requests of a counter apart: null, truth values, numbers and texts, as the policy lists them. They are lent for
/// a question, and copied only by who keeps them.
#[derive(Debug, Clone, Copy)]
pub struct CounterKey<'k>(KeyParts<'k>);

#[derive(Debug, Clone, Copy)]
enum KeyParts<'k> {
    Words(&'k Heap, &'k [Word]),
    Values(&'k [Value]),
}

impl<'k> From<&'k [Value]> for CounterKey<'k> {
    fn from(values: &'k [Value]) -> Self {
        Self(KeyParts::Values(values))
    }
}

impl CounterKey<'_> {
    /// Copies of the parts.
    pub fn to_values(self) -> Vec<Value> {
        match self.0 {
            KeyParts::Words(heap, words) => words.iter().map(|word| heap.to_value(*word)).collect(),
            KeyParts::Values(values) => values.to_vec(),
        }
    }

    /// Whether these are the parts.
    pub fn is(self, values: &[Value]) -> bool {
        let (heap, words) = match self.0 {
            KeyParts::Words(heap, words) => (heap, words),
            KeyParts::Values(own) => return own == values,
        };
        let same = |(word, value): (&Word, &Value)| match (heap.view(*word), value) {
            (View::String(text), Value::String(value)) => text == &**value,
            _ => heap.to_value(*word) == *value,
        };
        words.len() == values.len() && words.iter().zip(values).all(same)
    }
}

/// All labels of the session that a source tells of.
///
/// # Errors
///
/// Why they are not known.
pub fn labels_of(source: &dyn StateSource) -> Result<BTreeSet<Arc<str>>, StateError> {
    let mut labels = BTreeSet::new();
    source.labels(&mut |label| {
        labels.insert(label.into());
    })?;
    Ok(labels)
}

/// Why a question about earlier requests has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StateError(pub String);

/// The kinds of events that a session remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A tool was called, or its output read.
    Tool,
    /// A label was given.
    Label,
    /// A request of this kind went ahead.
    Action,
}

impl EventKind {
    /// The kind by its word.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "tool" => Some(Self::Tool),
            "label" => Some(Self::Label),
            "action" => Some(Self::Action),
            _ => None,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Label => "label",
            Self::Action => "action",
        }
    }
}

/// A question that a decision asked, with its answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum StateRead {
    /// A counter.
    Counter {
        /// Its package and name, such as `guard.writes`.
        counter: Arc<str>,
        /// How far back it looks.
        window_nanoseconds: i64,
        /// The key.
        key: Vec<Value>,
        /// What it stood at.
        value: Value,
    },
    /// The labels of the session.
    Labels {
        /// All of them.
        labels: BTreeSet<Arc<str>>,
    },
    /// An event of the session.
    Seen {
        /// Its kind.
        event: EventKind,
        /// Its name.
        name: Arc<str>,
        /// How far back it was looked for.
        within_nanoseconds: i64,
        /// Whether it was seen.
        seen: bool,
    },
}

/// A session and counters with nothing in them.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyState;

impl StateSource for EmptyState {
    fn counter(&self, _: &str, _: i64, _: CounterKey<'_>) -> Result<Number, StateError> {
        Ok(Number::from(0))
    }

    fn labels(&self, _: &mut dyn FnMut(&str)) -> Result<(), StateError> {
        Ok(())
    }

    fn seen(&self, _: EventKind, _: &str, _: i64) -> Result<bool, StateError> {
        Ok(false)
    }
}

/// Whether a value can tell requests of a counter apart.
pub fn is_counter_key(heap: &Heap, word: Word) -> bool {
    matches!(heap.view(word), View::Null | View::Bool(_) | View::Int(_) | View::Number(_) | View::String(_))
}

fn counter(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let name = call.text(arguments, 1)?;
    let window_nanoseconds = call.int(arguments, 2)?;
    if let Some(other) = call.array(arguments, 3)?.iter().find(|word| !is_counter_key(call.heap, **word)) {
        let kind = type_name(call.heap, *other);
        return Err(failed(format!("counter `{name}` can't be kept apart by a value of type {kind}")));
    }
    call.charge(10)?;
    let question = Question::Counter { name: argument(arguments, 1), window_nanoseconds, key: argument(arguments, 3) };
    let Answer::Counter(value) = call.state.answer(question, call.heap)? else {
        return Err(BuiltinError::Undefined);
    };
    Ok(match value.as_i64() {
        Some(value) => call.heap.int(value)?,
        None => call.heap.number(value.clone())?,
    })
}

fn labels(call: &mut Call<'_>, _: &[Word]) -> Outcome {
    call.state.answer(Question::Labels, call.heap)?;
    *call.fuel = call.fuel.checked_sub(10 + call.state.labels_count()).ok_or(BuiltinError::Fuel)?;
    call.state.labels_set(call.heap)
}

fn seen(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let kind = call.text(arguments, 1)?;
    let event = EventKind::named(kind).ok_or_else(|| operand_error(1, "must be one of {tool, label, action}"))?;
    call.text(arguments, 2)?;
    let within_nanoseconds = call.int(arguments, 3)?;
    call.charge(10)?;
    let question = Question::Seen { event, name: argument(arguments, 2), within_nanoseconds };
    match call.state.answer(question, call.heap)? {
        Answer::Seen(seen) => Ok(Word::bool(*seen)),
        Answer::Counter(_) | Answer::Labels => Err(BuiltinError::Undefined),
    }
}

#[cfg(test)]
mod tests;
