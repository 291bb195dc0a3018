//! Masking a text that arrives in chunks.
//!
//! Findings that overlap form a chain, which is replaced as one, by the strongest operator among them. A chain longer than
//! [`PIECE`] is replaced by what its first [`PIECE`] bytes call for, and the rest of it is swallowed; so what a stream holds
//! back is bounded, and the outcome depends on the text alone.

use std::sync::Arc;

use super::operator::HashKey;
use super::whole::WholeMask;
use super::{MaskRules, into_string};
use crate::detect::Kind;
use crate::detect::matcher::PIECE;
use crate::detect::scan::{Raw, ScanState};
use crate::detect::window::{LOOK_BEHIND, Window};

/// No stream holds back more bytes than this, whatever comes.
pub const HOLD_BACK_MAX: usize = 4 * PIECE;

/// Masks a text that arrives in chunks. All that [`push`](StreamMasker::push) and [`finish`](StreamMasker::finish) give, joined,
/// is what [`mask_text`](super::mask_text) gives for the whole text.
#[derive(Debug)]
pub struct StreamMasker {
    rules: Arc<MaskRules>,
    key: Arc<HashKey>,
    state: ScanState,
    splice: Splice,
    found: Vec<Raw>,
    /// Text that was released and is looked back at, then text that is held back.
    buffer: Vec<u8>,
    /// The beginning of a character whose rest has not come.
    character: Vec<u8>,
    whole: Option<WholeMask>,
}

impl StreamMasker {
    /// A masker for one text.
    pub fn new(rules: Arc<MaskRules>, key: Arc<HashKey>) -> StreamMasker {
        let state = rules.scan.begin();
        let whole = rules.whole.clone().map(|operator| WholeMask::new(operator, &key));
        let (splice, found, buffer, character) = (Splice::default(), Vec::new(), Vec::new(), Vec::new());
        StreamMasker { rules, key, state, splice, found, buffer, character, whole }
    }

    /// Takes a chunk and gives what may be released now.
    pub fn push(&mut self, chunk: &str) -> String {
        into_string(self.push_bytes(chunk.as_bytes()))
    }

    /// Ends the text and gives the rest of it.
    pub fn finish(&mut self) -> String {
        into_string(self.finish_bytes())
    }

    /// Like [`push`](StreamMasker::push), for a chunk that may be cut within a character. So may be what it gives.
    pub fn push_bytes(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.buffer.append(&mut self.character);
        self.buffer.extend_from_slice(chunk);
        let rest = self.buffer.len() - unfinished(&self.buffer);
        self.character = self.buffer.split_off(rest);
        self.advance(false)
    }

    /// Like [`finish`](StreamMasker::finish), after [`push_bytes`](StreamMasker::push_bytes).
    pub fn finish_bytes(&mut self) -> Vec<u8> {
        self.buffer.append(&mut self.character);
        let mut output = self.advance(true);
        if let Some(whole) = &mut self.whole {
            output.extend(whole.finish().bytes());
        }
        // What comes after the end is a text of its own.
        *self = StreamMasker::new(Arc::clone(&self.rules), Arc::clone(&self.key));
        output
    }

    /// How many bytes are held back.
    pub fn held_back(&self) -> usize {
        self.buffer.len() - self.splice.released + self.character.len()
    }

    fn advance(&mut self, is_complete: bool) -> Vec<u8> {
        let window = Window::new(&self.buffer, is_complete);
        let safe = self.rules.scan.pass(&window, &mut self.state, &mut self.found);
        let mut output = Vec::new();
        self.splice.release(&self.buffer, safe, &mut self.found, &self.rules, &self.key, &mut output);
        self.forget();
        match &mut self.whole {
            Some(whole) => whole.push(&into_string(output)).into_bytes(),
            None => output,
        }
    }

