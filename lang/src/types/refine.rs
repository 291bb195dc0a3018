//! What a schema demands of values beyond their type: bounds, patterns, choices. The checker sees the type below; whether a
//! value keeps to the rest is asked when an input or a document is read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use num_traits::Zero;

use super::Type;
use super::format::TextFormat;
use crate::value::{Number, Value};

/// Longest pattern that is read.
const PATTERN_BYTES_MAX: usize = 10_000;
/// Largest size of a compiled pattern, in bytes.
const PATTERN_SIZE_MAX: usize = 1 << 20;

/// A type of which only those values remain that keep to the demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refined {
    /// The type.
    pub base: Type,
    /// What else must be so. A demand on numbers says nothing about a string, as in JSON Schema.
    pub demands: Vec<Demand>,
}

/// A demand on values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// A number is not less; `false`: nor equal.
    AtLeast(Number, bool),
    /// A number is not more; `false`: nor equal.
    AtMost(Number, bool),
    /// A number is a multiple of this.
    MultipleOf(Number),
    /// A measure of a value lies within bounds.
    Size(Measure, usize, Option<usize>),
    /// A string has a part that matches.
    Matches(TextPattern),
    /// A string has a form.
    Format(TextFormat),
    /// No two items of an array are equal.
    Distinct,
    /// The first items of an array have these types, each further one the last type.
    Items(Arc<[Type]>, Arc<Type>),
    /// So many items of an array are of a type.
    Contains(Arc<Type>, usize, Option<usize>),
    /// The names of an object's fields are of a type.
    Names(Arc<Type>),
    /// Where an object has the field, it has these too.
    Requires(Arc<str>, Arc<[Arc<str>]>),
    /// The value is of this type too.
    Also(Arc<Type>),
    /// The value is not of this type.
    Not(Arc<Type>),
    /// The value is of just one of these types.
    ExactlyOne(Arc<[Type]>),
    /// A value of the first type is of the second too, any other of the third.
    Choice(Arc<Type>, Arc<Type>, Arc<Type>),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Characters of a string.
    Characters,
    /// Items of an array.
    Items,
    /// Fields of an object.
    Fields,
}

/// A regular expression of a schema, compiled once.
#[derive(Clone)]
pub struct TextPattern {
    source: Arc<str>,
    compiled: Arc<regex::Regex>,
}

impl TextPattern {
    /// Reads a pattern as JSON Schema writes it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or which of its constructs takes unbounded time and is left out.
    pub fn new(source: &str) -> Result<Self, String> {
        if source.len() > PATTERN_BYTES_MAX {
            return Err(format!("the pattern is longer than {PATTERN_BYTES_MAX} bytes"));
        }
        let text = translated(source);
        let built = regex::RegexBuilder::new(&text).size_limit(PATTERN_SIZE_MAX).nest_limit(50).build();
        let compiled = built.map_err(|error| match error {
            regex::Error::Syntax(message) => {
                let reason = message.lines().last().unwrap_or("it is not a pattern").trim_start_matches("error: ");
                format!("the pattern `{source}` can't be used: {reason}")
            }
            regex::Error::CompiledTooBig(_) => format!("the pattern `{source}` is too large once compiled"),
            other => other.to_string(),
        })?;
        Ok(Self { source: source.into(), compiled: Arc::new(compiled) })
    }

    /// Whether a part of the text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for TextPattern {}

/// The pattern in the dialect of this program: schemas write ECMAScript's, where `\d` and `\w` are ASCII, `.` is not a line
/// break of any kind, and a bracket within a class is a character.
fn translated(source: &str) -> String {
    let mut text = String::with_capacity(source.len() + 8);
    let mut in_class = false;
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('d') => text.push_str("[0-9]"),
                Some('D') => text.push_str("[^0-9]"),
                Some('w') => text.push_str("[0-9A-Za-z_]"),
                Some('W') => text.push_str("[^0-9A-Za-z_]"),
                Some('b') if !in_class => text.push_str(r"(?-u:\b)"),
                Some('B') if !in_class => text.push_str(r"(?-u:\B)"),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            '[' if in_class => text.push_str(r"\["),
            '&' | '~' if in_class => text.extend(['\\', character]),
            '[' => {
                in_class = true;
                text.push('[');
                if characters.peek() == Some(&'^') {
                    characters.next();
                    text.push('^');
                }
            }
            ']' if in_class => {
                in_class = false;
                text.push(']');
            }
            '.' if !in_class => text.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            other => text.push(other),
        }
    }
    text
}

