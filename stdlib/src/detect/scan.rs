//! One pass over the text that wakes the matchers, on a whole text or on what has arrived of it.
//!
//! A byte wakes a matcher if a table says so, given the byte before it. That decision needs no state, so it does not matter
//! where a chunk ends. A matcher that lacks text blocks itself at its trigger; the next pass begins there again.

use std::sync::{Arc, LazyLock};

use super::matcher::{Confidence, Matcher, OpenRun, trigger};
use super::pattern::{Next, Pattern, Run, Tail};
use super::window::Window;
use super::{Detector, Kind, api_key, iban, numbering};

/// Something found, as a range of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Index into [`Scan::slots`].
    pub(crate) slot: usize,
    pub(crate) confidence: Confidence,
    /// Whether it goes on with the finding of the same slot that ends at its start.
    pub(crate) continues: bool,
}

/// A matcher or pattern at work, and the detector it works for.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Index into the detectors the scan was made of.
    pub(crate) detector: usize,
    pub(crate) kind: Kind,
    worker: Worker,
}

#[derive(Debug, Clone)]
enum Worker {
    Matcher(Matcher),
    Pattern(Arc<Pattern>),
}

/// A compiled set of detectors.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    slots: Vec<Slot>,
    /// For each kind of trigger, the slots it wakes.
    woken: [Vec<(usize, Matcher)>; 7],
    wanted: u8,
}

/// How far a slot has come in a text.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Triggers before this index are done.
    resume: usize,
    /// The end of its last finding: the next one begins here or later.
    floor: usize,
    /// A finding that goes on at `floor`.
    open: Option<Open>,
    /// It waits for more text and can't find anything before this index.
    hold: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Open {
    Run(OpenRun),
    Pattern(Tail),
}

/// How far a scan has come in a text.
#[derive(Debug, Clone)]
pub(crate) struct ScanState {
    slots: Vec<Progress>,
    /// How often a matcher was woken: what tests count instead of time.
    pub(crate) evaluations: u64,
}

impl ScanState {
    /// The text lost `count` bytes at its beginning.
    pub(crate) fn shift(&mut self, count: usize) {
        for slot in &mut self.slots {
            slot.resume = slot.resume.saturating_sub(count);
            slot.floor = slot.floor.saturating_sub(count);
        }
    }

    /// The first index that a further pass looks at.
    pub(crate) fn resume(&self) -> Option<usize> {
        self.slots.iter().map(|slot| slot.resume).min()
    }
}

