//! `hpol deps`.

use clap::{Args, ValueEnum};
use hpol_lang::dependencies::Graph;

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy;

/// Show what a package or rule depends on, or what depends on it
///
/// Follows rules, documents with their files and schemas, paths of the input, and builtins. `[_]` in a path is any
/// element. What was written before is marked with `*`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol deps guard                              everything that the package `guard` depends on
  hpol deps data.guard.privileged              one rule
  hpol deps 'no where'                         a decision rule by its id
  hpol deps --reverse directory.json           every rule and test that the document has a part in
  hpol deps guard --format dot | dot -Tsvg     a picture")]
pub(crate) struct Deps {
    /// A package, a rule, the id of a decision rule; with --reverse also a file, a builtin or a path. All packages without it
    target: Option<String>,
    /// Folder with the policy, or a single file
    #[arg(long, short, default_value = ".", value_name = "PATH")]
    policy: std::path::PathBuf,
    /// Show what depends on it instead
    #[arg(long, requires = "target")]
    reverse: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Tree,
    /// For programs: nodes and edges
    Json,
    /// For Graphviz
    Dot,
}

pub(crate) fn run(options: &Deps) -> anyhow::Result<Exit> {
    let files = policy::read(&options.policy)?;
    let checked = hpol_runtime::check(&files);
    let Some(graph) = Graph::of(&checked, files.iter().map(|(path, _)| &**path)) else {
        policy::show_errors(&checked);
        return Ok(Exit::Findings);
    };
    let graph = if options.reverse { graph.reversed() } else { graph };
    let roots = match &options.target {
        None => graph.packages(),
        Some(target) => {
            let found = graph.find(target);
            if found.is_empty() {
                let near = graph.nearest(target).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(Usage(format!("nothing here is called `{target}`{near}")).into());
            }
            found
        }
    };
    let reached = graph.reached_from(&roots);
    match options.format {
        Format::Tree => anstream::print!("{}", reached.tree()),
        Format::Json => print_json(&reached)?,
        Format::Dot => print!("{}", reached.dot()),
    }
    Ok(Exit::Success)
}
