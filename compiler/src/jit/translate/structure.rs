//! Blocks, ways out of them, and the dispatch over all statements.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use crate::jit::abi::{self, Field, NONE};
use crate::jit::host::Host;
use crate::plan::{Block, Collection, Label, PlaceId, Register, Replacement, Role, SiteId, Statement, StatementKind};

use super::arena::Run;
use super::{Around, Continues, Translator};

/// Translates a statement.
pub(super) fn statement(translator: &mut Translator<'_, '_>, statement: &Statement) -> Continues {
    let place = statement.place;
    match &statement.kind {
        StatementKind::Input { .. }
        | StatementKind::Slot { .. }
        | StatementKind::Data { .. }
        | StatementKind::Document { .. }
        | StatementKind::Field { .. }
        | StatementKind::Index { .. }
        | StatementKind::Call { .. }
        | StatementKind::Builtin { .. } => translator.access(statement),
        StatementKind::Constant { .. }
        | StatementKind::Copy { .. }
        | StatementKind::Arithmetic { .. }
        | StatementKind::SetOperation { .. }
        | StatementKind::Compare { .. }
        | StatementKind::Membership { .. }
        | StatementKind::MakeArray { .. }
        | StatementKind::MakeSet { .. }
        | StatementKind::MakeObject { .. }
        | StatementKind::Template { .. }
        | StatementKind::Test { .. }
        | StatementKind::TestCompare { .. }
        | StatementKind::TestAbsent { .. }
        | StatementKind::TestShape { .. }
        | StatementKind::Yield { .. } => translator.compute(statement),
        StatementKind::Scope { label, catches, body } => return translator.scope(*label, *catches, body),
        StatementKind::Leave { label } => {
            translator.leave(*label);
            return false;
        }
        StatementKind::Fail => {
            translator.fail();
            return false;
        }
        StatementKind::Definitions { target, definitions, arguments } => {
            translator.definitions(*target, *definitions, arguments, place);
        }
        // Loops in loops may be much work, which is not to be done twice, but for those that an index is asked about here.
        StatementKind::Each { lookup, .. }
            if translator.screening.is_some()
                && translator.loops > 0
                && !lookup.as_ref().is_some_and(|lookup| translator.is_in_place(lookup)) =>
        {
            translator.give_up();
        }
        StatementKind::Each { label, key, value, collection, body, site, lookup } => {
            let loops = Loop { label: *label, key: *key, value: *value, collection: *collection, site: *site, place };
            match lookup {
                None => translator.each(loops, body),
                Some(lookup) if translator.is_joined(lookup) => translator.each_joined(loops, lookup, body),
                Some(lookup) => translator.each_match(loops, lookup, body),
            }
        }
        StatementKind::Collect { target, collection, body } => translator.collect(*target, *collection, body, place),
        StatementKind::Emit { key, value } => {
            let key = match key {
                Some(key) => translator.get(*key),
                None => translator.number(NONE),
            };
            let (value, place) = (translator.get(*value), translator.place(place));
            translator.call_or_stop(Host::Emit, &[key, value, place]);
        }
        StatementKind::With { label, replacements, body } => {
            return translator.with(*label, replacements, body, place);
        }
        StatementKind::Outside { body, .. } => return translator.outside(body),
        StatementKind::Mark { .. } if translator.note_absence() => {}
        StatementKind::Mark { site } => {
            let site = translator.number(site.0);
            translator.call_or_stop(Host::Mark, &[site]);
        }
        StatementKind::MarkSave { target } => {
            let saved = translator.marks();
            translator.set(*target, saved);
        }
        StatementKind::MarkRestore { source } => {
            translator.restore_marks(*source);
        }
        StatementKind::Record { role, value } if translator.note_record(*role, *value) => {}
        StatementKind::Record { role, value } => translator.record(*role, *value),
    }
    true
}

/// An `each` without its body.
pub(super) struct Loop {
    pub(super) label: Label,
    pub(super) key: Option<Register>,
    pub(super) value: Option<Register>,
    pub(super) collection: Register,
    pub(super) site: SiteId,
    pub(super) place: PlaceId,
}

impl Translator<'_, '_> {
    fn scope(&mut self, label: Label, catches: bool, body: &Block) -> Continues {
        let behind = self.builder.create_block();
        self.around.push(Around::Left(label, behind));
        if catches {
            self.around.push(Around::Caught(behind));
        }
        if self.block(body) {
            self.jump(behind);
        }
        if catches {
            self.around.pop();
        }
        self.around.pop();
        self.begin(behind);
        // A scope that nothing leaves and whose end is not reached is rare enough to be translated as if it were.
        true
    }

    /// Hands out a value; a witness only where somebody asks for it.
    fn record(&mut self, role: Role, value: Register) {
        let on = self.builder.create_block();
        if let Role::Witness(_) = role {
            let tell = self.cold();
            let tells = self.load(Field::Tells);
            self.branch(tells, tell, on);
            self.begin(tell);
        }
        let (role, value) = (self.number(abi::role::encode(role)), self.get(value));
        self.call_or_stop(Host::Record, &[role, value]);
        self.jump(on);
        self.begin(on);
    }

