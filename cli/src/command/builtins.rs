//! `hpol builtins`.

use clap::Args;
use hpol_stdlib::reference::{self, BuiltinReport};

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::count;
use crate::terminal;

/// Show what builtins do: signature, explanation, examples
///
/// Without a name every builtin is listed. A domain is what stands in front of the dot (`json`, `io.jwt`), or the title of
/// a group. A single capital letter in a signature stands for any one type, and `?` behind a parameter means that it may
/// be left out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol builtins count                  one builtin, with examples and what is an error
  hpol builtins json                   all of a domain
  hpol builtins --search 'base64 url'  those that speak of it
  hpol builtins --json                 the whole table for programs")]
pub(crate) struct Builtins {
    /// A builtin, or a domain
    #[arg(value_name = "NAME|DOMAIN", conflicts_with = "search")]
    name: Option<String>,
    /// Builtins with these words in name, signature or explanation; exits with 1 if there are none
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Builtins) -> anyhow::Result<Exit> {
    let found = match (&options.name, &options.search) {
        (Some(name), _) => reference::named(name).map_err(|error| Usage(error.to_string()))?,
        (None, Some(text)) => reference::search(text),
        (None, None) => reference::all(),
    };
    let exit = if found.is_empty() { Exit::Findings } else { Exit::Success };
    match found.as_slice() {
        found if options.json => print_json(&found)?,
        [] => anstream::eprintln!("no builtin speaks of that; `hpol builtins` lists all"),
        [builtin] => print_one(builtin),
        found => print_list(found),
    }
    Ok(exit)
}

fn print_one(builtin: &BuiltinReport) {
    anstream::println!("{}{}", terminal::bold(builtin.name), builtin.signature);
    println!("  {}", builtin.doc);
    if !builtin.pure {
        println!("  Its result depends on the decision too, and is the same throughout a decision.");
    }
    if !builtin.examples.is_empty() {
        anstream::println!("\n{}", terminal::bold("Examples"));
    }
    for example in &builtin.examples {
        anstream::println!("  {}  {}", example.call, terminal::dim(&format!("# {}", example.result)));
    }
    if !builtin.errors.is_empty() {
        anstream::println!("\n{}", terminal::bold("Errors"));
    }
    builtin.errors.iter().for_each(|call| println!("  {call}"));
}

fn print_list(found: &[BuiltinReport]) {
    let mut group = "";
    for builtin in found {
        if builtin.group != group {
            let space = if group.is_empty() { "" } else { "\n" };
            anstream::println!("{space}{}", terminal::bold(builtin.group));
            group = builtin.group;
        }
        anstream::println!("  {}{}", builtin.name, terminal::dim(builtin.signature));
        println!("      {}", builtin.doc);
    }
    anstream::println!(
        "\n{}",
        terminal::dim(&format!("{}; `hpol builtins NAME` shows examples", count(found.len(), "builtin")))
    );
}
