//! Runs cases.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use hpol_compiler::context::{Context, Limits};
use hpol_compiler::machine::{self, Machine};
use hpol_compiler::plan::Program;
use hpol_compiler::{Options, jit};
use hpol_lang::check::rego_code;
use hpol_lang::diagnostic::Severity;
use hpol_lang::load::{LoadLimits, PolicyFile, QUERY_PACKAGE, load};
use hpol_lang::types::Environment;
use hpol_lang::value::Value;
use hpol_runtime::interpret::Interpreter;

use super::case::{Case, Wanted};
use super::outcome::Outcome;

/// What an evaluation may take: far more than any case needs.
const FUEL: u64 = 200_000_000;
const MEMORY_BYTES: usize = 1 << 30;
const TIME: Duration = Duration::from_secs(30);

/// Stack of a thread that runs cases: unoptimised builds recurse over what they read.
const STACK_BYTES: usize = 64 << 20;

/// Runs cases on all processors; the outcomes stand in the order of the cases.
///
/// # Panics
///
/// There are no threads.
pub fn run_all(cases: &[Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(vec![None; cases.len()]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(cases.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let work = || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { break };
                    let outcome = run_case(case);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(outcome);
                }
            };
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
            thread.expect("there is a thread");
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(|| Outcome::Defect("it was not run".to_owned())))
        .collect()
}

/// Runs a case in all four ways. The thread needs a stack for reading and compiling in an unoptimised build.
pub fn run_case(case: &Case) -> Outcome {
    let input = match &case.input_term {
        Some(term) => match input_of(term) {
            Ok(input) => input,
            Err(outcome) => return outcome,
        },
        None => case.input.clone(),
    };
    let mut files: Vec<PolicyFile> = (0..)
        .zip(&case.modules)
        .map(|(number, module): (usize, _)| PolicyFile::new(format!("module_{number}.rego"), module))
        .collect();
    if let Some(data) = &case.data {
        files.push(PolicyFile::new("data.json", data.to_json()));
    }
    files.push(PolicyFile::query(query(case)));
    guarded(|| in_all_ways(&files, case.strict, input.as_ref()))
}

/// The module that asks.
fn query(case: &Case) -> String {
    let names: BTreeSet<&str> = match &case.wanted {
        Wanted::Bindings { bindings, .. } => {
            let objects = bindings.iter().filter_map(|binding| match binding {
                Value::Object(entries) => Some(entries.keys().filter_map(Value::as_str)),
                _ => None,
            });
            objects.flatten().collect()
        }
        Wanted::Error { .. } => BTreeSet::new(),
    };
    let entries: Vec<String> = names.iter().map(|name| format!("{}: {name}", Value::from(*name))).collect();
    format!("package query\n\nresult contains {{{}}} if {{\n{}\n}}\n", entries.join(", "), case.query)
}

/// The value of `input_term`.
fn input_of(term: &str) -> Result<Option<Value>, Outcome> {
    let files = [PolicyFile::query(format!("package query\n\nresult := {term}\n"))];
    let program = compile(&files, &Options::default())?;
    match evaluate(&program, &Interpreter::default(), None) {
        Ok(Some(value)) => Ok(Some(value)),
        Ok(None) => Err(Outcome::Failed("input".to_owned(), "the term of the input is undefined".to_owned())),
        Err(outcome) => Err(outcome),
    }
}

fn in_all_ways(files: &[PolicyFile], strict: bool, input: Option<&Value>) -> Outcome {
    let mut outcomes = Vec::new();
    // Telling how conditions come out must not change how they do.
    let telling = Options { mark_conditions: true, ..Options::none() };
    for options in [Options::default(), Options::none(), telling] {
        let options = Options { strict_builtin_errors: strict, ..options };
        let optimised = match (options.passes.is_empty(), options.mark_conditions) {
            (_, true) => " telling the outcomes of conditions",
            (true, false) => " without improvements",
            (false, false) => "",
        };
        let program = match compile(files, &options) {
            Ok(program) => program,
            // What is refused is refused before there are engines and improvements.
            Err(refused) => return refused,
        };
        outcomes.push((format!("the interpreter{optimised}"), bindings(&program, &Interpreter::default(), input)));
        let code = match jit::compile(&program) {
            Ok(code) => code,
            Err(error) => return Outcome::Defect(format!("there is no machine code: {error}")),
        };
        outcomes.push((format!("machine code{optimised}"), bindings(&program, &code, input)));
    }
    let (first_way, first) = outcomes.swap_remove(0);
    match outcomes.into_iter().find(|(_, outcome)| *outcome != first) {
        Some((way, outcome)) => Outcome::Defect(format!("{first_way} gives {first}, {way} gives {outcome}")),
        None => first,
    }
}

fn bindings(program: &Arc<Program>, machine: &dyn Machine, input: Option<&Value>) -> Outcome {
    match evaluate(program, machine, input) {
        Ok(Some(Value::Set(bindings))) => Outcome::Bindings((*bindings).clone()),
        Ok(other) => Outcome::Defect(format!("the query gives no set but {other:?}")),
        Err(outcome) => outcome,
    }
}

/// The value of `result` in the module that asks.
fn evaluate(program: &Arc<Program>, machine: &dyn Machine, input: Option<&Value>) -> Result<Option<Value>, Outcome> {
    let Some(function) = program.rules.get(format!("data.{QUERY_PACKAGE}.result").as_str()) else {
        return Err(Outcome::Defect("the query is lost".to_owned()));
    };
    let mut context = Context::new(program);
    let limits = Limits { fuel: FUEL, memory_bytes: MEMORY_BYTES, time: Some(TIME), ..Limits::default() };
    context.begin(program, limits, NOW_NANOSECONDS);
    let failed = |fault: hpol_compiler::context::Fault| Outcome::Failed(fault.code.to_owned(), fault.message);
    if let Some(input) = input {
        context.set_input(input).map_err(failed)?;
    }
    let value = machine::query(machine, *function, &[], &mut context).map_err(failed)?;
    Ok(value.map(|word| context.heap().to_value(word)))
}

/// The time of every evaluation: cases ask whether it is later than 2020, or the same twice.
const NOW_NANOSECONDS: i64 = 1_750_000_000_000_000_000;

/// Everything is allowed, as in OPA.
static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
    let mut environment = hpol_stdlib::environment();
    environment.builtins.values_mut().for_each(|builtin| builtin.allowed = true);
    environment
});

fn compile(files: &[PolicyFile], options: &Options) -> Result<Arc<Program>, Outcome> {
    let checked = load(files, &ENVIRONMENT, &LoadLimits::default());
    let errors = checked.diagnostics.iter().filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|found| (rego_code(found.code).to_owned(), found.message.clone())).collect();
    let Some(program) = checked.program else { return Err(Outcome::Refused(errors)) };
    match hpol_compiler::compile(&program, options) {
        Ok(program) => Ok(Arc::new(program)),
        Err(error) => Err(Outcome::Refused(vec![("rego_compile_error".to_owned(), error.to_string())])),
    }
}

fn guarded(work: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Outcome::Defect("it panicked, see above".to_owned()))
}
