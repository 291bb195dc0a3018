//! Conditions that say nothing, or the opposite of what they seem to.

use crate::ast::{BinaryOperator, Condition, ConditionKind, Expr, ExprKind, Module, NotOperand, Reference, Step};
use crate::resolve::visit::{Part, parts};
use crate::value::Value;

use super::walk::{bare, bodies, fixed_reference, name};
use super::{Findings, Lint, Policy};

pub(super) const CONSTANT_CONDITION: Lint = Lint {
    code: "constant-condition",
    meaning: "a condition whose outcome is known from the text",
    reason: "it holds always or never, whatever the input; remove it, or compare with what it was meant to be compared with",
    bad: "package p\n\nallow if {\n  1 == 1\n  input.admin\n}\n",
    check: constant_condition,
};

pub(super) const IF_OBJECT_LITERAL: Lint = Lint {
    code: "if-object-literal",
    meaning: "an object, array or set stands as a condition",
    reason: "it holds always, because a collection is never false; conditions in braces are separated by lines or `;`, not by commas",
    bad: "package p\n\nallow if {\"admin\": input.admin}\n",
    check: if_object_literal,
};

pub(super) const IMPOSSIBLE_NOT: Lint = Lint {
    code: "impossible-not",
    meaning: "`not` stands in front of a rule that is a set or an object",
    reason: "such a rule always has a value, if only an empty one, so the condition never holds; ask for an element, or compare with `set()`",
    bad: "package p\n\nproblems contains \"old\" if input.age > 9\n\nfine if not problems\n",
    check: impossible_not,
};

pub(super) const REDUNDANT_EXISTENCE_CHECK: Lint = Lint {
    code: "redundant-existence-check",
    meaning: "a condition asks whether a value is there that the next condition uses anyway",
    reason: "the next condition does not hold without it; remove the first",
    bad: "package p\n\nallow if {\n  input.user.email\n  endswith(input.user.email, \"@example.com\")\n}\n",
    check: redundant_existence_check,
};

fn constant_condition(policy: &Policy<'_>, findings: &mut Findings) {
    each_condition(policy, &mut |_, condition, _| {
        let ConditionKind::Expr(expr) = &condition.kind else { return };
        let outcome = match &bare(expr).kind {
            ExprKind::Literal { value, .. } => Some(*value != Value::Bool(false)),
            ExprKind::Binary(operator, left, right) => compared(*operator, bare(left), bare(right)),
            _ => None,
        };
        let Some(outcome) = outcome else { return };
        let (always, help) = if outcome { ("always", "remove it") } else { ("never", "remove the rule, or mend it") };
        findings.add(condition.span, format!("this condition {always} holds"), help);
    });
}

/// The outcome of a comparison of two literals, or of a value with itself.
fn compared(operator: BinaryOperator, left: &Expr, right: &Expr) -> Option<bool> {
    let (ExprKind::Literal { value: left, .. }, ExprKind::Literal { value: right, .. }) = (&left.kind, &right.kind)
    else {
        return None;
    };
    Some(match operator {
        BinaryOperator::Equal | BinaryOperator::Unify => left == right,
        BinaryOperator::NotEqual => left != right,
        BinaryOperator::Less => left < right,
        BinaryOperator::LessEqual => left <= right,
        BinaryOperator::Greater => left > right,
        BinaryOperator::GreaterEqual => left >= right,
        _ => return None,
    })
}

fn if_object_literal(policy: &Policy<'_>, findings: &mut Findings) {
    each_condition(policy, &mut |_, condition, _| {
        let ConditionKind::Expr(expr) = &condition.kind else { return };
        let what = match &bare(expr).kind {
            ExprKind::Object(_) => "an object",
            ExprKind::Array(_) => "an array",
            ExprKind::Set(_) => "a set",
            _ => return,
        };
        let help = "write the conditions themselves, each on a line of its own";
        findings.add(condition.span, format!("{what} stands as a condition, which always holds"), help);
    });
}

fn impossible_not(policy: &Policy<'_>, findings: &mut Findings) {
    each_condition(policy, &mut |module, condition, _| {
        let ConditionKind::Not(NotOperand::Condition(negated)) = &condition.kind else { return };
        let ConditionKind::Expr(expr) = &negated.kind else { return };
        if negated.with.is_empty()
            && condition.with.is_empty()
            && let Some(rule) = named_rule(module, bare(expr))
            && is_collection(policy, &rule.0, &rule.1)
        {
            let message = format!("`{}` always has a value, so that this never holds", rule.1);
            findings.add(
                condition.span,
                message,
                format!("write `count({}) == 0`, or ask for one element", policy.text(expr.span)),
            );
        }
    });
}

