//! `hpol inspect`.

use clap::Args;

use crate::admin::print_json;
use crate::exit::Exit;
use crate::policy::{self, PolicyPath};

/// Show what a policy consists of
///
/// Lists each package with the kind of request it decides, its decision rules, rules and tests, and what they read; then
/// documents, schemas, and how large the plan and the machine code are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol inspect                                      the policy in this folder
  hpol inspect policies --json                      the same for programs
  hpol inspect --json | jq '.packages[].decisions'  every decision rule with id, place and annotations")]
pub(crate) struct Inspect {
    #[command(flatten)]
    policy: PolicyPath,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Inspect) -> anyhow::Result<Exit> {
    let files = policy::read(&options.policy.path)?;
    let checked = hpol_runtime::check(&files);
    let Some(inspection) = hpol_runtime::inspect::inspect(&checked, &files) else {
        policy::show_errors(&checked);
        return Ok(Exit::Findings);
    };
    if options.json {
        print_json(&inspection)?
    } else {
        print!("{inspection}")
    }
    Ok(Exit::Success)
}
