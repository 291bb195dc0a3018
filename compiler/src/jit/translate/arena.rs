//! Reading elements and members of values in place, without a call.
//!
//! A word that is a node says in which arena it stands and at which index; the node says where its words start and how
//! many there are ([`hpol_stdlib::heap::Arena`]). Both are checked against what the arena holds before anything is read, so that
//! this is sound for any word whatever. What is not of the kind that is looked for goes the host's way.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};
use cranelift_frontend::Variable;
use hpol_stdlib::heap::{Arena, Heap, Kind, Tables, Word};

use crate::context::Context;
use crate::plan::{Register, SiteId};

use crate::jit::host::Host;

use super::{Translator, WORD_BYTES};

/// Largest object whose keys are looked through in place.
const FIELDS_MAX: u64 = 16;

/// Longest array or set that is looked through in place.
const SCANNED_MAX: u64 = 32;

/// Bits that tell the kind of a node, but not its arena.
const KIND_BITS: u64 = 0xF0 | Word::TAG_MASK;

/// The bit of a word that says which arena it is in, and by how much it is shifted to be an offset.
const ARENA_BIT: u64 = 1 << 3;
const ARENA_SHIFT: u64 = 2;
const _: () = assert!(ARENA_BIT << ARENA_SHIFT == size_of::<Arena>() as u64);

/// The words of a collection.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// Address of the arena's description.
    pub(super) arena: Value,
    /// Address of the node.
    node: Value,
    /// Index of the first word.
    pub(super) start: Value,
    /// How many elements or keys there are.
    pub(super) length: Value,
}

/// The table of a frozen object.
#[derive(Clone, Copy)]
struct Table {
    /// Index of its first slot.
    first: Value,
    /// How many slots it has, a power of two.
    size: Value,
    /// Which one.
    power: Value,
}

