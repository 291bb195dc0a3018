//! `hpol audit`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hpol_proxy::admin::{AuditQuery, AuditRecord};
use hpol_proxy::clock::Timestamp;
use hpol_proxy::record::{self, RecordHash, VerifyError};
use hpol_proxy::store::Store;

use crate::admin::{Admin, block_on, print_json};
use crate::exit::{Exit, Usage};
use crate::terminal;

/// List, show and verify the audit log
///
/// Asks the admin API of a running gateway, or reads a store's file with --store.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    admin: Admin,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List records, newest first
    List(List),
    /// Show one record
    Show {
        /// Its number
        sequence: u64,
        /// Read this store's file instead of asking a gateway
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
    },
    /// Check that no record was changed, dropped or put elsewhere
    ///
    /// Reads the store's file. Somebody who can write the whole file can also make it anew; --head, with a hash that was
    /// kept elsewhere, finds that too.
    Verify {
        /// The store's file
        #[arg(long, default_value = "hpol.db", value_name = "FILE")]
        store: PathBuf,
        /// Hash of a record, as an earlier `hpol audit verify` printed it
        #[arg(long, value_name = "HASH")]
        head: Option<RecordHash>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Not before this time, such as 2026-01-31T00:00:00Z
    #[arg(long)]
    since: Option<Timestamp>,
    /// Before this time
    #[arg(long)]
    until: Option<Timestamp>,
    /// Of this kind, such as decision or approval_answered
    #[arg(long)]
    kind: Option<String>,
    /// Asked by this identity
    #[arg(long)]
    identity: Option<String>,
    /// Decided like this
    #[arg(long, value_parser = ["deny", "approve", "mask", "allow"])]
    effect: Option<String>,
    /// Decided by the rule with this id
    #[arg(long)]
    rule: Option<String>,
    /// Of this request
    #[arg(long)]
    request: Option<String>,
    /// Only records before this number
    #[arg(long)]
    before: Option<u64>,
    /// Most records
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Read this store's file instead of asking a gateway
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

pub(crate) fn run(options: &Audit) -> anyhow::Result<Exit> {
    block_on(async {
        match &options.action {
            Action::List(list) => run_list(&options.admin, list).await,
            Action::Show { sequence, store } => show(&options.admin, *sequence, store.as_deref()).await,
            Action::Verify { store, head, json } => verify(store, *head, *json).await,
        }
    })
}

async fn run_list(admin: &Admin, list: &List) -> anyhow::Result<Exit> {
    let query = AuditQuery {
        since: list.since,
        until: list.until,
        kind: list.kind.clone(),
        identity: list.identity.clone(),
        effect: list.effect.clone(),
        rule: list.rule.clone(),
        request_id: list.request.clone(),
        before: list.before,
        limit: Some(list.limit),
    };
    let (records, next) = match &list.store {
        Some(path) => {
            let filter = query.to_filter().map_err(Usage)?;
            let page = record::list(&open(path).await?, &filter).await?;
            (page.entries.iter().map(AuditRecord::from).collect(), page.next)
        }
        None => {
            let page = admin.client()?.audit(&query).await?;
            (page.records, page.next)
        }
    };
    if list.json {
        print_json(&records)?;
        return Ok(Exit::Success);
    }
    if records.is_empty() {
        println!("No records.");
    }
    records.iter().for_each(print_line);
    if let Some(next) = next {
        println!("There are more: --before {next}");
    }
    Ok(Exit::Success)
}

async fn show(admin: &Admin, sequence: u64, store: Option<&Path>) -> anyhow::Result<Exit> {
    let found = match store {
        Some(path) => record::show(&open(path).await?, sequence).await?.as_ref().map(AuditRecord::from),
        None => Some(admin.client()?.audit_record(sequence).await?),
    };
    print_json(&found.with_context(|| format!("there is no record {sequence}"))?)?;
    Ok(Exit::Success)
}

async fn verify(path: &Path, head: Option<RecordHash>, json: bool) -> anyhow::Result<Exit> {
    match record::verify(&open(path).await?, head).await {
        Ok(verified) => {
            if json {
                let head = verified.head.to_string();
                print_json(&serde_json::json!({ "intact": true, "records": verified.records, "head": head }))?;
            } else {
                anstream::println!("{}: {} records, none changed", terminal::green("intact"), verified.records);
                println!("head: {}", verified.head);
            }
            Ok(Exit::Success)
        }
        Err(VerifyError::Fault(fault)) => {
            if json {
                print_json(&serde_json::json!({ "intact": false, "problem": fault.to_string() }))?;
            } else {
                anstream::println!("{}: {fault}", terminal::bold_red("broken"));
            }
            Ok(Exit::Findings)
        }
        Err(VerifyError::Store(error)) => Err(error.into()),
    }
}

async fn open(path: &Path) -> anyhow::Result<Store> {
    Ok(Store::open_read_only(path).await?)
}

fn print_line(record: &AuditRecord) {
    let effect = record.effect.as_deref().unwrap_or("");
    let effect = match effect {
        "deny" => terminal::bold_red("deny   "),
        "approve" => terminal::yellow("approve"),
        "mask" => terminal::green("mask   "),
        "allow" => terminal::green("allow  "),
        _ => "       ".to_owned(),
    };
    anstream::println!(
        "{:>6}  {}  {:<17} {}  {:<12} {}",
        record.sequence,
        record.time,
        record.kind,
        effect,
        record.identity.as_deref().unwrap_or("-"),
        record.rules.join(", "),
    );
}
