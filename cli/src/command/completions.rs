//! `hpol completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::exit::Exit;

/// Print a completion script for a shell
///
/// For bash: `hpol completions bash > ~/.local/share/bash-completion/completions/hpol`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(options: &Completions) -> anyhow::Result<Exit> {
    let mut command = crate::args::Arguments::command();
    clap_complete::generate(options.shell, &mut command, "hpol", &mut std::io::stdout());
    Ok(Exit::Success)
}
