//! What one decision asked of earlier requests, and what it was told.
//!
//! Questions are kept as words of the evaluation, which live as long as the decision does, and are copied only for who wants
//! to know them. So a decision that asks no more than those before it allocates nothing.

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::sync::Arc;

use hashbrown::HashTable;
use hpol_lang::value::{Number, Value};
use rustc_hash::FxHasher;

use super::{CounterKey, EventKind, KeyParts, StateRead, StateSource};
use crate::arguments::Outcome;
use crate::builtin::BuiltinError;
use crate::heap::{Heap, View, Word};

/// Questions that one decision may ask.
const READS_MAX: usize = 1_000;

/// So many questions are compared one by one, which takes less than to look them up.
const FEW: usize = 8;

/// The questions of one decision and their answers.
#[derive(Debug, Default)]
pub struct State {
    source: Option<Arc<dyn StateSource>>,
    asked: Vec<Asked>,
    /// Positions in `asked`, by question, once there are more than a few.
    places: HashTable<u32>,
    /// The labels of the session one after another, once they were asked for, and where each ends.
    labels: String,
    label_ends: Vec<usize>,
    /// The same as a set, once it was made.
    labels_word: Option<Word>,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    answer: Answer,
}

/// A question, by words of the evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// What a counter stands at for a key, which is an array.
    Counter { name: Word, window_nanoseconds: i64, key: Word },
    /// The labels of the session.
    Labels,
    /// Whether the session has an event.
    Seen { event: EventKind, name: Word, within_nanoseconds: i64 },
}

/// What the host answers.
#[derive(Debug)]
pub(super) enum Answer {
    /// What the counter stands at.
    Counter(Number),
    /// The labels stand beside the answers.
    Labels,
    /// Whether it was seen.
    Seen(bool),
}

impl State {
    /// Forgets what was asked; from now on `source` answers, or nobody.
    #[inline]
    pub fn begin(&mut self, source: Option<Arc<dyn StateSource>>) {
        self.source = source;
        self.restart();
    }

    /// Forgets what was asked; who answers stays.
    #[inline]
    pub fn restart(&mut self) {
        if !self.asked.is_empty() {
            self.forget();
        }
    }

    #[inline(never)]
    fn forget(&mut self) {
        self.asked.clear();
        self.places.clear();
        self.labels.clear();
        self.label_ends.clear();
        self.labels_word = None;
    }

    /// What was asked, in order. `heap` is that of the evaluation.
    pub fn reads(&self, heap: &Heap) -> Vec<StateRead> {
        let mut reads: Vec<StateRead> = self.asked.iter().map(|asked| self.read(asked, heap)).collect();
        reads.sort();
        reads
    }

    fn read(&self, asked: &Asked, heap: &Heap) -> StateRead {
        match (asked.question, &asked.answer) {
            (Question::Counter { name, window_nanoseconds, key }, Answer::Counter(value)) => StateRead::Counter {
                counter: text(heap, name).into(),
                window_nanoseconds,
                key: counter_key(heap, key).to_values(),
                value: Value::Number(value.clone()),
            },
            (Question::Seen { event, name, within_nanoseconds }, Answer::Seen(seen)) => {
                StateRead::Seen { event, name: text(heap, name).into(), within_nanoseconds, seen: *seen }
            }
            _ => StateRead::Labels { labels: self.labels().map(Arc::from).collect::<BTreeSet<_>>() },
        }
    }

    /// The answer to a question, which is the same throughout a decision.
    pub(super) fn answer(&mut self, question: Question, heap: &Heap) -> Result<&Answer, BuiltinError> {
        let known = |asked: &Asked| same(heap, asked.question, question);
        let found = if self.asked.len() <= FEW {
            self.asked.iter().position(known)
        } else {
            let known = |at: &u32| self.asked.get(*at as usize).is_some_and(known);
            self.places.find(hash(heap, question), known).map(|at| *at as usize)
        };
        let at = match found {
            Some(at) => at,
            None => self.ask(question, heap)?,
        };
        self.asked.get(at).map(|asked| &asked.answer).ok_or(BuiltinError::Undefined)
    }

