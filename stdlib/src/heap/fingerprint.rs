//! Which three bytes stand one after another in a text, to rule out that it contains something.
//!
//! A fingerprint is made once for a text and a decision, and asked for many patterns. It can say that a text holds what it does
//! not hold, but never the other way round.

use std::mem::offset_of;

use super::{Heap, Word};

/// Texts of an evaluation whose fingerprints are kept; those whose words stand this far apart share a place.
const SLOTS: usize = 16;
/// Longest text that has one, in bytes: a longer one holds nearly everything.
const TEXT_BYTES_MAX: usize = 32 << 10;
/// Places of a fingerprint, as powers of two.
const PLACES_MIN: u32 = 9;
const PLACES_MAX: u32 = 16;
/// Places for each byte of the text, as a power of two.
const PLACES_PER_BYTE: u32 = 3;
/// Set in every byte, so that the two cases of a letter are one.
const FOLD: u32 = 0x20_2020;
/// The same for eight bytes.
const FOLD_EIGHT: u64 = u64::from_ne_bytes([0x20; 8]);

/// Bytes of a [`Gram`].
pub(crate) const GRAM_BYTES: usize = 3;

/// Three bytes, without regard to the case of ASCII letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gram(u32);

impl Gram {
    #[inline]
    fn of(first: u8, second: u8, third: u8) -> Self {
        Self(u32::from_le_bytes([first, second, third, 0]) | FOLD)
    }

    /// All that stand in some bytes, in order.
    pub(crate) fn all(bytes: &[u8]) -> impl Iterator<Item = Self> {
        bytes.windows(GRAM_BYTES).filter_map(|window| match *window {
            [first, second, third] => Some(Self::of(first, second, third)),
            _ => None,
        })
    }

    /// Its place among as many as there could be, of which a fingerprint takes the upper bits; these depend on all of its three bytes,
    /// and on no fourth.
    #[inline]
    pub(crate) fn place(self) -> u32 {
        self.0.wrapping_mul(0x3779_B100)
    }
}

/// What a text may hold.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint {
    /// For each place whether some three bytes of the text stand for it: bytes, because single bits take longer to set.
    places: Vec<u8>,
    shift: u32,
}

impl Fingerprint {
    /// Makes it that of a text.
    fn fill(&mut self, text: &[u8]) {
        let wanted = u32::try_from(text.len()).unwrap_or(u32::MAX).checked_next_power_of_two().map_or(31, u32::ilog2);
        let power = (wanted + PLACES_PER_BYTE).clamp(PLACES_MIN, PLACES_MAX);
        self.shift = u32::BITS - power;
        self.places.clear();
        self.places.resize(1 << power, 0);
        let places = self.places.as_mut_slice();
        // For each number of places that there is code of its own, which need not ask whether a place is within.
        match power {
            ..=9 => fill::<9, { 1 << 9 }>(places, text),
            10 => fill::<10, { 1 << 10 }>(places, text),
            11 => fill::<11, { 1 << 11 }>(places, text),
            12 => fill::<12, { 1 << 12 }>(places, text),
            13 => fill::<13, { 1 << 13 }>(places, text),
            14 => fill::<14, { 1 << 14 }>(places, text),
            15 => fill::<15, { 1 << 15 }>(places, text),
            16.. => fill::<16, { 1 << 16 }>(places, text),
        }
    }

    /// Whether the three bytes may stand in the text.
    #[inline]
    pub(crate) fn may_hold(&self, gram: Gram) -> bool {
        self.places.get((gram.place() >> self.shift) as usize).is_none_or(|held| *held != 0)
    }
}

const _: () = assert!(PLACES_MIN == 9 && PLACES_MAX == 16);

/// Sets the places of a text's bytes, of which there are 2 to the power.
fn fill<const POWER: u32, const PLACES: usize>(places: &mut [u8], text: &[u8]) {
    let Ok(places) = <&mut [u8; PLACES]>::try_from(places) else { return };
    let mut set = |gram: Gram| {
        if let Some(held) = places.get_mut((gram.place() >> (u32::BITS - POWER)) as usize) {
            *held = 1;
        }
    };
    let mut rest = text;
    // In eight bytes stand six times three; what is above those does not count.
    while let Some(eight) = rest.first_chunk() {
        let eight = u64::from_le_bytes(*eight) | FOLD_EIGHT;
        for at in 0..6 {
            let [first, second, third, fourth, ..] = (eight >> (8 * at)).to_le_bytes();
            set(Gram(u32::from_le_bytes([first, second, third, fourth])));
        }
        rest = rest.get(6..).unwrap_or_default();
    }
    Gram::all(rest).for_each(set);
}

