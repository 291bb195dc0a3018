//! Calls of rules that never have a value fail at once.
//!
//! ```text
//! beta := true if 1 == 2
//! r1 = call data.p.beta()                 →   fail
//! ```
//!
//! That is said only of rules that fail without finding anything absent and without an error, so that nothing is lost with
//! the call. Behind a failure nothing is left, which can make the rule around it one of them.

use crate::plan::{FunctionId, Program, ReplacementTarget, StatementKind};

use super::inline_constants::{may_be_replaced, replaced, result};

pub(super) fn run(program: &mut Program) {
    let targets: Vec<ReplacementTarget> = replaced(program).cloned().collect();
    loop {
        let ids = (0..).map(FunctionId);
        let dead = ids.zip(&program.functions).map(|(id, function)| {
            let known = function.parameters == 0 && !may_be_replaced(id, function, &targets);
            known && result(function).is_some_and(|word| word.is_absent())
        });
        let dead: Vec<bool> = dead.collect();
        let mut changed = false;
        for function in &mut program.functions {
            function.body.each_statement_mut(&mut |statement| {
                if matches!(&statement.kind, StatementKind::Call { function, .. } if dead[function.index()]) {
                    statement.kind = StatementKind::Fail;
                    changed = true;
                }
            });
        }
        if !changed {
            return;
        }
    }
}
