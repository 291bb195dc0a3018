//! One function for all decision rules of a package, which tells which of them must be judged.
//!
//! It runs the rules' bodies one after the other. A rule without `unless` is settled by that: it has matched, and its reason is known or
//! left in the context, or it does not count. Where its body takes a host function, that is called, and what it marks is only noted. A
//! rule is given up, and must be judged, where something comes up that is rare or needs more around it; so must a rule whose body
//! holds but which has an `unless`, and for that nothing is called, so that it is not done twice.
//!
//! What is left out fails without an error and, if it protects, without anything absent, or is settled by a rule that has matched. Where
//! an error is met, nothing is known of any rule. Nothing is handed out and nothing marked on the way, so running a rule again finds what
//! it would have found.
//!
//! A rule takes its fuel here or where it is judged: one that is given up gives its fuel back, unless it has called rules, whose
//! results are kept and cost nothing the second time.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, TrapCode, Value, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilderContext, Variable};
use hpol_lang::ast::EffectKeyword;
use hpol_stdlib::heap::Word;

use crate::context::Context;
use crate::jit::abi::Field;
use crate::jit::host::Host;
use crate::machine::Reason;
use crate::plan::{Block, Decision, Function, Package, Program, Register, Role, StatementKind, written};

use crate::jit::perfect::Hashes;

use super::{Fixed, Translator, begin};

/// More rules than this have no such function: an index finds those that can count sooner.
const RULES_MAX: usize = Context::REASONS_MAX;

/// Most statements of such a function.
const STATEMENTS_MAX: usize = 2_048;

/// What screening the rules of a package can tell.
#[derive(Debug, Clone)]
pub(in crate::jit) struct Told {
    /// The reasons of the rules that it says to have matched, in their order.
    pub(in crate::jit) reasons: Vec<Reason>,
    /// Whether it calls host functions.
    pub(in crate::jit) asks: bool,
}

/// What there is to know while a rule is screened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screening {
    /// The rule must be judged.
    give_up: ir::Block,
    /// Stands for the mark: whether something was absent, 0 or 1.
    absent: Variable,
    /// Whether host functions are called.
    asks: bool,
    /// Where the reason is to be left, in bytes from the start of a context, if it is made.
    reason: Option<i32>,
    /// How many marks there are besides, as a word.
    marks: Value,
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
    let end = builder.create_block();
    let [judged, matched] = found;
    let mut translator = Translator::new(fixed, hashes, builder, entry);
    let none = translator.number(Word::TAG_INT);
    translator.builder.def_var(judged, none);
    translator.builder.def_var(matched, none);
    let marks = translator.load(Field::Marks);
    let decisions = package.decisions.iter().map(|decision| &program.decisions[decision.index()]);
    let decisions: Vec<&Decision> = decisions.collect();
    let mut told = Told { reasons: Vec::with_capacity(decisions.len()), asks: false };
    for (at, (decision, bit)) in decisions.iter().zip(Word::INT_SHIFT..).enumerate() {
        if let Some(settling) = settling(&decisions, at) {
            let matched = translator.builder.use_var(matched);
            let settled = translator.masked(matched, settling);
            translator.leave_if(settled, end);
        }
        let function = program.function(decision.body);
        let [give_up, fail, on] = [(); 3].map(|()| translator.builder.create_block());
        let absent = translator.builder.declare_var(types::I64);
        let no = translator.number(0_u64);
        translator.builder.def_var(absent, no);
        translator.open(function);
        let reason = reason(function, &translator.constants).filter(|_| decision.exemption.is_none());
        let asks = reason.is_some() && !gives_up(&function.body, false);
        let made = matches!(reason, Some(Reason::Made)).then(|| Context::reason_offset(at));
        translator.screening = Some(Screening { give_up, absent, asks, reason: made, marks });
        let gives_back = !(asks && calls(&function.body));
        let fuel = gives_back.then(|| [Field::Fuel, Field::PollAt].map(|field| (field, translator.load(field))));
        told.asks |= asks;
        told.reasons.push(reason.unwrap_or(Reason::Known(None)));
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
        for (field, before) in fuel.into_iter().flatten() {
            let (context, offset) = (translator.context, field.offset());
            translator.builder.ins().store(MemFlagsData::trusted(), before, context, offset);
        }
        translator.note(judged, bit);
        translator.jump(on);
        translator.begin(on);
    }
    translator.jump(end);
    translator.begin(end);
    let [judged, matched] = found.map(|found| translator.builder.use_var(found));
    let (context, offset) = (translator.context, Field::Matched.offset());
    translator.builder.ins().store(MemFlagsData::trusted(), matched, context, offset);
    translator.builder.ins().return_(&[judged]);
    translator.finish(isa);
    Some(told)
}

