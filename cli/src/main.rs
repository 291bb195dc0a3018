//! The `hpol` command: write, check, test and run policies.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command prints")]

use std::process::ExitCode;

use clap::Parser as _;

mod admin;
mod args;
mod command;
mod exit;
mod policy;
mod terminal;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    terminal::set_color(arguments.color);
    match command::run(arguments.command) {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error),
    }
}
