//! How commands reach the admin API of a running gateway.

use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use hpol_proxy::admin::client::AdminClient;
use hpol_proxy::config::{Secret, SecretSource};
use serde::Serialize;

use crate::exit::Usage;

/// Where the admin API is, and who calls.
#[derive(Debug, Args)]
pub(crate) struct Admin {
    /// Address of the admin API
    #[arg(long, global = true, env = "HPOL_ADMIN_URL", default_value = "http://127.0.0.1:8401", value_name = "URL")]
    admin: String,
    /// File with the admin token; else the variable HPOL_ADMIN_TOKEN holds it
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Certificates (PEM) to trust in place of the public ones
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Admin {
    /// A client of the API.
    pub(crate) fn client(&self) -> anyhow::Result<AdminClient> {
        Ok(AdminClient::new(&self.admin, &self.token()?, self.ca_file.as_deref())?)
    }

    fn token(&self) -> anyhow::Result<Secret> {
        let source = match &self.token_file {
            Some(file) => SecretSource::File(file.clone()),
            None if std::env::var_os("HPOL_ADMIN_TOKEN").is_none() => {
                let message = "no admin token: set HPOL_ADMIN_TOKEN or give --token-file";
                return Err(Usage(message.to_owned()).into());
            }
            None => SecretSource::Env("HPOL_ADMIN_TOKEN".to_owned()),
        };
        Ok(source.read()?)
    }
}

/// Runs a short task to its end.
pub(crate) fn block_on<T>(task: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("could not start")?;
    runtime.block_on(task)
}

/// Prints data as JSON, for programs.
pub(crate) fn print_json(data: &impl Serialize) -> anyhow::Result<()> {
    // Not `println!`, which panics where the reader has gone.
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(data)?)?;
    Ok(())
}
