//! Puts comments back: each before, behind or after what it stood at.

use crate::ast::Comment;
use crate::source::Span;

use super::doc::Doc;

/// The comments of a file that are not written yet, in the order of the text.
pub(super) struct Comments<'a> {
    text: &'a str,
    rest: std::collections::VecDeque<&'a Comment>,
}

impl<'a> Comments<'a> {
    pub(super) fn new(text: &'a str, comments: &'a [Comment]) -> Comments<'a> {
        Comments { text, rest: comments.iter().collect() }
    }

    /// Takes the comments that start before `end`.
    pub(super) fn before(&mut self, end: u32) -> Vec<&'a Comment> {
        let count = self.rest.iter().take_while(|comment| comment.span.start < end).count();
        self.rest.drain(..count).collect()
    }

    /// Whether a comment starts within `span`.
    pub(super) fn within(&self, span: Span) -> bool {
        self.rest
            .iter()
            .find(|comment| comment.span.start >= span.start)
            .is_some_and(|first| first.span.start < span.end)
    }

    /// Takes the comment behind `end` on its line, with nothing but separators between.
    pub(super) fn behind(&mut self, end: u32) -> Option<&'a Comment> {
        let next = self.rest.front()?;
        let between = self.text.get(end as usize..next.span.start as usize)?;
        if between.chars().all(|letter| matches!(letter, ' ' | '\t' | ',' | ';')) {
            self.rest.pop_front()
        } else {
            None
        }
    }

    /// Forgets the comments within `span`, which is written as it stands.
    pub(super) fn skip(&mut self, span: Span) {
        let first = self.rest.partition_point(|comment| comment.span.start < span.start);
        let end = self.rest.partition_point(|comment| comment.span.start < span.end);
        self.rest.drain(first..end);
    }

    /// Whether an empty line stands before `start`.
    pub(super) fn blank_before(&self, start: u32) -> bool {
        let before = self.text.get(..start as usize).unwrap_or("").trim_end_matches([' ', '\t', '\r']);
        before.strip_suffix('\n').is_some_and(|line| line.trim_end_matches([' ', '\t', '\r']).ends_with('\n'))
    }

    /// Whether the line ends right behind `at`, or a comment stands there.
    pub(super) fn line_ends_at(&self, at: u32) -> bool {
        let after = self.text.get(at as usize..).unwrap_or("").trim_start_matches([' ', '\t', '\r']);
        after.starts_with('\n') || after.starts_with('#')
    }

    /// Comments on lines of their own, each followed by the end of its line. `first` says that nothing stands before them in
    /// their block, so that they begin it without an empty line.
    pub(super) fn lines(&self, comments: &[&Comment], first: bool) -> Vec<Doc> {
        let mut docs = Vec::new();
        for (index, comment) in comments.iter().enumerate() {
            if !(first && index == 0) && self.blank_before(comment.span.start) {
                docs.push(Doc::BlankLine);
            }
            docs.push(Doc::text(&*comment.text));
            docs.push(Doc::HardLine);
        }
        docs
    }
}
