//! Everything one evaluation works on, shared by both engines: values, limits, the mark of absence, what `with`
//! replaced, and what is to be explained.
//!
//! Both engines only move words between registers and follow the plan's structure. Whatever looks at values or changes
//! the state of an evaluation is a method here or in [`crate::ops`], so that the engines cannot disagree on it.
//!
//! A method that can fail returns `Result<Word, Stop>`: [`Word::ABSENT`] means that the statement fails (and that the mark
//! is set, where it should be), [`Stop`] that an error stands in the context and the evaluation stops.
//!
//! A context is made once for a thread and reused: [`Context::begin`] empties it and keeps its memory.

use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hpol_lang::source::Span;
use hpol_lang::value::Value;
use hpol_stdlib::builtin::Caches;
use hpol_stdlib::heap::{Heap, HeapError, HeapMark, Word};
use hpol_stdlib::state::{State, StateRead, StateSource};

use crate::plan::{PlaceId, Program, SiteId};

mod calls;
mod joins;
mod marks;
mod outcomes;
mod world;

pub use calls::Entered;
pub(crate) use calls::PENDING;
pub(crate) use joins::JOINED_MIN;
pub use outcomes::{OutcomeCounts, Outcomes};
pub use world::Intercepted;

/// Fuel between two looks at the clock and the interrupt flag.
const POLL_UNITS: u64 = 4_096;

/// What an evaluation may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Units of work: loop iterations, calls, and elements that operations touch.
    pub fuel: u64,
    /// Bytes of values, about.
    pub memory_bytes: usize,
    /// Nested calls.
    pub call_depth: u32,
    /// How long it may take, from the first look at the clock, which comes after some thousand units of work.
    pub time: Option<Duration>,
    /// Ends it when set.
    pub interrupt: Option<Arc<AtomicBool>>,
}

impl Default for Limits {
    /// Ten million units, 64 MiB, [`CALL_DEPTH_MAX`] calls, no bound on time.
    fn default() -> Self {
        Self { fuel: 10_000_000, memory_bytes: 64 << 20, call_depth: CALL_DEPTH_MAX, time: None, interrupt: None }
    }
}

/// Deepest nesting of calls that fits the smallest stack on which policies are evaluated (2 MiB).
pub const CALL_DEPTH_MAX: u32 = 128;

/// The evaluation stops: the error stands in the context (see [`Context::take_fault`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// An error of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Stable code: one of [`codes`].
    pub code: &'static str,
    /// What went wrong, for people.
    pub message: String,
    /// The place in the policy, where there is one.
    pub span: Option<Span>,
}

impl Fault {
    /// Whether nothing can be found out any more: a limit was met, or a defect.
    pub fn is_limit(&self) -> bool {
        self.code.starts_with("limit_") || self.code == codes::INTERNAL
    }
}

/// The codes of [`Fault`].
pub mod codes {
    /// A builtin or an operator could not work on its arguments.
    pub const BUILTIN: &str = "eval_builtin_error";
    /// An argument has the wrong type.
    pub const TYPE: &str = "eval_type_error";
    /// Two definitions, or two entries of an object, disagree.
    pub const CONFLICT: &str = "eval_conflict_error";
    /// An integer left its 64 bits.
    pub const OVERFLOW: &str = "arithmetic_overflow";
    /// What is asked of earlier requests is not known.
    pub const STATE: &str = "state_unknown";
    /// The work limit.
    pub const FUEL: &str = "limit_fuel";
    /// The memory limit.
    pub const MEMORY: &str = "limit_memory";
    /// The limit on nested calls.
    pub const DEPTH: &str = "limit_depth";
    /// The limit on the size or nesting of one value.
    pub const VALUE: &str = "limit_value";
    /// The deadline, or an interrupt.
    pub const TIME: &str = "limit_time";
    /// A defect of the evaluator.
    pub const INTERNAL: &str = "internal_error";
}

