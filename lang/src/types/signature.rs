//! Types and signatures from text, as the table of builtins and the kinds of requests write them.
//!
//! `(array[T], string?) -> T` is a signature: a single capital letter is a type variable, and a parameter with `?` may be
//! left out. Types are written as in a policy, plus `number` for `decimal` and `object` for a map of anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Field, Record, Signature, Type};
use crate::value::{JsonLimits, Value, parse_json};

/// How deep the text of a type may nest.
const DEPTH_MAX: usize = 64;

/// Why a type's text could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset} of `{text}`")]
pub struct TypeTextError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes.
    pub offset: usize,
    /// The whole text.
    pub text: String,
}

impl Type {
    /// Reads a type such as `array[string] | null`.
    ///
    /// # Errors
    ///
    /// If the text is not a type.
    pub fn parse(text: &str) -> Result<Type, TypeTextError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let ty = reader.union()?;
        reader.end()?;
        Ok(ty)
    }
}

impl Signature {
    /// Reads a signature such as `(string, string?) -> bool`.
    ///
    /// # Errors
    ///
    /// If the text is not a signature, or if a required parameter follows one that may be left out.
    pub fn parse(text: &str) -> Result<Signature, TypeTextError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        reader.expect("(")?;
        let mut parameters = Vec::new();
        let mut required = 0;
        if !reader.take(")") {
            loop {
                parameters.push(reader.union()?);
                if !reader.take("?") {
                    required += 1;
                    if required != parameters.len() {
                        return Err(reader.error("a required parameter follows one that may be left out"));
                    }
                }
                if reader.take(")") {
                    break;
                }
                reader.expect(",")?;
            }
        }
        reader.expect("->")?;
        let result = reader.union()?;
        reader.end()?;
        Ok(Signature { parameters, required, result })
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> TypeTextError {
        TypeTextError { message: message.into(), offset: self.at, text: self.text.to_owned() }
    }

    fn rest(&mut self) -> &str {
        let rest = self.text.get(self.at..).unwrap_or("");
        self.at += rest.len() - rest.trim_start().len();
        self.text.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), TypeTextError> {
        if self.take(token) { Ok(()) } else { Err(self.error(format!("`{token}` is missing"))) }
    }

