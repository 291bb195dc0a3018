//! Masks of texts: the operators of a decision over a text, whole or in pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hpol_runtime::decision::{DetectorUse, Operator, OperatorKind};
use hpol_stdlib::detect::Detector;
use hpol_stdlib::detect::mask::Operator as TextOperator;
use hpol_stdlib::detect::mask::{HashKey, MaskRule, MaskRules, StreamMasker, mask_text};

use super::document::CannotMask;
use super::stream::{TextKind, TextStream};

/// Masks that apply to every text. Clones share them.
#[derive(Debug, Clone)]
pub struct TextMasks {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rules: Arc<MaskRules>,
    /// Those that change only what detectors find.
    found: Arc<MaskRules>,
    /// What is done to a text as a whole; the strongest, if there are several.
    whole: Option<TextOperator>,
    key: Arc<HashKey>,
    /// How many texts came out changed.
    changed: AtomicU64,
}

impl TextMasks {
    /// The masks of some operators.
    ///
    /// # Errors
    ///
    /// A detector or pattern that cannot be used.
    pub fn new(operators: &[&Operator], key: &Arc<HashKey>) -> Result<Self, CannotMask> {
        let rules: Vec<MaskRule> = operators.iter().map(|operator| rule(operator)).collect::<Result<_, _>>()?;
        let found: Vec<MaskRule> = rules.iter().filter(|rule| !rule.detectors.is_empty()).cloned().collect();
        let whole = rules.iter().filter(|rule| rule.detectors.is_empty()).map(|rule| rule.operator.clone()).max();
        let (rules, found) = (Arc::new(MaskRules::new(rules)), Arc::new(MaskRules::new(found)));
        Ok(Self { shared: Arc::new(Shared { rules, found, whole, key: key.clone(), changed: AtomicU64::new(0) }) })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shared.rules.is_empty()
    }

    /// Whether a mask replaces texts as a whole.
    pub fn replaces_whole(&self) -> bool {
        self.shared.whole.is_some()
    }

    /// Masks a whole text.
    pub fn whole(&self, text: &str, kind: TextKind) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut stream = TextStream::new(self, kind);
        let mut out = stream.push(text);
        out.push_str(&stream.finish());
        out
    }

    /// Masks a whole text that stands behind a key.
    pub fn whole_after(&self, key: &str, text: &str) -> String {
        // A document within a text brings keys of its own.
        if key.is_empty() || text.trim_start().starts_with(['{', '[']) {
            return self.whole(text, TextKind::Prose);
        }
        run(self.plain_stream_after(key), text)
    }

    /// Masks what detectors find in a whole text; masks of whole texts are left out.
    pub fn found_only(&self, text: &str) -> String {
        let masked = mask_text(text, &self.shared.found, &self.shared.key).into_owned();
        if masked != text {
            self.note_change();
        }
        masked
    }

    /// How many texts came out changed so far.
    pub fn changed(&self) -> u64 {
        self.shared.changed.load(Ordering::Relaxed)
    }

    /// Counts a text or value that was changed.
    pub(super) fn note_change(&self) {
        self.shared.changed.fetch_add(1, Ordering::Relaxed);
    }

    /// A value as the mask of whole texts replaces it; `None` if it goes.
    pub fn replaced(&self, value: &str) -> Option<String> {
        match &self.shared.whole {
            Some(operator) => operator.apply(value, &self.shared.key),
            None => Some(value.to_owned()),
        }
    }

    /// What a number behind a key becomes if it must not pass: another number, so that it keeps its type. `None` if it
    /// may pass.
    pub fn number(&self, key: &str, spelling: &str) -> Option<String> {
        (run(self.plain_stream_after(key), spelling) != spelling).then(|| "0".to_owned())
    }

    /// A stream for a plain text.
    pub(super) fn plain_stream(&self) -> PlainStream {
        PlainStream::new(self, &self.shared.rules)
    }

    /// A stream for a plain text behind a key: what the key says can make a weak match a strong one.
    pub(super) fn plain_stream_after(&self, key: &str) -> PlainStream {
        let mut stream = self.plain_stream();
        if key.is_empty() || key.len() > CONTEXT_BYTES_MAX || self.replaces_whole() {
            return stream;
        }
        let context = format!("{key}: ");
        // A key that holds a match is masked by itself, and says nothing about what follows.
        if self.found_only(&context) == context {
            stream.context = context.clone();
            // What leaves of the context is taken off, so nothing is lost here.
            stream.push(&context);
        }
        stream
    }

    /// A stream for a key: only what detectors find is masked in it.
    pub(super) fn key_stream(&self) -> PlainStream {
        PlainStream::new(self, &self.shared.found)
    }
}

