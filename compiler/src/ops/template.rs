//! Text with values put in.

use std::fmt::Write;

use hpol_stdlib::heap::{View, Word};

use crate::context::{Context, Stop};
use crate::plan::PlaceId;

/// What is written for an absent part.
const UNDEFINED: &str = "<undefined>";

impl Context {
    /// Joins the parts: strings as they are, absent ones as `<undefined>`, others in Rego's notation.
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit.
    pub fn template(&mut self, parts: &[Word], place: PlaceId) -> Result<Word, Stop> {
        let mut text = self.heap.take_text();
        for part in parts {
            self.charge_weight(*part, place)?;
            match self.heap.view(*part) {
                View::Absent => text.push_str(UNDEFINED),
                View::String(part) => text.push_str(part),
                // Writing to a string does not fail.
                View::Int(value) => {
                    let _ = write!(text, "{value}");
                }
                View::Null | View::Bool(_) | View::Number(_) | View::Array(_) | View::Object(..) | View::Set(_) => {
                    let _ = write!(text, "{}", self.heap.to_value(*part));
                }
            }
        }
        let made = self.heap.string_from(text);
        self.made(made, place)
    }
}
