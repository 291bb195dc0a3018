//! What `hpol test --coverage` shows and writes.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use hpol_runtime::coverage::Coverage;

use crate::exit::Usage;
use crate::terminal;

#[derive(Debug, Args)]
#[command(next_help_heading = "Coverage")]
pub(super) struct Options {
    /// Measure which conditions of the policy the tests see met and not met
    #[arg(long)]
    coverage: bool,
    /// Exit with 1 if fewer percent of the conditions are covered
    #[arg(long, value_name = "PERCENT", requires = "coverage", value_parser = percent)]
    threshold: Option<f64>,
    /// How to report the coverage; all but text need --coverage-output
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT", requires = "coverage")]
    coverage_format: Format,
    /// The file to write the report to, instead of standard output
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// What is not covered, for people
    Text,
    /// Every condition with its counts, for programs
    Json,
    /// A tracefile of LCOV, for CI servers and editors
    Lcov,
    /// A page with the conditions marked in the text of the policy
    Html,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&number) { Ok(number) } else { Err("not between 0 and 100".to_owned()) }
}

impl Options {
    pub(super) fn wanted(&self) -> bool {
        self.coverage
    }

    /// Refuses two reports in different formats on one standard output.
    pub(super) fn check(&self, pretty: bool) -> Result<(), Usage> {
        let apart = self.coverage_output.is_some();
        if self.coverage && !apart && !(pretty && self.coverage_format == Format::Text) {
            let message = "with --format or --coverage-format for programs, say by --coverage-output FILE where the \
                coverage goes: standard output has the results of the tests";
            return Err(Usage(message.to_owned()));
        }
        Ok(())
    }

    /// Writes the report; whether the coverage is enough.
    pub(super) fn report(&self, measured: &Coverage, pretty: bool) -> anyhow::Result<bool> {
        let report = match self.coverage_format {
            Format::Text => format!("{measured}\n"),
            Format::Json => serde_json::to_string_pretty(measured)? + "\n",
            Format::Lcov => measured.lcov(),
            Format::Html => measured.html(),
        };
        if let Some(path) = &self.coverage_output {
            fs::write(path, report).with_context(|| format!("could not write `{}`", path.display()))?;
            if pretty {
                anstream::println!("coverage: {}, in {}", measured.total, path.display());
            }
        } else {
            anstream::print!("{report}");
        }
        let Some(threshold) = self.threshold else { return Ok(true) };
        let enough = measured.reaches(threshold);
        if !enough {
            let error = terminal::bold_red("error");
            anstream::eprintln!("{error}: the coverage of {} is below {threshold}%", measured.total);
        }
        Ok(enough)
    }
}
