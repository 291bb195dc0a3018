//! `hpol explain`.

use clap::Args;

use super::eval::Request;
use crate::admin::print_json;
use crate::exit::Exit;

/// Say why a request is decided as it is, and why not otherwise
///
/// Lists every rule that took part, and for those that did not hold the condition that stopped them, with the values it
/// saw.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A package that decides
    package: String,
    #[command(flatten)]
    request: Request,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Explain) -> anyhow::Result<Exit> {
    let Some(engine) = options.request.engine()? else { return Ok(Exit::Findings) };
    let explanation = engine.explain(&options.request.decided_input(&engine, &options.package)?)?;
    if options.json {
        print_json(&explanation)?
    } else {
        print!("{explanation}")
    }
    Ok(Exit::Success)
}
