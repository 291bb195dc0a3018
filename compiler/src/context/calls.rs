//! Entering and leaving functions: depth, memo, and the mark.

use hpol_lang::source::Span;
use hpol_stdlib::heap::Word;

use crate::plan::{FunctionId, PlaceId};

use super::{Context, Stop, codes};

/// What stands in a memo slot whose function has not been called: no word of the heap has these bits.
pub(crate) const PENDING: Word = Word::from_bits(0b110);

const DEPTH_MESSAGE: &str = "rules call each other more deeply than the limit";

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Frame {
    memo: Option<u32>,
    marks: usize,
    /// Whether what it did not find stays marked though it has a value.
    gathers: bool,
    /// Where the window of marks started before, for memoised functions.
    window: usize,
}

/// How a call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// The function was called before: this is its result, which may be absent.
    Known(Word),
    /// Its body must be run, and then [`Context::leave`] be called.
    Run,
}

impl Context {
    /// Begins a call. What `with` replaces has been asked for before (see [`crate::machine::call`]).
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel or depth.
    #[inline]
    pub fn enter(&mut self, function: FunctionId) -> Result<Entered, Stop> {
        let called = &self.program.functions[function.index()];
        let (memo, gathers) = (called.memo, called.gathers);
        if let Some(slot) = memo {
            let known = self.worlds[self.world].memo[slot as usize];
            if known != PENDING {
                if known.is_absent() || gathers {
                    self.replay_marks(slot);
                }
                return Ok(Entered::Known(known));
            }
        }
        self.charge_call(function)?;
        let marks = self.marks.length();
        let window = if memo.is_some() { self.marks.open_window() } else { 0 };
        self.frames.push(Frame { memo, marks, window, gathers });
        Ok(Entered::Run)
    }

    /// Takes the fuel of a call, and stops at the limit of depth. For a function that nobody else calls that is all there is to
    /// its beginning, and there is nothing to end, because only its result is left of it.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel or depth.
    #[inline]
    pub(crate) fn charge_call(&mut self, function: FunctionId) -> Result<(), Stop> {
        if self.hot.fuel.saturating_sub(self.hot.poll_at) > 1 {
            self.hot.fuel -= 1;
        } else {
            self.charge_call_slowly(function)?;
        }
        if self.frames.len() >= self.limits.call_depth as usize {
            return Err(self.stop_too_deep(function));
        }
        Ok(())
    }

    #[cold]
    fn charge_call_slowly(&mut self, function: FunctionId) -> Result<(), Stop> {
        let span = self.span_of(function);
        self.charge_slowly(1, span)
    }

    #[cold]
    fn stop_too_deep(&mut self, function: FunctionId) -> Stop {
        let span = self.span_of(function);
        self.stop_at(codes::DEPTH, DEPTH_MESSAGE, span)
    }

    fn span_of(&self, function: FunctionId) -> Option<Span> {
        self.program.functions.get(function.index()).map(|function| function.span)
    }

    /// Ends the call that was begun last: `result` is what it yields, or absent.
    #[inline]
    pub fn leave(&mut self, result: Word) {
        let Some(frame) = self.frames.pop() else { return };
        let keeps = result.is_absent() || frame.gathers;
        if !keeps {
            self.marks.truncate(frame.marks);
        }
        let Some(slot) = frame.memo else { return };
        if keeps && !self.marks.in_window().is_empty() {
            self.worlds[self.world].memo_marks.keep(slot, self.marks.in_window());
        }
        self.marks.close_window(frame.window);
        let world = &mut self.worlds[self.world];
        world.memo[slot as usize] = result;
        world.touched.push(slot);
    }

    /// Begins to run definitions of a rule by functions of their own, which are no calls but need as much stack.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of depth.
    pub(crate) fn enter_definitions(&mut self, place: PlaceId) -> Result<(), Stop> {
        if self.frames.len() >= self.limits.call_depth as usize {
            return Err(self.stop(codes::DEPTH, DEPTH_MESSAGE, place));
        }
        let marks = self.marks.length();
        self.frames.push(Frame { memo: None, marks, window: 0, gathers: true });
        Ok(())
    }

    /// Ends what was begun last by [`Context::enter_definitions`].
    pub(crate) fn leave_definitions(&mut self) {
        self.frames.pop();
    }

    /// Leaves the marks again that the function left when it was run.
    fn replay_marks(&mut self, slot: u32) {
        for site in self.worlds[self.world].memo_marks.of(slot) {
            self.marks.add(*site);
        }
    }
}
