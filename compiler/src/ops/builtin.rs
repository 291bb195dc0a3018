//! Calls of builtins.

use hpol_stdlib::builtin::{BuiltinError, Call};
use hpol_stdlib::heap::Word;

use crate::context::{Context, Stop, codes};
use crate::plan::{BuiltinId, PlaceId, Role};

use super::arithmetic::Failure;

/// A builtin that looks for one text in another, which generated code asks for past the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

impl TextTest {
    /// The one with a builtin's name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "startswith" => Some(Self::StartsWith),
            "endswith" => Some(Self::EndsWith),
            "contains" => Some(Self::Contains),
            _ => None,
        }
    }
}

/// Bytes of text that cost a unit of work, as in the builtins themselves.
const BYTES_PER_UNIT: usize = 128;

impl Context {
    /// What such a builtin comes to; `None` where its own code must say, because `with` may replace it or an argument is no text.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel.
    pub(crate) fn text_test(
        &mut self,
        test: TextTest,
        text: Word,
        part: Word,
        place: PlaceId,
    ) -> Result<Option<bool>, Stop> {
        if self.intercepts() {
            return Ok(None);
        }
        let Some(bytes) = self.heap.as_str(text).map(str::len) else { return Ok(None) };
        self.charge(1 + u64::try_from(bytes / BYTES_PER_UNIT).unwrap_or(u64::MAX), place)?;
        let (Some(text), Some(part)) = (self.heap.as_str(text), self.heap.as_str(part)) else { return Ok(None) };
        Ok(Some(match test {
            TextTest::StartsWith => text.starts_with(part),
            TextTest::EndsWith => text.ends_with(part),
            TextTest::Contains => text.contains(part),
        }))
    }

    /// Runs a builtin's code. What `with` replaces has been asked for before (see [`crate::machine::call_builtin`]).
    ///
    /// # Errors
    ///
    /// [`Stop`] for its error, unless that counts as absent, and always for a limit.
    pub fn run_builtin(&mut self, builtin: BuiltinId, arguments: &[Word], failure: Failure) -> Result<Word, Stop> {
        self.charge(1, failure.place)?;
        let called = self.program.builtins[builtin.index()];
        let mut call = Call {
            heap: &mut self.heap,
            caches: &mut self.caches,
            now_nanoseconds: self.now_nanoseconds,
            state: &mut self.state,
            fuel: &mut self.hot.fuel,
        };
        match called.call(&mut call, arguments) {
            Ok(word) => Ok(self.mark_if_absent(word, Some(failure.site))),
            Err(BuiltinError::Undefined) => {
                self.mark(failure.site);
                Ok(Word::ABSENT)
            }
            Err(BuiltinError::Failed(message)) => self.no_result(codes::BUILTIN, message, failure),
            Err(BuiltinError::Type(message)) => self.no_result(codes::TYPE, message, failure),
            // Also in the Rego profile, where an absent value would let a rule drop out.
            Err(BuiltinError::State(message)) => Err(self.stop(codes::STATE, message, failure.place)),
            Err(BuiltinError::Heap(error)) => {
                let span = self.program.place(failure.place);
                Err(self.stop_heap(error, span))
            }
            Err(error @ BuiltinError::Fuel) => Err(self.stop(codes::FUEL, error.to_string(), failure.place)),
        }
    }

    /// Hands a value to whoever evaluates the decision rule.
    pub fn record(&mut self, role: Role, value: Word) {
        match role {
            Role::Witness(index) => self.records.witnesses.push((index, value)),
            // A reason that nothing gives is none.
            Role::Reason => self.records.reason = (!value.is_absent()).then_some(value),
            Role::ExemptionArgument => self.records.exemption_arguments.push(value),
            Role::Outcome(condition) => self.outcomes.count(condition, value),
        }
    }
}
