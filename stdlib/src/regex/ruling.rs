//! What machine code needs to know of a pattern that a policy matches, to tell of most texts that they have no match.

use super::{CHUNK_BYTES, compile, pattern_units};

/// Most places that are looked at: a pattern with more of them is mostly not ruled out.
const PLACES_MAX: usize = 16;

/// A pattern, as far as it takes to rule it out by the fingerprint of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The work of a match, besides that for the text.
    pub units: u64,
    /// The work for each [`Ruling::CHUNK_BYTES`] of the text, and for what is left of it.
    pub chunk_units: u64,
    /// Places in a fingerprint, of 32 bits each: where a text has none of them, there is no match.
    pub places: Vec<u32>,
}

impl Ruling {
    /// So many bytes of a text cost so much.
    pub const CHUNK_BYTES: usize = CHUNK_BYTES;

    /// That of a pattern; `None` if it is none, or requires nothing that one could look for.
    pub fn of(pattern: &str) -> Option<Self> {
        let compiled = compile(pattern).ok()?;
        let places: Vec<u32> = compiled.required.as_ref()?.beginnings().map(|gram| gram.place()).collect();
        let number = |number: usize| u64::try_from(number).ok();
        let (units, chunk_units) = (number(pattern_units(pattern.len()))?, number(compiled.fuel_per_chunk)?);
        (1..=PLACES_MAX).contains(&places.len()).then_some(Self { units, chunk_units, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_requires_something_can_be_ruled_out() {
        let ruling = Ruling::of(r"(?i)\b(grant|revoke)\s+\w+\s+on\b").expect("it requires one of two");
        assert_eq!((ruling.places.len(), ruling.units, ruling.chunk_units), (2, 9, 1));
        assert_eq!(Ruling::of("[a-z]+"), None);
        assert_eq!(Ruling::of("("), None);
    }
}