/// The package and the name of a rule that an expression stands for: `name`, `data.package.name`, `imported.name`.
fn named_rule(module: &Module, expr: &Expr) -> Option<(String, String)> {
    if let Some(name) = name(expr) {
        let imported = super::names::imports(module).find(|(known, _)| *known == name);
        return match imported {
            Some((_, path)) => split(&path.parts.iter().map(|part| part.text.to_string()).collect::<Vec<_>>()),
            None => Some((module.package.to_string(), name.to_string())),
        };
    }
    let reference = fixed_reference(expr)?;
    split(&full_path(module, reference)?)
}

fn split(path: &[String]) -> Option<(String, String)> {
    let (name, package) = path.strip_prefix(&["data".to_owned()][..])?.split_last()?;
    Some((package.join("."), name.clone()))
}

/// The path of a reference, with the import that it starts from written out.
fn full_path(module: &Module, reference: &Reference) -> Option<Vec<String>> {
    let head = name(&reference.head)?;
    let imported = super::names::imports(module).find(|(known, _)| *known == head);
    let mut path: Vec<String> = match imported {
        Some((_, path)) => path.parts.iter().map(|part| part.text.to_string()).collect(),
        None => vec![head.to_string()],
    };
    for step in &reference.steps {
        match step {
            Step::Field(name) => path.push(name.text.to_string()),
            Step::Index(index) => match &index.kind {
                ExprKind::Literal { value: Value::String(name), .. } => path.push(name.to_string()),
                _ => return None,
            },
        }
    }
    Some(path)
}

/// Whether every definition of a rule adds elements or keys.
fn is_collection(policy: &Policy<'_>, package: &str, name: &str) -> bool {
    let definitions = policy.definitions(package, name);
    let adds = |rule: &crate::ast::Rule| {
        let head = &rule.head;
        head.reference.steps.is_empty() && head.contains.is_some()
            || matches!(head.reference.steps.as_slice(), [Step::Index(key)] if !matches!(key.kind, ExprKind::Literal { .. }))
    };
    !definitions.is_empty() && definitions.iter().all(|(_, rule)| adds(rule))
}

fn redundant_existence_check(policy: &Policy<'_>, findings: &mut Findings) {
    each_condition(policy, &mut |_, condition, next| {
        let ConditionKind::Expr(expr) = &condition.kind else { return };
        let (Some(next), true) = (next, condition.with.is_empty()) else { return };
        let ConditionKind::Expr(user) = &next.kind else { return };
        let Some(reference) = fixed_reference(expr) else { return };
        // A comparison with itself, or under replacements, asks something else.
        if reference.steps.is_empty() || !next.with.is_empty() || matches!(user.kind, ExprKind::Reference(_)) {
            return;
        }
        let text = policy.text(reference.span);
        if needs(policy, user, &text) {
            findings.add(
                condition.span,
                format!("the next condition needs `{text}` to be there anyway"),
                "remove this condition",
            );
        }
    });
}

/// Whether an expression has no value where a reference has none.
fn needs(policy: &Policy<'_>, expr: &Expr, text: &str) -> bool {
    if let ExprKind::Reference(reference) = &expr.kind {
        let whole = policy.text(reference.span);
        if whole.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])) {
            return true;
        }
    }
    let mut found = false;
    parts(expr, &mut |part| {
        if let Part::Expr(inner) = part {
            found |= needs(policy, inner, text);
        }
    });
    found && !matches!(expr.kind, ExprKind::Template(_) | ExprKind::Binary(BinaryOperator::Or, ..))
}

/// Shows every condition with the file it stands in and the one behind it.
fn each_condition<'a>(policy: &Policy<'a>, visit: &mut dyn FnMut(&'a Module, &'a Condition, Option<&'a Condition>)) {
    for module in policy.modules {
        bodies(module, &mut |conditions| {
            for (index, condition) in conditions.iter().enumerate() {
                visit(module, condition, conditions.get(index + 1));
            }
        });
    }
}
