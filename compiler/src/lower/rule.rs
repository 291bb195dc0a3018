//! Rules and functions.

use hpol_lang::source::Profile;
use hpol_lang::typed::{Clause, ExprKind, Pattern, Rule, RuleKind};
use hpol_lang::value::Value;
use hpol_stdlib::heap::Word;

use crate::plan::{Collection, Function, FunctionId, Label, Origin, Register, StatementKind};

use super::body::iterates;
use super::builder::Builder;
use super::conditions::TESTS_END;
use super::{Lowered, Shared, definitions};

pub(super) fn lower<'t>(shared: &mut Shared<'t>, rule: &'t Rule, id: FunctionId) -> Lowered<Function> {
    let mut builder = Builder::new(shared, rule.path.clone(), rule.parameters, rule.span);
    builder.tells_outcomes &= !is_test(rule);
    let result = builder.register();
    match rule.kind {
        RuleKind::Complete | RuleKind::Function => complete(&mut builder, rule, id, result)?,
        RuleKind::Set => collected(&mut builder, rule, id, Collection::Set, result)?,
        RuleKind::Object { depth: 1 } => collected(&mut builder, rule, id, Collection::Object, result)?,
        RuleKind::Object { depth } => collected(&mut builder, rule, id, Collection::Nested { depth }, result)?,
    }
    let gathers = matches!(rule.kind, RuleKind::Set | RuleKind::Object { .. });
    let function = builder.finish(result, Origin::Rule(rule.parts.clone()));
    // OPA's sets and objects take every absence up.
    Ok(Function { gathers: gathers && rule.profile == Profile::Hpol, ..function })
}

/// Whether the rule is a test of the Rego profile, or of a package of tests.
fn is_test(rule: &Rule) -> bool {
    let Some((name, package)) = rule.parts.split_last() else { return false };
    let is_rego_test = rule.profile == Profile::Rego && name.starts_with("test_");
    is_rego_test || package.iter().any(|part| part.ends_with(TESTS_END))
}

/// A rule with one value. All definitions are tried, because two that disagree are an error; where they cannot disagree the first
/// success ends the search.
fn complete<'t>(builder: &mut Builder<'_, 't>, rule: &'t Rule, id: FunctionId, result: Register) -> Lowered {
    builder.constant(result, Word::ABSENT, rule.span);
    let settled = all_yield_the_same(&rule.clauses);
    if !definitions::yielded(builder, rule, id, result, settled)? {
        builder.scope(false, rule.span, |builder, done| {
            for clause in &rule.clauses {
                let done = settled.then_some(done);
                if clause.else_clause.is_none() {
                    builder.scope(true, clause.span, |builder, tried| {
                        yielding(builder, clause, result, done.or(stops_early(clause).then_some(tried)), None)
                    })?;
                } else {
                    chain(builder, clause, result, done)?;
                }
            }
            Ok(())
        })?;
    }
    let Some(default) = &rule.default else { return Ok(()) };
    builder.start_clause(&rule.default_locals, default.span);
    builder.scope(true, default.span, |builder, _| {
        builder.push(StatementKind::TestAbsent { value: result, expected: true }, default.span);
        let source = builder.value(default)?;
        builder.push(StatementKind::Copy { target: result, source }, default.span);
        Ok(())
    })
}

/// A clause with `else` clauses: the first that yields a value ends it.
pub(super) fn chain<'t>(
    builder: &mut Builder<'_, 't>,
    first: &'t Clause,
    result: Register,
    done: Option<Label>,
) -> Lowered {
    let yielded = builder.register();
    builder.scope(false, first.span, |builder, chosen| {
        let mut next = Some(first);
        while let Some(clause) = next {
            next = clause.else_clause.as_deref();
            // A clause without loops, or with one possible value, is done once it yields.
            let early = done.or((stops_early(clause) || !iterates(&clause.body)).then_some(chosen));
            if early.is_none() {
                builder.constant(yielded, Word::FALSE, clause.span);
            }
            builder.scope(true, clause.span, |builder, _| yielding(builder, clause, result, early, Some(yielded)))?;
            if early.is_none() && next.is_some() {
                builder.scope(true, clause.span, |builder, _| {
                    builder.push(StatementKind::Test { value: yielded, expected: true }, clause.span);
                    builder.push(StatementKind::Leave { label: chosen }, clause.span);
                    Ok(())
                })?;
            }
        }
        Ok(())
    })
}

