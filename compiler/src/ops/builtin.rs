//! Calls of builtins.

use hpol_stdlib::builtin::{BuiltinError, Call};
use hpol_stdlib::heap::Word;

use crate::context::{Context, Stop, codes};
use crate::plan::{BuiltinId, Role};

use super::arithmetic::Failure;

impl Context {
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
