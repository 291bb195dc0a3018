//! Walking the untyped tree: the parts of an expression or condition, and which names a body declares.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ast::{BinaryOperator, Condition, ConditionKind, Expect, Expr, ExprKind, Name, NotOperand, Path};
use crate::ast::{Step, TemplatePart};

/// A part of an expression or condition.
pub(crate) enum Part<'a> {
    /// An expression of the same body.
    Expr(&'a Expr),
    /// A body of its own: a comprehension, `every`, `not`, a block.
    Closure(Closure<'a>),
    /// A name that is called.
    Call(&'a Path),
    /// The value of a `with`, which may be a function's name.
    Replacement(&'a Expr),
}

/// A body of its own inside another one.
#[derive(Clone)]
pub(crate) struct Closure<'a> {
    /// What the body yields.
    pub(crate) heads: Vec<&'a Expr>,
    /// Names bound for it: those of `every`.
    pub(crate) names: Vec<&'a Name>,
    /// Its conditions.
    pub(crate) conditions: &'a [Condition],
}

impl<'a> Closure<'a> {
    fn new(heads: Vec<&'a Expr>, conditions: &'a [Condition]) -> Self {
        Self { heads, names: Vec::new(), conditions }
    }

    /// The names that the closure declares for itself.
    pub(crate) fn declared(&self) -> BTreeSet<Arc<str>> {
        let mut names: BTreeSet<Arc<str>> = declared(self.conditions).into_iter().map(|(name, _)| name).collect();
        names.extend(self.names.iter().map(|name| name.text.clone()));
        names
    }
}

/// The conditions of what stands behind `not`.
pub(crate) fn not_conditions(operand: &NotOperand) -> &[Condition] {
    match operand {
        NotOperand::Condition(condition) => std::slice::from_ref(&**condition),
        NotOperand::Body(body) => &body.conditions,
    }
}

/// The direct parts of an expression.
pub(crate) fn parts<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Part<'a>)) {
    match &expr.kind {
        ExprKind::Literal { .. } | ExprKind::Duration { .. } | ExprKind::Variable(_) => {}
        ExprKind::Template(parts) => parts.iter().for_each(|part| match part {
            TemplatePart::Text { .. } => {}
            TemplatePart::Expr(expr) => visit(Part::Expr(expr)),
        }),
        ExprKind::Reference(reference) => {
            visit(Part::Expr(&reference.head));
            reference.steps.iter().for_each(|step| match step {
                Step::Field(_) => {}
                Step::Index(index) => visit(Part::Expr(index)),
            });
        }
        ExprKind::Call { function, arguments } => {
            visit(Part::Call(function));
            arguments.iter().for_each(|argument| visit(Part::Expr(argument)));
        }
        ExprKind::Array(items) | ExprKind::Set(items) => items.iter().for_each(|item| visit(Part::Expr(item))),
        ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| {
            visit(Part::Expr(key));
            visit(Part::Expr(value));
        }),
        ExprKind::ArrayComprehension(head, body) | ExprKind::SetComprehension(head, body) => {
            visit(Part::Closure(Closure::new(vec![head], &body.conditions)));
        }
        ExprKind::ObjectComprehension(key, value, body) => {
            visit(Part::Closure(Closure::new(vec![key, value], &body.conditions)));
        }
        ExprKind::Binary(_, left, right) => {
            visit(Part::Expr(left));
            visit(Part::Expr(right));
        }
        ExprKind::Negate(inner) | ExprKind::Parenthesized(inner) | ExprKind::Named(_, inner) => {
            visit(Part::Expr(inner))
        }
        ExprKind::Membership { key, value, collection } => {
            key.iter().for_each(|key| visit(Part::Expr(key)));
            visit(Part::Expr(value));
            visit(Part::Expr(collection));
        }
        ExprKind::Block(body) => visit(Part::Closure(Closure::new(Vec::new(), &body.conditions))),
    }
}

