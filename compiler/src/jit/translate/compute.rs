//! Moving, comparing, computing and making values.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use hpol_stdlib::heap::{Heap, Word};

use crate::index::is_keyed;
use crate::jit::abi::{self, FALSE_OR_ABSENT_MASK, NONE};
use crate::jit::host::{Host, pack_failure};
use crate::ops::Failure;
use crate::plan::{
    ArithmeticOperator, CompareOperator, PlaceId, Register, Statement, StatementKind, TemplatePart, elements,
};

use super::Translator;

/// So many words are compared one by one before a look-up is better.
const FEW_ITEMS: usize = 8;

impl Translator<'_, '_> {
    pub(super) fn compute(&mut self, statement: &Statement) {
        let place = statement.place;
        if let StatementKind::Constant { target, value } = &statement.kind {
            if let Some(condition) = self.conditions[target.index()] {
                let holds = self.builder.ins().iconst(types::I8, i64::from(value.holds()));
                self.builder.def_var(condition, holds);
            } else {
                let value = self.word(*value);
                self.set(*target, value);
            }
        } else if let StatementKind::Copy { target, source } = &statement.kind {
            let value = self.get(*source);
            self.set(*target, value);
        } else if let StatementKind::Arithmetic { target, operator, left, right, checked, on_error, site } =
            &statement.kind
        {
            let failure = pack_failure(Failure { on_error: *on_error, site: *site, place });
            if !self.arithmetic_of_integers(*target, *operator, (*left, *right)) {
                self.arithmetic(*target, *operator, (*left, *right), *checked, failure);
            }
        } else if let StatementKind::SetOperation { target, operator, left, right, on_error, site } = &statement.kind {
            let failure = pack_failure(Failure { on_error: *on_error, site: *site, place });
            let operator = self.number(abi::set_operator::encode(*operator));
            let (left, right, failure) = (self.get(*left), self.get(*right), self.number(failure));
            let value = self.call_or_fail(Host::SetOperation, &[operator, left, right, failure]);
            self.set(*target, value);
        } else if let StatementKind::Compare { target, operator, left, right } = &statement.kind {
            let holds = self.comparison(*operator, *left, *right, place);
            self.set_truth(*target, holds);
        } else if let StatementKind::Membership { target, key: None, value, collection } = &statement.kind
            && let Some(items) = self.few_items(*collection)
        {
            let value = self.get(*value);
            let mut found = self.builder.ins().iconst(types::I8, 0);
            for item in items {
                let same = self.is(value, item.bits());
                found = self.builder.ins().bor(found, same);
            }
            self.set_truth(*target, found);
        } else if let StatementKind::Membership { target, key: None, value, collection } = &statement.kind
            && let Some(found) = self.hashed_membership(*value, *collection)
        {
            self.set_truth(*target, found);
        } else if let StatementKind::Membership { target, key, value, collection } = &statement.kind {
            self.membership(*target, *key, *value, *collection, place);
        } else if let StatementKind::Yield { target, value } = &statement.kind {
            self.yielded(*target, *value, place);
        } else {
            self.test_or_make(statement);
        }
    }

    fn test_or_make(&mut self, statement: &Statement) {
        let place = statement.place;
        if let StatementKind::Test { value, expected } = &statement.kind {
            if let Some(holds) = self.conditions[value.index()] {
                let holds = self.builder.use_var(holds);
                if *expected {
                    self.fail_unless(holds)
                } else {
                    self.fail_if(holds)
                }
                return;
            }
            let is_there = self.numbers.held(*value).is_there();
            let value = self.get(*value);
            let fails = if is_there {
                self.is(value, Word::FALSE.bits())
            } else {
                let bits = self.masked(value, FALSE_OR_ABSENT_MASK);
                self.is(bits, Word::ABSENT.bits() & FALSE_OR_ABSENT_MASK)
            };
            if *expected { self.fail_if(fails) } else { self.fail_unless(fails) }
        } else if let StatementKind::TestCompare { operator, left, right } = &statement.kind {
            let holds = self.comparison(*operator, *left, *right, place);
            self.fail_unless(holds);
        } else if let StatementKind::TestAbsent { value, expected } = &statement.kind {
            let value = self.get(*value);
            let absent = self.is_absent(value);
            if *expected { self.fail_unless(absent) } else { self.fail_if(absent) }
        } else if let StatementKind::TestShape { value, shape, length } = &statement.kind {
            let (value, shape) = (self.get(*value), self.number(abi::shape::encode(*shape)));
            let length = self.number(*length);
            let fits = self.call_or_stop(Host::HasShape, &[value, shape, length]);
            let fits = self.is(fits, Word::TRUE.bits());
            self.fail_unless(fits);
        } else if let StatementKind::MakeArray { target, items } = &statement.kind {
            let items = self.registers(items);
            self.make(Host::MakeArray, *target, &items, place);
        } else if let StatementKind::MakeSet { target, items } = &statement.kind {
            let items = self.registers(items);
            self.make(Host::MakeSet, *target, &items, place);
        } else if let StatementKind::MakeObject { target, entries } = &statement.kind {
            let entries: Vec<Register> = entries.iter().flat_map(|entry| [entry.0, entry.1]).collect();
            let entries = self.registers(&entries);
            self.make(Host::MakeObject, *target, &entries, place);
        } else if let StatementKind::Template { target, parts } = &statement.kind {
            let parts = parts.iter().map(|part| match part {
                TemplatePart::Text(text) => self.word(*text),
                TemplatePart::Value(value) => self.get(*value),
            });
            let parts: Vec<Value> = parts.collect();
            self.make(Host::Template, *target, &parts, place);
        }
    }

