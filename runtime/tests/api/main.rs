//! The public API, used as a host uses it.

mod common;
mod decide;
mod explain;
mod policy_tests;
