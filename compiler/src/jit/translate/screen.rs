//! One function for all decision rules of a package, which tells which of them must be judged.
//!
//! It runs the rules' bodies one after the other, as far as that takes no host function, and gives a rule up where it would: then
//! the rule must be judged, and so must one whose body holds, unless that is all there is to say: it has no `unless`, and its
//! reason is none or a constant. What is left out fails without an error and, if it protects, without anything absent. Nothing is handed out
//! and nothing marked on the way, so running a rule again finds what it would have found.

use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, TrapCode, Value, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilderContext, Variable};
use hpol_lang::ast::EffectKeyword;
use hpol_stdlib::heap::Word;

use crate::jit::abi::Field;
use crate::plan::{Block, Function, Package, Program, Register, Role, StatementKind, written};

use crate::jit::perfect::Hashes;

use super::{Fixed, Translator, begin};

/// More rules than this have no such function: an index finds those that can count sooner.
const RULES_MAX: usize = 56;

/// Most statements of such a function.
const STATEMENTS_MAX: usize = 2_048;

/// What screening the rules of a package can tell.
#[derive(Debug, Clone)]
pub(in crate::jit) struct Told {
    /// The reasons of the rules that it says to have matched, in their order.
    pub(in crate::jit) reasons: Vec<Option<Word>>,
}

/// What there is to know while a rule is screened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screening {
    /// The rule must be judged.
    give_up: ir::Block,
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
/// rule that must be judged, in their order; the same of the rules that have matched is left in the context. `None` if there is none for
/// this package.
pub(in crate::jit) fn screen<'p>(
    fixed: &'p Fixed<'p>,
    package: &Package,
    hashes: &'p mut Hashes,
    into: &mut ir::Function,
    context: &mut FunctionBuilderContext,
    isa: &dyn TargetIsa,
) -> Option<Told> {
    let program = fixed.program;
    if !is_screened(program, package) {
        return None;
    }
    let (mut builder, entry) = begin(into, context);
    let found = [(); 2].map(|()| builder.declare_var(types::I64));
    let [judged, matched] = found;
    let mut translator = Translator::new(fixed, hashes, builder, entry);
    let none = translator.number(Word::TAG_INT);
    translator.builder.def_var(judged, none);
    translator.builder.def_var(matched, none);
    let mut reasons = Vec::with_capacity(package.decisions.len());
    for (decision, bit) in package.decisions.iter().zip(Word::INT_SHIFT..) {
        let decision = &program.decisions[decision.index()];
        let function = program.function(decision.body);
        let [give_up, fail, on] = [(); 3].map(|()| translator.builder.create_block());
        let absent = translator.builder.declare_var(types::I64);
        let no = translator.number(0_u64);
        translator.builder.def_var(absent, no);
        translator.screening = Some(Screening { give_up, absent });
        translator.open(function);
        let reason = constant_reason(function, &translator.constants).filter(|_| decision.exemption.is_none());
        reasons.push(reason.flatten());
        translator.body(function);
        let result = translator.get(function.result);
        let fails = translator.is_absent(result);
        translator.leave_if(fails, fail);
        if reason.is_some() {
            let holds = translator.is(result, Word::TRUE.bits());
            translator.go_on_if(holds, give_up);
            translator.note(matched, bit);
            translator.jump(on);
        } else {
            translator.jump(give_up);
        }
        translator.begin(fail);
        if decision.effect == EffectKeyword::Allow {
            translator.jump(on);
        } else {
            let absent = translator.builder.use_var(absent);
            translator.branch(absent, give_up, on);
        }
        translator.begin(give_up);
        translator.note(judged, bit);
        translator.jump(on);
        translator.begin(on);
    }
    let [judged, matched] = found.map(|found| translator.builder.use_var(found));
    let (context, offset) = (translator.context, Field::Matched.offset());
    translator.builder.ins().store(MemFlagsData::trusted(), matched, context, offset);
    translator.builder.ins().return_(&[judged]);
    translator.finish(isa);
    Some(Told { reasons })
}

/// The reason of a rule if it is known, which may be that there is none; `None` if it must be asked for. Witnesses are not told, and
/// nobody who screens asks how conditions came out.
fn constant_reason(function: &Function, constants: &[Option<Word>]) -> Option<Option<Word>> {
    let (mut reasons, mut others) = (Vec::new(), false);
    function.body.each_statement(&mut |statement| {
        if let StatementKind::Record { role, value } = &statement.kind {
            match role {
                Role::Witness(_) => {}
                Role::Reason => reasons.push(*value),
                Role::ExemptionArgument | Role::Outcome(_) => others = true,
            }
        }
    });
    let known = match reasons[..] {
        [] => Some(None),
        [value] if tells(&function.body, function.result, false) => {
            constants[value.index()].filter(|word| !word.is_absent()).map(Some)
        }
        _ => None,
    };
    known.filter(|_| !others)
}

/// Whether a reason is recorded before the result is written, wherever that is but for where it is said that there is none.
fn tells(block: &Block, result: Register, mut told: bool) -> bool {
    block.statements.iter().all(|statement| {
        let kind = &statement.kind;
        told |= matches!(kind, StatementKind::Record { role: Role::Reason, .. });
        let empties = matches!(kind, StatementKind::Constant { value, .. } if value.is_absent());
        let writes = !empties && written(kind).contains(&result);
        (told || !writes) && statement.block().is_none_or(|block| tells(block, result, told))
    })
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

    /// Sets a bit of what is found.
    fn note(&mut self, found: Variable, bit: u32) {
        let others = self.builder.use_var(found);
        let own = self.number(1_u64 << bit);
        let all = self.builder.ins().bor(others, own);
        self.builder.def_var(found, all);
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