    /// Takes marks back where there are any.
    fn restore_marks(&mut self, source: Register) {
        if self.forget_absence(source) {
            return;
        }
        let (saved, now) = (self.get(source), self.load(Field::Marks));
        let (more, on) = (self.cold(), self.builder.create_block());
        let same = self.builder.ins().icmp(IntCC::Equal, saved, now);
        self.branch(same, on, more);
        self.begin(more);
        self.call_or_stop(Host::MarkRestore, &[saved]);
        self.jump(on);
        self.begin(on);
    }

    fn each(&mut self, loops: Loop, body: &Block) {
        let collection = self.get(loops.collection);
        let run = self.run(&loops, collection);
        let (first, end) = (self.builder.use_var(run.first), self.builder.use_var(run.end));
        self.run_through(&loops, first, end, body, |translator, at| {
            translator.element(&loops, collection, run, at);
        });
    }

    /// Writes key and value of the iteration for what stands at an index of the arena.
    pub(super) fn element(&mut self, loops: &Loop, collection: Value, run: Run, at: Value) {
        if let Some(key) = loops.key
            && self.numbers.held(loops.collection).is_array()
        {
            let first = self.builder.use_var(run.first);
            let index = self.builder.ins().isub(at, first);
            self.set_integer(key, index);
        } else if let Some(key) = loops.key {
            let word = self.key_at(collection, run, at);
            self.set(key, word);
        }
        if let Some(value) = loops.value {
            let arena = self.builder.use_var(run.arena);
            let word = self.word_at(arena, at);
            self.set(value, word);
        }
    }

    /// Runs a body for each number from one up to another; `element` writes key and value of an iteration by its number.
    pub(super) fn run_through(
        &mut self,
        loops: &Loop,
        first: Value,
        end: Value,
        body: &Block,
        element: impl FnOnce(&mut Self, Value),
    ) {
        let at = self.builder.declare_var(types::I64);
        self.builder.def_var(at, first);
        let (head, start) = (self.builder.create_block(), self.builder.create_block());
        let (next, behind) = (self.builder.create_block(), self.builder.create_block());
        self.jump(head);
        // The head is sealed when the jump back to it is known.
        self.builder.switch_to_block(head);
        let index = self.builder.use_var(at);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, end);
        self.branch(more, start, behind);
        self.begin(start);
        self.charge(1, loops.place);
        element(self, index);
        self.loops += 1;
        self.around.push(Around::Left(loops.label, behind));
        self.around.push(Around::Caught(next));
        if self.block(body) {
            self.jump(next);
        }
        self.around.pop();
        self.around.pop();
        self.loops -= 1;
        self.begin(next);
        let one = self.number(1_u64);
        let following = self.builder.ins().iadd(index, one);
        self.builder.def_var(at, following);
        self.jump(head);
        self.builder.seal_block(head);
        self.begin(behind);
    }

    /// What a loop runs over. The host fails for what is no collection; what it takes for one is one here too.
    pub(super) fn run(&mut self, loops: &Loop, collection: Value) -> Run {
        let (otherwise, on) = (self.cold(), self.builder.create_block());
        let run = if self.numbers.held(loops.collection).is_array() {
            self.run_of_array(collection, otherwise)
        } else {
            self.run_of(collection, otherwise)
        };
        self.jump(on);
        self.begin(otherwise);
        let site = self.number(loops.site.0);
        self.call_or_fail(Host::EachLength, &[collection, site]);
        self.jump(self.stop);
        self.begin(on);
        run
    }

    fn collect(&mut self, target: Register, collection: Collection, body: &Block, place: PlaceId) {
        self.call_or_stop(Host::CollectBegin, &[]);
        let end = self.builder.create_block();
        self.around.push(Around::Caught(end));
        if self.block(body) {
            self.jump(end);
        }
        self.around.pop();
        self.begin(end);
        let (collection, place) = (self.number(abi::collection::encode(collection)), self.place(place));
        let made = self.call_or_stop(Host::CollectEnd, &[collection, place]);
        self.set(target, made);
    }

    fn with(&mut self, label: Label, replacements: &[Replacement], body: &Block, place: PlaceId) -> Continues {
        let values = replacements.iter().map(|replacement| match replacement.value {
            Some(register) => self.get(register),
            None => self.number(abi::ABSENT),
        });
        let values: Vec<_> = values.collect();
        let (list, count) = self.list(&values);
        let address = u64::try_from(replacements.as_ptr().expose_provenance()).unwrap_or(0);
        let (address, place) = (self.number(address), self.place(place));
        self.call_or_stop(Host::EnterWith, &[address, list, count, place]);
        let behind = self.builder.create_block();
        self.around.push(Around::Left(label, behind));
        self.around.push(Around::With);
        if self.block(body) {
            self.call(Host::LeaveWith, &[]);
            self.jump(behind);
        }
        self.around.pop();
        self.around.pop();
        self.begin(behind);
        true
    }

    fn outside(&mut self, body: &Block) -> Continues {
        let inside = self.call_or_stop(Host::EnterOutside, &[]);
        let variable = self.builder.declare_var(types::I64);
        self.builder.def_var(variable, inside);
        self.around.push(Around::Outside(variable));
        let continues = self.block(body);
        self.around.pop();
        if continues {
            self.call(Host::LeaveOutside, &[inside]);
        }
        continues
    }
}
