//! What a program may not exceed, so that compiling and running it stay bounded.

use crate::CompileError;
use crate::context::CALL_DEPTH_MAX;
use crate::plan::{Block, Program};
use crate::verify::depths;

/// Most statements in one function: its machine code and its frame stay small.
const STATEMENTS_MAX: usize = 20_000;

/// Most blocks that may be open at a time, over all calls: the interpreter needs stack for each. It has a limit of its own, a
/// little above this one, for what `with` can do beyond.
const BLOCKS_MAX: u32 = 700;

/// Refuses functions that are too large and calls that nest too deeply.
pub(crate) fn check(program: &Program) -> Result<(), CompileError> {
    for function in &program.functions {
        if statements(&function.body) > STATEMENTS_MAX {
            let (name, span) = (function.name.clone(), function.span);
            return Err(CompileError::TooLarge { name, limit: STATEMENTS_MAX, span });
        }
    }
    for (function, depth) in program.functions.iter().zip(depths(program)?) {
        let (name, span) = (function.name.clone(), function.span);
        if depth.calls > CALL_DEPTH_MAX {
            return Err(CompileError::CallsTooDeep { name, depth: depth.calls, limit: CALL_DEPTH_MAX, span });
        }
        if depth.blocks > BLOCKS_MAX {
            return Err(CompileError::BlocksTooDeep { name, limit: BLOCKS_MAX, span });
        }
    }
    Ok(())
}

fn statements(block: &Block) -> usize {
    block.statements.iter().map(|statement| 1 + statement.block().map_or(0, statements)).sum()
}
