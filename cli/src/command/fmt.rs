//! `hpol fmt`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use hpol_lang::diagnostic;
use hpol_lang::format::format;
use hpol_lang::parse::{ParseLimits, parse};
use hpol_lang::source::SourceMap;
use walkdir::{DirEntry, WalkDir};

use crate::exit::Exit;
use crate::policy::{self, count};
use crate::terminal;

/// Lay out policy files in the one canonical way
///
/// Comments and meaning stay. A file that does not parse is reported and left as it is.
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files and folders; `-` formats standard input
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; name the files that are laid out otherwise, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Fmt) -> anyhow::Result<Exit> {
    if options.paths == [PathBuf::from("-")] {
        return format_input();
    }
    let mut files = Vec::new();
    for path in &options.paths {
        collect(path, &mut files)?;
    }
    let (mut changed, mut broken) = (0, 0);
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("could not read `{}`", file.display()))?;
        let Some(formatted) = format_text(&file.display().to_string(), &text) else {
            broken += 1;
            continue;
        };
        if formatted == text {
            continue;
        }
        changed += 1;
        println!("{}", file.display());
        if !options.check {
            policy::replace(file, &formatted)?;
        }
    }
    let verb = if options.check { "would be changed" } else { "changed" };
    anstream::eprintln!("{}", terminal::dim(&format!("{}: {changed} {verb}", count(files.len(), "file"))));
    Ok(if broken > 0 || options.check && changed > 0 { Exit::Findings } else { Exit::Success })
}

fn format_input() -> anyhow::Result<Exit> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("could not read standard input")?;
    match format_text("standard input", &text) {
        Some(formatted) => {
            print!("{formatted}");
            Ok(Exit::Success)
        }
        None => Ok(Exit::Findings),
    }
}

/// The canonical layout, or `None` after the errors have been shown.
fn format_text(name: &str, text: &str) -> Option<String> {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
    if let (Some(module), true) = (&module, diagnostics.is_empty()) {
        return Some(format(&sources, module));
    }
    anstream::eprint!("{}", diagnostic::render(&diagnostics, &sources, terminal::stderr_color()));
    None
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let is_hidden = |entry: &DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    for entry in WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry)) {
        let entry = entry.with_context(|| format!("could not read `{}`", path.display()))?;
        let is_policy = entry.path().extension().is_some_and(|extension| extension == "hpol" || extension == "rego");
        if entry.file_type().is_file() && (is_policy || entry.depth() == 0) {
            files.push(entry.into_path());
        }
    }
    Ok(())
}