    /// Drops what was released and is out of the matchers' reach.
    fn forget(&mut self) {
        let needed = self.splice.released.min(self.state.resume().unwrap_or(self.splice.released));
        let count = needed.saturating_sub(LOOK_BEHIND);
        // Moving what is left costs as much as it is long, so it is done for as much at least.
        if count == 0 || count < self.buffer.len() - count {
            return;
        }
        self.buffer.drain(..count);
        self.state.shift(count);
        self.splice.shift(count);
        for raw in &mut self.found {
            raw.start = raw.start.saturating_sub(count);
            raw.end = raw.end.saturating_sub(count);
        }
    }
}

/// How many bytes at the end are the beginning of a character that is not there yet.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needed = match bytes[bytes.len() - back] {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if needed > back { back } else { 0 };
    }
    0
}

/// Puts replacements in the place of findings, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Splice {
    /// Text before this index was released or replaced.
    released: usize,
    /// Text before this index belongs to a chain that was replaced already.
    swallow: usize,
}

/// Findings that overlap, from the earliest on.
struct Chain {
    start: usize,
    end: usize,
    /// The strongest slot among the findings that begin within the first [`PIECE`] bytes.
    slot: usize,
    findings: usize,
}

impl Splice {
    fn shift(&mut self, count: usize) {
        self.released -= count;
        self.swallow = self.swallow.saturating_sub(count);
    }

    /// Releases `bytes` up to `safe`: no further finding begins before it.
    pub(super) fn release(
        &mut self,
        bytes: &[u8],
        safe: usize,
        found: &mut Vec<Raw>,
        rules: &MaskRules,
        key: &HashKey,
        output: &mut Vec<u8>,
    ) {
        found.sort_by_key(|raw| (raw.start, !raw.continues, raw.slot));
        let mut next = 0;
        loop {
            next += self.swallow_findings(&found[next..]);
            self.released = self.released.max(self.swallow.min(safe));
            if self.swallow > safe {
                break;
            }
            let Some(chain) = Chain::at(&found[next..], rules).filter(|chain| chain.start < safe) else {
                output.extend_from_slice(&bytes[self.released..safe]);
                self.released = safe;
                break;
            };
            output.extend_from_slice(&bytes[self.released..chain.start]);
            self.released = chain.start;
            let is_cut = chain.end - chain.start >= PIECE;
            if chain.end > safe && !(is_cut && chain.start + PIECE <= safe) {
                break;
            }
            let (operator, kind) = &rules.operators[chain.slot];
            operator.replace(&bytes[chain.start..chain.end], is_cut, *kind, key, output);
            self.swallow = chain.end;
            next += chain.findings;
        }
        found.drain(..next);
    }

    /// Takes what overlaps with, or goes on with, a chain that was replaced already.
    fn swallow_findings(&mut self, found: &[Raw]) -> usize {
        let mut taken = 0;
        for raw in found {
            if raw.start >= self.swallow && !(raw.continues && raw.start == self.swallow) {
                break;
            }
            self.swallow = self.swallow.max(raw.end);
            taken += 1;
        }
        taken
    }
}

impl Chain {
    fn at(found: &[Raw], rules: &MaskRules) -> Option<Chain> {
        let first = found.first()?;
        let mut chain = Chain { start: first.start, end: first.end, slot: first.slot, findings: 0 };
        for raw in found {
            if raw.start >= chain.end && !(raw.continues && raw.start <= chain.end) {
                break;
            }
            chain.end = chain.end.max(raw.end);
            chain.findings += 1;
            if raw.start - chain.start < PIECE && strength(rules, raw.slot) > strength(rules, chain.slot) {
                chain.slot = raw.slot;
            }
        }
        Some(chain)
    }
}

/// The operator counts first, then the kind.
fn strength(rules: &MaskRules, slot: usize) -> (&super::Operator, std::cmp::Reverse<Kind>) {
    let (operator, kind) = &rules.operators[slot];
    (operator, std::cmp::Reverse(*kind))
}
