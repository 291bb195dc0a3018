//! Conditions.

use crate::ast::{Condition, ConditionKind, Expect, ExpectDecision, Expr, Name, NotOperand};

use super::Writer;
use super::doc::Doc;
use super::expr::ends_in_brackets;

impl Writer<'_> {
    pub(super) fn condition(&mut self, condition: &Condition) -> Doc {
        let mut docs = vec![self.condition_kind(&condition.kind)];
        let mut withs = Vec::new();
        for (index, with) in condition.with.iter().enumerate() {
            withs.extend([Doc::Line, "with ".into(), self.reference(&with.target), " as ".into()]);
            let value = self.expr(&with.value);
            let tail = index + 1 == condition.with.len() && ends_in_brackets(&with.value);
            withs.push(if tail { Doc::Tail(Box::new(value)) } else { value });
        }
        if withs.is_empty() {
            return Doc::Sequence(docs);
        }
        docs.push(Doc::NestBroken(Box::new(Doc::Sequence(withs))));
        Doc::Sequence(docs).group()
    }

    fn condition_kind(&mut self, kind: &ConditionKind) -> Doc {
        match kind {
            ConditionKind::Expr(expr) => self.expr(expr),
            ConditionKind::SomeDeclare(names) => {
                let names: Vec<&str> = names.iter().map(|name| &*name.text).collect();
                Doc::text(format!("some {}", names.join(", ")))
            }
            ConditionKind::SomeIn { key, value, collection } => {
                let mut docs = vec!["some ".into()];
                docs.extend(self.key(key.as_ref()));
                docs.extend([self.expr(value), " in ".into(), self.expr(collection)]);
                Doc::Sequence(docs)
            }
            ConditionKind::Every { key, value, collection, body } => {
                let key = key.as_ref().map_or(String::new(), |key: &Name| format!("{}, ", key.text));
                let head = Doc::text(format!("every {key}{} in ", value.text));
                Doc::Sequence(vec![head, self.expr(collection), " ".into(), self.braces(body)])
            }
            ConditionKind::Not(NotOperand::Condition(inner)) => {
                Doc::Sequence(vec!["not ".into(), self.condition(inner)])
            }
            ConditionKind::Not(NotOperand::Body(body)) => Doc::Sequence(vec!["not ".into(), self.braces(body)]),
            ConditionKind::Expect(Expect::Holds(expr)) => Doc::Sequence(vec!["expect ".into(), self.expr(expr)]),
            ConditionKind::Expect(Expect::Decision(decision)) => self.expectation(decision),
        }
    }

    fn key(&mut self, key: Option<&Expr>) -> Vec<Doc> {
        key.map_or(Vec::new(), |key| vec![self.expr(key), ", ".into()])
    }

    fn expectation(&mut self, decision: &ExpectDecision) -> Doc {
        let not = if decision.negated { "not " } else { "" };
        let mut docs = vec![Doc::text(format!("expect {} {not}{}", decision.package, decision.effect.word()))];
        for (word, value) in [(" ", &decision.id), (" because ", &decision.because), (" masks ", &decision.masks)] {
            if let Some(value) = value {
                docs.extend([word.into(), self.expr(value)]);
            }
        }
        Doc::Sequence(docs)
    }
}
