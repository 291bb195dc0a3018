//! Text to untyped tree, for both profiles.
//!
//! A file goes through three steps. `scan` reads it once without recursion: it checks size, tokens and nesting, finds the comments,
//! and reports what is wrong with single words (an open string, a bracket without its partner, `&&`). Then the pest grammar
//! in `grammar.pest` reads the whole file, and `build` makes the tree of what it found. Only if the grammar refuses the file
//! is it cut into declarations, each read on its own, so that every broken declaration gets its message.
//!
//! ```
//! use hpol_lang::parse::{ParseLimits, parse};
//! use hpol_lang::source::SourceMap;
//!
//! let mut sources = SourceMap::new();
//! let file = sources.add("guard.hpol", "package guard\n\nallow \"everyone\" if true\n");
//! let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
//! assert!(diagnostics.is_empty());
//! assert_eq!(module.map(|module| module.items.len()), Some(1));
//! ```

use crate::ast::{Body, Expr, ItemKind, Module, TypeDeclaration, TypeExpr};
use crate::diagnostic::{self, Diagnostic};
use crate::source::{FileId, Profile, SourceMap, Span};

mod build;
mod chain;
mod chunk;
mod condition;
mod decision;
mod expr;
mod grammar;
mod item;
mod literal;
mod mistake;
mod module;
mod rule;
mod scan;
mod suite;
mod syntax_error;
mod type_expr;

use build::Builder;
use grammar::Rule;

/// What a text may ask of the parser. Everything beyond is refused before it costs anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    /// Bytes of one file.
    pub file_bytes_max: usize,
    /// Words, literals and signs of one file.
    pub tokens_max: usize,
    /// Brackets within brackets.
    pub nesting_max: usize,
    /// Height of an expression's tree, which long chains of operators raise too. Later stages recurse over the tree, so this
    /// bounds their stack.
    pub depth_max: usize,
    /// Findings reported for one file.
    pub diagnostics_max: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { file_bytes_max: 1024 * 1024, tokens_max: 250_000, nesting_max: 64, depth_max: 128, diagnostics_max: 100 }
    }
}

/// Parses one file by its profile. All syntax errors are reported; the declarations without one are in the module, which is
/// `None` only where not even a package is known. A module that comes with errors must not be run.
pub fn parse(sources: &SourceMap, file: FileId, limits: &ParseLimits) -> (Option<Module>, Vec<Diagnostic>) {
    let source = sources.file(file);
    let mut findings = Vec::new();
    let module = module::parse_module(&source.text, file, source.profile, limits, &mut findings);
    (module, finish(findings, limits))
}

/// Parses a file of type declarations, such as `type http.Request = {…}`, whose names may have dots.
pub fn parse_type_declarations(
    sources: &SourceMap,
    file: FileId,
    limits: &ParseLimits,
) -> (Vec<TypeDeclaration>, Vec<Diagnostic>) {
    let source = sources.file(file);
    let mut findings = Vec::new();
    let items = module::parse_type_items(&source.text, file, limits, &mut findings);
    let mut declarations = Vec::new();
    for item in items {
        if let ItemKind::Type(declaration) = item.kind {
            declarations.push(declaration);
        } else {
            findings.push(
                Diagnostic::error("not-a-type", item.span, "only `type` declarations can stand here")
                    .with_help("move everything else to a policy file"),
            );
        }
    }
    (declarations, finish(findings, limits))
}

/// Parses the text of a file as one type, such as `array[string]?`.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_type(sources: &SourceMap, file: FileId, limits: &ParseLimits) -> Result<TypeExpr, Vec<Diagnostic>> {
    let text = &sources.file(file).text;
    fragment(text, file, Profile::Hpol, limits, Rule::single_type, |builder, pair| builder.type_expression(pair, 0))
}

/// Parses the text of a file as a query: conditions, separated by `;` or lines. `profile` says in which language, whatever the
/// file is called.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_query(
    sources: &SourceMap,
    file: FileId,
    profile: Profile,
    limits: &ParseLimits,
) -> Result<Body, Vec<Diagnostic>> {
    let text = &sources.file(file).text;
    fragment(text, file, profile, limits, Rule::single_query, |builder, pair| builder.conditions(pair, false, 0))
}

/// Parses the text of a file as one expression.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_expression(
    sources: &SourceMap,
    file: FileId,
    profile: Profile,
    limits: &ParseLimits,
) -> Result<Expr, Vec<Diagnostic>> {
    let text = &sources.file(file).text;
    fragment(text, file, profile, limits, Rule::single_expression, |builder, pair| builder.expression(pair, 0))
}

/// Parses `text` by an entry rule, whose only child that is not the end of input goes to `build`.
fn fragment<T>(
    text: &str,
    file: FileId,
    profile: Profile,
    limits: &ParseLimits,
    start: Rule,
    build: impl FnOnce(&mut Builder<'_>, grammar::Pair<'_>) -> T,
) -> Result<T, Vec<Diagnostic>> {
    let scan = match scan::scan(text, file, limits) {
        Ok(scan) => scan,
        Err(refusal) => return Err(vec![*refusal]),
    };
    if !scan.findings.is_empty() {
        return Err(finish(scan.findings, limits));
    }
    let piece = syntax_error::Piece { text, file, profile, base: 0, tokens: &scan.tokens };
    let pair = grammar::parse(start, text)
        .map_err(|error| vec![syntax_error::explain(&piece, &error)])?
        .ok_or_else(|| vec![Diagnostic::error("syntax", Span::new(file, 0, 0), "nothing is written here")])?;
    let mut builder = Builder::new(text, file, 0, profile, limits);
    let built = build(&mut builder, pair);
    if builder.findings.is_empty() { Ok(built) } else { Err(finish(builder.findings, limits)) }
}

fn finish(mut findings: Vec<Diagnostic>, limits: &ParseLimits) -> Vec<Diagnostic> {
    diagnostic::sort(&mut findings);
    findings.truncate(limits.diagnostics_max);
    findings
}
