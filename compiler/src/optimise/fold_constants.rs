//! Operations on constants become constants, and tests of them go away.
//!
//! ```text
//! r1 = data "limits"          r1 = {"max": 10}
//! r2 = field r1 "max"         r2 = 10
//! r3 = 10                 →   r3 = 10
//! test r2 == r3
//! ```
//!
//! Base documents are constants as long as no `with` of the program replaces data.

use hpol_stdlib::heap::{Heap, View, Word};

use crate::ops::{compares, member, small_arithmetic};
use crate::plan::{Block, Program, Register, ReplacementTarget, Shape, StatementKind, written};

use super::Writes;

pub(super) fn run(program: &mut Program) {
    let data_is_fixed = !replaces_data(program);
    let heap = Heap::new(program.frozen.clone(), 0);
    for function in &mut program.functions {
        let writes = Writes::of(function);
        let constants = vec![None; function.registers as usize];
        Folder { heap: &heap, writes: &writes, data_is_fixed, constants }.block(&mut function.body);
    }
}

/// Whether any `with` replaces data.
fn replaces_data(program: &Program) -> bool {
    super::inline_constants::replaced(program).any(|target| matches!(target, ReplacementTarget::Data(_)))
}

struct Folder<'p> {
    heap: &'p Heap,
    writes: &'p Writes,
    data_is_fixed: bool,
    constants: Vec<Option<Word>>,
}

/// What becomes of a statement.
enum Folded {
    Same,
    Value(Word),
    Holds,
    Fails,
}

impl Folder<'_> {
    /// Operands are written before they are read, and here as there in the order of the text.
    fn block(&mut self, block: &mut Block) {
        block.statements.retain_mut(|statement| {
            let keep = match self.fold(&statement.kind) {
                Folded::Same => true,
                Folded::Value(value) => {
                    for target in written(&statement.kind) {
                        statement.kind = StatementKind::Constant { target, value };
                    }
                    true
                }
                Folded::Holds => false,
                Folded::Fails => {
                    statement.kind = StatementKind::Fail;
                    true
                }
            };
            if let StatementKind::Constant { target, value } = &statement.kind
                && self.writes.once(*target)
            {
                self.constants[target.index()] = Some(*value);
            }
            if let Some(block) = statement.block_mut() {
                self.block(block);
            }
            keep
        });
    }

    fn get(&self, register: Register) -> Option<Word> {
        self.constants[register.index()]
    }

    fn fold(&self, kind: &StatementKind) -> Folded {
        self.folded(kind).unwrap_or(Folded::Same)
    }

    fn folded(&self, kind: &StatementKind) -> Option<Folded> {
        let value = |word: Word| if word.is_absent() { None } else { Some(Folded::Value(word)) };
        let test = |holds: bool| Some(if holds { Folded::Holds } else { Folded::Fails });
        if let StatementKind::Copy { source, .. } = kind {
            Some(Folded::Value(self.get(*source)?))
        } else if let StatementKind::Data { value: word, .. } = kind {
            if self.data_is_fixed { value(*word) } else { None }
        } else if let StatementKind::Field { base, name, .. } = kind {
            value(member(self.heap, self.get(*base)?, *name))
        } else if let StatementKind::Index { base, key, .. } = kind {
            value(self.heap.index(self.get(*base)?, self.get(*key)?))
        } else if let StatementKind::Compare { operator, left, right, .. } = kind {
            value(Word::bool(compares(self.heap, *operator, self.get(*left)?, self.get(*right)?)))
        } else if let StatementKind::TestCompare { operator, left, right } = kind {
            test(compares(self.heap, *operator, self.get(*left)?, self.get(*right)?))
        } else if let StatementKind::Test { value, expected } = kind {
            test(self.get(*value)?.holds() == *expected)
        } else if let StatementKind::TestAbsent { value, expected } = kind {
            test(self.get(*value)?.is_absent() == *expected)
        } else if let StatementKind::TestShape { value, shape, length } = kind {
            test(self.has_shape(self.get(*value)?, *shape, *length))
        } else if let StatementKind::Membership { key: None, value: item, collection, .. } = kind {
            value(Word::bool(self.heap.contains(self.get(*collection)?, self.get(*item)?) == Some(true)))
        } else if let StatementKind::Arithmetic { operator, left, right, .. } = kind {
            let (left, right) = (self.get(*left)?.small_int()?, self.get(*right)?.small_int()?);
            value(small_arithmetic(*operator, left, right)?)
        } else {
            None
        }
    }

    fn has_shape(&self, value: Word, shape: Shape, length: u32) -> bool {
        let items = match (self.heap.view(value), shape) {
            (View::Array(items), Shape::Array) | (View::Object(items, _), Shape::Object) => items,
            _ => return false,
        };
        items.len() == length as usize
    }
}
