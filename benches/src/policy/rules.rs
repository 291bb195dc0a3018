//! Many rules of two equalities each.

use std::collections::HashMap;
use std::fmt::Write;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cedar, CedarRequest, Cel, Earlier, Policy, Rego, text};
use crate::answer::Answer;

/// So many rules.
#[derive(Debug)]
pub struct Rules {
    rules: usize,
    denied: HashMap<String, HashMap<String, Vec<usize>>>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub struct Call {
    kind: String,
    zone: String,
}

/// Rules that have the same kind.
const ZONES: usize = 4;

fn kind(rule: usize) -> String {
    format!("kind-{}", rule / ZONES)
}

fn zone(rule: usize) -> String {
    format!("zone-{rule}")
}

impl Rules {
    /// A policy with so many rules.
    pub fn new(rules: usize) -> Self {
        let mut denied: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
        for rule in 0..rules {
            denied.entry(kind(rule)).or_default().entry(zone(rule)).or_default().push(rule);
        }
        Self { rules, denied }
    }

    fn decide(&self, kind: &str, zone: &str) -> Answer {
        match self.denied.get(kind).and_then(|zones| zones.get(zone)) {
            None => Answer::allow(),
            Some(rules) => Answer::deny(rules.iter().map(|rule| format!("rule {rule}").into()).collect()),
        }
    }

    fn written(&self, before: &str, rule: impl Fn(usize, &str, &str) -> String) -> String {
        let mut text = before.to_owned();
        for at in 0..self.rules {
            // Writing to a text can't fail.
            let _ = writeln!(text, "{}", rule(at, &kind(at), &zone(at)));
        }
        text
    }
}

impl Policy for Rules {
    type Request = Call;

    fn name(&self) -> String {
        format!("rules_{}", self.rules)
    }

    fn title(&self) -> String {
        format!("{} rules of two equalities, none matches", self.rules)
    }

    fn kind(&self) -> &'static str {
        "Call"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let before = "package bench.policy\n\ninput: Call\n\ntype Call = {user: string, kind: string, zone: string}\n\nallow \"all\"\n\n";
        let rule = |at: usize, kind: &str, zone: &str| {
            format!("deny \"rule {at}\" if {{ input.kind == \"{kind}\"; input.zone == \"{zone}\" }}\n")
        };
        // A file has at most a mebibyte.
        let all = self.written("", rule);
        let lines: Vec<&str> = all.split_inclusive("\n\n").collect();
        let mut files = vec![("bench/policy.hpol".to_owned(), before.to_owned())];
        for (part, lines) in lines.chunks(5_000).enumerate() {
            files.push((format!("bench/rules_{part}.hpol"), format!("package bench.policy\n\n{}", lines.concat())));
        }
        files
    }

    fn rego(&self) -> Option<Rego> {
        let before = "package peer\n\ndefault effect := \"allow\"\n\neffect := \"deny\" if count(deny) > 0\n\n\
                      answer := {\"effect\": effect, \"notes\": deny}\n\n";
        let module = self.written(before, |at, kind, zone| {
            format!("deny contains \"rule {at}\" if {{\n\tinput.kind == \"{kind}\"\n\tinput.zone == \"{zone}\"\n}}\n")
        });
        Some(Rego { module, data: json!({}) })
    }

    fn cedar(&self) -> Option<Cedar> {
        let policies = self.written("permit(principal, action, resource);\n", |_, kind, zone| {
            format!(
                "forbid(principal, action, resource) when {{ context.kind == \"{kind}\" && context.zone == \"{zone}\" }};"
            )
        });
        let request = |request: &Value| CedarRequest::context(request.clone());
        Some(Cedar { policies, entities: json!([]), request })
    }

    fn cel(&self) -> Option<Cel> {
        let deny = (0..self.rules)
            .map(|at| format!("input.kind == \"{}\" && input.zone == \"{}\"", kind(at), zone(at)))
            .collect();
        Some(Cel { allow: Vec::new(), deny, data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        // Half of them have the kind of some rules and another zone.
        (0..16)
            .map(|at| {
                let rule = random.usize(..self.rules);
                let kind = if at % 2 == 0 { kind(rule) } else { format!("kind-x{rule}") };
                json!({"user": format!("user-{rule}"), "kind": kind, "zone": format!("zone-x{rule}")})
            })
            .collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..20)
            .map(|_| random.usize(..self.rules))
            .chain([0, self.rules - 1])
            .map(|rule| json!({"user": format!("user-{rule}"), "kind": kind(rule), "zone": zone(rule)}))
            .collect()
    }

    fn typed(&self, request: &Call, _: &Earlier) -> Answer {
        self.decide(&request.kind, &request.zone)
    }

    fn untyped(&self, request: &Value, _: &Earlier) -> Answer {
        self.decide(text(request, "kind"), text(request, "zone"))
    }
}
