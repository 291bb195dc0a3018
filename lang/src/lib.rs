//! The hpol policy language: source text to typed tree. Pure: no IO, no clock, no threads.
#![forbid(unsafe_code)]

pub mod ast;
pub mod check;
pub mod codes;
pub mod convert;
pub mod dependencies;
pub mod diagnostic;
mod documents;
pub mod format;
pub mod lint;
pub mod load;
mod metadata;
pub mod parse;
mod resolve;
pub mod source;
pub mod typed;
pub mod types;
pub mod value;

pub use resolve::spelling::nearest;
