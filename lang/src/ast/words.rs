//! How parts of the tree are spelled.

use super::{BinaryOperator, EffectKeyword};

impl BinaryOperator {
    /// The sign or word as written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Assign => ":=",
            Self::Unify => "=",
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Union => "|",
            Self::Intersection => "&",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl EffectKeyword {
    /// The word as written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Approve => "approve",
            Self::Mask => "mask",
            Self::Allow => "allow",
        }
    }
}

/// Whether `text` is written without quotes behind a dot.
pub fn is_identifier(text: &str) -> bool {
    let mut letters = text.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}
