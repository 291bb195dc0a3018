//! What does not depend on a loop is computed before it.
//!
//! ```text
//! each L0 _, r1 in r0 {           r2 = r8 in r9
//!   r2 = r8 in r9                 each L0 _, r1 in r0 {
//!   test r2                   →     test r2
//! }                               }
//! ```
//!
//! Only what can neither fail nor be an error moves: before the loop it runs even if the loop has no iterations.

use crate::plan::{Block, Program, Register, Statement, StatementKind, reads, written};

use super::Writes;

pub(super) fn run(program: &mut Program) {
    for function in &mut program.functions {
        let writes = Writes::of(function);
        block(&mut function.body, &writes, function.registers);
    }
}

/// Inner loops first, so that what leaves them can leave the outer ones too.
fn block(block_: &mut Block, writes: &Writes, registers: u32) {
    let mut at = 0;
    while at < block_.statements.len() {
        if let Some(inner) = block_.statements[at].block_mut() {
            block(inner, writes, registers);
        }
        let moved = invariant(&mut block_.statements[at], writes, registers);
        let count = moved.len();
        block_.statements.splice(at..at, moved);
        at += count + 1;
    }
}

/// Takes out of a loop's body what does not depend on the loop.
fn invariant(statement: &mut Statement, writes: &Writes, registers: u32) -> Vec<Statement> {
    let StatementKind::Each { key, value, body, .. } = &mut statement.kind else { return Vec::new() };
    let mut inside = vec![false; registers as usize];
    key.iter().chain(value.iter()).for_each(|register| inside[register.index()] = true);
    body.each_statement(&mut |statement| {
        written(&statement.kind).iter().for_each(|register| inside[register.index()] = true);
    });
    let mut moved = Vec::new();
    let statements = std::mem::take(&mut body.statements);
    for statement in statements {
        let targets = written(&statement.kind);
        let fixed = |register: &Register| !inside[register.index()] && writes.once(*register);
        let moves = is_harmless(&statement.kind)
            && reads(&statement.kind).iter().all(fixed)
            && targets.iter().all(|register| writes.once(*register));
        if moves {
            targets.iter().for_each(|register| inside[register.index()] = false);
            moved.push(statement);
        } else {
            body.statements.push(statement);
        }
    }
    moved
}

/// Whether a statement neither fails nor stops (but for limits) nor has any effect but its value.
fn is_harmless(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::Constant { .. }
            | StatementKind::Copy { .. }
            | StatementKind::Compare { .. }
            | StatementKind::Membership { .. }
            | StatementKind::MakeArray { .. }
            | StatementKind::MakeSet { .. }
    )
}
