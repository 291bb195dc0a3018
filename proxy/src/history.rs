//! What the gateway keeps of earlier requests: counters, and the labels and events of sessions.
//!
//! Policies read it through a `View`. What a decision leaves behind is reserved in memory before the decision is recorded, and
//! becomes durable in the transaction of its record; a record that can't be written takes its amounts back. A decision
//! whose answers are no longer true when it is reserved is made again, so that of two requests at a time only one can be the
//! last that a limit lets through.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hpol_lang::value::{Number, Value};
use hpol_runtime::decision::Decision;
use hpol_runtime::state::{CounterKey, EventKind, StateError, StateRead, StateSource, labels_of};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::config::SessionsConfig;
use crate::store::{Store, StoreError};

mod table;
mod window;

pub(crate) use table::{Keep, Row, Unlabel};
use window::Window;

/// Longest name or key that is kept as it is; longer ones are kept as their hash.
const NAME_BYTES_MAX: usize = 256;
/// Different events of one session that are kept.
const EVENTS_MAX: usize = 1_000;
/// Labels of one session.
const LABELS_MAX: usize = 256;
/// Shortest time between two looks for what is over, where there is no room.
const SWEEP_NANOSECONDS_MIN: i64 = 1_000_000_000;

/// The label of a session whose client told of an output of a tool that no model called here.
pub(crate) const UNSEEN_TOOL_OUTPUT: &str = "unseen-tool-output";

/// What is kept. Clones share it.
#[derive(Debug, Clone)]
pub struct History {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    /// Held while something is reserved.
    turn: Mutex<()>,
    config: SessionsConfig,
}

#[derive(Debug, Default)]
struct Memory {
    counters: HashMap<CounterId, Window>,
    sessions: HashMap<Arc<str>, Session>,
    /// The last version of a bucket.
    version: u64,
    swept: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CounterId {
    name: Arc<str>,
    window_nanoseconds: i64,
    key: Arc<str>,
}

#[derive(Debug, Default)]
struct Session {
    /// Labels with when they were given.
    labels: BTreeMap<Arc<str>, i64>,
    /// When each thing happened last.
    events: HashMap<(Happening, Arc<str>), i64>,
}

/// The kinds of events that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Happening {
    /// One that policies can ask for.
    Told(EventKind),
    /// A model called a tool, by the call's id.
    Call,
}

impl Happening {
    fn word(self) -> &'static str {
        match self {
            Self::Told(kind) => kind.word(),
            Self::Call => "call",
        }
    }

    fn named(word: &str) -> Option<Self> {
        if word == "call" { Some(Self::Call) } else { EventKind::named(word).map(Self::Told) }
    }
}

/// A session's labels, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SessionLabels {
    /// The session: issuer and subject, and the value of the header that tells sessions apart.
    pub session: String,
    /// Its labels in order.
    pub labels: Vec<SessionLabel>,
}

/// A label that a session has.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SessionLabel {
    /// The label.
    pub label: String,
    /// When it was given first.
    pub since: Timestamp,
}

/// What a request brings with it, besides what is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brought {
    /// The name of what it asks for.
    pub(crate) action: String,
    /// Tools whose calls or outputs it tells of.
    pub(crate) tools: Vec<String>,
    /// Ids of calls whose outputs it tells of; `None` for an output without one.
    pub(crate) outputs: Vec<Option<String>>,
}

/// What is known for one request, at its time.
#[derive(Debug)]
pub(crate) struct View {
    history: History,
    session: Arc<str>,
    now: i64,
    action: Arc<str>,
    tools: BTreeSet<Arc<str>>,
    /// Labels that the request itself brings.
    brought: BTreeSet<Arc<str>>,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotReserved {
    /// Something that the decision read has changed since.
    Changed,
    /// There is no room; says for what.
    Full(&'static str),
}

/// What a request leaves behind, in memory so far. Its amounts are taken back when this is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Reservation {
    history: History,
    rows: Vec<Row>,
    undo: Vec<Undo>,
}

/// An amount to be taken back. Labels are not: a request at the same time may have given the same one, and one too many protects.
#[derive(Debug)]
struct Undo {
    counter: CounterId,
    index: i64,
    amount: Number,
}

/// The right to reserve; nobody else can meanwhile.
pub(crate) struct Turn<'h> {
    #[expect(dead_code, reason = "held for its drop")]
    guard: MutexGuard<'h, ()>,
}

