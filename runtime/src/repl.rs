//! An interactive session: rules and queries that are typed in, over a policy and an input.
//!
//! What is typed becomes a file beside the policy's own, in the session's package. A query becomes a rule of that file, so that
//! it is checked, compiled and run as any rule is, within the engine's limits.
//!
//! ```
//! use hpol_runtime::EngineOptions;
//! use hpol_runtime::repl::{Answer, Repl};
//!
//! let mut repl = Repl::new(EngineOptions::default());
//! assert!(matches!(repl.enter("small if input.amount < 10"), Ok(Answer::Declared(_))));
//! repl.set_input(Some(hpol_lang::value::parse_json(r#"{"amount": 3}"#, Default::default()).expect("JSON")));
//! assert_eq!(repl.enter("small").expect("a query").to_string(), "true");
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_lang::ast::{ItemKind, Module, is_identifier};
use hpol_lang::check::Checked;
use hpol_lang::diagnostic::{self, Diagnostic, Severity};
use hpol_lang::parse::{ParseLimits, parse, parse_query};
use hpol_lang::source::{Profile, SourceMap, Span};
use hpol_lang::typed::Program;
use hpol_lang::types::Type;
use hpol_lang::value::Value;

use crate::build::check;
use crate::engine::{Engine, EngineOptions};
use crate::explain::QueryExplanation;
use crate::source::Files;

mod answer;
mod complete;
mod question;

pub use answer::{Answer, ReplError};
use question::Question;

/// The package of a session that has no other.
const PACKAGE: &str = "repl";
/// The rule that a query becomes.
const RULE: &str = "__query";

/// An interactive session.
#[derive(Debug)]
pub struct Repl {
    options: EngineOptions,
    /// The policy that was loaded.
    policy: Files,
    profile: Profile,
    package: String,
    /// What was declared, by package.
    declared: BTreeMap<String, Vec<Declaration>>,
    input: Option<Value>,
}

/// Something that was typed in and stays.
#[derive(Debug, Clone)]
struct Declaration {
    text: String,
    /// The name that a later declaration of the same name replaces.
    replaced_by: Option<Arc<str>>,
    is_import: bool,
}

/// The session's file, and where in it what was typed last stands.
struct Typed {
    path: Arc<str>,
    text: String,
    start: usize,
    end: usize,
    /// What was typed, for showing findings.
    shown: String,
}

impl Repl {
    /// An empty session in Rego.
    pub fn new(options: EngineOptions) -> Self {
        Self {
            options,
            policy: Files::from_memory(std::iter::empty::<(&str, &str)>()),
            profile: Profile::Rego,
            package: PACKAGE.to_owned(),
            declared: BTreeMap::new(),
            input: None,
        }
    }

    /// Puts a policy under the session. What was typed in stays.
    ///
    /// # Errors
    ///
    /// What is wrong with it, alone or together with what was typed in; the session stays with what it had.
    pub fn load(&mut self, files: Files) -> Result<(), ReplError> {
        let before = std::mem::replace(&mut self.policy, files);
        let result = self.checked(None).map(|_| ());
        if result.is_err() {
            self.policy = before;
        }
        result
    }

    /// The language of what is typed in.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Changes the language. What was typed in before is forgotten, because it was written in the other one.
    pub fn set_profile(&mut self, profile: Profile) {
        if self.profile != profile {
            self.declared.clear();
        }
        self.profile = profile;
    }

    /// The package in which names are looked up.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Changes the package; it need not be there yet.
    ///
    /// # Errors
    ///
    /// It is no path of names.
    pub fn set_package(&mut self, package: &str) -> Result<(), ReplError> {
        let package = package.strip_prefix("data.").unwrap_or(package);
        if !package.split('.').all(is_identifier) {
            return Err(ReplError::said(format!("`{package}` is not the path of a package, such as `guard.orders`")));
        }
        self.package = package.to_owned();
        Ok(())
    }

    /// The input of queries.
    pub fn input(&self) -> Option<&Value> {
        self.input.as_ref()
    }

    /// Changes the input.
    pub fn set_input(&mut self, input: Option<Value>) {
        self.input = input;
    }

