//! The policies that are measured, each in every form.
//!
//! What a policy means is said once as hpol, once as hand-written Rust over a struct of just the fields it looks at, once over
//! [`serde_json::Value`], and in the languages of other engines where they can say it. Requests are documents that are made
//! from a fixed seed, so that every engine gets the same ones, and every run.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use fastrand::Rng;
use hpol_runtime::state::StateSource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;
use crate::engine::{Runner, Start};
use crate::error::BenchError;

mod agent_flow;
mod ai_gateway;
mod definitions;
mod fixtures;
pub mod growth;
mod http_api;
mod http_paths;
mod llm_gateway;
mod pod_images;
mod rbac;
mod replacements;
mod rollout;
mod rules;
mod sql_guard;
mod sql_regexes;

pub use definitions::Definitions;
pub use rbac::Rbac;
pub use rules::Rules;

/// What requests are drawn with.
const SEED: u64 = 0x6870_6f6c;

/// One policy, written by hand in Rust, and in the languages of engines.
pub trait Policy: fmt::Debug + 'static {
    /// What a Rust engineer would declare for requests: the fields that are looked at.
    type Request: DeserializeOwned + fmt::Debug + 'static;

    /// Its name.
    fn name(&self) -> String;

    /// What it is, in a few words.
    fn title(&self) -> String;

    /// The kind of request.
    fn kind(&self) -> &'static str;

    /// Files for hpol: paths and contents.
    fn hpol(&self) -> Vec<(String, String)>;

    /// For engines of Rego.
    fn rego(&self) -> Option<Rego> {
        None
    }

    /// For Cedar.
    fn cedar(&self) -> Option<Cedar> {
        None
    }

    /// For CEL.
    fn cel(&self) -> Option<Cel> {
        None
    }

    /// Requests that are timed.
    fn requests(&self, random: &mut Rng) -> Vec<Value>;

    /// More requests on which engines must agree.
    fn further_requests(&self, _random: &mut Rng) -> Vec<Value> {
        Vec::new()
    }

    /// What is known of earlier requests when this one comes.
    fn earlier(&self, _request: usize) -> Earlier {
        Earlier::default()
    }

    /// The policy over a struct.
    fn typed(&self, request: &Self::Request, earlier: &Earlier) -> Answer;

    /// The policy over a JSON value.
    fn untyped(&self, request: &Value, earlier: &Earlier) -> Answer;
}

/// What is known of earlier requests.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Earlier {
    /// Whether the policy asks at all.
    #[serde(skip)]
    pub asked: bool,
    /// Calls of this agent.
    pub calls: i64,
    /// Tokens of this agent.
    pub tokens: i64,
    /// Whether the session has the label `untrusted`.
    pub untrusted: bool,
    /// Whether the session has seen the inbox read.
    pub inbox: bool,
}

/// A policy in Rego: a module whose rule `data.peer.answer` is a truth value or an object with `effect` and `notes`.
#[derive(Debug, Clone)]
pub struct Rego {
    /// The module, of package `peer`.
    pub module: String,
    /// The document `data`.
    pub data: Value,
}

/// A policy in Cedar.
#[derive(Debug, Clone)]
pub struct Cedar {
    /// The policies.
    pub policies: String,
    /// The entities, as Cedar's JSON.
    pub entities: Value,
    /// What a host makes of a request for Cedar.
    pub request: fn(&Value) -> CedarRequest,
}

/// A request as Cedar takes it.
#[derive(Debug, Clone)]
pub struct CedarRequest {
    /// Id of an entity of type `User`.
    pub principal: String,
    /// Id of an entity of type `Action`.
    pub action: String,
    /// Id of an entity of type `Resource`.
    pub resource: String,
    /// The context.
    pub context: Value,
}

impl CedarRequest {
    /// A request of which only the context counts.
    pub fn context(context: Value) -> Self {
        Self { principal: "any".to_owned(), action: "any".to_owned(), resource: "any".to_owned(), context }
    }
}

