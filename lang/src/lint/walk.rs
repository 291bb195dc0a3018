//! Walking declarations: every body and every expression in them, however deep.

use std::sync::Arc;

use crate::ast::{Condition, DecisionClause, Expr, ExprKind, Item, ItemKind, Module, Path, Reference, RuleHead, Step};
use crate::resolve::visit::{Part, condition_parts, parts};

/// What is met on the way.
pub(crate) enum Seen<'a> {
    /// Conditions that stand together.
    Body(&'a [Condition]),
    /// An expression, or a part of one.
    Expr(&'a Expr),
}

/// Shows everything in a declaration.
pub(crate) fn item<'a>(item: &'a Item, visit: &mut dyn FnMut(Seen<'a>)) {
    match &item.kind {
        ItemKind::Rule(rule) => {
            head_parts(&rule.head, &mut |head| expr(head, visit));
            rule.body.iter().for_each(|found| body(&found.conditions, visit));
            for clause in &rule.else_clauses {
                clause.value.iter().for_each(|value| expr(value, visit));
                clause.body.iter().for_each(|found| body(&found.conditions, visit));
            }
        }
        ItemKind::Default(default) => expr(&default.value, visit),
        ItemKind::Decision(rule) => {
            for clause in &rule.clauses {
                match clause {
                    DecisionClause::Because(value)
                    | DecisionClause::By(value)
                    | DecisionClause::Quorum(value)
                    | DecisionClause::Within(value)
                    | DecisionClause::Using(value)
                    | DecisionClause::Unless(value) => expr(value, visit),
                    DecisionClause::Selector(_) => {}
                }
            }
            rule.body.iter().for_each(|found| body(&found.conditions, visit));
        }
        ItemKind::EmitLabel(emit) => {
            expr(&emit.label, visit);
            emit.body.iter().for_each(|found| body(&found.conditions, visit));
        }
        ItemKind::Test(test) => {
            test.cases.iter().for_each(|(_, cases)| expr(cases, visit));
            body(&test.body.conditions, visit);
        }
        ItemKind::Property(property) => {
            property.assumptions.iter().for_each(|found| body(&found.conditions, visit));
            condition(&property.expectation, visit);
        }
        ItemKind::Counter(counter) => {
            expr(&counter.amount, visit);
            counter.body.iter().for_each(|found| body(&found.conditions, visit));
            counter.per.iter().for_each(|per| expr(per, visit));
        }
        ItemKind::Edition(_)
        | ItemKind::Input(_)
        | ItemKind::Import(_)
        | ItemKind::ImportSchema(_)
        | ItemKind::Type(_) => {}
    }
}

/// Shows every body of a module.
pub(crate) fn bodies<'a>(module: &'a Module, visit: &mut dyn FnMut(&'a [Condition])) {
    for found in &module.items {
        item(found, &mut |seen| {
            if let Seen::Body(conditions) = seen {
                visit(conditions);
            }
        });
    }
}

/// Shows every expression of a module.
pub(crate) fn exprs<'a>(module: &'a Module, visit: &mut dyn FnMut(&'a Expr)) {
    module.items.iter().for_each(|found| item_exprs(found, visit));
}

/// Shows every expression of a declaration.
pub(crate) fn item_exprs<'a>(found: &'a Item, visit: &mut dyn FnMut(&'a Expr)) {
    item(found, &mut |seen| {
        if let Seen::Expr(expr) = seen {
            visit(expr);
        }
    });
}

/// The expressions of a head: keys, parameters, element and value.
pub(crate) fn head_parts<'a>(head: &'a RuleHead, visit: &mut dyn FnMut(&'a Expr)) {
    for step in &head.reference.steps {
        if let Step::Index(index) = step {
            visit(index);
        }
    }
    head.parameters.iter().flatten().for_each(&mut *visit);
    head.contains.iter().for_each(|element| visit(element));
    head.value.iter().for_each(|value| visit(value));
}

fn body<'a>(conditions: &'a [Condition], visit: &mut dyn FnMut(Seen<'a>)) {
    visit(Seen::Body(conditions));
    conditions.iter().for_each(|found| condition(found, visit));
}

fn condition<'a>(found: &'a Condition, visit: &mut dyn FnMut(Seen<'a>)) {
    condition_parts(found, &mut |found| part(found, visit));
}

fn expr<'a>(found: &'a Expr, visit: &mut dyn FnMut(Seen<'a>)) {
    visit(Seen::Expr(found));
    parts(found, &mut |found| part(found, visit));
}

fn part<'a>(found: Part<'a>, visit: &mut dyn FnMut(Seen<'a>)) {
    match found {
        Part::Expr(found) | Part::Replacement(found) => expr(found, visit),
        Part::Closure(closure) => {
            closure.heads.iter().for_each(|head| expr(head, visit));
            body(closure.conditions, visit);
        }
        Part::Call(_) => {}
    }
}

/// The name that an expression is.
pub(crate) fn name(expr: &Expr) -> Option<&Arc<str>> {
    match &expr.kind {
        ExprKind::Variable(name) => Some(name),
        _ => None,
    }
}

/// The expression without parentheses around it.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Parenthesized(inner) => bare(inner),
        _ => expr,
    }
}

/// A reference that names one place: `input.a["b"]`, without variables in brackets.
pub(crate) fn fixed_reference(expr: &Expr) -> Option<&Reference> {
    let ExprKind::Reference(reference) = &expr.kind else { return None };
    let fixed = |step: &Step| match step {
        Step::Field(_) => true,
        Step::Index(index) => matches!(index.kind, ExprKind::Literal { .. }),
    };
    (name(&reference.head).is_some() && reference.steps.iter().all(fixed)).then_some(&**reference)
}

/// The full name of what is called.
pub(crate) fn called(function: &Path) -> String {
    function.parts.iter().map(|part| &*part.text).collect::<Vec<_>>().join(".")
}

/// Names of an expression's variables at any depth, `_` included.
pub(crate) fn variables<'a>(found: &'a Expr, names: &mut Vec<&'a Arc<str>>) {
    expr(found, &mut |seen| {
        if let Seen::Expr(Expr { kind: ExprKind::Variable(name), .. }) = seen {
            names.push(name);
        }
    });
}

/// Shows an expression and every part of it.
pub(crate) fn expr_parts<'a>(found: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    expr(found, &mut |seen| {
        if let Seen::Expr(expr) = seen {
            visit(expr);
        }
    });
}
