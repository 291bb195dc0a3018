//! Reading elements and members of values in place, without a call.
//!
//! A word that is a node says in which arena it stands and at which index; the node says where its words (or its text's bytes) start
//! and how many there are ([`hpol_stdlib::heap::Arena`]). Both are checked against what the arena holds before anything is read, so that
//! this is sound for any word whatever. What is not of the kind that is looked for goes the host's way.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, StackSlot, Value, types};
use cranelift_frontend::Variable;
use hpol_stdlib::heap::{Arena, Heap, Kind, Tables, Word};

use crate::context::Context;
use crate::plan::{Register, SiteId};

use crate::jit::host::Host;

use super::{HINTS_MAX, Translator, WORD_BYTES, hint_offset};

/// Largest object whose keys are looked through in place.
const FIELDS_MAX: u64 = 16;

/// Longest array or set that is looked through in place.
const SCANNED_MAX: u64 = 32;

/// Bits that tell the kind of a node, but not its arena.
const KIND_BITS: u64 = 0xF0 | Word::TAG_MASK;

/// The bit of a word that says which arena it is in, and by how much it is shifted to be an offset.
const ARENA_BIT: u64 = 1 << 3;
const ARENA_SHIFT: u64 = 3;
const _: () = assert!(ARENA_BIT << ARENA_SHIFT == size_of::<Arena>() as u64);

/// The words of a collection.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// Address of the arena's description.
    arena: Value,
    /// Address of the node.
    node: Value,
    /// Index of the first word.
    start: Value,
    /// How many elements or keys there are.
    length: Value,
}

/// What a loop runs over: variables, because they come about in more than one way.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Address of the arena's description.
    pub(super) arena: Variable,
    /// Index of the first value.
    pub(super) first: Variable,
    /// Index behind the last.
    pub(super) end: Variable,
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

/// What [`KIND_BITS`] leave of a node of a kind.
fn kind_bits(kind: Kind) -> u64 {
    kind.code() << Word::KIND_SHIFT | Word::TAG_NODE
}

