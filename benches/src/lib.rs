//! What hpol's speed is measured with: policies in every form, engines that decide them, and a clock that counts only the
//! thread's own time.
//!
//! A [`policy::Case`] is one policy with its requests; an [`engine::Runner`] is one engine that has loaded it. Every engine
//! must give the [`answer::Answer`] that the others give, before anything is timed.
#![forbid(unsafe_code)]

pub mod answer;
pub mod compare;
pub mod engine;
pub mod error;
pub mod growth;
pub mod guard;
pub mod loading;
pub mod measure;
pub mod policy;
pub mod table;
