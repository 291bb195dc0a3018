//! What registers surely hold, so that the code need not ask.
//!
//! A word says by its tag what it is, and whoever reads one asks for that. Of some registers it is known, because all that writes them is:
//! constants, counts, answers of comparisons, places in arrays, sums of these as far as their bounds tell that they fit a word. What
//! comes from outside is never known: readers hold an integer that does not fit a word elsewhere, whatever its type.
//!
//! ```text
//! r1 = count(r0)          an integer of 0 to 4294967295
//! r2 = r1 + 1             an integer of 1 to 4294967296: no tag to look at, and no overflow
//! test r2 > r3            one comparison, if r3 is a constant
//! ```
//!
//! Where nothing but such operations reads a register, its integers are kept without tags.

use std::fmt::Write;

use hpol_lang::types::{Signature, Type};
use hpol_stdlib::builtin::Builtin;
use hpol_stdlib::heap::{Heap, Kind, View, Word};

use crate::optimise::Writes;
use crate::plan::{ArithmeticOperator, Collection, Function, Program, Register, StatementKind, written};

use super::Fixed;

/// The integers that stand in their words.
const SMALLEST: i64 = i64::MIN >> Word::INT_SHIFT;
const LARGEST: i64 = i64::MAX >> Word::INT_SHIFT;

/// More than any collection has elements and any text characters: the arenas count them by 32 bits.
const COUNT_MAX: i64 = u32::MAX as i64;

/// Most elements of a constant that are looked at one by one.
const ITEMS_MAX: usize = 256;

/// How often what is known is gone through again before it is given up, which only registers that are written from themselves need.
const ROUNDS_MAX: usize = 8;

const ABSENT: u8 = 1;
/// An integer that stands in its word.
const INT: u8 = 1 << 1;
const BOOL: u8 = 1 << 2;
/// Null, or a text of the frozen region.
const PLAIN: u8 = 1 << 3;
const ARRAY: u8 = 1 << 4;
/// Anything else.
const OTHER: u8 = 1 << 5;

/// What a register may hold, wherever it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Of which kinds.
    kinds: u8,
    /// The bounds of its integers; the wrong way round where it holds none.
    low: i64,
    high: i64,
}

impl Held {
    /// What nothing has written.
    const NOTHING: Self = Self { kinds: 0, low: i64::MAX, high: i64::MIN };
    pub(super) const VALUE: Self = Self { kinds: INT | BOOL | PLAIN | ARRAY | OTHER, low: SMALLEST, high: LARGEST };
    const ANYTHING: Self = Self { kinds: Self::VALUE.kinds | ABSENT, ..Self::VALUE };

    const fn of_kind(kind: u8) -> Self {
        Self { kinds: kind, ..Self::NOTHING }
    }

    /// Integers between two bounds.
    const fn integers(low: i64, high: i64) -> Self {
        Self { kinds: INT, low, high }
    }

    fn of(word: Word) -> Self {
        match (word.kind(), word.small_int()) {
            (_, Some(integer)) => Self::integers(integer, integer),
            (Kind::Absent, _) => Self::of_kind(ABSENT),
            (Kind::Bool, _) => Self::of_kind(BOOL),
            (Kind::Null, _) => Self::of_kind(PLAIN),
            (Kind::String, _) if word.is_canonical() => Self::of_kind(PLAIN),
            (Kind::Array, _) => Self::of_kind(ARRAY),
            (Kind::Int | Kind::Number | Kind::String | Kind::Object | Kind::Set, _) => Self::of_kind(OTHER),
        }
    }

