//! The OpenAI protocol: requests and answers, whole and streamed.

pub(crate) mod chat;
pub mod codec;
pub mod message;
pub(crate) mod responses;
pub mod sse;
pub mod stream;
