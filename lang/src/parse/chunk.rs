//! Cuts a file with errors into its declarations, so that each can be read on its own.

use super::scan::{Token, TokenKind};
use super::syntax_error;

/// Words that continue the declaration on the line before, wherever they stand.
const CONTINUING: [&str; 11] =
    ["else", "if", "because", "by", "quorum", "within", "using", "unless", "with", "expect", "contains"];

/// The ranges of bytes of the declarations of `text`. With `trust_brackets`, a line within brackets begins none; without it,
/// where brackets do not match, every line that is not indented does.
pub(super) fn declarations(text: &str, tokens: &[Token], trust_brackets: bool) -> Vec<std::ops::Range<usize>> {
    let outside = |token: &&Token| !trust_brackets || token.depth == 0;
    let column = tokens.iter().filter(outside).filter_map(|token| token.line_start).min().unwrap_or(0);
    let text_of = |index: usize| {
        let token: Option<&Token> = tokens.get(index);
        token.and_then(|token| text.get(token.span.start as usize..token.span.end as usize)).unwrap_or("")
    };
    let mut starts: Vec<usize> = Vec::new();
    // Where the annotations of the declaration that began last end.
    let mut annotated = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.line_start != Some(column) || !outside(&token) || index < annotated {
            continue;
        }
        let word = text_of(index);
        let continues = CONTINUING.contains(&word) && ![":=", ".", "=", "if"].contains(&text_of(index + 1));
        let begins = match token.kind {
            TokenKind::Word => !continues,
            TokenKind::Sign => word == "@",
            TokenKind::Open | TokenKind::Close => false,
            TokenKind::Number | TokenKind::Text => trust_brackets,
        };
        if !begins {
            continue;
        }
        starts.push(token.span.start as usize);
        if word == "@" {
            // The declaration's own first word may stand on a later line.
            annotated = syntax_error::behind_annotations(tokens, index, text_of) + 1;
        }
    }
    if starts.is_empty() {
        starts.extend(tokens.first().map(|token| token.span.start as usize));
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]).collect::<Vec<_>>();
    // What stands in front of the first declaration belongs to it.
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    starts.into_iter().zip(ends).map(|(start, end)| start..end).collect()
}
