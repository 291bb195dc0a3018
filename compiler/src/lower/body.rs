//! Conditions and patterns.

use hpol_lang::source::Span;
use hpol_lang::typed::{Body, Condition, ConditionKind, Expr, ExprKind, Pattern};
use hpol_lang::typed::{Replacement as TypedReplacement, ReplacementTarget as TypedTarget};
use hpol_stdlib::heap::Word;

use crate::plan::{CompareOperator, Mock, Register, Replacement, ReplacementTarget, Shape, SiteId, StatementKind};

use super::builder::Builder;
use super::expr::comparison;
use super::{Lowered, Shared, function_of, number};

/// What is lowered where the conditions hold; called once.
pub(super) type Then<'f, 's, 't> = dyn FnMut(&mut Builder<'s, 't>) -> Lowered + 'f;

impl<'s, 't> Builder<'s, 't> {
    /// Conditions in order, then what comes behind them; nothing is told of how they come out.
    pub(super) fn silent_body(&mut self, conditions: &[Condition], then: &mut Then<'_, 's, 't>) -> Lowered {
        for (index, condition) in conditions.iter().enumerate() {
            let rest = &conditions[index + 1..];
            let span = condition.span;
            match &condition.kind {
                ConditionKind::Test(expr) => self.test(expr)?,
                ConditionKind::Match(pattern, expr) => self.match_expr(pattern, expr)?,
                ConditionKind::Each { key, value, collection } => {
                    let site = self.site_of(collection);
                    let collection = self.value(collection)?;
                    // What follows stands in the loop.
                    return self
                        .each(key, value, collection, site, span, &mut |builder| builder.silent_body(rest, then));
                }
                ConditionKind::Not(body) => {
                    self.silence_single(body);
                    let value = self.holds(body, span)?;
                    self.push(StatementKind::Test { value, expected: false }, span);
                }
                ConditionKind::Every { key, value, collection, body } => {
                    self.every(key, value, collection, body, span)?;
                }
                ConditionKind::With { replacements, body } if iterates(body) => {
                    return self.with(replacements, span, &mut |builder, label| {
                        builder.silence_single(body);
                        builder.body(&body.conditions, &mut |builder| {
                            // What follows stands in a loop within the `with`, but is not under it.
                            let outside = builder.nested(|builder| builder.silent_body(rest, then))?;
                            builder.push(StatementKind::Outside { label, body: outside }, span);
                            Ok(())
                        })
                    });
                }
                ConditionKind::With { replacements, body } => {
                    self.with(replacements, span, &mut |builder, _| {
                        builder.silence_single(body);
                        builder.body(&body.conditions, &mut |_| Ok(()))
                    })?;
                }
                ConditionKind::Any(bodies) => self.any(bodies, span)?,
            }
        }
        then(self)
    }

    fn test(&mut self, expr: &Expr) -> Lowered {
        if let ExprKind::Binary(operator, left, right) = &expr.kind
            && let Some(operator) = comparison(*operator)
        {
            let left = self.value(left)?;
            let right = self.value(right)?;
            self.push(StatementKind::TestCompare { operator, left, right }, expr.span);
            return Ok(());
        }
        let value = self.value(expr)?;
        self.push(StatementKind::Test { value, expected: true }, expr.span);
        Ok(())
    }

    fn match_expr(&mut self, pattern: &Pattern, expr: &Expr) -> Lowered {
        if let Pattern::Bind(local) = pattern {
            let target = self.local(*local);
            return self.value_into(expr, target);
        }
        let value = self.value(expr)?;
        self.match_pattern(pattern, value, expr.span)
    }

