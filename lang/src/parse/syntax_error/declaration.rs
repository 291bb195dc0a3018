//! Declarations that are not complete, and clauses that do not belong to them.

use crate::diagnostic::{Diagnostic, Fix};
use crate::source::Profile;

use super::super::scan::TokenKind;
use super::{CLAUSES, EFFECTS, Place, RESERVED};

/// How a declaration with this first word is written.
pub(super) fn shape(word: &str) -> Option<&'static str> {
    Some(match word {
        "import" => "write `import data.package.name`, or `import schema \"order.json\" as Order`",
        "package" => "write `package name`, with dots between its parts",
        "input" => "write `input: TYPE`, such as `input: llm.Request`",
        "type" => "write `type Name = { field: string }`",
        "counter" => "write `counter name = count() per input.identity.sub window 1h`",
        "emit" => "write `emit label \"name\" if { … }`",
        "test" => "write `test \"name\" { … }`",
        "property" => "write `property \"name\" for x: Type { … } expect package not allow with input as x`",
        "edition" => "write `edition 1`",
        "default" => "write `default name := value`",
        _ => return None,
    })
}

/// The clauses that a rule of an effect takes.
fn clauses(effect: &str) -> &'static str {
    match effect {
        "approve" => "`approve` takes `by`, `quorum`, `within`, `because`, `unless` and `if`",
        "mask" => "`mask` takes what to mask, such as `any text`, then `using`, `if`, `unless` and `because`",
        "deny" => "`deny` takes `because`, `unless` and `if`",
        _ => "`allow` takes `because`, `unless` and `if`",
    }
}

impl Place<'_> {
    /// Beginnings of declarations that lack something.
    pub(super) fn declaration(&self) -> Option<Diagnostic> {
        let (first, word) = self.first();
        if EFFECTS.contains(&word) && self.piece.profile == Profile::Hpol {
            return self.decision(first, word);
        }
        if self.index == first {
            return self.beginning(word);
        }
        if self.depth() == 0 && self.outer_words().any(|word| word == ";") {
            let help = "several conditions stand in braces, as in `if { a; b }`";
            return Some(self.error("missing-braces", format!("{} can't stand here", self.found()), help));
        }
        if word == "type" && [",", "}"].contains(&self.word(0)) && self.bracket().is_some() {
            let message = format!("field `{}` has no type", self.word(-1));
            return Some(self.error(
                "missing-type",
                message,
                "write `name: string`, and `name?: string` if it may be absent",
            ));
        }
        let shape = shape(word).filter(|_| self.index <= first + 3 && self.text(first + 1) != ":=")?;
        Some(self.error("syntax", format!("{} can't stand here in `{word} …`", self.found()), shape))
    }

    /// The very first word is already wrong.
    fn beginning(&self, word: &str) -> Option<Diagnostic> {
        if let Some(shape) = shape(word) {
            return Some(self.error("incomplete-declaration", format!("this `{word}` is not complete"), shape));
        }
        if RESERVED.contains(&word) {
            let message = format!("`{word}` is a word of the language and can't begin a declaration");
            return Some(self.error("reserved-word", message, "give the rule another name"));
        }
        None
    }

    /// What is wrong outside the brackets of a decision rule.
    fn decision(&self, first: usize, effect: &str) -> Option<Diagnostic> {
        let tokens = self.piece.tokens;
        if tokens.get(first + 1).is_none_or(|token| token.kind != TokenKind::Text) {
            let span = tokens.get(first).map_or(self.span, |token| token.span);
            return Some(
                Diagnostic::error("missing-id", span, format!("this `{effect}` rule has no id"))
                    .with_help(format!("write `{effect} \"what it is for\" if {{ … }}`")),
            );
        }
        if self.depth() > 0 {
            return None;
        }
        let here = self.word(0);
        if here == "else" {
            let help = format!("write a second `{effect}` rule with an id of its own");
            return Some(self.error("misplaced-else", "a decision rule has no `else`", help));
        }
        if here == "{" && !self.outer_words().any(|word| word == "if") {
            return Some(self.missing_if());
        }
        if CLAUSES.contains(&here) && ["if", ""].contains(&self.word(1)) {
            let help = "complete the clause, or leave the word out";
            return Some(self.error("missing-value", format!("nothing follows `{here}`"), help));
        }
        if self.outer_words().any(|word| word == ";") {
            let help = "several conditions stand in braces, as in `if { a; b }`";
            return Some(self.error("missing-braces", format!("{} can't stand here", self.found()), help));
        }
        let before_if = !self.outer_words().any(|word| word == "if");
        let starts = self
            .token(-1)
            .is_some_and(|token| matches!(token.kind, TokenKind::Text | TokenKind::Word | TokenKind::Close));
        if before_if && starts && self.token(0).is_some_and(|token| token.kind == TokenKind::Word) {
            let message = format!("`{here}` is no clause of `{effect}`");
            return Some(self.error("unknown-clause", message, format!("{}; conditions follow `if`", clauses(effect))));
        }
        None
    }

    /// A body without `if`.
    pub(super) fn missing_if(&self) -> Diagnostic {
        let mut finding =
            self.error("missing-if", "`if` is missing in front of the conditions", "write `if` before the brace");
        finding.fix = Some(Fix { span: self.span, replacement: "if {".into() });
        finding
    }
}
