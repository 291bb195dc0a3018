//! Readers that put an input straight into slots: what is not looked at is checked and passed over.
//!
//! The reference is `parse_json`, then `validate`, then a walk along each path of the [`Projection`]. A reader accepts
//! only what the reference accepts, and puts the same values into the slots. Where it can't tell, or not quickly, it
//! declines: then the reference decides, and says what is wrong.
//!
//! ```
//! use hpol_lang::types::Type;
//! use hpol_lang::value::JsonLimits;
//! use hpol_stdlib::heap::Heap;
//! use hpol_stdlib::read::{Projection, Reader, Shape};
//!
//! let mut projection = Projection::default();
//! projection.at(["user"]).slot = Some(0);
//! let shape = Shape::new(&Type::map(Type::String), &projection);
//!
//! let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
//! reader.read_json(r#"{"user": "ada", "team": "red"}"#, &shape, JsonLimits::default(), &mut heap, &mut slots)?;
//! assert_eq!(slots.first().and_then(|word| heap.as_str(*word)), Some("ada"));
//! # Ok::<(), hpol_stdlib::read::Declined>(())
//! ```

mod compile;
mod json;
mod projection;
mod shape;
mod typed;
mod value;
mod work;

pub use projection::Projection;
pub use shape::Shape;

use hpol_lang::value::{JsonLimits, Value};
use serde::Serialize;

use crate::heap::{Heap, Word};
use work::{Scratch, Work};

/// The reader leaves an input to the reference: it may be wrong, or only unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the input needs the reference reader")]
pub struct Declined;

/// Reads inputs into slots. It keeps the memory it works with, so that reading allocates nothing once warm.
#[derive(Debug, Default)]
pub struct Reader {
    scratch: Scratch,
}

impl Reader {
    /// Reads JSON text. The slots are emptied first; if the reader declines, they hold nothing of use.
    ///
    /// # Errors
    ///
    /// [`Declined`], for everything that `parse_json` and `validate` would refuse, and more.
    #[inline]
    pub fn read_json(
        &mut self,
        text: &str,
        shape: &Shape,
        limits: JsonLimits,
        heap: &mut Heap,
        slots: &mut Vec<Word>,
    ) -> Result<(), Declined> {
        if text.len() > limits.bytes_max {
            return Err(Declined);
        }
        let mut work = Work::start(shape, heap, slots, &mut self.scratch);
        json::read(text, limits, &mut work)?;
        work.finish()
    }

    /// Reads a Rust value, in the forms of [`hpol_lang::value::to_value`].
    ///
    /// # Errors
    ///
    /// [`Declined`], for everything that `to_value` and `validate` would refuse, and more.
    ///
    /// ```
    /// use hpol_lang::types::Type;
    /// use hpol_stdlib::heap::Heap;
    /// use hpol_stdlib::read::{Projection, Reader, Shape};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Request<'r> {
    ///     user: &'r str,
    ///     team: Option<&'r str>,
    /// }
    ///
    /// let mut projection = Projection::default();
    /// projection.at(["team"]).slot = Some(0);
    /// let shape = Shape::new(&Type::map(Type::String), &projection);
    /// let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    /// reader.read_typed(&Request { user: "ada", team: None }, &shape, &mut heap, &mut slots)?;
    /// assert!(slots.iter().all(|word| word.is_absent()));
    /// # Ok::<(), hpol_stdlib::read::Declined>(())
    /// ```
    pub fn read_typed<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        shape: &Shape,
        heap: &mut Heap,
        slots: &mut Vec<Word>,
    ) -> Result<(), Declined> {
        let mut work = Work::start(shape, heap, slots, &mut self.scratch);
        typed::read(value, &mut work)?;
        work.finish()
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// [`Declined`], for everything that `validate` would refuse, and more.
    pub fn read_value(
        &mut self,
        value: &Value,
        shape: &Shape,
        heap: &mut Heap,
        slots: &mut Vec<Word>,
    ) -> Result<(), Declined> {
        let mut work = Work::start(shape, heap, slots, &mut self.scratch);
        work.value(shape.root, value, 0)?;
        work.finish()
    }
}

#[cfg(test)]
mod tests;
