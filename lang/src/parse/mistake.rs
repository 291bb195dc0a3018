//! Mistakes that the grammar lets pass so that they can be named: comparisons in a row, assignments inside expressions.

use crate::ast::{BinaryOperator, Expr, ExprKind};
use crate::source::{Profile, Span};

use super::build::Builder;
use super::expr::is_assignment;

impl Builder<'_> {
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

fn is_comparison(operator: BinaryOperator) -> bool {
    use BinaryOperator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    matches!(operator, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}
