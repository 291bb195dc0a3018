//! `hpol proxy`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use hpol_proxy::clock::Clock;
use hpol_proxy::config::Config;
use hpol_proxy::gateway::Gateway;
use hpol_proxy::logging;
use hpol_proxy::policy::FollowedPolicy;
use hpol_runtime::source::Refreshed;
use hpol_runtime::{CodeReady, Engine, EngineKind, EngineOptions};

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, Evaluator, Host};
use crate::terminal;

/// Run the gateway
///
/// Listens, asks the policies about every request, and carries their decisions out. It follows the policies' folder or
/// git repository; a broken change is reported and the last good one stays. An interrupt or SIGTERM lets running
/// requests end.
#[derive(Debug, Args)]
pub(crate) struct Proxy {
    /// The configuration
    #[arg(long, short, default_value = "hpol.yaml", value_name = "FILE")]
    config: PathBuf,
    /// Check the configuration, its secrets and the policies, and end
    #[arg(long, conflicts_with = "schema")]
    check: bool,
    /// Print the JSON Schema of the configuration, and end
    #[arg(long)]
    schema: bool,
    /// The evaluator, in place of the one that the configuration names
    #[arg(long, value_enum)]
    engine: Option<Evaluator>,
    #[command(flatten)]
    host: Host,
}

pub(crate) fn run(options: &Proxy) -> anyhow::Result<Exit> {
    if options.schema {
        print_json(&Config::json_schema())?;
        return Ok(Exit::Success);
    }
    if !options.config.exists() {
        let file = options.config.display();
        return Err(Usage(format!(
            "there is no `{file}`; name a configuration with --config, or start with `hpol new`"
        ))
        .into());
    }
    let config = Config::load(&options.config)?;
    config.check_files(&options.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("could not start")?;
    runtime.block_on(serve(&config, options))
}

async fn serve(config: &Config, options: &Proxy) -> anyhow::Result<Exit> {
    if !options.check {
        logging::start(&config.logging)?;
    }
    let kind = options.engine.map_or(config.engine.into(), EngineKind::from);
    let file = options.host.capabilities.as_deref().or(config.capabilities.as_deref());
    let capabilities = file.map(policy::read_capabilities).transpose()?;
    let engine =
        Engine::new(EngineOptions { kind, code: CodeReady::InBackground, capabilities, ..EngineOptions::default() });
    let (policy, events) = FollowedPolicy::start(&config.policy, engine.clone()).await?;
    match policy.first() {
        Refreshed::Loaded { .. } | Refreshed::Unchanged => {}
        // A gateway that starts without a policy would deny everything; better to say at once what is wrong.
        Refreshed::Rejected(rejection) => {
            anstream::eprintln!("{}", rejection.message);
            bail!("the policy at {} was refused; see above, or run `hpol check`", rejection.revision);
        }
        Refreshed::Unreadable(error) => return Err(error.clone()).context("could not read the policy"),
    }
    let warnings = config.warnings();
    if options.check {
        warnings.iter().for_each(|warning| anstream::eprintln!("{}: {warning}", terminal::yellow("warning")));
        let revision = engine.status().revision.unwrap_or_default();
        anstream::println!("{} with policy {revision}", terminal::green("ready"));
        return Ok(Exit::Success);
    }
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let gateway = Gateway::start(config, engine, Arc::new(policy), Clock::system()).await?;
    tokio::spawn(events.record(gateway.audit().clone()));
    // One line for whoever started it, also where the log goes elsewhere.
    println!("hpol listens on {} and its admin API on {}", gateway.address(), gateway.admin_address());
    interrupted().await?;
    tracing::info!("stopping: running requests may end");
    gateway.shutdown().await?;
    Ok(Exit::Success)
}

/// Waits for an interrupt or for SIGTERM.
pub(crate) async fn interrupted() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
