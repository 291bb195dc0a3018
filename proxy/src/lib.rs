//! Gateway that carries out hpol decisions in the data path.
#![forbid(unsafe_code)]

pub mod config;
pub mod logging;
