//! Loops over what an evaluation holds that ask an index, once they are run over something large again.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, types};

use hpol_stdlib::heap::Word;

use crate::context::JOINED_MIN;
use crate::jit::abi::Field;
use crate::jit::host::Host;
use crate::plan::{Block, Index, Lookup};

use super::Translator;
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
        let (address, count) = self.list(&keys);
        let packed = self.number(u64::from(lookup.index.0) << 32 | u64::from(loops.site.0));
        let found = self.call_or_fail(Host::EachRun, &[packed, collection, address, count]);
        let shift = self.number(Word::INT_SHIFT);
        let found = self.builder.ins().ushr(found, shift);
        let so_many = self.masked(found, 0x7FFF_FFFF);
        let shift = self.number(31_u64);
        let from = self.builder.ins().ushr(found, shift);
        self.builder.def_var(length, so_many);
        self.builder.def_var(start, from);
        self.jump(on);
        self.begin(on);
        let (length, start) = (self.builder.use_var(length), self.builder.use_var(start));
        let none = self.number(0_u64);
        self.run_through(&loops, none, length, body, |translator, number| {
            let at = translator.builder.declare_var(types::I64);
            let plain = translator.builder.ins().iadd(first, number);
            translator.builder.def_var(at, plain);
            let (chosen, on) = (translator.builder.create_block(), translator.builder.create_block());
            translator.branch(start, chosen, on);
            translator.begin(chosen);
            let positions = translator.load(Field::Joined);
            // The start is one more than where they start.
            let place = translator.builder.ins().iadd(start, number);
            let offset = translator.builder.ins().imul_imm_s(place, 4);
            let address = translator.builder.ins().iadd(positions, offset);
            let position = translator.builder.ins().uload32(MemFlagsData::trusted(), address, -4);
            let element = translator.builder.ins().iadd(first, position);
            translator.builder.def_var(at, element);
            translator.jump(on);
            translator.begin(on);
            let at = translator.builder.use_var(at);
            translator.element(&loops, collection, run, at);
        });
    }
}
