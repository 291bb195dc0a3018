//! Texts made to be slow. What is counted is how often matchers are woken; each then reads a bounded stretch.

use super::super::{Detector, Scanner};
use super::{Operator, all_with, key, mask_text, pattern};

const MIB: usize = 1 << 20;
const SOME: usize = 1 << 16;

fn repeated(unit: &str, length: usize) -> String {
    unit.repeat(length / unit.len())
}

#[test]
fn a_run_wakes_a_matcher_once() {
    let scanner = Scanner::new(Detector::all());
    for unit in ["1", "-", "a", " ", "é", "."] {
        let evaluations = scanner.evaluations(&repeated(unit, MIB));
        assert!(evaluations <= 8, "{unit:?}: {evaluations}");
    }
}

#[test]
fn work_grows_with_the_text_only() {
    let scanner = Scanner::new(Detector::all());
    for unit in [
        "@",
        "a@",
        ":",
        "::",
        "1:",
        "a:",
        "1-",
        "1 ",
        "(",
        "+",
        "+1",
        "eyJ.",
        "sk-",
        "AKIA ",
        "x://",
        "token=",
        "4111 1111 1111 ",
        "+1 2 3 4 5 6 7 8 9 0 1 2 3 ",
    ] {
        let text = repeated(unit, SOME);
        let evaluations = scanner.evaluations(&text);
        assert!(evaluations <= 5 * u64::try_from(text.len()).expect("a length"), "{unit:?}: {evaluations}");
    }
}

#[test]
fn hostile_texts_come_back_as_they_are() {
    let rules = all_with(Operator::Redact);
    for unit in ["1", "@", "-", ":", "a@", "1-"] {
        let text = repeated(unit, SOME);
        assert_eq!(mask_text(&text, &rules, &key()), text, "{unit:?}");
    }
}

#[test]
fn a_pattern_does_not_search_a_text_twice() {
    // Each `a` begins something that the finder can only refuse at the end of the text.
    let scanner = Scanner::new(vec![pattern("a[^b]*b")]);
    let text = format!("{}b", "a".repeat(20_000));
    let found = scanner.find(&text);
    // A match comes within a kilobyte of its beginning.
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range.end, text.len());
}