    /// Fails unless the value matches.
    pub(super) fn match_pattern(&mut self, pattern: &Pattern, value: Register, span: Span) -> Lowered {
        match pattern {
            Pattern::Wildcard => {}
            Pattern::Bind(local) => {
                let target = self.local(*local);
                self.push(StatementKind::Copy { target, source: value }, span);
            }
            Pattern::Equal(expr) => {
                let right = self.value(expr)?;
                let operator = CompareOperator::Equal;
                self.push(StatementKind::TestCompare { operator, left: value, right }, span);
            }
            Pattern::Array(items) => {
                let length = number(items.len());
                self.push(StatementKind::TestShape { value, shape: Shape::Array, length }, span);
                for (index, item) in (0_i64..).zip(items) {
                    let key = self.register();
                    let word = Word::from_small_int(index).unwrap_or(Word::ABSENT);
                    self.constant(key, word, span);
                    self.match_member(item, value, key, span)?;
                }
            }
            Pattern::Object(entries) => {
                let length = number(entries.len());
                self.push(StatementKind::TestShape { value, shape: Shape::Object, length }, span);
                for (key, item) in entries {
                    let key = self.value(key)?;
                    self.match_member(item, value, key, span)?;
                }
            }
        }
        Ok(())
    }

    /// Matches the member under a key; that there is none means only that the value does not match.
    fn match_member(&mut self, pattern: &Pattern, base: Register, key: Register, span: Span) -> Lowered {
        let target = self.pattern_register(pattern);
        let target = target.unwrap_or_else(|| self.register());
        self.push(StatementKind::Index { target, base, key, site: None }, span);
        self.deeper(|builder| builder.match_rest(pattern, target, span))
    }

    /// The register in which a pattern wants the value to be, if it is a variable.
    fn pattern_register(&mut self, pattern: &Pattern) -> Option<Register> {
        if let Pattern::Bind(local) = pattern { Some(self.local(*local)) } else { None }
    }

    /// Matches a value that stands where [`Builder::pattern_register`] said.
    fn match_rest(&mut self, pattern: &Pattern, value: Register, span: Span) -> Lowered {
        if let Pattern::Bind(_) = pattern { Ok(()) } else { self.match_pattern(pattern, value, span) }
    }

    fn each(
        &mut self,
        key: &Pattern,
        value: &Pattern,
        collection: Register,
        site: SiteId,
        span: Span,
        then: &mut Then<'_, 's, 't>,
    ) -> Lowered {
        let label = self.label();
        let key_register = self.loop_register(key);
        let value_register = self.loop_register(value);
        let body = self.nested(|builder| {
            builder.match_entry((key, key_register), (value, value_register), span)?;
            then(builder)
        })?;
        let kind = StatementKind::Each {
            label,
            key: key_register,
            value: value_register,
            collection,
            body,
            site,
            lookup: None,
        };
        self.push(kind, span);
        Ok(())
    }

    /// Matches key and value of an iteration, as far as they are looked at.
    fn match_entry(
        &mut self,
        key: (&Pattern, Option<Register>),
        value: (&Pattern, Option<Register>),
        span: Span,
    ) -> Lowered {
        for (pattern, register) in [key, value] {
            if let Some(register) = register {
                self.match_rest(pattern, register, span)?;
            }
        }
        Ok(())
    }

    fn loop_register(&mut self, pattern: &Pattern) -> Option<Register> {
        match pattern {
            Pattern::Wildcard => None,
            Pattern::Bind(local) => Some(self.local(*local)),
            Pattern::Equal(_) | Pattern::Array(_) | Pattern::Object(_) => Some(self.register()),
        }
    }

    fn every(&mut self, key: &Pattern, value: &Pattern, collection: &Expr, body: &Body, span: Span) -> Lowered {
        let site = self.site_of(collection);
        let collection = self.value(collection)?;
        let (all, this) = (self.register(), self.register());
        self.constant(all, Word::TRUE, span);
        self.scope(false, span, |builder, done| {
            let (key_register, value_register) = (builder.loop_register(key), builder.loop_register(value));
            let label = builder.label();
            let inner = builder.nested(|builder| {
                builder.constant(this, Word::FALSE, span);
                builder.scope(true, span, |builder, held| {
                    builder.match_entry((key, key_register), (value, value_register), span)?;
                    builder.body(&body.conditions, &mut |builder| {
                        builder.constant(this, Word::TRUE, span);
                        builder.push(StatementKind::Leave { label: held }, span);
                        Ok(())
                    })
                })?;
                builder.push(StatementKind::Test { value: this, expected: false }, span);
                builder.constant(all, Word::FALSE, span);
                builder.push(StatementKind::Leave { label: done }, span);
                Ok(())
            })?;
            let kind = StatementKind::Each {
                label,
                key: key_register,
                value: value_register,
                collection,
                body: inner,
                site,
                lookup: None,
            };
            builder.push(kind, span);
            Ok(())
        })?;
        self.push(StatementKind::Test { value: all, expected: true }, span);
        Ok(())
    }

