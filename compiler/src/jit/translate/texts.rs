//! Looking at texts in place: equality of short ones, and how they begin and end.
//!
//! A text's bytes are read as those of collections are (see [`super::arena`]): where they start and how many there are comes from
//! the node and is compared with what the arena holds, once; and nothing is read before or behind them, but where that
//! is compared too.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Type, Value, types};
use hpol_stdlib::heap::{Arena, Heap, Word};

use crate::ops::TextTest;
use crate::plan::{PlaceId, Register};

use super::Translator;

/// Most texts that are looked for one after the other.
const PARTS_MAX: usize = 32;

/// Most bytes of all texts that are looked for, because each chunk of them takes code.
const PARTS_BYTES_MAX: usize = 1_024;

/// Texts that are shorter weigh nothing, so that comparing them takes no fuel.
const LIGHT_BYTES: u64 = 32;

/// Bytes that are compared at once.
const CHUNK_BYTES: u64 = 8;

/// The bytes of a text.
#[derive(Clone, Copy)]
struct Text {
    /// Address of the first.
    start: Value,
    length: Value,
    /// How many bytes may be read from the first on: at least its own.
    readable: Value,
}

impl Translator<'_, '_> {
    /// The texts that a text test looks for, if they are constant and few.
    pub(super) fn constant_parts(&self, test: TextTest, part: Register) -> Option<Vec<Vec<u8>>> {
        let heap = Heap::new(self.program.frozen.clone(), 0);
        let word = self.constants[part.index()]?;
        let single = [word];
        let parts = match test {
            TextTest::StartsWith | TextTest::EndsWith => &single[..],
            TextTest::AnyPrefix | TextTest::AnySuffix => heap.elements(word)?,
            TextTest::Contains => return None,
        };
        let parts: Option<Vec<Vec<u8>>> = parts.iter().map(|part| heap.text_bytes(*part).map(<[u8]>::to_vec)).collect();
        parts.filter(|parts| parts.len() <= PARTS_MAX && parts.iter().map(Vec::len).sum::<usize>() <= PARTS_BYTES_MAX)
    }

    /// Whether a text begins, or ends, with any of some texts; takes the fuel for that. Goes to `otherwise` if it is no text.
    pub(super) fn text_test_in_place(
        &mut self,
        test: TextTest,
        text: Value,
        parts: &[Vec<u8>],
        place: PlaceId,
        otherwise: Block,
    ) -> Value {
        let arena = self.arena_of(text);
        let text = self.text_of(text, arena, Word::FROZEN, otherwise);
        let (units, at_end) = match test {
            TextTest::StartsWith | TextTest::Contains => (1, false),
            TextTest::EndsWith => (1, true),
            TextTest::AnyPrefix => (1 + parts.len(), false),
            TextTest::AnySuffix => (1 + parts.len(), true),
        };
        self.charge(u64::try_from(units).unwrap_or(u64::MAX), place);
        let found = self.builder.declare_var(types::I8);
        let on = self.builder.create_block();
        let yes = self.builder.ins().iconst(types::I8, 1);
        self.builder.def_var(found, yes);
        for part in parts {
            let next = self.builder.create_block();
            self.go_on_if_part(text, part, at_end, next);
            self.jump(on);
            self.begin(next);
        }
        let no = self.builder.ins().iconst(types::I8, 0);
        self.builder.def_var(found, no);
        self.jump(on);
        self.begin(on);
        self.builder.use_var(found)
    }

    /// How many bytes a text has; goes to `otherwise` if it is none.
    pub(super) fn text_length(&mut self, text: Value, otherwise: Block) -> Value {
        let arena = self.arena_of(text);
        self.text_of(text, arena, Word::FROZEN, otherwise).length
    }

