//! How loading and asking fail. Deciding does not fail: see [`crate::decision::EvaluationError`].

use std::sync::Arc;

use hpol_lang::diagnostic::DiagnosticReport;
use serde::Serialize;

/// Stable codes of [`crate::decision::EvaluationError`].
pub mod code {
    /// No policy has been loaded yet.
    pub const POLICY_NOT_LOADED: &str = "policy_not_loaded";
    /// The evaluation did more work than [`crate::Limits::fuel`].
    pub const LIMIT_FUEL: &str = "limit_fuel";
    /// Rules were nested deeper than [`crate::Limits::depth`].
    pub const LIMIT_DEPTH: &str = "limit_depth";
    /// Values took more than [`crate::Limits::memory_bytes`], or one was nested too deeply or had too many parts.
    pub const LIMIT_MEMORY: &str = "limit_memory";
    /// The evaluation took longer than [`crate::Limits::time`].
    pub const LIMIT_TIME: &str = "limit_time";
}

/// A policy that was refused, as data.
#[derive(Debug, Clone, Serialize)]
pub struct Rejection {
    /// The revision that was refused.
    pub revision: Arc<str>,
    /// Everything that is wrong, rendered for people.
    pub message: String,
    /// The findings, where the compiler made some.
    pub diagnostics: Vec<DiagnosticReport>,
    /// When, in nanoseconds since 1970.
    pub at_nanoseconds: i64,
}