impl Demand {
    /// Whether it asks for nothing but a number, a text or a size: what [`Demand::holds_number`], [`Demand::holds_text`]
    /// and [`Demand::holds_size`] answer.
    pub fn is_simple(&self) -> bool {
        matches!(
            self,
            Demand::AtLeast(..)
                | Demand::AtMost(..)
                | Demand::MultipleOf(_)
                | Demand::Size(..)
                | Demand::Matches(_)
                | Demand::Format(_)
        )
    }

    /// Whether a number keeps to a simple demand.
    pub fn holds_number(&self, number: &Number) -> bool {
        match self {
            Demand::AtLeast(least, own) => number > least || (*own && number == least),
            Demand::AtMost(most, own) => number < most || (*own && number == most),
            Demand::MultipleOf(step) => is_multiple(number, step),
            _ => true,
        }
    }

    /// Whether a text keeps to a simple demand.
    pub fn holds_text(&self, text: &str) -> bool {
        match self {
            Demand::Size(Measure::Characters, ..) => self.holds_size(Measure::Characters, text.chars().count()),
            Demand::Matches(pattern) => pattern.is_match(text),
            Demand::Format(format) => format.fits(text),
            _ => true,
        }
    }

    /// Whether something of which there are so many keeps to a simple demand.
    pub fn holds_size(&self, measure: Measure, size: usize) -> bool {
        match self {
            Demand::Size(measured, least, most) if *measured == measure => {
                size >= *least && most.is_none_or(|most| size <= most)
            }
            _ => true,
        }
    }

    /// Whether a value keeps to a demand that asks for nothing but the value itself; `None` for one that asks for types.
    pub(super) fn holds(&self, value: &Value) -> Option<bool> {
        Some(match (self, value) {
            (
                Demand::AtLeast(..)
                | Demand::AtMost(..)
                | Demand::MultipleOf(_)
                | Demand::Size(..)
                | Demand::Matches(_)
                | Demand::Format(_),
                value,
            ) => match value {
                Value::Number(number) => self.holds_number(number),
                Value::String(text) => self.holds_text(text),
                Value::Array(items) => self.holds_size(Measure::Items, items.len()),
                Value::Object(entries) => self.holds_size(Measure::Fields, entries.len()),
                Value::Null | Value::Bool(_) | Value::Set(_) => true,
            },
            (Demand::Distinct, Value::Array(items)) => items.iter().collect::<BTreeSet<_>>().len() == items.len(),
            (Demand::Requires(name, others), Value::Object(_)) => {
                value.get(name).is_none() || others.iter().all(|other| value.get(other).is_some())
            }
            (
                Demand::Items(..)
                | Demand::Contains(..)
                | Demand::Names(..)
                | Demand::Also(_)
                | Demand::Not(_)
                | Demand::ExactlyOne(_)
                | Demand::Choice(..),
                _,
            ) => return None,
            _ => true,
        })
    }

    /// The types that stand in it, each changed by `change`.
    pub(super) fn map_types(&self, change: &mut dyn FnMut(&Type) -> Type) -> Demand {
        let mut one = |ty: &Arc<Type>| Arc::new(change(ty));
        match self {
            Demand::Contains(ty, least, most) => Demand::Contains(one(ty), *least, *most),
            Demand::Names(ty) => Demand::Names(one(ty)),
            Demand::Also(ty) => Demand::Also(one(ty)),
            Demand::Not(ty) => Demand::Not(one(ty)),
            Demand::Choice(condition, then, otherwise) => Demand::Choice(one(condition), one(then), one(otherwise)),
            Demand::Items(first, rest) => {
                let rest = one(rest);
                Demand::Items(first.iter().map(change).collect(), rest)
            }
            Demand::ExactlyOne(types) => Demand::ExactlyOne(types.iter().map(change).collect()),
            other => other.clone(),
        }
    }
}

