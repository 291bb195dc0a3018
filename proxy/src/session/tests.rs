//! The gateway as its clients and upstreams meet it, over real connections, with a real policy and a real store.

mod approvals;
mod decisions;
mod harness;
mod history;
mod hygiene;
mod limits;
mod streams;
