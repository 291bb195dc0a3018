//! Checking: from the untyped trees of all files to one typed program, with every error of the run.
//!
//! Rules are checked in the order of their dependencies, so that the type of a rule is known where it is used. An expression
//! with an error gets the type `any`, which fits everywhere, so that one mistake gives one message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ast::{DecisionRule, Expr, ExprKind, ItemKind, Module};
use crate::diagnostic::{self, Diagnostic, Severity};
pub use crate::documents::Documents;
use crate::documents::{Mounted, fixture_paths};
use crate::resolve::visit::{Part, condition_parts, parts};
use crate::resolve::{Index, order};
use crate::source::{Profile, SourceMap, Span};
use crate::typed::{self, Condition, Local, Program, RuleId};
use crate::types::{Environment, Type};

mod annotation;
mod approval;
mod body;
mod call;
mod cases;
mod compare;
mod condition;
mod decision;
mod expr;
mod gather;
mod mask;
mod narrow;
mod overlap;
mod pattern;
mod reference;
mod replace;
mod rule;
mod scope;
mod state;
mod test;

/// The edition of the language that this version reads.
pub const EDITION: u32 = 1;

/// How many findings are kept.
const DIAGNOSTICS_MAX: usize = 1_000;

/// After how many findings none offers a similar name any more.
const SUGGESTIONS_MAX: usize = 50;

/// What checking comes to.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The program, if there is no error.
    pub program: Option<Program>,
    /// The files as they were read, but for what is broken in them.
    pub modules: Vec<Module>,
    /// Files, for rendering the findings.
    pub sources: SourceMap,
    /// Errors and warnings, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// Whether one of the findings is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Errors in text that could not be read, so that [`Checked::modules`] lack what stands there.
    pub fn unread(&self) -> impl Iterator<Item = &Diagnostic> {
        let read = |span: Span| {
            let items =
                self.modules.iter().filter(move |module| module.file == span.file).flat_map(|module| &module.items);
            items.map(|item| item.span).any(|item| item.start <= span.start && span.end <= item.end)
        };
        self.diagnostics.iter().filter(move |found| found.severity == Severity::Error && !read(found.span))
    }
}

/// OPA's code for a finding, by which its conformance cases name what they expect.
pub fn rego_code(code: &str) -> &'static str {
    match code {
        "unsafe-variable" => "rego_unsafe_var_error",
        "recursion" => "rego_recursion_error",
        "argument-type"
        | "conflicting-kinds"
        | "conflicting-parameters"
        | "default-on-set"
        | "duplicate-default"
        | "duplicate-metadata"
        | "rule-conflict"
        | "builtin-not-allowed"
        | "unknown-function"
        | "wrong-arity" => "rego_type_error",
        "bad-assignment" | "bad-parameter" | "duplicate-variable" | "function-as-value" | "bad-with-target" => {
            "rego_compile_error"
        }
        _ => "rego_parse_error",
    }
}

/// Resolves and checks modules that were parsed from `sources`.
pub fn check(
    mut sources: SourceMap,
    modules: Vec<Module>,
    mut documents: Documents,
    environment: &Environment,
) -> Checked {
    let mut diagnostics = Vec::new();
    let texts = std::mem::take(&mut documents.texts);
    let (mounted, findings) = Mounted::new(documents, &named_fixtures(&sources, &modules));
    let mut files = BTreeMap::new();
    for finding in findings {
        let (text, start, end) = finding.place(&texts).unwrap_or_default();
        let file = *files.entry(finding.path.clone()).or_insert_with(|| sources.add(finding.path, text));
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span::new(file, byte(start), byte(end));
        diagnostics.push(Diagnostic::error(finding.code, span, finding.message).with_help(finding.help));
    }
    let index = Index::build(&sources, &modules, &mounted, environment, &mut diagnostics);
    let order = order::sort(&index, &mut diagnostics);
    let mut checker = Checker::new(&index, diagnostics);
    let program = checker.program(&order);
    let mut diagnostics = checker.diagnostics;
    let errors = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    // Errors first, so that warnings never crowd them out.
    diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
    diagnostics.truncate(DIAGNOSTICS_MAX);
    diagnostic::sort(&mut diagnostics);
    let program = (!errors).then(|| Program { sources: sources.clone(), data: mounted.data.clone(), ..program });
    Checked { program, modules, sources, diagnostics }
}

/// The files that tests name with `fixture`.
fn named_fixtures(sources: &SourceMap, modules: &[Module]) -> BTreeSet<Arc<str>> {
    let mut names = BTreeSet::new();
    for module in modules {
        let from = &sources.file(module.file).path;
        let mut found = Vec::new();
        for item in &module.items {
            match &item.kind {
                ItemKind::Rule(rule) => {
                    rule.head.value.iter().for_each(|value| fixtures_in(Part::Expr(value), &mut found));
                    let conditions = rule.body.iter().flat_map(|body| &body.conditions);
                    conditions
                        .for_each(|condition| condition_parts(condition, &mut |part| fixtures_in(part, &mut found)));
                }
                ItemKind::Test(test) => {
                    test.cases.iter().for_each(|(_, cases)| fixtures_in(Part::Expr(cases), &mut found));
                    let conditions = &test.body.conditions;
                    conditions
                        .iter()
                        .for_each(|condition| condition_parts(condition, &mut |part| fixtures_in(part, &mut found)));
                }
                ItemKind::Property(property) => {
                    let assumptions = property.assumptions.iter().flat_map(|body| &body.conditions);
                    assumptions
                        .chain([&property.expectation])
                        .for_each(|condition| condition_parts(condition, &mut |part| fixtures_in(part, &mut found)));
                }
                _ => {}
            }
        }
        names.extend(found.iter().flat_map(|name| fixture_paths(from, name)));
    }
    names
}

