//! What is known of earlier requests: counters, and the labels and events of a session.
//!
//! A host that keeps them gives a [`StateSource`] with each request ([`Input::with_state`](crate::Input::with_state)). A decision
//! says what it read ([`Decision::reads`](crate::Decision::reads)), and what the host is to keep if the request goes ahead
//! ([`Decision::increments`](crate::Decision::increments), [`Decision::labels`](crate::Decision::labels)).

use std::collections::BTreeSet;
use std::sync::Arc;

use hpol_lang::value::{Number, Value};
pub use hpol_stdlib::state::{CounterKey, EmptyState, EventKind, StateError, StateRead, StateSource, labels_of};

/// The answers of an earlier decision: with them and nothing else it comes out the same again.
///
/// ```
/// use std::sync::Arc;
/// use hpol_runtime::source::Files;
/// use hpol_runtime::state::{FixedState, RecordedState};
/// use hpol_runtime::{Engine, EngineOptions, Input, Value};
///
/// let policy = r#"
/// package guard
/// input: Call
/// type Call = {user: string}
/// counter calls = count() per input.user window 1h
/// allow "first five" if calls < 5
/// "#;
/// let engine = Engine::new(EngineOptions::default());
/// engine.load(&Files::from_memory([("guard.hpol", policy)]))?;
/// let input = Input::from_json("Call", r#"{"user": "ann"}"#)?;
/// let state = FixedState::default().counter("guard.calls", vec!["ann".into()], 4);
/// let decision = engine.decide(&input.clone().with_state(Arc::new(state)));
/// let replayed = engine.decide(&input.with_state(Arc::new(RecordedState::new(decision.reads.clone()))));
/// assert_eq!(decision, replayed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordedState {
    reads: Vec<StateRead>,
}

impl RecordedState {
    /// From what a decision read.
    pub fn new(reads: Vec<StateRead>) -> Self {
        Self { reads }
    }

    fn missing<T>(what: String) -> Result<T, StateError> {
        Err(StateError(format!("the record does not hold {what}")))
    }
}

impl StateSource for RecordedState {
    fn counter(&self, wanted: &str, window: i64, wanted_key: CounterKey<'_>) -> Result<Number, StateError> {
        let found = self.reads.iter().find_map(|read| match read {
            StateRead::Counter { counter, window_nanoseconds, key, value: Value::Number(value) }
                if **counter == *wanted && *window_nanoseconds == window && wanted_key.is(key) =>
            {
                Some(value.clone())
            }
            _ => None,
        });
        found.map_or_else(|| Self::missing(format!("what counter `{wanted}` stood at")), Ok)
    }

    fn labels(&self, tell: &mut dyn FnMut(&str)) -> Result<(), StateError> {
        let found = self.reads.iter().find_map(|read| match read {
            StateRead::Labels { labels } => Some(labels),
            _ => None,
        });
        let Some(labels) = found else { return Self::missing("the labels of the session".to_owned()) };
        labels.iter().for_each(|label| tell(label));
        Ok(())
    }

    fn seen(&self, wanted: EventKind, wanted_name: &str, within: i64) -> Result<bool, StateError> {
        let found = self.reads.iter().find_map(|read| match read {
            StateRead::Seen { event, name, within_nanoseconds, seen }
                if *event == wanted && **name == *wanted_name && *within_nanoseconds == within =>
            {
                Some(*seen)
            }
            _ => None,
        });
        found.map_or_else(|| Self::missing(format!("whether `{wanted_name}` was seen")), Ok)
    }
}

/// A state that is given by hand: for looking at what a policy would decide. Counters that are not named stand at 0.
#[derive(Debug, Clone, Default)]
pub struct FixedState {
    counters: Vec<(Arc<str>, Option<Vec<Value>>, Number)>,
    labels: BTreeSet<Arc<str>>,
    /// Events and how long ago they happened, in nanoseconds.
    events: Vec<(EventKind, Arc<str>, i64)>,
}

impl FixedState {
    /// The same with a counter at a value, for one key.
    #[must_use]
    pub fn counter(mut self, name: &str, key: Vec<Value>, value: impl Into<Number>) -> Self {
        self.counters.push((name.into(), Some(key), value.into()));
        self
    }

