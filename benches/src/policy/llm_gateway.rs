//! The example policy for language models: models of groups, tools, masks on texts.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Earlier, Policy, Rego, fixtures, list, text};
use crate::answer::{Answer, Effect};

const MODELS: &str = include_str!("../../../policies-examples/llm_gateway/models.json");

/// The policy.
#[derive(Debug)]
pub(super) struct LlmGateway {
    by_group: HashMap<String, HashSet<String>>,
    with_effects: HashSet<String>,
    servers: HashSet<String>,
}

/// The document beside the policy.
#[derive(Debug, Deserialize)]
struct Models {
    by_group: HashMap<String, HashSet<String>>,
    tools_with_effects: HashSet<String>,
    mcp_servers: HashSet<String>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    model: Option<String>,
    tools: Vec<Tool>,
    identity: Identity,
}

#[derive(Debug, Deserialize)]
struct Tool {
    kind: String,
    name: Option<String>,
    server_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    sub: String,
    groups: Vec<String>,
}

impl LlmGateway {
    pub(super) fn new() -> Self {
        let models = serde_json::from_str(MODELS);
        let Models { by_group, tools_with_effects, mcp_servers } =
            models.unwrap_or_else(|error| panic!("the document of the policy is none: {error}"));
        Self { by_group, with_effects: tools_with_effects, servers: mcp_servers }
    }

    fn decide<'r>(
        &self,
        (sub, model): (&str, &str),
        mut groups: impl Iterator<Item = &'r str>,
        tools: impl Iterator<Item = (&'r str, &'r str, &'r str)>,
    ) -> Answer {
        let usable = groups.any(|group| self.by_group.get(group).is_some_and(|models| models.contains(model)));
        let mut reasons: Vec<Cow<'static, str>> = Vec::new();
        if !usable {
            reasons.push(format!("{sub} may not use {model}").into());
        }
        let mut approve = false;
        for (kind, name, server) in tools {
            match kind {
                "mcp" if !self.servers.contains(server) => {
                    reasons.push(format!("{server} is not a server of ours").into());
                }
                "function" => approve |= self.with_effects.contains(name),
                _ => {}
            }
        }
        if !reasons.is_empty() {
            return Answer::deny(reasons);
        }
        let masks = ["card numbers in answers", "personal data in prompts"].map(Cow::Borrowed);
        let notes = approve.then_some(Cow::Borrowed("tool with effects")).into_iter().chain(masks).collect();
        Answer { effect: if approve { Effect::Approve } else { Effect::Mask }, notes }
    }
}

fn draw(random: &mut Rng, at: usize) -> Value {
    let function = |name: &str| json!({"kind": "function", "name": name, "hosted": false});
    let server = |url: &str| json!({"kind": "mcp", "name": "docs", "server_url": url, "hosted": true});
    let mut tools = vec![function("get_weather"), function("search_orders")];
    match at % 8 {
        3 => tools.push(function("refund_payment")),
        5 => tools.push(server("https://mcp.internal.example/docs")),
        6 => tools.push(server("https://mcp.elsewhere.example")),
        _ => {}
    }
    let (groups, model): (&[&str], &str) = match at % 4 {
        0 | 1 => (&["staff", "analysts"], "gpt-4o-mini"),
        2 => (&["staff", "analysts", "developers"], "gpt-4o"),
        _ if at % 8 == 7 => (&["analysts"], "gpt-4o"),
        _ => (&["oncall"], "gpt-4o"),
    };
    fixtures::llm(&format!("user-{}", random.u32(..100)), groups, model, tools.into(), 6)
}

impl Policy for LlmGateway {
    type Request = Request;

    fn name(&self) -> String {
        "llm_gateway".to_owned()
    }

    fn title(&self) -> String {
        "language models: models of groups, tools, masks".to_owned()
    }

    fn kind(&self) -> &'static str {
        "llm.Request"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let file = |name: &str, text: &str| (format!("llm_gateway/{name}"), text.to_owned());
        vec![
            file("policy.hpol", include_str!("../../../policies-examples/llm_gateway/policy.hpol")),
            file("models.json", MODELS),
            file("models.schema.json", include_str!("../../../policies-examples/llm_gateway/models.schema.json")),
        ]
    }

    fn rego(&self) -> Option<Rego> {
        let models: Value = serde_json::from_str(MODELS).unwrap_or_default();
        Some(Rego { module: include_str!("llm_gateway/policy.rego").to_owned(), data: json!({"models": models}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16).map(|at| draw(random, at)).collect()
    }

    fn typed(&self, request: &Request, _: &Earlier) -> Answer {
        let model = request.model.as_deref().unwrap_or_default();
        let groups = request.identity.groups.iter().map(String::as_str);

        let tools = request.tools.iter();
        self.decide(
            (&request.identity.sub, model),
            groups,
            tools.map(|tool| {
                (&*tool.kind, tool.name.as_deref().unwrap_or_default(), tool.server_url.as_deref().unwrap_or_default())
            }),
        )
    }

    fn untyped(&self, request: &Value, _: &Earlier) -> Answer {
        let identity = &request["identity"];
        let groups = list(identity, "groups").iter().filter_map(Value::as_str);
        let tools = list(request, "tools").iter();
        let tools = tools.map(|tool| (text(tool, "kind"), text(tool, "name"), text(tool, "server_url")));
        self.decide((text(identity, "sub"), text(request, "model")), groups, tools)
    }
}
