//! Reading policies from disk, and showing what is wrong with them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use hpol_lang::check::Checked;
use hpol_lang::diagnostic::{self, Severity};
use hpol_lang::value::{JsonLimits, Value, parse_json};
use hpol_runtime::source::{FileLimits, Files, FolderSource, Source as _};
use hpol_runtime::{Capabilities, Engine, EngineKind, EngineOptions};

use crate::terminal;

/// Which policy a command works on.
#[derive(Debug, Args)]
pub(crate) struct PolicyPath {
    /// Folder with the policy, or a single file
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) path: PathBuf,
}

/// What the host lets policies do.
#[derive(Debug, Args)]
pub(crate) struct Host {
    /// File with what policies may do: which builtins they may call, and limits on their work (JSON or YAML)
    #[arg(long, value_name = "FILE")]
    pub(crate) capabilities: Option<PathBuf>,
}

impl Host {
    /// The capabilities, if a file is named.
    pub(crate) fn capabilities(&self) -> anyhow::Result<Option<Arc<Capabilities>>> {
        self.capabilities.as_deref().map(read_capabilities).transpose()
    }
}

/// Reads a file of capabilities.
pub(crate) fn read_capabilities(path: &Path) -> anyhow::Result<Arc<Capabilities>> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?;
    Ok(Arc::new(Capabilities::parse(&path.display().to_string(), &text)?))
}

/// Which evaluator runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Evaluator {
    /// Machine code
    Jit,
    /// The reference interpreter
    Interpreter,
}

impl From<Evaluator> for EngineKind {
    fn from(evaluator: Evaluator) -> Self {
        match evaluator {
            Evaluator::Jit => Self::Jit,
            Evaluator::Interpreter => Self::Interpreter,
        }
    }
}

/// Reads the files of a policy.
pub(crate) fn read(path: &Path) -> anyhow::Result<Files> {
    if !path.is_file() {
        return Ok(FolderSource::new(path, FileLimits::default()).read()?);
    }
    let text = fs::read(path).with_context(|| format!("could not read `{}`", path.display()))?;
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(Files::from_memory([(name, text)]))
}

/// An engine with a policy, or `None` after its errors have been shown on standard error.
pub(crate) fn engine(path: &Path, kind: EngineKind, host: &Host) -> anyhow::Result<Option<Engine>> {
    let files = read(path)?;
    let capabilities = host.capabilities()?;
    let checked = hpol_runtime::check_with(&files, capabilities.as_deref());
    if checked.has_errors() {
        show_errors(&checked);
        return Ok(None);
    }
    let engine = Engine::new(EngineOptions { kind, capabilities, ..EngineOptions::default() });
    engine.load(&files)?;
    Ok(Some(engine))
}

/// Shows the errors, not the warnings, on standard error.
pub(crate) fn show_errors(checked: &Checked) {
    let errors: Vec<_> =
        checked.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect();
    anstream::eprint!("{}", diagnostic::render(&errors, &checked.sources, terminal::stderr_color()));
    anstream::eprintln!("\n{}", count(errors.len(), "error"));
}

/// `1 error`, `2 errors`.
pub(crate) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// Reads a document from a file, or from standard input for `-`.
pub(crate) fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("could not read standard input")?
    } else {
        fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?
    };
    parse_json(&text, JsonLimits::default()).map_err(|error| {
        let before = text.get(..error.offset).unwrap_or(&text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        anyhow::anyhow!("{}:{line}:{column}: {}", path.display(), error.message)
    })
}

/// Writes beside the file and renames, so that an interruption leaves the old text or the new.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)?;
    let permissions = fs::metadata(path).with_context(failed)?.permissions();
    fs::set_permissions(file.path(), permissions).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
