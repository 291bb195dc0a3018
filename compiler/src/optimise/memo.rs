//! What a rule without parameters found is kept for the rest of the evaluation: its value, that it has none, and what was absent.
//!
//! ```text
//! function data.p.admins() -> r0 {   →   function data.p.admins() -> r0 memo 0 {
//! ```
//!
//! It goes first: rules that are evaluated when a policy is loaded, and rules that others take in, are asked as often.

use crate::plan::{Origin, Program};

pub(super) fn run(program: &mut Program) {
    for function in &mut program.functions {
        if function.parameters == 0 && matches!(function.origin, Origin::Rule(_)) {
            function.memo = Some(program.memo_slots);
            program.memo_slots += 1;
        }
    }
}