impl Scan {
    pub(crate) fn new(detectors: &[Detector]) -> Scan {
        let mut scan = Scan { slots: Vec::new(), woken: Default::default(), wanted: trigger::WORD };
        for (index, detector) in detectors.iter().enumerate() {
            let kind = detector.kind();
            if let Detector::Pattern(pattern) = detector {
                scan.slots.push(Slot { detector: index, kind, worker: Worker::Pattern(Arc::clone(pattern)) });
            }
            if kind == Kind::Phone {
                numbering::prepare();
            }
            for matcher in Matcher::of(kind) {
                for (bit, woken) in scan.woken.iter_mut().enumerate() {
                    if matcher.triggers() & (1 << bit) != 0 {
                        woken.push((scan.slots.len(), *matcher));
                    }
                }
                scan.wanted |= matcher.triggers();
                scan.slots.push(Slot { detector: index, kind, worker: Worker::Matcher(*matcher) });
            }
        }
        scan
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn begin(&self) -> ScanState {
        ScanState { slots: vec![Progress::default(); self.slots.len()], evaluations: 0 }
    }

    /// Looks through what is new in the window and appends what is found. Returns the index before which nothing more will
    /// be found.
    pub(crate) fn pass(&self, window: &Window<'_>, state: &mut ScanState, found: &mut Vec<Raw>) -> usize {
        for (index, slot) in self.slots.iter().enumerate() {
            state.slots[index].hold = None;
            match &slot.worker {
                Worker::Matcher(_) => resume_open(window, &mut state.slots[index], index, found),
                Worker::Pattern(pattern) => pass_pattern(pattern, window, &mut state.slots[index], index, found),
            }
        }
        self.wake(window, state, found);
        let mut safe = window.len();
        for (slot, progress) in self.slots.iter().zip(&mut state.slots) {
            let Worker::Matcher(matcher) = slot.worker else {
                safe = safe.min(progress.hold.unwrap_or(window.len()));
                continue;
            };
            let hold = match progress.hold {
                Some(hold) => hold,
                None => {
                    progress.resume = window.len();
                    if window.is_complete() {
                        window.len()
                    } else {
                        matcher.earliest_start(window, window.len(), progress.floor)
                    }
                }
            };
            safe = safe.min(hold);
        }
        safe
    }

    /// Walks over the triggers.
    fn wake(&self, window: &Window<'_>, state: &mut ScanState, found: &mut Vec<Raw>) {
        let bytes = window.bytes();
        let is_matcher = |slot: &Slot| matches!(slot.worker, Worker::Matcher(_));
        let resumes = self.slots.iter().zip(&state.slots).filter(|(slot, _)| is_matcher(slot));
        let Some(from) = resumes.map(|(_, progress)| progress.resume).min() else { return };
        let mut previous = match from.checked_sub(1) {
            Some(before) if !window.is_escape_letter(before) => CLASSES[usize::from(bytes[before])],
            Some(_) | None => 0,
        };
        for at in from..bytes.len() {
            let class = CLASSES[usize::from(bytes[at])];
            let mut woken = class & !(previous & RUNS) & self.wanted;
            previous = class;
            if woken == 0 {
                continue;
            }
            if window.is_escape_letter(at) {
                previous = 0;
            }
            if woken & trigger::WORD != 0 {
                woken &= !trigger::WORD;
                self.wake_at_word(window, at, state, found);
            }
            if woken & trigger::DIGIT != 0 {
                woken &= !trigger::DIGIT;
                self.wake_at_digit(window, at, state, found);
            }
            while woken != 0 {
                for (slot, matcher) in &self.woken[woken.trailing_zeros() as usize] {
                    evaluate(*matcher, window, at, *slot, state, found);
                }
                woken &= woken - 1;
            }
        }
    }

    /// Most numbers are too short for what has many digits.
    fn wake_at_digit(&self, window: &Window<'_>, at: usize, state: &mut ScanState, found: &mut Vec<Raw>) {
        let digits = digits_ahead(&window.bytes()[at..], window.is_complete());
        for (slot, matcher) in &self.woken[trigger::DIGIT.trailing_zeros() as usize] {
            if digits >= matcher.digits_min() {
                evaluate(*matcher, window, at, *slot, state, found);
            }
        }
    }

    /// Most words are none of a matcher's: their first bytes tell.
    fn wake_at_word(&self, window: &Window<'_>, at: usize, state: &mut ScanState, found: &mut Vec<Raw>) {
        let interested = match window.bytes().get(at..at + 2) {
            Some(pair) => WORDS[usize::from(pair[0]) << 8 | usize::from(pair[1])],
            None => u8::MAX,
        };
        for (slot, matcher) in &self.woken[0] {
            let is_for_it = match matcher {
                Matcher::Iban => {
                    interested & word_bit(Matcher::Iban) != 0
                        && window.bytes().get(at + 2).is_none_or(u8::is_ascii_digit)
                }
                // Its mark stands at the fourth byte.
                Matcher::KeyInfix => window.bytes().get(at + 4).is_none_or(|byte| *byte == b'Q'),
                matcher => interested & word_bit(*matcher) != 0,
            };
            if is_for_it {
                evaluate(*matcher, window, at, *slot, state, found);
            }
        }
    }
}

/// At most how many digits a number may have that begins here, as far as it matters. Where that is not known, enough.
fn digits_ahead(bytes: &[u8], is_complete: bool) -> usize {
    const ENOUGH: usize = 12;
    const LOOK: usize = 40;
    let mut digits = 0;
    for byte in bytes.iter().take(LOOK) {
        match byte {
            b'0'..=b'9' => digits += 1,
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' | 0x80.. => {}
            _ => return digits,
        }
        if digits == ENOUGH {
            return digits;
        }
    }
    if bytes.len() < LOOK && is_complete { digits } else { ENOUGH }
}

fn evaluate(
    matcher: Matcher,
    window: &Window<'_>,
    at: usize,
    slot: usize,
    state: &mut ScanState,
    found: &mut Vec<Raw>,
) {
    let progress = &mut state.slots[slot];
    if progress.hold.is_some() || at < progress.resume || at < progress.floor {
        return;
    }
    state.evaluations += 1;
    match matcher.evaluate(window, at, progress.floor) {
        Ok(None) => {}
        Ok(Some(hit)) => {
            found.push(Raw { start: hit.start, end: hit.end, slot, confidence: hit.confidence, continues: false });
            progress.floor = hit.end;
            progress.open = hit.open.map(Open::Run);
            resume_open(window, progress, slot, found);
        }
        Err(_) => {
            progress.resume = at;
            progress.hold = Some(matcher.earliest_start(window, at, progress.floor));
        }
    }
}

/// Goes on with a finding that was cut off.
fn resume_open(window: &Window<'_>, progress: &mut Progress, slot: usize, found: &mut Vec<Raw>) {
    let Some(Open::Run(run)) = progress.open else { return };
    let resumed = run.resume(window, progress.floor);
    if resumed.end > progress.floor {
        let (start, confidence) = (progress.floor, Confidence::Certain);
        found.push(Raw { start, end: resumed.end, slot, confidence, continues: true });
        progress.floor = resumed.end;
    }
    progress.resume = progress.floor;
    if resumed.is_over {
        progress.open = None;
    } else {
        progress.hold = Some(progress.floor);
    }
}

fn pass_pattern(pattern: &Pattern, window: &Window<'_>, progress: &mut Progress, slot: usize, found: &mut Vec<Raw>) {
    loop {
        let (start, run, continues) = match progress.open {
            Some(Open::Pattern(tail)) => (progress.floor, pattern.resume(window, progress.floor, tail), true),
            Some(Open::Run(_)) | None => match pattern.next(window, progress.resume.max(progress.floor)) {
                Next::Found(start, run) => (start, run, false),
                Next::Hold(start) => (start, Run::More, false),
                Next::End => {
                    progress.resume = window.len();
                    return;
                }
            },
        };
        // The automaton works on bytes; what it finds is widened to whole characters.
        let start = char_start(window.bytes(), start).max(progress.floor);
        match run {
            Run::Match(end) | Run::Piece(end, _) => {
                let end = if matches!(run, Run::Match(_)) { char_end(window.bytes(), end) } else { end };
                if end > start {
                    found.push(Raw { start, end, slot, confidence: Confidence::Certain, continues });
                }
                progress.floor = end;
                progress.resume = end;
                progress.open = if let Run::Piece(_, tail) = run { Some(Open::Pattern(tail)) } else { None };
            }
            Run::More => {
                progress.resume = start;
                progress.hold = Some(start);
                return;
            }
            Run::None => progress.open = None,
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    (0x80..=0xBF).contains(&byte)
}

/// The start of the character that the byte at `index` is part of. A character has four bytes at most.
fn char_start(bytes: &[u8], index: usize) -> usize {
    let lowest = index.saturating_sub(3);
    let mut at = index;
    while at > lowest && bytes.get(at).copied().is_some_and(is_continuation) {
        at -= 1;
    }
    at
}

fn char_end(bytes: &[u8], index: usize) -> usize {
    let highest = bytes.len().min(index + 3);
    let mut at = index;
    while at < highest && is_continuation(bytes[at]) {
        at += 1;
    }
    at
}

/// Triggers that only the first byte of a run gives.
const RUNS: u8 = trigger::WORD | trigger::DIGIT;

/// What each byte may wake.
const CLASSES: [u8; 256] = {
    let mut classes = [0_u8; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the index is below 256")]
        let byte = index as u8;
        classes[index] = match byte {
            b'0'..=b'9' => trigger::WORD | trigger::DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => trigger::WORD,
            b'@' => trigger::AT,
            b':' => trigger::COLON,
            b'=' => trigger::EQUALS,
            b'+' => trigger::PLUS,
            b'(' => trigger::PARENTHESIS,
            _ => 0,
        };
        index += 1;
    }
    classes
};

fn word_bit(matcher: Matcher) -> u8 {
    match matcher {
        Matcher::Iban => 1,
        Matcher::Jwt => 2,
        Matcher::KeyPrefix => 4,
        Matcher::PrivateKey => 8,
        Matcher::Card
        | Matcher::Ssn
        | Matcher::Email
        | Matcher::Phone
        | Matcher::IpV4
        | Matcher::IpV6
        | Matcher::UrlCredentials
        | Matcher::KeyInfix
        | Matcher::Telegram
        | Matcher::Assignment => 0,
    }
}

/// For the first two bytes of a word, the matchers that it may be for.
static WORDS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut words = vec![0_u8; 1 << 16];
    let mut set = |pair: [u8; 2], matcher| words[usize::from(pair[0]) << 8 | usize::from(pair[1])] |= word_bit(matcher);
    for pair in iban::countries() {
        for (first, second) in [(false, false), (true, true), (true, false), (false, true)] {
            let lower = |byte: u8, lower: bool| if lower { byte.to_ascii_lowercase() } else { byte };
            set([lower(pair[0], first), lower(pair[1], second)], Matcher::Iban);
        }
    }
    set(*b"ey", Matcher::Jwt);
    set(*b"BE", Matcher::PrivateKey);
    for pair in api_key::prefix_pairs() {
        set(pair, Matcher::KeyPrefix);
    }
    words
});
