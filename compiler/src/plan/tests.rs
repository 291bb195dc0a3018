//! What the tests of a policy do.

use std::sync::Arc;

use hpol_lang::ast::EffectKeyword;
use hpol_lang::source::Span;
use hpol_lang::types::Type;

use super::{FunctionId, ReplacementTarget};

/// A test. Its variables are kept by whoever runs it: every function of a test has one parameter for each variable, absent where
/// it is not bound yet.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its package.
    pub package: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Names of its variables.
    pub locals: Vec<Arc<str>>,
    /// How often it runs, and what for.
    pub runs: TestRuns,
    /// What must hold, in order.
    pub steps: Vec<TestStep>,
    /// Its place.
    pub span: Span,
}

/// How often a test runs, and what for.
#[derive(Debug, Clone)]
pub enum TestRuns {
    /// Once.
    Once,
    /// For each element of the array that the function yields, which the variable stands for.
    Cases(u32, FunctionId),
    /// For values that are made up, which the variable stands for.
    Drawn {
        /// Stands for the value.
        variable: u32,
        /// What the values are of.
        ty: Type,
        /// How many of the steps are assumptions, which a value must meet to count.
        assumptions: usize,
        /// Places of the assumptions and of the expectation, as written.
        conditions: Vec<Span>,
    },
}

/// A step of a test.
#[derive(Debug, Clone)]
pub enum TestStep {
    /// Something that must hold.
    Condition {
        /// Yields an array with the values of `binds` if it holds.
        function: FunctionId,
        /// The variables it binds for the steps behind it.
        binds: Vec<u32>,
        /// Whether it is an expectation (`expect …`).
        expectation: bool,
        /// Its place.
        span: Span,
    },
    /// `expect package effect …`.
    Decision(Box<Expectation>),
}

/// What a package is expected to decide.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Index into [`packages`](super::Program::packages).
    pub package: u32,
    /// Whether the effect is the one that must not be.
    pub negated: bool,
    /// The effect. `allow` is met by an allow with masks too.
    pub effect: EffectKeyword,
    /// Yields the id of a rule that must have decided.
    pub id: Option<FunctionId>,
    /// Yields a reason that must be given.
    pub because: Option<FunctionId>,
    /// Yields the ids of just the masks that apply.
    pub masks: Option<FunctionId>,
    /// Replacements, in order, each with what yields its value, all evaluated before any takes effect.
    pub with: Vec<(ReplacementTarget, Option<FunctionId>)>,
    /// Its place.
    pub span: Span,
}
