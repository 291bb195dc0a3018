//! Measures the detectors on labelled texts: `pii_score FILE [--misses]`.
//!
//! The file is a JSON array of `{"full_text": …, "spans": [{"entity_type", "start_position", "end_position"}]}`, with positions
//! in characters, as presidio-research writes it. Printed is, for each kind: the labels, how many of them a finding covers
//! (recall), the findings, how many of them touch a label of their kind (precision), and how many labels are matched exactly.
//! With `--misses`, also each label that is missed and each finding that touches no label, in its surroundings.
#![forbid(unsafe_code)]

use std::io::Write;
use std::ops::Range;

use hpol_stdlib::detect::{Detector, Kind, Scanner};
use serde_json::Value;

/// The labels that speak of what a detector finds.
const LABELS: [(Kind, &str); 6] = [
    (Kind::CreditCard, "CREDIT_CARD"),
    (Kind::Iban, "IBAN_CODE"),
    (Kind::Ssn, "US_SSN"),
    (Kind::Email, "EMAIL_ADDRESS"),
    (Kind::Ip, "IP_ADDRESS"),
    (Kind::Phone, "PHONE_NUMBER"),
];

/// How much of a text is shown on either side of a miss, in characters.
const SURROUNDINGS: usize = 24;

#[derive(Default)]
struct Score {
    labels: usize,
    covered: usize,
    exact: usize,
    findings: usize,
    right: usize,
    misses: Vec<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name the file with the labelled texts")?;
    let show_misses = arguments.next().is_some_and(|option| option == "--misses");
    let samples: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let samples = samples.as_array().ok_or("the file is no array of texts")?;
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{:<16}{:>7}{:>9}{:>7}{:>10}{:>11}",
        "kind", "labels", "recall", "exact", "findings", "precision"
    )?;
    for (kind, label) in LABELS {
        let scanner = Scanner::new(vec![Detector::Named(kind)]);
        let mut score = Score::default();
        for sample in samples {
            let text = sample["full_text"].as_str().ok_or("a sample has no text")?;
            add(&mut score, text, &labels(sample, text, label), &scanner);
        }
        writeln!(
            output,
            "{:<16}{:>7}{:>9.3}{:>7.3}{:>10}{:>11.3}",
            kind.name(),
            score.labels,
            share(score.covered, score.labels),
            share(score.exact, score.labels),
            score.findings,
            share(score.right, score.findings),
        )?;
        for miss in score.misses.iter().filter(|_| show_misses) {
            writeln!(output, "    {miss}")?;
        }
    }
    Ok(())
}

fn add(score: &mut Score, text: &str, labels: &[Range<usize>], scanner: &Scanner) {
    let found: Vec<Range<usize>> = scanner.find(text).into_iter().map(|finding| finding.range).collect();
    score.labels += labels.len();
    score.findings += found.len();
    for label in labels {
        // Only what covers the whole value has masked it.
        if found.iter().any(|range| range.start <= label.start && label.end <= range.end) {
            score.covered += 1;
        } else {
            score.misses.push(format!("missed {}", surroundings(text, label)));
        }
        score.exact += usize::from(found.contains(label));
    }
    for range in &found {
        if labels.iter().any(|label| label.start < range.end && range.start < label.end) {
            score.right += 1;
        } else {
            score.misses.push(format!("no label {}", surroundings(text, range)));
        }
    }
}

/// The labels of one type, as ranges of bytes.
fn labels(sample: &Value, text: &str, label: &str) -> Vec<Range<usize>> {
    let byte = |position: &Value| {
        let position = usize::try_from(position.as_u64()?).ok()?;
        text.char_indices().map(|(index, _)| index).chain([text.len()]).nth(position)
    };
    let spans = sample["spans"].as_array().map_or(&[][..], Vec::as_slice);
    let of_type = spans.iter().filter(|span| span["entity_type"] == label);
    of_type.filter_map(|span| Some(byte(&span["start_position"])?..byte(&span["end_position"])?)).collect()
}

fn surroundings(text: &str, range: &Range<usize>) -> String {
    let before: Vec<char> = text[..range.start].chars().rev().take(SURROUNDINGS).collect();
    let before: String = before.into_iter().rev().collect();
    let after: String = text[range.end..].chars().take(SURROUNDINGS).collect();
    format!("{before:?} [{}] {after:?}", &text[range.clone()])
}

#[expect(clippy::cast_precision_loss, reason = "counts of a small file")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
