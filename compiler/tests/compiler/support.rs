//! Source text to plan, and running machine code.

use std::sync::Arc;

use hpol_compiler::context::{Context, Fault, Limits, Stop};
use hpol_compiler::jit::{self, CompiledCode};
use hpol_compiler::machine::{self, Verdict};
use hpol_compiler::plan::{FunctionId, Program};
use hpol_compiler::{Options, Pass, compile_with};
use hpol_lang::load::{LoadLimits, PolicyFile, load};
use hpol_lang::value::{JsonLimits, Value, parse_json};
use hpol_stdlib::heap::Word;

/// Checks sources, which must be free of errors.
pub(crate) fn checked(files: &[(&str, &str)]) -> hpol_lang::typed::Program {
    let files: Vec<_> = files.iter().map(|(path, text)| PolicyFile::new(*path, *text)).collect();
    let checked = load(&files, &hpol_stdlib::environment(), &LoadLimits::default());
    let errors: Vec<_> = checked.diagnostics.iter().map(|finding| &finding.message).collect();
    checked.program.unwrap_or_else(|| panic!("the policy has errors: {errors:?}"))
}

/// Compiles sources, which must be free of errors.
pub(crate) fn plan(files: &[(&str, &str)], options: &Options) -> Arc<Program> {
    Arc::new(compile_with(&checked(files), options, &Translating).expect("the policy compiles"))
}

/// Runs functions of any plan by machine code that is made for the call.
struct Translating;

impl hpol_compiler::machine::Machine for Translating {
    fn run(&self, function: FunctionId, arguments: &[Word], context: &mut Context) -> Result<Word, Stop> {
        let code = jit::compile(context.program()).expect("there is machine code");
        machine::Machine::run(&code, function, arguments, context)
    }
}

/// The plan as it was lowered, with all passes, and without each of them.
pub(crate) fn variants() -> Vec<Options> {
    let without = Pass::ALL.iter().map(|pass| Options::default().without(*pass));
    [Options::none(), Options::default()].into_iter().chain(without).collect()
}

/// A program with its machine code and a context for it.
pub(crate) struct Machine {
    pub(crate) program: Arc<Program>,
    pub(crate) code: CompiledCode,
    pub(crate) context: Context,
    pub(crate) limits: Limits,
}

impl Machine {
    pub(crate) fn new(files: &[(&str, &str)], options: &Options) -> Self {
        let program = plan(files, options);
        let code = jit::compile(&program).expect("there is machine code");
        let context = Context::new(&program);
        Self { program, code, context, limits: Limits::default() }
    }

    /// Starts an evaluation with an input of JSON text.
    pub(crate) fn begin(&mut self, input: &str) {
        self.context.begin(&self.program, self.limits.clone(), 0);
        let input = parse_json(input, JsonLimits::default()).expect("the input is JSON");
        self.context.set_input(&input).expect("the input fits");
    }

    /// The value of a rule.
    pub(crate) fn query(&mut self, rule: &str, input: &str) -> Result<Option<Value>, Fault> {
        self.begin(input);
        let function = self.program.rules[rule];
        let result = machine::query(&self.code, function, &[], &mut self.context)?;
        Ok(result.map(|word| self.context.heap().to_value(word)))
    }

    /// The value of a rule in Rego's notation, `undefined`, or the error's code.
    pub(crate) fn show(&mut self, rule: &str, input: &str) -> String {
        match self.query(rule, input) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "undefined".into(),
            Err(fault) => format!("{}: {}", fault.code, fault.message),
        }
    }

    /// As [`Machine::show`], with how the rule would come out as a condition of what protects, and what it finds absent.
    pub(crate) fn show_with_absences(&mut self, rule: &str, input: &str) -> (String, Verdict) {
        let value = self.show(rule, input);
        self.begin(input);
        let function = self.program.rules[rule];
        (value, machine::protects(&self.code, function, &mut self.context))
    }

    /// How all decision rules come out, by effect and id.
    pub(crate) fn decide(&mut self, input: &str) -> Vec<(String, Verdict)> {
        self.begin(input);
        let program = self.program.clone();
        let rules = (0..).zip(&program.decisions);
        let verdicts = rules.map(|(index, rule)| {
            let id = hpol_compiler::plan::DecisionId(index);
            (format!("{:?} {:?}", rule.effect, rule.id), machine::decide(&self.code, id, &mut self.context))
        });
        verdicts.collect()
    }
}
