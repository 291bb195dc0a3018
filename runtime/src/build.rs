//! From files to a generation: check, compile, and make code.

use std::sync::{Arc, LazyLock};

use hpol_compiler::plan::Program;
use hpol_compiler::{CompileError, Options};
use hpol_lang::check::Checked;
use hpol_lang::diagnostic::{self, Diagnostic, DiagnosticReport, Severity};
use hpol_lang::load::{self, LoadLimits, PolicyFile};
use hpol_lang::source::{SourceMap, Span};
use hpol_lang::typed;
use hpol_lang::types::{Environment, Type};
use hpol_stdlib::read::{Projection, Shape};
use rustc_hash::FxHashMap;

use crate::capabilities::Capabilities;
use crate::code::Code;
use crate::engine::{CodeReady, EngineKind, EngineOptions};
use crate::guard::with_deep_stack;
use crate::inputs::Keep;
use crate::interpret::Interpreter;
use crate::source::Files;

/// How many errors are rendered for people; all are there as data.
const ERRORS_TOLD: usize = 50;

/// What a generation runs.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) program: Arc<Program>,
    /// Machine code, if it was asked for.
    pub(crate) code: Code,
    /// Type of the input of each package.
    pub(crate) inputs: Vec<Type>,
    /// Which packages decide on a kind of request.
    pub(crate) kinds: Kinds,
    /// Places of the conditions of each decision rule, in the order of their evaluation.
    pub(crate) conditions: Vec<Vec<Span>>,
    /// Places in the definitions of each rule, by its path.
    pub(crate) definitions: FxHashMap<Arc<str>, Vec<Definition>>,
    /// What was compiled, if it has properties: values for them are drawn with a view to what it compares with.
    pub(crate) typed: Option<Box<typed::Program>>,
    /// Findings that do not stop it.
    pub(crate) warnings: Vec<DiagnosticReport>,
}

/// The places of one definition of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// All of it.
    pub(crate) span: Span,
    /// Its conditions, in the order of their evaluation.
    pub(crate) conditions: Vec<Span>,
    /// Where it says what it yields.
    pub(crate) yields: Vec<Span>,
}

/// By the name of a kind: the packages that decide on it, in groups with the same type of input.
pub(crate) type Kinds = FxHashMap<Arc<str>, Arc<[Group]>>;

/// Packages with the same type of input.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The type.
    pub(crate) input: Type,
    /// Indices into the plan's packages.
    pub(crate) packages: Vec<usize>,
    /// How readers fill the plan's slots from inputs of the type; `None` if the plan has none.
    pub(crate) shapes: Option<Shapes>,
}

/// How readers fill slots.
#[derive(Debug, Clone)]
pub(crate) struct Shapes {
    /// With all that a decision tells.
    pub(crate) whole: Arc<Shape>,
    /// With what rules look at to come to a ruling, if that is less.
    pub(crate) ruling: Option<Arc<Shape>>,
}

impl Shapes {
    fn of(ty: &Type, whole: &Projection, ruling: &Projection) -> Self {
        let whole_shape = Arc::new(Shape::new(ty, whole));
        let ruling = (ruling != whole).then(|| Arc::new(Shape::new(ty, ruling)));
        Self { ruling: ruling.filter(|ruling| !ruling.reads_as(&whole_shape)), whole: whole_shape }
    }

    /// Which of them serves.
    pub(crate) fn shape(&self, keep: Keep) -> &Shape {
        match (keep, &self.ruling) {
            (Keep::Ruling, Some(ruling)) => ruling,
            (Keep::Ruling, None) | (Keep::Decision, _) => &self.whole,
        }
    }
}

/// Why files make no generation: everything that is wrong, rendered for people and as data.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) diagnostics: Vec<DiagnosticReport>,
}

/// Reads and checks files against everything that the standard library offers. Nothing is compiled.
///
/// ```
/// use hpol_runtime::source::Files;
/// let checked = hpol_runtime::check(&Files::from_memory([("guard.hpol", "package guard\n\nallow \"all\"\n")]));
/// assert!(checked.has_errors(), "a package with decision rules must say what it decides on");
/// ```
pub fn check(files: &Files) -> Checked {
    check_with(files, None)
}

/// As [`check`], for a host that does not let policies do everything.
pub fn check_with(files: &Files, capabilities: Option<&Capabilities>) -> Checked {
    static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(hpol_stdlib::environment);

    let restricted = capabilities.map(|capabilities| {
        let mut environment = ENVIRONMENT.clone();
        capabilities.restrict(&mut environment);
        environment
    });
    let environment = restricted.as_ref().unwrap_or(&ENVIRONMENT);
    let files: Vec<PolicyFile> = files.iter().map(|(path, content)| PolicyFile::new(path.clone(), content)).collect();
    load::load(&files, environment, &LoadLimits::default())
}

/// Checks and compiles files.
pub(crate) fn build(files: &Files, options: &EngineOptions) -> Result<Built, Refused> {
    build_for(files, options, &compiler_options(options))
}