/// Offsets are those of fields, which are far below 2 GiB.
fn offset(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

impl Translator<'_, '_> {
    /// The words of a collection of some kind; goes to `otherwise` if the value is not one.
    pub(super) fn words_of(&mut self, value: Value, kind: Kind, otherwise: Block) -> Words {
        self.words_of_any(value, &[kind], otherwise)
    }

    /// The words of a collection of one of some kinds, of which an object's are all or none.
    fn words_of_any(&mut self, value: Value, kinds: &[Kind], otherwise: Block) -> Words {
        let bits = self.masked(value, KIND_BITS);
        let mut is_kind = self.builder.ins().iconst(types::I8, 0);
        for kind in kinds {
            let same = self.is(bits, kind.code() << Word::KIND_SHIFT | Word::TAG_NODE);
            is_kind = self.builder.ins().bor(is_kind, same);
        }
        self.go_on_if(is_kind, otherwise);
        let which = self.masked(value, ARENA_BIT);
        let shift = self.number(ARENA_SHIFT);
        let offset = self.builder.ins().ishl(which, shift);
        let arenas = i64::try_from(Context::ARENAS_OFFSET).unwrap_or(i64::MAX);
        let arenas = self.builder.ins().iadd_imm_s(self.context, arenas);
        let arena = self.builder.ins().iadd(arenas, offset);
        let node = self.node_of(arena, value, otherwise);
        let start = self.node_field(node, Heap::NODE_START);
        let length = self.node_field(node, Heap::NODE_LENGTH);
        let count = if kinds.contains(&Kind::Object) { self.builder.ins().iadd(length, length) } else { length };
        let end = self.builder.ins().iadd(start, count);
        let words = self.arena_field(arena, Arena::WORDS_LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, words);
        self.go_on_if(within, otherwise);
        Words { arena, node, start, length }
    }

    /// Bytes of a string of the evaluation's own; goes to `otherwise` for everything else.
    pub(super) fn text_length(&mut self, value: Value, otherwise: Block) -> Value {
        let bits = self.masked(value, Word::NODE_MASK);
        let is_text = self.is(bits, Word::FROZEN_STRING & !Word::FROZEN);
        self.go_on_if(is_text, otherwise);
        let arenas = i64::try_from(Context::ARENAS_OFFSET).unwrap_or(i64::MAX);
        let arena = self.builder.ins().iadd_imm_s(self.context, arenas);
        let node = self.node_of(arena, value, otherwise);
        self.node_field(node, Heap::NODE_LENGTH)
    }

    /// The address of a value's node in an arena.
    fn node_of(&mut self, arena: Value, value: Value, otherwise: Block) -> Value {
        let shift = self.number(32_u64);
        let index = self.builder.ins().ushr(value, shift);
        let nodes = self.arena_field(arena, Arena::NODES_LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, nodes);
        self.go_on_if(within, otherwise);
        let nodes = self.arena_field(arena, Arena::NODES);
        let bytes = i64::try_from(Heap::NODE_BYTES).unwrap_or(i64::MAX);
        let at = self.builder.ins().imul_imm_s(index, bytes);
        self.builder.ins().iadd(nodes, at)
    }

    /// A word of a collection. Arenas only grow while code runs, but they may move.
    pub(super) fn word_at(&mut self, arena: Value, index: Value) -> Value {
        let words = self.arena_field(arena, Arena::WORDS);
        let bytes = i64::try_from(WORD_BYTES).unwrap_or(i64::MAX);
        let offset = self.builder.ins().imul_imm_s(index, bytes);
        let address = self.builder.ins().iadd(words, offset);
        self.builder.ins().load(types::I64, MemFlagsData::trusted(), address, 0)
    }

    fn arena_field(&mut self, arena: Value, offset: usize) -> Value {
        self.builder.ins().load(types::I64, MemFlagsData::trusted(), arena, self::offset(offset))
    }

    fn node_field(&mut self, node: Value, offset: usize) -> Value {
        self.builder.ins().uload32(MemFlagsData::trusted(), node, self::offset(offset))
    }

    /// The element of an array at a place that is known, looked for in place; everything else is the host's.
    pub(super) fn element_in_place(&mut self, at: u64, base: Value, otherwise: Block) -> Value {
        let words = self.words_of(base, Kind::Array, otherwise);
        let index = self.number(at);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, words.length);
        self.go_on_if(within, otherwise);
        let position = self.builder.ins().iadd(words.start, index);
        self.word_at(words.arena, position)
    }

    /// The member of a frozen object with a table under a key, looked for in place; everything else is the host's.
    pub(super) fn table_look_up(&mut self, base: Value, key: Value, otherwise: Block) -> Value {
        let bits = self.masked(base, KIND_BITS | Word::FROZEN);
        let is_frozen = self.is(bits, Kind::Object.code() << Word::KIND_SHIFT | Word::FROZEN | Word::TAG_NODE);
        self.go_on_if(is_frozen, otherwise);
        self.go_on_if_canonical(key, otherwise);
        let words = self.words_of(base, Kind::Object, otherwise);
        // The words of a table's collection have the table's start behind them.
        let double = self.builder.ins().iadd(words.length, words.length);
        let behind = self.builder.ins().iadd(words.start, double);
        let length = self.arena_field(words.arena, Arena::WORDS_LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, behind, length);
        self.go_on_if(within, otherwise);
        let power =
            self.builder.ins().uload16(types::I64, MemFlagsData::trusted(), words.node, offset(Heap::NODE_TABLE));
        self.go_on_if(power, otherwise);
        let first = self.word_at(words.arena, behind);
        let shift = self.number(Word::INT_SHIFT);
        let first = self.builder.ins().ushr(first, shift);
        let one = self.number(1_u64);
        let size = self.builder.ins().ishl(one, power);
        let end = self.builder.ins().iadd(first, size);
        let slots = self.table_field(Tables::LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, slots);
        self.go_on_if(within, otherwise);
        let position = self.probe(key, words, Table { first, size, power }, otherwise);
        let position = self.builder.ins().iadd(position, words.length);
        let position = self.builder.ins().iadd(words.start, position);
        self.word_at(words.arena, position)
    }

    /// Where a key stands among the keys of an object, by its table.
    fn probe(&mut self, key: Value, words: Words, table: Table, otherwise: Block) -> Value {
        let multiplier = self.number(Heap::TABLE_MULTIPLIER);
        let mixed = self.builder.ins().imul(key, multiplier);
        let bits = self.number(64_u64);
        let shift = self.builder.ins().isub(bits, table.power);
        let slot = self.builder.ins().ushr(mixed, shift);
        let at = self.builder.declare_var(types::I64);
        self.builder.def_var(at, slot);
        let [head, next, hit] = [(); 3].map(|()| self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let slot = self.builder.use_var(at);
        let index = self.builder.ins().iadd(table.first, slot);
        let slots = self.table_field(Tables::SLOTS);
        let bytes = self.builder.ins().imul_imm_s(index, 4);
        let address = self.builder.ins().iadd(slots, bytes);
        let entry = self.builder.ins().uload32(MemFlagsData::trusted(), address, 0);
        let position = self.builder.ins().iadd_imm_s(entry, -1);
        // An empty slot, from which 0 is made the largest number, is beyond the keys.
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, position, words.length);
        self.go_on_if(within, otherwise);
        self.branch_if_key(words, position, key, hit, next);
        self.begin(next);
        let following = self.builder.ins().iadd_imm_s(slot, 1);
        let last = self.builder.ins().iadd_imm_s(table.size, -1);
        let following = self.builder.ins().band(following, last);
        self.builder.def_var(at, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(hit);
        position
    }

    /// Goes on here if a value is one whose equals are the same word.
    fn go_on_if_canonical(&mut self, value: Value, otherwise: Block) {
        let tag = self.masked(value, Word::TAG_MASK);
        let node = self.is(tag, Word::TAG_NODE);
        let kind = self.masked(value, Word::NODE_MASK);
        let text = self.is(kind, Word::FROZEN_STRING);
        let zero = self.builder.ins().iconst(types::I8, 0);
        let no_node = self.builder.ins().icmp(IntCC::Equal, node, zero);
        let canonical = self.builder.ins().bor(no_node, text);
        self.go_on_if(canonical, otherwise);
    }

    fn table_field(&mut self, field: usize) -> Value {
        let flags = MemFlagsData::trusted();
        self.builder.ins().load(types::I64, flags, self.context, offset(Context::TABLES_OFFSET + field))
    }

    /// Whether a value whose equals are the same word is in a short array or set, looked for in place; goes to `otherwise` for
    /// everything else.
    pub(super) fn contained_in_place(&mut self, value: Value, collection: Value, otherwise: Block) -> Value {
        let words = self.words_of_any(collection, &[Kind::Array, Kind::Set], otherwise);
        let most = self.number(SCANNED_MAX);
        let few = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, words.length, most);
        self.go_on_if(few, otherwise);
        let (at, found) = (self.builder.declare_var(types::I64), self.builder.declare_var(types::I8));
        let zero = self.number(0_u64);
        self.builder.def_var(at, zero);
        let [head, look, next, on] = [(); 4].map(|()| self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let index = self.builder.use_var(at);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, words.length);
        self.builder.def_var(found, more);
        self.branch(more, look, on);
        self.begin(look);
        let position = self.builder.ins().iadd(words.start, index);
        let item = self.word_at(words.arena, position);
        let same = self.builder.ins().icmp(IntCC::Equal, item, value);
        self.branch(same, on, next);
        self.begin(next);
        let following = self.builder.ins().iadd_imm_s(index, 1);
        self.builder.def_var(at, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(on);
        self.builder.use_var(found)
    }

    /// How many elements an array or a set has, as an integer's word; goes to `otherwise` for everything else.
    pub(super) fn count_in_place(&mut self, collection: Value, otherwise: Block) -> Value {
        let words = self.words_of_any(collection, &[Kind::Array, Kind::Set], otherwise);
        let shift = self.number(Word::INT_SHIFT);
        let shifted = self.builder.ins().ishl(words.length, shift);
        let tag = self.number(Word::TAG_INT);
        self.builder.ins().bor(shifted, tag)
    }

    /// Goes on here if the condition holds, else to `otherwise`.
    fn go_on_if(&mut self, condition: Value, otherwise: Block) {
        let on = self.builder.create_block();
        self.branch(condition, on, otherwise);
        self.begin(on);
    }

    /// The member of a small object under a name, looked for in place, first where the object before had it; everything else is
    /// the host's.
    pub(super) fn field_in_place(&mut self, target: Register, base: Register, name: Word, site: Option<SiteId>) {
        let base = self.get(base);
        let name_value = self.word(name);
        let (otherwise, on) = (self.cold(), self.builder.create_block());
        let found = self.builder.declare_var(types::I64);
        let at = self.hint();
        let words = self.words_of(base, Kind::Object, otherwise);
        let most = self.number(FIELDS_MAX);
        let few = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, words.length, most);
        self.go_on_if(few, otherwise);
        let [again, scan, head, look, next, hit] = [(); 6].map(|()| self.builder.create_block());
        let hint = self.builder.use_var(at);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, hint, words.length);
        self.branch(within, again, scan);
        self.begin(again);
        self.branch_if_key(words, hint, name_value, hit, scan);
        self.begin(scan);
        let zero = self.number(0_u64);
        self.builder.def_var(at, zero);
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let index = self.builder.use_var(at);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, words.length);
        // Without such a member the host says so.
        self.branch(more, look, otherwise);
        self.begin(look);
        self.branch_if_key(words, index, name_value, hit, next);
        self.begin(next);
        let following = self.builder.ins().iadd_imm_s(index, 1);
        self.builder.def_var(at, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(hit);
        let index = self.builder.use_var(at);
        let position = self.builder.ins().iadd(words.start, index);
        let position = self.builder.ins().iadd(position, words.length);
        let value = self.word_at(words.arena, position);
        self.builder.def_var(found, value);
        self.jump(on);
        self.begin(otherwise);
        let site = self.site(site);
        let value = self.call_or_fail(Host::Member, &[base, name_value, site]);
        self.builder.def_var(found, value);
        self.jump(on);
        self.begin(on);
        self.set_from(target, found);
    }

    /// A place to look at first.
    fn hint(&mut self) -> Variable {
        self.hints.pop().unwrap_or_else(|| {
            let (hint, zero) = (self.builder.declare_var(types::I64), self.number(0_u64));
            self.builder.def_var(hint, zero);
            hint
        })
    }

    fn branch_if_key(&mut self, words: Words, index: Value, name: Value, then: Block, otherwise: Block) {
        let position = self.builder.ins().iadd(words.start, index);
        let key = self.word_at(words.arena, position);
        let same = self.builder.ins().icmp(IntCC::Equal, key, name);
        self.branch(same, then, otherwise);
    }
}
