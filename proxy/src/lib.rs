//! Gateway that carries out hpol decisions in the data path.
#![forbid(unsafe_code)]

pub mod admin;
pub mod approvals;
pub mod clock;
pub mod config;
pub mod http;
pub mod identity;
pub mod llm;
pub mod logging;
pub mod mask;
pub mod metrics;
pub mod policy;
pub mod record;
pub mod store;

#[cfg(test)]
mod testing;