/// The bits of those rules of which one settles the rule at a place and all behind it, if that is the first that they settle.
fn settling(decisions: &[&Decision], at: usize) -> Option<u64> {
    let (before, behind) = decisions.split_at_checked(at)?;
    let effect = behind.first()?.settled_by?;
    let settles = |rule: &&Decision| rule.settled_by == Some(effect);
    let is_first = !before.last().is_some_and(settles) && behind.iter().all(settles);
    let bits = before.iter().zip(Word::INT_SHIFT..).filter(|(rule, _)| rule.effect == effect);
    let bits = bits.fold(0, |bits, (_, bit)| bits | 1_u64 << bit);
    (is_first && bits != 0).then_some(bits)
}

/// Whether a body has something in it for which it is given up, wherever that is.
fn gives_up(block: &Block, in_loop: bool) -> bool {
    block.statements.iter().any(|statement| {
        let loops = matches!(statement.kind, StatementKind::Each { .. });
        let more = matches!(
            statement.kind,
            StatementKind::With { .. }
                | StatementKind::Outside { .. }
                | StatementKind::Document { .. }
                | StatementKind::Definitions { .. }
                | StatementKind::Collect { .. }
        );
        more || (loops && in_loop) || statement.block().is_some_and(|block| gives_up(block, in_loop || loops))
    })
}

/// Whether a body calls rules.
fn calls(body: &Block) -> bool {
    let mut calls = false;
    body.each_statement(&mut |statement| calls |= matches!(statement.kind, StatementKind::Call { .. }));
    calls
}

/// Where the reason of a rule comes from; `None` if it must be judged for it. Witnesses are not told, and nobody who screens asks how
/// conditions came out.
fn reason(function: &Function, constants: &[Option<Word>]) -> Option<Reason> {
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
        [] => Some(Reason::Known(None)),
        [value] if tells(&function.body, function.result, false) => {
            let constant = constants[value.index()].filter(|word| !word.is_absent());
            Some(constant.map_or(Reason::Made, |word| Reason::Known(Some(word))))
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

    /// Leaves the reason of a rule in the context, if that is where it comes from; false where rules are not screened.
    pub(super) fn note_record(&mut self, role: Role, value: Register) -> bool {
        let Some(Screening { reason, .. }) = self.screening else { return false };
        if let Some(offset) = reason.filter(|_| role == Role::Reason) {
            let value = self.get(value);
            self.builder.ins().store(MemFlagsData::trusted(), value, self.context, offset);
        }
        true
    }

    /// Whether a rule is given up rather than that a host function is called here.
    pub(super) fn gives_up(&self, host: Host) -> bool {
        self.screening.is_some_and(|screening| !screening.asks || self.is_rare || !host.is_harmless())
    }

    /// Notes what a host function marked, and takes it back.
    pub(super) fn note_marks(&mut self) {
        let Some(Screening { absent, marks, .. }) = self.screening else { return };
        let now = self.load(Field::Marks);
        let same = self.builder.ins().icmp(IntCC::Equal, now, marks);
        let (more, on) = (self.cold(), self.builder.create_block());
        self.branch(same, on, more);
        self.begin(more);
        let yes = self.number(1_u64);
        self.builder.def_var(absent, yes);
        self.call_host(Host::MarkRestore, &[marks]);
        self.jump(on);
        self.begin(on);
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
