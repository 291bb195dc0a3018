//! The example policy for an HTTP API, with masks on answers.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Earlier, Policy, Rego, fixtures, has, list, number, text};
use crate::answer::{Answer, Effect};

/// The policy.
#[derive(Debug)]
pub(super) struct HttpApi;

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    method: String,
    path: String,
    path_segments: Vec<String>,
    body_size: i64,
    identity: Identity,
    client: Client,
}

#[derive(Debug, Deserialize)]
struct Identity {
    sub: String,
    groups: Vec<String>,
    claims: Claims,
}

#[derive(Debug, Deserialize)]
struct Claims {
    plan: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Client {
    ip: Ipv4Addr,
}

/// What both forms look at.
struct Facts<'r> {
    method: &'r str,
    path: &'r str,
    owner: Option<&'r str>,
    sub: &'r str,
    support: bool,
    paid: bool,
    body_size: i64,
    inside: bool,
}

fn owner<'r>(segments: &[&'r str]) -> Option<&'r str> {
    match segments {
        ["v1", "accounts", owner, ..] => Some(owner),
        _ => None,
    }
}

fn is_inside(address: Ipv4Addr) -> bool {
    address.octets()[0] == 10
}

fn decide(facts: &Facts<'_>) -> Answer {
    let own = facts.owner == Some(facts.sub);
    let allowed = (facts.method == "GET" && facts.path == "/v1/health")
        || own
        || (facts.support && facts.owner.is_some() && matches!(facts.method, "GET" | "HEAD"));
    let mut reasons: Vec<Cow<'static, str>> = Vec::new();
    let limit = if facts.paid { 1_048_576 } else { 1_024 };
    if facts.body_size > limit {
        reasons.push(format!("{} bytes are more than the plan's {limit}", facts.body_size).into());
    }
    if !facts.inside {
        reasons.push("from outside".into());
    }
    if !reasons.is_empty() || !allowed {
        return Answer::deny(reasons);
    }
    let mut notes = Vec::with_capacity(2);
    notes.push("card numbers".into());
    if !own {
        notes.push("contact".into());
    }
    Answer { effect: Effect::Mask, notes }
}

fn draw(random: &mut Rng, at: usize) -> Value {
    let sub = format!("user-{}", random.u32(..500));
    let groups: &[&str] = if at % 5 == 2 { &["staff", "support"] } else { &["customers"] };
    let plan = if at.is_multiple_of(3) { json!({"plan": "paid", "sub": sub}) } else { json!({"sub": sub}) };
    let identity = json!({"sub": sub, "iss": "https://id.example", "groups": groups, "claims": plan});
    let (method, path) = match at % 8 {
        0..=3 => ("GET", format!("/v1/accounts/{sub}/cards")),
        4 => ("PUT", format!("/v1/accounts/{sub}/contact")),
        5 => ("GET", "/v1/health".to_owned()),
        6 => ("GET", "/v1/accounts/user-x/cards".to_owned()),
        _ => ("DELETE", "/v1/accounts/user-x/cards".to_owned()),
    };
    let body_size = if at % 7 == 6 { 5_000 } else { 300 };
    let ip = if at % 11 == 10 { "192.0.2.1" } else { "10.1.2.3" };
    fixtures::http(method, &path, identity, body_size, ip)
}

impl Policy for HttpApi {
    type Request = Request;

    fn name(&self) -> String {
        "http_api".to_owned()
    }

    fn title(&self) -> String {
        "HTTP API: owners, plans, networks, masks".to_owned()
    }

    fn kind(&self) -> &'static str {
        "http.Request"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let file = |name: &str, text: &str| (format!("http_api/{name}"), text.to_owned());
        vec![
            file("policy.hpol", include_str!("../../../policies-examples/http_api/policy.hpol")),
            file("plans.json", include_str!("../../../policies-examples/http_api/plans.json")),
            file("plans.schema.json", include_str!("../../../policies-examples/http_api/plans.schema.json")),
        ]
    }

    fn rego(&self) -> Option<Rego> {
        let data = json!({"plans": {"free": {"bytes_max": 1024}, "paid": {"bytes_max": 1_048_576}}});
        Some(Rego { module: include_str!("http_api/policy.rego").to_owned(), data })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16).map(|at| draw(random, at)).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (16..120).map(|at| draw(random, at)).collect()
    }

    fn typed(&self, request: &Request, _: &Earlier) -> Answer {
        let identity = &request.identity;
        let mut segments = [""; 3];
        for (segment, part) in segments.iter_mut().zip(&request.path_segments) {
            *segment = part;
        }
        decide(&Facts {
            method: &request.method,
            path: &request.path,
            owner: owner(&segments[..request.path_segments.len().min(3)]),
            sub: &identity.sub,
            support: identity.groups.iter().any(|group| group == "support"),
            paid: identity.claims.plan.as_deref() == Some("paid"),
            body_size: request.body_size,
            inside: is_inside(request.client.ip),
        })
    }

    fn untyped(&self, request: &Value, _: &Earlier) -> Answer {
        let identity = &request["identity"];
        let path_segments = list(request, "path_segments");
        let mut segments = [""; 3];
        for (segment, part) in segments.iter_mut().zip(path_segments) {
            *segment = part.as_str().unwrap_or_default();
        }
        decide(&Facts {
            method: text(request, "method"),
            path: text(request, "path"),
            owner: owner(&segments[..path_segments.len().min(3)]),
            sub: text(identity, "sub"),
            support: has(identity, "groups", "support"),
            paid: text(&identity["claims"], "plan") == "paid",
            body_size: number(request, "body_size"),
            inside: text(&request["client"], "ip").parse().is_ok_and(is_inside),
        })
    }
}
