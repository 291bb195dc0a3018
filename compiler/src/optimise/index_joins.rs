//! Loops within loops that look for elements of a list of the request, or of another value made in the evaluation, ask an index.
//!
//! ```text
//! each L0 _, r1 in r0 {               each L0 _, r1 in r0 {
//!   each L1 _, r3 in r2 {               r7 = absent
//!     r4 = field r3 "id"                scope L2 catches {
//!     r5 = field r1 "owner"        →      r8 = field quiet r1 "owner"
//!     test r4 == r5                       r7 = r8
//!     …                                 }
//!   }                                   each L1 _, r3 in r2 where element.id is r7, once it is indexed {
//! }                                       …
//! ```
//!
//! As in `index_data.rs` the body stays as it is, and an index rules out elements for which it would fail at one of its first
//! tests, silently. There is no collection yet: the evaluation makes the index when such a loop is entered over a large one for
//! the second time (`context/joins.rs`), so only loops get one that are run again and again over the same.

use hpol_stdlib::heap::Heap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::{
    Block, Function, Index, IndexId, Lookup, Origin, Program, Register, Relation, Statement, StatementKind, written,
};

use super::Writes;
use super::index_data::{Names, Prefix, Sources};

/// Longest way from a loop to where its collection comes from.
const WAY_MAX: u32 = 32;

pub(super) fn run(program: &mut Program) {
    let heap = Heap::new(program.frozen.clone(), 0);
    let mut indexes = std::mem::take(&mut program.lookups);
    for function in &mut program.functions {
        let writes = Writes::of(function);
        let sources = Sources::of(function, &writes, &heap);
        let mut names = Names::of(function);
        let is_called_again = function.parameters > 0 && matches!(function.origin, Origin::Rule(_));
        let definitions = definitions(function);
        let mut joiner = Joiner {
            indexes: &mut indexes,
            writes: &writes,
            sources: &sources,
            definitions,
            is_called_again,
            around: Vec::new(),
        };
        let mut body = std::mem::take(&mut function.body);
        joiner.block(&mut body, &mut names);
        function.body = body;
        function.registers = names.registers;
    }
    program.lookups = indexes;
}

/// What writes each register that one statement writes, as far as its value may come from further away.
fn definitions(function: &Function) -> FxHashMap<Register, Definition> {
    let mut definitions = FxHashMap::default();
    function.body.each_statement(&mut |statement| {
        let kind = &statement.kind;
        let definition = if let StatementKind::Slot { .. } | StatementKind::Input { .. } = kind {
            Definition::Anywhere
        } else if let StatementKind::Call { arguments, .. } = kind
            && arguments.is_empty()
        {
            Definition::Anywhere
        } else if let StatementKind::Copy { source, .. } = kind {
            Definition::From(*source)
        } else if let StatementKind::Field { base, .. } = kind {
            Definition::From(*base)
        } else {
            return;
        };
        definitions.extend(written(kind).into_iter().map(|target| (target, definition)));
    });
    definitions
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
enum Definition {
    /// It is the same wherever it is asked for: a part of the input, or the value of a rule.
    Anywhere,
    /// It is a part of what stands in a register.
    From(Register),
}

struct Joiner<'j> {
    indexes: &'j mut Vec<Index>,
    writes: &'j Writes,
    sources: &'j Sources<'j>,
    definitions: FxHashMap<Register, Definition>,
    /// Whether the function may be called in a loop.
    is_called_again: bool,
    /// What is written in each of the loops around a statement.
    around: Vec<FxHashSet<Register>>,
}

impl Joiner<'_> {
    fn block(&mut self, block: &mut Block, names: &mut Names) {
        let mut at = 0;
        while at < block.statements.len() {
            let before = self.statement(&mut block.statements[at], names);
            let count = before.len();
            block.statements.splice(at..at, before);
            at += count;
            let inside = inside(&block.statements[at].kind);
            let is_loop = inside.is_some();
            self.around.extend(inside);
            if let Some(inner) = block.statements[at].block_mut() {
                self.block(inner, names);
            }
            if is_loop {
                self.around.pop();
            }
            at += 1;
        }
    }

    /// Gives a loop its lookup, and returns what must be computed before it.
    fn statement(&mut self, statement: &mut Statement, names: &mut Names) -> Vec<Statement> {
        let place = statement.place;
        let StatementKind::Each { key, value, collection, body, lookup, .. } = &mut statement.kind else {
            return Vec::new();
        };
        if lookup.is_some() || !self.is_entered_again(*collection) {
            return Vec::new();
        }
        let mut prefix = Prefix::new(self.writes, self.sources, *collection, *key, *value, body);
        prefix.read(body);
        prefix.filters.retain(|(aspect, _)| aspect.relation == Relation::Is);
        let Ok(number) = u32::try_from(self.indexes.len()) else { return Vec::new() };
        if prefix.filters.is_empty() {
            return Vec::new();
        }
        let aspects = prefix.filters.iter().map(|filter| filter.0.clone()).collect();
        self.indexes.push(Index::made(aspects, prefix.required.clone()));
        let (before, keys) = prefix.keys(names, place);
        *lookup = Some(Box::new(Lookup { index: IndexId(number), keys }));
        before.into_iter().map(|kind| Statement { kind, place }).collect()
    }

    /// Whether a loop may be entered over the same collection again.
    fn is_entered_again(&self, collection: Register) -> bool {
        let is_fixed = |inside: &FxHashSet<Register>| !inside.contains(&collection);
        if self.around.iter().any(is_fixed) {
            return true;
        }
        (self.is_called_again || !self.around.is_empty()) && self.is_anywhere(collection, 0)
    }

    fn is_anywhere(&self, register: Register, way: u32) -> bool {
        if way > WAY_MAX || !self.writes.once(register) {
            return false;
        }
        match self.definitions.get(&register) {
            Some(Definition::Anywhere) => true,
            Some(Definition::From(other)) => self.is_anywhere(*other, way + 1),
            None => false,
        }
    }
}

/// What a loop writes.
fn inside(kind: &StatementKind) -> Option<FxHashSet<Register>> {
    let StatementKind::Each { key, value, body, .. } = kind else { return None };
    let mut inside: FxHashSet<Register> = key.iter().chain(value).copied().collect();
    body.each_statement(&mut |statement| inside.extend(written(&statement.kind)));
    Some(inside)
}
