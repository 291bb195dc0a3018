//! Compares hpol with hand-written Rust and with other policy engines.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hpol_benches::compare::{Row, missed, text};
use hpol_benches::engine::engines;
use hpol_benches::error::BenchError;
use hpol_benches::measure::Effort;
use hpol_benches::policy::chosen;

/// Compare hpol with hand-written Rust and other policy engines on the same policies and requests
///
/// Every engine must first give the same answer to every request. Then each is timed, by the time that the thread itself
/// ran, so that other work on the machine counts little; the figures are medians. Other engines take part if the feature
/// `peers` is on.
///
/// Ends with 0, with 1 if `--check` is given and a target is missed, and with 2 if engines disagree or nothing can be measured.
#[derive(Debug, Parser)]
#[command(name = "compare", version, after_help = EXAMPLES)]
struct Arguments {
    /// Measure only this policy; may be repeated
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// Measure only this engine, besides `struct` and `hpol`; may be repeated
    #[arg(long, value_name = "NAME")]
    engine: Vec<String>,
    /// Write the figures as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure shortly: for the order of magnitude
    #[arg(long)]
    quick: bool,
    /// End with 1 if a target is missed
    #[arg(long)]
    check: bool,
    /// Print the names of policies and engines, and end
    #[arg(long)]
    list: bool,
}

const EXAMPLES: &str = "Examples:
  cargo run --release -p hpol-benches --bin compare
  cargo run --release -p hpol-benches --features peers --bin compare -- --json compare.json
  cargo run --release -p hpol-benches --bin compare -- --policy rbac_100 --policy rollout --quick";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, BenchError> {
    let mut engines = engines();
    let mut output = std::io::stdout().lock();
    let cases = chosen(&arguments.policy)?;
    if arguments.list {
        for case in &cases {
            writeln!(output, "policy  {:<14} {}", case.name, case.title)?;
        }
        for engine in &engines {
            writeln!(output, "engine  {}", engine.name)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.engine.is_empty() {
        let wanted =
            |name: &str| ["struct", "hpol"].contains(&name) || arguments.engine.iter().any(|engine| engine == name);
        engines.retain(|engine| wanted(engine.name));
    }
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let mut rows = Vec::new();
    for case in &cases {
        let _ = writeln!(std::io::stderr(), "measuring {}", case.name);
        rows.push(Row::measure(case, &engines, effort)?);
    }
    output.write_all(text(&rows, &engines).as_bytes())?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    let failed = arguments.check && missed(&rows, &engines) > 0;
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
