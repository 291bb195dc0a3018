//! `hpol test --mutate`.

use std::io::{IsTerminal as _, Write as _};

use hpol_lang::diagnostic::Severity;
use hpol_runtime::mutate::{self, MutantOutcome, MutateError, MutateOptions, MutationReport};
use hpol_runtime::test::TestOptions;

use super::{Format, Test};
use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, count};
use crate::terminal;

pub(super) fn run(options: &Test, tests: TestOptions) -> anyhow::Result<Exit> {
    if !matches!(options.format, Format::Pretty | Format::Json) {
        return Err(Usage("--mutate is told as `--format pretty` or `json`".to_owned()).into());
    }
    let files = policy::read(&options.policy.path)?;
    let checked = hpol_runtime::check(&files);
    if checked.diagnostics.iter().any(|finding| finding.severity == Severity::Error) {
        policy::show_errors(&checked);
        return Ok(Exit::Findings);
    }
    let mutants = usize::try_from(options.mutants).unwrap_or(usize::MAX);
    let wanted =
        MutateOptions { tests: TestOptions { engines: Vec::new(), ..tests }, mutants, ..MutateOptions::default() };
    let is_terminal = std::io::stderr().is_terminal();
    let report = mutate::mutate(&files, &wanted, &|done, all| {
        if is_terminal {
            let mut stderr = std::io::stderr().lock();
            let end = if done == all { "\r\x1b[K" } else { "" };
            let _ = write!(stderr, "\r{done} of {all} changes tried{end}");
        }
    });
    let report = match report {
        Ok(report) => report,
        Err(error @ (MutateError::Failing(_) | MutateError::NoTests)) => {
            anstream::eprintln!("{}: {error}", terminal::bold_red("error"));
            return Ok(Exit::Findings);
        }
        Err(error @ MutateError::Policy(_)) => return Err(error.into()),
    };
    match options.format {
        Format::Json => print_json(&report)?,
        _ => print(&report, options.verbose),
    }
    let wanted = options.mutation_threshold.map_or(0.0, f64::from);
    if report.score < wanted {
        anstream::eprintln!("tests notice {:.1}% of the changes, and {wanted}% are wanted", report.score);
        return Ok(Exit::Findings);
    }
    Ok(Exit::Success)
}

fn print(report: &MutationReport, verbose: bool) {
    for mutant in &report.mutants {
        let change = if mutant.after.is_empty() {
            format!("without `{}`", mutant.before)
        } else {
            format!("`{}` → `{}`", mutant.before, mutant.after)
        };
        match &mutant.outcome {
            MutantOutcome::Survived => {
                anstream::println!("{}  {}: {change}", terminal::bold_red("SURVIVED"), mutant.location);
                anstream::println!("          {}", terminal::dim(mutant.hint));
            }
            MutantOutcome::Killed { by } if verbose => {
                anstream::println!("{}  {}: {change}", terminal::green("killed  "), mutant.location);
                anstream::println!("          {}", terminal::dim(&format!("by {by}")));
            }
            MutantOutcome::Killed { .. } | MutantOutcome::Equivalent | MutantOutcome::Invalid => {}
        }
    }
    let of = |outcome: &MutantOutcome| report.mutants.iter().filter(|mutant| mutant.outcome == *outcome).count();
    let (equivalent, invalid) = (of(&MutantOutcome::Equivalent), of(&MutantOutcome::Invalid));
    let summary = format!(
        "{}: {} noticed, {} not ({:.1}%)",
        count(report.killed + report.survived, "change"),
        report.killed,
        report.survived,
        report.score
    );
    anstream::println!("{}", if report.survived == 0 { terminal::green(&summary) } else { terminal::bold(&summary) });
    let left_out = report.found - report.mutants.len();
    anstream::println!(
        "{}",
        terminal::dim(&format!(
            "not counted: {equivalent} change nothing, {invalid} are no policy, {left_out} not tried"
        ))
    );
}
