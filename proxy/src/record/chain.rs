//! The chain over all records, and what breaks it.
//!
//! Each record holds the hash of the one before it, so a record that was changed, dropped, inserted or moved breaks the
//! chain at that place. A cut tail leaves an unbroken chain behind: it shows because the last number and hash are kept
//! a second time. Who can write the whole file can rewrite chain and head alike; only a head that was kept elsewhere
//! (a log line, a ticket, another machine) shows that, so [`Chain::finish`] takes one.

use super::entry::{Entry, RecordHash};

/// Walks over records in their order.
#[derive(Debug)]
pub struct Chain {
    next: u64,
    previous: RecordHash,
    wanted: Option<RecordHash>,
    seen: bool,
}

/// An unbroken chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// The hash of the last one; zeros if there is none. Keep it elsewhere to compare later.
    pub head: RecordHash,
}

/// Where and how the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A number is missing, or comes in the wrong place.
    #[error("record {expected} is missing: record {found} comes in its place")]
    Missing {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A record does not have the hash that its fields give.
    #[error("record {sequence} was changed: its hash does not fit its content")]
    Changed {
        /// Its number.
        sequence: u64,
    },
    /// A record does not follow the one before it.
    #[error("record {sequence} does not follow record {}: one of them was replaced", sequence.saturating_sub(1))]
    Unlinked {
        /// Its number.
        sequence: u64,
    },
    /// The last records are gone.
    #[error("records after {last} are missing: {kept} records were written")]
    Cut {
        /// The last record that is there.
        last: u64,
        /// The number of the last record that was written.
        kept: u64,
    },
    /// The last record is not the one that was written last.
    #[error("the last record ({last}) is not the one that was written last ({kept})")]
    Head {
        /// The last record that is there.
        last: u64,
        /// The number of the last record that was written.
        kept: u64,
    },
    /// No record has the hash that was kept elsewhere.
    #[error("no record has the hash {hash}: the log was cut before it or rewritten")]
    UnknownHead {
        /// The hash that was looked for.
        hash: RecordHash,
    },
    /// A row cannot be read as a record.
    #[error("the row after record {last} cannot be read as a record: {message}")]
    Unreadable {
        /// The last record before it.
        last: u64,
        /// What is wrong with it.
        message: String,
    },
}

impl Chain {
    /// Starts before the first record. `wanted` is a hash that was kept elsewhere: some record must have it.
    pub fn new(wanted: Option<RecordHash>) -> Self {
        Self { next: 1, previous: RecordHash::ZERO, wanted, seen: false }
    }

    /// Takes the next record.
    ///
    /// # Errors
    ///
    /// The record is not the next one, was changed, or does not follow the one before.
    pub fn push(&mut self, entry: &Entry) -> Result<(), ChainFault> {
        if entry.sequence != self.next {
            return Err(ChainFault::Missing { expected: self.next, found: entry.sequence });
        }
        if entry.previous != self.previous {
            return Err(ChainFault::Unlinked { sequence: entry.sequence });
        }
        if entry.compute_hash() != entry.hash {
            return Err(ChainFault::Changed { sequence: entry.sequence });
        }
        self.next += 1;
        self.previous = entry.hash;
        self.seen |= self.wanted == Some(entry.hash);
        Ok(())
    }

    /// The number of the last record taken; 0 before the first.
    pub fn last(&self) -> u64 {
        self.next - 1
    }

    /// Ends after the last record. `head` is the number and hash that the store kept beside the records.
    ///
    /// # Errors
    ///
    /// Records are missing at the end, or none has the hash that was kept elsewhere.
    pub fn finish(self, head: Option<(u64, RecordHash)>) -> Result<Verified, ChainFault> {
        let last = self.last();
        let (kept, hash) = head.unwrap_or((0, RecordHash::ZERO));
        if kept > last {
            return Err(ChainFault::Cut { last, kept });
        }
        if kept != last || hash != self.previous {
            return Err(ChainFault::Head { last, kept });
        }
        match self.wanted {
            Some(hash) if !self.seen => Err(ChainFault::UnknownHead { hash }),
            Some(_) | None => Ok(Verified { records: last, head: self.previous }),
        }
    }
}

#[cfg(test)]
mod tests;