fn fixtures_in(part: Part<'_>, names: &mut Vec<Arc<str>>) {
    match part {
        Part::Expr(expr) | Part::Replacement(expr) => {
            if let ExprKind::Call { function, arguments } = &expr.kind
                && &*call::full_name(function) == "fixture"
                && let [Expr { kind: ExprKind::Literal { value: crate::value::Value::String(name), .. }, .. }] =
                    arguments.as_slice()
            {
                names.push(name.clone());
            }
            parts(expr, &mut |part| fixtures_in(part, names));
        }
        Part::Closure(closure) => {
            closure.heads.iter().for_each(|head| fixtures_in(Part::Expr(head), names));
            closure
                .conditions
                .iter()
                .for_each(|condition| condition_parts(condition, &mut |part| fixtures_in(part, names)));
        }
        Part::Call(_) => {}
    }
}

/// The state of a run, and of the definition that is being checked.
struct Checker<'i, 'a> {
    index: &'i Index<'a>,
    diagnostics: Vec<Diagnostic>,
    /// Ids in the program, by number in the index.
    rule_ids: Vec<RuleId>,
    /// Types of the rules checked so far.
    rule_types: Vec<Type>,
    /// Types of the parameters of the functions checked so far; `any` where none is declared.
    parameter_types: Vec<Vec<Type>>,
    /// Rules that may have no value.
    rules_absent: BTreeSet<RuleId>,
    module: usize,
    /// The definition that is being checked.
    definition: Option<&'a crate::ast::Rule>,
    profile: Profile,
    locals: Vec<Local>,
    scopes: Vec<scope::Scope>,
    /// The bodies being written, the innermost last.
    bodies: Vec<Vec<Condition>>,
    /// Counters checked so far.
    counters: Vec<typed::Counter>,
    /// Expressions whose iterations were written ahead, by address in the tree.
    ahead: BTreeMap<usize, typed::Expr>,
    /// What rules that may have no value look at and may not find, by number in the index.
    looks_at: BTreeMap<RuleId, Span>,
    /// The first of these in the definition that is being checked.
    looked_at: Option<Span>,
    /// Private rules, by number in the index.
    private: Vec<usize>,
    /// Whether the conditions grant something where they hold.
    grants: bool,
    /// Whether the conditions stand behind `not`.
    negated: bool,
}