/// Parameters, body and value of a clause; then leaves `early`, or sets `yielded` and looks for further ways.
pub(super) fn yielding<'t>(
    builder: &mut Builder<'_, 't>,
    clause: &'t Clause,
    result: Register,
    early: Option<Label>,
    yielded: Option<Register>,
) -> Lowered {
    let span = clause.span;
    head(builder, clause)?;
    builder.rule_body(&clause.body.conditions, span, &mut |builder| {
        let value = builder.value(&clause.value)?;
        builder.push(StatementKind::Yield { target: result, value }, clause.value.span);
        match (early, yielded) {
            (Some(label), _) => builder.push(StatementKind::Leave { label }, span),
            (None, Some(yielded)) => builder.constant(yielded, Word::TRUE, span),
            (None, None) => {}
        }
        Ok(())
    })
}

/// Starts a clause by matching its parameters.
fn head<'t>(builder: &mut Builder<'_, 't>, clause: &'t Clause) -> Lowered {
    builder.start_clause(&clause.locals, clause.span);
    for (index, pattern) in (0..).zip(&clause.parameters) {
        let argument = Register(index);
        match pattern {
            Pattern::Bind(local) => builder.set_local(*local, argument),
            Pattern::Wildcard | Pattern::Equal(_) | Pattern::Array(_) | Pattern::Object(_) => {}
        }
    }
    for (index, pattern) in (0..).zip(&clause.parameters) {
        match pattern {
            Pattern::Bind(_) => {}
            Pattern::Wildcard | Pattern::Equal(_) | Pattern::Array(_) | Pattern::Object(_) => {
                builder.match_pattern(pattern, Register(index), clause.span)?;
            }
        }
    }
    Ok(())
}

/// A set or object of what the clauses give.
fn collected<'t>(
    builder: &mut Builder<'_, 't>,
    rule: &'t Rule,
    id: FunctionId,
    collection: Collection,
    target: Register,
) -> Lowered {
    let body = builder.nested(|builder| {
        if definitions::collected(builder, rule, id, collection)? {
            return Ok(());
        }
        for clause in &rule.clauses {
            builder.scope(true, clause.span, |builder, _| emitting(builder, clause, collection))?;
        }
        Ok(())
    })?;
    builder.push(StatementKind::Collect { target, collection, body }, rule.span);
    Ok(())
}

pub(super) fn emitting<'t>(builder: &mut Builder<'_, 't>, clause: &'t Clause, collection: Collection) -> Lowered {
    head(builder, clause)?;
    builder.rule_body(&clause.body.conditions, clause.span, &mut |builder| {
        let key = clause.key.as_ref().map(|key| builder.value(key)).transpose()?;
        let span = clause.key.as_ref().map_or(clause.span, |key| key.span);
        let (key, value) = match (collection, key) {
            (Collection::Set, Some(element)) => (None, element),
            (_, key) => (key, builder.value(&clause.value)?),
        };
        builder.push(StatementKind::Emit { key, value }, span);
        Ok(())
    })
}

/// Whether a clause can yield one value only, so that further ways to it need not be looked for.
pub(super) fn stops_early(clause: &Clause) -> bool {
    constant(clause).is_some()
}

/// Whether all definitions yield one and the same constant.
fn all_yield_the_same(clauses: &[Clause]) -> bool {
    let mut values = clauses
        .iter()
        .flat_map(|clause| std::iter::successors(Some(clause), |clause| clause.else_clause.as_deref()).map(constant));
    let Some(Some(first)) = values.next() else { return false };
    values.all(|value| value == Some(first))
}

fn constant(clause: &Clause) -> Option<&Value> {
    if let ExprKind::Constant(value) = &clause.value.kind { Some(value) } else { None }
}