    fn or(self, other: Self) -> Self {
        Self { kinds: self.kinds | other.kinds, low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// What a builtin's result is, as far as its signature and name tell.
    pub(super) fn result(builtin: &Builtin) -> Self {
        match builtin.name {
            "count" | "strings.count" => return Self::integers(0, COUNT_MAX),
            "indexof" => return Self::integers(-1, COUNT_MAX),
            _ => {}
        }
        match Signature::parse(builtin.signature).map(|signature| signature.result) {
            Ok(Type::Bool) => Self::of_kind(BOOL),
            Ok(Type::Array(_)) => Self::of_kind(ARRAY),
            _ => Self::VALUE,
        }
    }

    fn computed(operator: ArithmeticOperator, left: Self, right: Self) -> Self {
        if left.kinds == 0 || right.kinds == 0 {
            return Self::NOTHING;
        }
        if !(left.is_integer() && right.is_integer()) {
            return Self::VALUE;
        }
        let (left, right) = ([left.low, left.high].map(i128::from), [right.low, right.high].map(i128::from));
        let bounds = match operator {
            ArithmeticOperator::Add => [left[0] + right[0], left[1] + right[1]],
            ArithmeticOperator::Subtract => [left[0] - right[1], left[1] - right[0]],
            ArithmeticOperator::Multiply => {
                let corners = [left[0] * right[0], left[0] * right[1], left[1] * right[0], left[1] * right[1]];
                corners.iter().fold([corners[0]; 2], |[low, high], corner| [low.min(*corner), high.max(*corner)])
            }
            // It is what is left over of what is divided, with its sign.
            ArithmeticOperator::Remainder => [left[0].min(0), left[1].max(0)],
            ArithmeticOperator::Divide => return Self::VALUE,
        };
        match bounds.map(|bound| i64::try_from(bound).ok().filter(|bound| (SMALLEST..=LARGEST).contains(bound))) {
            [Some(low), Some(high)] => Self::integers(low, high),
            _ => Self::VALUE,
        }
    }

    /// Whether it is surely an integer that stands in its word.
    pub(super) fn is_integer(self) -> bool {
        self.kinds == INT
    }

    /// Whether 0 is between the bounds of its integers.
    pub(super) fn may_be_zero(self) -> bool {
        (self.low..=self.high).contains(&0)
    }

    /// Whether it is surely an array.
    pub(super) fn is_array(self) -> bool {
        self.kinds == ARRAY
    }

    /// Whether it is surely there.
    pub(super) fn is_there(self) -> bool {
        self.kinds & ABSENT == 0 && self.kinds != 0
    }

    /// Whether its equals are surely the same word.
    pub(super) fn is_canonical(self) -> bool {
        self.kinds & (ABSENT | ARRAY | OTHER) == 0 && self.kinds != 0
    }
}

/// What is known of a function's registers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    held: Vec<Held>,
    /// Which are kept without tags.
    bare: Vec<bool>,
}

impl Numbers {
    /// `constants` are those that registers hold.
    pub(super) fn of(fixed: &Fixed<'_>, function: &Function, constants: &[Option<Word>]) -> Self {
        let registers = function.registers as usize;
        let heap = Heap::new(fixed.program.frozen.clone(), 0);
        let mut search = Search { heap: &heap, fixed, constants, held: vec![Held::NOTHING; registers], changed: true };
        search.held[..function.parameters as usize].fill(Held::ANYTHING);
        let mut rounds = 0;
        while search.changed && rounds < ROUNDS_MAX {
            search.changed = false;
            function.body.each_statement(&mut |statement| search.statement(&statement.kind));
            rounds += 1;
        }
        if search.changed {
            search.held.fill(Held::ANYTHING);
        }
        let mut numbers = Self { held: search.held, bare: Vec::new() };
        numbers.bare = numbers.bare(fixed, function, constants);
        numbers
    }

    pub(super) fn held(&self, register: Register) -> Held {
        self.held[register.index()]
    }

    /// Whether a register keeps its integers without tags.
    pub(super) fn is_bare(&self, register: Register) -> bool {
        self.bare[register.index()]
    }

    pub(super) fn are_integers(&self, left: Register, right: Register) -> bool {
        self.held(left).is_integer() && self.held(right).is_integer()
    }

    /// Registers whose integers are made without tags, and read by nothing that looks at these.
    fn bare(&self, fixed: &Fixed<'_>, function: &Function, constants: &[Option<Word>]) -> Vec<bool> {
        let writes = Writes::of(function);
        let (mut made, mut looked) = (vec![0; self.held.len()], vec![0; self.held.len()]);
        function.body.each_statement(&mut |statement| {
            let kind = &statement.kind;
            if let StatementKind::Compare { left, right, .. } | StatementKind::TestCompare { left, right, .. } = kind {
                if self.are_integers(*left, *right) {
                    [left, right].iter().for_each(|register| looked[register.index()] += 1);
                }
            } else if let StatementKind::Arithmetic { target, left, right, .. } = kind {
                if self.held(*target).is_integer() && self.are_integers(*left, *right) {
                    made[target.index()] += 1;
                    [left, right].iter().for_each(|register| looked[register.index()] += 1);
                }
            } else if let StatementKind::Builtin { target, builtin, .. } = kind {
                made[target.index()] += u32::from(fixed.builtin(*builtin));
            } else if let StatementKind::Each { key: Some(key), .. } = kind {
                made[key.index()] += 1;
            } else if let StatementKind::Index { key, .. } = kind {
                looked[key.index()] += 1;
            }
        });
        let known = self.held.iter().zip(constants).zip((0..).map(Register));
        known
            .map(|((held, constant), register)| {
                let at = register.index();
                let is_read = looked[at] > 0 && looked[at] == writes.read(register);
                held.is_integer() && constant.is_none() && is_read && writes.once(register) && made[at] == 1
            })
            .collect()
    }
}

/// Goes through a function's statements until nothing new is found.
struct Search<'s> {
    heap: &'s Heap,
    fixed: &'s Fixed<'s>,
    constants: &'s [Option<Word>],
    held: Vec<Held>,
    changed: bool,
}

