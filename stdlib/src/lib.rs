//! Builtins, detectors and target types of the hpol policy language.
#![forbid(unsafe_code)]

pub mod builtin;
pub mod heap;
