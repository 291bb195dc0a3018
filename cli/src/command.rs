//! The subcommands, one file each.

use crate::args::Command;
use crate::exit::Exit;

pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod builtins;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod deps;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod inspect;
pub(crate) mod lint;
pub(crate) mod new;
pub(crate) mod proxy;
pub(crate) mod repl;
pub(crate) mod session;
pub(crate) mod test;
pub(crate) mod version;

/// Runs a subcommand.
pub(crate) fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::New(options) => new::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Lint(options) => lint::run(&options),
        Command::Fmt(options) => fmt::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Eval(options) => eval::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Convert(options) => convert::run(&options),
        Command::Repl(options) => repl::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Deps(options) => deps::run(&options),
        Command::Builtins(options) => builtins::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Proxy(options) => proxy::run(&options),
        Command::Approvals(options) => approvals::run(&options),
        Command::Session(options) => session::run(&options),
        Command::Audit(options) => audit::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Version(options) => version::run(&options),
    }
}
