//! An HTTP API: the path is split, and must fit the claims of the token.

use std::borrow::Cow;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cedar, CedarRequest, Cel, Earlier, Policy, Rego, has, pick, text};
use crate::answer::Answer;

/// The policy.
#[derive(Debug)]
pub(super) struct HttpPaths;

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    method: String,
    path: String,
    claims: Claims,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    tenant: String,
    roles: Vec<String>,
    scopes: Vec<String>,
}

fn draw(random: &mut Rng, at: usize) -> Value {
    let (user, tenant) = (format!("user-{}", random.u32(..500)), format!("tenant-{}", random.u32(..50)));
    let method = pick(random, &["GET", "GET", "PUT", "DELETE"]);
    let path = match at % 8 {
        0..=2 => format!("/tenants/{tenant}/users/{user}"),
        3 => format!("/tenants/{tenant}/users/{user}/avatar"),
        4 => format!("/tenants/{tenant}/settings"),
        5 => format!("/tenants/tenant-x/users/{user}"),
        6 => "/health".to_owned(),
        _ => format!("/tenants/{tenant}/users/user-x"),
    };
    let roles: &[&str] = if random.bool() { &["member"] } else { &["member", "admin"] };
    let scopes: &[&str] = if random.bool() { &["read"] } else { &["read", "write"] };
    json!({
        "method": method,
        "path": path,
        "claims": {"sub": user, "tenant": tenant, "roles": roles, "scopes": scopes, "iss": "https://id.example"},
        "client": format!("10.0.{}.{}", random.u8(..), random.u8(..)),
    })
}

fn decide(
    method: &str,
    path: &str,
    (sub, tenant): (&str, &str),
    role: impl Fn(&str) -> bool,
    scope: impl Fn(&str) -> bool,
) -> Answer {
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
    let own_tenant =
        |parts: &mut std::str::Split<'_, char>| parts.next() == Some("tenants") && parts.next() == Some(tenant);
    let allowed = if path == "/health" {
        method == "GET"
    } else if own_tenant(&mut parts) {
        role("admin") || (parts.next() == Some("users") && parts.next() == Some(sub) && matches!(method, "GET" | "PUT"))
    } else {
        false
    };
    let mut reasons: Vec<Cow<'static, str>> = Vec::new();
    if method != "GET" && !scope("write") {
        reasons.push(format!("{method} needs the scope write").into());
    }
    Answer::unless(reasons, allowed)
}

impl Policy for HttpPaths {
    type Request = Call;

    fn name(&self) -> String {
        "http_paths".to_owned()
    }

    fn title(&self) -> String {
        "HTTP API: path split, claims, owner".to_owned()
    }

    fn kind(&self) -> &'static str {
        "Call"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        vec![("bench/policy.hpol".to_owned(), include_str!("http_paths/policy.hpol").to_owned())]
    }

    fn rego(&self) -> Option<Rego> {
        Some(Rego { module: include_str!("http_paths/policy.rego").to_owned(), data: json!({}) })
    }

    // Cedar does not split texts, so its host does.
    fn cedar(&self) -> Option<Cedar> {
        let request = |call: &Value| {
            let mut parts = text(call, "path").trim_start_matches('/').split('/').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            CedarRequest::context(json!({
                "method": call["method"],
                "path": call["path"],
                "parts": {"first": part(), "second": part(), "third": part(), "fourth": part()},
                "claims": call["claims"],
            }))
        };
        Some(Cedar { policies: include_str!("http_paths/policy.cedar").to_owned(), entities: json!([]), request })
    }

    fn cel(&self) -> Option<Cel> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Some(Cel {
            allow: lines(include_str!("http_paths/allow.cel")),
            deny: lines(include_str!("http_paths/deny.cel")),
            data: json!({}),
        })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16).map(|at| draw(random, at)).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..80).map(|at| draw(random, at)).collect()
    }

    fn typed(&self, call: &Call, _: &Earlier) -> Answer {
        let claims = &call.claims;
        let role = |wanted: &str| claims.roles.iter().any(|role| role == wanted);
        let scope = |wanted: &str| claims.scopes.iter().any(|scope| scope == wanted);
        decide(&call.method, &call.path, (&claims.sub, &claims.tenant), role, scope)
    }

    fn untyped(&self, call: &Value, _: &Earlier) -> Answer {
        let claims = &call["claims"];
        let (role, scope) = (|wanted: &str| has(claims, "roles", wanted), |wanted: &str| has(claims, "scopes", wanted));
        decide(text(call, "method"), text(call, "path"), (text(claims, "sub"), text(claims, "tenant")), role, scope)
    }
}
