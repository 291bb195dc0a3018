//! `hpol approvals`.

use clap::{Args, Subcommand, ValueEnum};
use hpol_proxy::admin::ApprovalQuery;
use hpol_proxy::approvals::{Answer, Approval, ApprovalState, Approver, Demand};

use crate::admin::{Admin, print_json};
use crate::exit::Exit;
use crate::terminal;

/// List, grant and refuse requests that wait for approval
///
/// Talks to the admin API of a running gateway, as the person whom the token stands for.
#[derive(Debug, Args)]
pub(crate) struct Approvals {
    #[command(flatten)]
    admin: Admin,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List approvals, newest first
    List {
        /// Only those in this state
        #[arg(long, value_enum, default_value_t = State::Pending)]
        state: State,
        /// Most approvals to list
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one approval
    Show {
        /// Its id
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let the request through
    Grant(Reply),
    /// Refuse the request
    Refuse(Reply),
}

#[derive(Debug, Args)]
struct Reply {
    /// Id of the approval
    id: String,
    /// Why; goes into the audit log
    #[arg(long, short = 'm', default_value = "")]
    comment: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    Pending,
    Granted,
    Refused,
    Expired,
    Used,
    All,
}

pub(crate) fn run(options: &Approvals) -> anyhow::Result<Exit> {
    let client = options.admin.client()?;
    crate::admin::block_on(async {
        match &options.action {
            Action::List { state, limit, json } => {
                let query = ApprovalQuery { state: state.filter(), limit: Some(*limit), before: None };
                let list = client.approvals(&query).await?;
                if *json {
                    return print_json(&list);
                }
                if list.approvals.is_empty() {
                    println!("No approvals.");
                }
                list.approvals.iter().for_each(print_line);
                if list.next.is_some() {
                    println!("There are more: ask for them with --limit.");
                }
            }
            Action::Show { id, json } => print(&client.approval(id).await?, *json)?,
            Action::Grant(reply) => {
                print(&client.answer(&reply.id, Answer::Grant, &reply.comment).await?, reply.json)?;
            }
            Action::Refuse(reply) => {
                print(&client.answer(&reply.id, Answer::Refuse, &reply.comment).await?, reply.json)?;
            }
        }
        Ok(())
    })?;
    Ok(Exit::Success)
}

impl State {
    fn filter(self) -> Option<ApprovalState> {
        match self {
            State::Pending => Some(ApprovalState::Pending),
            State::Granted => Some(ApprovalState::Granted),
            State::Refused => Some(ApprovalState::Refused),
            State::Expired => Some(ApprovalState::Expired),
            State::Used => Some(ApprovalState::Used),
            State::All => None,
        }
    }
}

fn print_line(approval: &Approval) {
    let reasons = approval.details.reasons.join("; ");
    anstream::println!(
        "{}  {}  {}  {}",
        terminal::bold(&approval.id),
        state(approval.state),
        approval.subject,
        if reasons.is_empty() { approval.details.summary.to_string() } else { reasons },
    );
}

fn print(approval: &Approval, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(approval);
    }
    let details = &approval.details;
    anstream::println!("{}  {}", terminal::bold(&approval.id), state(approval.state));
    println!("  asked by   {} ({})", approval.subject, approval.issuer);
    println!("  asked at   {}", approval.opened);
    println!("  until      {}", approval.deadline);
    for reason in &details.reasons {
        println!("  because    {reason}");
    }
    println!("  request    {}", details.summary);
    println!("  policy     {}", details.revision);
    for demand in &details.demands {
        println!("  needs      {} for \"{}\"", who(demand), demand.id);
    }
    for vote in &approval.votes {
        let word = match vote.answer {
            Answer::Grant => "granted",
            Answer::Refuse => "refused",
        };
        let comment = if vote.comment.is_empty() { String::new() } else { format!(": {}", vote.comment) };
        println!("  {word}    by {} at {}{comment}", vote.person, vote.time);
    }
    Ok(())
}

fn who(demand: &Demand) -> String {
    let names = demand.approvers.iter().map(|approver| match approver {
        Approver::Group(name) => format!("anyone in {name}"),
        Approver::User(name) => name.clone(),
    });
    let names: Vec<String> = names.collect();
    format!("{} of {}", demand.quorum, names.join(" or "))
}

fn state(state: ApprovalState) -> String {
    match state {
        ApprovalState::Pending => terminal::yellow("pending"),
        ApprovalState::Granted => terminal::green("granted"),
        ApprovalState::Used => terminal::green("used"),
        ApprovalState::Refused => terminal::bold_red("refused"),
        ApprovalState::Expired => terminal::dim("expired"),
    }
}
