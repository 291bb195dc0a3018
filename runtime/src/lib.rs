//! Embeddable evaluator of hpol policies.
#![forbid(unsafe_code)]

pub mod decision;
