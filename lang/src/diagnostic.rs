//! What is wrong with a policy: a code, a place, a sentence a person can act on, and a fix where there is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Patch, Renderer, Snippet};
use serde::Serialize;

use crate::source::{FileId, Location, SourceMap, Span};

mod sarif;

pub use sarif::{github, sarif};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy is accepted, but probably does not mean what its author thinks.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable kebab-case code, such as `unknown-field`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What is said at the span itself, if it adds something.
    pub label: Option<String>,
    /// Other places that matter, each with a word on why.
    pub related: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
    /// A replacement that mends it.
    pub fix: Option<Fix>,
}

/// A change of the text that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// What it is replaced by.
    pub replacement: Arc<str>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    /// A warning at `span`.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message)
    }

    fn new(severity: Severity, code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, severity, span, message, label: None, related: Vec::new(), help: None, fix: None }
    }

    /// Says something at the span itself.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn with_related(mut self, span: Span, note: impl Into<String>) -> Self {
        self.related.push((span, note.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers a replacement of `span`.
    #[must_use]
    pub fn with_fix(mut self, span: Span, replacement: impl Into<Arc<str>>) -> Self {
        self.fix = Some(Fix { span, replacement: replacement.into() });
        self
    }

    /// The finding as data, for `--format json`.
    pub fn report(&self, sources: &SourceMap) -> DiagnosticReport {
        DiagnosticReport {
            code: self.code,
            severity: self.severity,
            location: sources.location(self.span),
            end: end_of(self.span, sources),
            message: self.message.clone(),
            label: self.label.clone(),
            related: self.related.iter().map(|(span, note)| related(*span, note, sources)).collect(),
            help: self.help.clone(),
            fix: self.fix.as_ref().map(|fix| FixReport {
                location: sources.location(fix.span),
                end: end_of(fix.span, sources),
                replacement: fix.replacement.clone(),
            }),
        }
    }
}

/// A finding as data.
#[derive(Debug, Clone, Serialize)]
pub struct DiagnosticReport {
    /// Its code.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it starts.
    pub location: Location,
    /// Where it ends.
    pub end: Location,
    /// What is wrong.
    pub message: String,
    /// What is said at the place itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Other places that matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<RelatedReport>,
    /// What to do.
    pub help: Option<String>,
    /// A replacement that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<FixReport>,
}

/// Another place that matters, as data.
#[derive(Debug, Clone, Serialize)]
pub struct RelatedReport {
    /// Where it starts.
    pub location: Location,
    /// Where it ends.
    pub end: Location,
    /// Why it matters.
    pub message: String,
}

/// A replacement that mends a finding, as data.
#[derive(Debug, Clone, Serialize)]
pub struct FixReport {
    /// Where the text that is replaced starts.
    pub location: Location,
    /// Where it ends.
    pub end: Location,
    /// What it is replaced by.
    pub replacement: Arc<str>,
}

fn related(span: Span, note: &str, sources: &SourceMap) -> RelatedReport {
    RelatedReport { location: sources.location(span), end: end_of(span, sources), message: note.to_owned() }
}

fn end_of(span: Span, sources: &SourceMap) -> Location {
    sources.location(Span { start: span.end, ..span })
}

/// Sorts by place and drops repeats, so that a run's findings read the same every time.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message)));
    diagnostics.dedup();
}

/// The texts of files after the fixes of findings, by file; of fixes that overlap the first is made.
pub fn apply_fixes(diagnostics: &[Diagnostic], sources: &SourceMap) -> BTreeMap<FileId, String> {
    let mut fixes: Vec<&Fix> = diagnostics.iter().filter_map(|finding| finding.fix.as_ref()).collect();
    fixes.sort_by_key(|fix| (fix.span.file, fix.span.start, fix.span.end));
    let mut texts: BTreeMap<FileId, (String, usize)> = BTreeMap::new();
    for fix in fixes {
        let source = &sources.file(fix.span.file).text;
        let (text, done) = texts.entry(fix.span.file).or_default();
        let range = range(fix.span, source);
        if let Some(between) = source.get(*done..range.start) {
            text.push_str(between);
            text.push_str(&fix.replacement);
            *done = range.end;
        }
    }
    let rest = |(file, (text, done)): (FileId, (String, usize))| {
        let rest = sources.file(file).text.get(done..).unwrap_or("").to_owned();
        (file, text + &rest)
    };
    texts.into_iter().map(rest).collect()
}

/// Renders findings with their source, for people. `color` adds terminal colours.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render_one(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn render_one(diagnostic: &Diagnostic, sources: &SourceMap, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut files: Vec<FileId> = vec![diagnostic.span.file];
    for (span, _) in &diagnostic.related {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    let snippets = files.into_iter().map(|file| snippet(diagnostic, file, sources));
    let mut group = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code).elements(snippets);
    if let (Some(help), None) = (&diagnostic.help, &diagnostic.fix) {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let mut report = vec![group];
    if let Some(fix) = &diagnostic.fix {
        let source = sources.file(fix.span.file);
        let patch = Patch::new(range(fix.span, &source.text), &*fix.replacement);
        let title = diagnostic.help.as_deref().unwrap_or("write this instead");
        let snippet = Snippet::source(&*source.text).path(&*source.path).patch(patch);
        report.push(Level::HELP.secondary_title(title).element(snippet));
    }
    renderer.render(&report)
}

/// The lines of one file that a finding speaks of.
fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    file: FileId,
    sources: &'a SourceMap,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let source = sources.file(file);
    let mut snippet = Snippet::source(&*source.text).path(&*source.path).fold(true);
    if file == diagnostic.span.file {
        let primary = AnnotationKind::Primary.span(range(diagnostic.span, &source.text));
        snippet = snippet.annotation(match &diagnostic.label {
            Some(label) => primary.label(label.as_str()),
            None => primary,
        });
    }
    for (span, note) in diagnostic.related.iter().filter(|(span, _)| span.file == file) {
        snippet = snippet.annotation(AnnotationKind::Context.span(range(*span, &source.text)).label(note.as_str()));
    }
    snippet
}

/// The span as a range that certainly lies within the text.
fn range(span: Span, text: &str) -> std::ops::Range<usize> {
    let end = (span.end as usize).min(text.len());
    (span.start as usize).min(end)..end
}