    /// The same with a label of the session.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.labels.insert(label.into());
        self
    }

    /// The same with an event of the session, so many nanoseconds ago.
    #[must_use]
    pub fn event(mut self, kind: EventKind, name: &str, ago_nanoseconds: i64) -> Self {
        self.events.push((kind, name.into(), ago_nanoseconds));
        self
    }

    /// Reads it from a document such as
    /// `{"counters": {"guard.calls": 5}, "labels": ["untrusted"], "events": [{"tool": "get_inbox", "ago": 600}]}`.
    ///
    /// A counter is a number for every key, or a list of `{"key": ["ann"], "value": 5}`; `ago` is in seconds and 0 where it is
    /// missing; an event names a `tool`, a `label` or an `action`.
    ///
    /// # Errors
    ///
    /// What the document has that a state has not.
    pub fn from_value(value: &Value) -> Result<Self, StateError> {
        let mut state = Self::default();
        for (name, part) in entries(value, "a state")? {
            match name {
                "counters" => {
                    for (counter, value) in entries(part, "`counters`")? {
                        state.read_counter(counter, value)?;
                    }
                }
                "labels" => {
                    for label in items(part, "`labels`")? {
                        let text = label.as_str().ok_or_else(|| wrong("a label", "a text", label))?;
                        state.labels.insert(text.into());
                    }
                }
                "events" => {
                    for event in items(part, "`events`")? {
                        state.read_event(event)?;
                    }
                }
                other => {
                    return Err(StateError(format!("a state has no `{other}`, but `counters`, `labels`, `events`")));
                }
            }
        }
        Ok(state)
    }

    fn read_counter(&mut self, counter: &str, value: &Value) -> Result<(), StateError> {
        if let Value::Number(value) = value {
            self.counters.push((counter.into(), None, value.clone()));
            return Ok(());
        }
        for entry in items(value, &format!("counter `{counter}`"))? {
            let key = items(entry.get("key").unwrap_or(&Value::Null), "`key`")?;
            let value = entry.get("value").unwrap_or(&Value::Null);
            let Value::Number(value) = value else { return Err(wrong("`value`", "a number", value)) };
            self.counters.push((counter.into(), Some(key.to_vec()), value.clone()));
        }
        Ok(())
    }

    fn read_event(&mut self, event: &Value) -> Result<(), StateError> {
        let (mut found, mut ago) = (None, 0);
        for (name, part) in entries(event, "an event")? {
            match (name, EventKind::named(name), part) {
                ("ago", _, Value::Number(number)) => {
                    let seconds = number.as_i64().filter(|seconds| *seconds >= 0);
                    let nanoseconds = seconds.and_then(|seconds| seconds.checked_mul(1_000_000_000));
                    ago = nanoseconds.ok_or_else(|| StateError("`ago` is a whole number of seconds".to_owned()))?;
                }
                (_, Some(kind), Value::String(name)) if found.is_none() => found = Some((kind, name.clone())),
                _ => return Err(StateError(format!("an event has no `{name}` like this"))),
            }
        }
        let (kind, name) =
            found.ok_or_else(|| StateError("an event names a `tool`, a `label` or an `action`".to_owned()))?;
        self.events.push((kind, name, ago));
        Ok(())
    }
}

fn entries<'v>(value: &'v Value, what: &str) -> Result<Vec<(&'v str, &'v Value)>, StateError> {
    match value {
        Value::Object(entries) => {
            Ok(entries.iter().filter_map(|(name, value)| Some((name.as_str()?, value))).collect())
        }
        other => Err(wrong(what, "an object", other)),
    }
}

fn items<'v>(value: &'v Value, what: &str) -> Result<&'v [Value], StateError> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(wrong(what, "an array", other)),
    }
}

fn wrong(what: &str, wanted: &str, found: &Value) -> StateError {
    StateError(format!("{what} is {wanted}, not a value of type {}", found.type_name()))
}

impl StateSource for FixedState {
    fn counter(&self, wanted: &str, _: i64, wanted_key: CounterKey<'_>) -> Result<Number, StateError> {
        let fits = |key: &Option<Vec<Value>>| key.as_ref().is_none_or(|key| wanted_key.is(key));
        let found = self.counters.iter().find(|(name, key, _)| **name == *wanted && fits(key));
        Ok(found.map_or_else(|| Number::from(0), |(_, _, value)| value.clone()))
    }

    fn labels(&self, tell: &mut dyn FnMut(&str)) -> Result<(), StateError> {
        self.labels.iter().for_each(|label| tell(label));
        Ok(())
    }

    fn seen(&self, wanted: EventKind, wanted_name: &str, within: i64) -> Result<bool, StateError> {
        let recent = |(kind, name, ago): &(EventKind, Arc<str>, i64)| {
            *kind == wanted && **name == *wanted_name && *ago <= within
        };
        Ok(self.events.iter().any(recent))
    }
}