impl History {
    /// Takes up what the store holds.
    ///
    /// # Errors
    ///
    /// The store can't be read, or is damaged.
    pub(crate) async fn load(config: &SessionsConfig, store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let memory = Mutex::new(table::load(store, now.nanoseconds()).await?);
        Ok(Self { shared: Arc::new(Shared { memory, turn: Mutex::new(()), config: config.clone() }) })
    }

    /// The session that a request belongs to.
    pub(crate) fn session(&self, issuer: &str, subject: &str, headers: &http::HeaderMap) -> Arc<str> {
        let mut name = session_name(issuer, subject);
        if let Some(value) = self.shared.config.header.as_ref().and_then(|name| headers.get(name.as_str())) {
            name.push(' ');
            name.push_str(&part(&String::from_utf8_lossy(value.as_bytes())));
        }
        bounded(&name)
    }

    /// What is known for a request of a session.
    pub(crate) fn view(&self, session: &Arc<str>, brought: &Brought, now: Timestamp) -> View {
        let memory = self.memory();
        let known = memory.sessions.get(session);
        let seen = |id: &str| known.is_some_and(|known| known.events.contains_key(&(Happening::Call, bounded(id))));
        let unseen = brought.outputs.iter().any(|id| !id.as_deref().is_some_and(seen));
        View {
            history: self.clone(),
            session: session.clone(),
            now: now.nanoseconds(),
            action: bounded(&brought.action),
            tools: brought.tools.iter().map(|tool| bounded(tool)).collect(),
            brought: unseen.then(|| Arc::from(UNSEEN_TOOL_OUTPUT)).into_iter().collect(),
        }
    }

