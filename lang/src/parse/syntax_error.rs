//! What a newcomer is told where the grammar does not go on.
//!
//! The grammar only knows a place and what it would have taken there. The tokens around the place say more: each function
//! below knows some mistakes, and the first that recognises one answers.

use pest::error::{ErrorVariant, InputLocation};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Profile, Span};

use super::build::offset;
use super::grammar::{GrammarError, Rule};
use super::scan::{Token, TokenKind};

mod declaration;
mod habit;
mod value;

/// A piece of text that did not match, with its tokens.
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) file: FileId,
    pub(super) profile: Profile,
    /// Where the piece starts in its file.
    pub(super) base: usize,
    pub(super) tokens: &'a [Token],
}

/// Words that can't be names.
const RESERVED: [&str; 14] =
    ["as", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package", "some", "true", "with"];

/// Words that begin a clause of a decision rule.
const CLAUSES: [&str; 6] = ["because", "by", "quorum", "within", "using", "unless"];

/// The effects.
const EFFECTS: [&str; 4] = ["allow", "deny", "approve", "mask"];

/// Turns pest's answer into a finding.
pub(super) fn explain(piece: &Piece<'_>, error: &GrammarError) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let place = Place::find(piece, at);
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        return Diagnostic::error("too-complex", place.span, "this declaration is too complex to be read")
            .with_help("split it into several rules");
    };
    place
        .foreign()
        .or_else(|| place.declaration())
        .or_else(|| place.missing_value())
        .or_else(|| place.misplaced())
        .or_else(|| place.separators())
        .unwrap_or_else(|| place.expected(positives))
}

/// Where the text stops making sense.
struct Place<'a> {
    piece: &'a Piece<'a>,
    /// Number of the token there.
    index: usize,
    /// The token there, or the end.
    span: Span,
}

impl<'a> Place<'a> {
    fn find(piece: &'a Piece<'a>, at: usize) -> Place<'a> {
        let at = offset(piece.base + at);
        let index = piece.tokens.iter().position(|token| token.span.end > at).unwrap_or(piece.tokens.len());
        let span = match piece.tokens.get(index) {
            Some(token) => token.span,
            None => {
                let end = piece.tokens.last().map_or(offset(piece.base), |last| last.span.end);
                Span::new(piece.file, end, end)
            }
        };
        Place { piece, index, span }
    }

    /// The text of the token so many before or after this place.
    fn word(&self, away: isize) -> &'a str {
        self.index.checked_add_signed(away).map_or("", |index| self.text(index))
    }

    /// The text of a token by its number.
    fn text(&self, index: usize) -> &'a str {
        let Some(token) = self.piece.tokens.get(index) else { return "" };
        let (start, end) = (token.span.start as usize - self.piece.base, token.span.end as usize - self.piece.base);
        self.piece.text.get(start..end).unwrap_or("")
    }

    fn token(&self, away: isize) -> Option<&'a Token> {
        self.index.checked_add_signed(away).and_then(|index| self.piece.tokens.get(index))
    }

    /// The declaration's first word, behind annotations.
    fn first(&self) -> (usize, &'a str) {
        let index = behind_annotations(self.piece.tokens, 0, |index| self.text(index));
        (index, self.text(index))
    }

    fn error(&self, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.span, message).with_help(help)
    }

    /// What the text says here, for messages.
    fn found(&self) -> String {
        match self.word(0) {
            "" => "the end of the declaration".into(),
            word => format!("`{}`", short(word)),
        }
    }

    /// How many brackets are open here; those that close here among them.
    fn depth(&self) -> usize {
        self.token(0).map_or(0, |token| token.depth + usize::from(token.kind == TokenKind::Close))
    }

    /// The number of the bracket around this place, and the bracket.
    fn bracket(&self) -> Option<(usize, &'a str)> {
        let depth = self.depth();
        let before = self.piece.tokens.get(..self.index)?;
        let open = before.iter().rposition(|token| token.kind == TokenKind::Open && token.depth + 1 == depth)?;
        Some((open, self.text(open)))
    }

    /// The texts of the tokens before this place that stand in no bracket, behind the first word.
    fn outer_words(&self) -> impl Iterator<Item = &'a str> {
        let (first, _) = self.first();
        let range = first + 1..self.index.max(first + 1);
        range
            .filter(|index| self.piece.tokens.get(*index).is_some_and(|token| token.depth == 0))
            .map(|index| self.text(index))
    }

    /// Everything else, in the words of the grammar.
    fn expected(&self, positives: &[Rule]) -> Diagnostic {
        let mut names: Vec<&str> = positives.iter().filter_map(|expected| rule_name(*expected)).collect();
        names.sort_unstable();
        names.dedup();
        let found = self.found();
        let message = match names.as_slice() {
            [] => format!("{found} can't stand here"),
            [one] => format!("{found} can't stand here, where {one} is expected"),
            [some @ .., last] if some.len() < 4 => {
                format!("{found} can't stand here, where {} or {last} is expected", some.join(", "))
            }
            _ => format!("{found} can't stand here"),
        };
        let finding = Diagnostic::error("syntax", self.span, message);
        match declaration::shape(self.first().1) {
            Some(shape) => finding.with_help(shape),
            None => finding,
        }
    }
}

/// The number of the first token behind annotations that begin at `start`.
pub(super) fn behind_annotations<'t>(tokens: &[Token], start: usize, text: impl Fn(usize) -> &'t str) -> usize {
    let mut index = start;
    while text(index) == "@" {
        index += 2;
        if text(index) == "(" {
            let depth = tokens.get(index).map_or(0, |token| token.depth);
            index += 1;
            while tokens.get(index).is_some_and(|token| token.depth > depth) {
                index += 1;
            }
            // The bracket that closes counts as outside.
            index += 1;
        }
    }
    index
}

/// At most a line of a token.
fn short(word: &str) -> String {
    word.lines().next().unwrap_or("").chars().take(30).collect()
}

/// What a rule of the grammar is called in messages; `None` for those that say nothing to people.
fn rule_name(expected: Rule) -> Option<&'static str> {
    Some(match expected {
        Rule::item | Rule::rule | Rule::head | Rule::single_item => "a declaration",
        Rule::identifier | Rule::path => "a name",
        Rule::string | Rule::raw_string => "a string",
        Rule::type_expression | Rule::type_term | Rule::type_name => "a type",
        Rule::type_field => "a field",
        Rule::body => "`{`",
        Rule::operand | Rule::expression | Rule::reference | Rule::first_expression | Rule::domain => "an expression",
        Rule::condition | Rule::conditions | Rule::statement | Rule::first_condition => "a condition",
        Rule::effect => "an effect",
        Rule::selector => "a selector such as `any text`",
        Rule::assign | Rule::unify => "`:=`",
        Rule::number => "a number",
        Rule::with_clause => "`with`",
        Rule::counter_window => "`window`",
        Rule::counter_per => "`per`",
        Rule::test_cases => "`for`",
        Rule::EOI => "the end",
        _ => return None,
    })
}
