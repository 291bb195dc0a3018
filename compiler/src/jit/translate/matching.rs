//! Loops that ask an index which elements to run over.

use cranelift_codegen::ir::InstBuilder;

use hpol_stdlib::heap::Word;

use crate::jit::host::Host;
use crate::plan::{Block, Lookup};

use super::Translator;
use super::structure::Loop;

impl Translator<'_, '_> {
    pub(super) fn each_match(&mut self, loops: Loop, lookup: &Lookup, body: &Block) {
        let collection = self.get(loops.collection);
        let keys = self.registers(&lookup.keys);
        let (address, count) = self.list(&keys);
        let packed = self.number(u64::from(lookup.index.0) << 32 | u64::from(loops.site.0));
        let run = self.call_or_fail(Host::EachRun, &[packed, collection, address, count]);
        let shift = self.number(Word::INT_SHIFT);
        let run = self.builder.ins().ushr(run, shift);
        let length = self.masked(run, 0x7FFF_FFFF);
        let index = self.number(lookup.index.0);
        let none = self.number(0_u64);
        self.run_through(&loops, none, length, body, |translator, position| {
            for (register, host) in [(loops.key, Host::RunKey), (loops.value, Host::RunValue)] {
                if let Some(register) = register {
                    let value = translator.call_or_stop(host, &[index, run, collection, position]);
                    translator.set(register, value);
                }
            }
        });
    }
}
