//! Tests of all detectors together.

mod hostile;
mod stream;
mod table;

use std::sync::Arc;

use super::Detector;
use super::mask::{HashKey, MaskRule, MaskRules, Operator, StreamMasker, mask_text};

fn key() -> HashKey {
    HashKey::new(b"a key of the tests")
}

/// Every detector with one operator, and a pattern.
fn all_with(operator: Operator) -> Arc<MaskRules> {
    Arc::new(MaskRules::new(vec![MaskRule { operator, detectors: Detector::all() }]))
}

fn pattern(expression: &str) -> Detector {
    Detector::pattern(expression).expect("a pattern")
}

/// What a stream of these chunks gives.
fn stream(chunks: &[&str], rules: &Arc<MaskRules>) -> String {
    let mut masker = StreamMasker::new(Arc::clone(rules), Arc::new(key()));
    let mut output: String = chunks.iter().map(|chunk| masker.push(chunk)).collect();
    output.push_str(&masker.finish());
    output
}

/// Checks that a stream of one character at a time gives what the whole text gives.
#[track_caller]
fn check(text: &str, rules: &Arc<MaskRules>, expected: &str) {
    assert_eq!(mask_text(text, rules, &key()), expected, "whole");
    let characters: Vec<&str> = text.split("").collect();
    assert_eq!(stream(&characters, rules), expected, "character by character");
}