    /// Waits for the right to reserve.
    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn { guard: self.shared.turn.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Notes calls of tools that a model made: each with its id and the tool's name. The rows are to be written.
    pub(crate) fn note_calls(&self, session: &Arc<str>, calls: &[(String, String)], now: Timestamp) -> Vec<Row> {
        let mut memory = self.memory();
        let mut rows = Vec::new();
        for (id, tool) in calls {
            let events = [(Happening::Call, bounded(id)), (Happening::Told(EventKind::Tool), bounded(tool))];
            for (event, name) in events {
                // Where there is no room an output of the call counts as unseen, which protects.
                if memory.note(session, event, &name, now.nanoseconds(), &self.shared.config).is_ok() {
                    let session = session.clone();
                    rows.push(Row::Event { session, event, name, time: now.nanoseconds() });
                }
            }
        }
        rows
    }

    /// Sessions that have labels, in order, from `after` on.
    pub(crate) fn labelled(&self, after: Option<&str>, limit: usize) -> Vec<SessionLabels> {
        let memory = self.memory();
        let mut names: Vec<&Arc<str>> = memory
            .sessions
            .iter()
            .filter(|(name, session)| !session.labels.is_empty() && after.is_none_or(|after| ***name > *after))
            .map(|(name, _)| name)
            .collect();
        names.sort();
        let labels = |session: &Session| -> Vec<SessionLabel> {
            let label = |(label, since): (&Arc<str>, &i64)| SessionLabel {
                label: label.to_string(),
                since: Timestamp::from_nanoseconds(*since),
            };
            session.labels.iter().map(label).collect()
        };
        let shown = names.into_iter().take(limit).filter_map(|name| Some((name, memory.sessions.get(name)?)));
        shown.map(|(name, session)| SessionLabels { session: name.to_string(), labels: labels(session) }).collect()
    }

    /// Forgets a label, after that was recorded.
    pub(crate) fn unlabel(&self, session: &str, label: &str) {
        let _turn = self.turn();
        if let Some(session) = self.memory().sessions.get_mut(session) {
            session.labels.remove(label);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    /// Reserves what a decision leaves behind if its request goes ahead.
    ///
    /// # Errors
    ///
    /// What the decision read is no longer true, or there is no room.
    pub(crate) fn reserve(&self, _turn: &Turn<'_>, decision: &Decision) -> Result<Reservation, NotReserved> {
        if !decision.reads.iter().all(|read| self.still_holds(read)) {
            return Err(NotReserved::Changed);
        }
        let mut reservation = Reservation { history: self.history.clone(), rows: Vec::new(), undo: Vec::new() };
        let mut memory = self.history.memory();
        let added = self.add(&mut memory, decision, &mut reservation);
        drop(memory);
        added.map(|()| reservation)
    }

    fn add(&self, memory: &mut Memory, decision: &Decision, reservation: &mut Reservation) -> Result<(), NotReserved> {
        let config = &self.history.shared.config;
        for increment in &decision.increments {
            let Value::Number(amount) = &increment.amount else { continue };
            let counter = CounterId {
                name: increment.counter.clone(),
                window_nanoseconds: increment.window_nanoseconds,
                key: key_text(&increment.key),
            };
            memory.make_room(self.now, config, &counter)?;
            memory.version += 1;
            let version = memory.version;
            let window =
                memory.counters.entry(counter.clone()).or_insert_with(|| Window::new(counter.window_nanoseconds));
            let oldest = window.oldest(self.now);
            let bucket = window.add(self.now, amount, version).map_err(|_| NotReserved::Full("counters"))?;
            let (index, total) = (bucket.index, bucket.amount.clone());
            reservation.rows.push(Row::Bucket { counter: counter.clone(), index, oldest, amount: total, version });
            reservation.undo.push(Undo { counter, index, amount: amount.clone() });
        }
        for label in decision.labels.iter().chain(&self.brought) {
            let session = self.session.clone();
            memory.label(&session, label, self.now, config)?;
            reservation.rows.push(Row::Label { session, label: label.clone(), time: self.now });
        }
        let labels = decision.labels.iter().chain(&self.brought).map(|label| (EventKind::Label, label));
        let tools = self.tools.iter().map(|tool| (EventKind::Tool, tool));
        for (kind, name) in labels.chain(tools).chain([(EventKind::Action, &self.action)]) {
            let event = Happening::Told(kind);
            memory.note(&self.session, event, name, self.now, config)?;
            let (session, name) = (self.session.clone(), name.clone());
            reservation.rows.push(Row::Event { session, event, name, time: self.now });
        }
        Ok(())
    }

    fn still_holds(&self, read: &StateRead) -> bool {
        match read {
            StateRead::Counter { counter, window_nanoseconds, key, value } => {
                let stands = self.counter(counter, *window_nanoseconds, key.as_slice().into());
                stands.is_ok_and(|stands| Value::Number(stands) == *value)
            }
            StateRead::Labels { labels } => labels_of(self).as_ref() == Ok(labels),
            StateRead::Seen { event, name, within_nanoseconds, seen } => {
                self.seen(*event, name, *within_nanoseconds).as_ref() == Ok(seen)
            }
        }
    }
}

impl StateSource for View {
    fn counter(&self, counter: &str, window_nanoseconds: i64, key: CounterKey<'_>) -> Result<Number, StateError> {
        let key = CounterId { name: counter.into(), window_nanoseconds, key: key_text(&key.to_values()) };
        match self.history.memory().counters.get_mut(&key) {
            None => Ok(Number::from(0)),
            Some(window) => window.total(self.now).map_err(|error| StateError(format!("counter `{counter}`: {error}"))),
        }
    }

    fn labels(&self, tell: &mut dyn FnMut(&str)) -> Result<(), StateError> {
        let memory = self.history.memory();
        let kept = memory.sessions.get(&self.session).into_iter().flat_map(|session| session.labels.keys());
        kept.chain(&self.brought).for_each(|label| tell(label));
        Ok(())
    }

    fn seen(&self, event: EventKind, name: &str, within_nanoseconds: i64) -> Result<bool, StateError> {
        let name = bounded(name);
        let now = match event {
            EventKind::Tool => self.tools.contains(&name),
            EventKind::Label => self.brought.contains(&name),
            // The request itself is not an earlier one.
            EventKind::Action => false,
        };
        let memory = self.history.memory();
        let last =
            memory.sessions.get(&self.session).and_then(|session| session.events.get(&(Happening::Told(event), name)));
        Ok(now || last.is_some_and(|last| self.now.saturating_sub(*last) <= within_nanoseconds))
    }
}

impl Memory {
    /// Makes room for a counter's key, if it is a new one.
    fn make_room(&mut self, now: i64, config: &SessionsConfig, key: &CounterId) -> Result<(), NotReserved> {
        let most = usize::try_from(config.max_counters).unwrap_or(usize::MAX);
        if self.counters.contains_key(key) || self.counters.len() < most {
            return Ok(());
        }
        self.sweep(now);
        if self.counters.len() < most { Ok(()) } else { Err(NotReserved::Full("counters")) }
    }

    /// Drops what does not count any more.
    fn sweep(&mut self, now: i64) {
        if now.saturating_sub(self.swept) < SWEEP_NANOSECONDS_MIN {
            return;
        }
        self.swept = now;
        self.counters.retain(|_, window| !window.is_over(now));
        let recent = |last: &i64| now.saturating_sub(*last) <= table::EVENTS_NANOSECONDS_MAX;
        self.sessions.retain(|_, session| {
            session.events.retain(|_, last| recent(last));
            !session.labels.is_empty() || !session.events.is_empty()
        });
    }

    fn session(&mut self, name: &Arc<str>, now: i64, config: &SessionsConfig) -> Result<&mut Session, NotReserved> {
        let most = usize::try_from(config.max_sessions).unwrap_or(usize::MAX);
        if !self.sessions.contains_key(name) && self.sessions.len() >= most {
            self.sweep(now);
            if self.sessions.len() >= most {
                return Err(NotReserved::Full("sessions"));
            }
        }
        Ok(self.sessions.entry(name.clone()).or_default())
    }

    /// Gives a label.
    fn label(
        &mut self,
        session: &Arc<str>,
        label: &Arc<str>,
        now: i64,
        config: &SessionsConfig,
    ) -> Result<(), NotReserved> {
        let session = self.session(session, now, config)?;
        if session.labels.contains_key(label) {
            return Ok(());
        }
        if session.labels.len() >= LABELS_MAX {
            return Err(NotReserved::Full("labels of the session"));
        }
        session.labels.insert(label.clone(), now);
        Ok(())
    }

    /// Notes an event. Nothing that policies can ask for is forgotten to make room; ids of calls are.
    fn note(
        &mut self,
        session: &Arc<str>,
        event: Happening,
        name: &Arc<str>,
        now: i64,
        config: &SessionsConfig,
    ) -> Result<(), NotReserved> {
        let session = self.session(session, now, config)?;
        let key = (event, name.clone());
        if !session.events.contains_key(&key) {
            let same = |(kind, _): &&(Happening, Arc<str>)| (*kind == Happening::Call) == (event == Happening::Call);
            if session.events.len() >= EVENTS_MAX && session.events.keys().filter(same).count() >= EVENTS_MAX {
                let oldest = session.events.iter().filter(|(key, _)| same(key)).min_by_key(|(_, last)| **last);
                let oldest = oldest.map(|(key, last)| (key.clone(), *last));
                let forgotten = oldest.filter(|(_, last)| {
                    event == Happening::Call || now.saturating_sub(*last) > table::EVENTS_NANOSECONDS_MAX
                });
                let Some((oldest, _)) = forgotten else { return Err(NotReserved::Full("events of the session")) };
                session.events.remove(&oldest);
            }
        }
        let last = session.events.entry(key).or_insert(now);
        *last = now.max(*last);
        Ok(())
    }
}

impl Reservation {
    /// The rows to write.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.rows.clone()
    }

    /// The rows are durable.
    pub(crate) fn keep(mut self) {
        self.undo.clear();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.undo.is_empty() {
            return;
        }
        let mut memory = self.history.memory();
        for Undo { counter, index, amount } in self.undo.drain(..) {
            memory.version += 1;
            let version = memory.version;
            if let Some(window) = memory.counters.get_mut(&counter) {
                window.take_back(index, &amount, version);
            }
        }
    }
}

/// The session of a subject. Its parts have no spaces, so no two subjects have the same.
pub(crate) fn session_name(issuer: &str, subject: &str) -> String {
    format!("{} {}", part(issuer), part(subject))
}

fn part(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20")
}

/// A key as text: no two keys have the same.
fn key_text(key: &[Value]) -> Arc<str> {
    bounded(&Value::array(key.iter().cloned()).to_json())
}

/// A text, or its hash where it is long.
fn bounded(text: &str) -> Arc<str> {
    if text.len() <= NAME_BYTES_MAX {
        return text.into();
    }
    format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes()))).into()
}

#[cfg(test)]
mod tests;