/// The state of one evaluation.
#[derive(Debug)]
pub struct Context {
    /// What generated code reads and writes in place.
    pub(crate) hot: Hot,
    pub(crate) program: Arc<Program>,
    /// Values.
    pub(crate) heap: Heap,
    pub(crate) caches: Caches,
    pub(crate) now_nanoseconds: i64,
    /// What is known of earlier requests, and what was asked of it.
    pub(crate) state: State,
    limits: Limits,
    /// When the evaluation must have ended, once the clock was looked at.
    deadline: Option<Instant>,
    /// The values of the input, which [`Context::restart`] keeps.
    kept: HeapMark,
    worlds: Vec<world::World>,
    /// The one in force.
    world: usize,
    frames: Vec<calls::Frame>,
    marks: marks::Marks,
    pub(crate) builders: crate::ops::Builders,
    pub(crate) records: Records,
    /// The reasons of rules that have matched when they were screened, as far as they are made.
    pub(crate) reasons: [Word; Self::REASONS_MAX],
    /// How conditions came out, over all evaluations since this was last taken.
    pub(crate) outcomes: Outcomes,
    /// Lists that generated code hands over element by element.
    pub(crate) operands: Vec<Word>,
    /// Positions of elements that loops run over and that stand in several places of an index.
    pub(crate) gathered: Vec<u32>,
    /// Indexes over collections of this evaluation.
    pub(crate) joins: joins::Joins,
    /// Definitions that are being run, of one rule behind those of another.
    pub(crate) definitions: Vec<u32>,
    fault: Option<Fault>,
}

/// Fields that generated code accesses by their offset.
#[derive(Debug, Default)]
pub(crate) struct Hot {
    /// What is left.
    pub(crate) fuel: u64,
    /// When fuel is down to this, the clock is looked at.
    pub(crate) poll_at: u64,
    /// Address of the memo table in force: one word for each slot.
    pub(crate) memo: usize,
    /// The input in force, or absent.
    pub(crate) input: u64,
    /// Address of the slots of the input in force: one word for each of the plan's.
    pub(crate) slots: usize,
    /// Whether calls and data may be replaced: not 0 where they may.
    pub(crate) intercepts: u64,
    /// Whether somebody asks for witnesses: 0 if not.
    pub(crate) tells: u64,
    /// Address of the positions in the indexes of this evaluation.
    pub(crate) joined: usize,
    /// Address of the table of host functions.
    pub(crate) hosts: usize,
    /// Address of the entries of the generated code that runs.
    pub(crate) entries: usize,
    /// What a host function gave to generated code that called it by way of another function.
    pub(crate) result: u64,
    /// Which rules the last screening found to have matched, as an integer's word.
    pub(crate) matched: u64,
}

/// What a decision rule handed out.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) witnesses: Vec<(u32, Word)>,
    pub(crate) reason: Option<Word>,
    pub(crate) exemption_arguments: Vec<Word>,
}

/// Where an evaluation stood, to go back to when it stopped within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    worlds: usize,
    world: usize,
    frames: usize,
    builders: usize,
}

impl Context {
    /// Where the arenas of the values stand, in bytes from the start of a context.
    pub(crate) const ARENAS_OFFSET: usize = offset_of!(Context, heap) + Heap::ARENAS_OFFSET;
    /// Where the address of what is said of fingerprints stands, in bytes from the start of a context.
    pub(crate) const PRINTS_OFFSET: usize = offset_of!(Context, heap) + Heap::PRINTS_OFFSET;
    /// Where the tables of the frozen region stand, in bytes from the start of a context.
    pub(crate) const TABLES_OFFSET: usize = offset_of!(Context, heap) + Heap::TABLES_OFFSET;

    /// How many rules of a package can be screened.
    pub(crate) const REASONS_MAX: usize = 56;

    /// Where the reason of a rule that is screened is left, in bytes from the start of a context.
    pub(crate) fn reason_offset(rule: usize) -> i32 {
        i32::try_from(offset_of!(Context, reasons) + rule * size_of::<Word>()).unwrap_or(i32::MAX)
    }