    /// Goes on here if a text begins, or ends, with some bytes.
    fn go_on_if_part(&mut self, text: Text, part: &[u8], at_end: bool, otherwise: Block) {
        let wanted = self.number(u64::try_from(part.len()).unwrap_or(u64::MAX));
        let long = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, text.length, wanted);
        self.go_on_if(long, otherwise);
        let start = if at_end {
            let before = self.builder.ins().isub(text.length, wanted);
            self.builder.ins().iadd(text.start, before)
        } else {
            text.start
        };
        for (at, bytes) in chunks(part) {
            let (kind, wanted) = constant(bytes);
            let found = self.builder.ins().load(kind, unaligned(), start, at);
            let wanted = self.builder.ins().iconst(kind, wanted);
            let same = self.builder.ins().icmp(IntCC::Equal, found, wanted);
            self.go_on_if(same, otherwise);
        }
    }

    /// Whether two words are those of equal texts of the evaluation's own; goes to `otherwise` for everything else, and for longer
    /// texts of the same length.
    pub(super) fn same_text(&mut self, left: Value, right: Value, otherwise: Block) -> Value {
        let arena = self.local_arena();
        let left = self.text_of(left, arena, 0, otherwise);
        let right = self.text_of(right, arena, 0, otherwise);
        let (result, on) = (self.builder.declare_var(types::I8), self.builder.create_block());
        let same = self.builder.ins().icmp(IntCC::Equal, left.length, right.length);
        self.builder.def_var(result, same);
        self.go_on_if(same, on);
        let most = self.number(LIGHT_BYTES);
        let light = self.builder.ins().icmp(IntCC::UnsignedLessThan, left.length, most);
        self.go_on_if(light, otherwise);
        let chunk = self.number(CHUNK_BYTES);
        let (short, long) = (self.builder.create_block(), self.builder.create_block());
        let is_long = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, left.length, chunk);
        self.branch(is_long, long, short);
        self.begin(short);
        let same = self.same_short(left, right, otherwise);
        self.builder.def_var(result, same);
        self.jump(on);
        self.begin(long);
        let same = self.same_long(left, right);
        self.builder.def_var(result, same);
        self.jump(on);
        self.begin(on);
        self.builder.use_var(result)
    }

    /// Whether texts of the same length, which is less than a chunk, are equal; goes to `otherwise` for empty ones, and where a whole
    /// chunk can't be read.
    fn same_short(&mut self, left: Text, right: Text, otherwise: Block) -> Value {
        let chunk = self.number(CHUNK_BYTES);
        for text in [left, right] {
            let can_read = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, text.readable, chunk);
            self.go_on_if(can_read, otherwise);
        }
        self.go_on_if(left.length, otherwise);
        let [left_bytes, right_bytes] =
            [left, right].map(|text| self.builder.ins().load(types::I64, unaligned(), text.start, 0));
        let different = self.builder.ins().bxor(left_bytes, right_bytes);
        // The first bytes count, which stand in the lower bits or in the upper ones.
        let unread = self.builder.ins().isub(chunk, left.length);
        let three = self.number(u64::from(CHUNK_BYTES.trailing_zeros()));
        let shift = self.builder.ins().ishl(unread, three);
        let different = if cfg!(target_endian = "little") {
            self.builder.ins().ishl(different, shift)
        } else {
            self.builder.ins().ushr(different, shift)
        };
        self.is(different, 0)
    }

    /// Whether texts of the same length, which is at least a chunk, are equal: chunk by chunk, of which the last may overlap the one
    /// before.
    fn same_long(&mut self, left: Text, right: Text) -> Value {
        let (at, result) = (self.builder.declare_var(types::I64), self.builder.declare_var(types::I8));
        let chunk = self.number(CHUNK_BYTES);
        let last = self.builder.ins().isub(left.length, chunk);
        let same = self.same_chunk(left, right, last);
        self.builder.def_var(result, same);
        let zero = self.number(0_u64);
        self.builder.def_var(at, zero);
        let [first, head, look, on] = [(); 4].map(|()| self.builder.create_block());
        self.branch(same, first, on);
        self.begin(first);
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let now = self.builder.use_var(at);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, now, last);
        let yes = self.builder.ins().iconst(types::I8, 1);
        self.builder.def_var(result, yes);
        self.branch(more, look, on);
        self.begin(look);
        let same = self.same_chunk(left, right, now);
        self.builder.def_var(result, same);
        let following = self.builder.ins().iadd(now, chunk);
        self.builder.def_var(at, following);
        self.branch(same, head, on);
        self.builder.seal_block(head);
        self.begin(on);
        self.builder.use_var(result)
    }

    fn same_chunk(&mut self, left: Text, right: Text, at: Value) -> Value {
        let [left, right] = [left, right].map(|text| {
            let address = self.builder.ins().iadd(text.start, at);
            self.builder.ins().load(types::I64, unaligned(), address, 0)
        });
        self.builder.ins().icmp(IntCC::Equal, left, right)
    }

    /// The bytes of a string in an arena; goes to `otherwise` for everything else. Whether it is in this arena is told by its
    /// [`Word::FROZEN`] bit, which is not looked at if `ignored` has it.
    fn text_of(&mut self, value: Value, arena: Value, ignored: u64, otherwise: Block) -> Text {
        let bits = self.masked(value, Word::NODE_MASK & !ignored);
        let is_text = self.is(bits, Word::FROZEN_STRING & !Word::FROZEN);
        self.go_on_if(is_text, otherwise);
        let node = self.node_of(arena, value, otherwise);
        let start = self.node_field(node, Heap::NODE_START);
        let length = self.node_field(node, Heap::NODE_LENGTH);
        let end = self.builder.ins().iadd(start, length);
        let bytes = self.arena_field(arena, Arena::TEXT_LENGTH);
        let within = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, bytes);
        self.go_on_if(within, otherwise);
        let readable = self.builder.ins().isub(bytes, start);
        let text = self.arena_field(arena, Arena::TEXT);
        let start = self.builder.ins().iadd(text, start);
        Text { start, length, readable }
    }
}

/// How bytes of a text are read, which stand anywhere.
fn unaligned() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// Some bytes in parts that can be compared at once, which may overlap, with where each starts; the last first, because texts that are
/// looked for often begin the same.
fn chunks(bytes: &[u8]) -> Vec<(i32, &[u8])> {
    let size = [8, 4, 2, 1].into_iter().find(|size| *size <= bytes.len()).unwrap_or(1);
    let mut starts: Vec<usize> = (0..=bytes.len().saturating_sub(size)).step_by(size).collect();
    starts.push(bytes.len().saturating_sub(size));
    starts.dedup();
    let parts = starts.iter().rev();
    parts.filter_map(|start| Some((i32::try_from(*start).ok()?, bytes.get(*start..start + size)?))).collect()
}

/// One, two, four or eight bytes as a number, as the machine reads them.
fn constant(bytes: &[u8]) -> (Type, i64) {
    match *bytes {
        [first] => (types::I8, i64::from(first)),
        [first, second] => (types::I16, i64::from(u16::from_ne_bytes([first, second]))),
        _ => match (<[u8; 4]>::try_from(bytes), <[u8; 8]>::try_from(bytes)) {
            (Ok(four), _) => (types::I32, i64::from(u32::from_ne_bytes(four))),
            (_, Ok(eight)) => (types::I64, i64::from_ne_bytes(eight)),
            _ => (types::I64, 0),
        },
    }
}
