//! Passes that improve a plan. Each is a file with one `run`, can be switched off, and leaves a plan that the
//! verifier accepts and that decides and explains the same.
//!
//! Many passes ask which registers are written by one statement only ([`Writes`]). Such a register is as good as a name for
//! that statement's value: because every read is behind a write on every way, it is behind this one, and the operands, if they
//! are written once too, still have the values they had there.

use crate::CompileError;
use crate::machine::Machine;
use crate::plan::{Function, Program, Register, reads, written};
use crate::verify::verify;

mod copies;
mod dead_code;
mod dead_rules;
mod early_stop;
mod fold_constants;
mod fold_data;
mod hoist;
mod index_data;
mod index_definitions;
mod index_joins;
mod index_rules;
mod inline_calls;
mod inline_constants;
mod input_slots;
mod memo;
mod read_parts;
mod share;

/// A pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// What a rule without parameters found is kept for the rest of the evaluation.
    Memo,
    /// Rules that depend on base documents only become constants.
    FoldData,
    /// Calls of rules that are constants become constants.
    InlineConstants,
    /// Calls of small rules, and of rules that are called in one place, become what the rules do.
    InlineCalls,
    /// Operations on constants become constants, and tests of them go away.
    FoldConstants,
    /// Calls of rules that never have a value fail at once.
    DeadRules,
    /// Reading a path of the input becomes reading its slot.
    InputSlots,
    /// What was read or computed before is not read or computed again.
    Share,
    /// What does not depend on a loop is computed before it.
    Hoist,
    /// Copies are replaced by what they copy.
    Copies,
    /// Statements without effect go away.
    DeadCode,
    /// Rules that certainly do not count for a request are not run.
    IndexRules,
    /// Definitions of a rule that certainly give no value are not run.
    IndexDefinitions,
    /// Loops over base documents run over the elements that can match.
    IndexData,
    /// Loops within loops run over the elements of what the evaluation holds that can match.
    IndexJoins,
    /// Readers of inputs are told which parts of values are looked at.
    ReadParts,
    /// Decision rules that can't change a decision any more are not run.
    EarlyStop,
}

impl Pass {
    /// All of them, in the order in which they run.
    pub const ALL: &'static [Self] = &[
        Self::Memo,
        Self::FoldData,
        Self::InlineConstants,
        Self::InlineCalls,
        Self::FoldConstants,
        Self::DeadRules,
        Self::InputSlots,
        Self::Share,
        Self::Hoist,
        Self::Copies,
        Self::DeadCode,
        Self::IndexRules,
        Self::IndexDefinitions,
        Self::IndexData,
        Self::IndexJoins,
        Self::ReadParts,
        Self::EarlyStop,
    ];

    fn run(self, program: &mut Program, machine: Option<&dyn Machine>) {
        match self {
            Self::Memo => memo::run(program),
            Self::FoldData => machine.into_iter().for_each(|machine| fold_data::run(program, machine)),
            Self::DeadRules => dead_rules::run(program),
            Self::InlineConstants => inline_constants::run(program),
            Self::InlineCalls => inline_calls::run(program),
            Self::FoldConstants => fold_constants::run(program),
            Self::InputSlots => input_slots::run(program),
            Self::Share => share::run(program),
            Self::Hoist => hoist::run(program),
            Self::Copies => copies::run(program),
            Self::DeadCode => dead_code::run(program),
            Self::IndexRules => index_rules::run(program),
            Self::IndexDefinitions => index_definitions::run(program),
            Self::IndexData => index_data::run(program),
            Self::IndexJoins => index_joins::run(program),
            Self::ReadParts => read_parts::run(program),
            Self::EarlyStop => early_stop::run(program),
        }
    }
}

pub(crate) use inline_constants::replaced;
pub(crate) use input_slots::fill as fill_slots;

/// Runs the passes that are asked for; those that evaluate rules do so on the engine, if there is one.
pub(crate) fn optimise(
    program: &mut Program,
    passes: &[Pass],
    machine: Option<&dyn Machine>,
) -> Result<(), CompileError> {
    for pass in Pass::ALL.iter().filter(|pass| passes.contains(pass)) {
        pass.run(program, machine);
        if cfg!(debug_assertions) {
            verify(program).map_err(|error| CompileError::Invalid(format!("after {pass:?}: {error}")))?;
        }
    }
    Ok(())
}

/// How often each register of a function is written and read.
pub(crate) struct Writes {
    written: Vec<u32>,
    read: Vec<u32>,
}

impl Writes {
    pub(crate) fn of(function: &Function) -> Self {
        let registers = function.registers as usize;
        let mut counts = Self { written: vec![0; registers], read: vec![0; registers] };
        counts.written[..function.parameters as usize].fill(1);
        counts.read[function.result.index()] += 1;
        function.body.each_statement(&mut |statement| {
            written(&statement.kind).iter().for_each(|register| counts.written[register.index()] += 1);
            reads(&statement.kind).iter().for_each(|register| counts.read[register.index()] += 1);
        });
        counts
    }

    /// Whether one statement only writes the register (or the caller does, and nothing else).
    pub(crate) fn once(&self, register: Register) -> bool {
        self.written[register.index()] == 1
    }

    /// How many statements write the register, and whether it is a parameter.
    pub(crate) fn written(&self, register: Register) -> u32 {
        self.written[register.index()]
    }

    /// How many statements read the register, and whether it is the result.
    pub(crate) fn read(&self, register: Register) -> u32 {
        self.read[register.index()]
    }
}
