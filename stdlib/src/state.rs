//! What is known of earlier requests: counters, and the labels and events of a session.
//!
//! Evaluation stays pure. The host answers through a [`StateSource`], each question is asked once for a decision, and every
//! answer is noted as a [`StateRead`]: a decision is replayed from what it read.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use hpol_lang::value::Value;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::arguments::{Outcome, failed, operand_error};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;

/// Questions that one decision may ask.
const READS_MAX: usize = 1_000;

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
    fn counter(&self, counter: &str, window_nanoseconds: i64, key: &[Value]) -> Result<Value, StateError>;

    /// The labels of the session.
    ///
    /// # Errors
    ///
    /// Why they are not known.
    fn labels(&self) -> Result<BTreeSet<Arc<str>>, StateError>;

    /// Whether the session has seen an event within a time.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    fn seen(&self, event: EventKind, name: &str, within_nanoseconds: i64) -> Result<bool, StateError>;
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
    fn counter(&self, _: &str, _: i64, _: &[Value]) -> Result<Value, StateError> {
        Ok(Value::from(0))
    }

    fn labels(&self) -> Result<BTreeSet<Arc<str>>, StateError> {
        Ok(BTreeSet::new())
    }

    fn seen(&self, _: EventKind, _: &str, _: i64) -> Result<bool, StateError> {
        Ok(false)
    }
}

/// The questions of one decision and their answers.
#[derive(Debug, Default)]
pub struct State {
    source: Option<Arc<dyn StateSource>>,
    answers: FxHashMap<Question, StateRead>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    Counter(Arc<str>, i64, Vec<Value>),
    Labels,
    Seen(EventKind, Arc<str>, i64),
}

impl State {
    /// Forgets what was asked; from now on `source` answers, or nobody.
    pub fn begin(&mut self, source: Option<Arc<dyn StateSource>>) {
        self.source = source;
        self.answers.clear();
    }

    /// Forgets what was asked; who answers stays.
    pub fn restart(&mut self) {
        self.answers.clear();
    }

    /// What was asked, in order.
    pub fn reads(&self) -> Vec<StateRead> {
        let mut reads: Vec<StateRead> = self.answers.values().cloned().collect();
        reads.sort();
        reads
    }

    /// The answer to a question, which is the same throughout a decision.
    fn answer(&mut self, question: Question) -> Result<&StateRead, BuiltinError> {
        if !self.answers.contains_key(&question) {
            let Some(source) = &self.source else {
                let message = "the host keeps no counters and sessions, so what the policy asks of them is not known";
                return Err(BuiltinError::State(message.into()));
            };
            if self.answers.len() >= READS_MAX {
                return Err(BuiltinError::State(format!(
                    "the policy asks more than {READS_MAX} things of counters and the session"
                )));
            }
            let read = ask(&**source, &question).map_err(|error| BuiltinError::State(error.0))?;
            self.answers.insert(question.clone(), read);
        }
        self.answers.get(&question).ok_or(BuiltinError::Undefined)
    }
}

fn ask(source: &dyn StateSource, question: &Question) -> Result<StateRead, StateError> {
    Ok(match question {
        Question::Counter(counter, window_nanoseconds, key) => StateRead::Counter {
            value: source.counter(counter, *window_nanoseconds, key)?,
            counter: counter.clone(),
            window_nanoseconds: *window_nanoseconds,
            key: key.clone(),
        },
        Question::Labels => StateRead::Labels { labels: source.labels()? },
        Question::Seen(event, name, within_nanoseconds) => StateRead::Seen {
            seen: source.seen(*event, name, *within_nanoseconds)?,
            event: *event,
            name: name.clone(),
            within_nanoseconds: *within_nanoseconds,
        },
    })
}

/// Whether a value can tell requests of a counter apart.
pub fn is_counter_key(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
}

fn counter(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let name: Arc<str> = call.text(arguments, 1)?.into();
    let window = call.int(arguments, 2)?;
    let key: Vec<Value> = call.array(arguments, 3)?.iter().map(|word| call.heap.to_value(*word)).collect();
    if let Some(other) = key.iter().find(|value| !is_counter_key(value)) {
        return Err(failed(format!("counter `{name}` can't be kept apart by a value of type {}", other.type_name())));
    }
    call.charge(10)?;
    let StateRead::Counter { value: Value::Number(value), .. } =
        call.state.answer(Question::Counter(name.clone(), window, key))?
    else {
        return Err(BuiltinError::State(format!("the host gives no number for counter `{name}`")));
    };
    Ok(call.heap.number(value.clone())?)
}

fn labels(call: &mut Call<'_>, _: &[Word]) -> Outcome {
    let StateRead::Labels { labels } = call.state.answer(Question::Labels)? else {
        return Err(BuiltinError::Undefined);
    };
    *call.fuel = call.fuel.checked_sub(10 + labels.len() as u64).ok_or(BuiltinError::Fuel)?;
    let words = labels.iter().map(|label| call.heap.string(label)).collect::<Result<Vec<Word>, _>>()?;
    Ok(call.heap.set(words)?)
}

fn seen(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let kind = call.text(arguments, 1)?;
    let event = EventKind::named(kind).ok_or_else(|| operand_error(1, "must be one of {tool, label, action}"))?;
    let name: Arc<str> = call.text(arguments, 2)?.into();
    let within = call.int(arguments, 3)?;
    call.charge(10)?;
    match call.state.answer(Question::Seen(event, name, within))? {
        StateRead::Seen { seen: true, .. } => Ok(Word::TRUE),
        _ => Ok(Word::FALSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_asked_once_and_noted() {
        #[derive(Debug, Default)]
        struct Growing(std::sync::atomic::AtomicI64);
        impl StateSource for Growing {
            fn counter(&self, _: &str, _: i64, _: &[Value]) -> Result<Value, StateError> {
                Ok(Value::from(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
            }
            fn labels(&self) -> Result<BTreeSet<Arc<str>>, StateError> {
                Err(StateError("not today".into()))
            }
            fn seen(&self, _: EventKind, name: &str, _: i64) -> Result<bool, StateError> {
                Ok(name == "x")
            }
        }
        let mut state = State::default();
        let question = || Question::Counter("a.b".into(), 1, vec![Value::from("k")]);
        assert!(matches!(state.answer(question()), Err(BuiltinError::State(_))), "nobody answers");
        state.begin(Some(Arc::new(Growing::default())));
        let first = state.answer(question()).expect("answered").clone();
        assert_eq!(state.answer(question()), Ok(&first));
        assert_eq!(state.answer(Question::Labels), Err(BuiltinError::State("not today".into())));
        assert_eq!(state.reads(), [first]);
        state.begin(None);
        assert!(state.reads().is_empty());
    }
}
