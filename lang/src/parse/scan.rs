//! A first look at the text, without a grammar and without recursion: limits, comments, and errors of single words.

use crate::ast::Comment;
use crate::diagnostic::{Diagnostic, Fix};
use crate::source::{FileId, Span};

use super::ParseLimits;
use super::build::offset;

/// What kind of word a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Number,
    /// A string with its quotes, or a piece of a template.
    Text,
    Sign,
    Open,
    Close,
}

/// A word, literal or sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
    /// Brackets that are open in front of it.
    pub(super) depth: usize,
    /// Its column in bytes, from 0, if it is the first of its line.
    pub(super) line_start: Option<usize>,
}

/// What the scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) tokens: Vec<Token>,
    pub(super) comments: Vec<Comment>,
    pub(super) findings: Vec<Diagnostic>,
}

/// Scans a whole file.
///
/// # Errors
///
/// The one reason why it is refused altogether.
pub(super) fn scan(text: &str, file: FileId, limits: &ParseLimits) -> Result<Scan, Box<Diagnostic>> {
    if text.len() > limits.file_bytes_max {
        let message = format!("this file has {} bytes, and {} are allowed", text.len(), limits.file_bytes_max);
        let finding = Diagnostic::error("file-too-large", Span::new(file, 0, 0), message);
        return Err(Box::new(
            finding.with_help("split it into several files of the same package, or move data into a JSON file"),
        ));
    }
    scan_piece(text, 0, file, limits)
}

/// Scans a piece that starts at `base` in its file.
pub(super) fn scan_piece(text: &str, base: usize, file: FileId, limits: &ParseLimits) -> Result<Scan, Box<Diagnostic>> {
    let scanner = Scanner {
        text,
        base,
        file,
        limits,
        at: 0,
        line: 0,
        fresh_line: true,
        frames: Vec::new(),
        scan: Scan::default(),
    };
    scanner.run()
}

/// What is open.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: FrameKind,
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    /// `(`, `[` or `{`, or the brace of a hole in a template.
    Bracket(u8),
    Template {
        raw: bool,
    },
}

