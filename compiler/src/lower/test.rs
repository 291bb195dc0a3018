//! Tests: a function for each step. All variables of a test are parameters of each of its functions.

use hpol_lang::source::Span;
use hpol_lang::typed::{self, Condition, Expr, LocalId};
use hpol_stdlib::heap::Word;

use crate::plan::{Expectation, Function, FunctionId, Origin, Register, StatementKind, Test, TestRuns, TestStep};

use super::body::needs_value;
use super::builder::Builder;
use super::{Lowered, Shared, locals, number};

pub(super) fn lower_all(shared: &mut Shared<'_>, functions: &mut Vec<Function>) -> Lowered<Vec<Test>> {
    let program = shared.typed;
    program.tests.iter().map(|test| Steps { shared: &mut *shared, functions: &mut *functions, test }.lower()).collect()
}

struct Steps<'s, 't> {
    shared: &'s mut Shared<'t>,
    functions: &'s mut Vec<Function>,
    test: &'t typed::Test,
}

impl<'t> Steps<'_, 't> {
    fn lower(mut self) -> Lowered<Test> {
        let test = self.test;
        let runs = match &test.runs {
            typed::TestRuns::Once => TestRuns::Once,
            typed::TestRuns::Cases(local, array) => TestRuns::Cases(local.0, self.expr(array)?),
            typed::TestRuns::Drawn { variable, ty, assumptions, conditions } => TestRuns::Drawn {
                variable: variable.0,
                ty: ty.clone(),
                assumptions: *assumptions,
                conditions: conditions.clone(),
            },
        };
        let assumptions = match &test.runs {
            typed::TestRuns::Drawn { assumptions, .. } => *assumptions,
            typed::TestRuns::Once | typed::TestRuns::Cases(..) => 0,
        };
        // Assumptions are one body, which holds if there is any way in which it does. Each is lowered with those in front of
        // it, so that the first step that does not hold is the assumption that is not met.
        let mut assumed = Vec::new();
        let steps = test.steps.iter().enumerate().map(|(index, step)| match step {
            typed::TestStep::Condition(condition) if index < assumptions => {
                assumed.push(condition.clone());
                self.condition(&assumed, condition.span, false)
            }
            typed::TestStep::Condition(condition) => {
                self.condition(std::slice::from_ref(condition), condition.span, false)
            }
            typed::TestStep::Holds(condition) => self.condition(std::slice::from_ref(condition), condition.span, true),
            typed::TestStep::Decision(expectation) => self.expectation(expectation),
        });
        let steps = steps.collect::<Lowered<Vec<_>>>()?;
        Ok(Test {
            package: test.package.clone(),
            name: test.name.clone(),
            locals: test.locals.iter().map(|local| local.name.clone()).collect(),
            runs,
            steps,
            span: test.span,
        })
    }

    /// Adds a function whose result `make` puts into the register it is given; that is absent before.
    fn function(
        &mut self,
        span: Span,
        make: impl FnOnce(&mut Builder<'_, 't>, Register) -> Lowered,
    ) -> Lowered<FunctionId> {
        let parameters = number(self.test.locals.len());
        let name = format!("test {} {:?}", self.test.package, self.test.name);
        let mut builder = Builder::new(self.shared, name, parameters, span);
        builder.tells_outcomes = false;
        builder.start_clause(&self.test.locals, span);
        for index in 0..parameters {
            builder.set_local(LocalId(index), Register(index));
        }
        let result = builder.register();
        builder.constant(result, Word::ABSENT, span);
        make(&mut builder, result)?;
        self.functions.push(builder.finish(result, Origin::TestStep));
        Ok(FunctionId(number(self.functions.len() - 1)))
    }

    fn expr(&mut self, expr: &'t Expr) -> Lowered<FunctionId> {
        self.function(expr.span, |builder, result| {
            builder.scope(true, expr.span, |builder, _| {
                let source = builder.value(expr)?;
                builder.push(StatementKind::Copy { target: result, source }, expr.span);
                Ok(())
            })
        })
    }

    fn condition(&mut self, conditions: &[Condition], span: Span, expectation: bool) -> Lowered<TestStep> {
        let binds = locals::bound(conditions);
        let function = self.function(span, |builder, result| {
            builder.scope(true, span, |builder, label| {
                builder.body(conditions, &mut |builder| {
                    let items = binds.iter().map(|local| builder.local(*local)).collect();
                    builder.push(StatementKind::MakeArray { target: result, items }, span);
                    builder.push(StatementKind::Leave { label }, span);
                    Ok(())
                })
            })
        })?;
        let binds = binds.iter().map(|local| local.0).collect();
        Ok(TestStep::Condition { function, binds, expectation, span })
    }

    fn expectation(&mut self, expected: &'t typed::Expectation) -> Lowered<TestStep> {
        let mut with = Vec::with_capacity(expected.with.len());
        for replacement in &expected.with {
            let target = self.shared.replacement_target(&replacement.target)?;
            let value = if needs_value(&target) { Some(self.expr(&replacement.value)?) } else { None };
            with.push((target, value));
        }
        Ok(TestStep::Decision(Box::new(Expectation {
            package: expected.package,
            negated: expected.negated,
            effect: expected.effect,
            id: expected.id.as_ref().map(|expr| self.expr(expr)).transpose()?,
            because: expected.because.as_ref().map(|expr| self.expr(expr)).transpose()?,
            masks: expected.masks.as_ref().map(|expr| self.expr(expr)).transpose()?,
            with,
            span: expected.span,
        })))
    }
}
