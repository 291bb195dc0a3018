//! From a `.rego` file to a typed `.hpol` one, as far as that goes by itself.
//!
//! Rules keep their text, because the two languages share their expressions. `allow` and `deny` become decision rules, rules
//! named `test_…` become tests, and the input gets a type: from a schema, or a draft of one from what the rules read.
//! What is left to a person is said twice: in a comment at its place, and in a list of notes.
//!
//! ```
//! use hpol_lang::convert::{ConvertOptions, convert};
//! use hpol_lang::types::Environment;
//!
//! let rego = "package p\n\ndefault allow := false\n\nallow if input.role == \"admin\"\n";
//! let converted = convert("p.rego", rego, &ConvertOptions::default(), &Environment::default()).expect("it is Rego");
//! assert!(converted.text.contains("allow \"allow 1\" if input.role == \"admin\""), "{}", converted.text);
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::ast::{Condition, Expr, ExprKind, Item, ItemKind, Module, Path, Rule};
use crate::check::Checked;
use crate::diagnostic::{Diagnostic, Severity};
use crate::format::format;
use crate::lint::walk;
use crate::parse::{ParseLimits, parse};
use crate::source::{Location, SourceMap, Span};
use crate::types::Environment;
use crate::value::Value;

mod decision;
mod draft;
mod ids;
mod outcome;
mod tests_of;

/// What starts a comment about something that is left.
const LEFT: &str = "# TODO(convert): ";

/// What is known besides the file.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// Schema of the input: its file as the new file names it.
    pub schema: Option<String>,
}

/// A converted file.
#[derive(Debug, Clone, Serialize)]
pub struct Conversion {
    /// The new text.
    pub text: String,
    /// What was changed in meaning, and what is left.
    pub notes: Vec<Note>,
}

/// Something that a person should know, or do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where: in the old file, or in the new one for what its check finds.
    pub location: Location,
    /// What.
    pub message: String,
    /// Whether something is left to do.
    pub left: bool,
}

impl Conversion {
    /// Whether everything was converted.
    pub fn is_complete(&self) -> bool {
        !self.notes.iter().any(|note| note.left)
    }
}

/// Converts a file.
///
/// # Errors
///
/// What keeps it from being read.
pub fn convert(
    path: &str,
    text: &str,
    options: &ConvertOptions,
    environment: &Environment,
) -> Result<Conversion, (SourceMap, Vec<Diagnostic>)> {
    let mut sources = SourceMap::new();
    let file = sources.add(path, text);
    let (module, findings) = parse(&sources, file, &ParseLimits::default());
    match module.filter(|_| findings.is_empty()) {
        Some(module) => Ok(Converter::new(&sources, &module, environment).file(options)),
        None => Err((sources, findings)),
    }
}

/// Puts what the check of the new file finds into it, each at its declaration, and into the notes.
pub fn with_findings(conversion: Conversion, path: &str, checked: &Checked) -> Conversion {
    let Some(module) = checked.modules.iter().find(|module| *checked.sources.file(module.file).path == *path) else {
        return conversion;
    };
    let mut lines: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut notes = conversion.notes;
    for finding in checked.diagnostics.iter().filter(|finding| finding.span.file == module.file) {
        let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let message = format!("{}{help} [{}]", finding.message, finding.code);
        if finding.severity == Severity::Error {
            let item = module.items.iter().find(|item| covers(item.span, finding.span));
            let at = item.map_or(finding.span, |item| item.span);
            let line = checked.sources.location(at).line;
            let comments = lines.entry(line).or_default();
            let comment = format!("{LEFT}{}", message.replace('\n', " "));
            if !comments.contains(&comment) {
                comments.push(comment);
            }
        }
        let location = checked.sources.location(finding.span);
        notes.push(Note { location, message, left: finding.severity == Severity::Error });
    }
    let mut text = String::new();
    for (number, line) in (1..).zip(conversion.text.lines()) {
        lines.get(&number).into_iter().flatten().for_each(|comment| text.push_str(&format!("{comment}\n")));
        text.push_str(&format!("{line}\n"));
    }
    Conversion { text, notes }
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// The text without the lines that start metadata and give a title.
fn without_metadata(text: &str) -> String {
    let is_kept = |line: &&str| {
        let line = line.trim().trim_start_matches('#').trim();
        line != "METADATA" && !(text.contains("# METADATA") && line.starts_with("title:"))
    };
    text.split_inclusive('\n').filter(is_kept).collect()
}

/// A conversion under way.
struct Converter<'c> {
    sources: &'c SourceMap,
    module: &'c Module,
    environment: &'c Environment,
    text: &'c str,
    notes: Vec<Note>,
    ids: BTreeSet<String>,
    /// Whether a rule that denies, or that one may need, is among what is left.
    lacks_deny: bool,
}

