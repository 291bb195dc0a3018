//! Cuts a file with errors into its declarations, so that each can be read on its own.

use super::scan::{Token, TokenKind};

/// Words that continue the declaration on the line before, wherever they stand.
const CONTINUING: [&str; 11] =
    ["else", "if", "because", "by", "quorum", "within", "using", "unless", "with", "expect", "contains"];

/// The ranges of bytes of the declarations of `text`. With `trust_brackets`, a line within brackets begins none; without it,
/// where brackets do not match, every line that is not indented does.
pub(super) fn declarations(text: &str, tokens: &[Token], trust_brackets: bool) -> Vec<std::ops::Range<usize>> {
    let outside = |token: &&Token| !trust_brackets || token.depth == 0;
    let column = tokens.iter().filter(outside).filter_map(|token| token.line_start).min().unwrap_or(0);
    let mut starts: Vec<usize> = Vec::new();
    let mut annotated = false;
    for (index, token) in tokens.iter().enumerate() {
        if token.line_start != Some(column) || !outside(&token) {
            continue;
        }
        let start = token.span.start as usize;
        let word = text.get(start..token.span.end as usize).unwrap_or("");
        let names_something =
            tokens.get(index + 1).and_then(|next| text.get(next.span.start as usize..next.span.end as usize));
        let continues = CONTINUING.contains(&word) && !matches!(names_something, Some(":=" | "." | "=" | "if"));
        let begins = match token.kind {
            TokenKind::Word => !continues,
            TokenKind::Sign => word == "@",
            TokenKind::Open | TokenKind::Close => false,
            TokenKind::Number | TokenKind::Text => trust_brackets,
        };
        // A declaration starts with its annotations.
        if begins && !annotated {
            starts.push(start);
        }
        annotated = begins && word == "@";
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