    /// What was typed in and stays, in all packages.
    pub fn declarations(&self) -> String {
        let mut out = String::new();
        for (package, declarations) in &self.declared {
            out.push_str(&format!("package {package}\n\n"));
            declarations.iter().for_each(|declaration| out.push_str(&format!("{}\n", declaration.text)));
        }
        out
    }

    /// Forgets what was declared under a name in the session's package; whether there was anything.
    pub fn forget(&mut self, name: &str) -> bool {
        let Some(declarations) = self.declared.get_mut(&self.package) else { return false };
        let before = declarations.len();
        declarations.retain(|declaration| declaration.replaced_by.as_deref() != Some(name));
        declarations.len() < before
    }

    /// Whether a text goes on in the next line, because a bracket or a string is open.
    pub fn is_incomplete(&self, text: &str) -> bool {
        let (_, _, findings) = self.read_module(text);
        findings.iter().any(|finding| matches!(finding.code, "unclosed-bracket" | "unclosed-string"))
    }

    /// Takes a declaration, `package` with a path, or a query.
    ///
    /// # Errors
    ///
    /// What is wrong with it; a declaration with an error is not kept.
    pub fn enter(&mut self, text: &str) -> Result<Answer, ReplError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Answer::Nothing);
        }
        if let Some(package) = text.strip_prefix("package ") {
            self.set_package(package.trim())?;
            return Ok(Answer::Nothing);
        }
        match self.read_query(text) {
            Ok(question) if !question.declares => self.ask(&question),
            Ok(_) => self.declare(text, None),
            Err(findings) => self.declare(text, Some(findings)),
        }
    }

    /// The type of a query's value.
    ///
    /// # Errors
    ///
    /// What is wrong with the query.
    pub fn type_of(&self, text: &str) -> Result<String, ReplError> {
        let question = self.read_query(text).map_err(|findings| rendered(text, &findings))?;
        let (checked, path) = self.checked(Some(&question))?;
        let rule = program(&checked).and_then(|program| program.rules.iter().find(|rule| *rule.path == *path));
        let ty = rule.map(|rule| match &rule.ty {
            Type::Array(items) => items.to_string(),
            other => other.to_string(),
        });
        ty.ok_or_else(|| ReplError::said("it has no type".to_owned()))
    }

    /// Why a rule has its value, or why a query holds or not.
    ///
    /// # Errors
    ///
    /// What is wrong with the query.
    pub fn explain(&self, text: &str) -> Result<QueryExplanation, ReplError> {
        let text = text.trim();
        let names: Vec<String> = vec![format!("data.{}.{text}", self.package), text.to_owned()];
        let engine = self.engine(None)?;
        for name in names.iter().filter(|name| name.starts_with("data.") && name.split('.').all(is_identifier)) {
            if let Ok(explanation) = engine.explain_query(name, self.input.as_ref()) {
                return Ok(explanation);
            }
        }
        let mut question = self.read_query(text).map_err(|findings| rendered(text, &findings))?;
        question.explained = true;
        let engine = self.engine(Some(&question))?;
        let path = format!("data.{}.{RULE}", self.package);
        Ok(engine.explain_query(&path, self.input.as_ref())?)
    }

    /// Names that may stand where a text ends, in order.
    pub fn completions(&self, text: &str) -> Vec<String> {
        complete::completions(self, text)
    }

    fn ask(&self, question: &Question) -> Result<Answer, ReplError> {
        let engine = self.engine(Some(question))?;
        let value = engine.query(&format!("data.{}.{RULE}", self.package), self.input.as_ref())?;
        Ok(question.answer(value))
    }

    fn declare(&mut self, text: &str, as_query: Option<Vec<Diagnostic>>) -> Result<Answer, ReplError> {
        let (sources, module, findings) = self.read_module(text);
        let Some(module) = module.filter(|module| findings.is_empty() && !module.items.is_empty()) else {
            return Err(match as_query {
                // What looks like a declaration is explained as one.
                Some(query) if !looks_declared(text) => rendered(text, &query),
                _ => self.remapped(&sources, &findings, &self.module_text(text)),
            });
        };
        let package = self.package.clone();
        let before = self.declared.get(&package).cloned().unwrap_or_default();
        let added = declaration(text, &module);
        let known = self.declared.entry(package.clone()).or_default();
        if let Some(name) = added.replaced_by.as_ref().filter(|_| is_constant(&module)) {
            known.retain(|other| other.replaced_by.as_ref() != Some(name));
        }
        let shown = added.text.clone();
        known.push(added);
        if let Err(error) = self.checked_declared(&shown) {
            self.declared.insert(package, before);
            return Err(error);
        }
        Ok(Answer::Declared(module.items.len()))
    }

    /// What was declared in the session's package.
    fn own_text(&self) -> String {
        let declarations = self.declared.get(&self.package).map_or(&[][..], Vec::as_slice);
        declarations.iter().map(|declaration| format!("{}\n", declaration.text)).collect()
    }

    /// Checks everything after a declaration.
    fn checked_declared(&self, shown: &str) -> Result<(), ReplError> {
        let files = self.files(None);
        let checked = check(&files.0);
        let text = files.1.text.as_str();
        let start = text.rfind(shown).unwrap_or(0);
        let typed = Typed { start, end: start + shown.len(), shown: shown.to_owned(), ..files.1 };
        self.refused(&checked, &typed).map_or(Ok(()), Err)
    }

    fn checked(&self, question: Option<&Question>) -> Result<(Checked, String), ReplError> {
        let (files, typed) = self.files(question);
        let checked = check(&files);
        match self.refused(&checked, &typed) {
            Some(error) => Err(error),
            None => Ok((checked, format!("data.{}.{RULE}", self.package))),
        }
    }

    fn engine(&self, question: Option<&Question>) -> Result<Engine, ReplError> {
        let (files, typed) = self.files(question);
        let checked = check(&files);
        if let Some(error) = self.refused(&checked, &typed) {
            return Err(error);
        }
        let engine = Engine::new(self.options.clone());
        engine.load(&files).map_err(|error| ReplError::said(error.to_string()))?;
        Ok(engine)
    }

    /// The errors of a check, those in what was typed without what stands around it.
    fn refused(&self, checked: &Checked, typed: &Typed) -> Option<ReplError> {
        let errors: Vec<Diagnostic> =
            checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).cloned().collect();
        (!errors.is_empty()).then(|| self.remapped(&checked.sources, &errors, typed))
    }

    fn remapped(&self, sources: &SourceMap, errors: &[Diagnostic], typed: &Typed) -> ReplError {
        let mut own = SourceMap::new();
        let file = own.add(self.path("typed"), typed.shown.as_str());
        let moved = |span: Span| -> Option<Span> {
            let (start, end) = (span.start as usize, span.end as usize);
            let inside = *sources.file(span.file).path == *typed.path && typed.start <= start && end <= typed.end;
            let at = |place: usize| u32::try_from(place - typed.start).ok();
            if inside { Some(Span::new(file, at(start)?, at(end)?)) } else { None }
        };
        let mut message = String::new();
        for error in errors {
            let shown = match moved(error.span) {
                Some(span) => {
                    let mut error = error.clone();
                    error.span = span;
                    error.related =
                        error.related.into_iter().filter_map(|(at, note)| Some((moved(at)?, note))).collect();
                    error.fix = error.fix.and_then(|fix| Some(diagnostic::Fix { span: moved(fix.span)?, ..fix }));
                    diagnostic::render(&[error], &own, false)
                }
                None => diagnostic::render(std::slice::from_ref(error), sources, false),
            };
            message.push_str(&shown);
        }
        ReplError::said(message.trim_end().to_owned())
    }

    /// All files: the policy's, and one for each package in which something was declared.
    fn files(&self, question: Option<&Question>) -> (Files, Typed) {
        let mut files: Vec<(Arc<str>, Vec<u8>)> =
            self.policy.iter().map(|(path, content)| (path.clone(), content.to_vec())).collect();
        let mut typed =
            Typed { path: self.path(&self.package), text: String::new(), start: 0, end: 0, shown: String::new() };
        let packages = self.declared.keys().chain([&self.package]).collect::<std::collections::BTreeSet<_>>();
        for package in packages {
            let mut text = format!("package {package}\n\n");
            let declarations = self.declared.get(package).map_or(&[][..], Vec::as_slice);
            let (imports, rest): (Vec<_>, Vec<_>) = declarations.iter().partition(|known| known.is_import);
            imports.into_iter().chain(rest).for_each(|known| text.push_str(&format!("{}\n\n", known.text)));
            if *package == self.package {
                if let Some(question) = question {
                    let start = text.len();
                    text.push_str(&question.rule(RULE));
                    typed.start = start + question.offset(RULE);
                    typed.end = typed.start + question.text.len();
                    typed.shown.clone_from(&question.text);
                }
                typed.text.clone_from(&text);
            }
            files.push((self.path(package), text.into_bytes()));
        }
        (Files::from_memory(files), typed)
    }

    fn path(&self, package: &str) -> Arc<str> {
        let ending = match self.profile {
            Profile::Rego => "rego",
            Profile::Hpol => "hpol",
        };
        format!("<{package}>.{ending}").into()
    }

    fn module_text(&self, text: &str) -> Typed {
        let head = format!("package {}\n\n", self.package);
        let (start, end) = (head.len(), head.len() + text.len());
        Typed { path: self.path("typed"), text: head + text + "\n", start, end, shown: text.to_owned() }
    }

    fn read_module(&self, text: &str) -> (SourceMap, Option<Module>, Vec<Diagnostic>) {
        let mut sources = SourceMap::new();
        let typed = self.module_text(text);
        let file = sources.add(typed.path, typed.text);
        let (module, findings) = parse(&sources, file, &ParseLimits::default());
        (sources, module, findings)
    }

    fn read_query(&self, text: &str) -> Result<Question, Vec<Diagnostic>> {
        let mut sources = SourceMap::new();
        let file = sources.add(self.path("typed"), text);
        let body = parse_query(&sources, file, self.profile, &ParseLimits::default())?;
        let known = complete::names_in_scope(self);
        Ok(Question::new(text, &body, &known))
    }
}

