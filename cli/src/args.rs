//! The command line.

use clap::{Parser, Subcommand};

use crate::command;
use crate::terminal::Color;

/// Write, check, test and run hpol policies: decisions as code in front of LLM APIs, databases, shells and clusters
#[derive(Debug, Parser)]
#[command(name = "hpol", version, after_help = crate::exit::HELP, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,

    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands, in the order in which a new user meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a policy repository in a new folder
    New(command::new::New),
    /// Report every error and warning of a policy
    Check(command::check::Check),
    /// Find what is allowed but hardly ever meant
    Lint(command::lint::Lint),
    /// Lay out policy files in the one canonical way
    Fmt(command::fmt::Fmt),
    /// Run the tests of a policy
    Test(command::test::Test),
    /// Evaluate a rule, or decide on a request
    Eval(command::eval::Eval),
    /// Say why a request is decided as it is, and why not otherwise
    Explain(command::explain::Explain),
    /// Turn a `.rego` file into a typed `.hpol` one
    Convert(command::convert::Convert),
    /// Type in rules and queries and see what they give
    Repl(command::repl::Repl),
    /// Show what a policy consists of
    Inspect(command::inspect::Inspect),
    /// Show what a package or rule depends on, or what depends on it
    Deps(command::deps::Deps),
    /// Show what builtins do: signature, explanation, examples
    Builtins(command::builtins::Builtins),
    /// Show the gateway at work: one request of each outcome against a small upstream of its own
    Demo(command::demo::Demo),
    /// Run the gateway
    Proxy(command::proxy::Proxy),
    /// List, grant and refuse requests that wait for approval
    Approvals(command::approvals::Approvals),
    /// List the labels of sessions, and take one away
    Session(command::session::Session),
    /// List, show and verify the audit log
    Audit(command::audit::Audit),
    /// Print a completion script for a shell
    Completions(command::completions::Completions),
    /// Print version, build and supported language edition
    Version(command::version::Version),
}
