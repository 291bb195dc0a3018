//! Runs OPA's conformance cases on interpreter and machine code.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hpol_tests::conformance::{Exceptions, Report, read_folder, run_all};

/// Run OPA's conformance cases on interpreter and machine code
///
/// Every `.yaml` file below DIR is read. A case passes if both engines, with and without the compiler's improvements, agree
/// and give what it wants; nothing is skipped. Cases that may fail stand in a committed list, each with a reason.
///
/// Ends with 0 if just the cases on that list fail, with 1 if another one fails or one on the list passes, and with 2 if
/// the cases can't be read.
#[derive(Debug, Parser)]
#[command(name = "rego-conformance", version, after_help = EXAMPLES)]
struct Arguments {
    /// The folder with a subfolder for each feature
    dir: PathBuf,
    /// Run only the cases of this folder; may be repeated
    #[arg(long, value_name = "NAME")]
    folder: Vec<String>,
    /// Run only the cases whose note contains this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// Show each failed case, also those that may fail
    #[arg(long)]
    list_failed: bool,
    /// Write the result as JSON
    #[arg(long)]
    json: bool,
    /// The list of cases that may fail
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance-exceptions.toml"))]
    exceptions: PathBuf,
}

const EXAMPLES: &str = "Examples:
  rego-conformance ../shared/conformance/rego-v1
  rego-conformance ../shared/conformance/rego-v1 --folder sprintf --list-failed
  rego-conformance ../shared/conformance/rego-v1 --note 'with_' --json";

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

fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let exceptions = Exceptions::read(&arguments.exceptions)?;
    let mut cases = read_folder(&arguments.dir)?;
    let named =
        |names: &[String], matches: &dyn Fn(&str) -> bool| names.is_empty() || names.iter().any(|name| matches(name));
    let stale = exceptions.stale(&cases);
    cases.retain(|case| {
        named(&arguments.folder, &|name| case.folder() == name)
            && named(&arguments.note, &|text| case.note.contains(text))
    });
    if cases.is_empty() {
        return Err("no case has such a folder and note".into());
    }
    let outcomes = run_all(&cases);
    let report = Report { stale_exceptions: stale, ..Report::new(&cases, &outcomes, &exceptions) };
    let mut output = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut output, &report)?;
        writeln!(output)?;
    } else {
        output.write_all(report.text(arguments.list_failed).as_bytes())?;
    }
    Ok(report.is_as_committed())
}
