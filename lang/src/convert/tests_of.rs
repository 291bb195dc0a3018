//! Rules named `test_…` as tests.

use crate::ast::{BinaryOperator, Condition, ConditionKind, Expr, ExprKind, Item, NotOperand, Rule};
use crate::source::Span;
use crate::value::Value;

use super::Converter;
use super::decision::words;
use super::outcome::asked;

impl Converter<'_> {
    /// The test, or the rule as a comment.
    pub(super) fn test(&mut self, item: &Item, rule: &Rule, name: &str) -> String {
        let conditions = rule.body.as_ref().map_or(&[][..], |body| &body.conditions);
        let mut steps = Vec::new();
        for condition in conditions {
            match self.step(condition) {
                Some(step) => steps.push(step),
                None => {
                    let what = "this test asks for a decision in a way of its own: write `expect package effect …`";
                    return self.left(item, what);
                }
            }
        }
        let value = rule
            .head
            .value
            .as_deref()
            .filter(|value| !matches!(value.kind, ExprKind::Literal { value: Value::Bool(true), .. }));
        steps.extend(value.map(|value| format!("expect {}", self.source(value.span))));
        format!("test {} {{\n{}\n}}", Value::from(words(name)), steps.join("\n"))
    }

    /// A condition of a test; `None` if it needs a person.
    fn step(&self, condition: &Condition) -> Option<String> {
        let span = condition.span;
        match &condition.kind {
            ConditionKind::Expr(expr) => match asked(expr) {
                Some(asked) => Some(self.expectation(&asked, false, self.behind(expr.span, span))),
                None if self.names_decision(expr) => None,
                None if matches!(expr.kind, ExprKind::Binary(BinaryOperator::Assign | BinaryOperator::Unify, ..)) => {
                    Some(self.source(span).to_owned())
                }
                None => Some(format!("expect {}", self.source(span))),
            },
            ConditionKind::Not(NotOperand::Condition(inner)) => match &inner.kind {
                ConditionKind::Expr(expr) => match asked(expr) {
                    Some(asked) if asked.reason.is_none() => {
                        Some(self.expectation(&asked, true, self.behind(expr.span, span)))
                    }
                    Some(_) => None,
                    None if self.names_decision(expr) => None,
                    None => Some(self.source(span).to_owned()),
                },
                _ => Some(self.source(span).to_owned()),
            },
            _ => Some(self.source(span).to_owned()),
        }
    }

    fn expectation(&self, asked: &super::outcome::Asked, turned: bool, with: &str) -> String {
        let package = asked.package.clone().unwrap_or_else(|| self.module.package.to_string());
        let not = if asked.holds == turned { "not " } else { "" };
        let because = asked.reason.map(|reason| format!(" because {}", self.source(reason))).unwrap_or_default();
        format!("expect {package} {not}{}{because} {}", asked.effect, with.trim())
    }

    /// What stands behind the expression of a condition: its `with`.
    fn behind(&self, expr: Span, condition: Span) -> &str {
        self.between(expr.end, condition.end)
    }

    /// Whether an expression names a decision anywhere.
    fn names_decision(&self, expr: &Expr) -> bool {
        let mut found = asked(expr).is_some();
        super::walk_expr(expr, &mut |part| found |= asked(part).is_some());
        found
    }
}