    /// A context for evaluations of `program`.
    pub fn new(program: &Arc<Program>) -> Self {
        let mut context = Self {
            hot: Hot::default(),
            program: program.clone(),
            heap: Heap::new(program.frozen.clone(), 0),
            caches: Caches::default(),
            now_nanoseconds: 0,
            state: State::default(),
            limits: Limits::default(),
            deadline: None,
            kept: HeapMark::default(),
            worlds: Vec::new(),
            world: 0,
            frames: Vec::new(),
            marks: marks::Marks::default(),
            builders: crate::ops::Builders::default(),
            records: Records::default(),
            reasons: [Word::ABSENT; Self::REASONS_MAX],
            outcomes: Outcomes::default(),
            operands: Vec::new(),
            gathered: Vec::new(),
            joins: joins::Joins::default(),
            definitions: Vec::new(),
            fault: None,
        };
        context.begin(program, Limits::default(), 0);
        context
    }

    /// Starts an evaluation, without input yet, at a fixed time. Words of the one before are not valid any more.
    pub fn begin(&mut self, program: &Arc<Program>, limits: Limits, now_nanoseconds: i64) {
        if !Arc::ptr_eq(&self.program, program) {
            self.program = program.clone();
            self.worlds.clear();
        }
        self.heap.reset(self.program.frozen.clone(), limits.memory_bytes);
        self.begin_again(limits, now_nanoseconds, None);
    }

    /// As [`Context::begin`], by the same program; `state` answers questions about earlier requests.
    pub fn begin_again(&mut self, limits: Limits, now_nanoseconds: i64, state: Option<Arc<dyn StateSource>>) {
        self.heap.limit(limits.memory_bytes);
        self.limits = limits;
        self.begin_next(now_nanoseconds, state);
    }

    /// As [`Context::begin_again`], within the same limits as before.
    #[inline]
    pub fn begin_next(&mut self, now_nanoseconds: i64, state: Option<Arc<dyn StateSource>>) {
        self.heap.empty();
        self.kept = HeapMark::default();
        self.now_nanoseconds = now_nanoseconds;
        self.state.begin(state);
        self.marks.begin(self.program.sites.len());
        self.empty();
        self.begin_worlds(false);
    }

    /// Says that the values made so far belong to the input, which [`Context::restart`] keeps.
    #[inline]
    pub fn keep_input(&mut self) {
        self.kept = self.heap.mark();
    }

    /// Drops what was kept of the input, to take it in again: time, limits and who answers questions stay.
    pub fn forget_input(&mut self) {
        self.kept = HeapMark::default();
        self.restart();
    }

    /// Starts another evaluation of the same input by the same plan within the same limits. Words made since
    /// [`Context::keep_input`] are not valid any more.
    #[inline(always)]
    pub fn restart(&mut self) {
        self.heap.truncate(self.kept);
        self.state.restart();
        self.marks.clear();
        self.empty();
        self.begin_worlds(true);
    }

    /// Drops what an evaluation left behind besides values, and gives it back its limits.
    #[inline]
    fn empty(&mut self) {
        self.hot.fuel = self.limits.fuel;
        self.hot.poll_at = self.limits.fuel.saturating_sub(POLL_UNITS);
        self.deadline = None;
        self.frames.clear();
        self.builders.clear();
        self.records.clear();
        self.operands.clear();
        self.gathered.clear();
        self.joins.clear();
        self.definitions.clear();
        if self.fault.is_some() {
            self.drop_fault();
        }
    }

    #[cold]
    fn drop_fault(&mut self) {
        self.fault = None;
    }

    /// What was asked of earlier requests since.
    pub fn state_reads(&self) -> Vec<StateRead> {
        self.state.reads(&self.heap)
    }

    /// Gives the evaluation an input.
    ///
    /// # Errors
    ///
    /// The fault, if the value is larger than the limits allow.
    pub fn set_input(&mut self, value: &Value) -> Result<(), Fault> {
        let word = self.make(value)?;
        self.set_input_word(word);
        Ok(())
    }

    /// Makes a value of the evaluation.
    ///
    /// # Errors
    ///
    /// The fault, if the value is larger than the limits allow.
    pub fn make(&mut self, value: &Value) -> Result<Word, Fault> {
        self.heap.from_value(value).map_err(|error| {
            let _ = self.stop_heap(error, None);
            self.take_fault()
        })
    }

    /// The plan that is evaluated.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Values.
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// Values, to make some.
    pub fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    /// The value of `because` of the decision rule that was evaluated last, if its body held and it has one.
    #[inline]
    pub fn reason(&self) -> Option<Word> {
        self.records.reason
    }

