//! Copies are replaced by what they copy.
//!
//! ```text
//! r3 = field r2 "name"        r1 = field r2 "name"
//! r1 = r3                     test r1 == r4
//! r5 = r1                 →
//! test r5 == r4
//! ```

use crate::plan::{Block, Function, Program, Register, StatementKind, each_read_mut, target_mut, written};

use super::Writes;

pub(super) fn run(program: &mut Program) {
    for function in &mut program.functions {
        forward(function);
        backward(function);
    }
}

/// Reads of a copy become reads of what it copies, where both keep their values.
fn forward(function: &mut Function) {
    let writes = Writes::of(function);
    let mut sources: Vec<Option<Register>> = vec![None; function.registers as usize];
    function.body.each_statement(&mut |statement| {
        if let StatementKind::Copy { target, source } = &statement.kind
            && target != source
            && writes.once(*target)
            && writes.once(*source)
        {
            sources[target.index()] = Some(*source);
        }
    });
    let resolve = |register: Register| {
        let mut register = register;
        // A chain ends, because a register that is written once is not written by a copy of itself.
        while let Some(source) = sources[register.index()] {
            register = source;
        }
        register
    };
    function.body.each_statement_mut(&mut |statement| {
        each_read_mut(&mut statement.kind, &mut |register| *register = resolve(*register));
    });
    if sources[function.result.index()].is_some() {
        sources[function.result.index()] = None;
    }
    remove(&mut function.body, &sources);
}

fn remove(block: &mut Block, sources: &[Option<Register>]) {
    block.statements.retain(
        |statement| !matches!(&statement.kind, StatementKind::Copy { target, .. } if sources[target.index()].is_some()),
    );
    block.statements.iter_mut().filter_map(|statement| statement.block_mut()).for_each(|block| remove(block, sources));
}

/// A value that is made only to be copied by the next statement is made in its place.
fn backward(function: &mut Function) {
    let writes = Writes::of(function);
    retarget(&mut function.body, &writes);
}

fn retarget(block: &mut Block, writes: &Writes) {
    let mut at = 0;
    while at + 1 < block.statements.len() {
        let (before, after) = block.statements.split_at_mut(at + 1);
        let made = written(&before[at].kind);
        if let StatementKind::Copy { target, source } = &after[0].kind
            && made == [*source]
            && writes.once(*source)
            && writes.read(*source) == 1
            && let Some(register) = target_mut(&mut before[at].kind)
        {
            *register = *target;
            block.statements.remove(at + 1);
        } else {
            at += 1;
        }
    }
    block.statements.iter_mut().filter_map(|statement| statement.block_mut()).for_each(|block| retarget(block, writes));
}