    fn make(&mut self, host: Host, target: Register, parts: &[Value], place: PlaceId) {
        let (list, count) = self.list(parts);
        let place = self.place(place);
        let made = self.call_or_stop(host, &[list, count, place]);
        self.set(target, made);
    }

    /// Keeps the first value of a result; a host function checks that later ones are the same.
    fn yielded(&mut self, target: Register, value: Register, place: PlaceId) {
        let (before, value) = (self.get(target), self.get(value));
        let first = self.is_absent(before);
        let (again, on) = (self.cold(), self.builder.create_block());
        self.set(target, value);
        self.branch(first, on, again);
        self.begin(again);
        let place = self.place(place);
        let kept = self.call_or_stop(Host::Yielded, &[before, value, place]);
        self.set(target, kept);
        self.jump(on);
        self.begin(on);
    }

    /// Writes a truth value: as a condition where nothing but tests look at it.
    fn set_truth(&mut self, target: Register, holds: Value) {
        if let Some(condition) = self.conditions[target.index()] {
            self.builder.def_var(condition, holds);
        } else {
            let value = self.truth(holds);
            self.set(target, value);
        }
    }

    /// Whether a value is in a collection: looked for in place where it is a value whose equals are the same word.
    fn membership(
        &mut self,
        target: Register,
        key: Option<Register>,
        value: Register,
        collection: Register,
        place: PlaceId,
    ) {
        let on = self.builder.create_block();
        let found = self.builder.declare_var(types::I8);
        let is_keyed = key.is_none() && self.keyed_constant(value).is_some();
        let key = match key {
            Some(key) => self.get(key),
            None => self.number(NONE),
        };
        let (value, collection, place) = (self.get(value), self.get(collection), self.place(place));
        if is_keyed {
            let otherwise = self.cold();
            let contained = self.contained_in_place(value, collection, otherwise);
            self.builder.def_var(found, contained);
            self.jump(on);
            self.begin(otherwise);
        }
        let word = self.call_or_stop(Host::Membership, &[key, value, collection, place]);
        let holds = self.is(word, Word::TRUE.bits());
        self.builder.def_var(found, holds);
        self.jump(on);
        self.begin(on);
        let found = self.builder.use_var(found);
        self.set_truth(target, found);
    }

    /// Goes on here if both registers hold integers that stand in their words, which need not be asked of all.
    fn go_on_if_integers(&mut self, registers: [Register; 2], otherwise: Block) {
        let unknown = registers.into_iter().filter(|register| !self.numbers.held(*register).is_integer());
        let unknown: Vec<Register> = unknown.collect();
        let asked = unknown.into_iter().map(|register| {
            let word = self.get(register);
            let tag = self.masked(word, Word::TAG_MASK);
            self.is(tag, Word::TAG_INT)
        });
        let asked: Vec<Value> = asked.collect();
        if let Some(both) = asked.into_iter().reduce(|left, right| self.builder.ins().band(left, right)) {
            self.go_on_if(both, otherwise);
        }
    }

    /// The items of a constant collection, if they are so few that it is best to look at each, and equal values are equal words.
    fn few_items(&self, collection: Register) -> Option<Vec<Word>> {
        let heap = Heap::new(self.program.frozen.clone(), 0);
        let items = elements(&heap, self.constants[collection.index()]?)?;
        let few = items.len() <= FEW_ITEMS && items.iter().all(|item| is_keyed(*item));
        few.then(|| items.to_vec())
    }

