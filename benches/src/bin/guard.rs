//! Holds the instructions of decisions to what they were.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hpol_benches::engine::Start;
use hpol_benches::error::BenchError;
use hpol_benches::guard::{Counts, Kept, Verdict, count, run_counted, verdict};
use hpol_benches::loading::{Allocated, Allocations, allocations};
use hpol_benches::policy::chosen;
use hpol_benches::table::{Table, whole};
use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Count the instructions of decisions, and compare them with the kept counts
///
/// Callgrind counts what deciding the requests of each policy takes, from a prepared request and from JSON text, so that the
/// result does not depend on how busy the machine is. Counts are kept for each architecture; on one that has none, they are
/// only shown. A decision allocates nothing once it is warm.
///
/// Ends with 0 if every count is within the margin or lower, with 1 if one is higher or not kept yet, or a decision allocates,
/// and with 2 if nothing can be counted.
#[derive(Debug, Parser)]
#[command(name = "guard", version, after_help = EXAMPLES)]
struct Arguments {
    /// Count only this policy; may be repeated
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// Keep what is counted from now on
    #[arg(long)]
    update: bool,
    /// Where the counts are kept
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/guard.toml"))]
    file: PathBuf,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
    /// Set where this program runs itself under valgrind: where `vgdb` finds it
    #[arg(long, value_name = "PREFIX", hide = true)]
    counted: Option<String>,
}

const EXAMPLES: &str = "Examples:
  cargo run --release -p hpol-benches --bin guard
  cargo run --release -p hpol-benches --bin guard -- --policy rbac_100
  cargo run --release -p hpol-benches --bin guard -- --update";

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, BenchError> {
    let cases = chosen(&arguments.policy)?;
    if let Some(prefix) = &arguments.counted {
        run_counted(&cases, prefix)?;
        return Ok(true);
    }
    let mut kept = Kept::read(&arguments.file)?;
    let counts = count(&cases)?;
    if arguments.update {
        let of_this = kept.instructions.entry(std::env::consts::ARCH.to_owned()).or_default();
        of_this.extend(counts.clone());
        std::fs::write(&arguments.file, kept.text()?)?;
    }
    let mut measured = BTreeMap::new();
    for case in &cases {
        let instructions = counts.get(&case.name).copied().unwrap_or_default();
        let allocations = allocations(case, || Allocated::of(&ALLOCATOR.stats()))?;
        measured.insert(case.name.clone(), Measured { instructions, allocations });
    }
    let mut output = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut output, &measured)?;
        writeln!(output)?;
    }
    let report = report(&kept, &measured);
    if !arguments.json {
        write!(output, "{}", report.table)?;
    }
    for message in &report.messages {
        writeln!(std::io::stderr(), "{message}")?;
    }
    Ok(!report.failed)
}

/// What a decision takes, on average over the requests of a policy.
#[derive(Debug, Serialize)]
struct Measured {
    instructions: Counts,
    allocations: Allocations,
}

struct Report {
    table: Table,
    messages: Vec<String>,
    failed: bool,
}

fn report(kept: &Kept, measured: &BTreeMap<String, Measured>) -> Report {
    let mut table = Table::new(["policy", "start", "instructions", "kept", "change", "allocations"]);
    let mut messages = Vec::new();
    let mut failed = false;
    let architecture = std::env::consts::ARCH;
    let of_this = kept.instructions.get(architecture);
    if of_this.is_none() {
        messages.push(format!("no counts are kept for {architecture}: `--update` keeps these"));
    }
    for (policy, Measured { instructions, allocations }) in measured {
        for start in Start::ALL {
            let counted = instructions.of(start);
            let before = of_this.and_then(|kept| kept.get(policy)).map(|counts| counts.of(start));
            let change = before.map_or(f64::NAN, |before| (counted as f64 / before as f64 - 1.0) * 100.0);
            let allocations = allocations.of(start);
            table.row([
                policy.clone(),
                start.word().to_owned(),
                whole(counted as f64),
                before.map_or_else(|| "–".to_owned(), |before| whole(before as f64)),
                percent(change),
                format!("{allocations:.1}"),
            ]);
            let what = format!("{policy}, {}", start.word());
            if allocations > 0.0 {
                failed = true;
                messages.push(format!("allocates: {what}: {allocations:.2} times a warm decision, of 0"));
            }
            match verdict(counted, before, kept.margin_percent) {
                Verdict::Kept => {}
                Verdict::Better => messages.push(format!("better: {what}: {change:+.1} %; `--update` keeps it")),
                Verdict::Worse => {
                    failed = true;
                    messages
                        .push(format!("slower: {what}: {change:+.1} %, of which {} are let pass", kept.margin_percent));
                }
                Verdict::Unknown if of_this.is_some() => {
                    failed = true;
                    messages.push(format!("not kept: {what}; `--update` keeps it"));
                }
                Verdict::Unknown => {}
            }
        }
    }
    Report { table, messages, failed }
}

fn percent(change: f64) -> String {
    if change.is_nan() { "–".to_owned() } else { format!("{change:+.1} %") }
}
