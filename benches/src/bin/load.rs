//! Measures loading, memory, allocations, and decisions while policies are reloaded.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hpol_benches::engine::Start;
use hpol_benches::error::BenchError;
use hpol_benches::loading::{Allocated, Beside, Held, Latencies, Loading, latencies, loading, reloads};
use hpol_benches::policy::{Case, chosen};
use hpol_benches::table::{Table, bytes, whole};
use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Measure loading, memory, allocations, and decisions while policies are reloaded
///
/// Prints for each policy the time from its files to the first decision, what the engine holds, and how often a warm decision
/// allocates; then how long decisions take while generations are swapped, beside what they take while the same work goes on
/// without a swap; then what is held after many reloads.
///
/// Ends with 0, with 1 if `--check` is given and a target is missed, and with 2 if nothing can be measured.
#[derive(Debug, Parser)]
#[command(name = "load", version, after_help = EXAMPLES)]
struct Arguments {
    /// Measure only this policy; may be repeated
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// The policy that is reloaded
    #[arg(long, value_name = "NAME", default_value = "ai_gateway")]
    reload_policy: String,
    /// Generations that are swapped while requests are decided; 0 leaves this out
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    generations: usize,
    /// Reloads after which memory must not have grown; 0 leaves this out
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    reloads: usize,
    /// Write the figures as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// End with 1 if a target is missed
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "Examples:
  cargo run --release -p hpol-benches --bin load
  cargo run --release -p hpol-benches --bin load -- --policy rules_10000 --generations 0 --reloads 0
  cargo run --release -p hpol-benches --bin load -- --reloads 500 --json load.json";

/// Everything that is measured.
#[derive(Debug, Default, Serialize)]
struct Measured {
    loading: Vec<Loading>,
    latencies: Vec<Latencies>,
    held: Vec<Held>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn allocated() -> Allocated {
    Allocated::of(&ALLOCATOR.stats())
}

fn run(arguments: &Arguments) -> Result<ExitCode, BenchError> {
    let mut output = std::io::stdout().lock();
    let mut measured = Measured::default();
    let mut missed = Vec::new();
    for case in chosen(&arguments.policy)? {
        let _ = writeln!(std::io::stderr(), "loading {}", case.name);
        measured.loading.push(loading(&case, allocated)?);
    }
    writeln!(output, "{}", loading_text(&measured.loading, &mut missed))?;
    let reloaded: Case = chosen(std::slice::from_ref(&arguments.reload_policy))?.remove(0);
    if arguments.generations > 0 {
        for beside in [Beside::Nothing, Beside::Elsewhere, Beside::Swapping] {
            let _ = writeln!(std::io::stderr(), "deciding beside {beside:?}");
            measured.latencies.push(latencies(&reloaded, beside, arguments.generations)?);
        }
        writeln!(output, "{}", latencies_text(&reloaded, &measured.latencies, &mut missed))?;
    }
    if arguments.reloads > 0 {
        let _ = writeln!(std::io::stderr(), "reloading {} times", arguments.reloads);
        measured.held = reloads(&reloaded, arguments.reloads, allocated)?;
        writeln!(output, "{}", held_text(&reloaded, &measured.held, &mut missed))?;
    }
    for message in &missed {
        writeln!(output, "missed: {message}")?;
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&measured)?)?;
    }
    Ok(if arguments.check && !missed.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Milliseconds to the first decision of ten thousand rules, and of smaller policies.
const MILLISECONDS_MAX: (f64, f64) = (1_000.0, 20.0);

fn loading_text(all: &[Loading], missed: &mut Vec<String>) -> String {
    let headings = [
        "policy",
        "first decision",
        "machine code",
        "source",
        "documents",
        "held",
        "held/documents",
        "code holds",
        "allocations",
        "from JSON",
    ];
    let mut table = Table::new(headings);
    for one in all {
        let limit = if one.policy == "rules_10000" { MILLISECONDS_MAX.0 } else { MILLISECONDS_MAX.1 };
        let small = ["rules_1000", "rules_10000", "rbac_100"].iter().all(|large| one.policy != *large);
        if one.first_decision_milliseconds > limit && (small || one.policy == "rules_10000") {
            missed.push(format!(
                "{} takes {:.1} ms to the first decision, of {limit}",
                one.policy, one.first_decision_milliseconds
            ));
        }
        if small && one.memory_bytes > 1_000_000 {
            missed.push(format!("{} holds {}, of 1 MB", one.policy, bytes(one.memory_bytes as f64)));
        }
        for start in Start::ALL.into_iter().filter(|start| one.allocations.of(*start) > 0.0) {
            let times = one.allocations.of(start);
            missed.push(format!("{} allocates {times:.1} times a decision ({}), of 0", one.policy, start.word()));
        }
        let of_documents = one.memory_bytes as f64 / one.document_bytes as f64;
        table.row([
            one.policy.clone(),
            format!("{:.1} ms", one.first_decision_milliseconds),
            format!("{:.1} ms", one.code_milliseconds),
            bytes(one.source_bytes as f64),
            bytes(one.document_bytes as f64),
            bytes(one.memory_bytes as f64),
            if one.document_bytes > 10_000 { format!("{of_documents:.1}×") } else { "–".to_owned() },
            bytes(one.code_bytes as f64),
            format!("{:.1}", one.allocations.prepared),
            format!("{:.1}", one.allocations.json),
        ]);
    }
    format!(
        "Loading: wall time from the files to the first decision, by the interpreter, and to machine code; what the engine holds; allocations of a warm decision.\n\n{table}"
    )
}

/// Microseconds by which the slowest of a thousand decisions may be later where generations are swapped.
const LATER_MAX: f64 = 1_000.0;

fn latencies_text(case: &Case, all: &[Latencies], missed: &mut Vec<String>) -> String {
    let headings =
        ["beside", "decisions", "generations", "median µs", "99 %", "99.9 %", "slowest", "1 ms late", "wrong"];
    let mut table = Table::new(headings);
    for one in all {
        let cells = [
            format!("{:?}", one.beside).to_lowercase(),
            whole(one.decisions as f64),
            whole(one.generations as f64),
            format!("{:.1}", one.median),
            format!("{:.1}", one.percentile_99),
            format!("{:.1}", one.percentile_99_9),
            whole(one.slowest),
            whole(one.late as f64),
            whole(one.wrong as f64),
        ];
        table.row(cells);
        if one.wrong > 0 {
            missed.push(format!("{} decisions were wrong beside {:?}", one.wrong, one.beside));
        }
    }
    let of = |beside| all.iter().find(|one| one.beside == beside).map_or(f64::NAN, |one| one.percentile_99_9);
    let later = of(Beside::Swapping) - of(Beside::Elsewhere);
    if later > LATER_MAX {
        missed.push(format!("a swap makes decisions {later:.0} µs later, of {LATER_MAX}"));
    }
    format!("Decisions of {} by the wall clock while another thread loads policies.\n\n{table}", case.name)
}

/// By how much memory may grow from the first reloads to the last, as it is never quite the same.
const GROWTH_MAX: f64 = 1.02;

fn held_text(case: &Case, all: &[Held], missed: &mut Vec<String>) -> String {
    let mut table = Table::new(["reloads", "held more", "resident"]);
    for one in all {
        let resident = bytes(one.resident_bytes as f64);
        table.row([whole(one.reloads as f64), bytes(one.bytes as f64), resident]);
    }
    if let (Some(first), Some(last)) = (all.first(), all.last()) {
        // What is held beyond the engine before; a hundred kilobytes are noise.
        if last.bytes as f64 > first.bytes as f64 * GROWTH_MAX + 100_000.0 {
            let (from, to) = (bytes(first.bytes as f64), bytes(last.bytes as f64));
            missed.push(format!("memory grew from {from} to {to} over {} reloads", last.reloads));
        }
    }
    format!("Memory after reloads of {}.\n\n{table}", case.name)
}
