//! Conditions that ask for the outcome of a decision: `allow`, `count(deny) == 0`, `"text" in deny`.

use crate::ast::{BinaryOperator, Expr, ExprKind, Step};
use crate::source::Span;
use crate::value::Value;

use super::decision::turned;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// `allow` or `deny`.
    pub(super) effect: &'static str,
    /// The package, by import or path, if it is another one.
    pub(super) package: Option<String>,
    /// Whether it must be so, or must not.
    pub(super) holds: bool,
    /// The reason that must be given.
    pub(super) reason: Option<Span>,
}

/// What an expression asks, if it is one of the usual forms.
pub(super) fn asked(expr: &Expr) -> Option<Asked> {
    if let Some((effect, package)) = named(expr) {
        return Some(Asked { effect, package, holds: true, reason: None });
    }
    match &expr.kind {
        ExprKind::Parenthesized(inner) => asked(inner),
        ExprKind::Reference(reference) => {
            // `deny["text"]`
            let (Step::Index(reason), steps) = reference.steps.split_last()? else { return None };
            let is_text = matches!(&reason.kind, ExprKind::Literal { value: Value::String(_), .. });
            let (effect, package) = path(&reference.head, steps)?;
            (is_text && effect == "deny").then_some(Asked { effect, package, holds: true, reason: Some(reason.span) })
        }
        ExprKind::Membership { key: None, value, collection } => {
            let (effect, package) = named(collection).filter(|(effect, _)| *effect == "deny")?;
            Some(Asked { effect, package, holds: true, reason: Some(value.span) })
        }
        ExprKind::Binary(operator, left, right) => {
            compared(*operator, left, right).or_else(|| compared(turned(*operator), right, left))
        }
        _ => None,
    }
}

/// `count(deny) == 0`, `deny == set()`, `deny == {"text"}`, `allow == false`.
fn compared(operator: BinaryOperator, left: &Expr, right: &Expr) -> Option<Asked> {
    use BinaryOperator as Is;

    if let ExprKind::Call { function, arguments } = &left.kind
        && super::called(function) == "count"
    {
        let (effect, package) = named(arguments.first()?)?;
        let ExprKind::Literal { value: Value::Number(number), .. } = &right.kind else { return None };
        let holds = match (operator, number.to_string().as_str()) {
            (Is::Equal, "0") | (Is::Less, "1") | (Is::LessEqual, "0") => false,
            (Is::Greater | Is::NotEqual, "0") | (Is::GreaterEqual, "1") => true,
            _ => return None,
        };
        return Some(Asked { effect, package, holds, reason: None });
    }
    let (effect, package) = named(left)?;
    let is_equal = match operator {
        Is::Equal | Is::Unify => true,
        Is::NotEqual => false,
        _ => return None,
    };
    match &right.kind {
        ExprKind::Literal { value: Value::Bool(value), .. } => {
            Some(Asked { effect, package, holds: *value == is_equal, reason: None })
        }
        ExprKind::Call { function, arguments } if super::called(function) == "set" && arguments.is_empty() => {
            Some(Asked { effect, package, holds: !is_equal, reason: None })
        }
        ExprKind::Set(items) if is_equal && effect == "deny" => match items.as_slice() {
            [reason] => Some(Asked { effect, package, holds: true, reason: Some(reason.span) }),
            _ => None,
        },
        _ => None,
    }
}

/// The decision that an expression names, with its package: `allow`, `guard.allow`, `data.guard.deny`.
fn named(expr: &Expr) -> Option<(&'static str, Option<String>)> {
    match &expr.kind {
        ExprKind::Variable(_) => path(expr, &[]),
        ExprKind::Reference(reference) => path(&reference.head, &reference.steps),
        ExprKind::Parenthesized(inner) => named(inner),
        _ => None,
    }
}

fn path(head: &Expr, steps: &[Step]) -> Option<(&'static str, Option<String>)> {
    let mut names = vec![super::name_of(head)?];
    for step in steps {
        match step {
            Step::Field(name) => names.push(name.text.clone()),
            Step::Index(_) => return None,
        }
    }
    let (last, package) = names.split_last()?;
    let effect = match &**last {
        "allow" => "allow",
        "deny" => "deny",
        _ => return None,
    };
    let package = match package {
        [first, ..] if matches!(&**first, "input") => return None,
        [first, rest @ ..] if &**first == "data" => rest,
        package => package,
    };
    let package = package.iter().map(|name| &**name).collect::<Vec<_>>().join(".");
    Some((effect, (!package.is_empty()).then_some(package)))
}
