//! Mistakes that the grammar lets pass so that they can be named: comparisons in a row, assignments inside expressions.

use crate::ast::{BinaryOperator, Expr, ExprKind};
use crate::source::{Profile, Span};

use super::build::Builder;
use super::build::offset;
use super::expr::is_assignment;
use super::grammar::Pair;

impl Builder<'_> {
    /// What follows `if` or `:=` on a line that is not indented is the next declaration: something was left out.
    pub(super) fn check_same_declaration(&mut self, pair: &Pair<'_>, word: &str) {
        let span = self.span(pair);
        let line_start = self.text_before(span).ends_with('\n');
        if self.profile == Profile::Hpol && line_start && !pair.as_str().starts_with(['{', '[', '(', '"', '`', '$']) {
            let place = Span { end: span.start + offset(first_word_length(pair.as_str())), ..span };
            self.error("missing-value", place, format!("nothing follows `{word}` on the line before")).help =
                Some("complete that line; if this line belongs to it, indent it".into());
        }
    }

    /// Looks at what an operator joins.
    pub(super) fn check_operands(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr, span: Span) {
        if matches!(operator, BinaryOperator::Assign | BinaryOperator::Unify) {
            if is_assignment(left) || is_assignment(right) {
                self.error("chained-assignment", span, "only one `:=` can stand in a condition").help =
                    Some("put each assignment on a line of its own".into());
            }
            return;
        }
        if self.profile == Profile::Hpol && is_comparison(operator) {
            let chained = [left, right]
                .into_iter()
                .any(|side| matches!(side.kind, ExprKind::Binary(inner, ..) if is_comparison(inner)));
            if chained {
                let shown = operator.symbol();
                let message = format!("`{shown}` compares the outcome of another comparison, not its value");
                self.error("chained-comparison", span, message).help =
                    Some("write two conditions, such as `a < b` and `b < c`, each on its own line".into());
            }
        }
    }
}

/// Bytes of the word or sign that a text begins with.
fn first_word_length(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len()).max(1)
}

fn is_comparison(operator: BinaryOperator) -> bool {
    use BinaryOperator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    matches!(operator, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}
