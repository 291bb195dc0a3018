//! Statements without effect go away.
//!
//! ```text
//! scope L0 {                      r1 = input
//!   r1 = input                    test r1
//!   r2 = 7                    →
//!   test r1
//! }
//! ```

use crate::plan::{Block, Label, Program, Statement, StatementKind, written};
use crate::verify::may_fail;

use super::Writes;

pub(super) fn run(program: &mut Program) {
    for function in &mut program.functions {
        let result = function.result;
        loop {
            let writes = Writes::of(function);
            let useless = |statement: &Statement| {
                has_only_a_value(&statement.kind)
                    && written(&statement.kind)
                        .iter()
                        .all(|register| writes.read(*register) == 0 && *register != result)
            };
            if !sweep(&mut function.body, &useless) {
                break;
            }
        }
    }
}

/// Whether anything changed.
fn sweep(block: &mut Block, useless: &impl Fn(&Statement) -> bool) -> bool {
    let mut changed = false;
    let mut kept: Vec<Statement> = Vec::with_capacity(block.statements.len());
    for mut statement in block.statements.drain(..) {
        // Nothing comes behind a leave or a failure.
        if kept.last().is_some_and(|last| is_end(&last.kind)) {
            changed = true;
            break;
        }
        if let Some(inner) = statement.block_mut() {
            changed |= sweep(inner, useless);
        }
        changed |= drop_last_leave(&mut statement);
        if useless(&statement) {
            changed = true;
            continue;
        }
        if let StatementKind::Scope { label, catches, body } = &mut statement.kind
            && is_no_scope(body, *label, *catches)
        {
            changed = true;
            kept.append(&mut body.statements);
            continue;
        }
        kept.push(statement);
    }
    block.statements = kept;
    changed
}

fn is_end(kind: &StatementKind) -> bool {
    matches!(kind, StatementKind::Leave { .. } | StatementKind::Fail)
}

/// A scope that is left at its end just ends.
fn drop_last_leave(statement: &mut Statement) -> bool {
    if let StatementKind::Scope { label, body, .. } = &mut statement.kind
        && let Some(last) = body.statements.last()
        && matches!(&last.kind, StatementKind::Leave { label: left } if left == label)
    {
        body.statements.pop();
        return true;
    }
    false
}

/// Whether nothing leaves the scope and nothing fails in it that it would catch.
fn is_no_scope(body: &Block, label: Label, catches: bool) -> bool {
    let mut left = false;
    body.each_statement(&mut |statement| {
        left |= matches!(&statement.kind, StatementKind::Leave { label: other } if *other == label);
    });
    let catches_something = catches && lets_fail(body);
    !(left || catches_something)
}

/// Whether a failure can come out of a block.
fn lets_fail(block: &Block) -> bool {
    block.statements.iter().any(|statement| may_fail(&statement.kind) || lets_inner_fail(&statement.kind))
}

fn lets_inner_fail(kind: &StatementKind) -> bool {
    if let StatementKind::Scope { catches: false, body, .. }
    | StatementKind::With { body, .. }
    | StatementKind::Outside { body, .. } = kind
    {
        lets_fail(body)
    } else {
        false
    }
}

/// Whether a statement does nothing but write its target (or use up a limit).
fn has_only_a_value(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::Constant { .. }
            | StatementKind::Copy { .. }
            | StatementKind::Compare { .. }
            | StatementKind::Membership { .. }
            | StatementKind::MakeArray { .. }
            | StatementKind::MakeSet { .. }
            | StatementKind::Template { .. }
            | StatementKind::MarkSave { .. }
    )
}
