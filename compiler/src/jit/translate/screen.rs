//! One function for all decision rules of a package, which tells which of them must be judged.
//!
//! It runs the rules' bodies one after the other, as far as that takes no host function, and gives a rule up where it would: then
//! the rule must be judged, and so must one whose body holds. What is left out fails without an error and, if it protects,
//! without anything absent. Nothing is handed out and nothing marked on the way, so running a rule again finds what it would
//! have found.

use cranelift_codegen::ir::{self, Block, InstBuilder, TrapCode, Value, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilderContext, Variable};
use hpol_lang::ast::EffectKeyword;
use hpol_stdlib::heap::Word;

use crate::jit::abi::Field;
use crate::plan::{Package, Program, Register};

use crate::jit::perfect::Hashes;

use super::{Translator, begin};

/// More rules than this have no such function: an index finds those that can count sooner.
const RULES_MAX: usize = 56;

/// Most statements of such a function.
const STATEMENTS_MAX: usize = 2_048;

/// What there is to know while a rule is screened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screening {
    /// The rule must be judged.
    give_up: Block,
    /// Stands for the mark: whether something was absent, 0 or 1.
    absent: Variable,
}

/// Whether a package gets such a function.
fn is_screened(program: &Program, package: &Package) -> bool {
    let mut statements = 0;
    for decision in &package.decisions {
        program.function(program.decisions[decision.index()].body).body.each_statement(&mut |_| statements += 1);
    }
    (1..=RULES_MAX).contains(&package.decisions.len()) && statements <= STATEMENTS_MAX
}

/// Translates the function for a package into `into`, whose signature is set. Its result is an integer's word with a bit for each
/// rule that must be judged, in their order. False if there is none for this package.
pub(in crate::jit) fn screen<'p>(
    program: &'p Program,
    package: &Package,
    hashes: &'p mut Hashes,
    into: &mut ir::Function,
    context: &mut FunctionBuilderContext,
    isa: &dyn TargetIsa,
) -> bool {
    if !is_screened(program, package) {
        return false;
    }
    let (mut builder, entry) = begin(into, context);
    let found = builder.declare_var(types::I64);
    let mut translator = Translator::new(program, hashes, builder, entry);
    let none = translator.number(Word::TAG_INT);
    translator.builder.def_var(found, none);
    for (decision, bit) in package.decisions.iter().zip(Word::INT_SHIFT..) {
        let decision = &program.decisions[decision.index()];
        let function = program.function(decision.body);
        let [give_up, fail, on] = [(); 3].map(|()| translator.builder.create_block());
        let absent = translator.builder.declare_var(types::I64);
        let no = translator.number(0_u64);
        translator.builder.def_var(absent, no);
        translator.screening = Some(Screening { give_up, absent });
        translator.open(function);
        translator.body(function);
        let result = translator.get(function.result);
        let fails = translator.is_absent(result);
        translator.branch(fails, fail, give_up);
        translator.begin(fail);
        if decision.effect == EffectKeyword::Allow {
            translator.jump(on);
        } else {
            let absent = translator.builder.use_var(absent);
            translator.branch(absent, give_up, on);
        }
        translator.begin(give_up);
        let others = translator.builder.use_var(found);
        let own = translator.number(1_u64 << bit);
        let all = translator.builder.ins().bor(others, own);
        translator.builder.def_var(found, all);
        translator.jump(on);
        translator.begin(on);
    }
    let result = translator.builder.use_var(found);
    translator.builder.ins().return_(&[result]);
    translator.finish(isa);
    true
}

impl Translator<'_, '_> {
    /// What a rule finds absent is only noted where rules are screened; false where they are not.
    pub(super) fn note_absence(&mut self) -> bool {
        let Some(Screening { absent, .. }) = self.screening else { return false };
        let yes = self.number(1_u64);
        self.builder.def_var(absent, yes);
        true
    }

    /// Goes back to what was absent when a register was written; false where rules are not screened.
    pub(super) fn forget_absence(&mut self, saved: Register) -> bool {
        let Some(Screening { absent, .. }) = self.screening else { return false };
        let saved = self.get(saved);
        self.builder.def_var(absent, saved);
        true
    }

    /// The mark, to go back to.
    pub(super) fn marks(&mut self) -> Value {
        match self.screening {
            Some(screening) => self.builder.use_var(screening.absent),
            None => self.load(Field::Marks),
        }
    }

    /// Leaves the rule to whoever judges it. What is translated next is not reached; the value stands for a result.
    pub(super) fn give_up(&mut self) -> Value {
        if let Some(screening) = self.screening {
            self.jump(screening.give_up);
            let unreachable = self.builder.create_block();
            self.begin(unreachable);
        }
        self.number(0_u64)
    }

    /// Whether the rule was given up on every way to here, which ends the block then.
    pub(super) fn gave_up(&mut self) -> bool {
        let gave_up = self.screening.is_some() && self.builder.is_unreachable();
        if gave_up {
            self.builder.ins().trap(TrapCode::unwrap_user(1));
        }
        gave_up
    }
}
