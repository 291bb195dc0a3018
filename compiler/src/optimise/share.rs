//! What was read or computed before is not read or computed again.
//!
//! ```text
//! r1 = input                  r1 = input
//! r2 = field r1 "user"        r2 = field r1 "user"
//! …                       →   …
//! r5 = input                  r5 = r1
//! r6 = field r5 "user"        r6 = r2
//! ```
//!
//! Where control comes behind a statement it has succeeded, and would again: values never change. What depends on
//! `with` is known by the world in which it was read.

use hpol_stdlib::heap::Word;
use rustc_hash::FxHashMap;

use crate::plan::{
    ArithmeticOperator, Block, BuiltinId, CompareOperator, ExtentId, FunctionId, Label, OnError, PathId, Program,
    Register, SetOperator, SlotId, StatementKind,
};

use super::Writes;

pub(super) fn run(program: &mut Program) {
    for function in &mut program.functions {
        let writes = Writes::of(function);
        let same = (0..function.registers).map(Register).collect();
        let mut sharer = Sharer {
            writes: &writes,
            known: FxHashMap::default(),
            log: Vec::new(),
            same,
            world: 0,
            worlds: 0,
            withs: FxHashMap::default(),
        };
        sharer.block(&mut function.body);
    }
}

/// What a statement computes, by its operands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Constant(u64),
    Input(World),
    Slot(World, SlotId),
    Data(World, PathId),
    Document(World, ExtentId, Vec<Register>),
    Field(Register, u64),
    Index(Register, Register),
    Call(World, FunctionId, Vec<Register>),
    Builtin(World, BuiltinId, Vec<Register>, OnError),
    Arithmetic(ArithmeticOperator, Register, Register, bool, OnError),
    Sets(SetOperator, Register, Register, OnError),
    Compare(CompareOperator, Register, Register),
    Membership(Option<Register>, Register, Register),
    Test(Register, bool),
    TestCompare(CompareOperator, Register, Register),
}

/// Where a statement stands with respect to `with`.
type World = u32;

struct Sharer<'w> {
    writes: &'w Writes,
    /// What holds the value already; itself for tests.
    known: FxHashMap<Key, Option<Register>>,
    /// Keys in the order in which they became known.
    log: Vec<Key>,
    /// The first register that has the same value.
    same: Vec<Register>,
    world: World,
    worlds: World,
    /// The world in which a `with` stands.
    withs: FxHashMap<Label, World>,
}

impl Sharer<'_> {
    fn block(&mut self, block: &mut Block) {
        let start = self.log.len();
        block.statements.retain_mut(|statement| {
            let keep = self.share(&mut statement.kind);
            let before = self.world;
            if let StatementKind::With { label, .. } = &statement.kind {
                self.withs.insert(*label, before);
                self.worlds += 1;
                self.world = self.worlds;
            } else if let StatementKind::Outside { label, .. } = &statement.kind {
                self.world = self.withs.get(label).copied().unwrap_or(before);
            }
            if let Some(block) = statement.block_mut() {
                self.block(block);
            }
            self.world = before;
            keep
        });
        for key in self.log.drain(start..) {
            self.known.remove(&key);
        }
    }

    /// Whether the statement is still needed; it may become a copy.
    fn share(&mut self, kind: &mut StatementKind) -> bool {
        let Some((key, target)) = self.key(kind) else { return true };
        if let Some(target) = target
            && !self.writes.once(target)
        {
            return true;
        }
        match self.known.get(&key) {
            None => {
                self.log.push(key.clone());
                self.known.insert(key, target);
                true
            }
            Some(Some(source)) => {
                if let Some(target) = target {
                    self.same[target.index()] = *source;
                    *kind = StatementKind::Copy { target, source: *source };
                }
                true
            }
            // A test that held holds.
            Some(None) => false,
        }
    }

    /// The operand by the name under which its value is known; `None` if it may have another value elsewhere.
    fn operand(&self, register: Register) -> Option<Register> {
        self.writes.once(register).then(|| self.same[register.index()])
    }

    fn operands(&self, registers: &[Register]) -> Option<Vec<Register>> {
        registers.iter().map(|register| self.operand(*register)).collect()
    }

    fn key(&self, kind: &StatementKind) -> Option<(Key, Option<Register>)> {
        let world = self.world;
        let pair = |left: Register, right: Register| Some((self.operand(left)?, self.operand(right)?));
        if let StatementKind::Constant { target, value } = kind {
            let absent = *value == Word::ABSENT;
            if absent { None } else { Some((Key::Constant(value.bits()), Some(*target))) }
        } else if let StatementKind::Input { target, .. } = kind {
            Some((Key::Input(world), Some(*target)))
        } else if let StatementKind::Slot { target, slot, .. } = kind {
            Some((Key::Slot(world, *slot), Some(*target)))
        } else if let StatementKind::Data { target, path, .. } = kind {
            Some((Key::Data(world, *path), Some(*target)))
        } else if let StatementKind::Document { target, extent, keys } = kind {
            Some((Key::Document(world, *extent, self.operands(keys)?), Some(*target)))
        } else if let StatementKind::Field { target, base, name, .. } = kind {
            Some((Key::Field(self.operand(*base)?, name.bits()), Some(*target)))
        } else if let StatementKind::Index { target, base, key, .. } = kind {
            let (base, key) = pair(*base, *key)?;
            Some((Key::Index(base, key), Some(*target)))
        } else if let StatementKind::Call { target, function, arguments } = kind {
            Some((Key::Call(world, *function, self.operands(arguments)?), Some(*target)))
        } else if let StatementKind::Builtin { target, builtin, arguments, on_error, .. } = kind {
            Some((Key::Builtin(world, *builtin, self.operands(arguments)?, *on_error), Some(*target)))
        } else if let StatementKind::Arithmetic { target, operator, left, right, checked, on_error, .. } = kind {
            let (left, right) = pair(*left, *right)?;
            Some((Key::Arithmetic(*operator, left, right, *checked, *on_error), Some(*target)))
        } else if let StatementKind::SetOperation { target, operator, left, right, on_error, .. } = kind {
            let (left, right) = pair(*left, *right)?;
            Some((Key::Sets(*operator, left, right, *on_error), Some(*target)))
        } else if let StatementKind::Compare { target, operator, left, right } = kind {
            let (left, right) = pair(*left, *right)?;
            Some((Key::Compare(*operator, left, right), Some(*target)))
        } else if let StatementKind::Membership { target, key, value, collection } = kind {
            let key = match key {
                Some(key) => Some(self.operand(*key)?),
                None => None,
            };
            let (value, collection) = pair(*value, *collection)?;
            Some((Key::Membership(key, value, collection), Some(*target)))
        } else if let StatementKind::Test { value, expected } = kind {
            Some((Key::Test(self.operand(*value)?, *expected), None))
        } else if let StatementKind::TestCompare { operator, left, right } = kind {
            let (left, right) = pair(*left, *right)?;
            Some((Key::TestCompare(*operator, left, right), None))
        } else {
            None
        }
    }
}