/// Offsets are those of fields, which are far below 2 GiB.
fn offset(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

impl Translator<'_, '_> {
    /// The words of a collection of some kind; goes to `otherwise` if the value is not one.
    fn words_of(&mut self, value: Value, kind: Kind, otherwise: Block) -> Words {
        self.words_of_any(value, &[kind], otherwise)
    }

    /// The words of a collection of one of some kinds, of which an object's are all or none.
    fn words_of_any(&mut self, value: Value, kinds: &[Kind], otherwise: Block) -> Words {
        let bits = self.masked(value, KIND_BITS);
        let mut is_kind = self.builder.ins().iconst(types::I8, 0);
        for kind in kinds {
            let same = self.is(bits, kind_bits(*kind));
            is_kind = self.builder.ins().bor(is_kind, same);
        }
        self.go_on_if(is_kind, otherwise);
        let words = self.unchecked_words(value, otherwise);
        let Words { start, length, .. } = words;
        let count = if kinds.contains(&Kind::Object) { self.builder.ins().iadd(length, length) } else { length };
        let end = self.builder.ins().iadd(start, count);
        self.go_on_if_ends_within(words, end, otherwise);
        words
    }

    /// A collection of some kind, of which it must still be checked that what is read stands within the arena's words; goes to
    /// `otherwise` if the value is not one.
    fn node_of_kind(&mut self, value: Value, kind: Kind, otherwise: Block) -> Words {
        let bits = self.masked(value, KIND_BITS);
        let is_kind = self.is(bits, kind_bits(kind));
        self.go_on_if(is_kind, otherwise);
        self.unchecked_words(value, otherwise)
    }

    fn unchecked_words(&mut self, value: Value, otherwise: Block) -> Words {
        let arena = self.arena_of(value);
        let node = self.node_of(arena, value, otherwise);
        let start = self.node_field(node, Heap::NODE_START);
        let length = self.node_field(node, Heap::NODE_LENGTH);
        Words { arena, node, start, length }
    }

    /// Goes on here if there is a word at a place of the arena.
    fn go_on_if_within(&mut self, words: Words, at: Value, otherwise: Block) {
        let length = self.arena_field(words.arena, Arena::WORDS_LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, at, length);
        self.go_on_if(within, otherwise);
    }

    /// Goes on here if there are words in the arena up to a place. Starts and lengths have 32 bits, so that sums of them do not wrap.
    fn go_on_if_ends_within(&mut self, words: Words, end: Value, otherwise: Block) {
        let length = self.arena_field(words.arena, Arena::WORDS_LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, length);
        self.go_on_if(within, otherwise);
    }

    /// What a loop runs over that is surely an array.
    pub(super) fn run_of_array(&mut self, value: Value, otherwise: Block) -> Run {
        let words = self.unchecked_words(value, otherwise);
        let behind = self.builder.ins().iadd(words.start, words.length);
        self.go_on_if_ends_within(words, behind, otherwise);
        let [arena, first, end] = [words.arena, words.start, behind].map(|value| {
            let variable = self.builder.declare_var(types::I64);
            self.builder.def_var(variable, value);
            variable
        });
        Run { arena, first, end }
    }

    /// What a loop runs over, whichever kind of collection it is; goes to `otherwise` for what is none. Keys of an object, which stand
    /// before its values, are within where these are.
    pub(super) fn run_of(&mut self, value: Value, otherwise: Block) -> Run {
        let bits = self.masked(value, KIND_BITS);
        let [arena, first, end] = [(); 3].map(|()| self.builder.declare_var(types::I64));
        let (array, other, on) = (self.builder.create_block(), self.cold(), self.builder.create_block());
        let is_array = self.is(bits, kind_bits(Kind::Array));
        self.branch(is_array, array, other);
        for (block, is_array) in [(array, true), (other, false)] {
            self.begin(block);
            if !is_array {
                let [set, object] = [Kind::Set, Kind::Object].map(|kind| self.is(bits, kind_bits(kind)));
                let is_collection = self.builder.ins().bor(set, object);
                self.go_on_if(is_collection, otherwise);
            }
            let words = self.unchecked_words(value, otherwise);
            let start = if is_array {
                words.start
            } else {
                let is_object = self.is(bits, kind_bits(Kind::Object));
                let behind = self.builder.ins().iadd(words.start, words.length);
                self.builder.ins().select(is_object, behind, words.start)
            };
            let behind = self.builder.ins().iadd(start, words.length);
            self.go_on_if_ends_within(words, behind, otherwise);
            for (variable, value) in [(arena, words.arena), (first, start), (end, behind)] {
                self.builder.def_var(variable, value);
            }
            self.jump(on);
        }
        self.begin(on);
        Run { arena, first, end }
    }

    /// The key of an element that a loop stands at.
    pub(super) fn key_at(&mut self, collection: Value, run: Run, at: Value) -> Value {
        let bits = self.masked(collection, KIND_BITS);
        let key = self.builder.declare_var(types::I64);
        let (array, other, on) = (self.builder.create_block(), self.cold(), self.builder.create_block());
        let first = self.builder.use_var(run.first);
        let is_array = self.is(bits, kind_bits(Kind::Array));
        self.branch(is_array, array, other);
        self.begin(array);
        let index = self.builder.ins().isub(at, first);
        let index = self.tagged(index);
        self.builder.def_var(key, index);
        self.jump(on);
        self.begin(other);
        let (arena, end) = (self.builder.use_var(run.arena), self.builder.use_var(run.end));
        // An object has as many keys as values, before them; the key in a set is the element.
        let length = self.builder.ins().isub(end, first);
        let before = self.builder.ins().isub(at, length);
        let is_object = self.is(bits, kind_bits(Kind::Object));
        let position = self.builder.ins().select(is_object, before, at);
        let word = self.word_at(arena, position);
        self.builder.def_var(key, word);
        self.jump(on);
        self.begin(on);
        self.builder.use_var(key)
    }

    /// A number that fits as an integer's word.
    pub(super) fn tagged(&mut self, number: Value) -> Value {
        let shift = self.number(Word::INT_SHIFT);
        let shifted = self.builder.ins().ishl(number, shift);
        let tag = self.number(Word::TAG_INT);
        self.builder.ins().bor(shifted, tag)
    }

    /// Where the arena of a node is described.
    pub(super) fn arena_of(&mut self, value: Value) -> Value {
        let which = self.masked(value, ARENA_BIT);
        let shift = self.number(ARENA_SHIFT);
        let offset = self.builder.ins().ishl(which, shift);
        let arenas = self.local_arena();
        self.builder.ins().iadd(arenas, offset)
    }

    /// Where the arena of the evaluation's own nodes is described.
    pub(super) fn local_arena(&mut self) -> Value {
        let arenas = i64::try_from(Context::ARENAS_OFFSET).unwrap_or(i64::MAX);
        self.builder.ins().iadd_imm_s(self.context, arenas)
    }

    /// The address of a value's node in an arena.
    pub(super) fn node_of(&mut self, arena: Value, value: Value, otherwise: Block) -> Value {
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

    pub(super) fn arena_field(&mut self, arena: Value, offset: usize) -> Value {
        self.builder.ins().load(types::I64, MemFlagsData::trusted(), arena, self::offset(offset))
    }

    pub(super) fn node_field(&mut self, node: Value, offset: usize) -> Value {
        self.builder.ins().uload32(MemFlagsData::trusted(), node, self::offset(offset))
    }

    /// The element of an array at a place, looked for in place; everything else is the host's. A place before the first is one far behind
    /// the last.
    pub(super) fn element_in_place(&mut self, index: Value, base: Value, otherwise: Block) -> Value {
        let words = self.words_of(base, Kind::Array, otherwise);
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
        let key_at = self.builder.ins().iadd(words.start, position);
        let found = self.word_at(words.arena, key_at);
        let same = self.builder.ins().icmp(IntCC::Equal, found, key);
        self.branch(same, hit, next);
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
    pub(super) fn go_on_if_canonical(&mut self, value: Value, otherwise: Block) {
        let tag = self.masked(value, Word::TAG_MASK);
        let node = self.is(tag, Word::TAG_NODE);
        let kind = self.masked(value, Word::NODE_MASK);
        let text = self.is(kind, Word::FROZEN_STRING);
        let zero = self.builder.ins().iconst(types::I8, 0);
        let no_node = self.builder.ins().icmp(IntCC::Equal, node, zero);
        let canonical = self.builder.ins().bor(no_node, text);
        self.go_on_if(canonical, otherwise);
    }

    /// Goes on here if a value is a text.
    pub(super) fn go_on_if_text(&mut self, value: Value, otherwise: Block) {
        let bits = self.masked(value, KIND_BITS);
        let text = self.is(bits, kind_bits(Kind::String));
        self.go_on_if(text, otherwise);
    }

    /// Goes on here if a value is a text, a number in its word, null or a bool.
    pub(super) fn go_on_if_no_collection(&mut self, value: Value, otherwise: Block) {
        let tag = self.masked(value, Word::TAG_MASK);
        let kind = self.masked(value, KIND_BITS);
        let text = self.is(kind, kind_bits(Kind::String));
        let zero = self.number(Word::TAG_NODE);
        let no_node = self.builder.ins().icmp(IntCC::NotEqual, tag, zero);
        let is_plain = self.builder.ins().bor(no_node, text);
        self.go_on_if(is_plain, otherwise);
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

    /// How many elements an array or a set has; goes to `otherwise` for everything else.
    pub(super) fn count_in_place(&mut self, collection: Value, is_array: bool, otherwise: Block) -> Value {
        let words = if is_array {
            self.unchecked_words(collection, otherwise)
        } else {
            self.words_of_any(collection, &[Kind::Array, Kind::Set], otherwise)
        };
        words.length
    }

    /// Goes on here if the condition holds, else to `otherwise`.
    pub(super) fn go_on_if(&mut self, condition: Value, otherwise: Block) {
        let on = self.builder.create_block();
        self.branch(condition, on, otherwise);
        self.begin(on);
    }

    /// The member of a small object under a name, looked for in place, first where the object before had it; everything else is
    /// the host's.
    pub(super) fn field_in_place(&mut self, target: Register, base: Register, name: Word, site: Option<SiteId>) {
        let base = self.get(base);
        let name_value = self.word(name);
        let [scan, hit, on] = [(); 3].map(|()| self.builder.create_block());
        let otherwise = self.cold();
        let [at, found] = [(); 2].map(|()| self.builder.declare_var(types::I64));
        let object = self.node_of_kind(base, Kind::Object, otherwise);
        let hint = self.next_hint();
        let first = match hint {
            Some((slot, offset)) => self.builder.ins().stack_load(types::I64, types::I64, slot, offset),
            None => self.number(0_u64),
        };
        // The place of the key lies before that of the value, so that both are within if the latter is.
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThan, first, object.length);
        self.go_on_if(within, scan);
        let key_at = self.builder.ins().iadd(object.start, first);
        let value_at = self.builder.ins().iadd(key_at, object.length);
        self.go_on_if_within(object, value_at, scan);
        let key = self.word_at(object.arena, key_at);
        let same = self.builder.ins().icmp(IntCC::Equal, key, name_value);
        self.builder.def_var(at, value_at);
        self.branch(same, hit, scan);
        self.begin(scan);
        let index = self.scan_keys(object, name_value, otherwise);
        if let Some((slot, offset)) = hint {
            self.builder.ins().stack_store(types::I64, index, slot, offset);
        }
        let key_at = self.builder.ins().iadd(object.start, index);
        let value_at = self.builder.ins().iadd(key_at, object.length);
        self.builder.def_var(at, value_at);
        self.jump(hit);
        self.begin(hit);
        let value_at = self.builder.use_var(at);
        let value = self.word_at(object.arena, value_at);
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

    /// Where a key stands in a small object, looked for from the start; goes to `otherwise` if it is not there, which the host says.
    fn scan_keys(&mut self, object: Words, name: Value, otherwise: Block) -> Value {
        let most = self.number(FIELDS_MAX);
        let few = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, object.length, most);
        self.go_on_if(few, otherwise);
        let double = self.builder.ins().iadd(object.length, object.length);
        let end = self.builder.ins().iadd(object.start, double);
        self.go_on_if_ends_within(object, end, otherwise);
        let at = self.builder.declare_var(types::I64);
        let zero = self.number(0_u64);
        self.builder.def_var(at, zero);
        let [head, look, next, hit] = [(); 4].map(|()| self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let index = self.builder.use_var(at);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, object.length);
        self.branch(more, look, otherwise);
        self.begin(look);
        let position = self.builder.ins().iadd(object.start, index);
        let key = self.word_at(object.arena, position);
        let same = self.builder.ins().icmp(IntCC::Equal, key, name);
        self.branch(same, hit, next);
        self.begin(next);
        let following = self.builder.ins().iadd_imm_s(index, 1);
        self.builder.def_var(at, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(hit);
        index
    }

    /// Where to look at first, in a loop.
    fn next_hint(&mut self) -> Option<(StackSlot, i32)> {
        let slot = self.hints.filter(|_| self.loops > 0 && self.hinted < HINTS_MAX)?;
        self.hinted += 1;
        Some((slot, hint_offset(self.hinted - 1)))
    }
}
