//! One record of the audit log, and how it is hashed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;

/// Put in front of what is hashed, so that no other hash of the project can be taken for one of a record.
const DOMAIN: &[u8] = b"hpol audit record 1\n";

/// A SHA-256 hash. Its text form is hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordHash([u8; 32]);

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: 1, 2, 3, … without a gap.
    pub sequence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// What happened: the name of a [`RecordKind`](super::RecordKind).
    pub kind: String,
    /// The request it belongs to.
    pub request_id: Option<String>,
    /// Who asked.
    pub identity: Option<String>,
    /// What was decided: `deny`, `approve`, `mask` or `allow`.
    pub effect: Option<String>,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
    /// Everything else, as JSON text.
    pub body: String,
    /// Hash of the record before it; zeros for the first.
    pub previous: RecordHash,
    /// Hash of this record.
    pub hash: RecordHash,
}

impl RecordHash {
    /// What the first record has as its predecessor's hash.
    pub const ZERO: Self = Self([0; 32]);

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A hash from 32 bytes, or `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Entry {
    /// The hash that the fields of this record give. A record whose `hash` differs was changed.
    ///
    /// Every field is hashed with its length in front, so no two different records give the same bytes.
    pub fn compute_hash(&self) -> RecordHash {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        hasher.update(self.previous.0);
        hasher.update(self.sequence.to_be_bytes());
        hasher.update(self.time.nanoseconds().to_be_bytes());
        update_text(&mut hasher, &self.kind);
        for field in [&self.request_id, &self.identity, &self.effect] {
            hasher.update([u8::from(field.is_some())]);
            update_text(&mut hasher, field.as_deref().unwrap_or_default());
        }
        update_length(&mut hasher, self.rules.len());
        for rule in &self.rules {
            update_text(&mut hasher, rule);
        }
        update_text(&mut hasher, &self.body);
        RecordHash(hasher.finalize().into())
    }
}

fn update_text(hasher: &mut Sha256, text: &str) {
    update_length(hasher, text.len());
    hasher.update(text.as_bytes());
}

fn update_length(hasher: &mut Sha256, length: usize) {
    hasher.update(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
}

impl fmt::Display for RecordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for RecordHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = hex::decode(text.trim()).ok();
        bytes
            .and_then(|bytes| Self::from_slice(&bytes))
            .ok_or_else(|| "not a hash; write the 64 hexadecimal digits that `hpol audit` shows".to_owned())
    }
}

impl Serialize for RecordHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
