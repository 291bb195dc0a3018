//! Whole files: the quick way through the grammar at once, and the careful way declaration by declaration.

use crate::ast::{BinaryOperator, Item, ItemKind, Module, Path};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Profile, Span};

use super::ParseLimits;
use super::build::Builder;
use super::chunk;
use super::grammar::{self, Pair, Rule};
use super::item::Parsed;
use super::scan::{self, Scan, Token};
use super::syntax_error::{self, Piece};

/// What the declarations of a file are read into.
struct Reading<'a> {
    text: &'a str,
    file: FileId,
    profile: Profile,
    limits: &'a ParseLimits,
    dotted_types: bool,
    packages: Vec<Path>,
    items: Vec<Item>,
    logic_operators: Vec<(BinaryOperator, Span)>,
    findings: Vec<Diagnostic>,
    /// Whether a declaration did not parse, so that what is missing may just be unread.
    broken: bool,
}

/// Parses a policy file.
pub(super) fn parse_module(
    text: &str,
    file: FileId,
    profile: Profile,
    limits: &ParseLimits,
    findings: &mut Vec<Diagnostic>,
) -> Option<Module> {
    let scan = match scan::scan(text, file, limits) {
        Ok(scan) => scan,
        Err(refusal) => {
            findings.push(*refusal);
            return None;
        }
    };
    let mut reading = Reading::new(text, file, profile, limits);
    reading.read(&scan);
    reading.check_logic_imports();
    let package = reading.package();
    findings.append(&mut reading.findings);
    let package = package?;
    Some(Module { file, profile, package, items: reading.items, comments: scan.comments })
}

/// Parses a file of type declarations.
pub(super) fn parse_type_items(
    text: &str,
    file: FileId,
    limits: &ParseLimits,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Item> {
    let scan = match scan::scan(text, file, limits) {
        Ok(scan) => scan,
        Err(refusal) => {
            findings.push(*refusal);
            return Vec::new();
        }
    };
    let mut reading = Reading::new(text, file, Profile::Hpol, limits);
    reading.dotted_types = true;
    reading.read(&scan);
    findings.append(&mut reading.findings);
    reading.items
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, file: FileId, profile: Profile, limits: &'a ParseLimits) -> Reading<'a> {
        Reading {
            text,
            file,
            profile,
            limits,
            dotted_types: false,
            packages: Vec::new(),
            items: Vec::new(),
            logic_operators: Vec::new(),
            findings: Vec::new(),
            broken: false,
        }
    }

    fn read(&mut self, scan: &Scan) {
        let mut refusal = None;
        if scan.findings.is_empty() {
            match grammar::parse(Rule::file, self.text) {
                Ok(whole) => {
                    let items =
                        whole.into_iter().flat_map(Pair::into_inner).filter(|pair| pair.as_rule() == Rule::item);
                    return self.build(items, self.text, 0);
                }
                Err(error) => refusal = Some(error),
            }
        }
        self.broken = true;
        let brackets_match = !scan.findings.iter().any(|finding| finding.code.ends_with("-bracket"));
        for range in chunk::declarations(self.text, &scan.tokens, brackets_match) {
            let base = range.start;
            if let Some(text) = self.text.get(range) {
                self.read_declaration(text, base);
            }
            if self.findings.len() > self.limits.diagnostics_max {
                return;
            }
        }
        // A file that the grammar refuses is never accepted in pieces.
        if self.findings.is_empty() {
            self.findings.extend(scan.findings.iter().cloned());
            let piece = self.piece(self.text, 0, &scan.tokens);
            self.findings.extend(refusal.map(|error| syntax_error::explain(&piece, &error)));
        }
    }

    fn piece<'p>(&self, text: &'p str, base: usize, tokens: &'p [Token]) -> Piece<'p> {
        Piece { text, file: self.file, profile: self.profile, base, tokens }
    }

    fn read_declaration(&mut self, text: &str, base: usize) {
        let scan = match scan::scan_piece(text, base, self.file, self.limits) {
            Ok(scan) => scan,
            Err(refusal) => return self.findings.push(*refusal),
        };
        if !scan.findings.is_empty() {
            self.findings.extend(scan.findings);
            return;
        }
        match grammar::parse(Rule::single_item, text) {
            Ok(item) => self.build(item.into_iter().filter(|pair| pair.as_rule() == Rule::item), text, base),
            Err(error) => {
                let piece = self.piece(text, base, &scan.tokens);
                self.findings.push(syntax_error::explain(&piece, &error));
            }
        }
    }

    fn build<'p>(&mut self, items: impl Iterator<Item = Pair<'p>>, text: &str, base: usize) {
        let mut builder = Builder::new(text, self.file, base, self.profile, self.limits);
        builder.dotted_types = self.dotted_types;
        builder.not_bodies |= self.imports_keyword("not");
        for pair in items {
            let span = builder.span(&pair);
            match builder.item(pair) {
                Some(Parsed::Package(path)) => {
                    let only_editions = self.items.iter().all(|item| matches!(item.kind, ItemKind::Edition(_)));
                    if self.packages.is_empty() && !only_editions {
                        builder.error("late-package", span, "`package` stands at the beginning of a file").help =
                            Some("move the line above all declarations".into());
                    }
                    self.packages.push(path);
                }
                Some(Parsed::Item(item)) => {
                    builder.not_bodies |= imports_keyword(&item, "not");
                    self.items.push(*item);
                }
                None => {}
            }
        }
        self.findings.append(&mut builder.findings);
        self.logic_operators.append(&mut builder.logic_operators);
    }

    /// The package, which must be named once.
    fn package(&mut self) -> Option<Path> {
        for second in self.packages.iter().skip(1) {
            let finding = Diagnostic::error("duplicate-package", second.span, "a file belongs to one package");
            let first = self.packages[0].span;
            self.findings.push(
                finding.with_related(first, "this is its package").with_help("move what follows to a file of its own"),
            );
        }
        if self.packages.is_empty() && !self.broken {
            let name = if self.profile == Profile::Hpol { "policy.guard" } else { "policy" };
            let start = Span::new(self.file, 0, 0);
            let finding =
                Diagnostic::error("missing-package", start, "the file does not say which package it belongs to");
            self.findings.push(finding.with_help(format!("begin it with a line such as `package {name}`")));
        }
        if self.packages.is_empty() { None } else { Some(self.packages.swap_remove(0)) }
    }

    /// In Rego, `and` and `or` are operators only behind their imports.
    fn check_logic_imports(&mut self) {
        for (operator, span) in std::mem::take(&mut self.logic_operators) {
            let word = operator.symbol();
            if self.broken || self.imports_keyword(word) {
                continue;
            }
            let message = format!("`{word}` is an operator only where it is imported");
            let finding = Diagnostic::error("missing-import", span, message);
            self.findings.push(finding.with_help(format!("add `import future.keywords.{word}` below the package")));
        }
    }

    fn imports_keyword(&self, word: &str) -> bool {
        self.items.iter().any(|item| imports_keyword(item, word))
    }
}

/// Whether a declaration is `import future.keywords.WORD`, or of all such words.
fn imports_keyword(item: &Item, word: &str) -> bool {
    let ItemKind::Import(import) = &item.kind else { return false };
    let parts: Vec<&str> = import.path.parts.iter().map(|part| &*part.text).collect();
    parts.starts_with(&["future", "keywords"]) && parts.get(2).is_none_or(|last| *last == word)
}
