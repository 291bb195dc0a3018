//! Tests of the whole compiler: source text to plan to machine code.

mod decisions;
mod machine_code;
mod support;
