//! Input, documents, members, and calls.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, types};

use hpol_stdlib::heap::Word;

use crate::context::PENDING;
use crate::jit::abi::{Field, NONE, SPECIAL, SPECIAL_MASK};
use crate::jit::host::Host;
use crate::ops::Failure;
use crate::plan::{DefinitionsId, FunctionId, PathId, PlaceId, Register, SiteId, SlotId, Statement, StatementKind};

use super::{Translator, WORD_BYTES};

// A memo slot that is not filled looks like a stop or an absent result, so that one test tells a hit.
const _: () = assert!(PENDING.bits() & SPECIAL_MASK == SPECIAL);

impl Translator<'_, '_> {
    pub(super) fn access(&mut self, statement: &Statement) {
        let place = statement.place;
        if let StatementKind::Input { target, site } = &statement.kind {
            self.input(*target, *site);
        } else if let StatementKind::Slot { target, slot, sites } = &statement.kind {
            self.slot(*target, *slot, sites);
        } else if let StatementKind::Data { target, path, value, site } = &statement.kind {
            self.data(*target, *path, *value, *site);
        } else if let StatementKind::Document { target, extent, keys } = &statement.kind {
            let keys = self.registers(keys);
            let (list, count) = self.list(&keys);
            let (extent, place) = (self.number(extent.0), self.place(place));
            let document = self.call_or_stop(Host::Document, &[extent, list, count, place]);
            self.set(*target, document);
        } else if let StatementKind::Field { target, base, name, site } = &statement.kind {
            self.field_in_place(*target, *base, *name, *site);
        } else if let StatementKind::Index { target, base, key, site } = &statement.kind {
            self.index(*target, *base, *key, *site, place);
        } else if let StatementKind::Call { target, function, arguments } = &statement.kind {
            self.function_call(*target, *function, arguments, place);
        } else if let StatementKind::Builtin { target, builtin, arguments, on_error, site } = &statement.kind {
            let failure = Failure { on_error: *on_error, site: *site, place };
            self.builtin(*target, *builtin, arguments, failure);
        }
    }

    pub(super) fn site(&mut self, site: Option<SiteId>) -> cranelift_codegen::ir::Value {
        self.number(site.map_or(NONE, |site| u64::from(site.0)))
    }

    fn index(&mut self, target: Register, base: Register, key: Register, site: Option<SiteId>, place: PlaceId) {
        let at = self.numbers.held(key).is_integer().then(|| self.integer(key));
        let members = self.constant_members(base);
        let (base, key) = (self.get(base), self.get(key));
        let on = self.builder.create_block();
        let found = self.builder.declare_var(types::I64);
        let otherwise = self.cold();
        let value = match (members, at) {
            (Some(members), _) => self.mapped(&members, key, otherwise),
            (None, Some(at)) => self.element_in_place(at, base, otherwise),
            (None, None) => self.table_look_up(base, key, otherwise),
        };
        self.builder.def_var(found, value);
        self.jump(on);
        self.begin(otherwise);
        let (site, place) = (self.site(site), self.place(place));
        let value = self.call_or_fail(Host::Index, &[base, key, site, place]);
        self.builder.def_var(found, value);
        self.jump(on);
        self.begin(on);
        self.set_from(target, found);
    }

    fn input(&mut self, target: Register, site: SiteId) {
        let input = self.load(Field::Input);
        let absent = self.is_absent(input);
        let (missing, on) = (self.cold(), self.builder.create_block());
        self.branch(absent, missing, on);
        self.begin(missing);
        // It says what is absent, and fails.
        let site = self.number(site.0);
        self.call(Host::LoadInput, &[site]);
        self.fail();
        self.begin(on);
        self.set(target, input);
    }

    fn slot(&mut self, target: Register, slot: SlotId, sites: &[Option<SiteId>]) {
        let table = self.load(Field::Slots);
        let offset = i32::try_from(slot.index() * WORD_BYTES).unwrap_or(i32::MAX);
        let value = self.builder.ins().load(types::I64, MemFlagsData::trusted(), table, offset);
        let absent = self.is_absent(value);
        let (missing, on) = (self.cold(), self.builder.create_block());
        self.branch(absent, missing, on);
        self.begin(missing);
        if self.note_absence() {
            self.fail();
            self.begin(on);
            self.set(target, value);
            return;
        }
        // It says what is absent, and fails.
        let address = u64::try_from(sites.as_ptr().expose_provenance()).unwrap_or(0);
        let (slot, address) = (self.number(slot.0), self.number(address));
        let count = self.number(u64::try_from(sites.len()).unwrap_or(0));
        self.call(Host::SlotMissing, &[slot, address, count]);
        self.fail();
        self.begin(on);
        self.set(target, value);
    }

    fn data(&mut self, target: Register, path: PathId, value: Word, site: SiteId) {
        let (path, fixed, site) = (self.number(path.0), self.word(value), self.number(site.0));
        if value.is_absent() {
            let found = self.call_or_fail(Host::LoadData, &[path, fixed, site]);
            self.set(target, found);
            return;
        }
        let intercepts = self.load(Field::Intercepts);
        let (replaced, on) = (self.cold(), self.builder.create_block());
        let found = self.builder.declare_var(types::I64);
        self.builder.def_var(found, fixed);
        self.branch(intercepts, replaced, on);
        self.begin(replaced);
        let other = self.call_or_fail(Host::LoadData, &[path, fixed, site]);
        self.builder.def_var(found, other);
        self.jump(on);
        self.begin(on);
        self.set_from(target, found);
    }

    pub(super) fn definitions(
        &mut self,
        target: Option<Register>,
        definitions: DefinitionsId,
        arguments: &[Register],
        place: PlaceId,
    ) {
        let words: Vec<Register> = arguments.iter().chain(&target).copied().collect();
        let words = self.registers(&words);
        let (list, count) = self.list(&words);
        let (id, place) = (self.number(u64::from(definitions.0) << 1 | u64::from(target.is_some())), self.place(place));
        let result = self.call_or_stop(Host::Definitions, &[id, list, count, place]);
        if let Some(target) = target {
            self.set(target, result);
        }
    }

    fn function_call(&mut self, target: Register, function: FunctionId, arguments: &[Register], place: PlaceId) {
        // What gathers leaves its absences again with each use, which the call sees to.
        let memo = self.program.function(function).memo.filter(|_| !self.program.function(function).gathers);
        let on = self.builder.create_block();
        let result = self.builder.declare_var(types::I64);
        if let Some(slot) = memo {
            // A result that is there is taken from the memo table, unless `with` may have something to say.
            let call = self.builder.create_block();
            self.leave_if_intercepted(self.fixed.calls, call);
            let table = self.load(Field::Memo);
            let offset = self.number(u64::from(slot) * 8);
            let address = self.builder.ins().iadd(table, offset);
            let known = self.builder.ins().load(types::I64, MemFlagsData::trusted(), address, 0);
            let bits = self.masked(known, SPECIAL_MASK);
            let unknown = self.is(bits, SPECIAL);
            self.builder.def_var(result, known);
            self.branch(unknown, call, on);
            self.begin(call);
        }
        let arguments = self.registers(arguments);
        let (list, count) = self.list(&arguments);
        let (function, place) = (self.number(function.0), self.place(place));
        let value = self.call_or_fail(Host::Call, &[function, list, count, place]);
        self.builder.def_var(result, value);
        self.jump(on);
        self.begin(on);
        self.set_from(target, result);
    }
}
