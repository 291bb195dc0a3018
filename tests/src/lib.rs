//! Tests that cross the crates: one semantic suite on every engine, protocols through their real clients.
#![forbid(unsafe_code)]

pub mod choices;
pub mod conformance;
pub mod engines;
pub mod fuzz;
pub mod parts;
pub mod peer;
pub mod program;
pub mod reading;