/// The direct parts of a condition.
pub(crate) fn condition_parts<'a>(condition: &'a Condition, visit: &mut dyn FnMut(Part<'a>)) {
    match &condition.kind {
        ConditionKind::Expr(expr) => visit(Part::Expr(expr)),
        ConditionKind::SomeDeclare(_) => {}
        ConditionKind::SomeIn { key, value, collection } => {
            key.iter().for_each(|key| visit(Part::Expr(key)));
            visit(Part::Expr(value));
            visit(Part::Expr(collection));
        }
        ConditionKind::Every { key, value, collection, body } => {
            visit(Part::Expr(collection));
            let names = key.iter().chain([value]).collect();
            visit(Part::Closure(Closure { heads: Vec::new(), names, conditions: &body.conditions }));
        }
        ConditionKind::Not(operand) => {
            visit(Part::Closure(Closure::new(Vec::new(), not_conditions(operand))));
        }
        ConditionKind::Expect(Expect::Holds(expr)) => visit(Part::Expr(expr)),
        ConditionKind::Expect(Expect::Decision(decision)) => {
            let parts = [&decision.id, &decision.because, &decision.masks];
            parts.into_iter().flatten().for_each(|expr| visit(Part::Expr(expr)));
        }
    }
    for with in &condition.with {
        visit(Part::Replacement(&with.value));
    }
}

/// The names that these conditions declare in their own body, with their expression's or name's span.
pub(crate) fn declared(conditions: &[Condition]) -> Vec<(Arc<str>, crate::source::Span)> {
    let mut names = Vec::new();
    for condition in conditions {
        match &condition.kind {
            ConditionKind::SomeDeclare(declared) => {
                names.extend(declared.iter().map(|name| (name.text.clone(), name.span)));
            }
            ConditionKind::SomeIn { key, value, .. } => {
                key.iter().for_each(|key| pattern_names(key, &mut names));
                pattern_names(value, &mut names);
            }
            ConditionKind::Expr(expr) => {
                if let ExprKind::Binary(BinaryOperator::Assign, left, _) = &expr.kind {
                    pattern_names(left, &mut names);
                }
            }
            ConditionKind::Every { .. } | ConditionKind::Not(_) | ConditionKind::Expect(_) => {}
        }
    }
    names
}

/// The names in a pattern: variables, also in arrays and in the values of objects.
pub(crate) fn pattern_names(expr: &Expr, names: &mut Vec<(Arc<str>, crate::source::Span)>) {
    match &expr.kind {
        ExprKind::Variable(name) if &**name != "_" => names.push((name.clone(), expr.span)),
        ExprKind::Array(items) => items.iter().for_each(|item| pattern_names(item, names)),
        ExprKind::Object(entries) => entries.iter().for_each(|(_, value)| pattern_names(value, names)),
        ExprKind::Parenthesized(inner) => pattern_names(inner, names),
        _ => {}
    }
}

/// The names used in a closure, at any depth, that it does not declare itself.
pub(crate) fn free_names(closure: &Closure<'_>, names: &mut BTreeSet<Arc<str>>) {
    let own = closure.declared();
    let mut used = BTreeSet::new();
    let mut visit = |part: Part<'_>| used_names(part, &mut used);
    closure.conditions.iter().for_each(|condition| condition_parts(condition, &mut visit));
    closure.heads.iter().for_each(|head| visit(Part::Expr(head)));
    names.extend(used.into_iter().filter(|name| !own.contains(name)));
}

fn used_names(part: Part<'_>, names: &mut BTreeSet<Arc<str>>) {
    match part {
        Part::Expr(expr) | Part::Replacement(expr) => match &expr.kind {
            ExprKind::Variable(name) => {
                names.insert(name.clone());
            }
            _ => parts(expr, &mut |part| used_names(part, names)),
        },
        Part::Closure(closure) => free_names(&closure, names),
        // A call of a variable is refused elsewhere.
        Part::Call(_) => {}
    }
}
