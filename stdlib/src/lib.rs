//! Builtins, detectors and target types of the hpol policy language.
#![forbid(unsafe_code)]

pub mod builtin;
pub mod detect;
pub mod heap;
pub mod known;
pub mod read;
pub mod reference;
pub mod state;

mod arguments;
mod caches;
mod environment;
mod table;
mod targets;

mod aggregates;
mod annotations;
mod arrays;
mod bits;
mod casts;
mod crypto;
mod detection;
mod encoding;
mod glob;
mod graph;
mod json;
mod jwt;
mod net;
mod numbers;
mod objects;
mod operators;
mod outside;
mod regex;
mod semver;
mod sets;
mod sprintf;
mod strings;
mod time;
mod trace;
mod types;
mod units;
mod url;
mod uuid;
pub mod yaml;

pub use caches::{FILTERED_MIN, KnownMatch};
pub use environment::environment;
pub use regex::Ruling;
pub use table::{BUILTINS, GROUPS, Group, find_builtin};
