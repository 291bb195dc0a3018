//! Typed hpol programs to plans and machine code.
// A pass or an engine that forgets a form of the plan is a hole, so no match here has a catch-all arm.
#![warn(clippy::wildcard_enum_match_arm)]

use hpol_lang::typed;

pub mod context;
pub mod index;
pub mod jit;
mod limits;
mod lower;
pub mod machine;
pub mod ops;
mod optimise;
pub mod plan;
pub mod verify;

pub use lower::CompileError;

pub use optimise::Pass;

/// How a program is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether errors of builtins stop an evaluation in the Rego profile too.
    pub strict_builtin_errors: bool,
    /// Passes that improve the plan; they run in the order of [`Pass::ALL`], whatever their order here.
    pub passes: Vec<Pass>,
    /// Whether the plan tells how each condition of the policies comes out; tests are left out.
    pub mark_conditions: bool,
}

impl Default for Options {
    /// Errors as Rego has them, and all passes.
    fn default() -> Self {
        Self { strict_builtin_errors: false, passes: Pass::ALL.to_vec(), mark_conditions: false }
    }
}

impl Options {
    /// No passes: the plan as it was lowered.
    pub fn none() -> Self {
        Self { passes: Vec::new(), ..Self::default() }
    }

    /// Everything in the order of the text, as it was lowered; but what a rule found is kept, so that a limit is not met where a
    /// plan with all passes would not meet it.
    pub fn in_order_of_text() -> Self {
        Self { passes: vec![Pass::Memo], ..Self::default() }
    }

    /// All passes but this one.
    #[must_use]
    pub fn without(mut self, pass: Pass) -> Self {
        self.passes.retain(|other| *other != pass);
        self
    }
}

/// Compiles a checked program to a plan.
///
/// # Errors
///
/// [`CompileError`] if the program is too large or too deeply nested in some way.
pub fn compile(program: &typed::Program, options: &Options) -> Result<plan::Program, CompileError> {
    compile_by(program, options, None)
}

/// As [`compile`], with an engine for rules that can be evaluated now because they depend on nothing but base documents.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_with(
    program: &typed::Program,
    options: &Options,
    machine: &dyn machine::Machine,
) -> Result<plan::Program, CompileError> {
    compile_by(program, options, Some(machine))
}

fn compile_by(
    program: &typed::Program,
    options: &Options,
    machine: Option<&dyn machine::Machine>,
) -> Result<plan::Program, CompileError> {
    let mut plan = lower::lower(program, options)?;
    verify::verify(&plan)?;
    limits::check(&plan)?;
    optimise::optimise(&mut plan, &options.passes, machine)?;
    Ok(plan)
}
