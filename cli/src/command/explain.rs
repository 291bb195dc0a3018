//! `hpol explain`.

use std::fmt::Display;

use clap::Args;
use serde::Serialize;

use super::eval::Request;
use crate::admin::print_json;
use crate::exit::Exit;

/// Say why a request is decided as it is, and why not otherwise
///
/// For a package that decides: every rule that took part, and for those that do not hold the condition that stopped them,
/// with what it compared and what it looked at. Where nothing allows, the allow that came nearest is told first. For a
/// rule such as `data.guard.privileged`: its value, and how far each of its definitions got.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol explain guard --input request.json                   why it is decided so
  hpol explain data.guard.privileged --input request.json   why a rule holds, or not
  hpol explain guard -i request.json --json | jq .nearest   for programs")]
pub(crate) struct Explain {
    /// A package that decides, or `data.package.rule`
    target: String,
    #[command(flatten)]
    request: Request,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Explain) -> anyhow::Result<Exit> {
    let Some(engine) = options.request.engine()? else { return Ok(Exit::Findings) };
    if options.target == "data" || options.target.starts_with("data.") {
        let (input, state) = (options.request.input()?, options.request.state()?);
        let explanation = engine.explain_query_with_state(&options.target, input.as_ref(), state)?;
        return print(&explanation, options.json);
    }
    print(&engine.explain(&options.request.decided_input(&engine, &options.target)?)?, options.json)
}

fn print(explanation: &(impl Serialize + Display), json: bool) -> anyhow::Result<Exit> {
    if json {
        print_json(explanation)?
    } else {
        print!("{explanation}")
    }
    Ok(Exit::Success)
}
