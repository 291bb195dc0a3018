//! What this crate's own tests share.

pub(crate) mod repository;
