//! Builtins: a few that are hot are done in place or called past the table, all others by the host.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use hpol_stdlib::heap::Word;

use crate::jit::abi;
use crate::jit::host::{Host, pack_failure};
use crate::ops::{Failure, TextTest};
use crate::plan::{BuiltinId, Register};

use super::Translator;
use super::fixed::REGEX_MATCH;
use super::hashed::HashedMap;

/// What a host function is asked for two arguments.
struct Asked {
    host: Host,
    /// Its first operand.
    which: u64,
    arguments: [Register; 2],
}

impl Translator<'_, '_> {
    pub(super) fn builtin(&mut self, target: Register, builtin: BuiltinId, arguments: &[Register], failure: Failure) {
        let called = self.program.builtins[builtin.index()];
        let name = called.name;
        // What it reaches is not asked twice.
        if called.outside && self.screening.is_some() {
            self.give_up();
            return;
        }
        if let ("count", [collection]) = (name, arguments) {
            self.count(target, builtin, *collection, failure);
        } else if let (Some(test), [text, part]) = (TextTest::of(name), arguments) {
            self.text_test(target, builtin, test, (*text, *part), failure);
        } else if let (REGEX_MATCH, [pattern, text]) = (name, arguments) {
            let ruling = self.constants[pattern.index()].and_then(|pattern| self.fixed.ruling(pattern));
            let rule_out = ruling.map(|ruling| {
                let text = *text;
                move |translator: &mut Self, otherwise: Block| {
                    let text = translator.get(text);
                    translator.ruled_out(&ruling, text, otherwise)
                }
            });
            let asked = Asked { host: Host::RegexMatch, which: u64::from(builtin.0), arguments: [*pattern, *text] };
            self.found_or_asked(target, builtin, rule_out, asked, failure);
        } else if let ("object.get", [object, key, default]) = (name, arguments)
            && let Some(members) = self.constant_members(*object)
        {
            self.object_get(target, builtin, &members, [*object, *key, *default], failure);
        } else {
            let value = self.builtin_call(builtin, arguments, failure);
            self.set(target, value);
        }
    }

    /// Looks for one text in another: in place for some constant ones, unless `with` may have something to say.
    fn text_test(
        &mut self,
        target: Register,
        builtin: BuiltinId,
        test: TextTest,
        (text, part): (Register, Register),
        failure: Failure,
    ) {
        let look = self.constant_parts(test, part).map(|parts| {
            move |translator: &mut Self, otherwise: Block| {
                let text = translator.get(text);
                translator.text_test_in_place(test, text, &parts, failure.place, otherwise)
            }
        });
        let which = u64::from(builtin.0) << 32 | abi::text_test::encode(test);
        let asked = Asked { host: Host::TextTest, which, arguments: [text, part] };
        self.found_or_asked(target, builtin, look, asked, failure);
    }

    /// Writes a truth value that is found in place if it can be, and else by the host.
    fn found_or_asked(
        &mut self,
        target: Register,
        builtin: BuiltinId,
        look: Option<impl FnOnce(&mut Self, Block) -> Value>,
        asked: Asked,
        failure: Failure,
    ) {
        let on = self.builder.create_block();
        // A pattern that may match most likely does, which is no reason to give a rule up.
        let may_hold = self.screening.is_some() && asked.host == Host::RegexMatch;
        let otherwise = if look.is_some() && !may_hold { self.cold() } else { self.builder.create_block() };
        let condition = self.conditions[target.index()];
        let kind = if condition.is_some() { types::I8 } else { types::I64 };
        let found = self.builder.declare_var(kind);
        match look {
            Some(look) => {
                self.leave_if_intercepted(self.fixed.builtin(builtin), otherwise);
                let holds = look(self, otherwise);
                let holds = if condition.is_some() { holds } else { self.truth(holds) };
                self.builder.def_var(found, holds);
                self.jump(on);
            }
            None => self.jump(otherwise),
        }
        self.begin(otherwise);
        let [first, second] = asked.arguments.map(|argument| self.get(argument));
        let (which, packed) = (self.number(asked.which), self.number(pack_failure(failure)));
        let value = self.call_or_fail(asked.host, &[which, first, second, packed]);
        let value = if condition.is_some() {
            // What stands for the builtin may give any value, of which all others hold.
            let no = self.word(Word::FALSE);
            self.builder.ins().icmp(IntCC::NotEqual, value, no)
        } else {
            value
        };
        self.builder.def_var(found, value);
        self.jump(on);
        self.begin(on);
        let found = self.builder.use_var(found);
        match condition {
            Some(condition) => self.builder.def_var(condition, found),
            None => self.set(target, found),
        }
    }

    /// `object.get` of a constant object, unless `with` may have something to say, or the key may be a path.
    fn object_get(
        &mut self,
        target: Register,
        builtin: BuiltinId,
        members: &HashedMap,
        arguments: [Register; 3],
        failure: Failure,
    ) {
        let (otherwise, on) = (self.cold(), self.builder.create_block());
        let [known, missing] = [(); 2].map(|()| self.builder.create_block());
        let found = self.builder.declare_var(types::I64);
        self.leave_if_intercepted(self.fixed.builtin(builtin), otherwise);
        let [_, key, default] = arguments.map(|argument| self.get(argument));
        self.go_on_if_no_collection(key, otherwise);
        self.charge(1, failure.place);
        self.jump(known);
        self.begin(known);
        let member = self.mapped(members, key, missing);
        self.builder.def_var(found, member);
        self.jump(on);
        self.begin(missing);
        self.builder.def_var(found, default);
        self.jump(on);
        self.begin(otherwise);
        let value = self.builtin_call(builtin, &arguments, failure);
        self.builder.def_var(found, value);
        self.jump(on);
        self.begin(on);
        self.set_from(target, found);
    }

    fn builtin_call(&mut self, builtin: BuiltinId, arguments: &[Register], failure: Failure) -> Value {
        let arguments = self.registers(arguments);
        let (list, count) = self.list(&arguments);
        let (builtin, failure) = (self.number(builtin.0), self.number(pack_failure(failure)));
        self.call_or_fail(Host::Builtin, &[builtin, list, count, failure])
    }

    /// `count` of an array or a set, unless `with` may have something to say.
    fn count(&mut self, target: Register, builtin: BuiltinId, collection: Register, failure: Failure) {
        let is_fixed = self.fixed.builtin(builtin);
        let counted = self.builder.declare_var(types::I64);
        let (otherwise, on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(otherwise);
        self.leave_if_intercepted(is_fixed, otherwise);
        let is_array = self.numbers.held(collection).is_array();
        let value = self.get(collection);
        let length = self.count_in_place(value, is_array, otherwise);
        let length = if is_fixed { length } else { self.tagged(length) };
        self.builder.def_var(counted, length);
        self.jump(on);
        self.begin(otherwise);
        let value = self.builtin_call(builtin, &[collection], failure);
        let value = if is_fixed { self.untagged(value) } else { value };
        self.builder.def_var(counted, value);
        self.jump(on);
        self.begin(on);
        let counted = self.builder.use_var(counted);
        if is_fixed { self.set_integer(target, counted) } else { self.set(target, counted) }
    }
}
