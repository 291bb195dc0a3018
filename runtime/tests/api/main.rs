//! The public API, used as a host uses it.

mod common;
mod convert;
mod coverage;
mod decide;
mod evaluator;
mod examples;
mod explain;
mod mutants;
mod policy_properties;
mod policy_tests;
mod properties;
mod repl;