impl<'i, 'a> Checker<'i, 'a> {
    fn new(index: &'i Index<'a>, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            index,
            diagnostics,
            rule_ids: vec![RuleId(0); index.rules.len()],
            rule_types: vec![Type::Any; index.rules.len()],
            parameter_types: vec![Vec::new(); index.rules.len()],
            rules_absent: BTreeSet::new(),
            module: 0,
            definition: None,
            profile: Profile::Hpol,
            locals: Vec::new(),
            scopes: Vec::new(),
            bodies: Vec::new(),
            counters: Vec::new(),
            ahead: BTreeMap::new(),
            looks_at: BTreeMap::new(),
            looked_at: None,
            private: (0..index.rules.len()).filter(|rule| index.rules[*rule].private).collect(),
            grants: false,
            negated: false,
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        // More than enough to know that something is wrong; a hostile program must not fill the memory with messages. There is
        // room left for an error behind any number of warnings.
        let limit = if diagnostic.severity == Severity::Error { DIAGNOSTICS_MAX * 5 } else { DIAGNOSTICS_MAX * 4 };
        if self.diagnostics.len() < limit {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether names are still compared with others for "did you mean": after a flood of findings that only costs time.
    fn suggests(&self) -> bool {
        self.diagnostics.len() < SUGGESTIONS_MAX
    }

    fn program(&mut self, order: &[usize]) -> Program {
        let index = self.index;
        let mut next = 0;
        for rule in order {
            // A rule whose keys hold sets becomes two.
            next += u32::from(index.rules[*rule].sets);
            self.rule_ids[*rule] = RuleId(next);
            next += 1;
        }
        let mut rules = Vec::new();
        for rule in order {
            if index.rules[*rule].sets {
                let pairs_id = RuleId(self.rule_ids[*rule].0.saturating_sub(1));
                let (pairs, object) = self.object_of_sets(*rule, pairs_id);
                rules.extend([pairs, object]);
            } else {
                rules.push(self.rule(*rule));
            }
        }
        let decisions = self.decisions();
        let mut counters = std::mem::take(&mut self.counters);
        counters.sort_by(|a, b| a.name.cmp(&b.name));
        let labels = self.labels();
        let tests = self.tests();
        self.check_edition();
        self.check_marks();
        self.report_unused();
        let packages = index.packages.iter().map(|package| typed::Package {
            path: package.path.clone(),
            input_kind: package.kind.clone(),
            input: package.input_type.clone(),
        });
        Program {
            sources: SourceMap::new(),
            rules,
            decisions,
            counters,
            labels,
            tests,
            data: crate::value::Value::Null,
            packages: packages.collect(),
        }
    }

    fn decisions(&mut self) -> Vec<typed::DecisionRule> {
        let index = self.index;
        let mut first: BTreeMap<(usize, Arc<str>), Span> = BTreeMap::new();
        let mut decisions = Vec::new();
        for (number, module) in index.modules.iter().enumerate() {
            for item in &module.items {
                let ItemKind::Decision(rule) = &item.kind else { continue };
                self.check_duplicate_id(number, rule, &mut first);
                decisions.push(self.decision(number, item, rule));
            }
        }
        decisions.sort_by(|a, b| (a.package, a.effect, &a.id).cmp(&(b.package, b.effect, &b.id)));
        decisions
    }

    fn check_duplicate_id(
        &mut self,
        module: usize,
        rule: &DecisionRule,
        first: &mut BTreeMap<(usize, Arc<str>), Span>,
    ) {
        let package = self.index.package_of[module];
        let known = *first.entry((package, rule.id.clone())).or_insert(rule.id_span);
        if known != rule.id_span {
            let message =
                format!("two rules of package `{}` have the id \"{}\"", self.index.packages[package].path, rule.id);
            self.report(
                Diagnostic::error("duplicate-id", rule.id_span, message)
                    .with_related(known, "the first rule with this id")
                    .with_help("give each rule an id of its own; decisions and tests name rules by it"),
            );
        }
    }

    fn tests(&mut self) -> Vec<typed::Test> {
        let index = self.index;
        let mut first: BTreeMap<(usize, Arc<str>), Span> = BTreeMap::new();
        let mut tests = Vec::new();
        for (number, module) in index.modules.iter().enumerate() {
            for item in &module.items {
                let (name, span) = match &item.kind {
                    ItemKind::Test(test) => (&test.name, test.name_span),
                    ItemKind::Property(property) => (&property.name, property.name_span),
                    _ => continue,
                };
                let known = *first.entry((index.package_of[number], name.clone())).or_insert(span);
                if known != span {
                    self.report(
                        Diagnostic::error("duplicate-test", span, format!("two tests are named \"{name}\""))
                            .with_related(known, "the first")
                            .with_help("give each test a name of its own"),
                    );
                }
                tests.extend(match &item.kind {
                    ItemKind::Test(test) => Some(self.test(number, test)),
                    ItemKind::Property(property) => Some(self.property(number, property)),
                    _ => None,
                });
            }
        }
        tests
    }

    /// Refuses editions of the language that are not known.
    fn check_edition(&mut self) {
        for module in self.index.modules {
            for item in &module.items {
                let ItemKind::Edition(edition) = &item.kind else { continue };
                if *edition != EDITION {
                    let message = format!("this version knows edition {EDITION}, not {edition}");
                    let help = format!("write `edition {EDITION}`, or use a newer version of hpol");
                    self.report(Diagnostic::error("bad-edition", item.span, message).with_help(help));
                }
            }
        }
    }

    fn report_unused(&mut self) {
        let index = self.index;
        let used = std::mem::take(&mut *index.used.borrow_mut());
        for (number, imports) in index.imports.iter().enumerate() {
            if index.modules[number].profile == Profile::Rego {
                continue;
            }
            for (name, import) in imports {
                if !used.imports.contains(&(number, name.clone())) {
                    self.report(
                        Diagnostic::warning("unused-import", import.span, format!("`{name}` is imported but not used"))
                            .with_help("remove the import"),
                    );
                }
            }
        }
        for (number, rule) in index.rules.iter().enumerate() {
            let package = &index.packages[rule.package];
            let decides = package.kind.is_some() || rule.private;
            if rule.profile == Profile::Hpol && decides && !package.has_tests && !used.rules.contains(&number) {
                let name = rule.parts.last().cloned().unwrap_or_default();
                self.report(
                    Diagnostic::warning("unused-rule", rule.span, format!("nothing uses `{name}`"))
                        .with_help("remove it, or move it to a package without `input:` if it is asked for by name"),
                );
            }
        }
        for (number, module) in index.modules.iter().enumerate() {
            for item in &module.items {
                let (name, span) = match &item.kind {
                    ItemKind::Type(declaration) => (&declaration.name.text, declaration.name.span),
                    ItemKind::ImportSchema(import) => (&import.name.text, import.name.span),
                    _ => continue,
                };
                let package = index.package_of[number];
                let decides = index.packages[package].kind.is_some();
                if decides && !used.types.contains(&(package, name.clone())) {
                    self.report(
                        Diagnostic::warning("unused-type", span, format!("nothing uses type `{name}`"))
                            .with_help("remove it"),
                    );
                }
            }
        }
    }
}