impl Search<'_> {
    fn statement(&mut self, kind: &StatementKind) {
        if let StatementKind::Each { key, value, collection, .. } = kind {
            let found = self.elements(*collection);
            for (register, held) in [key, value].into_iter().zip(found) {
                if let Some(register) = register {
                    self.note(*register, held);
                }
            }
            return;
        }
        let held = self.made(kind);
        for register in written(kind) {
            self.note(register, held);
        }
    }

    fn note(&mut self, register: Register, held: Held) {
        let known = &mut self.held[register.index()];
        let all = known.or(held);
        self.changed |= all != *known;
        *known = all;
    }

    /// What a statement writes.
    fn made(&self, kind: &StatementKind) -> Held {
        if let StatementKind::Constant { value, .. } = kind {
            Held::of(*value)
        } else if let StatementKind::Copy { source, .. } = kind {
            self.held[source.index()]
        } else if let StatementKind::Compare { .. } | StatementKind::Membership { .. } = kind {
            Held::of_kind(BOOL)
        } else if let StatementKind::MakeArray { .. } | StatementKind::Collect { collection: Collection::Array, .. } =
            kind
        {
            Held::of_kind(ARRAY)
        } else if let StatementKind::Arithmetic { operator, left, right, .. } = kind {
            Held::computed(*operator, self.held[left.index()], self.held[right.index()])
        } else if let StatementKind::Builtin { builtin, .. } = kind {
            self.fixed.result(*builtin)
        } else if let StatementKind::Index { base, .. } = kind {
            self.elements(*base)[1]
        } else if let StatementKind::Yield { value, .. } = kind {
            self.held[value.index()]
        } else if let StatementKind::Input { .. }
        | StatementKind::Slot { .. }
        | StatementKind::Data { .. }
        | StatementKind::Field { .. }
        | StatementKind::Call { .. }
        | StatementKind::SetOperation { .. }
        | StatementKind::MakeSet { .. }
        | StatementKind::MakeObject { .. }
        | StatementKind::Template { .. }
        | StatementKind::Collect { .. } = kind
        {
            Held::VALUE
        } else {
            Held::ANYTHING
        }
    }

    /// The keys and values of a collection.
    fn elements(&self, collection: Register) -> [Held; 2] {
        let held = self.held[collection.index()];
        if held.kinds == 0 {
            return [Held::NOTHING; 2];
        }
        let places = Held::integers(0, COUNT_MAX);
        let all = |words: &[Word]| words.iter().fold(Held::NOTHING, |held, word| held.or(Held::of(*word)));
        let constant = self.constants[collection.index()];
        match constant.map(|constant| self.heap.view(constant)) {
            Some(View::Array(items)) if items.len() <= ITEMS_MAX => [places, all(items)],
            Some(View::Set(items)) if items.len() <= ITEMS_MAX => [all(items); 2],
            Some(View::Object(keys, values)) if keys.len() <= ITEMS_MAX => [all(keys), all(values)],
            _ if held.is_array() => [places, Held::VALUE],
            _ => [Held::VALUE; 2],
        }
    }
}

/// What is known of a function's registers, one to a line, for people who want to see what machine code does not ask.
pub(in crate::jit) fn display(program: &Program, function: &Function) -> String {
    let numbers = Numbers::of(&Fixed::of(program), function, &super::constants(function));
    let mut shown = String::new();
    for (held, register) in numbers.held.iter().zip((0..).map(Register)) {
        let bare = if numbers.is_bare(register) { ", without tag" } else { "" };
        let what = match held.kinds {
            INT => format!("an integer of {} to {}{bare}", held.low, held.high),
            BOOL => "a truth value".to_owned(),
            ARRAY => "an array".to_owned(),
            _ if held.is_canonical() => "a value whose equals are the same word".to_owned(),
            _ if held.is_there() || held.kinds == 0 => continue,
            _ => "a value that may be absent".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(shown, "r{}: {what}", register.0);
    }
    shown
}