struct Scanner<'a> {
    text: &'a str,
    base: usize,
    file: FileId,
    limits: &'a ParseLimits,
    at: usize,
    /// Where the current line starts.
    line: usize,
    fresh_line: bool,
    frames: Vec<Frame>,
    scan: Scan,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<Scan, Box<Diagnostic>> {
        while self.at < self.text.len() {
            let template = match self.frames.last() {
                Some(Frame { kind: FrameKind::Template { raw }, .. }) => Some(*raw),
                _ => None,
            };
            match template {
                Some(raw) => self.template_text(raw),
                None => self.next(),
            }
            if self.scan.tokens.len() > self.limits.tokens_max {
                let message = format!("this file has more than {} words and signs", self.limits.tokens_max);
                return Err(Box::new(Diagnostic::error("file-too-large", self.span(self.at, self.at), message)));
            }
            if self.frames.len() > self.limits.nesting_max {
                let message = format!("brackets are nested more than {} deep here", self.limits.nesting_max);
                let finding = Diagnostic::error("too-deep", self.span(self.at.saturating_sub(1), self.at), message);
                return Err(Box::new(finding.with_help("give an inner part a name with `:=`, or a rule of its own")));
            }
        }
        for frame in std::mem::take(&mut self.frames) {
            let finding = match frame.kind {
                FrameKind::Template { .. } => unclosed_string(frame.span),
                FrameKind::Bracket(_) => {
                    let shown = self.shown(frame.span);
                    let message = format!("`{shown}` is never closed");
                    Diagnostic::error("unclosed-bracket", frame.span, message)
                        .with_help(format!("add `{}` where it should end", partner(shown.as_bytes()[0])))
                }
            };
            self.scan.findings.push(finding);
        }
        Ok(self.scan)
    }

    /// Reads one token or comment.
    fn next(&mut self) {
        let rest = &self.text[self.at..];
        let first = rest.as_bytes()[0];
        match first {
            b'\n' => {
                self.at += 1;
                self.line = self.at;
                self.fresh_line = true;
            }
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'#' => self.comment(1),
            b'/' if rest.starts_with("//") => {
                let span = self.span(self.at, self.at + 2);
                let finding = Diagnostic::error("bad-comment", span, "comments begin with `#`, not with `//`");
                self.scan.findings.push(finding.with_fix(span, "#"));
                self.comment(2);
            }
            b'"' => self.string(),
            b'`' => self.raw_string(),
            b'$' if rest.starts_with("$\"") || rest.starts_with("$`") => {
                let raw = rest.as_bytes()[1] == b'`';
                let span = self.span(self.at, self.at + 2);
                self.push(TokenKind::Text, 2);
                self.frames.push(Frame { kind: FrameKind::Template { raw }, span });
            }
            b'\'' => self.single_quoted(rest),
            b'(' | b'[' | b'{' => {
                let span = self.span(self.at, self.at + 1);
                self.push(TokenKind::Open, 1);
                self.frames.push(Frame { kind: FrameKind::Bracket(first), span });
            }
            b')' | b']' | b'}' => self.close(first),
            b'0'..=b'9' => {
                let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'));
                self.push(TokenKind::Number, end.unwrap_or(rest.len()));
            }
            _ if first.is_ascii_alphabetic() || first == b'_' => {
                let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
                self.push(TokenKind::Word, end.unwrap_or(rest.len()));
            }
            _ => self.sign(rest),
        }
    }

    fn comment(&mut self, marker: usize) {
        let rest = &self.text[self.at..];
        let length = rest.find('\n').unwrap_or(rest.len()).max(marker);
        let text = rest[..length].trim_end();
        let span = self.span(self.at, self.at + text.len());
        self.scan.comments.push(Comment { text: text.into(), span });
        self.at += length;
    }

    fn sign(&mut self, rest: &str) {
        let long = ["&&", "||", ":=", "==", "!=", "<=", ">=", "->"].into_iter().find(|sign| rest.starts_with(sign));
        let first = rest.chars().next().unwrap_or(' ');
        let length = long.map_or(first.len_utf8(), str::len);
        let span = self.span(self.at, self.at + length);
        match long {
            Some("&&") => self.wrong(
                span,
                "no-and-operator",
                "`&&` is not an operator here",
                "conditions on lines of their own must all hold; within a line write `and` or `;`",
            ),
            Some("||") => self.wrong(
                span,
                "no-or-operator",
                "`||` is not an operator here",
                "write `or`, or two rules of the same name, of which one must hold",
            ),
            Some(_) => {}
            None if first == '!' => {
                self.wrong(span, "no-not-operator", "`!` is not an operator here", "write `not`");
                if let Some(finding) = self.scan.findings.last_mut() {
                    finding.fix = Some(Fix { span, replacement: "not ".into() });
                }
            }
            None if "=<>|&+-*/%:,;.@?".contains(first) => {}
            None => {
                let length = self.strange(first, rest);
                return self.push(TokenKind::Word, length);
            }
        }
        self.push(TokenKind::Sign, length);
    }

    /// A character that stands nowhere in the language; gives the bytes that belong to it.
    fn strange(&mut self, first: char, rest: &str) -> usize {
        let letters = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let length = letters.max(first.len_utf8());
        let span = self.span(self.at, self.at + length);
        match first {
            '“' | '”' | '„' | '‘' | '’' => return self.typographic(first, rest),
            '\u{feff}' => {
                let message = "the file begins with a byte order mark";
                self.wrong(span, "unexpected-character", message, "save it as UTF-8 without one");
            }
            _ if first.is_alphabetic() => {
                let message = format!("`{first}` can't be part of a name");
                let help = "names are made of the letters a to z, digits and `_`; other text goes into quotes";
                self.wrong(span, "unexpected-character", message, help);
            }
            _ => {
                let message = format!("`{}` has no meaning here", first.escape_debug());
                self.scan.findings.push(Diagnostic::error("unexpected-character", span, message));
            }
        }
        length
    }

    /// Text between quotation marks of prose.
    fn typographic(&mut self, first: char, rest: &str) -> usize {
        let line = rest.find('\n').unwrap_or(rest.len());
        let inside = &rest[first.len_utf8()..line];
        let close = inside.char_indices().find(|(_, letter)| matches!(letter, '“' | '”' | '‘' | '’' | '"'));
        let (inner, length) = match close {
            Some((at, letter)) => (&inside[..at], first.len_utf8() + at + letter.len_utf8()),
            None => ("", first.len_utf8()),
        };
        let span = self.span(self.at, self.at + length);
        let mut finding =
            Diagnostic::error("typographic-quotes", span, "these are not the quotes that strings stand in");
        if close.is_some() {
            finding = finding.with_fix(span, format!("\"{inner}\""));
        }
        self.scan.findings.push(finding.with_help("write `\"` on both sides"));
        length
    }

    fn wrong(&mut self, span: Span, code: &'static str, message: impl Into<String>, help: &str) {
        self.scan.findings.push(Diagnostic::error(code, span, message).with_help(help));
    }

    /// Strings of the common kind end on their line.
    fn string(&mut self) {
        let bytes = self.text.as_bytes();
        let mut end = self.at + 1;
        while end < bytes.len() && bytes[end] != b'"' && bytes[end] != b'\n' {
            end += if bytes[end] == b'\\' && bytes.get(end + 1).is_some_and(|next| *next != b'\n') { 2 } else { 1 };
        }
        if bytes.get(end) == Some(&b'"') {
            self.push(TokenKind::Text, end + 1 - self.at);
            return;
        }
        let end = floor_boundary(self.text, end.min(bytes.len()));
        self.scan.findings.push(unclosed_string(self.span(self.at, self.at + 1)));
        self.push(TokenKind::Text, end - self.at);
    }

    fn raw_string(&mut self) {
        let rest = &self.text[self.at + 1..];
        if let Some(length) = rest.find('`') {
            let lines = rest[..length].rfind('\n');
            let start = self.at + 1;
            self.push(TokenKind::Text, length + 2);
            if let Some(newline) = lines {
                self.line = start + newline + 1;
            }
            return;
        }
        let span = self.span(self.at, self.at + 1);
        let finding = Diagnostic::error("unclosed-string", span, "this raw string is never closed");
        self.scan.findings.push(finding.with_help("add a backtick where it should end"));
        self.push(TokenKind::Text, self.text.len() - self.at);
    }

    fn single_quoted(&mut self, rest: &str) {
        let line = rest.find('\n').unwrap_or(rest.len());
        let length = rest[1..line].find('\'').map_or(1, |at| at + 2);
        let span = self.span(self.at, self.at + length);
        let mut finding = Diagnostic::error("single-quotes", span, "strings stand in double quotes");
        if length > 1 {
            let inner = rest[1..length - 1].replace('"', "\\\"");
            finding = finding.with_fix(span, format!("\"{inner}\""));
        }
        self.scan.findings.push(finding.with_help("write `\"` instead of `'`"));
        self.push(TokenKind::Text, length);
    }

    /// Text of a template up to its end or its next hole.
    fn template_text(&mut self, raw: bool) {
        let bytes = self.text.as_bytes();
        let quote = if raw { b'`' } else { b'"' };
        let start = self.at;
        let mut end = start;
        while end < bytes.len() && bytes[end] != quote && bytes[end] != b'{' && (raw || bytes[end] != b'\n') {
            let escape = bytes[end] == b'\\'
                && bytes.get(end + 1).is_some_and(|next| if raw { *next == b'{' } else { *next != b'\n' });
            end += if escape { 2 } else { 1 };
        }
        let end = floor_boundary(self.text, end.min(bytes.len()));
        if end > start {
            self.push(TokenKind::Text, end - start);
        }
        match bytes.get(end) {
            Some(b'{') => {
                let span = self.span(end, end + 1);
                self.push(TokenKind::Open, 1);
                self.frames.push(Frame { kind: FrameKind::Bracket(b'{'), span });
            }
            Some(next) if *next == quote => {
                self.frames.pop();
                self.push(TokenKind::Text, 1);
            }
            Some(_) => {
                // A line's end: the template was not closed on its line.
                if let Some(frame) = self.frames.pop() {
                    self.scan.findings.push(unclosed_string(frame.span));
                }
            }
            None => {}
        }
    }

    fn close(&mut self, bracket: u8) {
        let span = self.span(self.at, self.at + 1);
        let shown = char::from(bracket);
        match self.frames.last().copied() {
            Some(Frame { kind: FrameKind::Bracket(open), span: opener }) => {
                if partner(open) != shown {
                    let message = format!("`{shown}` can't close `{}`", char::from(open));
                    let finding = Diagnostic::error("unmatched-bracket", span, message);
                    let help = format!("add `{}` in front of it, or remove it", partner(open));
                    self.scan.findings.push(finding.with_related(opener, "this is still open").with_help(help));
                }
                self.frames.pop();
            }
            _ => {
                let message = format!("`{shown}` closes nothing");
                let finding = Diagnostic::error("unmatched-bracket", span, message);
                self.scan.findings.push(finding.with_help("remove it, or add the bracket that it should close"));
            }
        }
        self.push(TokenKind::Close, 1);
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let end = self.at + length;
        let line_start = self.fresh_line.then(|| self.at - self.line);
        self.fresh_line = false;
        let token = Token { kind, span: self.span(self.at, end), depth: self.frames.len(), line_start };
        self.scan.tokens.push(token);
        self.at = end;
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, offset(self.base + start), offset(self.base + end))
    }

    fn shown(&self, span: Span) -> &str {
        self.text.get(span.start as usize - self.base..span.end as usize - self.base).unwrap_or("?")
    }
}

fn unclosed_string(span: Span) -> Diagnostic {
    Diagnostic::error("unclosed-string", span, "this string is not closed on its line")
        .with_help("add `\"` where it should end; a string of several lines stands between backticks")
}

/// The bracket that closes another.
fn partner(open: u8) -> char {
    match open {
        b'(' => ')',
        b'[' => ']',
        _ => '}',
    }
}

/// The nearest start of a character at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}
