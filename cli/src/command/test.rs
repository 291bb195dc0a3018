//! `hpol test`.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use hpol_runtime::EngineKind;
use hpol_runtime::test::{self, TestOptions};
use notify::{RecursiveMode, Watcher as _};
use regex::Regex;

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, Host, PolicyPath};
use crate::terminal;

mod coverage;
mod mutate;
mod report;

/// Run the tests of a policy
///
/// Runs every `test` and `property` of the `.hpol` files and every rule of the `.rego` files whose name starts with `test_`.
/// A property is tried on values that are made up: the same ones each time, unless another seed is given.
///
/// With --coverage it also says which conditions of the policy the tests never saw met, and which never not met.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol test                                     everything in this folder
  hpol test --run 'orders.*refund' -v           only these, each with its time
  hpol test --seed 7 --cases 10000              other and more values for properties
  hpol test --coverage --threshold 90           which conditions no test sees both met and not met
  hpol test --mutate                            which changes of the policy no test notices
  hpol test --mutate --mutation-threshold 90    fail if more than one in ten survives
  hpol test --format junit > results.xml        for a CI server")]
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
    /// Also list the tests that passed, and how long each took
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
    /// Fail if there is no test
    #[arg(long)]
    fail_on_empty: bool,
    /// Change the policy in small ways and report the changes that no test notices
    #[arg(long, conflicts_with_all = ["watch", "engine", "coverage"])]
    mutate: bool,
    /// How many changes are tried at most; of more, as many are taken at even distances
    #[arg(long, requires = "mutate", default_value_t = 1_000, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    mutants: u32,
    /// Fail if tests notice less than this part of the changes, in percent
    #[arg(long, requires = "mutate", value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    mutation_threshold: Option<u8>,
    #[command(flatten)]
    coverage: coverage::Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// For programs
    Json,
    /// For CI servers
    Junit,
    /// Test Anything Protocol, version 14
    Tap,
    /// Annotations for GitHub's runners
    Github,
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
    options.coverage.check(options.format == Format::Pretty)?;
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
    if options.mutate {
        return mutate::run(options, wanted);
    }
    if options.watch {
        return watch(options, &wanted);
    }
    run_once(options, &wanted)
}

fn run_once(options: &Test, wanted: &TestOptions) -> anyhow::Result<Exit> {
    let Some(engine) = policy::engine(&options.policy.path, EngineKind::Jit, &options.host)? else {
        return Ok(Exit::Findings);
    };
    let (results, measured) = if options.coverage.wanted() {
        let (results, measured) = hpol_runtime::coverage::run(&engine, wanted)?;
        (results, Some(measured))
    } else {
        (test::run(&engine, wanted)?, None)
    };
    match options.format {
        Format::Pretty => report::pretty(&results, options.verbose),
        Format::Json => print_json(&results)?,
        Format::Junit => println!("{}", report::junit(&results).to_string().context("could not write JUnit XML")?),
        Format::Tap => print!("{}", report::tap(&results)),
        Format::Github => print!("{}", report::github(&results, &options.policy.path)),
    }
    if results.is_empty() && options.fail_on_empty && wanted.filter.is_none() {
        anstream::eprintln!("there is no test: write one in a file such as policy_test.hpol");
        return Ok(Exit::Findings);
    }
    if results.is_empty() && wanted.filter.is_some() {
        anstream::eprintln!("no test matches --run {}", options.run.as_deref().unwrap_or_default());
        return Ok(Exit::Findings);
    }
    let enough = match &measured {
        Some(measured) => options.coverage.report(measured, options.format == Format::Pretty)?,
        None => true,
    };
    let all_passed = results.iter().all(|result| result.outcome.passed());
    Ok(if all_passed && enough { Exit::Success } else { Exit::Findings })
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
