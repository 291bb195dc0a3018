//! In front of language models: twelve rules over nested values that say why they deny.

use std::borrow::Cow;
use std::collections::HashSet;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cedar, CedarRequest, Cel, Earlier, Policy, Rego, has, list, number, pick, text, truth};
use crate::answer::Answer;

const MODELS: [&str; 8] = ["small-1", "small-2", "medium-1", "large-1", "large-2", "ext-alpha", "ext-beta", "code-1"];
const PREMIUM: [&str; 3] = ["large-1", "large-2", "ext-alpha"];
const HOME: [&str; 2] = ["eu-1", "eu-2"];

/// The policy.
#[derive(Debug)]
pub(super) struct AiGateway {
    models: HashSet<&'static str>,
    premium: HashSet<&'static str>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    user: User,
    model: String,
    region: String,
    classification: Classification,
    max_tokens: i64,
    tools: Vec<Tool>,
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    groups: Vec<String>,
    tier: Tier,
    suspended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tier {
    Free,
    Paid,
    Internal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Classification {
    Public,
    Internal,
    Secret,
}

#[derive(Debug, Deserialize)]
struct Tool {
    name: String,
    kind: String,
    writes: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    length: i64,
}

impl AiGateway {
    pub(super) fn new() -> Self {
        Self { models: HashSet::from(MODELS), premium: HashSet::from(PREMIUM) }
    }
}

fn draw(random: &mut Rng, spoil: Option<usize>) -> Value {
    let mut groups = vec!["members"];
    groups.extend(["billing", "research", "operators", "developers"].into_iter().filter(|_| random.bool()));
    let tier = pick(random, &["free", "paid", "internal"]);
    let model = if tier == "free" { "small-1" } else { pick(random, &MODELS) };
    let tools: Vec<Value> = (0..random.usize(1..5))
        .map(|at| json!({"name": format!("tool-{at}"), "kind": pick(random, &["function", "search", "retrieval"]), "writes": false}))
        .collect();
    let messages: Vec<Value> = (0..random.usize(3..12))
        .map(|at| {
            let role = if at % 2 == 0 { "user" } else { "assistant" };
            json!({"role": role, "length": random.i64(10..4_000), "id": format!("message-{at}")})
        })
        .collect();
    let classification = pick(random, &["public", "internal"]);
    let mut call = json!({
        "user": {"id": format!("user-{}", random.u32(..1000)), "groups": groups, "tier": tier, "suspended": false},
        "model": model,
        "region": pick(random, &["eu-1", "eu-2", "us-1"]),
        "classification": classification,
        "max_tokens": random.i64(16..1_000),
        "tools": tools,
        "messages": messages,
        "trace": format!("{:016x}", random.u64(..)),
    });
    match spoil {
        None => {}
        Some(0) => call["user"]["suspended"] = json!(true),
        Some(1) => call["model"] = json!("unknown-9"),
        Some(2) => (call["user"]["tier"], call["model"]) = (json!("free"), json!("large-2")),
        Some(3) => (call["user"]["tier"], call["max_tokens"]) = (json!("free"), json!(2_000)),
        Some(4) => (call["user"]["tier"], call["max_tokens"]) = (json!("paid"), json!(9_000)),
        Some(5) => (call["classification"], call["region"]) = (json!("secret"), json!("us-1")),
        Some(6) => (call["classification"], call["model"]) = (json!("secret"), json!("ext-beta")),
        Some(7) => (call["tools"][0]["writes"], call["user"]["groups"]) = (json!(true), json!(["members"])),
        Some(8) => (call["tools"][0]["kind"], call["user"]["tier"]) = (json!("shell"), json!("paid")),
        Some(9) => call["messages"] = (0..201).map(|_| json!({"role": "user", "length": 1, "id": "m"})).collect(),
        Some(10) => call["messages"][1]["length"] = json!(20_001),
        Some(11) => (call["messages"][0]["role"], call["user"]["groups"]) = (json!("system"), json!(["members"])),
        Some(_) => call["user"]["groups"] = json!(["guests"]),
    }
    call
}

impl Policy for AiGateway {
    type Request = Call;

    fn name(&self) -> String {
        "ai_gateway".to_owned()
    }

    fn title(&self) -> String {
        "AI gateway, 12 nested rules, deny reasons".to_owned()
    }

    fn kind(&self) -> &'static str {
        "Call"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        vec![("bench/policy.hpol".to_owned(), include_str!("ai_gateway/policy.hpol").to_owned())]
    }

    fn rego(&self) -> Option<Rego> {
        Some(Rego { module: include_str!("ai_gateway/policy.rego").to_owned(), data: json!({}) })
    }

    // Cedar does not look into each element of a list, so its host tells what there is.
    fn cedar(&self) -> Option<Cedar> {
        let request = |call: &Value| {
            let (tools, messages) = (list(call, "tools"), list(call, "messages"));
            CedarRequest::context(json!({
                "user": call["user"],
                "model": call["model"],
                "region": call["region"],
                "classification": call["classification"],
                "max_tokens": call["max_tokens"],
                "writes": tools.iter().any(|tool| truth(tool, "writes")),
                "kinds": tools.iter().map(|tool| tool["kind"].clone()).collect::<Vec<_>>(),
                "roles": messages.iter().map(|message| message["role"].clone()).collect::<Vec<_>>(),
                "messages": messages.len(),
                "longest": messages.iter().map(|message| number(message, "length")).max().unwrap_or(0),
            }))
        };
        Some(Cedar { policies: include_str!("ai_gateway/policy.cedar").to_owned(), entities: json!([]), request })
    }

    fn cel(&self) -> Option<Cel> {
        let deny = include_str!("ai_gateway/deny.cel").lines().map(str::to_owned).collect();
        Some(Cel { allow: vec!["'members' in input.user.groups".to_owned()], deny, data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        // Three of four are allowed, as in front of an API that people use.
        (0..16).map(|at| draw(random, (at % 4 == 3).then_some(at))).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..13)
            .map(|spoil| draw(random, Some(spoil)))
            .chain((0..20).map(|_| draw(&mut Rng::with_seed(7), None)))
            .collect()
    }

    fn typed(&self, call: &Call, _: &Earlier) -> Answer {
        let user = &call.user;
        let is_in = |group: &str| user.groups.iter().any(|name| name == group);
        let secret = call.classification == Classification::Secret;
        let mut reasons: Vec<Cow<'static, str>> = Vec::new();
        if user.suspended {
            reasons.push(format!("{} is suspended", user.id).into());
        }
        if !self.models.contains(call.model.as_str()) {
            reasons.push(format!("{} is not offered", call.model).into());
        }
        if user.tier == Tier::Free && self.premium.contains(call.model.as_str()) {
            reasons.push("free accounts have no premium models".into());
        }
        if user.tier == Tier::Free && call.max_tokens > 1_024 {
            reasons.push("free accounts have 1024 tokens".into());
        }
        if user.tier == Tier::Paid && call.max_tokens > 8_192 {
            reasons.push("paid accounts have 8192 tokens".into());
        }
        if secret && !HOME.contains(&call.region.as_str()) {
            reasons.push(format!("secrets do not go to {}", call.region).into());
        }
        if secret && call.model.starts_with("ext-") {
            reasons.push("secrets do not go to models of others".into());
        }
        if let Some(tool) = call.tools.iter().find(|tool| tool.writes)
            && !is_in("operators")
        {
            reasons.push(format!("{} writes", tool.name).into());
        }
        if user.tier != Tier::Internal && call.tools.iter().any(|tool| tool.kind == "shell") {
            reasons.push("only staff run shells".into());
        }
        if call.messages.len() > 200 {
            reasons.push("more than 200 messages".into());
        }
        if call.messages.iter().any(|message| message.length > 20_000) {
            reasons.push("a message is too long".into());
        }
        if call.messages.iter().any(|message| message.role == "system") && !is_in("developers") {
            reasons.push("only developers write instructions".into());
        }
        Answer::unless(reasons, is_in("members"))
    }

    fn untyped(&self, call: &Value, _: &Earlier) -> Answer {
        let user = &call["user"];
        let (tier, model, region) = (text(user, "tier"), text(call, "model"), text(call, "region"));
        let (secret, tokens) = (text(call, "classification") == "secret", number(call, "max_tokens"));
        let (tools, messages) = (list(call, "tools"), list(call, "messages"));
        let mut reasons: Vec<Cow<'static, str>> = Vec::new();
        if truth(user, "suspended") {
            reasons.push(format!("{} is suspended", text(user, "id")).into());
        }
        if !self.models.contains(model) {
            reasons.push(format!("{model} is not offered").into());
        }
        if tier == "free" && self.premium.contains(model) {
            reasons.push("free accounts have no premium models".into());
        }
        if tier == "free" && tokens > 1_024 {
            reasons.push("free accounts have 1024 tokens".into());
        }
        if tier == "paid" && tokens > 8_192 {
            reasons.push("paid accounts have 8192 tokens".into());
        }
        if secret && !HOME.contains(&region) {
            reasons.push(format!("secrets do not go to {region}").into());
        }
        if secret && model.starts_with("ext-") {
            reasons.push("secrets do not go to models of others".into());
        }
        if let Some(tool) = tools.iter().find(|tool| truth(tool, "writes"))
            && !has(user, "groups", "operators")
        {
            reasons.push(format!("{} writes", text(tool, "name")).into());
        }
        if tier != "internal" && tools.iter().any(|tool| text(tool, "kind") == "shell") {
            reasons.push("only staff run shells".into());
        }
        if messages.len() > 200 {
            reasons.push("more than 200 messages".into());
        }
        if messages.iter().any(|message| number(message, "length") > 20_000) {
            reasons.push("a message is too long".into());
        }
        if messages.iter().any(|message| text(message, "role") == "system") && !has(user, "groups", "developers") {
            reasons.push("only developers write instructions".into());
        }
        Answer::unless(reasons, has(user, "groups", "members"))
    }
}
