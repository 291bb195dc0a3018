//! The example policy for agents, whose rules look at counters and at what a session has seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use fastrand::Rng;
use hpol_lang::value::Number;
use hpol_runtime::state::{CounterKey, EventKind, StateError, StateSource};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Earlier, Policy, Rego, fixtures, has, list, text};
use crate::answer::{Answer, Effect};

/// The policy.
#[derive(Debug)]
pub(super) struct AgentFlow;

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    tools: Vec<Tool>,
    identity: Identity,
}

#[derive(Debug, Deserialize)]
struct Tool {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    groups: Vec<String>,
}

/// What is known of earlier requests, for hpol.
#[derive(Debug)]
pub(super) struct Session {
    earlier: Earlier,
    labels: BTreeSet<Arc<str>>,
}

impl Session {
    pub(super) fn new(earlier: Earlier) -> Self {
        Self { earlier, labels: earlier.untrusted.then(|| "untrusted".into()).into_iter().collect() }
    }
}

impl StateSource for Session {
    fn counter(&self, counter: &str, _: i64, _: CounterKey<'_>) -> Result<Number, StateError> {
        match counter {
            "agent_flow.calls" => Ok(self.earlier.calls.into()),
            "agent_flow.tokens" => Ok(self.earlier.tokens.into()),
            _ => Err(StateError(format!("there is no counter `{counter}`"))),
        }
    }

    fn labels(&self, tell: &mut dyn FnMut(&str)) -> Result<(), StateError> {
        self.labels.iter().for_each(|label| tell(label));
        Ok(())
    }

    fn seen(&self, _: EventKind, name: &str, _: i64) -> Result<bool, StateError> {
        Ok(name == "get_inbox" && self.earlier.inbox)
    }
}

fn decide(agent: bool, acts: bool, earlier: &Earlier) -> Answer {
    let mut reasons = Vec::new();
    if earlier.calls >= 60 {
        reasons.push(format!("{} calls within ten minutes", earlier.calls).into());
    }
    if earlier.tokens >= 2_000_000 {
        reasons.push(format!("{} tokens within a day", earlier.tokens).into());
    }
    if acts && earlier.untrusted {
        reasons.push("nothing leaves after untrusted text".into());
    }
    if reasons.is_empty() && agent && acts && earlier.inbox {
        return Answer { effect: Effect::Approve, notes: vec!["mail after the inbox".into()] };
    }
    Answer::unless(reasons, agent)
}

fn is_outward(name: &str) -> bool {
    matches!(name, "send_mail" | "post_message" | "create_issue")
}

impl Policy for AgentFlow {
    type Request = Request;

    fn name(&self) -> String {
        "agent_flow".to_owned()
    }

    fn title(&self) -> String {
        "agents: counters, labels, what a session has seen".to_owned()
    }

    fn kind(&self) -> &'static str {
        "llm.Request"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let policy = include_str!("../../../policies-examples/agent_flow/policy.hpol");
        vec![("agent_flow/policy.hpol".to_owned(), policy.to_owned())]
    }

    fn rego(&self) -> Option<Rego> {
        Some(Rego { module: include_str!("agent_flow/policy.rego").to_owned(), data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        let tool = |name: &str| json!({"kind": "function", "name": name, "hosted": false});
        (0..16)
            .map(|at| {
                let mut tools = vec![tool("search_docs"), tool("get_weather")];
                if at % 2 == 1 {
                    tools.push(tool("send_mail"));
                }
                let groups: &[&str] = if at == 14 { &["guests"] } else { &["members", "agents"] };
                fixtures::llm(&format!("agent-{}", random.u32(..40)), groups, "gpt-4o-mini", tools.into(), 4)
            })
            .collect()
    }

    fn earlier(&self, request: usize) -> Earlier {
        let mut earlier = Earlier { asked: true, calls: 12, tokens: 80_000, untrusted: false, inbox: false };
        match request {
            2 => earlier.calls = 60,
            4 => earlier.tokens = 2_000_000,
            5 | 6 => earlier.untrusted = true,
            7 | 8 => earlier.inbox = true,
            _ => {}
        }
        earlier
    }

    fn typed(&self, request: &Request, earlier: &Earlier) -> Answer {
        let acts = request.tools.iter().any(|tool| tool.name.as_deref().is_some_and(is_outward));
        decide(request.identity.groups.iter().any(|group| group == "agents"), acts, earlier)
    }

    fn untyped(&self, request: &Value, earlier: &Earlier) -> Answer {
        let acts = list(request, "tools").iter().any(|tool| is_outward(text(tool, "name")));
        decide(has(&request["identity"], "groups", "agents"), acts, earlier)
    }
}
