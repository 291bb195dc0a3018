//! Masks: what a policy changes in a text.
//!
//! ```
//! use hpol_stdlib::detect::Detector;
//! use hpol_stdlib::detect::mask::{HashKey, MaskRule, MaskRules, Operator, mask_text};
//!
//! let cards = Detector::named("credit_card").expect("a detector");
//! let rules = MaskRules::new(vec![MaskRule { operator: Operator::Last(4), detectors: vec![cards] }]);
//! let key = HashKey::new(b"a secret of the gateway");
//! assert_eq!(mask_text("card 4111-1111-1111-1111", &rules, &key), "card ****-****-****-1111");
//! ```

mod operator;
mod stream;
mod whole;

use std::borrow::Cow;

pub use operator::{HashKey, Operator};
pub use stream::{HOLD_BACK_MAX, StreamMasker};

use super::scan::{Raw, Scan};
use super::window::Window;
use super::{Detector, Kind};
use stream::Splice;
use whole::WholeMask;

/// One mask of a policy.
#[derive(Debug, Clone)]
pub struct MaskRule {
    /// What is done.
    pub operator: Operator,
    /// What it is done to; empty means the whole text.
    pub detectors: Vec<Detector>,
}

/// The masks that apply to a text, compiled once.
#[derive(Debug, Clone)]
pub struct MaskRules {
    scan: Scan,
    /// For each of the scan's slots, what is done to its findings.
    operators: Vec<(Operator, Kind)>,
    /// What is done to the text as a whole.
    whole: Option<Operator>,
}

impl MaskRules {
    /// Compiles masks. Where two of them fall on the same text, the stronger operator wins.
    pub fn new(rules: Vec<MaskRule>) -> MaskRules {
        let whole = rules.iter().filter(|rule| rule.detectors.is_empty()).map(|rule| &rule.operator).max().cloned();
        // What replaces everything makes looking for single values needless.
        let replaces_all = whole.as_ref().is_some_and(|operator| !matches!(operator, Operator::Last(_)));
        let mut detectors: Vec<(Detector, Operator)> = Vec::new();
        for rule in rules.into_iter().filter(|_| !replaces_all) {
            for detector in rule.detectors {
                match detectors.iter_mut().find(|(known, _)| is_same(known, &detector)) {
                    Some((_, operator)) => *operator = rule.operator.clone().max(operator.clone()),
                    None => detectors.push((detector, rule.operator.clone())),
                }
            }
        }
        let (detectors, chosen): (Vec<Detector>, Vec<Operator>) = detectors.into_iter().unzip();
        let scan = Scan::new(&detectors);
        let operators = scan.slots().iter().map(|slot| (chosen[slot.detector].clone(), slot.kind)).collect();
        MaskRules { scan, operators, whole }
    }

    /// Whether the rules change nothing.
    pub fn is_empty(&self) -> bool {
        self.operators.is_empty() && self.whole.is_none()
    }
}

fn is_same(one: &Detector, other: &Detector) -> bool {
    match (one, other) {
        (Detector::Named(one), Detector::Named(other)) => one == other,
        (Detector::Pattern(one), Detector::Pattern(other)) => one.expression() == other.expression(),
        (Detector::Named(_), Detector::Pattern(_)) | (Detector::Pattern(_), Detector::Named(_)) => false,
    }
}

/// Masks a whole text.
pub fn mask_text<'text>(text: &'text str, rules: &MaskRules, key: &HashKey) -> Cow<'text, str> {
    let masked = match mask_values(text.as_bytes(), rules, key) {
        Some(bytes) => Cow::Owned(into_string(bytes)),
        None => Cow::Borrowed(text),
    };
    match &rules.whole {
        Some(operator) => {
            let mut mask = WholeMask::new(operator.clone(), key);
            let mut output = mask.push(&masked);
            output.push_str(&mask.finish());
            Cow::Owned(output)
        }
        None => masked,
    }
}

/// Masks what the detectors find. `None` if they find nothing.
fn mask_values(bytes: &[u8], rules: &MaskRules, key: &HashKey) -> Option<Vec<u8>> {
    let mut found: Vec<Raw> = Vec::new();
    rules.scan.pass(&Window::new(bytes, true), &mut rules.scan.begin(), &mut found);
    if found.is_empty() {
        return None;
    }
    let mut output = Vec::with_capacity(bytes.len());
    Splice::default().release(bytes, bytes.len(), &mut found, rules, key, &mut output);
    Some(output)
}

/// Both ends of what is replaced are at characters' boundaries, so text stays text.
fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// See [`super::check_stream_agrees`].
pub(crate) fn check_stream_agrees(bytes: &[u8], cuts: &[u8]) -> bool {
    let rules = MaskRules::new(vec![
        MaskRule { operator: Operator::Redact, detectors: Detector::all() },
        MaskRule {
            operator: Operator::Hash,
            detectors: Detector::pattern(r"[A-Z]{2,5}-\d+").map_or(Vec::new(), |pattern| vec![pattern]),
        },
    ]);
    let key = HashKey::new(b"fuzz");
    let whole = mask_values(bytes, &rules, &key).unwrap_or_else(|| bytes.to_vec());
    let mut stream = StreamMasker::new(rules.into(), key.into());
    let mut output = Vec::new();
    let mut rest = bytes;
    for cut in cuts {
        let (chunk, after) = rest.split_at(rest.len().min(usize::from(*cut)));
        output.extend(stream.push_bytes(chunk));
        rest = after;
    }
    output.extend(stream.push_bytes(rest));
    output.extend(stream.finish_bytes());
    output == whole
}
