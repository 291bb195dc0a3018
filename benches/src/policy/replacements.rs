//! Four regex replacements in four kibibytes of text, of which the rest must not be too long.

use std::borrow::Cow;

use fastrand::Rng;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Earlier, Policy, Rego, number, pick, text};
use crate::answer::Answer;

/// What is replaced, by what.
const REPLACED: [(&str, &str); 4] = [
    (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}", "[email]"),
    (r"\b[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}\b", "[card]"),
    (r"\b(?:sk|pk)_live_[A-Za-z0-9]{16,}", "[key]"),
    (r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b", "[address]"),
];

/// Length of the text, at least.
const LENGTH: usize = 4096;

const WORDS: [&str; 12] =
    ["the", "customer", "asked", "for", "an", "invoice", "over", "twelve", "euros,", "which", "was", "sent."];

/// The policy.
#[derive(Debug)]
pub(super) struct Replacements {
    replaced: [(Regex, &'static str); 4],
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    text: String,
    limit: i64,
}

impl Replacements {
    pub(super) fn new() -> Self {
        let regex =
            |pattern| Regex::new(pattern).unwrap_or_else(|error| panic!("a pattern of the policy is none: {error}"));
        Self { replaced: REPLACED.map(|(pattern, by)| (regex(pattern), by)) }
    }

    fn decide(&self, text: &str, limit: i64) -> Answer {
        let mut clean = Cow::Borrowed(text);
        for (regex, by) in &self.replaced {
            if let Cow::Owned(next) = regex.replace_all(&clean, *by) {
                clean = Cow::Owned(next);
            }
        }
        let length = clean.chars().count();
        let mut reasons: Vec<Cow<'static, str>> = Vec::new();
        if i64::try_from(length).unwrap_or(i64::MAX) > limit {
            reasons.push(format!("{length} characters are left").into());
        }
        Answer::unless(reasons, true)
    }
}

fn draw(random: &mut Rng, limit: i64) -> Value {
    let mut text = String::new();
    while text.len() < LENGTH {
        match random.usize(..60) {
            0 => text.push_str(&format!("ann.{}@mail.example", random.u32(..1000))),
            1 => text.push_str(&format!("4111-1111-1111-{:04}", random.u32(..10_000))),
            2 => text.push_str(&format!("sk_live_{:016x}", random.u64(..))),
            3 => text.push_str(&format!("10.0.{}.{}", random.u8(..), random.u8(..))),
            _ => text.push_str(pick(random, &WORDS)),
        }
        text.push(' ');
    }
    json!({"text": text, "limit": limit})
}

impl Policy for Replacements {
    type Request = Message;

    fn name(&self) -> String {
        "replacements".to_owned()
    }

    fn title(&self) -> String {
        "four regex replacements in 4 KiB".to_owned()
    }

    fn kind(&self) -> &'static str {
        "Message"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let mut clean = "input.text".to_owned();
        for (pattern, by) in REPLACED {
            clean = format!("regex.replace({clean}, `{pattern}`, \"{by}\")");
        }
        let policy = format!(
            "package bench.policy\n\ninput: Message\n\ntype Message = {{text: string, limit: int}}\n\nclean := {clean}\n\n\
             allow \"messages\"\n\ndeny \"too long\" because $\"{{count(clean)}} characters are left\" if count(clean) > input.limit\n"
        );
        vec![("bench/policy.hpol".to_owned(), policy)]
    }

    fn rego(&self) -> Option<Rego> {
        let mut clean = "input.text".to_owned();
        for (pattern, by) in REPLACED {
            clean = format!("regex.replace({clean}, `{pattern}`, \"{by}\")");
        }
        let module = format!(
            "package peer\n\nclean := {clean}\n\ndeny contains sprintf(\"%d characters are left\", [count(clean)]) if count(clean) > input.limit\n\n\
             default effect := \"allow\"\n\neffect := \"deny\" if count(deny) > 0\n\nanswer := {{\"effect\": effect, \"notes\": deny}}\n"
        );
        Some(Rego { module, data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..8).map(|at| draw(random, if at % 4 == 3 { 1_000 } else { 8_000 })).collect()
    }

    fn typed(&self, message: &Message, _: &Earlier) -> Answer {
        self.decide(&message.text, message.limit)
    }

    fn untyped(&self, message: &Value, _: &Earlier) -> Answer {
        self.decide(text(message, "text"), number(message, "limit"))
    }
}
