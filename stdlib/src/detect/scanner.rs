//! Finding values in a text.

use std::collections::BTreeMap;
use std::ops::Range;

use super::matcher::Confidence;
use super::scan::{Raw, Scan};
use super::window::Window;
use super::{Detector, Kind};

/// A value that a detector found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes. Both ends are at characters' boundaries.
    pub range: Range<usize>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Which of the scanner's detectors found it.
    pub detector: usize,
}

/// A set of detectors, compiled once and used on many texts.
#[derive(Debug, Clone)]
pub struct Scanner {
    detectors: Vec<Detector>,
    scan: Scan,
}

impl Scanner {
    /// Compiles a set of detectors.
    pub fn new(detectors: Vec<Detector>) -> Scanner {
        let scan = Scan::new(&detectors);
        Scanner { detectors, scan }
    }

    /// The detectors, in the order that [`Finding::detector`] counts in.
    pub fn detectors(&self) -> &[Detector] {
        &self.detectors
    }

    /// All values in a text, in its order, none overlapping another. Of two that do, the surer one stays, then the one whose
    /// kind comes first in [`Kind`], then the longer one, then the earlier one.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let mut chosen: BTreeMap<usize, Finding> = BTreeMap::new();
        let mut found = self.find_all(text);
        found.sort_by_key(|finding| {
            let length = finding.range.len();
            (std::cmp::Reverse(finding.confidence), finding.kind, std::cmp::Reverse(length), finding.range.start)
        });
        for finding in found {
            let before = chosen.range(..finding.range.end).next_back();
            if before.is_none_or(|(_, other)| other.range.end <= finding.range.start) {
                chosen.insert(finding.range.start, finding);
            }
        }
        chosen.into_values().collect()
    }

    /// Whether the text holds any value.
    pub fn contains(&self, text: &str) -> bool {
        !self.raw(text).is_empty()
    }

    /// All findings of all detectors, overlapping ones too.
    fn find_all(&self, text: &str) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for raw in self.raw(text) {
            let slot = &self.scan.slots()[raw.slot];
            let range = raw.start..raw.end;
            let is_rest =
                |last: &&mut Finding| raw.continues && last.range.end == raw.start && last.detector == slot.detector;
            match findings.iter_mut().rev().find(is_rest) {
                Some(last) => last.range.end = raw.end,
                None => findings.push(Finding {
                    kind: slot.kind,
                    range,
                    confidence: raw.confidence,
                    detector: slot.detector,
                }),
            }
        }
        findings
    }

    fn raw(&self, text: &str) -> Vec<Raw> {
        let mut found = Vec::new();
        self.scan.pass(&Window::new(text.as_bytes(), true), &mut self.scan.begin(), &mut found);
        found
    }

    /// How often matchers were woken for a text.
    #[cfg(test)]
    pub(crate) fn evaluations(&self, text: &str) -> u64 {
        let mut state = self.scan.begin();
        self.scan.pass(&Window::new(text.as_bytes(), true), &mut state, &mut Vec::new());
        state.evaluations
    }
}
