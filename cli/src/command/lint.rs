//! `hpol lint`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hpol_lang::check::Checked;
use hpol_lang::diagnostic::{self, Diagnostic};
use hpol_lang::lint::{LINTS, LintOptions, lint};

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, PolicyPath, count};
use crate::terminal;

/// Find what is allowed but hardly ever meant
///
/// Looks at `.hpol` and `.rego` files and exits with 1 if it finds something. A comment `# hpol-lint-ignore: code` on the same
/// line or the one above keeps a finding away. What `hpol check` says is not repeated; a policy with errors is linted as
/// far as it can be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol lint                                    everything in this folder
  hpol lint --list                             what is looked for, and why
  hpol lint --ignore unused-output-variable    all but this
  hpol lint --fix                              mend what can be mended without thinking
  hpol lint --format sarif > lint.sarif        for code scanning services")]
pub(crate) struct Lint {
    #[command(flatten)]
    policy: PolicyPath,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Do not look for this; may be repeated
    #[arg(long, value_name = "CODE")]
    ignore: Vec<String>,
    /// Look for this only; may be repeated
    #[arg(long, value_name = "CODE")]
    only: Vec<String>,
    /// Mend what has a fix, then show the rest
    #[arg(long)]
    fix: bool,
    /// Show what is looked for
    #[arg(long)]
    list: bool,
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

pub(crate) fn run(options: &Lint) -> anyhow::Result<Exit> {
    if options.list {
        list();
        return Ok(Exit::Success);
    }
    let codes = |codes: &[String]| codes.to_vec();
    let (ignored, only) = (codes(&options.ignore), codes(&options.only));
    let wanted = LintOptions::new(ignored.iter().map(String::as_str), only.iter().map(String::as_str));
    let wanted = wanted.map_err(|error| Usage(error.to_string()))?;
    let path = &options.policy.path;
    let (mut checked, mut findings) = look(path, &wanted)?;
    if options.fix && fix(path, &checked, &findings)? {
        (checked, findings) = look(path, &wanted)?;
    }
    print(options, &checked, &findings)?;
    Ok(if findings.is_empty() { Exit::Success } else { Exit::Findings })
}

/// What is found, and what keeps files from being read.
fn look(path: &Path, wanted: &LintOptions) -> anyhow::Result<(Checked, Vec<Diagnostic>)> {
    let checked = hpol_runtime::check(&policy::read(path)?);
    let mut findings = lint(&checked, &hpol_stdlib::environment(), wanted);
    // What can't be read is not linted, which must not look like a file without findings.
    findings.extend(checked.unread().cloned());
    Ok((checked, findings))
}

/// Mends files; whether there was anything to mend.
fn fix(path: &Path, checked: &Checked, findings: &[Diagnostic]) -> anyhow::Result<bool> {
    let texts = diagnostic::apply_fixes(findings, &checked.sources);
    for (file, text) in &texts {
        policy::replace(&on_disk(path, &checked.sources.file(*file).path), text)?;
    }
    if !texts.is_empty() {
        anstream::eprintln!("{}", terminal::dim(&format!("{} mended", count(texts.len(), "file"))));
    }
    Ok(!texts.is_empty())
}

/// The file behind a path of the policy.
fn on_disk(path: &Path, file: &str) -> PathBuf {
    if path.is_file() { path.to_owned() } else { path.join(file) }
}

fn print(options: &Lint, checked: &Checked, findings: &[Diagnostic]) -> anyhow::Result<()> {
    let reports = || findings.iter().map(|finding| finding.report(&checked.sources)).collect::<Vec<_>>();
    let path = &options.policy.path;
    let folder = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
    let folder = folder.to_string_lossy();
    match options.format {
        Format::Json => print_json(&reports())?,
        Format::Sarif => {
            let rules = LINTS.iter().map(|lint| (lint.code, lint.meaning));
            print_json(&diagnostic::sarif(&reports(), rules, &folder))?;
        }
        Format::Github => print!("{}", diagnostic::github(&reports(), &folder)),
        Format::Text => {
            let text = diagnostic::render(findings, &checked.sources, terminal::stdout_color());
            if !text.is_empty() {
                anstream::println!("{text}");
            }
            let files = count(checked.modules.len(), "policy file");
            let found = count(findings.len(), "finding");
            anstream::println!("{}", terminal::bold(&format!("{files}: {found}")));
        }
    }
    Ok(())
}

fn list() {
    for lint in LINTS {
        anstream::println!("{}", terminal::bold(lint.code));
        println!("  {}: {}", lint.meaning, lint.reason);
    }
}
