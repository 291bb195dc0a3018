//! Exit codes, and the one place where an error is shown.

use std::process::ExitCode;

/// Shown by `hpol --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done, and nothing was found
  1  something was found: an error in a policy, a failed test, a file to format, a denied decision with --exit-code
  2  the command line is wrong
  3  it could not be done: a file, a repository, a server or a store could not be used";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success,
    /// Done, and there are findings.
    Findings,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => ExitCode::SUCCESS,
            Exit::Findings => ExitCode::from(1),
        }
    }
}

/// A command line that clap takes, but that makes no sense.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Shows an error with its causes and gives its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    anstream::eprintln!("{}: {error}", crate::terminal::bold_red("error"));
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  caused by: {cause}");
    }
    ExitCode::from(if error.is::<Usage>() { 2 } else { 3 })
}

/// Whether the reader of our output has gone, as in `hpol audit list | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
