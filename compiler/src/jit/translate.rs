//! One plan function to one Cranelift function.
//!
//! Registers become variables, of which Cranelift makes SSA values; the plan's structure becomes blocks. What is around
//! the statements being translated is kept on a stack ([`Around`]), so that a failure or a leave first undoes what it
//! steps out of (a `with`, a stretch outside of one).

use std::collections::{HashMap, HashSet};

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, Block, FuncRef, InstBuilder, MemFlagsData, SigRef, StackSlot, StackSlotData, StackSlotKind, Value, types,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use hpol_stdlib::heap::Word;

use crate::index::is_keyed;
use crate::ops::TextTest;
use crate::optimise::Writes;
use crate::plan::{Block as PlanBlock, Function, Label, PlaceId, Program, Register, Statement, StatementKind};

use super::abi::{ABSENT, Field, OPERANDS_MAX, SPECIAL, SPECIAL_MASK, STOP, host_signature};
use super::host::Host;
use super::perfect::Hashes;
use fixed::REGEX_MATCH;
use numbers::Numbers;

mod access;
mod arena;
mod builtins;
mod compute;
mod fixed;
mod hashed;
mod joining;
mod matching;
mod numbers;
mod patterns;
mod relay;
mod screen;
mod structure;
mod texts;

pub(super) use fixed::Fixed;
pub(super) use numbers::display as display_known;
pub(super) use relay::relay;
pub(super) use screen::{Told, screen};

/// Longest list that is handed over on the stack.
const STACK_WORDS_MAX: usize = 64;

/// Most places of members that a function remembers: more would make its frame large.
const HINTS_MAX: u32 = 32;

/// Bytes of a word.
const WORD_BYTES: usize = size_of::<Word>();

/// Translates `function` into `into`, whose signature is set.
pub(super) fn function<'p>(
    fixed: &'p Fixed<'p>,
    function: &Function,
    relays: Relays,
    hashes: &'p mut Hashes,
    into: &mut ir::Function,
    context: &mut FunctionBuilderContext,
    isa: &dyn TargetIsa,
) {
    let (builder, entry) = begin(into, context);
    let arguments = builder.block_params(entry)[1];
    let mut translator = Translator::new(fixed, hashes, builder, entry);
    translator.relays = Some(relays);
    translator.open(function);
    translator.function(function, arguments);
    translator.finish(isa);
}

