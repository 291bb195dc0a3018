//! `hpol test`.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use hpol_runtime::test::{self, TestOptions, TestOutcome, TestResult};
use hpol_runtime::{EngineKind, Location};
use notify::{RecursiveMode, Watcher as _};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use regex::Regex;

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, Host, PolicyPath};
use crate::terminal;

/// Run the tests of a policy
///
/// Runs every `test` and `property` of the `.hpol` files and every rule of the `.rego` files whose name starts with `test_`.
/// A property is tried on values that are made up: the same ones each time, unless another seed is given.
#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    policy: PolicyPath,
    #[command(flatten)]
    host: Host,
    /// Only tests whose `package.name` matches this regular expression
    #[arg(long, value_name = "REGEX")]
    run: Option<String>,
    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Also list the tests that passed
    #[arg(long, short)]
    verbose: bool,
    /// Run again whenever a file changes, until interrupted
    #[arg(long)]
    watch: bool,
    /// On which evaluator
    #[arg(long, value_enum, default_value_t = Engines::Jit)]
    engine: Engines,
    /// How many values each property is tried on
    #[arg(long, default_value_t = 200, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    cases: u32,
    /// What the values for properties come from: another seed gives other values
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// For programs
    Json,
    /// For CI servers
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engines {
    /// Machine code
    Jit,
    /// The reference interpreter
    Interpreter,
    /// One after the other
    Both,
}

/// How long the files must be quiet before the tests run again.
const QUIET: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &Test) -> anyhow::Result<Exit> {
    let filter = options.run.as_deref().map(Regex::new).transpose();
    let filter = filter.map_err(|error| Usage(format!("--run: {error}")))?;
    let engines = match options.engine {
        Engines::Jit => vec![EngineKind::Jit],
        Engines::Interpreter => vec![EngineKind::Interpreter],
        Engines::Both => vec![EngineKind::Jit, EngineKind::Interpreter],
    };
    let wanted = TestOptions {
        filter,
        engines,
        seed: options.seed,
        cases: usize::try_from(options.cases).unwrap_or(usize::MAX),
        ..TestOptions::default()
    };
    if options.watch {
        return watch(options, &wanted);
    }
    run_once(options, &wanted)
}

fn run_once(options: &Test, wanted: &TestOptions) -> anyhow::Result<Exit> {
    let Some(engine) = policy::engine(&options.policy.path, EngineKind::Jit, &options.host)? else {
        return Ok(Exit::Findings);
    };
    let results = test::run(&engine, wanted)?;
    match options.format {
        Format::Pretty => print_pretty(&results, options.verbose),
        Format::Json => print_json(&results)?,
        Format::Junit => println!("{}", junit(&results).to_string().context("could not write JUnit XML")?),
    }
    if results.is_empty() && wanted.filter.is_some() {
        anstream::eprintln!("no test matches --run {}", options.run.as_deref().unwrap_or_default());
        return Ok(Exit::Findings);
    }
    let all_passed = results.iter().all(|result| result.outcome.passed());
    Ok(if all_passed { Exit::Success } else { Exit::Findings })
}

fn watch(options: &Test, wanted: &TestOptions) -> anyhow::Result<Exit> {
    let path = &options.policy.path;
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the files is an event too, and must not make them be read again.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = sender.send(());
        }
    })?;
    watcher.watch(path, RecursiveMode::Recursive).with_context(|| format!("could not watch `{}`", path.display()))?;
    loop {
        if let Err(error) = run_once(options, wanted) {
            anstream::eprintln!("{}: {error:#}", terminal::bold_red("error"));
        }
        anstream::println!("{}", terminal::dim(&format!("Waiting for changes in {} (Ctrl-C ends)", shown(path))));
        if !wait_for_change(&changes) {
            return Ok(Exit::Success);
        }
    }
}

/// Waits for a change and for quiet after it; `false` when there is nothing to wait for any more.
fn wait_for_change(changes: &Receiver<()>) -> bool {
    if changes.recv().is_err() {
        return false;
    }
    while changes.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {}
    true
}

fn shown(path: &Path) -> String {
    if path == Path::new(".") { "this folder".to_owned() } else { path.display().to_string() }
}

fn print_pretty(results: &[TestResult], verbose: bool) {
    for result in results {
        match &result.outcome {
            TestOutcome::Passed if verbose => {
                anstream::println!("{}  {}", terminal::green("ok  "), name(result));
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

fn junit(results: &[TestResult]) -> Report {
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