/// A policy in CEL: it denies if an expression of `deny` holds, or none of `allow`. They see `input` and `data`.
#[derive(Debug, Clone, Default)]
pub struct Cel {
    /// What allows.
    pub allow: Vec<String>,
    /// What denies.
    pub deny: Vec<String>,
    /// The variable `data`.
    pub data: Value,
}

/// A policy with its requests, ready for every engine.
pub struct Case {
    /// Its name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// The kind of request.
    pub kind: &'static str,
    /// Files for hpol.
    pub files: Vec<(String, String)>,
    /// For engines of Rego.
    pub rego: Option<Rego>,
    /// For Cedar.
    pub cedar: Option<Cedar>,
    /// For CEL.
    pub cel: Option<Cel>,
    /// Requests: first those that are timed, then further ones.
    pub requests: Vec<Request>,
    /// How many are timed.
    pub timed: usize,
    by_hand: Box<LoadByHand>,
}

/// Loads the hand-written policy in one of its forms.
type LoadByHand = dyn Fn(&Case, Form) -> Result<Box<dyn Runner>, BenchError>;

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("requests", &self.requests.len()).finish()
    }
}

/// A request in the forms that callers have it in.
#[derive(Debug, Clone)]
pub struct Request {
    /// The document.
    pub document: Value,
    /// Its text.
    pub text: String,
    /// What is known of earlier requests.
    pub earlier: Earlier,
    /// The same for hpol.
    pub state: Option<Arc<dyn StateSource>>,
}

/// The two ways of writing a policy by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Over a struct.
    Typed,
    /// Over a JSON value.
    Untyped,
}

impl Case {
    /// A policy with requests drawn for it. Policies and requests are the same in every run.
    pub fn new<P: Policy>(policy: P) -> Self {
        let mut random = Rng::with_seed(SEED);
        let mut documents = policy.requests(&mut random);
        let timed = documents.len();
        documents.extend(policy.further_requests(&mut random));
        let requests = documents.into_iter().enumerate().map(|(at, document)| {
            let earlier = policy.earlier(at);
            let state = earlier.asked.then(|| Arc::new(agent_flow::Session::new(earlier)) as Arc<dyn StateSource>);
            Request { text: document.to_string(), document, earlier, state }
        });
        let requests = requests.collect();
        let (name, title, kind, files) = (policy.name(), policy.title(), policy.kind(), policy.hpol());
        let (rego, cedar, cel) = (policy.rego(), policy.cedar(), policy.cel());
        let policy = Arc::new(policy);
        let by_hand = Box::new(move |case: &Self, form| by_hand(&policy, case, form));
        Self { name, title, kind, files, rego, cedar, cel, requests, timed, by_hand }
    }

    /// The policy in hand-written Rust.
    ///
    /// # Errors
    ///
    /// A request that does not fit the struct.
    pub fn by_hand(&self, form: Form) -> Result<Box<dyn Runner>, BenchError> {
        (self.by_hand)(self, form)
    }
}

fn by_hand<P: Policy>(policy: &Arc<P>, case: &Case, form: Form) -> Result<Box<dyn Runner>, BenchError> {
    let (policy, timed) = (policy.clone(), case.timed);
    let texts = case.requests.iter().map(|request| request.text.clone()).collect();
    let earlier = case.requests.iter().map(|request| request.earlier).collect();
    let documents = case.requests.iter().map(|request| request.document.clone());
    Ok(match form {
        Form::Typed => {
            let requests = documents.map(serde_json::from_value).collect::<Result<Vec<P::Request>, _>>()?;
            Box::new(ByHand { decide: P::typed, policy, requests, texts, earlier, timed })
        }
        Form::Untyped => {
            Box::new(ByHand { decide: P::untyped, policy, requests: documents.collect(), texts, earlier, timed })
        }
    })
}

