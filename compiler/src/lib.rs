//! Typed hpol programs to plans and machine code.
// A pass or an engine that forgets a form of the plan is a hole, so no match here has a catch-all arm.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod context;
pub mod machine;
pub mod ops;
pub mod plan;
