//! What all cases came to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::case::Case;
use super::exceptions::Exceptions;
use super::outcome::Outcome;

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// All cases.
    pub total: Tally,
    /// By folder.
    pub folders: BTreeMap<String, Tally>,
    /// The cases that fail.
    pub failures: Vec<Failure>,
    /// Excepted cases that pass: they must leave the list.
    pub passing_exceptions: Vec<String>,
    /// Exceptions for cases that are not in their file.
    pub stale_exceptions: Vec<String>,
    /// How many passed cases with a wanted text of an error give that text.
    pub same_texts: usize,
    /// How many passed cases want a text of an error.
    pub wanted_texts: usize,
}

/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Failed, the excepted ones included.
    pub failed: usize,
    /// Of those that failed: how many the list of exceptions names.
    pub excepted: usize,
}

/// A case that fails.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// What it is about.
    pub note: String,
    /// Its file.
    pub file: String,
    /// Its place in the file, from 0.
    pub index: usize,
    /// What it wants.
    pub wanted: String,
    /// What it got.
    pub got: String,
    /// Why it may fail, if it may.
    pub excepted: Option<String>,
}

impl Tally {
    fn add(&mut self, passed: bool, excepted: bool) {
        self.passed += usize::from(passed);
        self.failed += usize::from(!passed);
        self.excepted += usize::from(!passed && excepted);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.excepted > 0 { write!(f, " ({} of them excepted)", self.excepted) } else { Ok(()) }
    }
}

impl Report {
    /// Judges outcomes, which stand in the order of the cases.
    pub fn new(cases: &[Case], outcomes: &[Outcome], exceptions: &Exceptions) -> Self {
        let mut report = Self {
            total: Tally::default(),
            folders: BTreeMap::new(),
            failures: Vec::new(),
            passing_exceptions: Vec::new(),
            stale_exceptions: exceptions.stale(cases),
            same_texts: 0,
            wanted_texts: 0,
        };
        for (case, outcome) in cases.iter().zip(outcomes) {
            let verdict = outcome.judge(case);
            let reason = exceptions.reason(case);
            report.total.add(verdict.passed, reason.is_some());
            report.folders.entry(case.folder().to_owned()).or_default().add(verdict.passed, reason.is_some());
            if verdict.passed {
                report.wanted_texts += usize::from(verdict.same_text.is_some());
                report.same_texts += usize::from(verdict.same_text == Some(true));
                report.passing_exceptions.extend(reason.map(|_| case.key()));
            } else {
                report.failures.push(Failure {
                    note: case.note.clone(),
                    file: case.file.clone(),
                    index: case.index,
                    wanted: case.wanted.to_string(),
                    got: outcome.to_string(),
                    excepted: reason.map(str::to_owned),
                });
            }
        }
        report
    }

    /// Whether every failure is excepted and every exception is needed.
    pub fn is_as_committed(&self) -> bool {
        self.total.failed == self.total.excepted
            && self.passing_exceptions.is_empty()
            && self.stale_exceptions.is_empty()
    }

    /// For people: a line for each folder, if asked each failure, what is not as committed, and the sum.
    pub fn text(&self, list_failed: bool) -> String {
        let mut out = String::new();
        for (folder, tally) in &self.folders {
            let _ = writeln!(out, "{folder:<45} {tally}");
        }
        let listed = self.failures.iter().filter(|failure| list_failed || failure.excepted.is_none());
        for failure in listed {
            let Failure { note, file, index, wanted, got, excepted } = failure;
            let _ = writeln!(out, "\n{note}\n  {file}#{index}\n  wanted {wanted}\n  got    {got}");
            if let Some(reason) = excepted {
                let _ = writeln!(out, "  excepted: {reason}");
            }
        }
        for key in &self.passing_exceptions {
            let _ = writeln!(out, "\npasses, so take it off the list of exceptions: {key}");
        }
        for key in &self.stale_exceptions {
            let _ = writeln!(out, "\nexcepted, but there is no such case: {key}");
        }
        let _ = writeln!(out, "\nOPA's own text in {} of {} errors", self.same_texts, self.wanted_texts);
        let _ = writeln!(out, "{}", self.total);
        out
    }
}
