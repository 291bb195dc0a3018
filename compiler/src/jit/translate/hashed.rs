//! Looking into constant collections by perfect hashes, without a call.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};
use hpol_stdlib::heap::Heap;

use crate::jit::perfect::{PerfectHash, PerfectMap};
use crate::plan::{IndexId, Register};

use super::{Translator, WORD_BYTES};

/// The numbers of a perfect hash that stand in the code.
struct Hashed {
    seed: u64,
    bucket_shift: u32,
    shift: u32,
    multipliers: u64,
    keys: u64,
}

impl Hashed {
    fn of(hash: &PerfectHash) -> Self {
        let address = |table: &[u64]| u64::try_from(table.as_ptr().expose_provenance()).unwrap_or(0);
        Self {
            seed: hash.seed,
            bucket_shift: hash.bucket_shift,
            shift: hash.shift,
            multipliers: address(&hash.multipliers),
            keys: address(&hash.keys),
        }
    }
}

/// A perfect hash with numbers, as it stands in the code.
pub(super) struct HashedMap {
    hash: Hashed,
    numbers: u64,
}

impl HashedMap {
    fn of(map: &PerfectMap) -> Self {
        let numbers = u64::try_from(map.numbers.as_ptr().expose_provenance()).unwrap_or(0);
        Self { hash: Hashed::of(&map.hash), numbers }
    }
}

impl Translator<'_, '_> {
    /// The members of the constant object in a register, if they are found by a perfect hash.
    pub(super) fn constant_members(&mut self, object: Register) -> Option<HashedMap> {
        let heap = Heap::new(self.program.frozen.clone(), 0);
        self.hashes.of_members(&heap, self.constants[object.index()]?).map(HashedMap::of)
    }

    /// The parts of an index, if they are found by a perfect hash.
    pub(super) fn index_parts(&mut self, id: IndexId) -> Option<HashedMap> {
        self.hashes.of_parts(id, self.program.lookups.get(id.index())?).map(HashedMap::of)
    }

    /// The number of a word; goes to `otherwise` if it has none.
    pub(super) fn mapped(&mut self, map: &HashedMap, word: Value, otherwise: Block) -> Value {
        let place = self.place_in(&map.hash, word);
        let is_there = self.is_at(&map.hash, place, word);
        self.go_on_if(is_there, otherwise);
        self.entry(map.numbers, place)
    }

    /// Whether a value is in a constant collection, as a condition, if that has a perfect hash.
    pub(super) fn hashed_membership(&mut self, value: Register, collection: Register) -> Option<Value> {
        let heap = Heap::new(self.program.frozen.clone(), 0);
        let hash = Hashed::of(self.hashes.of_elements(&heap, self.constants[collection.index()]?)?);
        let value = self.get(value);
        let place = self.place_in(&hash, value);
        Some(self.is_at(&hash, place, value))
    }

    /// Where a word would stand.
    fn place_in(&mut self, hash: &Hashed, word: Value) -> Value {
        let seed = self.number(hash.seed);
        let product = self.builder.ins().imul(word, seed);
        let shift = self.number(hash.bucket_shift);
        let bucket = self.builder.ins().ushr(product, shift);
        let multiplier = self.entry(hash.multipliers, bucket);
        let product = self.builder.ins().imul(word, multiplier);
        let shift = self.number(hash.shift);
        self.builder.ins().ushr(product, shift)
    }

    fn is_at(&mut self, hash: &Hashed, place: Value, word: Value) -> Value {
        let key = self.entry(hash.keys, place);
        self.builder.ins().icmp(IntCC::Equal, key, word)
    }

    /// An entry of a table. Tables have an entry for each number that the shifts leave.
    fn entry(&mut self, table: u64, at: Value) -> Value {
        let bytes = i64::try_from(WORD_BYTES).unwrap_or(i64::MAX);
        let offset = self.builder.ins().imul_imm_s(at, bytes);
        let table = self.number(table);
        let address = self.builder.ins().iadd(table, offset);
        self.builder.ins().load(types::I64, MemFlagsData::trusted(), address, 0)
    }
}