    /// Whether the values of two registers compare so, as a condition.
    fn comparison(&mut self, operator: CompareOperator, left: Register, right: Register, place: PlaceId) -> Value {
        if self.numbers.are_integers(left, right) {
            return self.compare_integers(operator, left, right);
        }
        let canonical = [left, right].into_iter().any(|register| self.numbers.held(register).is_canonical());
        match operator {
            CompareOperator::Equal | CompareOperator::NotEqual if canonical => {
                let (left, right) = (self.get(left), self.get(right));
                self.builder.ins().icmp(condition(operator), left, right)
            }
            CompareOperator::Equal
            | CompareOperator::NotEqual
            | CompareOperator::Less
            | CompareOperator::LessEqual
            | CompareOperator::Greater
            | CompareOperator::GreaterEqual => self.compare(operator, left, right, place),
        }
    }

    /// Whether two integers compare so: their words are in the same order.
    fn compare_integers(&mut self, operator: CompareOperator, left: Register, right: Register) -> Value {
        let bare = self.numbers.is_bare(left) || self.numbers.is_bare(right);
        let [left, right] =
            [left, right].map(|register| if bare { self.integer(register) } else { self.get(register) });
        self.builder.ins().icmp(condition(operator), left, right)
    }

    /// Whether two values compare so, as a condition.
    fn compare(&mut self, operator: CompareOperator, left: Register, right: Register, place: PlaceId) -> Value {
        let holds = self.builder.declare_var(types::I8);
        let on = self.builder.create_block();
        let registers = [left, right];
        let (left, right) = (self.get(left), self.get(right));
        match operator {
            CompareOperator::Equal | CompareOperator::NotEqual => {
                self.compare_identity(operator == CompareOperator::Equal, left, right, holds, on);
            }
            CompareOperator::Less
            | CompareOperator::LessEqual
            | CompareOperator::Greater
            | CompareOperator::GreaterEqual => {
                let slow = self.cold();
                self.go_on_if_integers(registers, slow);
                let result = self.builder.ins().icmp(condition(operator), left, right);
                self.builder.def_var(holds, result);
                self.jump(on);
                self.begin(slow);
            }
        }
        // Here neither was decided.
        let (operator, place) = (self.number(abi::compare_operator::encode(operator)), self.place(place));
        let result = self.call_or_stop(Host::Compare, &[operator, left, right, place]);
        let result = self.is(result, Word::TRUE.bits());
        self.builder.def_var(holds, result);
        self.jump(on);
        self.begin(on);
        self.builder.use_var(holds)
    }

    /// Decides equality where the words do: one word is one value (if it is one), and two words of which one is no node, or a text of
    /// the frozen region, are two.
    fn compare_identity(
        &mut self,
        equal: bool,
        left: Value,
        right: Value,
        holds: cranelift_frontend::Variable,
        on: Block,
    ) {
        let same = self.builder.ins().icmp(IntCC::Equal, left, right);
        let (identical, different, nodes) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        self.branch(same, identical, different);
        self.begin(identical);
        let absent = self.is_absent(left);
        let condition = if equal {
            let zero = self.builder.ins().iconst(types::I8, 0);
            self.builder.ins().icmp(IntCC::Equal, absent, zero)
        } else {
            absent
        };
        self.builder.def_var(holds, condition);
        self.jump(on);
        self.begin(different);
        let left_tag = self.masked(left, Word::TAG_MASK);
        let right_tag = self.masked(right, Word::TAG_MASK);
        let left_node = self.is(left_tag, Word::TAG_NODE);
        let right_node = self.is(right_tag, Word::TAG_NODE);
        let both = self.builder.ins().band(left_node, right_node);
        let condition = self.builder.ins().iconst(types::I8, i64::from(!equal));
        self.builder.def_var(holds, condition);
        self.branch(both, nodes, on);
        self.begin(nodes);
        // A text of the frozen region differs from every other word.
        let [left_text, right_text] = [left, right].map(|value| {
            let bits = self.masked(value, Word::NODE_MASK);
            self.is(bits, Word::FROZEN_STRING)
        });
        let frozen = self.builder.ins().bor(left_text, right_text);
        let texts = self.builder.create_block();
        self.branch(frozen, on, texts);
        self.begin(texts);
        let otherwise = self.cold();
        let same = self.same_text(left, right, otherwise);
        let condition = if equal {
            same
        } else {
            let zero = self.builder.ins().iconst(types::I8, 0);
            self.builder.ins().icmp(IntCC::Equal, same, zero)
        };
        self.builder.def_var(holds, condition);
        self.jump(on);
        self.begin(otherwise);
    }