/// Hand-written Rust over requests of type `R`.
struct ByHand<P, R, D> {
    policy: Arc<P>,
    decide: D,
    requests: Vec<R>,
    texts: Vec<String>,
    earlier: Vec<Earlier>,
    timed: usize,
}

impl<P: Policy, R: DeserializeOwned, D: Fn(&P, &R, &Earlier) -> Answer> ByHand<P, R, D> {
    fn decide_text(&self, text: &str, earlier: &Earlier) -> Result<Answer, serde_json::Error> {
        let request = serde_json::from_str(text)?;
        Ok((self.decide)(&self.policy, &request, earlier))
    }
}

impl<P: Policy, R: DeserializeOwned, D: Fn(&P, &R, &Earlier) -> Answer> Runner for ByHand<P, R, D> {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        let earlier = &self.earlier[at];
        match start {
            Start::Prepared => Ok((self.decide)(&self.policy, &self.requests[at], earlier)),
            Start::Json => self.decide_text(&self.texts[at], earlier).map_err(|error| error.to_string()),
        }
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            match start {
                Start::Prepared => {
                    for (request, earlier) in self.requests[..self.timed].iter().zip(&self.earlier) {
                        black_box((self.decide)(&self.policy, black_box(request), black_box(earlier)));
                    }
                }
                Start::Json => {
                    for (text, earlier) in self.texts[..self.timed].iter().zip(&self.earlier) {
                        drop(black_box(self.decide_text(black_box(text), black_box(earlier))));
                    }
                }
            }
        }
    }
}

/// A name, and what makes the policy of that name.
type Entry = (&'static str, fn() -> Case);

/// The fifteen policies: ten that stand for what policies do, and five that go with the example policies.
const POLICIES: [Entry; 15] = [
    ("rbac_10", || Case::new(Rbac::new(10, 10))),
    ("rbac_100", || Case::new(Rbac::new(100, 100))),
    ("ai_gateway", || Case::new(ai_gateway::AiGateway::new())),
    ("http_paths", || Case::new(http_paths::HttpPaths)),
    ("rules_100", || Case::new(Rules::new(100))),
    ("rules_1000", || Case::new(Rules::new(1_000))),
    ("rules_10000", || Case::new(Rules::new(10_000))),
    ("sql_regexes", || Case::new(sql_regexes::SqlRegexes::new())),
    ("replacements", || Case::new(replacements::Replacements::new())),
    ("pod_images", || Case::new(pod_images::PodImages::new())),
    ("agent_flow", || Case::new(agent_flow::AgentFlow)),
    ("http_api", || Case::new(http_api::HttpApi)),
    ("llm_gateway", || Case::new(llm_gateway::LlmGateway::new())),
    ("sql_guard", || Case::new(sql_guard::SqlGuard::new())),
    ("rollout", || Case::new(rollout::Rollout::new())),
];

/// Names of the policies, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|(name, _)| *name)
}

/// The policies with these names, or all if none is given.
///
/// # Errors
///
/// [`BenchError::NoPolicy`].
pub fn chosen(wanted: &[String]) -> Result<Vec<Case>, BenchError> {
    if let Some(name) = wanted.iter().find(|name| !names().any(|known| known == *name)) {
        return Err(BenchError::NoPolicy { name: name.clone(), known: names().collect::<Vec<_>>().join(", ") });
    }
    let chosen = POLICIES.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    Ok(chosen.map(|(_, make)| make()).collect())
}

/// A text in a document, or the empty one.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list in a document, or the empty one.
fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A truth value in a document.
fn truth(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// A number in a document.
fn number(value: &Value, name: &str) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether a list of texts in a document has one.
fn has(value: &Value, name: &str, wanted: &str) -> bool {
    list(value, name).iter().any(|item| item.as_str() == Some(wanted))
}

/// One of a few.
fn pick<'a, T: ?Sized>(random: &mut Rng, from: &[&'a T]) -> &'a T {
    from[random.usize(..from.len())]
}