impl<'c> Converter<'c> {
    fn new(sources: &'c SourceMap, module: &'c Module, environment: &'c Environment) -> Self {
        let text = &sources.file(module.file).text;
        Self { sources, module, environment, text, notes: Vec::new(), ids: BTreeSet::new(), lacks_deny: false }
    }

    fn file(mut self, options: &ConvertOptions) -> Conversion {
        let mut body = String::new();
        let mut done = self.module.package.span.end;
        for item in &self.module.items {
            let between = self.between(done, item.span.start);
            match decision::effect_of(item) {
                // Metadata stands in front of rules only; the title is the decision's id.
                Some(_) => body.push_str(&without_metadata(between)),
                None => body.push_str(between),
            }
            done = item.span.end;
            match self.item(item, between) {
                Some(text) => body.push_str(&text),
                // An import that is gone takes its line with it.
                None => body.truncate(body.trim_end_matches([' ', '\t']).len()),
            }
        }
        body.push_str(self.between(done, u32::MAX));
        let head = self.between(0, self.module.package.span.end).to_owned();
        let input = self.input(options);
        let text = self.laid_out(format!("{head}\n\n{input}{body}"));
        Conversion { text, notes: self.notes }
    }

    /// The type of the input, if the package decides.
    fn input(&mut self, options: &ConvertOptions) -> String {
        let decides = |item: &Item| decision::names(item, "allow") || decision::names(item, "deny");
        if !self.module.items.iter().any(decides) {
            return String::new();
        }
        let mut text = String::from("input: Input\n\n");
        match &options.schema {
            Some(schema) => text.push_str(&format!("import schema {} as Input\n\n", Value::from(schema.as_str()))),
            None => {
                let draft = draft::input_type(self.module, self.environment);
                let what = "the type of the input is a draft of what the rules read: say what each field is, and mark with `?` what may be absent";
                self.note(self.module.package.span, what, false);
                text.push_str("# A draft, from what the rules read: mark with `?` what may be absent.\n");
                text.push_str(&format!("type Input = {draft}\n\n"));
            }
        }
        if self.lacks_deny {
            let what =
                "a rule is left that denies or that a deny may need, so that everything is denied until it is written";
            self.note(self.module.package.span, what, true);
            text.push_str("# Remove this when nothing is left below.\ndeny \"not converted yet\"\n\n");
        }
        if !self.module.items.iter().any(|item| decision::names(item, "allow")) {
            let what = "nothing in this package allows, so that a rule allows what nothing denies; remove it if another package allows";
            self.note(self.module.package.span, what, false);
            text.push_str("# Everything that no rule denies.\nallow \"not denied\"\n\n");
        }
        text
    }

    /// The declaration in the other language; `None` if it is not needed there.
    fn item(&mut self, item: &'c Item, before: &str) -> Option<String> {
        let converted = match &item.kind {
            ItemKind::Import(import) => match import.path.parts.first().map(|first| &*first.text) {
                Some("rego" | "future") => return None,
                _ => self.source(item.span).to_owned(),
            },
            ItemKind::Default(default) => {
                let name = name_of(&default.reference.head);
                match name.as_deref() {
                    Some("allow" | "deny") => {
                        return self.default(item, name.as_deref() == Some("allow"), &default.value);
                    }
                    _ => self.source(item.span).to_owned(),
                }
            }
            ItemKind::Rule(rule) => self.rule(item, rule, before)?,
            _ => self.source(item.span).to_owned(),
        };
        Some(self.readable(item, converted))
    }

    /// The default of a decision is deny; another one is told.
    fn default(&mut self, item: &Item, allows: bool, value: &Expr) -> Option<String> {
        let is_true = matches!(value.kind, ExprKind::Literal { value: Value::Bool(true), .. });
        if is_true && allows {
            return Some(self.left(
                item,
                "nothing is allowed by default in .hpol: write an allow with the conditions that are meant",
            ));
        }
        None
    }

    fn rule(&mut self, item: &'c Item, rule: &'c Rule, before: &str) -> Option<String> {
        match decision::effect_of(item) {
            Some(effect) => return self.decision(rule, effect, before),
            None if decision::is_named(rule, "allow") || decision::is_named(rule, "deny") => {
                return Some(self.left(item, "this definition of `allow` or `deny` is no plain yes or no: write decision rules, and an ordinary rule of another name for the value"));
            }
            None => {}
        }
        let name = name_of(&rule.head.reference.head).unwrap_or_default();
        if let Some(name) = name.strip_prefix("test_").filter(|_| rule.head.parameters.is_none()) {
            return Some(self.test(item, rule, name));
        }
        if self.asks_for_decisions(item) {
            self.note(item.span, "this asks for `allow` or `deny`, which are no rules in .hpol: move the conditions that it is about into a rule of their own", true);
        }
        Some(self.source(item.span).to_owned())
    }

