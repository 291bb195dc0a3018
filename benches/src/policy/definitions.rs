//! One rule with many definitions.

use std::collections::HashMap;
use std::fmt::Write;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Earlier, Policy, Rego, number, text};
use crate::answer::Answer;

/// So many definitions of a limit, each for a plan.
#[derive(Debug)]
pub struct Definitions {
    definitions: usize,
    limits: HashMap<String, i64>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub struct Order {
    plan: String,
    amount: i64,
}

/// Limits repeat.
const LIMITS: usize = 1_000;

fn limit(definition: usize) -> usize {
    definition % LIMITS + 1
}

impl Definitions {
    /// A policy with so many definitions of its rule.
    pub fn new(definitions: usize) -> Self {
        let limit = |at| i64::try_from(limit(at)).unwrap_or(i64::MAX);
        let limits = (0..definitions).map(|at| (format!("plan-{at}"), limit(at))).collect();
        Self { definitions, limits }
    }

    fn written(&self) -> String {
        let mut text = String::new();
        for at in 0..self.definitions {
            // Writing to a text can't fail.
            let _ = writeln!(text, "limit := {} if input.plan == \"plan-{at}\"\n", limit(at));
        }
        text
    }

    fn decide(&self, plan: &str, amount: i64) -> Answer {
        let limit = self.limits.get(plan).copied().unwrap_or(0);
        if amount > limit { Answer::deny(vec!["too much".into()]) } else { Answer::allow() }
    }
}

impl Policy for Definitions {
    type Request = Order;

    fn name(&self) -> String {
        format!("definitions_{}", self.definitions)
    }

    fn title(&self) -> String {
        format!("{} definitions of a rule", self.definitions)
    }

    fn kind(&self) -> &'static str {
        "Order"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let policy = "package bench.policy\n\ninput: Order\n\ntype Order = {plan: string, amount: int}\n\nallow \"all\"\n\n\
                      default limit := 0\n\ndeny \"too much\" if input.amount > limit\n";
        let all = self.written();
        let lines: Vec<&str> = all.split_inclusive("\n\n").collect();
        let mut files = vec![("bench/policy.hpol".to_owned(), policy.to_owned())];
        // A file has at most a mebibyte.
        for (part, lines) in lines.chunks(5_000).enumerate() {
            files.push((format!("bench/limits_{part}.hpol"), format!("package bench.policy\n\n{}", lines.concat())));
        }
        files
    }

    fn rego(&self) -> Option<Rego> {
        let module = format!(
            "package peer\n\ndefault effect := \"allow\"\n\neffect := \"deny\" if input.amount > limit\n\n\
             notes contains \"too much\" if effect == \"deny\"\n\nanswer := {{\"effect\": effect, \"notes\": notes}}\n\n\
             default limit := 0\n\n{}",
            self.written()
        );
        Some(Rego { module, data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16)
            .map(|at| {
                let definition = random.usize(..self.definitions);
                let plan = if at % 4 == 0 { format!("plan-x{definition}") } else { format!("plan-{definition}") };
                json!({"plan": plan, "amount": random.i64(0..1_000)})
            })
            .collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        let definitions = (0..20).map(|_| random.usize(..self.definitions)).chain([0, self.definitions - 1]);
        let definitions: Vec<usize> = definitions.collect();
        let around = definitions.iter().flat_map(|at| [(*at, limit(*at)), (*at, limit(*at) + 1)]);
        around.map(|(at, amount)| json!({"plan": format!("plan-{at}"), "amount": amount})).collect()
    }

    fn typed(&self, order: &Order, _: &Earlier) -> Answer {
        self.decide(&order.plan, order.amount)
    }

    fn untyped(&self, order: &Value, _: &Earlier) -> Answer {
        self.decide(text(order, "plan"), number(order, "amount"))
    }
}