    /// Fuel that is left.
    pub fn fuel_left(&self) -> u64 {
        self.hot.fuel
    }

    /// Whether the error that stopped the evaluation leaves nothing to be found out any more.
    pub(crate) fn met_limit(&self) -> bool {
        self.fault.as_ref().is_none_or(Fault::is_limit)
    }

    /// The error that stopped the evaluation, which is then over.
    pub fn take_fault(&mut self) -> Fault {
        self.fault.take().unwrap_or_else(|| Fault {
            code: codes::INTERNAL,
            message: "evaluation stopped without an error".into(),
            span: None,
        })
    }

    /// Stops with an error at a place of the plan.
    pub fn stop(&mut self, code: &'static str, message: impl Into<String>, place: PlaceId) -> Stop {
        let span = self.program.place(place);
        self.stop_at(code, message, span)
    }

    /// Stops with an error at a span.
    pub(crate) fn stop_at(&mut self, code: &'static str, message: impl Into<String>, span: Option<Span>) -> Stop {
        self.fault = Some(Fault { code, message: message.into(), span });
        Stop
    }

    /// Stops because a value can't be made.
    pub(crate) fn stop_heap(&mut self, error: HeapError, span: Option<Span>) -> Stop {
        let code = match error {
            HeapError::Memory => codes::MEMORY,
            HeapError::Depth | HeapError::Weight => codes::VALUE,
        };
        self.stop_at(code, error.to_string(), span)
    }

    /// The word that was made, or the stop.
    pub(crate) fn made(&mut self, made: Result<Word, HeapError>, place: PlaceId) -> Result<Word, Stop> {
        made.map_err(|error| {
            let span = self.program.place(place);
            self.stop_heap(error, span)
        })
    }

    /// Takes fuel.
    ///
    /// # Errors
    ///
    /// [`Stop`] if there is not so much left, or the evaluation's time is over.
    #[inline]
    pub fn charge(&mut self, units: u64, place: PlaceId) -> Result<(), Stop> {
        if units < self.hot.fuel.saturating_sub(self.hot.poll_at) {
            self.hot.fuel -= units;
            return Ok(());
        }
        let span = self.program.place(place);
        self.charge_slowly(units, span)
    }

    pub(crate) fn charge_slowly(&mut self, units: u64, span: Option<Span>) -> Result<(), Stop> {
        let Some(left) = self.hot.fuel.checked_sub(units) else {
            return Err(self.stop_at(codes::FUEL, "evaluation does more work than its limit", span));
        };
        self.hot.fuel = left;
        if left <= self.hot.poll_at {
            self.hot.poll_at = left.saturating_sub(POLL_UNITS);
            let interrupted = self.limits.interrupt.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
            if interrupted || self.is_late() {
                return Err(self.stop_at(codes::TIME, "evaluation takes longer than its limit", span));
            }
        }
        Ok(())
    }

    /// Whether its time is over, which begins with the first time this is asked.
    fn is_late(&mut self) -> bool {
        let Some(time) = self.limits.time else { return false };
        let now = Instant::now();
        match self.deadline {
            Some(deadline) => now >= deadline,
            None => {
                self.deadline = now.checked_add(time);
                time.is_zero()
            }
        }
    }

    /// Bytes that values and unfinished collections may use together.
    pub(crate) fn memory_bytes_max(&self) -> usize {
        self.limits.memory_bytes
    }

    /// Where the evaluation stands.
    #[inline]
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            worlds: self.worlds.len(),
            world: self.world,
            frames: self.frames.len(),
            builders: self.builders.open(),
        }
    }

    /// Drops what was left unfinished since, after a stop.
    pub(crate) fn unwind(&mut self, checkpoint: Checkpoint) {
        self.worlds.truncate(checkpoint.worlds);
        self.enter_world(checkpoint.world);
        self.frames.truncate(checkpoint.frames);
        self.builders.truncate(checkpoint.builders);
        self.operands.clear();
    }

    /// Says that something is absent.
    pub fn mark(&mut self, site: SiteId) {
        self.marks.add(site);
    }
}

impl Records {
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.witnesses.clear();
        self.reason = None;
        self.exemption_arguments.clear();
    }
}
