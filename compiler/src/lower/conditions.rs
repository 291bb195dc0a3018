//! Telling how the conditions of a body come out, for plans that are made to measure tests.
//!
//! What the text writes as one condition may be several, which stand in front of it: `input.roles[i] == "dba"` is a loop
//! and a test. They are taken together. Around them stand scopes that catch a failure to tell it:
//!
//! ```text
//! condition                record reached
//!                          scope passed {
//!                            scope catches { condition; record met; leave passed }
//!                            record not met
//!                            fail
//!                          }
//!
//! some condition; rest     record reached
//!                          found = false
//!                          scope catches { condition { record met; found = true; rest } }
//!                          scope catches { test not found; record not met }
//! ```

use hpol_lang::source::Span;
use hpol_lang::typed::{Body, Condition, ConditionKind, ExprKind, Pattern};
use hpol_stdlib::heap::Word;

use crate::plan::{ConditionForm, ConditionId, Role, StatementKind, WrittenCondition};

use super::body::{Then, any_iterates};
use super::builder::Builder;
use super::{Lowered, Shared};

/// How names of packages and files of tests end.
pub(super) const TESTS_END: &str = "_test";

impl<'s, 't> Builder<'s, 't> {
    /// Conditions in order, then what comes behind them.
    pub(super) fn body(&mut self, conditions: &[Condition], then: &mut Then<'_, 's, 't>) -> Lowered {
        let silent = std::mem::take(&mut self.silent);
        if silent || !self.tells_outcomes {
            self.silent_body(conditions, then)
        } else {
            self.telling_body(conditions, then)
        }
    }

    /// The body of a rule, which tells that it is reached where it has no conditions.
    pub(super) fn rule_body(&mut self, conditions: &[Condition], span: Span, then: &mut Then<'_, 's, 't>) -> Lowered {
        if self.tells_outcomes && conditions.is_empty() {
            let condition = self.shared.condition(span, ConditionForm::Unconditional);
            self.tell(condition, Word::NULL, span);
            self.tell(condition, Word::TRUE, span);
        }
        self.body(conditions, then)
    }

    /// Keeps the next body from telling outcomes if it is one condition, so that its outcome is that of the condition
    /// around it, such as a `not`.
    pub(super) fn silence_single(&mut self, body: &Body) {
        self.silent = first_written(&body.conditions).is_none_or(|(_, rest)| rest.is_empty());
    }

    fn telling_body(&mut self, conditions: &[Condition], then: &mut Then<'_, 's, 't>) -> Lowered {
        let mut remaining = conditions;
        while let Some((written, rest)) = first_written(remaining) {
            let Some(span) = written.last().map(|condition| condition.span) else { break };
            let condition = self.shared.condition(span, form(written));
            self.tell(condition, Word::NULL, span);
            if any_iterates(written) {
                return self
                    .telling_iteration(condition, span, written, &mut |builder| builder.telling_body(rest, then));
            }
            self.scope(false, span, |builder, passed| {
                builder.scope(true, span, |builder, _| {
                    builder.silent_body(written, &mut |builder| {
                        builder.tell(condition, Word::TRUE, span);
                        builder.push(StatementKind::Leave { label: passed }, span);
                        Ok(())
                    })
                })?;
                builder.tell(condition, Word::FALSE, span);
                builder.push(StatementKind::Fail, span);
                Ok(())
            })?;
            remaining = rest;
        }
        then(self)
    }

    /// A condition in whose loop stands what follows. Nothing stands behind it, so that ending there and failing are the same.
    fn telling_iteration(
        &mut self,
        condition: ConditionId,
        span: Span,
        written: &[Condition],
        then: &mut Then<'_, 's, 't>,
    ) -> Lowered {
        let found = self.register();
        self.constant(found, Word::FALSE, span);
        self.scope(true, span, |builder, _| {
            builder.silent_body(written, &mut |builder| {
                builder.tell(condition, Word::TRUE, span);
                builder.constant(found, Word::TRUE, span);
                then(builder)
            })
        })?;
        self.scope(true, span, |builder, _| {
            builder.push(StatementKind::Test { value: found, expected: false }, span);
            builder.tell(condition, Word::FALSE, span);
            Ok(())
        })
    }

    fn tell(&mut self, condition: ConditionId, outcome: Word, span: Span) {
        let value = self.register();
        self.constant(value, outcome, span);
        self.push(StatementKind::Record { role: Role::Outcome(condition), value }, span);
    }
}

impl Shared<'_> {
    fn condition(&mut self, span: Span, form: ConditionForm) -> ConditionId {
        ConditionId(self.conditions.id(WrittenCondition { span, form }))
    }

    /// Whether what stands there is for tests, or a question that was put to the policy.
    pub(super) fn is_of_tests(&self, span: Span) -> bool {
        let path = &self.typed.sources.file(span.file).path;
        let name = path.rsplit('/').next().unwrap_or(path);
        name.split('.').next().is_some_and(|stem| stem.ends_with(TESTS_END))
    }
}

/// The conditions that the first one as it is written has become, and those behind them.
fn first_written(conditions: &[Condition]) -> Option<(&[Condition], &[Condition])> {
    let first = conditions.first()?;
    let covers =
        |outer: Span, inner: Span| outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end;
    // All of them stand within the last one.
    let is_last = |at: &usize| {
        conditions.get(*at).is_some_and(|last| {
            covers(last.span, first.span) && conditions[..*at].iter().all(|part| covers(last.span, part.span))
        })
    };
    let last = (1..conditions.len()).rev().find(is_last).unwrap_or(0);
    Some(conditions.split_at(last + 1))
}

fn form(written: &[Condition]) -> ConditionForm {
    let binds = |condition: &Condition| match &condition.kind {
        ConditionKind::Each { .. } | ConditionKind::Match(Pattern::Bind(_) | Pattern::Wildcard, _) => true,
        // `true`, and what always holds.
        ConditionKind::Test(expr) => matches!(expr.kind, ExprKind::Constant(_)),
        ConditionKind::Match(..)
        | ConditionKind::Not(_)
        | ConditionKind::Every { .. }
        | ConditionKind::With { .. }
        | ConditionKind::Any(_) => false,
    };
    if written.iter().all(binds) { ConditionForm::Binding } else { ConditionForm::Test }
}
