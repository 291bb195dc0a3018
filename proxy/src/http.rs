//! Plain HTTP: hygiene of what comes in, encodings of bodies, masks of bodies.

pub mod codec;
pub mod enforce;
pub mod framing;
pub mod message;
