//! A rollout of many workloads: lists in lists in lists are looked through, and quotas of teams looked up.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Cel, Earlier, Policy, Rego, list, number, pick, text, truth};
use crate::answer::Answer;

const TEAMS: [&str; 6] = ["payments", "search", "data", "web", "mobile", "platform"];
const OPEN_PORTS: [i64; 4] = [80, 443, 8080, 8443];

/// The policy.
#[derive(Debug)]
pub(super) struct Rollout {
    quotas: HashMap<String, i64>,
    open: HashSet<i64>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    teams: Vec<String>,
    workloads: Vec<Workload>,
}

#[derive(Debug, Deserialize)]
struct Workload {
    name: String,
    team: String,
    containers: Vec<Container>,
}

#[derive(Debug, Deserialize)]
struct Container {
    name: String,
    memory_mib: i64,
    ports: Vec<Port>,
    env: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
struct Port {
    number: i64,
    public: bool,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    secret: bool,
}

fn quotas() -> impl Iterator<Item = (String, i64)> {
    TEAMS.iter().zip(1..).map(|(team, at)| ((*team).to_owned(), 1024 * at))
}

impl Rollout {
    pub(super) fn new() -> Self {
        Self { quotas: quotas().collect(), open: HashSet::from(OPEN_PORTS) }
    }
}

/// The first of each kind of thing that is refused.
#[derive(Default)]
struct Found {
    port: Option<Cow<'static, str>>,
    variable: Option<Cow<'static, str>>,
    memory: Option<Cow<'static, str>>,
}

impl Found {
    fn port(&mut self, found: Option<(&str, &str, i64)>) {
        if let (None, Some((workload, container, port))) = (&self.port, found) {
            self.port = Some(format!("{workload}/{container} opens {port}").into());
        }
    }

    fn variable(&mut self, found: Option<(&str, &str)>) {
        if let (None, Some((container, variable))) = (&self.variable, found) {
            self.variable = Some(format!("{container} holds {variable}").into());
        }
    }

    fn memory(&mut self, quota: Option<&i64>, container: &str, memory: i64) {
        if self.memory.is_none() && quota.is_some_and(|quota| memory > *quota) {
            self.memory = Some(format!("{container} takes {memory} MiB").into());
        }
    }

    fn reasons(self) -> Vec<Cow<'static, str>> {
        [self.port, self.variable, self.memory].into_iter().flatten().collect()
    }
}

fn is_secret(name: &str) -> bool {
    name.ends_with("_TOKEN") || name.ends_with("_PASSWORD")
}

fn draw(random: &mut Rng, spoil: Option<usize>) -> Value {
    let variables = ["REGION", "STAGE", "LOG_LEVEL", "DB_HOST", "DB_NAME", "CACHE_HOST", "API_TOKEN", "DB_PASSWORD"];
    let mut workloads: Vec<Value> = (0..10)
        .map(|workload| {
            let containers: Vec<Value> = (0..5)
                .map(|container| {
                    let ports = [80, 8080, 9090, 5432].map(|number| json!({"number": number, "public": number < 9000 && number != 5432, "protocol": "tcp"}));
                    let env = variables.map(|name| json!({"name": name, "secret": is_secret(name), "value": format!("{:x}", random.u32(..))}));
                    json!({
                        "name": format!("container-{workload}-{container}"),
                        "memory_mib": random.i64(64..1024),
                        "ports": ports,
                        "env": env,
                    })
                })
                .collect();
            json!({"name": format!("workload-{workload}"), "team": pick(random, &TEAMS), "containers": containers})
        })
        .collect();
    let container = &mut workloads[random.usize(..10)]["containers"][random.usize(..5)];
    match spoil {
        None => {}
        Some(0) => container["ports"][2]["public"] = json!(true),
        Some(1) => container["env"][6]["secret"] = json!(false),
        Some(2) => container["memory_mib"] = json!(9_999),
        Some(_) => workloads[7]["team"] = json!("strangers"),
    }
    json!({"teams": TEAMS, "workloads": workloads})
}

impl Policy for Rollout {
    type Request = Change;

    fn name(&self) -> String {
        "rollout".to_owned()
    }

    fn title(&self) -> String {
        "rollout: 10 workloads, 50 containers, 400 variables".to_owned()
    }

    fn kind(&self) -> &'static str {
        "Change"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let quotas: Map<String, Value> = quotas().map(|(team, quota)| (team, quota.into())).collect();
        vec![
            ("bench/policy.hpol".to_owned(), include_str!("rollout/policy.hpol").to_owned()),
            ("bench/quotas.json".to_owned(), Value::Object(quotas).to_string()),
            ("bench/quotas.schema.json".to_owned(), include_str!("rollout/quotas.schema.json").to_owned()),
        ]
    }

    fn rego(&self) -> Option<Rego> {
        let quotas: Map<String, Value> = quotas().map(|(team, quota)| (team, quota.into())).collect();
        Some(Rego { module: include_str!("rollout/policy.rego").to_owned(), data: json!({"quotas": quotas}) })
    }

    fn cel(&self) -> Option<Cel> {
        let quotas: Map<String, Value> = quotas().map(|(team, quota)| (team, quota.into())).collect();
        let deny = include_str!("rollout/deny.cel").lines().map(str::to_owned).collect();
        let allow = vec!["input.workloads.all(workload, workload.team in input.teams)".to_owned()];
        Some(Cel { allow, deny, data: json!({"quotas": quotas}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..8).map(|at| draw(random, (at % 4 == 3).then_some(at / 4))).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..4).map(|spoil| draw(random, Some(spoil))).collect()
    }

    fn typed(&self, change: &Change, _: &Earlier) -> Answer {
        let mut found = Found::default();
        for workload in &change.workloads {
            for container in &workload.containers {
                let name = &container.name;
                let opened = container.ports.iter().find(|port| port.public && !self.open.contains(&port.number));
                found.port(opened.map(|port| (&*workload.name, &**name, port.number)));
                let held = container.env.iter().find(|variable| !variable.secret && is_secret(&variable.name));
                found.variable(held.map(|variable| (&**name, &*variable.name)));
                found.memory(self.quotas.get(&workload.team), name, container.memory_mib);
            }
        }
        let allowed = change.workloads.iter().all(|workload| change.teams.contains(&workload.team));
        Answer::unless(found.reasons(), allowed)
    }

    fn untyped(&self, change: &Value, _: &Earlier) -> Answer {
        let mut found = Found::default();
        let workloads = list(change, "workloads");
        for workload in workloads {
            for container in list(workload, "containers") {
                let name = text(container, "name");
                let is_open = |port: &&Value| truth(port, "public") && !self.open.contains(&number(port, "number"));
                let opened = list(container, "ports").iter().find(is_open);
                found.port(opened.map(|port| (text(workload, "name"), name, number(port, "number"))));
                let is_held = |variable: &&Value| !truth(variable, "secret") && is_secret(text(variable, "name"));
                let held = list(container, "env").iter().find(is_held);
                found.variable(held.map(|variable| (name, text(variable, "name"))));
                found.memory(self.quotas.get(text(workload, "team")), name, number(container, "memory_mib"));
            }
        }
        let teams = list(change, "teams");
        Answer::unless(found.reasons(), workloads.iter().all(|workload| teams.contains(&workload["team"])))
    }
}
