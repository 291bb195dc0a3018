//! Loops that ask an index which elements to run over.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};
use cranelift_frontend::Variable;

use hpol_stdlib::heap::Word;

use crate::jit::host::Host;
use crate::plan::{Block as PlanBlock, INDEXED_MIN, Lookup, MIX_MULTIPLIER, MIX_ROTATION, MIX_SHIFT, SPREAD};

use super::Translator;
use super::arena::Run;
use super::hashed::HashedMap;
use super::structure::Loop;

/// The tables of an index and its keys, as they stand in the code.
struct InPlace {
    parts: HashedMap,
    /// Addresses of where the buckets start, and of the marks and positions in them.
    starts: u64,
    marks: u64,
    positions: u64,
}

/// Which elements a loop runs over, as [`Run`](crate::plan::Run) has it: variables, because they come about in more than one way.
#[derive(Clone, Copy)]
pub(super) struct Matches {
    pub(super) start: Variable,
    pub(super) length: Variable,
}

/// Where it goes on if it is not found here which elements match.
#[derive(Clone, Copy)]
struct Ways {
    /// The collection is not in the index, or has a single bucket there.
    unknown: Block,
    /// The host knows.
    ask: Block,
    /// None does.
    none: Block,
}

impl Translator<'_, '_> {
    pub(super) fn each_match(&mut self, loops: Loop, lookup: &Lookup, body: &PlanBlock) {
        let collection = self.get(loops.collection);
        let keys = self.registers(&lookup.keys);
        let [start, length] = [(); 2].map(|()| self.builder.declare_var(types::I64));
        let matches = Matches { start, length };
        let behind = self.builder.create_block();
        match self.in_place(lookup) {
            Some(index) => {
                let [ask, unknown] = [(); 2].map(|()| self.cold());
                let [on, go] = [(); 2].map(|()| self.builder.create_block());
                self.find_matches(&index, collection, &keys, matches, Ways { unknown, ask, none: behind });
                self.jump(on);
                self.begin(unknown);
                let few = self.run(&loops, collection);
                self.run_through_few(few, matches, ask);
                let run = self.copy_of(few);
                self.jump(go);
                self.begin(ask);
                self.ask_for_matches(&loops, lookup, &keys, matches);
                self.jump(on);
                self.begin(on);
                let found = self.run(&loops, collection);
                self.copy(found, run);
                self.jump(go);
                self.begin(go);
                self.run_through_matches(&loops, collection, run, matches, body, |translator| {
                    translator.number(index.positions)
                });
            }
            None => {
                let run = self.ask_for_matches(&loops, lookup, &keys, matches);
                let index = self.number(lookup.index.0);
                let (none, length) = (self.number(0_u64), self.builder.use_var(length));
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
        self.jump(behind);
        self.begin(behind);
    }

    /// Whether what a loop asks its index is answered here.
    pub(super) fn is_in_place(&mut self, lookup: &Lookup) -> bool {
        self.in_place(lookup).is_some()
    }

    fn in_place(&mut self, lookup: &Lookup) -> Option<InPlace> {
        let parts = self.index_parts(lookup.index)?;
        let tables = self.program.lookups.get(lookup.index.index())?.tables();
        let [starts, marks, positions] =
            tables.map(|table| u64::try_from(table.as_ptr().expose_provenance()).unwrap_or(0));
        Some(InPlace { parts, starts, marks, positions })
    }

    /// Asks the host which elements to run over: the packed run.
    pub(super) fn ask_for_matches(&mut self, loops: &Loop, lookup: &Lookup, keys: &[Value], matches: Matches) -> Value {
        let collection = self.get(loops.collection);
        let (address, count) = self.list(keys);
        let packed = self.number(u64::from(lookup.index.0) << 32 | u64::from(loops.site.0));
        let found = self.call_or_fail(Host::EachRun, &[packed, collection, address, count]);
        let shift = self.number(Word::INT_SHIFT);
        let run = self.builder.ins().ushr(found, shift);
        let length = self.masked(run, 0x7FFF_FFFF);
        let shift = self.number(31_u64);
        let start = self.builder.ins().ushr(run, shift);
        self.builder.def_var(matches.length, length);
        self.builder.def_var(matches.start, start);
        run
    }

    /// Runs over all of few elements, of which there is no index; goes to `ask` if there are more.
    fn run_through_few(&mut self, run: Run, matches: Matches, ask: Block) {
        let [first, end] = [run.first, run.end].map(|variable| self.builder.use_var(variable));
        let length = self.builder.ins().isub(end, first);
        let fewest = self.number(u64::try_from(INDEXED_MIN).unwrap_or(0));
        let few = self.builder.ins().icmp(IntCC::UnsignedLessThan, length, fewest);
        self.go_on_if(few, ask);
        let all = self.number(0_u64);
        self.builder.def_var(matches.start, all);
        self.builder.def_var(matches.length, length);
    }

    /// What a loop runs over, which may come about in another way too.
    fn copy_of(&mut self, run: Run) -> Run {
        let [arena, first, end] = [(); 3].map(|()| self.builder.declare_var(types::I64));
        let copy = Run { arena, first, end };
        self.copy(run, copy);
        copy
    }

    fn copy(&mut self, run: Run, into: Run) {
        for (from, to) in [(run.arena, into.arena), (run.first, into.first), (run.end, into.end)] {
            let value = self.builder.use_var(from);
            self.builder.def_var(to, value);
        }
    }

    /// Runs a body for the elements that were found; `positions` says for each where the positions stand, which are those of elements of
    /// the collection that the index was asked about.
    pub(super) fn run_through_matches(
        &mut self,
        loops: &Loop,
        collection: Value,
        run: Run,
        matches: Matches,
        body: &PlanBlock,
        positions: impl FnOnce(&mut Self) -> Value,
    ) {
        let first = self.builder.use_var(run.first);
        let [start, length] = [matches.start, matches.length].map(|variable| self.builder.use_var(variable));
        let none = self.number(0_u64);
        self.run_through(loops, none, length, body, |translator, number| {
            let at = translator.builder.declare_var(types::I64);
            let plain = translator.builder.ins().iadd(first, number);
            translator.builder.def_var(at, plain);
            let (chosen, on) = (translator.builder.create_block(), translator.builder.create_block());
            translator.branch(start, chosen, on);
            translator.begin(chosen);
            let positions = positions(translator);
            // The start is one more than where they start.
            let place = translator.builder.ins().iadd(start, number);
            let position = translator.half_entry(positions, place, -1);
            let element = translator.builder.ins().iadd(first, position);
            translator.builder.def_var(at, element);
            translator.jump(on);
            translator.begin(on);
            let at = translator.builder.use_var(at);
            translator.element(loops, collection, run, at);
        });
    }

    /// Finds which elements of a collection have some keys, as [`Index::matches`](crate::plan::Index::matches) does.
    ///
    /// What is read is within the index for any words: a part that is known has its buckets there, of which the hash's upper
    /// bits name one, and each bucket has its marks.
    fn find_matches(&mut self, index: &InPlace, collection: Value, keys: &[Value], matches: Matches, ways: Ways) {
        let none = ways.none;
        let part = self.mapped(&index.parts, collection, ways.unknown);
        let hash = self.hash_of(keys, ways);
        let half = self.number(32_u64);
        let shift = self.builder.ins().ushr(part, half);
        let first = self.masked(part, u64::from(u32::MAX));
        let spread = self.number(SPREAD);
        let product = self.builder.ins().imul(hash, spread);
        let bucket = self.builder.ins().ushr(product, shift);
        let at = self.builder.ins().iadd(first, bucket);
        let starts = self.number(index.starts);
        let start = self.half_entry(starts, at, 0);
        let end = self.half_entry(starts, at, 1);
        let mark = self.masked(hash, u64::from(u32::MAX));
        // Marks ascend within a bucket, so that those of one hash stand together.
        let found = self.first_mark(index.marks, (start, end), none, |translator, other| {
            translator.builder.ins().icmp(IntCC::Equal, other, mark)
        });
        let after = self.builder.ins().iadd_imm_s(found, 1);
        let [on, all] = [(); 2].map(|()| self.builder.create_block());
        let last = self.builder.declare_var(types::I64);
        self.builder.def_var(last, end);
        let differs = self.first_mark(index.marks, (after, end), all, |translator, other| {
            translator.builder.ins().icmp(IntCC::NotEqual, other, mark)
        });
        self.builder.def_var(last, differs);
        self.jump(on);
        self.begin(all);
        self.jump(on);
        self.begin(on);
        let last = self.builder.use_var(last);
        let length = self.builder.ins().isub(last, found);
        self.builder.def_var(matches.start, after);
        self.builder.def_var(matches.length, length);
    }

    /// The hash of some keys, if all are values whose equals are the same word. Texts of the evaluation's own stand nowhere in what
    /// is frozen.
    fn hash_of(&mut self, keys: &[Value], Ways { ask, none, .. }: Ways) -> Value {
        let mut hash = self.number(0_u64);
        let nowhere = self.builder.declare_var(types::I64);
        let no = self.number(0_u64);
        self.builder.def_var(nowhere, no);
        for key in keys {
            let (other, on) = (self.cold(), self.builder.create_block());
            self.go_on_if_canonical(*key, other);
            let absent = self.is_absent(*key);
            self.leave_if(absent, ask);
            self.jump(on);
            self.begin(other);
            self.go_on_if_text(*key, ask);
            let yes = self.number(1_u64);
            self.builder.def_var(nowhere, yes);
            self.jump(on);
            self.begin(on);
            let rotation = self.number(MIX_ROTATION);
            let rotated = self.builder.ins().rotl(hash, rotation);
            let mixed = self.builder.ins().bxor(rotated, *key);
            let multiplier = self.number(MIX_MULTIPLIER);
            let mixed = self.builder.ins().imul(mixed, multiplier);
            let shift = self.number(MIX_SHIFT);
            let upper = self.builder.ins().ushr(mixed, shift);
            hash = self.builder.ins().bxor(mixed, upper);
        }
        let nowhere = self.builder.use_var(nowhere);
        self.leave_if(nowhere, none);
        hash
    }

    /// The first place in a range of marks for which something holds; goes to `none` if there is none.
    fn first_mark(
        &mut self,
        marks: u64,
        (start, end): (Value, Value),
        none: Block,
        holds: impl FnOnce(&mut Self, Value) -> Value,
    ) -> Value {
        let position = self.builder.declare_var(types::I64);
        self.builder.def_var(position, start);
        let [head, look, next, found] = [(); 4].map(|()| self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let now = self.builder.use_var(position);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, now, end);
        self.branch(more, look, none);
        self.begin(look);
        let marks = self.number(marks);
        let mark = self.half_entry(marks, now, 0);
        let condition = holds(self, mark);
        self.branch(condition, found, next);
        self.begin(next);
        let following = self.builder.ins().iadd_imm_s(now, 1);
        self.builder.def_var(position, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(found);
        now
    }

    /// An entry of a table of 32 bits each, or one so far behind it.
    fn half_entry(&mut self, table: Value, at: Value, behind: i32) -> Value {
        let bytes = self.builder.ins().imul_imm_s(at, 4);
        let address = self.builder.ins().iadd(table, bytes);
        self.builder.ins().uload32(MemFlagsData::trusted(), address, behind * 4)
    }
}
