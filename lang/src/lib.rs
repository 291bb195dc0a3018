//! The hpol policy language: source text to typed tree. Pure: no IO, no clock, no threads.
#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
pub mod format;
pub mod parse;
pub mod source;
pub mod typed;
pub mod types;
pub mod value;
