//! Bounds on one evaluation. Passing one of them is an error, so a deny.

use std::time::Duration;

pub use hpol_compiler::context::CALL_DEPTH_MAX;

/// Bounds on one evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Units of work: about one for each condition, call and element that is touched. Code `limit_fuel`.
    pub fuel: u64,
    /// Rules that may be under evaluation at a time, one within the other; at most [`CALL_DEPTH_MAX`] count, which is what
    /// fits a stack. Code `limit_depth`.
    pub depth: u32,
    /// Bytes that the values of one evaluation may take. Code `limit_memory`.
    pub memory_bytes: usize,
    /// Time that the evaluation may take, from its first look at the clock, which comes after some thousand units of work. Code
    /// `limit_time`.
    pub time: Duration,
}

impl Default for Limits {
    /// Roomy for a policy that does its work, and short of what a request could be kept waiting for.
    fn default() -> Self {
        Self { fuel: 50_000_000, depth: CALL_DEPTH_MAX, memory_bytes: 64 << 20, time: Duration::from_secs(1) }
    }
}
