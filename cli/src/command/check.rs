//! `hpol check`.

use std::path::Path;

use clap::{Args, ValueEnum};
use hpol_lang::codes::CODES;
use hpol_lang::diagnostic::{self, Severity};

use crate::admin::print_json;
use crate::exit::Exit;
use crate::policy::{self, Host, PolicyPath, count};
use crate::terminal;

/// Report every error and warning of a policy
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    policy: PolicyPath,
    #[command(flatten)]
    host: Host,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Take warnings for errors
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For code scanning services
    Sarif,
    /// Annotations for GitHub's runners
    Github,
}

pub(crate) fn run(options: &Check) -> anyhow::Result<Exit> {
    let files = policy::read(&options.policy.path)?;
    let checked = hpol_runtime::check_with(&files, options.host.capabilities()?.as_deref());
    let errors = checked.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = checked.diagnostics.len() - errors;
    let reports = || checked.diagnostics.iter().map(|finding| finding.report(&checked.sources)).collect::<Vec<_>>();
    let path = &options.policy.path;
    let folder = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
    let folder = folder.to_string_lossy();
    match options.format {
        Format::Json => print_json(&reports())?,
        Format::Sarif => {
            let rules = CODES.iter().map(|code| (code.name, code.meaning));
            print_json(&diagnostic::sarif(&reports(), rules, &folder))?;
        }
        Format::Github => print!("{}", diagnostic::github(&reports(), &folder)),
        Format::Text => {
            let text = diagnostic::render(&checked.diagnostics, &checked.sources, terminal::stdout_color());
            if !text.is_empty() {
                anstream::println!("{text}");
            }
            let files = count(checked.sources.files().count(), "policy file");
            let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
            anstream::println!("{}", terminal::bold(&format!("{files}: {errors}, {warnings}")));
        }
    }
    let bad = errors > 0 || options.deny_warnings && warnings > 0;
    Ok(if bad { Exit::Findings } else { Exit::Success })
}