/// What a value must be, for messages.
impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Demand::AtLeast(number, true) => write!(f, "at least {number}"),
            Demand::AtLeast(number, false) => write!(f, "more than {number}"),
            Demand::AtMost(number, true) => write!(f, "at most {number}"),
            Demand::AtMost(number, false) => write!(f, "less than {number}"),
            Demand::MultipleOf(number) => write!(f, "a multiple of {number}"),
            Demand::Size(measure, least, most) => {
                let noun = match measure {
                    Measure::Characters => "characters",
                    Measure::Items => "items",
                    Measure::Fields => "fields",
                };
                match (least, most) {
                    (0, Some(most)) => write!(f, "of at most {most} {noun}"),
                    (least, None) => write!(f, "of at least {least} {noun}"),
                    (least, Some(most)) => write!(f, "of {least} to {most} {noun}"),
                }
            }
            Demand::Matches(pattern) => write!(f, "text that matches /{}/", pattern.source),
            Demand::Format(format) => write!(f, "{format}"),
            Demand::Distinct => f.write_str("an array without repeats"),
            Demand::Items(..) => f.write_str("an array of the types that the schema lists"),
            Demand::Contains(ty, least, None) => write!(f, "an array with at least {least} of `{ty}`"),
            Demand::Contains(ty, least, Some(most)) => write!(f, "an array with {least} to {most} of `{ty}`"),
            Demand::Names(_) => f.write_str("an object whose fields have the names that are asked for"),
            Demand::Requires(name, others) => write!(f, "with {} beside `{name}`", quoted(others)),
            Demand::Also(ty) => write!(f, "`{ty}`"),
            Demand::Not(_) => f.write_str("a value that `not` does not exclude"),
            Demand::ExactlyOne(types) => write!(f, "just one of the {} choices of `oneOf`", types.len()),
            Demand::Choice(..) => f.write_str("what `then` or `else` asks for"),
        }
    }
}

fn quoted(names: &[Arc<str>]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

fn is_multiple(number: &Number, step: &Number) -> bool {
    if let (Some(number), Some(step)) = (number.as_i64(), step.as_i64()) {
        return number.checked_rem(step).is_none_or(|rest| rest == 0);
    }
    let step: BigDecimal = step.to_decimal();
    !step.is_zero() && (number.to_decimal() % step).is_zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_schemas() {
        for (pattern, text, matches) in [
            (r"^\d{2}$", "12", true),
            (r"^\d{2}$", "١٢", false),
            (r"^[\w-]+$", "a_b-1", true),
            (r"^\w+$", "é", false),
            ("^[[a]+$", "[a", true),
            ("a.b", "a\rb", false),
            ("b", "abc", true),
            (r"\/x\-y", "/x-y", true),
        ] {
            let pattern = TextPattern::new(pattern).expect("the pattern is one");
            assert_eq!(pattern.is_match(text), matches, "{pattern:?} on {text:?}");
        }
        assert!(TextPattern::new("(?=a)").is_err());
        assert!(TextPattern::new(r"(a)\1").is_err());
    }

    #[test]
    fn multiples_are_exact() {
        let number = |text: &str| text.parse::<Number>().expect("it is a number");
        for (value, step, multiple) in [
            ("10", "5", true),
            ("11", "5", false),
            ("0.3", "0.1", true),
            ("1e30", "3", false),
            ("4.5", "1.5", true),
            ("-9223372036854775808", "-1", true),
        ] {
            assert_eq!(is_multiple(&number(value), &number(step)), multiple, "{value} of {step}");
        }
    }
}