/// Starts a function, whose signature is set, with its first block.
fn begin<'b>(into: &'b mut ir::Function, context: &'b mut FunctionBuilderContext) -> (FunctionBuilder<'b>, Block) {
    let mut builder = FunctionBuilder::new(into, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    (builder, entry)
}

/// What registers hold that are written once, by a constant.
fn constants(function: &Function) -> Vec<Option<Word>> {
    let writes = Writes::of(function);
    let mut constants = vec![None; function.registers as usize];
    function.body.each_statement(&mut |statement| {
        if let StatementKind::Constant { target, value } = &statement.kind
            && writes.once(*target)
        {
            constants[target.index()] = Some(*value);
        }
    });
    constants
}

/// Whether a builtin is one whose answer is a condition where it is found in place.
fn is_text_test(name: &str) -> bool {
    name == REGEX_MATCH || TextTest::of(name).is_some()
}

/// Which registers hold truth values that nothing but tests look at, so that they need not be words.
fn conditions(program: &Program, function: &Function) -> Vec<bool> {
    let writes = Writes::of(function);
    let [mut truths, mut tests] = [(); 2].map(|()| vec![0; function.registers as usize]);
    function.body.each_statement(&mut |statement| {
        if let StatementKind::Compare { target, .. } | StatementKind::Membership { target, .. } = &statement.kind {
            truths[target.index()] += 1;
        } else if let StatementKind::Constant { target, value: Word::TRUE | Word::FALSE } = &statement.kind {
            truths[target.index()] += 1;
        } else if let StatementKind::Builtin { target, builtin, .. } = &statement.kind
            && is_text_test(program.builtins[builtin.index()].name)
        {
            truths[target.index()] += 1;
        } else if let StatementKind::Test { value, .. } = &statement.kind {
            tests[value.index()] += 1;
        }
    });
    let is_condition = |register: Register| {
        let at = register.index();
        truths[at] > 0 && writes.written(register) == truths[at] && writes.read(register) == tests[at]
    };
    (0..function.registers).map(Register).map(is_condition).collect()
}

/// How many statements in loops read a member of an object.
fn fields_in_loops(block: &PlanBlock, in_loop: bool) -> u32 {
    let count = |statement: &Statement| {
        let within = in_loop || matches!(statement.kind, StatementKind::Each { .. });
        let below = statement.block().map_or(0, |block| fields_in_loops(block, within));
        below + u32::from(in_loop && matches!(statement.kind, StatementKind::Field { .. }))
    };
    block.statements.iter().map(count).sum()
}

/// Where a hint stands among all.
fn hint_offset(at: u32) -> i32 {
    i32::try_from(at as usize * WORD_BYTES).unwrap_or(i32::MAX)
}

/// Something around the statements that are being translated.
#[derive(Debug, Clone, Copy)]
enum Around {
    /// Failures end here.
    Caught(Block),
    /// This label ends here.
    Left(Label, Block),
    /// A `with` must be left.
    With,
    /// A stretch outside of a `with` must be left; what [`Host::EnterOutside`] gave.
    Outside(Variable),
}

/// The relays to host functions, by their number of operands.
pub(super) type Relays = [FuncRef; OPERANDS_MAX + 1];

struct Translator<'p, 'b> {
    program: &'p Program,
    fixed: &'p Fixed<'p>,
    builder: FunctionBuilder<'b>,
    registers: Vec<Variable>,
    context: Value,
    /// Returns [`STOP`].
    stop: Block,
    around: Vec<Around>,
    signatures: HashMap<usize, SigRef>,
    relays: Option<Relays>,
    /// Blocks that are rarely come to.
    rare: HashSet<Block>,
    /// Whether the block that is being filled is one.
    is_rare: bool,
    /// Room for lists that are handed over.
    words: Option<StackSlot>,
    /// What registers hold that are written by one constant only.
    constants: Vec<Option<Word>>,
    /// What is known of registers.
    numbers: Numbers,
    /// Where truth values that only tests look at are kept, by register.
    conditions: Vec<Option<Variable>>,
    /// Where is kept at which place members of objects were found last, for each statement of a loop that reads one: what loops run
    /// over mostly looks the same.
    hints: Option<StackSlot>,
    /// How many of these have been translated.
    hinted: u32,
    /// Perfect hashes that the code looks into.
    hashes: &'p mut Hashes,
    /// How many loops are around the statements.
    loops: u32,
    /// Set where rules are only screened.
    screening: Option<screen::Screening>,
}

/// Whether control comes to the end of some statements.
type Continues = bool;

impl<'p, 'b> Translator<'p, 'b> {
    fn new(fixed: &'p Fixed<'p>, hashes: &'p mut Hashes, mut builder: FunctionBuilder<'b>, entry: Block) -> Self {
        let context = builder.block_params(entry)[0];
        let stop = builder.create_block();
        builder.set_cold_block(stop);
        Self {
            program: fixed.program,
            fixed,
            builder,
            registers: Vec::new(),
            context,
            stop,
            around: Vec::new(),
            signatures: HashMap::new(),
            relays: None,
            rare: HashSet::new(),
            is_rare: false,
            words: None,
            constants: Vec::new(),
            numbers: Numbers::default(),
            hashes,
            conditions: Vec::new(),
            hints: None,
            hinted: 0,
            loops: 0,
            screening: None,
        }
    }

    /// Makes ready for the statements of a function.
    fn open(&mut self, function: &Function) {
        self.registers = (0..function.registers).map(|_| self.builder.declare_var(types::I64)).collect();
        self.constants = constants(function);
        self.numbers = Numbers::of(self.fixed, function, &self.constants);
        let conditions = conditions(self.program, function).into_iter();
        self.conditions =
            conditions.map(|is_condition| is_condition.then(|| self.builder.declare_var(types::I8))).collect();
        self.make_hints(function);
    }

    fn finish(mut self, isa: &dyn TargetIsa) {
        self.begin(self.stop);
        let stop = self.number(STOP);
        self.builder.ins().return_(&[stop]);
        self.builder.finalize(isa.frontend_config());
    }
}

impl Translator<'_, '_> {
    fn function(&mut self, function: &Function, arguments: Value) {
        for index in 0..function.parameters {
            let offset = i32::try_from(index as usize * WORD_BYTES).unwrap_or(i32::MAX);
            let value = self.builder.ins().load(types::I64, MemFlagsData::trusted(), arguments, offset);
            self.set(Register(index), value);
        }
        self.body(function);
        let result = self.get(function.result);
        self.builder.ins().return_(&[result]);
    }

    /// What a function does, up to where its result stands.
    fn body(&mut self, function: &Function) {
        let end = self.builder.create_block();
        self.around.push(Around::Caught(end));
        if self.block(&function.body) {
            self.jump(end);
        }
        self.around.pop();
        self.begin(end);
    }

    /// Makes room for the places at which members are looked for first, all at the start now.
    fn make_hints(&mut self, function: &Function) {
        let count = fields_in_loops(&function.body, false).min(HINTS_MAX);
        self.hinted = 0;
        self.hints = (count > 0).then(|| {
            let bytes = u32::try_from(WORD_BYTES).unwrap_or(u32::MAX).saturating_mul(count);
            self.builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3))
        });
        let zero = self.number(0_u64);
        for at in 0..count {
            if let Some(hints) = self.hints {
                self.builder.ins().stack_store(types::I64, zero, hints, hint_offset(at));
            }
        }
    }

    fn block(&mut self, block: &PlanBlock) -> Continues {
        // What stands behind a leave or a failure is never reached.
        block.statements.iter().all(|statement| self.statement(statement) && !self.gave_up())
    }

    // Values.

    /// The constant that a register holds, if it is one whose equals are the same word.
    fn keyed_constant(&self, register: Register) -> Option<Word> {
        self.constants[register.index()].filter(|word| is_keyed(*word))
    }

    fn get(&mut self, register: Register) -> Value {
        let value = self.builder.use_var(self.registers[register.index()]);
        if self.numbers.is_bare(register) { self.tagged(value) } else { value }
    }

    fn set(&mut self, register: Register, value: Value) {
        let value = if self.numbers.is_bare(register) { self.untagged(value) } else { value };
        self.builder.def_var(self.registers[register.index()], value);
    }

    /// The integer of a register that surely holds one.
    fn integer(&mut self, register: Register) -> Value {
        if let Some(integer) = self.constants[register.index()].and_then(Word::small_int) {
            return self.builder.ins().iconst(types::I64, integer);
        }
        let value = self.builder.use_var(self.registers[register.index()]);
        if self.numbers.is_bare(register) { value } else { self.untagged(value) }
    }

    fn set_integer(&mut self, register: Register, integer: Value) {
        let value = if self.numbers.is_bare(register) { integer } else { self.tagged(integer) };
        self.builder.def_var(self.registers[register.index()], value);
    }

    /// The integer of a word that is one.
    fn untagged(&mut self, word: Value) -> Value {
        let shift = self.number(Word::INT_SHIFT);
        self.builder.ins().sshr(word, shift)
    }

    /// Goes to `otherwise` where `with` may have something to say, unless a call always does the same.
    fn leave_if_intercepted(&mut self, is_fixed: bool, otherwise: Block) {
        if !is_fixed {
            let intercepts = self.load(Field::Intercepts);
            self.leave_if(intercepts, otherwise);
        }
    }

    /// Writes a register where the statement has succeeded: one that fails must leave it as it was.
    fn set_from(&mut self, register: Register, variable: Variable) {
        let value = self.builder.use_var(variable);
        self.set(register, value);
    }

    fn number(&mut self, number: impl Into<u64>) -> Value {
        let number: u64 = number.into();
        self.builder.ins().iconst(types::I64, number.cast_signed())
    }

    fn word(&mut self, word: Word) -> Value {
        self.number(word.bits())
    }

    fn place(&mut self, place: PlaceId) -> Value {
        self.number(place.0)
    }

    fn masked(&mut self, value: Value, mask: u64) -> Value {
        let mask = self.number(mask);
        self.builder.ins().band(value, mask)
    }

    fn is(&mut self, value: Value, number: u64) -> Value {
        let number = self.number(number);
        self.builder.ins().icmp(IntCC::Equal, value, number)
    }

    fn load(&mut self, field: Field) -> Value {
        self.builder.ins().load(types::I64, MemFlagsData::trusted(), self.context, field.offset())
    }

    // Blocks.

    fn jump(&mut self, block: Block) {
        self.builder.ins().jump(block, &[]);
    }

    fn branch(&mut self, condition: Value, then: Block, otherwise: Block) {
        self.builder.ins().brif(condition, then, &[], otherwise, &[]);
    }

    /// Starts a block to which nothing jumps any more but what has already.
    fn begin(&mut self, block: Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
        self.is_rare = self.rare.contains(&block);
    }

    fn cold(&mut self) -> Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        self.rare.insert(block);
        block
    }

    /// Goes to `then` if the condition holds, else goes on here.
    fn leave_if(&mut self, condition: Value, then: Block) {
        let on = self.builder.create_block();
        self.branch(condition, then, on);
        self.begin(on);
    }

    // Ways out.

    /// Where a failure ends: an index into `around` and the block.
    fn catcher(&self) -> (usize, Block) {
        let found = self.around.iter().enumerate().rev().find_map(|(index, around)| match around {
            Around::Caught(block) => Some((index, *block)),
            Around::Left(..) | Around::With | Around::Outside(_) => None,
        });
        // The function itself catches.
        found.unwrap_or((0, self.stop))
    }

    /// Undoes what is stepped out of, down to an index of `around`.
    fn undo(&mut self, down_to: usize) {
        for index in (down_to..self.around.len()).rev() {
            match self.around[index] {
                Around::Caught(_) | Around::Left(..) => {}
                Around::With => {
                    self.call(Host::LeaveWith, &[]);
                }
                Around::Outside(inside) => {
                    let inside = self.builder.use_var(inside);
                    self.call(Host::LeaveOutside, &[inside]);
                }
            }
        }
    }

    fn fail(&mut self) {
        let (index, block) = self.catcher();
        self.undo(index);
        self.jump(block);
    }

    /// Fails if the condition holds, else goes on.
    fn fail_if(&mut self, condition: Value) {
        let (index, block) = self.catcher();
        let undone = self.around[index..].iter().any(|around| matches!(around, Around::With | Around::Outside(_)));
        if !undone {
            self.leave_if(condition, block);
            return;
        }
        let (failed, on) = (self.builder.create_block(), self.builder.create_block());
        self.branch(condition, failed, on);
        self.begin(failed);
        self.fail();
        self.begin(on);
    }

    fn fail_unless(&mut self, condition: Value) {
        let zero = self.builder.ins().iconst(types::I8, 0);
        let not = self.builder.ins().icmp(IntCC::Equal, condition, zero);
        self.fail_if(not);
    }

    fn leave(&mut self, label: Label) {
        let found = self.around.iter().enumerate().rev().find_map(|(index, around)| match around {
            Around::Left(other, block) if *other == label => Some((index, *block)),
            Around::Left(..) | Around::Caught(_) | Around::With | Around::Outside(_) => None,
        });
        // The verifier has seen to it that there is one.
        let (index, block) = found.unwrap_or((0, self.stop));
        self.undo(index);
        self.jump(block);
    }

    // Host functions.

    fn call(&mut self, host: Host, operands: &[Value]) -> Value {
        if self.gives_up(host) {
            return self.give_up();
        }
        let result = self.call_host(host, operands);
        self.note_marks();
        result
    }

    /// As [`Translator::call`], also where rules are only screened, whatever comes of it: for what nobody can see.
    fn call_host(&mut self, host: Host, operands: &[Value]) -> Value {
        debug_assert_eq!(host.operands(), operands.len(), "{host:?}");
        if self.is_rare
            && let Some(relay) = self.relays.and_then(|relays| relays.get(operands.len()).copied())
        {
            let which = self.number(u64::try_from(host.offset()).unwrap_or(u64::MAX));
            let all: Vec<Value> =
                std::iter::once(self.context).chain(operands.iter().copied()).chain([which]).collect();
            self.builder.ins().call(relay, &all);
            return self.load(Field::Result);
        }
        let convention = self.builder.func.signature.call_conv;
        let signature = match self.signatures.get(&operands.len()) {
            Some(signature) => *signature,
            None => {
                let signature = self.builder.import_signature(host_signature(convention, operands.len()));
                self.signatures.insert(operands.len(), signature);
                signature
            }
        };
        let table = self.load(Field::Hosts);
        let address = self.builder.ins().load(types::I64, MemFlagsData::trusted(), table, host.offset());
        let all: Vec<Value> = std::iter::once(self.context).chain(operands.iter().copied()).collect();
        let call = self.builder.ins().call_indirect(signature, address, &all);
        self.builder.inst_results(call)[0]
    }

    /// Calls a host function that can only stop.
    fn call_or_stop(&mut self, host: Host, operands: &[Value]) -> Value {
        let result = self.call(host, operands);
        let stopped = self.is(result, STOP);
        self.leave_if(stopped, self.stop);
        result
    }

    /// Calls a host function that can stop and fail.
    fn call_or_fail(&mut self, host: Host, operands: &[Value]) -> Value {
        let result = self.call(host, operands);
        self.stop_or_fail(result);
        result
    }

    /// Stops or fails if the result of a host function says so.
    fn stop_or_fail(&mut self, result: Value) {
        let bits = self.masked(result, SPECIAL_MASK);
        let special = self.is(bits, SPECIAL);
        let (otherwise, on) = (self.cold(), self.builder.create_block());
        self.branch(special, otherwise, on);
        self.begin(otherwise);
        let stopped = self.is(result, STOP);
        self.leave_if(stopped, self.stop);
        self.fail();
        self.begin(on);
    }

    /// Hands over a list: its address (0 if it went another way) and length.
    fn list(&mut self, values: &[Value]) -> (Value, Value) {
        let count = self.number(u64::try_from(values.len()).unwrap_or(u64::MAX));
        if values.len() > STACK_WORDS_MAX {
            for value in values {
                self.call(Host::Operand, &[*value]);
            }
            return (self.number(0_u64), count);
        }
        let slot = match self.words {
            Some(slot) => slot,
            None => {
                let bytes = u32::try_from(STACK_WORDS_MAX * WORD_BYTES).unwrap_or(u32::MAX);
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
                *self.words.insert(self.builder.create_sized_stack_slot(data))
            }
        };
        let address = self.builder.ins().stack_addr(types::I64, slot, 0);
        for (index, value) in values.iter().enumerate() {
            let offset = i32::try_from(index * WORD_BYTES).unwrap_or(i32::MAX);
            self.builder.ins().store(MemFlagsData::trusted(), *value, address, offset);
        }
        (address, count)
    }

    fn registers(&mut self, registers: &[Register]) -> Vec<Value> {
        registers.iter().map(|register| self.get(*register)).collect()
    }

    /// Takes units of fuel. As signed numbers, what is left is never above the mark where there was too little, so that one comparison
    /// sends all of that to the host.
    fn charge(&mut self, units: u64, place: PlaceId) {
        let (fuel, poll_at) = (self.load(Field::Fuel), self.load(Field::PollAt));
        let units = self.number(units);
        let left = self.builder.ins().isub(fuel, units);
        let enough = self.builder.ins().icmp(IntCC::SignedGreaterThan, left, poll_at);
        let (fast, slow, on) = (self.builder.create_block(), self.cold(), self.builder.create_block());
        self.branch(enough, fast, slow);
        self.begin(fast);
        self.builder.ins().store(MemFlagsData::trusted(), left, self.context, Field::Fuel.offset());
        self.jump(on);
        self.begin(slow);
        let place = self.place(place);
        self.call_or_stop(Host::Charge, &[units, place]);
        self.jump(on);
        self.begin(on);
    }

    /// A truth value as a word.
    fn truth(&mut self, condition: Value) -> Value {
        let (yes, no) = (self.word(Word::TRUE), self.word(Word::FALSE));
        self.builder.ins().select(condition, yes, no)
    }

    fn is_absent(&mut self, value: Value) -> Value {
        self.is(value, ABSENT)
    }

    fn statement(&mut self, statement: &Statement) -> Continues {
        structure::statement(self, statement)
    }
}
