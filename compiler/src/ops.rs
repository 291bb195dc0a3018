//! What statements do with values, the same for both engines.
//!
//! Each operation is a method of [`Context`] named after its statement. [`Word::ABSENT`] as a result means that the statement
//! fails.

use hpol_stdlib::heap::{Kind, Word};

use crate::context::Context;

mod access;
mod arithmetic;
mod builtin;
mod collect;
mod compare;
mod matching;
mod template;
mod text_test;

pub(crate) use access::member;
pub use arithmetic::Failure;
pub(crate) use arithmetic::small_arithmetic;
pub(crate) use collect::Builders;
pub(crate) use compare::compares;
pub(crate) use text_test::TextTest;

impl Context {
    /// Rego's name of a value's type, for messages.
    pub(crate) fn type_name(word: Word) -> &'static str {
        match word.kind() {
            Kind::Absent => "undefined",
            Kind::Null => "null",
            Kind::Bool => "boolean",
            Kind::Int | Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
            Kind::Set => "set",
        }
    }
}
