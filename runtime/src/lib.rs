//! Embeddable evaluator of hpol policies.
//!
//! An [`Engine`] holds the current generation of the policies and answers requests from any number of threads.
//! It answers always: without a policy, past a limit or after an error the answer is a deny that says so.
//!
//! ```
//! use hpol_runtime::{Effect, Engine, EngineOptions, Input};
//! use hpol_lang::value::Value;
//!
//! let engine = Engine::new(EngineOptions::default());
//! let decision = engine.decide(&Input::new("llm.Request", Value::Null));
//! assert_eq!(decision.effect, Effect::Deny);
//! assert_eq!(&*decision.errors[0].code, "policy_not_loaded");
//! ```
#![forbid(unsafe_code)]

mod build;
pub mod capabilities;
mod code;
mod combine;
pub mod coverage;
pub mod decision;
mod draw;
pub mod engine;
pub mod error;
mod evaluate;
pub mod evaluator;
pub mod explain;
mod guard;
pub mod input;
mod inputs;
pub mod inspect;
pub mod interpret;
pub mod limits;
pub mod mutate;
mod query;
pub mod repl;
mod snapshot;
pub mod source;
pub mod state;
pub mod test;

#[cfg(test)]
mod test_support;

pub use build::{check, check_with};
pub use capabilities::Capabilities;
pub use decision::{Decision, Effect};
pub use engine::{CodeReady, CodeState, CounterInfo, Engine, EngineKind, EngineOptions, PackageInfo, Status};
pub use evaluator::{Evaluator, Ruling, RulingRule};
pub use hpol_compiler::Pass;
pub use hpol_lang::source::Location;
pub use hpol_lang::value::Value;
pub use input::Input;
pub use limits::Limits;

/// The program of the page for embedders, which so is known to run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
#[derive(Debug)]
pub struct Embedding;
