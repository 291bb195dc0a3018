//! Results of tests in the formats that people and programs read.

use std::fmt::Write as _;
use std::path::Path;

use hpol_runtime::Location;
use hpol_runtime::test::{TestOutcome, TestResult};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::terminal;

pub(super) fn pretty(results: &[TestResult], verbose: bool) {
    for result in results {
        match &result.outcome {
            TestOutcome::Passed if verbose => {
                let time = terminal::dim(&format!("({} ms)", result.duration.as_millis()));
                anstream::println!("{}  {} {time}", terminal::green("ok  "), name(result));
            }
            TestOutcome::Passed => {}
            TestOutcome::Failed { message, location } => {
                anstream::println!("{}  {}", terminal::bold_red("FAIL"), name(result));
                print_message(location, message);
            }
            TestOutcome::Error { message, location } => {
                anstream::println!("{}  {}", terminal::bold_red("ERROR"), name(result));
                print_message(location.as_ref().unwrap_or(&result.location), message);
            }
        }
    }
    let passed = results.iter().filter(|result| result.outcome.passed()).count();
    let failed = results.len() - passed;
    let summary = format!("{passed} passed, {failed} failed");
    anstream::println!("{}", if failed == 0 { terminal::green(&summary) } else { terminal::bold_red(&summary) });
}

fn print_message(location: &Location, message: &str) {
    println!("      {location}");
    for line in message.lines() {
        println!("      {line}");
    }
}

fn name(result: &TestResult) -> String {
    let case = result.case.as_ref().map(|case| format!(" [case {}: {}]", case.number, short(&case.value.to_string())));
    format!("{}: {}{}", result.package, result.name, case.unwrap_or_default())
}

/// A value cut to what fits a line.
fn short(text: &str) -> String {
    const CHARACTERS: usize = 60;
    if text.chars().count() <= CHARACTERS {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS).chain("…".chars()).collect()
}

pub(super) fn junit(results: &[TestResult]) -> Report {
    let mut report = Report::new("hpol");
    let mut packages: Vec<&str> = results.iter().map(|result| &*result.package).collect();
    packages.dedup();
    for package in packages {
        let mut suite = TestSuite::new(package);
        for result in results.iter().filter(|result| &*result.package == package) {
            let status = match &result.outcome {
                TestOutcome::Passed => TestCaseStatus::success(),
                TestOutcome::Failed { message, location } => failure(NonSuccessKind::Failure, message, location),
                TestOutcome::Error { message, location } => {
                    failure(NonSuccessKind::Error, message, location.as_ref().unwrap_or(&result.location))
                }
            };
            let mut case = TestCase::new(name(result), status);
            case.set_classname(package).set_time(result.duration);
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report
}

fn failure(kind: NonSuccessKind, message: &str, location: &Location) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_description(format!("{location}: {message}"));
    status
}

/// The Test Anything Protocol, version 14: a line for each test, and what failed as YAML below it.
pub(super) fn tap(results: &[TestResult]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", results.len());
    for (number, result) in (1..).zip(results) {
        // `#` would start a directive.
        let name = one_line(&name(result)).replace('\\', "\\\\").replace('#', "\\#");
        let (word, failure) = match &result.outcome {
            TestOutcome::Passed => ("ok", None),
            TestOutcome::Failed { message, location } => ("not ok", Some((message, location, "fail"))),
            TestOutcome::Error { message, location } => {
                ("not ok", Some((message, location.as_ref().unwrap_or(&result.location), "error")))
            }
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{word} {number} - {name}");
        if let Some((message, location, severity)) = failure {
            // A string of JSON is one of YAML, too.
            let message = serde_json::Value::from(message.as_str());
            let at = serde_json::Value::from(location.to_string());
            let _ = writeln!(text, "  ---\n  message: {message}\n  severity: {severity}\n  at: {at}\n  ...");
        }
    }
    text
}

/// An annotation for each test that failed, as GitHub's runners read them.
pub(super) fn github(results: &[TestResult], path: &Path) -> String {
    let folder = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
    let mut text = String::new();
    for result in results {
        let (message, location) = match &result.outcome {
            TestOutcome::Passed => continue,
            TestOutcome::Failed { message, location } => (message, location),
            TestOutcome::Error { message, location } => (message, location.as_ref().unwrap_or(&result.location)),
        };
        let file = folder.join(&*location.file);
        let file = file.strip_prefix(".").unwrap_or(&file).to_string_lossy().into_owned();
        let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
        let _ = writeln!(
            text,
            "::error file={},line={},col={},title={}::{}",
            property(&file),
            location.line,
            location.column,
            property(&one_line(&name(result))),
            data(message)
        );
    }
    text
}

/// The text of an annotation: GitHub reads it up to the end of the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
