//! Loops that ask an index which elements to run over.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};

use hpol_stdlib::heap::Word;

use crate::jit::host::Host;
use crate::plan::{Block, Lookup};

use super::structure::Loop;
use super::{Around, Translator};

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
        let at = self.builder.declare_var(types::I64);
        let zero = self.number(0_u64);
        self.builder.def_var(at, zero);
        let (head, start) = (self.builder.create_block(), self.builder.create_block());
        let (next, behind) = (self.builder.create_block(), self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let position = self.builder.use_var(at);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, position, length);
        self.branch(more, start, behind);
        self.begin(start);
        self.charge_one(loops.place);
        let index = self.number(lookup.index.0);
        for (register, host) in [(loops.key, Host::RunKey), (loops.value, Host::RunValue)] {
            if let Some(register) = register {
                let value = self.call_or_stop(host, &[index, run, collection, position]);
                self.set(register, value);
            }
        }
        self.around.push(Around::Left(loops.label, behind));
        self.around.push(Around::Caught(next));
        if self.block(body) {
            self.jump(next);
        }
        self.around.pop();
        self.around.pop();
        self.begin(next);
        let one = self.number(1_u64);
        let following = self.builder.ins().iadd(position, one);
        self.builder.def_var(at, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(behind);
    }
}