/// As [`build`], with a plan that tells how each condition comes out and does everything in the order of the text.
pub(crate) fn build_telling(files: &Files, options: &EngineOptions) -> Result<Built, Refused> {
    build_for(files, options, &Options { mark_conditions: true, ..Options::in_order_of_text() })
}

fn build_for(files: &Files, options: &EngineOptions, compiler: &Options) -> Result<Built, Refused> {
    let built = with_deep_stack(|| build_here(files, options, compiler));
    built.unwrap_or_else(|message| Err(Refused { message, diagnostics: Vec::new() }))
}

fn build_here(files: &Files, options: &EngineOptions, compiler: &Options) -> Result<Built, Refused> {
    let Checked { program, sources, diagnostics, .. } = check_with(files, options.capabilities.as_deref());
    let Some(typed) = program else { return Err(refused(&diagnostics, &sources)) };
    let program = match hpol_compiler::compile_with(&typed, compiler, &Interpreter::default()) {
        Ok(program) => Arc::new(program),
        Err(error) => return Err(not_compiled(&error, &sources)),
    };
    let code = match (options.kind, options.code) {
        (EngineKind::Interpreter, _) => Code::none(),
        (EngineKind::Jit, CodeReady::InBackground) => Code::in_background(&program),
        // Not by the interpreter behind the host's back: it would be many times slower than what was planned for.
        (EngineKind::Jit, CodeReady::BeforeFirstDecision) => Code::now(&program).map_err(|error| {
            let message = format!("{error}; the interpreter, if it is chosen, runs without machine code");
            Refused { message, diagnostics: Vec::new() }
        })?,
    };
    Ok(Built {
        kinds: kinds(&typed.packages, &program),
        inputs: typed.packages.iter().map(|package| package.input.clone()).collect(),
        conditions: typed.decisions.iter().map(|rule| conditions(&rule.body)).collect(),
        definitions: typed.rules.iter().map(|rule| (rule.path.clone(), definitions(rule))).collect(),
        warnings: diagnostics.iter().map(|found| found.report(&sources)).collect(),
        typed: has_properties(&typed).then(|| Box::new(typed)),
        program,
        code,
    })
}

fn compiler_options(options: &EngineOptions) -> Options {
    match options.without_pass {
        _ if !options.optimise => Options::in_order_of_text(),
        Some(pass) => Options::default().without(pass),
        None => Options::default(),
    }
}

fn kinds(packages: &[typed::Package], program: &Program) -> Kinds {
    let projections =
        (!program.slots.is_empty()).then(|| (program.slots.projection(), program.slots.ruling_projection()));
    let shapes = |ty: &Type| projections.as_ref().map(|(whole, ruling)| Shapes::of(ty, whole, ruling));
    let mut kinds: FxHashMap<Arc<str>, Vec<Group>> = FxHashMap::default();
    for (index, package) in packages.iter().enumerate() {
        let Some(kind) = &package.input_kind else { continue };
        let groups = kinds.entry(kind.clone()).or_default();
        match groups.iter_mut().find(|group| group.input == package.input) {
            Some(group) => group.packages.push(index),
            None => {
                let shapes = shapes(&package.input);
                groups.push(Group { input: package.input.clone(), packages: vec![index], shapes });
            }
        }
    }
    kinds.into_iter().map(|(kind, groups)| (kind, groups.into())).collect()
}

fn has_properties(program: &typed::Program) -> bool {
    program.tests.iter().any(|test| matches!(test.runs, typed::TestRuns::Drawn { .. }))
}

/// What the text writes as one condition may be several, which have its place.
fn conditions(body: &typed::Body) -> Vec<Span> {
    let mut spans: Vec<Span> = body.conditions.iter().map(|condition| condition.span).collect();
    spans.dedup();
    spans
}

fn definitions(rule: &typed::Rule) -> Vec<Definition> {
    let chains = rule
        .clauses
        .iter()
        .flat_map(|clause| std::iter::successors(Some(clause), |clause| clause.else_clause.as_deref()));
    let definition = |clause: &typed::Clause| {
        let key = clause.key.as_ref().map(|key| key.span);
        let yields = [Some(clause.value.span), key, Some(clause.span)].into_iter().flatten().collect();
        Definition { span: clause.span, conditions: conditions(&clause.body), yields }
    };
    chains.map(definition).collect()
}

fn refused(diagnostics: &[Diagnostic], sources: &SourceMap) -> Refused {
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let told: Vec<Diagnostic> = errors.clone().take(ERRORS_TOLD).cloned().collect();
    let mut message = diagnostic::render(&told, sources, false);
    let more = errors.count() - told.len();
    if more > 0 {
        message.push_str(&format!("\n… and {more} more errors\n"));
    }
    Refused { message, diagnostics: diagnostics.iter().map(|found| found.report(sources)).collect() }
}

fn not_compiled(error: &CompileError, sources: &SourceMap) -> Refused {
    match error.span() {
        Some(span) => refused(&[Diagnostic::error("not-compiled", span, error.to_string())], sources),
        None => Refused { message: format!("the policies can't be compiled: {error}"), diagnostics: Vec::new() },
    }
}
