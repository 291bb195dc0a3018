//! Loops that ask an index which elements to run over.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};

use hpol_stdlib::heap::Word;

use crate::jit::host::Host;
use crate::plan::{Block as PlanBlock, IndexId, Lookup, MIX_MULTIPLIER, MIX_ROTATION, MIX_SHIFT, SPREAD};

use super::Translator;
use super::structure::Loop;

impl Translator<'_, '_> {
    pub(super) fn each_match(&mut self, loops: Loop, lookup: &Lookup, body: &PlanBlock) {
        let collection = self.get(loops.collection);
        let keys = self.registers(&lookup.keys);
        let run = self.builder.declare_var(types::I64);
        let (ask, on) = (self.builder.create_block(), self.builder.create_block());
        if self.nothing_matches(lookup.index, collection, &keys, ask).is_some() {
            let none = self.number(0_u64);
            self.builder.def_var(run, none);
            self.jump(on);
        } else {
            self.jump(ask);
        }
        self.begin(ask);
        let (address, count) = self.list(&keys);
        let packed = self.number(u64::from(lookup.index.0) << 32 | u64::from(loops.site.0));
        let found = self.call_or_fail(Host::EachRun, &[packed, collection, address, count]);
        let shift = self.number(Word::INT_SHIFT);
        let found = self.builder.ins().ushr(found, shift);
        self.builder.def_var(run, found);
        self.jump(on);
        self.begin(on);
        let run = self.builder.use_var(run);
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

    /// Goes on here if an index knows that no element of a collection has these keys, as
    /// [`Index::matches`](crate::plan::Index::matches) finds it; else to `ask`. `None` if that can't be told in place.
    ///
    /// What is read is within the index for any words: a part that is known has its buckets there, of which the hash's upper
    /// bits name one, and each bucket has its marks.
    fn nothing_matches(&mut self, id: IndexId, collection: Value, keys: &[Value], ask: Block) -> Option<()> {
        let parts = self.index_parts(id)?;
        let (starts, marks) = self.program.lookups.get(id.index())?.tables();
        let address = |table: &[u32]| u64::try_from(table.as_ptr().expose_provenance()).unwrap_or(0);
        let (starts, marks) = (address(starts), address(marks));
        let part = self.mapped(&parts, collection, ask);
        let hash = self.hash_of(keys, ask);
        let half = self.number(32_u64);
        let shift = self.builder.ins().ushr(part, half);
        let first = self.masked(part, u64::from(u32::MAX));
        let spread = self.number(SPREAD);
        let product = self.builder.ins().imul(hash, spread);
        let bucket = self.builder.ins().ushr(product, shift);
        let at = self.builder.ins().iadd(first, bucket);
        let start = self.half_entry(starts, at, 0);
        let end = self.half_entry(starts, at, 1);
        let mark = self.masked(hash, u64::from(u32::MAX));
        let position = self.builder.declare_var(types::I64);
        self.builder.def_var(position, start);
        let [head, look, next, none] = [(); 4].map(|()| self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let now = self.builder.use_var(position);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, now, end);
        self.branch(more, look, none);
        self.begin(look);
        let found = self.half_entry(marks, now, 0);
        let same = self.builder.ins().icmp(IntCC::Equal, found, mark);
        self.branch(same, ask, next);
        self.begin(next);
        let following = self.builder.ins().iadd_imm_s(now, 1);
        self.builder.def_var(position, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(none);
        Some(())
    }

    /// The hash of some keys; goes to `ask` unless all are values whose equals are the same word.
    fn hash_of(&mut self, keys: &[Value], ask: Block) -> Value {
        let mut hash = self.number(0_u64);
        for key in keys {
            self.go_on_if_canonical(*key, ask);
            let absent = self.is_absent(*key);
            self.leave_if(absent, ask);
            let rotation = self.number(MIX_ROTATION);
            let rotated = self.builder.ins().rotl(hash, rotation);
            let mixed = self.builder.ins().bxor(rotated, *key);
            let multiplier = self.number(MIX_MULTIPLIER);
            let mixed = self.builder.ins().imul(mixed, multiplier);
            let shift = self.number(MIX_SHIFT);
            let upper = self.builder.ins().ushr(mixed, shift);
            hash = self.builder.ins().bxor(mixed, upper);
        }
        hash
    }

    /// An entry of a table of 32 bits each, which never changes, or one behind it.
    fn half_entry(&mut self, table: u64, at: Value, behind: i32) -> Value {
        let bytes = self.builder.ins().imul_imm_s(at, 4);
        let table = self.number(table);
        let address = self.builder.ins().iadd(table, bytes);
        self.builder.ins().uload32(MemFlagsData::trusted(), address, behind * 4)
    }
}
