//! `hpol eval`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use hpol_runtime::error::code;
use hpol_runtime::explain;
use hpol_runtime::state::{FixedState, StateSource};
use hpol_runtime::{Decision, Effect, Engine, Input, Value};

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, Evaluator, Host};
use crate::terminal;

/// Evaluate a rule, or decide on a request
///
/// TARGET is a path such as `data.guard.privileged`, whose value is printed, or a package such as `guard`, whose kind of
/// request is decided by every package that takes part.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// `data.package.rule`, or a package that decides
    target: String,
    #[command(flatten)]
    request: Request,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Exit with 1 if the value is undefined or false, or the decision is a deny
    #[arg(long)]
    exit_code: bool,
}

/// The policy and the request of `eval` and `explain`.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// Folder with the policy, or a single file
    #[arg(long, short, default_value = ".", value_name = "PATH")]
    policy: PathBuf,
    /// File with the input as JSON; `-` for standard input
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// File with what is known of earlier requests, as JSON: `{"counters": {"guard.writes": 5}, "labels": ["untrusted"],
    /// "events": [{"tool": "get_inbox", "ago": 600}]}`, with `ago` in seconds
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The evaluator
    #[arg(long, value_enum, default_value_t = Evaluator::Jit)]
    engine: Evaluator,
    #[command(flatten)]
    host: Host,
}

pub(crate) fn run(options: &Eval) -> anyhow::Result<Exit> {
    let Some(engine) = options.request.engine()? else { return Ok(Exit::Findings) };
    let holds = if options.target == "data" || options.target.starts_with("data.") {
        let input = options.request.input()?;
        let value = engine.query_with_state(&options.target, input.as_ref(), options.request.state()?)?;
        print_value(value.as_ref(), options.json)?;
        value.is_some_and(|value| value != Value::Bool(false))
    } else {
        let decision = engine.decide(&options.request.decided_input(&engine, &options.target)?);
        if options.json {
            print_json(&decision)?
        } else {
            print_decision(&decision)
        }
        decision.effect != Effect::Deny
    };
    Ok(if options.exit_code && !holds { Exit::Findings } else { Exit::Success })
}

impl Request {
    /// An engine with the policy; `None` after its errors have been shown.
    pub(crate) fn engine(&self) -> anyhow::Result<Option<Engine>> {
        policy::engine(&self.policy, self.engine.into(), &self.host)
    }

    /// The input, if one is given.
    pub(crate) fn input(&self) -> anyhow::Result<Option<Value>> {
        self.input.as_deref().map(policy::read_json).transpose()
    }

    /// What is known of earlier requests, if it is given.
    pub(crate) fn state(&self) -> anyhow::Result<Option<Arc<dyn StateSource>>> {
        let Some(path) = &self.state else { return Ok(None) };
        let state = FixedState::from_value(&policy::read_json(path)?);
        let state = state.with_context(|| format!("`{}` is not a state", path.display()))?;
        Ok(Some(Arc::new(state)))
    }

    /// The input as a request of the kind that a package decides.
    pub(crate) fn decided_input(&self, engine: &Engine, package: &str) -> anyhow::Result<Input> {
        let packages = engine.packages();
        let decide = || {
            let deciding = packages.iter().filter(|package| package.input_kind.is_some());
            let names: Vec<&str> = deciding.map(|package| &*package.path).collect();
            if names.is_empty() { "no package declares its `input:`".to_owned() } else { names.join(", ") }
        };
        let found = packages.iter().find(|known| &*known.path == package);
        let kind = found.and_then(|found| found.input_kind.clone()).ok_or_else(|| {
            let what = if found.is_some() { "decides nothing: it has no `input:`" } else { "is not a package here" };
            Usage(format!("`{package}` {what}; those that decide: {}. For a rule write `data.package.rule`", decide()))
        })?;
        let value = self.input()?.ok_or_else(|| Usage("a decision needs a request: give --input FILE".to_owned()))?;
        let input = Input::new(&kind, value);
        Ok(match self.state()? {
            Some(state) => input.with_state(state),
            None => input,
        })
    }
}

fn print_value(value: Option<&Value>, json: bool) -> anyhow::Result<()> {
    match (value, json) {
        (Some(value), true) => println!("{}", value.to_json()),
        (Some(value), false) => println!("{value}"),
        (None, true) => print_json(&serde_json::json!({ "undefined": true }))?,
        (None, false) => println!("undefined"),
    }
    Ok(())
}

/// A decision for people: what, by which rules, and why.
pub(crate) fn print_decision(decision: &Decision) {
    anstream::println!("{}", effect(decision.effect));
    for rule in &decision.rules {
        let reason = rule.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        println!("  {} \"{}\" ({}){reason}", rule.effect.word(), rule.id, rule.location);
        for witness in &rule.witnesses {
            println!("    {} = {}", witness.name, witness.value);
        }
    }
    if decision.rules.is_empty() {
        decision.reasons.iter().for_each(|reason| println!("  {reason}"));
    }
    for note in explain::state_notes(decision) {
        println!("  {note}");
    }
    for error in &decision.errors {
        anstream::println!("  {}: {}", terminal::bold_red(&error.code), error.message);
        if &*error.code == code::STATE {
            println!("    give what is known of earlier requests with --state FILE");
        }
    }
    for absent in &decision.absent {
        println!("  absent: {} ({})", absent.path, absent.location);
    }
    println!("  policy {}", decision.revision);
}

fn effect(effect: Effect) -> String {
    match effect {
        Effect::Deny => terminal::bold_red("deny"),
        Effect::Approve => terminal::yellow("approve"),
        Effect::Mask => terminal::green("mask"),
        Effect::Allow => terminal::green("allow"),
    }
}
