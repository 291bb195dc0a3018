//! regorus, another engine for Rego: its virtual machine and its interpreter.

use std::borrow::Cow;
use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use regorus::Value;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::RegoVM;

use super::{Engine, Runner, Side, Start};
use crate::answer::{Answer, Effect};
use crate::error::BenchError;
use crate::policy::{Case, Rego, Request};

/// The two ways in which regorus evaluates.
pub(super) const ENGINES: [Engine; 2] = [
    Engine { name: MACHINE, side: Side::Peer, load: machine },
    Engine { name: INTERPRETER, side: Side::Peer, load: interpreter },
];

const MACHINE: &str = "regorus vm";
const INTERPRETER: &str = "regorus";

/// The rule that is asked for.
const RULE: &str = "data.peer.answer";

/// What evaluates a request.
trait Evaluate {
    fn evaluate(&mut self, input: Value) -> Result<Value, String>;
}

struct Loaded<E> {
    evaluator: E,
    inputs: Vec<Value>,
    texts: Vec<String>,
    timed: usize,
}

impl Evaluate for RegoVM {
    fn evaluate(&mut self, input: Value) -> Result<Value, String> {
        self.set_input(input);
        self.execute().map_err(|error| error.to_string())
    }
}

impl Evaluate for regorus::Engine {
    fn evaluate(&mut self, input: Value) -> Result<Value, String> {
        self.set_input(input);
        self.eval_rule(RULE.to_owned()).map_err(|error| error.to_string())
    }
}

/// The request with what is known of earlier ones, which regorus gets as input.
fn text(request: &Request) -> String {
    let mut document = request.document.clone();
    if request.earlier.asked {
        document["earlier"] = serde_json::json!(request.earlier);
    }
    document.to_string()
}

fn engine(case: &Case, rego: &Rego) -> Result<(regorus::Engine, Value), String> {
    let mut engine = regorus::Engine::new();
    // Policies of ten thousand rules are measured too.
    engine.set_policy_length_config(regorus::PolicyLengthConfig {
        max_file_bytes: NonZeroUsize::MAX,
        max_lines: NonZeroUsize::MAX,
        max_col: NonZeroU32::MAX,
    });
    engine.add_policy(format!("{}.rego", case.name), rego.module.clone()).map_err(|error| error.to_string())?;
    let data = Value::from_json_str(&rego.data.to_string()).map_err(|error| error.to_string())?;
    engine.add_data(data.clone()).map_err(|error| error.to_string())?;
    Ok((engine, data))
}

fn loaded<E: Evaluate + 'static>(case: &Case, evaluator: E) -> Result<Box<dyn Runner>, String> {
    let texts: Vec<String> = case.requests.iter().map(text).collect();
    let inputs = texts.iter().map(|text| Value::from_json_str(text)).collect::<Result<_, _>>();
    let inputs = inputs.map_err(|error| error.to_string())?;
    Ok(Box::new(Loaded { evaluator, inputs, texts, timed: case.timed }))
}

fn machine(case: &Case) -> Result<Option<Box<dyn Runner>>, BenchError> {
    let Some(rego) = &case.rego else { return Ok(None) };
    let load = || {
        let (mut engine, data) = engine(case, rego)?;
        let compiled = engine.compile_with_entrypoint(&RULE.into()).map_err(|error| error.to_string())?;
        let program: Arc<Program> =
            Compiler::compile_from_policy(&compiled, &[RULE]).map_err(|error| error.to_string())?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_max_instructions(usize::MAX);
        machine.set_data(data).map_err(|error| error.to_string())?;
        loaded(case, machine)
    };
    load().map(Some).map_err(|message| BenchError::engine(MACHINE, &case.name, message))
}

fn interpreter(case: &Case) -> Result<Option<Box<dyn Runner>>, BenchError> {
    let Some(rego) = &case.rego else { return Ok(None) };
    let load = || loaded(case, engine(case, rego)?.0);
    load().map(Some).map_err(|message| BenchError::engine(INTERPRETER, &case.name, message))
}

fn answer(value: &Value) -> Result<Answer, String> {
    if let Value::Bool(allowed) = value {
        return Ok(Answer::allowed(*allowed));
    }
    let effect = match value["effect"].as_string().map(|word| word.to_string()).as_deref() {
        Ok("allow") => Effect::Allow,
        Ok("mask") => Effect::Mask,
        Ok("approve") => Effect::Approve,
        Ok("deny") => Effect::Deny,
        _ => return Err(format!("no answer: {value}")),
    };
    let owned =
        |note: &Value| note.as_string().map(|note| Cow::Owned(note.to_string())).map_err(|error| error.to_string());
    let notes = match &value["notes"] {
        Value::Array(notes) => notes.iter().map(owned).collect::<Result<_, _>>()?,
        Value::Set(notes) => notes.iter().map(owned).collect::<Result<_, _>>()?,
        other => return Err(format!("no notes: {other}")),
    };
    Ok(Answer { effect, notes })
}

impl<E: Evaluate> Loaded<E> {
    fn evaluate_text(&mut self, at: usize) -> Result<Value, String> {
        let input = Value::from_json_str(&self.texts[at]).map_err(|error| error.to_string())?;
        self.evaluator.evaluate(input)
    }
}

impl<E: Evaluate> Runner for Loaded<E> {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        let value = match start {
            Start::Prepared => self.evaluator.evaluate(self.inputs[at].clone()),
            Start::Json => self.evaluate_text(at),
        };
        answer(&value?)
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            for at in 0..self.timed {
                drop(black_box(match start {
                    Start::Prepared => self.evaluator.evaluate(black_box(self.inputs[at].clone())),
                    Start::Json => self.evaluate_text(black_box(at)),
                }));
            }
        }
    }
}
