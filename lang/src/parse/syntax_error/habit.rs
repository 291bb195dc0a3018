//! Habits from other languages.

use crate::diagnostic::Diagnostic;

use super::Place;

/// Words that other languages have, with what to write instead.
const WORDS: [(&str, &str); 16] = [
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
];

impl Place<'_> {
    /// Words and signs of other languages.
    pub(super) fn foreign(&self) -> Option<Diagnostic> {
        let (before, here) = (self.word(-1), self.word(0));
        if ["=", "=="].contains(&before) && here == "=" {
            return Some(self.error("triple-equals", "there is no `===`", "write `==`"));
        }
        if here == "?" {
            let help = "write two rules, or one with `else`: `p := 1 if x` and `else := 2`";
            return Some(self.error("no-ternary-operator", "there is no operator `? :`", help));
        }
        if here == "<" && ["array", "set", "map"].contains(&before) {
            let help = format!("write `{before}[…]`");
            return Some(self.error("angle-brackets", "types take other types in square brackets", help));
        }
        // A word of another language is followed by something; as a name it would be followed by a sign.
        let (word, help, at) = WORDS.into_iter().find_map(|(word, help)| match word {
            _ if word == here => Some((word, help, self.token(0)?)),
            _ if word == before => Some((word, help, self.token(-1)?)),
            _ => None,
        })?;
        let message = format!("there is no `{word}` in this language");
        Some(Diagnostic::error("foreign-word", at.span, message).with_help(help))
    }
}