fn program(checked: &Checked) -> Option<&Program> {
    checked.program.as_ref()
}

/// Findings about a text that was read on its own.
fn rendered(text: &str, findings: &[Diagnostic]) -> ReplError {
    let mut sources = SourceMap::new();
    sources.add("<typed>", text);
    ReplError::said(diagnostic::render(findings, &sources, false).trim_end().to_owned())
}

/// Whether somebody who writes this means a declaration.
fn looks_declared(text: &str) -> bool {
    const WORDS: &[&str] =
        &["import", "default", "allow", "deny", "mask", "approve", "type", "input:", "test", "counter", "emit"];
    let first = text.split_whitespace().next().unwrap_or("");
    WORDS.contains(&first) || [" if ", " contains ", " if{"].iter().any(|word| text.contains(word))
}

fn declaration(text: &str, module: &Module) -> Declaration {
    let name = module.items.iter().find_map(|item| match &item.kind {
        ItemKind::Rule(rule) => question::head_name(&rule.head.reference),
        ItemKind::Default(default) => question::head_name(&default.reference),
        ItemKind::Type(declared) => Some(declared.name.text.clone()),
        ItemKind::Decision(decision) => Some(decision.id.clone()),
        _ => None,
    });
    let is_import =
        module.items.iter().any(|item| matches!(item.kind, ItemKind::Import(_) | ItemKind::ImportSchema(_)));
    Declaration { text: text.to_owned(), replaced_by: name, is_import }
}

/// Whether it is one plain value, which a later one replaces: `x := 1`.
fn is_constant(module: &Module) -> bool {
    match module.items.as_slice() {
        [item] => matches!(&item.kind, ItemKind::Rule(rule) if rule.body.is_none() && rule.head.parameters.is_none()
            && rule.head.contains.is_none() && rule.head.value.is_some() && rule.head.reference.steps.is_empty()),
        _ => false,
    }
}
