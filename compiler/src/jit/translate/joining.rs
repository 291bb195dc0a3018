//! Loops over what an evaluation holds that ask an index, once they are run over something large again.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};

use crate::context::JOINED_MIN;
use crate::jit::abi::Field;
use crate::plan::{Block, Index, Lookup};

use super::Translator;
use super::matching::Matches;
use super::structure::Loop;

impl Translator<'_, '_> {
    /// Whether a loop's index is made while it runs.
    pub(super) fn is_joined(&self, lookup: &Lookup) -> bool {
        self.program.lookups.get(lookup.index.index()).is_some_and(Index::is_made)
    }

    /// A loop over few elements asks nobody. The positions of those that can match are looked up each time anew, because loops
    /// within can move them.
    pub(super) fn each_joined(&mut self, loops: Loop, lookup: &Lookup, body: &Block) {
        let collection = self.get(loops.collection);
        let run = self.run(&loops, collection);
        let (first, end) = (self.builder.use_var(run.first), self.builder.use_var(run.end));
        let all = self.builder.ins().isub(end, first);
        let none = self.number(0_u64);
        let [length, start] = [all, none].map(|value| {
            let variable = self.builder.declare_var(types::I64);
            self.builder.def_var(variable, value);
            variable
        });
        let (ask, on) = (self.cold(), self.builder.create_block());
        let fewest = self.number(u64::try_from(JOINED_MIN).unwrap_or(u64::MAX));
        let few = self.builder.ins().icmp(IntCC::UnsignedLessThan, all, fewest);
        self.branch(few, on, ask);
        self.begin(ask);
        let keys = self.registers(&lookup.keys);
        self.ask_for_matches(&loops, lookup, &keys, Matches { start, length });
        self.jump(on);
        self.begin(on);
        let matches = Matches { start, length };
        self.run_through_matches(&loops, collection, run, matches, body, |translator| translator.load(Field::Joined));
    }
}
