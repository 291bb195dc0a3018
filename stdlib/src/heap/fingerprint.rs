//! Which three bytes stand one after another in a text, to rule out that it contains something.
//!
//! A fingerprint is made once for a text and a decision, and asked for many patterns. It can say that a text holds what it does
//! not hold, but never the other way round.

use super::{Heap, Word};

/// Texts of an evaluation whose fingerprints are kept; those whose words stand this far apart share a place.
const SLOTS: usize = 16;
/// Longest text that has one, in bytes: a longer one holds nearly everything.
const TEXT_BYTES_MAX: usize = 32 << 10;
/// Bits of a fingerprint, as powers of two.
const BITS_MIN: u32 = 9;
const BITS_MAX: u32 = 16;
/// Bits for each byte of the text, as a power of two.
const BITS_PER_BYTE: u32 = 3;
/// Set in every byte, so that the two cases of a letter are one.
const FOLD: u32 = 0x20_2020;

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

    /// Which bit of a fingerprint stands for it; the upper bits of the product depend on all of its three bytes, and on no
    /// fourth.
    #[inline]
    fn bit(self, shift: u32) -> u32 {
        self.0.wrapping_mul(0x3779_B100) >> shift
    }
}

/// What a text may hold.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint {
    bits: Vec<u64>,
    shift: u32,
}

impl Fingerprint {
    /// Makes it that of a text.
    fn fill(&mut self, text: &[u8]) {
        let wanted = u32::try_from(text.len()).unwrap_or(u32::MAX).checked_next_power_of_two().map_or(31, u32::ilog2);
        let bits = (wanted + BITS_PER_BYTE).clamp(BITS_MIN, BITS_MAX);
        self.shift = u32::BITS - bits;
        self.bits.clear();
        self.bits.resize(1 << (bits - u64::BITS.ilog2()), 0);
        let Self { bits, shift } = self;
        let mut set = |gram: Gram| {
            let bit = gram.bit(*shift);
            if let Some(word) = bits.get_mut((bit / u64::BITS) as usize) {
                *word |= 1 << (bit % u64::BITS);
            }
        };
        // Four bytes are read at once, of which the last does not count.
        for window in text.windows(GRAM_BYTES + 1) {
            if let Ok(four) = window.try_into() {
                set(Gram(u32::from_le_bytes(four) | FOLD));
            }
        }
        Gram::all(text.last_chunk::<GRAM_BYTES>().map_or(&[], |last| last)).for_each(set);
    }

    /// Whether the three bytes may stand in the text.
    #[inline]
    pub(crate) fn may_hold(&self, gram: Gram) -> bool {
        let bit = gram.bit(self.shift);
        self.bits.get((bit / u64::BITS) as usize).is_none_or(|word| word & 1 << (bit % u64::BITS) != 0)
    }
}

/// The fingerprints of an evaluation.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    slots: Vec<(Word, Fingerprint)>,
    /// Which slots are of this evaluation, a bit each.
    current: u32,
}

impl Fingerprints {
    /// Forgets those of the evaluation before.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.current = 0;
    }
}

impl Heap {
    /// The fingerprint of a text; `None` if it is too long for one.
    #[inline]
    pub(crate) fn fingerprint(&mut self, word: Word) -> Option<&Fingerprint> {
        let at = word.index() % SLOTS;
        let Fingerprints { slots, current } = &self.fingerprints;
        let known = current & 1 << at != 0 && slots.get(at).is_some_and(|slot| slot.0 == word);
        if !known && !self.make_fingerprint(word, at) {
            return None;
        }
        self.fingerprints.slots.get(at).map(|slot| &slot.1)
    }

    fn make_fingerprint(&mut self, word: Word, at: usize) -> bool {
        let mut fingerprints = std::mem::take(&mut self.fingerprints);
        if fingerprints.slots.is_empty() {
            fingerprints.slots.resize_with(SLOTS, || (Word::ABSENT, Fingerprint::default()));
        }
        let text = self.as_str(word).filter(|text| text.len() <= TEXT_BYTES_MAX);
        if let (Some(text), Some(slot)) = (text, fingerprints.slots.get_mut(at)) {
            slot.0 = word;
            slot.1.fill(text.as_bytes());
            fingerprints.current |= 1 << at;
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
