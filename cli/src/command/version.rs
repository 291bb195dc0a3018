//! `hpol version`.

use clap::Args;
use serde_json::json;

use crate::exit::Exit;

/// Print version, build and supported language edition
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Version) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if options.json {
        println!("{}", json!({ "version": version, "target": target, "edition": 1 }));
    } else {
        println!("hpol {version} ({target}), language edition 1");
    }
    Ok(Exit::Success)
}
