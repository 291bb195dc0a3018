//! The semantic suite: what the language means, each case on every engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hpol_lang::value::{JsonLimits, Value, parse_json};
use hpol_runtime::error::{LoadError, QueryError};
use hpol_runtime::source::Files;
use hpol_runtime::state::{FixedState, RecordedState, StateRead, StateSource};
use hpol_runtime::{Decision, Engine, EngineOptions, Input, Limits};
use hpol_tests::engines::Engines;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    case: Vec<Case>,
}

/// One case: a policy, what it is asked, and what it answers. `docs/testing.md` explains the keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    policy: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    input: Option<String>,
    /// What is known of earlier requests; the decision must come out the same from what it read of it.
    state: Option<String>,
    query: Option<String>,
    value: Option<String>,
    #[serde(default)]
    undefined: bool,
    error: Option<String>,
    refused: Option<String>,
    decide: Option<String>,
    effect: Option<String>,
    rules: Option<Vec<String>>,
    reasons: Option<Vec<String>>,
    #[serde(default)]
    witnesses: Vec<String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    annotations: Vec<String>,
    #[serde(default)]
    masks: Vec<String>,
    approval: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    increments: Vec<String>,
    #[serde(default)]
    reads: Vec<String>,
    #[serde(default)]
    errors: Vec<String>,
}