    /// The first body that holds decides.
    fn any(&mut self, bodies: &[Body], span: Span) -> Lowered {
        self.scope(false, span, |builder, chosen| {
            for body in bodies {
                builder.scope(true, span, |builder, _| {
                    builder.body(&body.conditions, &mut |builder| {
                        builder.push(StatementKind::Leave { label: chosen }, span);
                        Ok(())
                    })
                })?;
            }
            builder.push(StatementKind::Fail, span);
            Ok(())
        })
    }

    fn with(
        &mut self,
        replacements: &[TypedReplacement],
        span: Span,
        make: &mut dyn FnMut(&mut Self, crate::plan::Label) -> Lowered,
    ) -> Lowered {
        let mut lowered = Vec::with_capacity(replacements.len());
        for replacement in replacements {
            let target = self.shared.replacement_target(&replacement.target)?;
            let value = if needs_value(&target) { Some(self.value(&replacement.value)?) } else { None };
            lowered.push(Replacement { target, value });
        }
        let label = self.label();
        let body = self.nested(|builder| make(builder, label))?;
        self.push(StatementKind::With { label, replacements: lowered, body }, span);
        Ok(())
    }
}

/// Whether a body can hold in more than one way for what comes behind it.
pub(super) fn iterates(body: &Body) -> bool {
    any_iterates(&body.conditions)
}

/// As [`iterates`], for a part of a body.
pub(super) fn any_iterates(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| match &condition.kind {
        ConditionKind::Each { .. } => true,
        ConditionKind::With { body, .. } => iterates(body),
        ConditionKind::Test(_)
        | ConditionKind::Match(..)
        | ConditionKind::Not(_)
        | ConditionKind::Every { .. }
        | ConditionKind::Any(_) => false,
    })
}

/// Whether a replacement is by a value, not by another function.
pub(super) fn needs_value(target: &ReplacementTarget) -> bool {
    match target {
        ReplacementTarget::Input(_) | ReplacementTarget::Data(_) => true,
        ReplacementTarget::Builtin(_, mock) | ReplacementTarget::Function(_, mock) => *mock == Mock::Value,
    }
}

impl Shared<'_> {
    pub(super) fn replacement_target(&mut self, target: &TypedTarget) -> Lowered<ReplacementTarget> {
        Ok(match target {
            TypedTarget::Input(path) => ReplacementTarget::Input(path.clone()),
            TypedTarget::Data(path) => ReplacementTarget::Data(path.clone()),
            TypedTarget::Builtin(name) => ReplacementTarget::Builtin(self.builtin(name)?, Mock::Value),
            TypedTarget::BuiltinByRule(name, rule) => {
                ReplacementTarget::Builtin(self.builtin(name)?, Mock::Function(function_of(*rule)))
            }
            TypedTarget::BuiltinByBuiltin(name, other) => {
                let other = self.builtin(other)?;
                ReplacementTarget::Builtin(self.builtin(name)?, Mock::Builtin(other))
            }
            TypedTarget::Function(rule) => ReplacementTarget::Function(function_of(*rule), Mock::Value),
            TypedTarget::FunctionByRule(rule, other) => {
                ReplacementTarget::Function(function_of(*rule), Mock::Function(function_of(*other)))
            }
            TypedTarget::FunctionByBuiltin(rule, name) => {
                ReplacementTarget::Function(function_of(*rule), Mock::Builtin(self.builtin(name)?))
            }
        })
    }
}
