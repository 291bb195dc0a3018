//! Builtins, detectors and target types of the hpol policy language.
#![forbid(unsafe_code)]

pub mod builtin;
pub mod heap;

mod arguments;
mod caches;
mod environment;
mod table;
mod targets;

mod aggregates;
mod arrays;
mod bits;
mod casts;
mod glob;
mod numbers;
mod objects;
mod operators;
mod regex;
mod sets;
mod sprintf;
mod strings;
mod types;

pub use environment::environment;
pub use table::{BUILTINS, find_builtin};
