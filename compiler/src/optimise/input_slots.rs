//! Reading a path of the input becomes reading its slot.
//!
//! ```text
//! r1 = input                      r3 = slot input.user.name
//! r2 = field r1 "user"        →
//! r3 = field r2 "name"
//! ```
//!
//! Slots are filled when the input is set, so that a path costs the same however deep it is, and only what some plan reads must be
//! built at all.

use std::collections::HashMap;

use hpol_stdlib::heap::{Heap, Word};

use crate::plan::{
    Block, InputSlots, Label, Program, Register, ReplacementTarget, SiteId, SlotId, Statement, StatementKind,
};

use super::Writes;
use super::inline_constants::replaced;

pub(super) fn run(program: &mut Program) {
    let heap = Heap::new(program.frozen.clone(), 0);
    let mut slots = InputSlots::default();
    // A part of the input that is replaced needs the rest of it, whole.
    if replaced(program).any(|target| matches!(target, ReplacementTarget::Input(_))) {
        let root = slots.root();
        slots.needs_whole(root);
    }
    for function in &mut program.functions {
        let writes = Writes::of(function);
        let mut finder = Finder {
            heap: &heap,
            slots: &mut slots,
            writes: &writes,
            known: HashMap::new(),
            world: 0,
            worlds: 0,
            withs: HashMap::new(),
        };
        finder.block(&mut function.body);
        let writes = Writes::of(function);
        function.body.each_statement(&mut |statement| {
            if let StatementKind::Slot { target, slot, .. } = &statement.kind
                && writes.read(*target) > 0
            {
                slots.needs_whole(*slot);
            }
        });
    }
    program.slots = slots;
}

struct Finder<'f> {
    heap: &'f Heap,
    slots: &'f mut InputSlots,
    writes: &'f Writes,
    /// What registers hold, and in which world it was read.
    known: HashMap<Register, (SlotId, u32)>,
    world: u32,
    worlds: u32,
    /// The world in which a `with` stands.
    withs: HashMap<Label, u32>,
}

impl Finder<'_> {
    fn block(&mut self, block: &mut Block) {
        let mut kept: Vec<Statement> = Vec::with_capacity(block.statements.len());
        for mut statement in block.statements.drain(..) {
            self.replace(&mut statement);
            self.join(&mut kept, &mut statement);
            let before = self.world;
            if let StatementKind::With { label, .. } = &statement.kind {
                self.withs.insert(*label, before);
                self.worlds += 1;
                self.world = self.worlds;
            } else if let StatementKind::Outside { label, .. } = &statement.kind {
                self.world = self.withs.get(label).copied().unwrap_or(before);
            }
            if let Some(inner) = statement.block_mut() {
                self.block(inner);
            }
            self.world = before;
            kept.push(statement);
        }
        block.statements = kept;
    }

    fn replace(&mut self, statement: &mut Statement) {
        let (target, slot, site) = if let StatementKind::Input { target, site } = &statement.kind {
            (*target, self.slots.root(), Some(*site))
        } else if let StatementKind::Field { target, base, name, site } = &statement.kind
            && let Some((parent, world)) = self.known.get(base)
            && *world == self.world
            && let Some(text) = self.heap.as_str(*name)
        {
            (*target, self.slots.member(*parent, *name, text), *site)
        } else {
            return;
        };
        statement.kind = StatementKind::Slot { target, slot, sites: vec![site] };
        if self.writes.once(target) {
            self.known.insert(target, (slot, self.world));
        }
    }

    /// A read that only serves the next one becomes a part of it: what it finds absent, that finds too.
    fn join(&self, kept: &mut Vec<Statement>, statement: &mut Statement) {
        let StatementKind::Slot { slot, sites, .. } = &mut statement.kind else { return };
        let parent = self.slots.get(*slot).and_then(|slot| slot.parent);
        if let Some(last) = kept.last()
            && let StatementKind::Slot { target: before, slot: other, sites: above } = &last.kind
            && Some(*other) == parent
            && self.writes.once(*before)
            && self.writes.read(*before) == 1
        {
            let all: Vec<Option<SiteId>> = above.iter().chain(sites.iter()).copied().collect();
            *sites = all;
            kept.pop();
        }
    }
}

/// Fills the slots from an input.
pub(crate) fn fill(slots: &InputSlots, heap: &Heap, input: Word, into: &mut Vec<Word>) {
    into.clear();
    for (_, slot) in slots.iter() {
        let word = match slot.parent {
            None => input,
            Some(parent) => crate::ops::member(heap, into[parent.index()], slot.name),
        };
        into.push(word);
    }
}