/// Where a fingerprint of an evaluation stands, for code that reads it by address. That of a text, if it has one, stands at the place that
/// the index of its word leaves as a remainder by [`Prints::SLOTS`].
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Print {
    /// The text's word; absent where there is none.
    word: u64,
    /// Address of the places, a byte each that is 0 or 1, of which there are as many as an upper part of 32 bits can name.
    places: usize,
    /// By how much a place of 32 bits is shifted to the right to name one of them.
    shift: u64,
}

/// What code needs to know of fingerprints to read them.
#[derive(Debug, Clone, Copy)]
pub struct Prints;

impl Print {
    const NONE: Self = Self { word: Word::ABSENT.bits(), places: 0, shift: 0 };

    /// Where the word stands, in bytes; no text has the word that stands where there is no fingerprint.
    pub const WORD: usize = offset_of!(Print, word);
    /// Where the address of the places stands.
    pub const PLACES: usize = offset_of!(Print, places);
    /// Where the shift stands; it has 64 bits.
    pub const SHIFT: usize = offset_of!(Print, shift);
}

impl Prints {
    /// How many there are at most, a power of two.
    pub const SLOTS: usize = SLOTS;

    /// Which of them is a text's.
    fn slot(word: Word) -> usize {
        word.index() % SLOTS
    }
}

/// Where no fingerprint was made yet.
static NONE: [Print; SLOTS] = [Print::NONE; SLOTS];

/// The fingerprints of an evaluation.
#[derive(Debug)]
pub(super) struct Fingerprints {
    /// Address of what is said of them: of `said`, once there are some.
    address: usize,
    said: Option<Box<[Print; SLOTS]>>,
    prints: Vec<Fingerprint>,
    /// Which are of this evaluation, a bit each.
    current: u32,
}

impl Default for Fingerprints {
    fn default() -> Self {
        let address = NONE.as_ptr().expose_provenance();
        Self { address, said: None, prints: Vec::new(), current: 0 }
    }
}

impl Fingerprints {
    /// Where their address stands, in bytes.
    pub(super) const ADDRESS: usize = offset_of!(Fingerprints, address);

    /// Forgets those of the evaluation before.
    #[inline]
    pub(super) fn forget(&mut self) {
        while self.current != 0 {
            let at = self.current.trailing_zeros() as usize;
            if let Some(said) = self.said.as_mut().and_then(|said| said.get_mut(at)) {
                *said = Print::NONE;
            }
            self.current &= self.current - 1;
        }
    }

    fn is_known(&self, word: Word, at: usize) -> bool {
        self.said.as_ref().and_then(|said| said.get(at)).is_some_and(|said| said.word == word.bits())
    }

    /// Makes that of a text.
    fn make(&mut self, word: Word, at: usize, text: &str) {
        if self.prints.is_empty() {
            self.prints.resize_with(SLOTS, Fingerprint::default);
        }
        let said = self.said.get_or_insert_with(|| Box::new([Print::NONE; SLOTS]));
        self.address = said.as_ptr().expose_provenance();
        if let (Some(print), Some(said)) = (self.prints.get_mut(at), said.get_mut(at)) {
            print.fill(text.as_bytes());
            let places = print.places.as_ptr().expose_provenance();
            *said = Print { word: word.bits(), places, shift: u64::from(print.shift) };
            self.current |= 1 << at;
        }
    }
}

impl Heap {
    /// Where stands in a heap, in bytes, the address of what is said of fingerprints: [`Prints::SLOTS`] times a [`Print`].
    pub const PRINTS_OFFSET: usize = offset_of!(Heap, fingerprints) + Fingerprints::ADDRESS;

    /// The fingerprint of a text; `None` if it is too long for one.
    #[inline]
    pub(crate) fn fingerprint(&mut self, word: Word) -> Option<&Fingerprint> {
        let at = Prints::slot(word);
        if !self.fingerprints.is_known(word, at) && !self.make_fingerprint(word) {
            return None;
        }
        self.fingerprints.prints.get(at)
    }

