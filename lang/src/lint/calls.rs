//! Calls of builtins that do not do what they seem to.

use crate::ast::{ConditionKind, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::types::Type;
use crate::value::Value;

use super::walk::{bare, bodies, called, exprs, item_exprs};
use super::{Findings, Lint, Policy};

pub(super) const DEPRECATED_BUILTIN: Lint = Lint {
    code: "deprecated-builtin",
    meaning: "a builtin is called that Rego has given up",
    reason: "it may go away, and there is a better way",
    bad: "package p\n\nallow if re_match(\"^a\", input.name)\n",
    check: deprecated_builtin,
};

pub(super) const SPRINTF_ARGUMENTS_MISMATCH: Lint = Lint {
    code: "sprintf-arguments-mismatch",
    meaning: "`sprintf` has more or fewer values than its format has places",
    reason: "the text then holds `%!…`, or leaves a value out",
    bad: "package p\n\nmessage := sprintf(\"%s may not read %s\", [input.user])\n",
    check: sprintf_arguments_mismatch,
};

pub(super) const TIME_NOW_NS_TWICE: Lint = Lint {
    code: "time-now-ns-twice",
    meaning: "a rule asks for the time more than once",
    reason: "the time stands still during a decision, so that nothing can be measured with it; ask once and keep the value",
    bad: "package p\n\nslow if {\n  start := time.now_ns()\n  time.now_ns() - start > 1000\n}\n",
    check: time_now_ns_twice,
};

pub(super) const UNASSIGNED_RETURN_VALUE: Lint = Lint {
    code: "unassigned-return-value",
    meaning: "the value of a builtin that is no yes or no stands as a condition",
    reason: "the condition holds whatever the value is; compare it, or keep it in a variable",
    bad: "package p\n\nallow if {\n  lower(input.name)\n  input.name == \"ada\"\n}\n",
    check: unassigned_return_value,
};

/// Builtins that Rego has given up, what to do instead, and the name that takes the same arguments if there is one.
const DEPRECATED: &[(&str, &str, Option<&str>)] = &[
    ("all", "use `every`", None),
    ("any", "use `some … in`", None),
    ("cast_array", "test with `is_array`", None),
    ("cast_boolean", "test with `is_boolean`", None),
    ("cast_null", "test with `is_null`", None),
    ("cast_object", "test with `is_object`", None),
    ("cast_set", "test with `is_set`", None),
    ("cast_string", "test with `is_string`", None),
    ("net.cidr_overlap", "use `net.cidr_contains`", Some("net.cidr_contains")),
    ("re_match", "use `regex.match`", Some("regex.match")),
    ("set_diff", "use `-`", None),
];

fn deprecated_builtin(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        let package = module.package.to_string();
        exprs(module, &mut |expr| {
            let ExprKind::Call { function, .. } = &expr.kind else { return };
            let name = called(function);
            let Some((_, instead, other)) = DEPRECATED.iter().find(|(known, ..)| **known == *name) else { return };
            if !policy.definitions(&package, &name).is_empty() {
                return;
            }
            let mut finding = Diagnostic::warning(findings.code, function.span, format!("`{name}` is given up"));
            finding = finding.with_help(*instead);
            if let Some(other) = other {
                finding = finding.with_fix(function.span, *other);
            }
            findings.push(finding);
        });
    }
}

fn sprintf_arguments_mismatch(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        exprs(module, &mut |expr| {
            let ExprKind::Call { function, arguments } = &expr.kind else { return };
            let [format, values] = arguments.as_slice() else { return };
            let (ExprKind::Literal { value: Value::String(format), .. }, ExprKind::Array(values)) =
                (&bare(format).kind, &bare(values).kind)
            else {
                return;
            };
            let Some(places) = places(format).filter(|_| called(function) == "sprintf") else { return };
            if places != values.len() {
                let message = format!("the format has {places} places for values, and there are {}", values.len());
                findings.add(expr.span, message, "write one value for each `%` with a letter; `%%` is a percent sign");
            }
        });
    }
}

/// How many values a format takes one after the other; `None` if it numbers them.
fn places(format: &str) -> Option<usize> {
    let mut places = 0;
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            continue;
        }
        // Flags, width and precision stand between the sign and its verb; `*` takes a value of its own.
        for letter in letters.by_ref() {
            match letter {
                '[' => return None,
                '*' => places += 1,
                '+' | '-' | '#' | ' ' | '.' | '0'..='9' => continue,
                '%' => break,
                _ => {
                    places += 1;
                    break;
                }
            }
        }
    }
    Some(places)
}

fn time_now_ns_twice(policy: &Policy<'_>, findings: &mut Findings) {
    for (_, item) in policy.items() {
        let mut first: Option<&Expr> = None;
        item_exprs(item, &mut |expr| {
            let ExprKind::Call { function, .. } = &expr.kind else { return };
            if called(function) != "time.now_ns" {
                return;
            }
            match first {
                None => first = Some(expr),
                Some(first) => {
                    let message = "the time stands still during a decision: this is the same as before";
                    let finding = Diagnostic::warning(findings.code, expr.span, message);
                    let finding = finding.with_related(first.span, "asked for here");
                    findings.push(finding.with_help("ask once and keep the value in a variable"));
                }
            }
        });
    }
}

fn unassigned_return_value(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        bodies(module, &mut |conditions| {
            for condition in conditions {
                let ConditionKind::Expr(expr) = &condition.kind else { continue };
                let ExprKind::Call { function, arguments } = &bare(expr).kind else { continue };
                let name = called(function);
                let Some(builtin) = policy.environment.builtins.get(name.as_str()) else { continue };
                // With one argument more the call is the old way to write `result = call`.
                let whole = arguments.len() <= builtin.signature.parameters.len();
                let answers = matches!(
                    builtin.signature.result,
                    Type::Bool | Type::Any | Type::Literal(Value::Bool(_)) | Type::Variable(_)
                );
                if whole && !answers && name != "print" {
                    let message = format!("the value of `{name}` is neither true nor false, so that this always holds");
                    findings.add(condition.span, message, "compare it with something, or write `value := …` in front");
                }
            }
        });
    }
}
