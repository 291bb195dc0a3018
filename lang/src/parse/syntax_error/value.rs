//! Values that are missing, stand where they can't, or are not told apart.

use crate::diagnostic::Diagnostic;

use super::super::scan::TokenKind;
use super::{CLAUSES, Place, RESERVED, short};

/// Signs and words that want a value behind them.
const OPERATORS: [&str; 22] = [
    ":=", "=", "==", "!=", "<", "<=", ">", ">=", "|", "&", "+", "-", "*", "/", "%", "in", "and", "or", "not", "as",
    ":", ".",
];

/// Words that want something behind them.
const OPENING: [&str; 5] = ["if", "per", "window", "contains", "with"];

impl Place<'_> {
    /// An operator or clause without what should follow.
    pub(super) fn missing_value(&self) -> Option<Diagnostic> {
        let (before, here) = (self.word(-1), self.word(0));
        let wants = OPERATORS.contains(&before);
        if wants && RESERVED.contains(&here) && !["not", "every", "some"].contains(&here) {
            let message = format!("`{here}` is a word of the language and can't be a name");
            let help = format!("use another name, or `[\"{here}\"]` for a field");
            return Some(self.error("reserved-word", message, help));
        }
        if wants || (before == "," && here == ",") {
            let message = format!("`{before}` needs a value behind it, and {} stands there", self.found());
            return Some(self.error("missing-value", message, "complete the expression, or remove the sign"));
        }
        if (OPENING.contains(&here) || here == "as") && self.word(1).is_empty() {
            let help = "complete the line, or remove the word";
            return Some(self.error("missing-value", format!("nothing follows `{here}`"), help));
        }
        if OPENING.contains(&before) || CLAUSES.contains(&before) {
            let message = format!("`{before}` needs something behind it, and {} stands there", self.found());
            return Some(self.error("missing-value", message, "complete the line, or remove the word"));
        }
        None
    }

    /// Words and signs of the language in the wrong place.
    pub(super) fn misplaced(&self) -> Option<Diagnostic> {
        let bracket = self.bracket();
        let here = self.word(0);
        let (code, message, help) = match (here, bracket) {
            ("else", _) => (
                "misplaced-else",
                "`else` can't stand here".to_owned(),
                "`else` follows the conditions of a rule, outside their braces",
            ),
            ("if", _) => (
                "misplaced-if",
                "`if` can't stand here".to_owned(),
                "a rule has one `if`; conditions that must all hold stand in its braces",
            ),
            ("with", _) => (
                "misplaced-with",
                "`with` can't stand here".to_owned(),
                "`with` follows a condition in the body of a rule or test",
            ),
            ("{", None) => return Some(self.missing_if()),
            ("=" | ":=", _) => (
                "misplaced-assignment",
                format!("`{here}` can't stand here"),
                "the name stands on the left of `:=`; to compare two values write `==`",
            ),
            (":", Some((_, "["))) => {
                ("misplaced-colon", "an array has no keys".to_owned(), "write an object in braces, `{\"key\": value}`")
            }
            (";", Some((_, "[" | "("))) => (
                "misplaced-semicolon",
                "`;` separates conditions, not elements".to_owned(),
                "separate the elements with `,`",
            ),
            (":", None) => (
                "misplaced-colon",
                "`:` can't stand here".to_owned(),
                "a rule's value follows `:=`, and `:` stands in objects and types",
            ),
            ("}" | ",", Some((open, "{"))) if self.comma_or_colon_in(open, ":") => (
                "missing-value",
                format!("key `{}` has no value", short(self.word(-1))),
                "every key of an object has one, as in `{\"key\": value}`",
            ),
            _ => return None,
        };
        Some(self.error(code, message, help))
    }

    /// Two things in a row without anything between them.
    pub(super) fn separators(&self) -> Option<Diagnostic> {
        let (before, here) = (self.token(-1)?, self.token(0)?);
        let ends = matches!(before.kind, TokenKind::Word | TokenKind::Number | TokenKind::Text | TokenKind::Close);
        let begins = matches!(here.kind, TokenKind::Word | TokenKind::Number | TokenKind::Text | TokenKind::Open);
        if !ends || !begins {
            return None;
        }
        let bracket = self.bracket();
        let (before, found) = (short(self.word(-1)), self.found());
        if let Some((open, bracket)) = bracket
            && (bracket != "{" || self.comma_or_colon_in(open, ",") || self.comma_or_colon_in(open, ":"))
        {
            let message = format!("a comma is missing between `{before}` and {found}");
            return Some(self.error("missing-comma", message, "separate the elements with `,`"));
        }
        if self.index == self.first().0 + 1 {
            let message = format!("`if` or `:=` is missing behind `{before}`");
            return Some(self.error("missing-if", message, format!("write `{before} if {{ … }}` or `{before} := …`")));
        }
        let message = format!("{found} can't follow `{before}` directly");
        let help = if bracket.is_some() {
            "put each condition on a line of its own, or an operator between the two"
        } else {
            "begin a declaration on a new line, put several conditions into `{ … }`, or an operator between the two"
        };
        Some(self.error("missing-separator", message, help))
    }

    /// Whether a sign of lists or objects stands in a bracket before this place.
    fn comma_or_colon_in(&self, open: usize, sign: &str) -> bool {
        let tokens = self.piece.tokens;
        let depth = tokens[open].depth + 1;
        (open + 1..self.index).any(|index| tokens[index].depth == depth && self.text(index) == sign)
    }
}
