//! Builtins: a few that are hot are done in place or called past the table, all others by the host.

use cranelift_codegen::ir::{Value, types};

use crate::jit::abi::{self, Field};
use crate::jit::host::{Host, pack_failure};
use crate::ops::{Failure, TextTest};
use crate::plan::{BuiltinId, Register};

use super::Translator;

impl Translator<'_, '_> {
    pub(super) fn builtin(&mut self, target: Register, builtin: BuiltinId, arguments: &[Register], failure: Failure) {
        let name = self.program.builtins[builtin.index()].name;
        if let ("count", [collection]) = (name, arguments) {
            self.count(target, builtin, *collection, failure);
        } else if let (Some(test), [text, part]) = (TextTest::of(name), arguments) {
            let which = self.number(u64::from(builtin.0) << 32 | abi::text_test::encode(test));
            let (text, part) = (self.get(*text), self.get(*part));
            let failure = self.number(pack_failure(failure));
            let value = self.call_or_fail(Host::TextTest, &[which, text, part, failure]);
            self.set(target, value);
        } else {
            let value = self.builtin_call(builtin, arguments, failure);
            self.set(target, value);
        }
    }

    fn builtin_call(&mut self, builtin: BuiltinId, arguments: &[Register], failure: Failure) -> Value {
        let arguments = self.registers(arguments);
        let (list, count) = self.list(&arguments);
        let (builtin, failure) = (self.number(builtin.0), self.number(pack_failure(failure)));
        self.call_or_fail(Host::Builtin, &[builtin, list, count, failure])
    }

    /// `count` of an array or a set, unless `with` may have something to say.
    fn count(&mut self, target: Register, builtin: BuiltinId, collection: Register, failure: Failure) {
        let counted = self.builder.declare_var(types::I64);
        let (look, otherwise, on) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(otherwise);
        let intercepts = self.load(Field::Intercepts);
        self.branch(intercepts, otherwise, look);
        self.begin(look);
        let value = self.get(collection);
        let length = self.count_in_place(value, otherwise);
        self.builder.def_var(counted, length);
        self.jump(on);
        self.begin(otherwise);
        let value = self.builtin_call(builtin, &[collection], failure);
        self.builder.def_var(counted, value);
        self.jump(on);
        self.begin(on);
        self.set_from(target, counted);
    }
}
