//! Values that are made up: what a `property` is tried on.
//!
//! A value is a function of a list of choices, each a small number. New choices come from a seed, so that a run can be
//! repeated; and a smaller value is found by taking choices away and lowering them, whatever the type is ([`shrink`]). Of
//! everything that can be chosen the simplest stands first, so that a choice of 0 gives it.
//!
//! Values lean towards the [`Constants`] that the policy compares with: a string at random is never `"prod"`.

mod choices;
mod constants;
mod pattern;
mod shrink;
mod value;

pub(crate) use choices::Choices;
pub(crate) use constants::Constants;
pub(crate) use shrink::shrink;
pub(crate) use value::draw;

#[cfg(test)]
mod tests;
