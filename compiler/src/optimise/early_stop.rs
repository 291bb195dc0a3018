//! Decision rules that can't change a decision any more are not run.
//!
//! ```text
//! allow p "reads"   →   allow p "reads" until a deny
//! ```
//!
//! A deny is final: behind it only others that deny are told. That holds for who asks for the outcome and its rules; a whole
//! decision and an explanation run everything.
//!
//! Where a rule stops at its first success is not said here but where it is lowered: whether a second way to the same value is
//! looked for decides about errors on that way.

use hpol_lang::ast::EffectKeyword;

use crate::plan::Program;

pub(super) fn run(program: &mut Program) {
    for rule in &mut program.decisions {
        rule.settled_by = (rule.effect != EffectKeyword::Deny).then_some(EffectKeyword::Deny);
    }
}
