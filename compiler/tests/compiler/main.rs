//! Tests of the whole compiler: source text to plan to machine code.

mod code_memory;
mod decisions;
mod index;
mod indexes;
mod joins;
mod machine_code;
mod numbers;
mod patterns;
mod plans;
mod reading;
mod screen;
mod support;
