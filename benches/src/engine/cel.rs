//! The Common Expression Language: expressions that hold or not, joined by its host.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Program, Value};

use super::{Engine, Runner, Side, Start};
use crate::answer::Answer;
use crate::error::BenchError;
use crate::policy::Case;

const NAME: &str = "cel";

/// CEL.
pub(super) const ENGINE: Engine = Engine { name: NAME, side: Side::Peer, load };

struct Loaded {
    allow: Vec<Program>,
    deny: Vec<Program>,
    /// Holds `data`; kept to the end of the process, so that requests can refer to it.
    root: &'static Context<'static, 'static>,
    requests: Vec<Context<'static, 'static>>,
    texts: Vec<String>,
    timed: usize,
}

fn load(case: &Case) -> Result<Option<Box<dyn Runner>>, BenchError> {
    let Some(policy) = &case.cel else { return Ok(None) };
    let compile = |expressions: &[String]| {
        let programs = expressions.iter().map(|expression| Program::compile(expression));
        let programs: Result<Vec<Program>, _> = programs.collect();
        programs.map_err(|error| BenchError::engine(NAME, &case.name, error))
    };
    let mut root = Context::default();
    root.add_variable_from_value("data", value(&policy.data));
    let root: &'static Context<'static, 'static> = Box::leak(Box::new(root));
    let request = |document: &serde_json::Value| {
        let mut context = root.new_inner_scope();
        context.add_variable_from_value("input", value(document));
        context
    };
    Ok(Some(Box::new(Loaded {
        allow: compile(&policy.allow)?,
        deny: compile(&policy.deny)?,
        requests: case.requests.iter().map(|case| request(&case.document)).collect(),
        root,
        texts: case.requests.iter().map(|request| request.text.clone()).collect(),
        timed: case.timed,
    })))
}

/// A document as CEL has it, with whole numbers as `int`.
fn value(document: &serde_json::Value) -> Value {
    match document {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, entry)| (Key::String(Arc::new(key.clone())), value(entry)));
            Value::Map(Map { map: Arc::new(entries.collect::<HashMap<_, _>>()) })
        }
    }
}

impl Loaded {
    /// Every deny is looked at, as a caller needs to know which ones hold.
    fn decide(&self, context: &Context<'_, '_>) -> Result<bool, String> {
        let holds = |program: &Program| match program.execute(context) {
            Ok(Value::Bool(truth)) => Ok(truth),
            Ok(other) => Err(format!("no truth value: {other:?}")),
            Err(error) => Err(error.to_string()),
        };
        let mut denied = false;
        for program in &self.deny {
            denied |= holds(program)?;
        }
        let mut allowed = self.allow.is_empty();
        for program in &self.allow {
            allowed = allowed || holds(program)?;
        }
        Ok(allowed && !denied)
    }

    fn decide_text(&self, text: &str) -> Result<bool, String> {
        let document: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut context = self.root.new_inner_scope();
        context.add_variable_from_value("input", value(&document));
        self.decide(&context)
    }
}

impl Runner for Loaded {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        let allowed = match start {
            Start::Prepared => self.decide(&self.requests[at]),
            Start::Json => self.decide_text(&self.texts[at]),
        };
        allowed.map(Answer::allowed)
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            for at in 0..self.timed {
                drop(black_box(match start {
                    Start::Prepared => self.decide(black_box(&self.requests[at])),
                    Start::Json => self.decide_text(black_box(&self.texts[at])),
                }));
            }
        }
    }

    fn gives_notes(&self) -> bool {
        false
    }
}