    /// Sum, difference, product and remainder of what are surely integers, where the result surely is one too; false if that is not known.
    fn arithmetic_of_integers(
        &mut self,
        target: Register,
        operator: ArithmeticOperator,
        (left, right): (Register, Register),
    ) -> bool {
        let known = self.numbers.are_integers(left, right) && self.numbers.held(target).is_integer();
        let divides = operator == ArithmeticOperator::Remainder && self.numbers.held(right).may_be_zero();
        if !known || divides {
            return false;
        }
        let bare = self.numbers.is_bare(target);
        let [left, right] =
            [left, right].map(|register| if bare { self.integer(register) } else { self.get(register) });
        // Without a tag these change nothing, and are left out.
        let (tag, shift) = if bare { (0, 0) } else { (Word::TAG_INT, Word::INT_SHIFT) };
        let (tag, shift) = (self.number(tag), self.number(shift));
        let right = self.builder.ins().isub(right, tag);
        let computed = match operator {
            ArithmeticOperator::Add => self.builder.ins().iadd(left, right),
            ArithmeticOperator::Subtract => self.builder.ins().isub(left, right),
            ArithmeticOperator::Multiply => {
                let left = self.builder.ins().sshr(left, shift);
                let product = self.builder.ins().imul(left, right);
                self.builder.ins().iadd(product, tag)
            }
            ArithmeticOperator::Remainder => {
                let left = self.builder.ins().isub(left, tag);
                let rest = self.builder.ins().srem(left, right);
                self.builder.ins().iadd(rest, tag)
            }
            ArithmeticOperator::Divide => return false,
        };
        self.builder.def_var(self.registers[target.index()], computed);
        true
    }

    /// Sum, difference and product of small integers where they are small again; all else is the host's.
    fn arithmetic(
        &mut self,
        target: Register,
        operator: ArithmeticOperator,
        (left, right): (Register, Register),
        checked: bool,
        failure: u64,
    ) {
        let on = self.builder.create_block();
        let computed = self.builder.declare_var(types::I64);
        let registers = [left, right];
        let (left, right) = (self.get(left), self.get(right));
        if let ArithmeticOperator::Add | ArithmeticOperator::Subtract | ArithmeticOperator::Multiply = operator {
            let slow = self.cold();
            self.go_on_if_integers(registers, slow);
            let (result, overflow) = self.small_arithmetic(operator, left, right);
            self.builder.def_var(computed, result);
            self.branch(overflow, slow, on);
            self.begin(slow);
        }
        let code = abi::arithmetic_operator::encode(operator) << 1 | u64::from(checked);
        let (code, failure) = (self.number(code), self.number(failure));
        let result = self.call_or_fail(Host::Arithmetic, &[code, left, right, failure]);
        self.builder.def_var(computed, result);
        self.jump(on);
        self.begin(on);
        self.set_from(target, computed);
    }

    /// The result with its tag, and whether it does not fit. An integer stands above its tag, so that an overflow of the word
    /// is one of the integer.
    fn small_arithmetic(&mut self, operator: ArithmeticOperator, left: Value, right: Value) -> (Value, Value) {
        let tag = self.number(Word::TAG_INT);
        let untagged_right = self.builder.ins().isub(right, tag);
        if operator == ArithmeticOperator::Add {
            self.builder.ins().sadd_overflow(left, untagged_right)
        } else if operator == ArithmeticOperator::Subtract {
            self.builder.ins().ssub_overflow(left, untagged_right)
        } else {
            let shift = self.number(Word::INT_SHIFT);
            let left = self.builder.ins().sshr(left, shift);
            let (product, overflow) = self.builder.ins().smul_overflow(left, untagged_right);
            (self.builder.ins().iadd(product, tag), overflow)
        }
    }
}

/// How words and integers are compared.
fn condition(operator: CompareOperator) -> IntCC {
    match operator {
        CompareOperator::Equal => IntCC::Equal,
        CompareOperator::NotEqual => IntCC::NotEqual,
        CompareOperator::Less => IntCC::SignedLessThan,
        CompareOperator::LessEqual => IntCC::SignedLessThanOrEqual,
        CompareOperator::Greater => IntCC::SignedGreaterThan,
        CompareOperator::GreaterEqual => IntCC::SignedGreaterThanOrEqual,
    }
}