/// Longest key that counts as context, in bytes.
const CONTEXT_BYTES_MAX: usize = 64;

fn run(mut stream: PlainStream, text: &str) -> String {
    let mut out = stream.push(text);
    out.push_str(&stream.finish());
    out
}

/// A mask of a decision in the terms of the detectors.
fn rule(operator: &Operator) -> Result<MaskRule, CannotMask> {
    let detectors = operator.detectors.iter().map(detector).collect::<Result<_, _>>()?;
    let operator = match &operator.kind {
        OperatorKind::Drop => TextOperator::Drop,
        OperatorKind::Constant(text) => TextOperator::Constant(text.to_string()),
        OperatorKind::Redact => TextOperator::Redact,
        OperatorKind::Hash => TextOperator::Hash,
        OperatorKind::Last(count) => TextOperator::Last(*count),
    };
    Ok(MaskRule { operator, detectors })
}

fn detector(used: &DetectorUse) -> Result<Detector, CannotMask> {
    match used {
        DetectorUse::Named(name) => {
            Detector::named(name).ok_or_else(|| CannotMask::Operator(format!("no detector is named `{name}`")))
        }
        DetectorUse::Pattern(pattern) => Detector::pattern(pattern)
            .map_err(|error| CannotMask::Operator(format!("pattern `{pattern}` cannot be used: {error}"))),
    }
}

/// Masks one plain text in pieces.
#[derive(Debug)]
pub(super) struct PlainStream {
    masker: StreamMasker,
    /// What was put in front of the text and must not leave with it.
    context: String,
    /// Where a change is counted; `None` once it was.
    count: Option<TextMasks>,
    /// What went in and has not come out yet.
    held: String,
}

impl PlainStream {
    fn new(masks: &TextMasks, rules: &Arc<MaskRules>) -> Self {
        Self {
            masker: StreamMasker::new(rules.clone(), masks.shared.key.clone()),
            context: String::new(),
            count: Some(masks.clone()),
            held: String::new(),
        }
    }

    /// Takes the next piece; gives what may leave.
    pub(super) fn push(&mut self, piece: &str) -> String {
        if self.count.is_some() {
            self.held.push_str(piece);
        }
        let out = self.masker.push(piece);
        self.compare(&out, false);
        self.without_context(out)
    }

    /// Gives what was held back.
    pub(super) fn finish(mut self) -> String {
        let out = self.masker.finish();
        self.compare(&out, true);
        self.without_context(out)
    }

    /// Counts the text as changed where what comes out is not what went in.
    fn compare(&mut self, out: &str, ends: bool) {
        if self.held.starts_with(out) && (!ends || self.held.len() == out.len()) {
            self.held.drain(..out.len());
        } else if let Some(masks) = self.count.take() {
            masks.note_change();
            self.held = String::new();
        }
    }

    /// Takes the context off the front of what leaves. A match that began in the context changed it: from there on
    /// everything belongs to the text.
    fn without_context(&mut self, mut out: String) -> String {
        if self.context.is_empty() || out.is_empty() {
            return out;
        }
        let shared = out.bytes().zip(self.context.bytes()).take_while(|(left, right)| left == right).count();
        let shared = out.floor_char_boundary(self.context.floor_char_boundary(shared));
        out.drain(..shared);
        if out.is_empty() {
            self.context.drain(..shared);
        } else {
            self.context.clear();
        }
        out
    }
}
