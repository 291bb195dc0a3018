//! Lists in brackets and blocks of lines.

use crate::source::Span;

use super::doc::Doc;
use super::{Taken, Writer};

/// How a list stands in its brackets.
#[derive(Clone, Copy)]
pub(super) struct Brackets {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    /// What stands inside the brackets where the list is on one line.
    pub(super) padding: &'static str,
    /// What stands between elements where it is.
    pub(super) separator: &'static str,
    /// What stands behind the last element where the list is on one line, and where it is not.
    pub(super) last: (&'static str, &'static str),
}

/// `[a, b]`, `f(a, b)`, `{a, b}`.
pub(super) const fn list(open: &'static str, close: &'static str) -> Brackets {
    Brackets { open, close, padding: "", separator: ",", last: ("", ",") }
}

/// `{a,}`, which is a set even where `{a}` is a block.
pub(super) const SET_OF_ONE: Brackets =
    Brackets { open: "{", close: "}", padding: "", separator: ",", last: (",", ",") };

/// `{ a; b }`.
pub(super) const BLOCK: Brackets = Brackets { open: "{", close: "}", padding: " ", separator: ";", last: ("", "") };

impl<'a> Writer<'a> {
    /// A list whose elements have comments of their own. `span` covers the brackets; `broken` says that it has one element per
    /// line in any case.
    pub(super) fn bracketed<T>(
        &mut self,
        brackets: Brackets,
        span: Span,
        items: &[T],
        place: impl Fn(&T) -> Span,
        mut build: impl FnMut(&mut Self, &T) -> Doc,
        broken: bool,
    ) -> Doc {
        let mut inside = Vec::new();
        let count = items.len();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                inside.push(Doc::Line);
            }
            let last = index + 1 == count;
            let behind = match (last, brackets.separator) {
                (false, ",") => Doc::text(","),
                (false, separator) => Doc::Either(separator, ""),
                (true, _) => Doc::Either(brackets.last.0, brackets.last.1),
            };
            let doc = self.commented(place(item), index == 0, behind, |writer| build(writer, item));
            inside.push(doc);
        }
        let dangling = self.comments.before(span.end.saturating_sub(1));
        if !dangling.is_empty() {
            if count > 0 {
                inside.push(Doc::HardLine);
            }
            inside.extend(self.comments.lines(&dangling, count == 0));
            inside.push(Doc::Break);
        }
        if inside.is_empty() {
            return Doc::text(format!("{}{}", brackets.open, brackets.close));
        }
        let edge = if brackets.padding.is_empty() { Doc::SoftLine } else { Doc::Line };
        let mut docs = vec![brackets.open.into()];
        if broken {
            docs.push(Doc::Break);
        }
        docs.push(Doc::Sequence(vec![edge.clone(), Doc::Sequence(inside)]).nest());
        docs.push(edge);
        docs.push(brackets.close.into());
        Doc::Sequence(docs).group()
    }

    /// A node with the comments before it on lines of their own, and the one behind it.
    pub(super) fn commented(
        &mut self,
        span: Span,
        first: bool,
        behind: Doc,
        build: impl FnOnce(&mut Self) -> Doc,
    ) -> Doc {
        let mut comments: Taken<'a> = self.comments.before(span.start);
        let blank = self.comments.blank_before(span.start);
        let doc = build(self);
        comments.extend(self.comments.before(span.end));
        let mut docs = self.comments.lines(&comments, first);
        // An empty line ends the line before it, which only broken lists may have.
        if blank && !(first && comments.is_empty()) {
            docs.push(Doc::BlankLine);
        }
        docs.push(doc);
        docs.push(behind);
        docs.extend(self.trailing(span.end));
        Doc::Sequence(docs)
    }
}