    /// Asks what was not asked before, and says where the answer stands.
    fn ask(&mut self, question: Question, heap: &Heap) -> Result<usize, BuiltinError> {
        let at = self.asked.len();
        let Some(source) = &self.source else {
            let message = "the host keeps no counters and sessions, so what the policy asks of them is not known";
            return Err(BuiltinError::State(message.into()));
        };
        if at >= READS_MAX {
            let message = format!("the policy asks more than {READS_MAX} things of counters and the session");
            return Err(BuiltinError::State(message));
        }
        let answer = match question {
            Question::Counter { name, window_nanoseconds, key } => {
                source.counter(text(heap, name), window_nanoseconds, counter_key(heap, key)).map(Answer::Counter)
            }
            Question::Seen { event, name, within_nanoseconds } => {
                source.seen(event, text(heap, name), within_nanoseconds).map(Answer::Seen)
            }
            Question::Labels => {
                let (labels, ends) = (&mut self.labels, &mut self.label_ends);
                // A source that failed before may have told some.
                labels.clear();
                ends.clear();
                let told = source.labels(&mut |label| {
                    labels.push_str(label);
                    ends.push(labels.len());
                });
                told.map(|()| Answer::Labels)
            }
        };
        let answer = answer.map_err(|error| BuiltinError::State(error.0))?;
        self.asked.push(Asked { question, answer });
        if self.asked.len() > FEW {
            // Those that came before have no places yet when there are one more than a few.
            let first = if self.places.is_empty() { 0 } else { at };
            let Self { asked, places, .. } = self;
            let hash_at = |place: &u32| asked.get(*place as usize).map_or(0, |asked| hash(heap, asked.question));
            for place in (first..=at).filter_map(|place| u32::try_from(place).ok()) {
                places.insert_unique(hash_at(&place), place, hash_at);
            }
        }
        Ok(at)
    }

    /// The labels of the session, once they were asked for.
    fn labels(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.label_ends.iter().map(move |end| {
            let label = self.labels.get(start..*end).unwrap_or_default();
            start = *end;
            label
        })
    }

    /// How many labels were told.
    pub(super) fn labels_count(&self) -> u64 {
        self.label_ends.len() as u64
    }

    /// The labels as a set.
    pub(super) fn labels_set(&mut self, heap: &mut Heap) -> Outcome {
        if let Some(known) = self.labels_word {
            return Ok(known);
        }
        let mut words = heap.take_words();
        for label in self.labels() {
            words.push(heap.string(label)?);
        }
        let set = heap.set(words)?;
        self.labels_word = Some(set);
        Ok(set)
    }
}

fn text(heap: &Heap, word: Word) -> &str {
    heap.as_str(word).unwrap_or_default()
}

fn counter_key(heap: &Heap, key: Word) -> CounterKey<'_> {
    CounterKey(KeyParts::Words(heap, heap.elements(key).unwrap_or_default()))
}

fn same(heap: &Heap, left: Question, right: Question) -> bool {
    match (left, right) {
        (
            Question::Counter { name, window_nanoseconds, key },
            Question::Counter { name: other_name, window_nanoseconds: other_window, key: other_key },
        ) => window_nanoseconds == other_window && heap.equal(name, other_name) && heap.equal(key, other_key),
        (Question::Labels, Question::Labels) => true,
        (
            Question::Seen { event, name, within_nanoseconds },
            Question::Seen { event: other_event, name: other_name, within_nanoseconds: other_within },
        ) => event == other_event && within_nanoseconds == other_within && heap.equal(name, other_name),
        _ => false,
    }
}

fn hash(heap: &Heap, question: Question) -> u64 {
    let mut hasher = FxHasher::default();
    match question {
        Question::Counter { name, window_nanoseconds, key } => {
            hasher.write_i64(window_nanoseconds);
            hash_word(heap, name, &mut hasher);
            heap.elements(key).unwrap_or_default().iter().for_each(|part| hash_word(heap, *part, &mut hasher));
        }
        Question::Labels => {}
        Question::Seen { event, name, within_nanoseconds } => {
            hasher.write_i64(within_nanoseconds);
            hasher.write_u8(event as u8);
            hash_word(heap, name, &mut hasher);
        }
    }
    hasher.finish()
}

/// Equal values give the same: those that have one word, by that, and texts by their bytes.
fn hash_word(heap: &Heap, word: Word, hasher: &mut FxHasher) {
    match heap.view(word) {
        _ if word.is_canonical() => hasher.write_u64(word.bits()),
        View::String(text) => hasher.write(text.as_bytes()),
        _ => {}
    }
}
