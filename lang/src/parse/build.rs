//! Makes the tree of what the grammar matched.

use std::sync::Arc;

use crate::ast::{BinaryOperator, Expr, ExprKind, Name, Path, TypeExpr};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Profile, Span};
use crate::value::Value;

use super::ParseLimits;
use super::grammar::{Pair, Rule};

/// Builds the tree of one piece of a file. Building never fails: what is wrong becomes a finding, and a placeholder takes its
/// place in the tree, which nobody runs then.
pub(super) struct Builder<'a> {
    /// The piece, from which the grammar's offsets count.
    pub(super) text: &'a str,
    pub(super) profile: Profile,
    pub(super) findings: Vec<Diagnostic>,
    /// Whether `type` may declare names with dots.
    pub(super) dotted_types: bool,
    /// Types of the parameters while the head of a function is read, by position.
    pub(super) parameter_types: Option<Vec<Option<TypeExpr>>>,
    /// Whether an expectation may stand here.
    pub(super) in_test: bool,
    /// Whether braces behind `not` are a body: always in `.hpol`, behind an import in Rego.
    pub(super) not_bodies: bool,
    /// Uses of `and` and `or` in Rego, which want an import.
    pub(super) logic_operators: Vec<(BinaryOperator, Span)>,
    pub(super) limits: &'a ParseLimits,
    file: FileId,
    /// Where the piece starts in its file.
    base: usize,
    too_deep: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        text: &'a str,
        file: FileId,
        base: usize,
        profile: Profile,
        limits: &'a ParseLimits,
    ) -> Builder<'a> {
        Builder {
            text,
            profile,
            findings: Vec::new(),
            dotted_types: false,
            parameter_types: None,
            in_test: false,
            not_bodies: profile == Profile::Hpol,
            logic_operators: Vec::new(),
            limits,
            file,
            base,
            too_deep: false,
        }
    }

    /// The place of a match in the file.
    pub(super) fn span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        self.span_of(span.start(), span.end())
    }

    /// The place in the file of a range of the piece.
    pub(super) fn span_of(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, offset(self.base + start), offset(self.base + end))
    }

    /// The text at `span`, which lies in the piece.
    pub(super) fn text_at(&self, span: Span) -> &'a str {
        let (start, end) = (span.start as usize, span.end as usize);
        self.text.get(start.saturating_sub(self.base)..end.saturating_sub(self.base)).unwrap_or("")
    }

    /// The piece up to `span`, which lies in it.
    pub(super) fn text_before(&self, span: Span) -> &'a str {
        self.text.get(..(span.start as usize).saturating_sub(self.base)).unwrap_or("")
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Diagnostic::error(code, span, message))
    }

    /// Adds a finding and gives it back, for its help.
    pub(super) fn report(&mut self, finding: Diagnostic) -> &mut Diagnostic {
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Whether `depth` is still allowed. Says so once where it is not.
    pub(super) fn within_depth(&mut self, depth: usize, span: Span) -> bool {
        if depth <= self.limits.depth_max {
            return true;
        }
        if !self.too_deep {
            self.too_deep = true;
            let message = format!("this expression is nested more than {} levels deep", self.limits.depth_max);
            self.error("too-deep", span, message).help = Some(
                "give a part of it a name with `:=`, or a rule of its own; a long chain of operators counts too".into(),
            );
        }
        false
    }

    /// What stands for an expression that is wrong.
    pub(super) fn placeholder(span: Span) -> Expr {
        Expr { kind: ExprKind::Literal { value: Value::Null, raw: "null".into() }, span }
    }

    pub(super) fn name(&self, pair: &Pair<'_>) -> Name {
        Name { text: pair.as_str().into(), span: self.span(pair) }
    }

    /// A `path` of the grammar: identifiers and `["text"]`.
    pub(super) fn path(&mut self, pair: Pair<'_>) -> Path {
        let span = self.span(&pair);
        let parts = pair
            .into_inner()
            .map(|part| if part.as_rule() == Rule::identifier { self.name(&part) } else { self.text_name(&part) });
        Path { parts: parts.collect(), span }
    }

    /// A string that stands for a name.
    pub(super) fn text_name(&mut self, pair: &Pair<'_>) -> Name {
        Name { text: self.string(pair), span: self.span(pair) }
    }

    /// Refuses what only `.hpol` has.
    pub(super) fn hpol_only(&mut self, span: Span, what: &str) {
        if self.profile == Profile::Rego {
            self.error("hpol-only", span, format!("{what} can't stand in a `.rego` file")).help =
                Some("put it in a `.hpol` file; a package may have files of both kinds".into());
        }
    }
}

/// Files larger than their limit are refused before anything is built, so offsets fit.
pub(super) fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The text of a match as an owned string.
pub(super) fn text_of(pair: &Pair<'_>) -> Arc<str> {
    pair.as_str().into()
}
