//! Typed hpol programs to plans and machine code.
// A pass or an engine that forgets a form of the plan is a hole, so no match here has a catch-all arm.
#![warn(clippy::wildcard_enum_match_arm)]

use hpol_lang::typed;

pub mod context;
pub mod jit;
mod limits;
mod lower;
pub mod machine;
pub mod ops;
pub mod plan;
pub mod verify;

pub use lower::CompileError;

/// How a program is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether errors of builtins stop an evaluation in the Rego profile too.
    pub strict_builtin_errors: bool,
}

/// Compiles a checked program to a plan.
///
/// # Errors
///
/// [`CompileError`] if the program is too large or too deeply nested in some way.
pub fn compile(program: &typed::Program, options: &Options) -> Result<plan::Program, CompileError> {
    let plan = lower::lower(program, options)?;
    verify::verify(&plan)?;
    limits::check(&plan)?;
    Ok(plan)
}
