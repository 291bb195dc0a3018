//! Gateway that carries out hpol decisions in the data path.
#![forbid(unsafe_code)]

pub mod admin;
pub mod approvals;
mod authorize;
mod body;
pub mod clock;
pub mod config;
mod gate;
pub mod gateway;
pub mod history;
pub mod http;
pub mod identity;
mod listener;
pub mod llm;
pub mod logging;
pub mod mask;
pub mod metrics;
pub mod policy;
pub mod record;
pub mod refusal;
mod session;
pub mod store;
pub mod upstream;

#[cfg(test)]
mod testing;
