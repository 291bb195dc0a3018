//! What a newcomer is told where the grammar does not go on.

use pest::error::{ErrorVariant, InputLocation};

use crate::diagnostic::{Diagnostic, Fix};
use crate::source::{FileId, Profile, Span};

use super::build::offset;
use super::grammar::{GrammarError, Rule};
use super::scan::{Token, TokenKind};

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

/// Signs and words that want a value behind them.
const OPERATORS: [&str; 22] = [
    ":=", "=", "==", "!=", "<", "<=", ">", ">=", "|", "&", "+", "-", "*", "/", "%", "in", "and", "or", "not", "as",
    ":", ".",
];

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
        .words_of_other_languages()
        .or_else(|| place.declaration())
        .or_else(|| place.missing_value())
        .or_else(|| place.clauses())
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

    /// The text of a token before or after.
    fn word(&self, away: isize) -> &'a str {
        self.index.checked_add_signed(away).map_or("", |index| self.text(index))
    }

    fn text(&self, index: usize) -> &'a str {
        let Some(token) = self.piece.tokens.get(index) else { return "" };
        let (start, end) = (token.span.start as usize - self.piece.base, token.span.end as usize - self.piece.base);
        self.piece.text.get(start..end).unwrap_or("")
    }

    fn token(&self, away: isize) -> Option<&'a Token> {
        self.index.checked_add_signed(away).and_then(|index| self.piece.tokens.get(index))
    }

    fn error(&self, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.span, message).with_help(help)
    }

    /// What the text says here, for messages.
    fn found(&self) -> String {
        match self.word(0) {
            "" => "the end of the declaration".into(),
            word => {
                let short: String = word.lines().next().unwrap_or("").chars().take(30).collect();
                format!("`{short}`")
            }
        }
    }

    /// The bracket around this place, with its number.
    fn bracket(&self) -> Option<(usize, &'a str)> {
        let depth = self.token(0).map_or(0, |token| token.depth);
        let open = self
            .piece
            .tokens
            .get(..self.index)?
            .iter()
            .rposition(|token| token.kind == TokenKind::Open && token.depth + 1 == depth)?;
        Some((open, self.text(open)))
    }

    /// Keywords of other languages.
    fn words_of_other_languages(&self) -> Option<Diagnostic> {
        let near = |word: &str| [self.word(0), self.word(-1)].contains(&word);
        let (word, help) = [
            ("elif", "write `else := value if { … }`"),
            ("elseif", "write `else := value if { … }`"),
            ("elsif", "write `else := value if { … }`"),
            ("when", "conditions follow `if`"),
            ("where", "conditions follow `if`"),
            ("then", "a rule is `name if { … }`; nothing stands for `then`"),
            ("while", "there are no loops: `some x in xs` and `every x in xs { … }` look at each element"),
            ("return", "a rule's value follows `:=` in its head, as in `f(x) := x + 1`"),
            ("let", "write `name := value`"),
            ("var", "write `name := value`"),
            ("const", "write `name := value`"),
            ("def", "a function is a rule with parameters, as in `f(x) := x + 1`"),
            ("func", "a function is a rule with parameters, as in `f(x) := x + 1`"),
            ("function", "a function is a rule with parameters, as in `f(x) := x + 1`"),
            ("fn", "a function is a rule with parameters, as in `f(x) := x + 1`"),
            ("rule", "a rule is `name if { … }`"),
        ]
        .into_iter()
        .find(|(word, _)| near(word))?;
        let at_word = if self.word(0) == word { self.token(0) } else { self.token(-1) };
        let span = at_word.map_or(self.span, |token| token.span);
        Some(Diagnostic::error("foreign-word", span, format!("there is no `{word}` in this language")).with_help(help))
    }

    /// Beginnings of declarations that lack something.
    fn declaration(&self) -> Option<Diagnostic> {
        let first = self.text(0);
        let second = self.piece.tokens.get(1);
        let effect = ["allow", "deny", "approve", "mask"].contains(&first) && self.piece.profile == Profile::Hpol;
        if effect && second.is_none_or(|token| token.kind != TokenKind::Text) && self.index <= 2 {
            let span = self.piece.tokens.first().map_or(self.span, |token| token.span);
            return Some(
                Diagnostic::error("missing-id", span, format!("this `{first}` rule has no id"))
                    .with_help(format!("write `{first} \"what it is for\" if {{ … }}`")),
            );
        }
        if self.word(0) == "{" && self.index > 0 && self.token(0)?.depth == 0 {
            let fix = Fix { span: self.span, replacement: "if {".into() };
            let mut finding =
                self.error("missing-if", "`if` is missing in front of the conditions", "write `if` before the brace");
            finding.fix = Some(fix);
            return Some(finding);
        }
        let known = [
            ("import", "write `import data.package.name`"),
            ("package", "write `package name`, with dots between its parts"),
            ("input", "write `input: TYPE`, such as `input: llm.Request`"),
            ("type", "write `type Name = { field: string }`"),
            ("counter", "write `counter name = count() per input.identity.sub window 1h`"),
            ("emit", "write `emit label \"name\" if { … }`"),
            ("test", "write `test \"name\" { … }`"),
            ("property", "write `property \"name\" for x: Type { … } expect package not allow with input as x`"),
            ("edition", "write `edition 1`"),
            ("default", "write `default name := value`"),
        ]
        .into_iter()
        .find(|(word, _)| *word == first && self.index <= 3);
        let (word, help) = known?;
        if self.text(1) == ":=" {
            return None;
        }
        Some(self.error("syntax", format!("{} can't stand here in `{word} …`", self.found()), help))
    }

    /// An operator or clause without what should follow.
    fn missing_value(&self) -> Option<Diagnostic> {
        let (before, here) = (self.word(-1), self.word(0));
        if RESERVED.contains(&here)
            && self.token(-1).is_some()
            && OPERATORS.contains(&before)
            && !["not", "every", "some"].contains(&here)
        {
            let message = format!("`{here}` is a word of the language and can't be a name");
            return Some(self.error(
                "reserved-word",
                message,
                format!("use another name, or `[\"{here}\"]` for a field"),
            ));
        }
        if ["=", "=="].contains(&before) && here == "=" {
            return Some(self.error("triple-equals", "there is no `===`", "write `==`"));
        }
        if OPERATORS.contains(&before) || before == "," && here == "," {
            let message = format!("`{before}` needs a value behind it, and {} stands there", self.found());
            return Some(self.error("missing-value", message, "complete the expression, or remove the sign"));
        }
        if ["if", "because", "by", "quorum", "within", "using", "unless", "per", "window", "contains", "with"]
            .contains(&before)
        {
            let message = format!("`{before}` needs something behind it, and {} stands there", self.found());
            return Some(self.error("missing-value", message, "complete the line, or remove the word"));
        }
        None
    }

    /// Clauses that came too late or lack a partner.
    fn clauses(&self) -> Option<Diagnostic> {
        let here = self.word(0);
        if here == "else" {
            let help = "`else` follows the last condition of a rule, and only rules that are no decisions have it";
            return Some(self.error("misplaced-else", "`else` can't stand here", help));
        }
        if here == "if" {
            let help = "a rule has one `if`; conditions that must all hold stand in its braces";
            return Some(self.error("misplaced-if", "`if` can't stand here", help));
        }
        if here == "=" || here == ":=" {
            let help = "the name stands on the left of `:=`; to compare two values write `==`";
            return Some(self.error("misplaced-assignment", format!("`{here}` can't stand here"), help));
        }
        if here == ":" && self.bracket().is_some_and(|(_, bracket)| bracket == "[") {
            return Some(self.error(
                "misplaced-colon",
                "an array has no keys",
                "write an object in braces, `{\"key\": value}`",
            ));
        }
        None
    }

    /// Two things in a row without anything between them.
    fn separators(&self) -> Option<Diagnostic> {
        let (before, here) = (self.token(-1)?, self.token(0)?);
        let ends = matches!(before.kind, TokenKind::Word | TokenKind::Number | TokenKind::Text | TokenKind::Close);
        let begins = matches!(here.kind, TokenKind::Word | TokenKind::Number | TokenKind::Text | TokenKind::Open);
        if !ends || !begins {
            return None;
        }
        let bracket = self.bracket();
        let (shown_before, found) = (self.word(-1), self.found());
        if let Some((open, bracket)) = bracket
            && (bracket != "{" || self.comma_or_colon_in(open))
        {
            let message = format!("a comma is missing between `{}` and {found}", short(shown_before));
            return Some(self.error("missing-comma", message, "separate the elements with `,`"));
        }
        let message = format!("{found} can't follow `{}` directly", short(shown_before));
        let help = if bracket.is_some() {
            "put each condition on a line of its own, or an operator between the two"
        } else {
            "begin a declaration on a new line, put several conditions into `{ … }`, or an operator between the two"
        };
        Some(self.error("missing-separator", message, help))
    }

    /// Whether the bracket holds a list or an object rather than conditions.
    fn comma_or_colon_in(&self, open: usize) -> bool {
        let depth = self.piece.tokens[open].depth + 1;
        (open + 1..self.index)
            .any(|index| self.piece.tokens[index].depth == depth && [",", ":"].contains(&self.text(index)))
    }

    /// Everything else, in the words of the grammar.
    fn expected(&self, positives: &[Rule]) -> Diagnostic {
        let mut names: Vec<&str> = positives.iter().filter_map(|expected| rule_name(*expected)).collect();
        names.sort_unstable();
        names.dedup();
        let message = match names.as_slice() {
            [] => format!("{} can't stand here", self.found()),
            [one] => format!("{} can't stand here, where {one} is expected", self.found()),
            [some @ .., last] if some.len() < 4 => {
                format!("{} can't stand here, where {} or {last} is expected", self.found(), some.join(", "))
            }
            _ => format!("{} can't stand here", self.found()),
        };
        Diagnostic::error("syntax", self.span, message)
    }
}

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
        Rule::EOI => "the end",
        _ => return None,
    })
}