    /// The text if it can be read as `.hpol`; else the old text as a comment, with what is wrong.
    fn readable(&mut self, item: &Item, converted: String) -> String {
        if converted.is_empty() || converted.starts_with('#') {
            return converted;
        }
        let mut sources = SourceMap::new();
        let file = sources.add("item.hpol", format!("package {}\n\n{converted}\n", self.module.package));
        let (module, findings) = parse(&sources, file, &ParseLimits::default());
        match findings.iter().find(|finding| finding.severity == Severity::Error) {
            None if module.is_some() => converted,
            finding => {
                let message = finding.map_or("it can't be read as .hpol".to_owned(), |finding| {
                    let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                    format!("{}{help} [{}]", finding.message, finding.code)
                });
                self.left(item, &message)
            }
        }
    }

    /// The declaration as a comment, with what is to be done.
    fn left(&mut self, item: &Item, message: &str) -> String {
        self.note(item.span, message, true);
        // A deny may need any rule but a test; what is missing of an allow only narrows.
        let is_test = matches!(&item.kind, ItemKind::Rule(rule) if name_of(&rule.head.reference.head).is_some_and(|name| name.starts_with("test_")));
        self.lacks_deny |= !is_test && !decision::names(item, "allow");
        let mut text = format!("{LEFT}{}", message.replace('\n', " "));
        for line in self.source(item.span).lines() {
            text.push_str(&format!("\n# {line}"));
        }
        text
    }

    fn note(&mut self, span: Span, message: &str, left: bool) {
        let location = self.sources.location(span);
        self.notes.push(Note { location, message: message.to_owned(), left });
    }

    /// The whole file in the canonical layout.
    fn laid_out(&mut self, text: String) -> String {
        let mut sources = SourceMap::new();
        let file = sources.add("converted.hpol", text.as_str());
        let (module, findings) = parse(&sources, file, &ParseLimits::default());
        match module.filter(|_| findings.is_empty()) {
            Some(module) => format(&sources, &module),
            None => {
                let message = findings.first().map_or(String::new(), |finding| format!(": {}", finding.message));
                self.note(self.module.package.span, &format!("the new file can't be read as a whole{message}"), true);
                text
            }
        }
    }

    fn source(&self, span: Span) -> &'c str {
        self.between(span.start, span.end)
    }

    fn between(&self, start: u32, end: u32) -> &'c str {
        let end = (end as usize).min(self.text.len());
        self.text.get(start as usize..end).unwrap_or("")
    }

    /// A part of the text with other words at some places.
    fn edited(&self, span: Span, edits: &[(Span, String)]) -> String {
        let mut edits: Vec<&(Span, String)> = edits.iter().collect();
        edits.sort_by_key(|(span, _)| span.start);
        let (mut out, mut done) = (String::new(), span.start);
        for (at, replacement) in edits.into_iter().filter(|(at, _)| covers(span, *at)) {
            if at.start >= done {
                out.push_str(self.between(done, at.start));
                out.push_str(replacement);
                done = at.end;
            }
        }
        out.push_str(self.between(done, span.end));
        out
    }

    fn unique_id(&mut self, wanted: &str) -> Arc<str> {
        let mut id = wanted.to_owned();
        let mut number = 2;
        while !self.ids.insert(id.clone()) {
            id = format!("{wanted} {number}");
            number += 1;
        }
        id.into()
    }
}

/// The name that an expression is.
fn name_of(expr: &Expr) -> Option<Arc<str>> {
    walk::name(expr).cloned()
}

/// The full name of what is called.
fn called(function: &Path) -> String {
    walk::called(function)
}

fn walk_item<'a>(item: &'a Item, visit: &mut dyn FnMut(&'a Expr)) {
    walk::item_exprs(item, visit);
}

fn walk_conditions<'a>(item: &'a Item, visit: &mut dyn FnMut(&'a Condition)) {
    walk::item(item, &mut |seen| {
        if let walk::Seen::Body(conditions) = seen {
            conditions.iter().for_each(&mut *visit);
        }
    });
}

fn walk_expr<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    walk::expr_parts(expr, visit);
}

#[cfg(test)]
mod tests;
