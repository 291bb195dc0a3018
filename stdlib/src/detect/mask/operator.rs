//! What can be done to a value.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::detect::Kind;

/// Bytes of a hash that are shown, each as two hexadecimal digits.
const HASH_BYTES: usize = 8;

/// What is done to a value, from the weakest to the strongest: of two that fall on the same text the greater one wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// Letters and digits become `*`, save the last so many characters. A value of no more characters than that is starred
    /// as a whole.
    Last(u32),
    /// The value becomes a keyed hash of itself, in 16 hexadecimal digits: the same value, the same hash.
    Hash,
    /// The value becomes its kind in brackets, such as `[credit_card]`.
    Redact,
    /// The value becomes this text.
    Constant(String),
    /// The value is taken out.
    Drop,
}

impl Operator {
    /// Applies the operator to a value that has no kind, such as a field of a JSON body. `None` means that the value goes.
    pub fn apply(&self, value: &str, key: &HashKey) -> Option<String> {
        match self {
            Operator::Last(count) => Some(last(value, *count)),
            Operator::Hash => Some(key.hash(value.as_bytes())),
            Operator::Redact => Some("[redacted]".to_owned()),
            Operator::Constant(text) => Some(text.clone()),
            Operator::Drop => None,
        }
    }

    /// Applies the operator to a finding. What is too long to be held back is redacted where its end would have to be known.
    pub(crate) fn replace(&self, value: &[u8], is_cut: bool, kind: Kind, key: &HashKey, output: &mut Vec<u8>) {
        match self {
            Operator::Last(count) if !is_cut => output.extend(last(&String::from_utf8_lossy(value), *count).bytes()),
            Operator::Hash if !is_cut => output.extend(key.hash(value).bytes()),
            Operator::Last(_) | Operator::Hash | Operator::Redact => {
                output.push(b'[');
                output.extend(kind.name().bytes());
                output.push(b']');
            }
            Operator::Constant(text) => output.extend(text.bytes()),
            Operator::Drop => {}
        }
    }

    /// Strength, and for `last` how little it keeps.
    fn rank(&self) -> (u8, u32, &str) {
        match self {
            Operator::Last(count) => (0, u32::MAX - count, ""),
            Operator::Hash => (1, 0, ""),
            Operator::Redact => (2, 0, ""),
            Operator::Constant(text) => (3, 0, text),
            Operator::Drop => (4, 0, ""),
        }
    }
}

impl PartialOrd for Operator {
    fn partial_cmp(&self, other: &Operator) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Operator {
    fn cmp(&self, other: &Operator) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

fn last(value: &str, count: u32) -> String {
    let characters = value.chars().count();
    let kept = usize::try_from(count).unwrap_or(usize::MAX);
    let stars = if kept >= characters { characters } else { characters - kept };
    value
        .chars()
        .enumerate()
        .map(|(index, character)| if index < stars { star(character) } else { character })
        .collect()
}

/// Punctuation and spaces of ASCII show the form of a value; anything else is a part of it.
pub(crate) fn star(character: char) -> char {
    if character.is_ascii_punctuation() || character.is_ascii_whitespace() { character } else { '*' }
}

/// The key of the hash operator. Whoever has it can test guesses against hashes.
#[derive(Clone)]
pub struct HashKey {
    mac: Hmac<Sha256>,
}

impl HashKey {
    /// A key of any length; 32 random bytes are best.
    pub fn new(key: &[u8]) -> HashKey {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
        HashKey { mac }
    }

    /// The hash of a value.
    pub fn hash(&self, value: &[u8]) -> String {
        let mut hasher = self.hasher();
        hasher.update(value);
        hasher.finish()
    }

    pub(crate) fn hasher(&self) -> Hasher {
        Hasher { mac: self.mac.clone() }
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashKey")
    }
}

/// A hash in the making.
#[derive(Clone)]
pub(crate) struct Hasher {
    mac: Hmac<Sha256>,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
    }

    pub(crate) fn finish(self) -> String {
        hex::encode(&self.mac.finalize().into_bytes()[..HASH_BYTES])
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_keeps_form_and_end() {
        assert_eq!(last("4111-1111-1111-1234", 4), "****-****-****-1234");
        assert_eq!(last("ann@example.com", 4), "***@*******.com");
        assert_eq!(last("1234", 4), "****");
        assert_eq!(last("12", 4), "**");
        assert_eq!(last("Zoë—7", 1), "****7");
        assert_eq!(last("abc", 0), "***");
    }

    #[test]
    fn operators_by_strength() {
        let constant = Operator::Constant("x".to_owned());
        let ordered =
            [Operator::Last(4), Operator::Last(2), Operator::Hash, Operator::Redact, constant, Operator::Drop];
        assert!(ordered.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn hashes_depend_on_key_and_value() {
        let (one, two) = (HashKey::new(b"one"), HashKey::new(b"two"));
        assert_eq!(one.hash(b"ann@example.com"), one.hash(b"ann@example.com"));
        assert_ne!(one.hash(b"ann@example.com"), two.hash(b"ann@example.com"));
        assert_ne!(one.hash(b"ann@example.com"), one.hash(b"bob@example.com"));
        assert_eq!(one.hash(b"").len(), 16);
        assert_eq!(format!("{one:?}"), "HashKey");
    }
}
