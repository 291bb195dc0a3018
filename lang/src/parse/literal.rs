//! Scalars, strings and templates.

use std::str::FromStr;
use std::sync::Arc;

use crate::ast::{Expr, ExprKind, TemplatePart};
use crate::source::{Profile, Span};
use crate::value::{Number, Value};

use super::build::{Builder, text_of};
use super::grammar::{Pair, Rule};

/// Units of a duration, each in nanoseconds, as Go and Rego write them, and days and weeks besides.
const UNITS: [(&str, i64); 10] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

impl Builder<'_> {
    /// `true`, `false`, `null`.
    pub(super) fn constant(&self, pair: &Pair<'_>) -> Expr {
        let value = match pair.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Null,
        };
        Expr { kind: ExprKind::Literal { value, raw: text_of(pair) }, span: self.span(pair) }
    }

    /// A number whose text may begin with `-`.
    pub(super) fn number(&mut self, raw: &str, span: Span) -> Expr {
        let digits = raw.trim_start_matches('-');
        if digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit() {
            self.error("bad-number", span, format!("`{raw}` begins with a zero")).help =
                Some("leave the zero out; there are no octal numbers".into());
            return Self::placeholder(span);
        }
        let value = Number::from_str(raw).unwrap_or_else(|error| {
            let shown: String = raw.chars().take(40).collect();
            self.error("bad-number", span, format!("`{shown}` can't be used as a number: {error}"));
            Number::from(0)
        });
        Expr { kind: ExprKind::Literal { value: Value::Number(value), raw: raw.into() }, span }
    }

    /// A number as a value.
    pub(super) fn number_value(&mut self, raw: &str, span: Span) -> Value {
        match self.number(raw, span).kind {
            ExprKind::Literal { value, .. } => value,
            _ => Value::Null,
        }
    }

    /// `15m`, `1h30m`.
    pub(super) fn duration(&mut self, pair: &Pair<'_>) -> Expr {
        let (raw, span) = (pair.as_str(), self.span(pair));
        let nanoseconds = match duration_nanoseconds(raw) {
            _ if self.profile == Profile::Rego => {
                let message = format!("`{raw}` is neither a number nor a name");
                self.error("bad-number", span, message).help = Some(
                    "durations such as `15m` can be written in `.hpol` files only; here use `time.parse_duration_ns`"
                        .into(),
                );
                0
            }
            Ok(nanoseconds) => nanoseconds,
            Err(problem) => {
                self.error("bad-duration", span, format!("`{raw}` is not a duration: {problem}")).help = Some(
                    "write whole numbers with a unit of `ns`, `us`, `ms`, `s`, `m`, `h`, `d` or `w`, such as `90s` or `1h30m`".into(),
                );
                0
            }
        };
        Expr { kind: ExprKind::Duration { nanoseconds, raw: raw.into() }, span }
    }

    /// The value of a string or raw string, without its quotes.
    pub(super) fn string(&mut self, pair: &Pair<'_>) -> Arc<str> {
        let raw = pair.as_str();
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or("");
        if pair.as_rule() == Rule::raw_string {
            return inner.into();
        }
        let start = pair.as_span().start() + 1;
        self.unescape(inner, start, false).into()
    }

    /// A string as an expression.
    pub(super) fn string_expression(&mut self, pair: &Pair<'_>) -> Expr {
        let value = Value::String(self.string(pair));
        Expr { kind: ExprKind::Literal { value, raw: text_of(pair) }, span: self.span(pair) }
    }

    /// `$"…{x}…"` and its raw sister.
    pub(super) fn template(&mut self, pair: Pair<'_>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let mut parts = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::template_text => {
                    let value = self.unescape(part.as_str(), part.as_span().start(), true).into();
                    parts.push(TemplatePart::Text { value, raw: text_of(&part) });
                }
                Rule::raw_template_text => {
                    let value = part.as_str().replace("\\{", "{").into();
                    parts.push(TemplatePart::Text { value, raw: text_of(&part) });
                }
                _ => {
                    let hole = self.span(&part);
                    let condition = part.into_inner().next().map(|inner| self.condition(inner, depth + 1));
                    let expr = condition.map_or_else(|| Self::placeholder(hole), |it| self.condition_expression(it));
                    parts.push(TemplatePart::Expr(expr));
                }
            }
        }
        Expr { kind: ExprKind::Template(parts), span }
    }

    /// Replaces JSON's escapes, and `\{` in templates. `start` is where `text` starts in the piece.
    fn unescape(&mut self, text: &str, start: usize, template: bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('\\') {
            out.push_str(&rest[..at]);
            let escape = &rest[at..];
            let position = start + (text.len() - escape.len());
            let taken = self.escape(escape, position, template, &mut out);
            rest = &escape[taken..];
        }
        out.push_str(rest);
        out
    }

    /// Reads one escape at the start of `text`, and gives the bytes it takes.
    fn escape(&mut self, text: &str, position: usize, template: bool, out: &mut String) -> usize {
        let Some(letter) = text[1..].chars().next() else { return text.len() };
        let simple = match letter {
            '"' | '\\' | '/' => Some(letter),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            '{' if template => Some('{'),
            _ => None,
        };
        if let Some(simple) = simple {
            out.push(simple);
            return 2;
        }
        if letter == 'u' {
            return self.unicode_escape(text, position, out);
        }
        let span = self.span_of(position, position + 1 + letter.len_utf8());
        let message = format!("`\\{letter}` is not an escape");
        let finding = self.error("bad-escape", span, message);
        finding.help =
            Some("double the backslash, or write a raw string between backticks, where it means itself".into());
        finding.fix = Some(crate::diagnostic::Fix { span, replacement: format!("\\\\{letter}").into() });
        1 + letter.len_utf8()
    }

    /// Reads `\uXXXX`, or two of them that are one character.
    fn unicode_escape(&mut self, text: &str, position: usize, out: &mut String) -> usize {
        let unit = |at: usize| -> Option<u16> {
            let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
            if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                u16::from_str_radix(digits, 16).ok()
            } else {
                None
            }
        };
        let Some(first) = unit(0) else {
            let span = self.span_of(position, position + 2);
            self.error("bad-escape", span, "`\\u` needs four hexadecimal digits").help =
                Some("such as `\\u00e9`; the character itself can be written too".into());
            return 2;
        };
        let (units, taken) = match unit(6) {
            Some(second) if (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(&second) => {
                (vec![first, second], 12)
            }
            _ => (vec![first], 6),
        };
        let decoded = char::decode_utf16(units).next().and_then(Result::ok);
        if decoded.is_none() && self.profile == Profile::Hpol {
            let span = self.span_of(position, position + 6);
            self.error("bad-escape", span, format!("`{}` is half of a character", &text[..6])).help =
                Some("write the character itself, or both halves".into());
        }
        // OPA replaces a lone half, as JSON readers in Go do.
        out.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
        taken
    }
}

/// Nanoseconds of `1h30m` and the like.
fn duration_nanoseconds(text: &str) -> Result<i64, String> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let amount = &rest[..digits];
        rest = &rest[digits..];
        if rest.starts_with('.') {
            return Err("it has a fraction".into());
        }
        let letters = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let unit = &rest[..letters];
        rest = &rest[letters..];
        let Some((_, nanoseconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                "its last number has no unit".into()
            } else {
                format!("there is no unit `{unit}`")
            });
        };
        let part = amount.parse::<i64>().ok().and_then(|amount| amount.checked_mul(*nanoseconds));
        total = part.and_then(|part| total.checked_add(part)).ok_or("it is longer than 292 years")?;
    }
    Ok(total)
}