impl Case {
    fn files(&self) -> Files {
        let policy = self.policy.iter().map(|text| ("policy.hpol", text.as_str()));
        Files::from_memory(policy.chain(self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))))
    }

    /// What is wrong, if anything is.
    fn run(&self) -> Result<(), String> {
        // The clock must not decide, however busy the machine is.
        let limits = Limits { fuel: 300_000, time: std::time::Duration::from_secs(600), ..Limits::default() };
        let loaded = Engines::load(&self.files(), limits);
        if let Some(code) = &self.refused {
            return refused(loaded.err(), code);
        }
        let engines = loaded.map_err(|error| format!("does not compile:\n{error}"))?;
        match (&self.query, &self.decide) {
            (Some(path), None) => self.queried(engines.query_with_state(path, self.json()?.as_ref(), self.state()?)),
            (None, Some(kind)) => {
                let input = self.json()?.unwrap_or(Value::Null);
                let input = Input::new(kind, input).at(1_750_000_000_000_000_000);
                let Some(state) = self.state()? else { return self.decided(&engines.decide(&input)) };
                let decision = engines.decide(&input.clone().with_state(state));
                let recorded = RecordedState::new(decision.reads.clone());
                let replayed = engines.decide(&input.with_state(Arc::new(recorded)));
                if decision != replayed {
                    return Err(format!("is replayed as {replayed:#?}"));
                }
                self.decided(&decision)
            }
            _ => Err("either `query` or `decide` must be given".to_owned()),
        }
    }

    fn json(&self) -> Result<Option<Value>, String> {
        let read = |text: &String| parse_json(text, JsonLimits::default()).map_err(|error| error.to_string());
        self.input.as_ref().map(read).transpose()
    }

    fn state(&self) -> Result<Option<Arc<dyn StateSource>>, String> {
        let Some(text) = &self.state else { return Ok(None) };
        let value = parse_json(text, JsonLimits::default()).map_err(|error| error.to_string())?;
        Ok(Some(Arc::new(FixedState::from_value(&value).map_err(|error| error.to_string())?)))
    }

    fn queried(&self, answer: Result<Option<Value>, QueryError>) -> Result<(), String> {
        let right = match (&answer, &self.value, &self.error) {
            (Ok(Some(value)), Some(expected), None) => *value == self::value(expected)?,
            (Ok(None), None, None) => self.undefined,
            (Err(QueryError::Evaluation(error)), None, Some(code)) => *error.code == **code,
            (Err(QueryError::Input { .. }), None, Some(code)) => code == "input_invalid",
            _ => false,
        };
        if right { Ok(()) } else { Err(format!("answers {answer:?}")) }
    }

    fn decided(&self, decision: &Decision) -> Result<(), String> {
        let told = Told::of(decision);
        let mut wrong = Vec::new();
        let mut expect = |what: &str, expected: Option<&[String]>, found: &[String]| {
            if expected.is_some_and(|expected| expected != found) {
                wrong.push(format!("{what} = {found:?}"));
            }
        };
        expect("effect", self.effect.as_ref().map(std::slice::from_ref), &[told.effect]);
        expect("rules", self.rules.as_deref(), &told.rules);
        expect("reasons", self.reasons.as_deref(), &decision.reasons);
        expect("witnesses", Some(&self.witnesses), &told.witnesses);
        expect("absent", Some(&self.absent), &told.absent);
        let annotations = decision.rules.iter().flat_map(|rule| &rule.annotations);
        let annotations: Vec<String> = annotations.map(|(name, value)| format!("{name} {value}")).collect();
        expect("annotations", Some(&self.annotations), &annotations);
        expect("masks", Some(&self.masks), &told.masks);
        expect("approval", Some(self.approval.as_slice()), told.approval.as_slice());
        expect("labels", Some(&self.labels), &told.labels);
        expect("increments", Some(&self.increments), &told.increments);
        expect("reads", Some(&self.reads), &told.reads);
        expect("errors", Some(&self.errors), &told.errors);
        if self.effect.is_none() {
            wrong.push("`effect` must be given".to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

fn refused(error: Option<LoadError>, code: &str) -> Result<(), String> {
    let error = error.ok_or("it compiles")?;
    let found = error.rejection.diagnostics.iter().any(|finding| finding.code == code);
    if found { Ok(()) } else { Err(format!("is refused for something else:\n{error}")) }
}

/// The value of an expression; it stands in a policy of its own, so that sets can be written.
fn value(text: &str) -> Result<Value, String> {
    if let Ok(value) = parse_json(text, JsonLimits::default()) {
        return Ok(value);
    }
    let engine = Engine::new(EngineOptions::default());
    let files = Files::from_memory([("expected.rego", format!("package expected\nvalue := {text}\n"))]);
    engine.load(&files).map_err(|error| format!("the expected value is none:\n{error}"))?;
    let value = engine.query("data.expected.value", None).map_err(|error| error.to_string())?;
    value.ok_or_else(|| "the expected value is undefined".to_owned())
}

/// A decision in the words of the suite.
struct Told {
    effect: String,
    rules: Vec<String>,
    witnesses: Vec<String>,
    absent: Vec<String>,
    masks: Vec<String>,
    approval: Option<String>,
    labels: Vec<String>,
    increments: Vec<String>,
    reads: Vec<String>,
    errors: Vec<String>,
}

impl Told {
    fn of(decision: &Decision) -> Self {
        let rule = |rule: &hpol_runtime::decision::RuleMatch| {
            let outcome = word(&rule.outcome);
            let outcome = if outcome == "matched" { String::new() } else { format!(" ({outcome})") };
            format!("{} {}{outcome}", word(&rule.effect), rule.id)
        };
        let witnesses = decision.rules.iter().flat_map(|rule| &rule.witnesses);
        let mask = |mask: &hpol_runtime::decision::Mask| {
            let ids: Vec<&str> = mask.ids.iter().map(|id| &**id).collect();
            let detectors = serde_json::to_string(&mask.operator.detectors).expect("it is plain data");
            let detectors = if mask.operator.detectors.is_empty() { String::new() } else { format!(" {detectors}") };
            let selector = serde_json::to_value(&mask.selector).expect("it is plain data");
            let selector: Vec<String> =
                selector.as_object().into_iter().flatten().map(|(_, part)| plain(part)).collect();
            format!("{}: {} {}{detectors}", ids.join("+"), selector.join(" "), word(&mask.operator.kind))
        };
        let approval = decision.approval.as_ref().map(|terms| {
            let demands: Vec<String> = terms
                .demands
                .iter()
                .map(|demand| {
                    let by = serde_json::to_string(&demand.approvers).expect("it is plain data");
                    format!("{}: {} of {by}", demand.id, demand.quorum)
                })
                .collect();
            format!("{} within {}s", demands.join("; "), terms.within.as_secs())
        });
        let counter = |name: &str, key: &[Value], value: &Value| {
            let key: Vec<String> = key.iter().map(ToString::to_string).collect();
            format!("{name}[{}] {value}", key.join(", "))
        };
        let read = |read: &StateRead| match read {
            StateRead::Counter { counter: name, key, value, .. } => counter(name, key, value),
            StateRead::Labels { labels } => labels.iter().cloned().collect::<Vec<_>>().join(" "),
            StateRead::Seen { event, name, seen, .. } => format!("{} {name} {seen}", event.word()),
        };
        Self {
            labels: decision.labels.iter().map(ToString::to_string).collect(),
            increments: decision.increments.iter().map(|add| counter(&add.counter, &add.key, &add.amount)).collect(),
            reads: decision.reads.iter().map(read).collect(),
            effect: word(&decision.effect),
            rules: decision.rules.iter().map(rule).collect(),
            witnesses: witnesses.map(|found| format!("{} = {}", found.name, found.value)).collect(),
            absent: decision.absent.iter().map(|absent| absent.path.to_string()).collect(),
            masks: decision.masks.iter().map(mask).collect(),
            approval,
            errors: decision.errors.iter().map(|error| error.code.to_string()).collect(),
        }
    }
}

fn word(value: &impl serde::Serialize) -> String {
    plain(&serde_json::to_value(value).expect("it is plain data"))
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn the_suite_holds_on_every_engine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut names = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let suite: Suite = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in suite.case {
            count += 1;
            assert!(names.insert(case.name.clone()), "two cases are called `{}`", case.name);
            let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case.run()));
            let run = run.unwrap_or_else(|_| Err("the engines differ, see above".to_owned()));
            if let Err(message) = run {
                wrong.push(format!("{}: {}\n{message}", path.display(), case.name));
            }
        }
    }
    assert!(count > 100, "the suite has moved");
    assert!(wrong.is_empty(), "{} of {count} cases fail:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
