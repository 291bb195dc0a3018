//! How loading and asking fail. Deciding does not fail: see [`crate::decision::EvaluationError`].

use std::sync::Arc;

use hpol_lang::diagnostic::DiagnosticReport;
use hpol_lang::types::Mismatch;
use serde::Serialize;

use crate::decision::EvaluationError;

/// Stable codes of [`EvaluationError`] beside those of [`hpol_compiler::context::codes`].
pub mod code {
    pub use hpol_compiler::context::codes::{
        BUILTIN, CONFLICT, DEPTH, FUEL, INTERNAL, MEMORY, OVERFLOW, STATE, TIME, TYPE, VALUE,
    };

    /// No policy has been loaded yet.
    pub const POLICY_NOT_LOADED: &str = "policy_not_loaded";
    /// The input has not the type that a package declares.
    pub const INPUT_INVALID: &str = "input_invalid";
}

/// A policy was refused; the engine stays with what it had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .rejection.message)]
pub struct LoadError {
    /// What was refused and why.
    pub rejection: Box<Rejection>,
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

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No policy has been loaded yet.
    #[error("no policy is loaded")]
    NotLoaded,
    /// The policy can't be compiled for what is asked, though it can be as such.
    #[error("{message}")]
    NotCompiled {
        /// Why.
        message: String,
    },
    /// The path is none.
    #[error("`{path}` is not a path: write `data.package.rule`")]
    Path {
        /// As given.
        path: String,
    },
    /// Nothing stands there.
    #[error("there is no rule or document at `{path}`")]
    Unknown {
        /// As given.
        path: String,
    },
    /// It is a function.
    #[error("`{path}` is a function: ask for a rule that calls it")]
    Function {
        /// Its path.
        path: String,
    },
    /// The input has not the type that the package declares.
    #[error("input: {message}")]
    Input {
        /// What does not fit.
        message: String,
    },
    /// The evaluation failed.
    #[error("{}: {}", .0.code, .0.message)]
    Evaluation(EvaluationError),
}

impl QueryError {
    pub(crate) fn input(mismatches: &[Mismatch]) -> Self {
        let messages: Vec<String> = mismatches.iter().take(5).map(Mismatch::to_string).collect();
        Self::Input { message: messages.join("; ") }
    }
}
