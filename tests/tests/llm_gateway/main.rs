//! The gateway as its users meet it: the real binary between the real SDKs, a provider, and an OIDC provider.
//!
//! Each test has a gateway with a policy repository and an audit log of its own. The two providers are shared, so a
//! prompt ends with a word that stands in no other test. What happened is read in three places: what the client
//! printed, what the provider was asked, and the audit log.
#![forbid(unsafe_code)]

mod answers;
mod approvals;
mod gateway;
mod history;
mod http;
mod identity;
mod input;
mod oidc;
mod policies;
mod process;
mod provider;
mod repository;
mod upstreams;