    /// Makes the fingerprint of a text, for code that reads it by address; false if it is too long for one, or is no text.
    pub fn make_fingerprint(&mut self, word: Word) -> bool {
        let mut fingerprints = std::mem::take(&mut self.fingerprints);
        let text = self.as_str(word).filter(|text| text.len() <= TEXT_BYTES_MAX);
        if let Some(text) = text {
            fingerprints.make(word, Prints::slot(word), text);
        }
        let made = text.is_some();
        self.fingerprints = fingerprints;
        made
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_stands_in_a_text_is_never_ruled_out(text in "[a-dA-D é@`]{0,80}", from in 0_usize..80, length in 0_usize..9) {
            let mut heap = Heap::default();
            let word = heap.string(&text).expect("fits");
            let part: String = text.chars().skip(from).take(length).collect();
            let fingerprint = heap.fingerprint(word).expect("short enough");
            for part in [part.to_ascii_lowercase(), part.to_ascii_uppercase(), part] {
                prop_assert!(Gram::all(part.as_bytes()).all(|gram| fingerprint.may_hold(gram)), "{part} in {text}");
            }
        }
    }

    #[test]
    fn what_does_not_stand_there_is_mostly_ruled_out() {
        let mut heap = Heap::default();
        let word = heap.string("SELECT id, total FROM app.orders WHERE customer_id = 17").expect("fits");
        let fingerprint = heap.fingerprint(word).expect("short enough");
        let holds = |part: &str| Gram::all(part.as_bytes()).all(|gram| fingerprint.may_hold(gram));
        assert!(holds("customer_id") && holds("CUSTOMER"));
        for part in ["truncate", "pg_sleep", "information_schema", "outfile"] {
            assert!(!holds(part), "{part}");
        }
    }

    #[test]
    fn texts_of_any_length_hold_all_of_theirs() {
        let text: String = (0..20_000_u32).map(|number| format!("{} ", number.wrapping_mul(0x9E37_79B9))).collect();
        for length in (0..40).chain([63, 64, 65, 127, 128, 1_000, 4_096, 8_191, 8_192, 30_000, TEXT_BYTES_MAX]) {
            let mut heap = Heap::default();
            let part = text.get(..length).expect("it is longer, and all ASCII");
            let word = heap.string(part).expect("fits");
            let print = heap.fingerprint(word).expect("short enough");
            assert!(Gram::all(part.as_bytes()).all(|gram| print.may_hold(gram)), "{length}");
            let held = print.places.iter().filter(|held| **held != 0).count();
            assert!(held <= length.saturating_sub(2), "{held} of {length}");
        }
    }

    #[test]
    fn what_is_said_of_them_is_where_they_are() {
        let mut heap = Heap::default();
        let mark = heap.mark();
        let word = heap.string("abcdef").expect("fits");
        assert!(heap.make_fingerprint(word));
        let Fingerprints { address, said, prints, .. } = &heap.fingerprints;
        let said = said.as_ref().expect("there is one");
        assert_eq!(*address, said.as_ptr().addr());
        let (at, print) = (Prints::slot(word), &prints[Prints::slot(word)]);
        assert_eq!((said[at].word, said[at].places), (word.bits(), print.places.as_ptr().addr()));
        assert_eq!(print.places.len() as u64, 1 << (32 - said[at].shift), "any place is within");
        heap.truncate(mark);
        let said = heap.fingerprints.said.as_ref().expect("it is kept");
        assert!(said.iter().all(|said| said.word == Word::ABSENT.bits()));
        assert!(!heap.make_fingerprint(Word::NULL));
    }

    #[test]
    fn a_word_of_another_evaluation_has_its_own() {
        let mut heap = Heap::default();
        let mark = heap.mark();
        let first = heap.string("abcdef").expect("fits");
        let gram = Gram::all(b"cde").next().expect("three bytes");
        assert_eq!(heap.fingerprint(first).map(|print| print.may_hold(gram)), Some(true));
        heap.truncate(mark);
        let second = heap.string("uvwxyz").expect("fits");
        assert_eq!(first, second, "the words are the same");
        assert_eq!(heap.fingerprint(second).map(|print| print.may_hold(gram)), Some(false));
        let long = heap.string(&"x".repeat(TEXT_BYTES_MAX + 1)).expect("fits");
        assert!(heap.fingerprint(long).is_none());
        assert!(heap.fingerprint(Word::NULL).is_none());
    }
}
