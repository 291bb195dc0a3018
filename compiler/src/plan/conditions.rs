//! Conditions as they are written, for coverage.

use hpol_lang::source::Span;

/// A condition as it is written, whose outcomes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrittenCondition {
    /// Its place.
    pub span: Span,
    /// What it can do.
    pub form: ConditionForm,
}

/// What a condition can do; what can do more comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionForm {
    /// Be met or not.
    Test,
    /// Give a variable its value: whether there is one is not what it asks.
    Binding,
    /// It stands for a rule without conditions, which can only be reached.
    Unconditional,
}