    fn end(&mut self) -> Result<(), TypeTextError> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.error("there is more text than a type")) }
    }

    fn word(&mut self) -> Option<String> {
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or("").to_owned();
        let starts_well = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !starts_well {
            return None;
        }
        self.at += length;
        Some(word)
    }

    fn union(&mut self) -> Result<Type, TypeTextError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error("the type is nested too deeply"));
        }
        self.depth += 1;
        let mut types = vec![self.primary()?];
        while self.take("|") {
            types.push(self.primary()?);
        }
        self.depth -= 1;
        Ok(Type::union(types))
    }

    fn list(&mut self, close: &str) -> Result<Vec<Type>, TypeTextError> {
        let mut types = Vec::new();
        if self.take(close) {
            return Ok(types);
        }
        loop {
            types.push(self.union()?);
            if self.take(close) {
                return Ok(types);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Result<Type, TypeTextError> {
        if self.take("[") {
            return Ok(Type::Tuple(self.list("]")?.into()));
        }
        if self.take("{") {
            return self.record(false);
        }
        if self.take("(") {
            let ty = self.union()?;
            self.expect(")")?;
            return Ok(ty);
        }
        if self.rest().starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
            return self.literal();
        }
        let Some(word) = self.word() else { return Err(self.error("a type is missing")) };
        if word == "open" {
            self.expect("{")?;
            return self.record(true);
        }
        let arguments = if self.take("[") { Some(self.list("]")?) } else { None };
        named(&word, arguments.as_deref()).ok_or_else(|| self.error(format!("`{word}` is not a type")))
    }

    fn literal(&mut self) -> Result<Type, TypeTextError> {
        let rest = self.rest();
        let length = if rest.starts_with('"') {
            rest.char_indices().skip(1).find(|(_, c)| *c == '"').map_or(rest.len(), |(at, _)| at + 1)
        } else {
            rest.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.')).unwrap_or(rest.len())
        };
        let value = parse_json(rest.get(..length).unwrap_or(""), JsonLimits::default());
        let value = value.map_err(|error| self.error(error.message))?;
        self.at += length;
        Ok(Type::Literal(value))
    }

    fn record(&mut self, open: bool) -> Result<Type, TypeTextError> {
        let mut fields = BTreeMap::new();
        if !self.take("}") {
            loop {
                let Some(name) = self.word() else { return Err(self.error("a field's name is missing")) };
                let optional = self.take("?");
                self.expect(":")?;
                let ty = self.union()?;
                fields.insert(Arc::from(name), Field { ty, optional });
                if self.take("}") {
                    break;
                }
                self.expect(",")?;
            }
        }
        Ok(Type::Record(Arc::new(Record { name: None, fields, open, rest: None })))
    }
}

/// A type by name, with its arguments if it has any; `None` if there is none of that name and number of arguments.
pub(crate) fn named(name: &str, arguments: Option<&[Type]>) -> Option<Type> {
    Some(match (name, arguments) {
        ("array", Some([items])) => Type::array(items.clone()),
        ("set", Some([items])) => Type::set(items.clone()),
        ("map", Some([key, value])) => Type::Map(Arc::new(key.clone()), Arc::new(value.clone())),
        (_, Some(_)) => return None,
        ("any", None) => Type::Any,
        ("never", None) => Type::Never,
        ("null", None) => Type::Null,
        ("bool" | "boolean", None) => Type::Bool,
        ("int" | "integer", None) => Type::Int,
        ("decimal" | "number", None) => Type::Decimal,
        ("string", None) => Type::String,
        ("true", None) => Type::Literal(Value::Bool(true)),
        ("false", None) => Type::Literal(Value::Bool(false)),
        ("time", None) => Type::Time,
        ("duration", None) => Type::Duration,
        ("ip", None) => Type::Ip,
        ("cidr", None) => Type::Cidr,
        ("regex", None) => Type::Regex,
        ("glob", None) => Type::Glob,
        ("array", None) => Type::array(Type::Any),
        ("set", None) => Type::set(Type::Any),
        ("object", None) => Type::Map(Arc::new(Type::Any), Arc::new(Type::Any)),
        (variable, None) if variable.len() == 1 && variable.chars().all(|c| c.is_ascii_uppercase()) => {
            Type::Variable(variable.into())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_back_as_written() {
        for text in [
            "any",
            "array[string]",
            "map[string, array[int]]",
            "\"a\" | \"b\" | null",
            "[int, string]",
            "{a: int, b?: string}",
            "open {a: set[any]}",
            "time",
            "-1 | 2.5",
        ] {
            let ty = Type::parse(text).expect("the text is a type");
            assert_eq!(ty.to_string(), text);
        }
    }

    #[test]
    fn signatures_know_what_may_be_left_out() {
        let signature = Signature::parse("(array[T], string, int?) -> T").expect("the text is a signature");
        assert_eq!(signature.required, 2);
        assert_eq!(signature.parameters.len(), 3);
        assert_eq!(signature.result, Type::Variable("T".into()));
        assert_eq!(Signature::parse("() -> time").expect("no parameters").parameters.len(), 0);
    }

    #[test]
    fn bad_text_is_an_error_with_a_place() {
        for text in ["", "strng", "array[", "(int?, int) -> int", "(int) int", "map[string]", "int int"] {
            let error = Signature::parse(text).map(|_| ()).and_then(|()| Type::parse(text).map(|_| ()));
            assert!(error.is_err(), "`{text}` should be refused");
        }
        let deep = "array[".repeat(100_000);
        assert!(Type::parse(&deep).is_err());
    }
}
