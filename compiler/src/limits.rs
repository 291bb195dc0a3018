//! What a program may not exceed, so that compiling and running it stay bounded.

use crate::CompileError;
use crate::context::CALL_DEPTH_MAX;
use crate::plan::{Block, Program};
use crate::verify::call_depth;

/// Most statements in one function: its machine code and its frame stay small.
const STATEMENTS_MAX: usize = 20_000;

/// Refuses functions that are too large and calls that nest too deeply.
pub(crate) fn check(program: &Program) -> Result<(), CompileError> {
    for function in &program.functions {
        if statements(&function.body) > STATEMENTS_MAX {
            let (name, span) = (function.name.clone(), function.span);
            return Err(CompileError::TooLarge { name, limit: STATEMENTS_MAX, span });
        }
    }
    let (depth, deepest) = call_depth(program)?;
    match deepest {
        // Whoever asks for a decision is a level of its own.
        Some(deepest) if depth > CALL_DEPTH_MAX => {
            let function = program.function(deepest);
            let (name, span) = (function.name.clone(), function.span);
            Err(CompileError::CallsTooDeep { name, depth, limit: CALL_DEPTH_MAX, span })
        }
        _ => Ok(()),
    }
}

fn statements(block: &Block) -> usize {
    block.statements.iter().map(|statement| 1 + statement.block().map_or(0, statements)).sum()
}
