//! `hpol session`.

use clap::{Args, Subcommand};
use hpol_proxy::admin::SessionQuery;

use crate::admin::{Admin, print_json};
use crate::exit::Exit;
use crate::terminal;

/// List the labels of sessions, and take one away
///
/// Policies give labels by `emit label` and never take them away. Whoever does that with this command answers for it in the
/// audit log, and nobody does it for a session of their own. Talks to the admin API of a running gateway.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol session list
  hpol session unlabel \"https://login.example.com ada\" untrusted -m \"looked at what it read\"")]
pub(crate) struct Session {
    #[command(flatten)]
    admin: Admin,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List sessions that have labels (auditors and operators)
    List {
        /// Only those behind this one
        #[arg(long, value_name = "SESSION")]
        after: Option<String>,
        /// Most sessions to list
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a label from a session (operators)
    Unlabel {
        /// The session, as `hpol session list` shows it
        session: String,
        /// The label
        label: String,
        /// Why; goes into the audit log
        #[arg(long, short = 'm')]
        comment: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(options: &Session) -> anyhow::Result<Exit> {
    let client = options.admin.client()?;
    crate::admin::block_on(async {
        match &options.action {
            Action::List { after, limit, json } => {
                let query = SessionQuery { after: after.clone(), limit: Some(*limit) };
                let list = client.sessions(&query).await?;
                if *json {
                    return print_json(&list);
                }
                if list.sessions.is_empty() {
                    println!("No session has labels.");
                }
                for session in &list.sessions {
                    anstream::println!("{}", terminal::bold(&session.session));
                    for label in &session.labels {
                        println!("  {}  since {}", label.label, label.since);
                    }
                }
                if let Some(next) = &list.next {
                    println!("There are more: ask for them with --after {next:?}.");
                }
            }
            Action::Unlabel { session, label, comment, json } => {
                let taken = client.unlabel(session, label, comment).await?;
                if *json {
                    return print_json(&taken);
                }
                anstream::println!("{} no longer has the label \"{}\"", terminal::bold(&taken.session), taken.label);
            }
        }
        Ok(())
    })?;
    Ok(Exit::Success)
}
