//! Names that hide others, and names that are not meant for others.

use std::sync::Arc;

use crate::ast::{Expr, ExprKind, ItemKind, Module, Path, Step};
use crate::source::Span;

use super::walk::{exprs, name};
use super::{Findings, Lint, Policy};

pub(super) const IMPORT_SHADOWS_BUILTIN: Lint = Lint {
    code: "import-shadows-builtin",
    meaning: "an import has the name of a builtin or of a domain of builtins",
    reason: "the builtin can't be called in this file any more, and readers take the one for the other; import it `as` another name",
    bad: "package p\n\nimport data.http\n\nallow if http.allowed\n",
    check: import_shadows_builtin,
};

pub(super) const IMPORT_SHADOWS_RULE: Lint = Lint {
    code: "import-shadows-rule",
    meaning: "an import has the name of a rule of the package",
    reason: "in this file the name is the import and the rule is out of reach; import it `as` another name",
    bad: "package p\n\nimport data.q.users\n\nusers contains \"ada\"\n",
    check: import_shadows_rule,
};

pub(super) const LEAKED_INTERNAL_REFERENCE: Lint = Lint {
    code: "leaked-internal-reference",
    meaning: "a rule of another package is used whose name starts with `_`",
    reason: "the underscore says that it is meant for its own package and may change; tests may use it",
    bad: "package p\n\nallow if data.q._internal\n",
    check: leaked_internal_reference,
};

pub(super) const RULE_SHADOWS_BUILTIN: Lint = Lint {
    code: "rule-shadows-builtin",
    meaning: "a rule or function has the name of a builtin or of a domain of builtins",
    reason: "the builtin can't be called in the package any more; call the rule something else",
    bad: "package p\n\nstartswith(text, start) if indexof(text, start) == 0\n",
    check: rule_shadows_builtin,
};

pub(super) const VAR_SHADOWS_BUILTIN: Lint = Lint {
    code: "var-shadows-builtin",
    meaning: "a variable has the name of a builtin or of a domain of builtins",
    reason: "readers take the one for the other; call the variable something else",
    bad: "package p\n\nlong if {\n  count := 3\n  input.length > count\n}\n",
    check: var_shadows_builtin,
};

/// What a file imports, by the name it has there.
pub(super) fn imports(module: &Module) -> impl Iterator<Item = (&Arc<str>, &Path)> {
    module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Import(import) => {
            let name = import.alias.as_ref().or_else(|| import.path.parts.last())?;
            Some((&name.text, &import.path))
        }
        _ => None,
    })
}

/// Imports of rules and documents, not of the language's own features.
fn imported(module: &Module) -> impl Iterator<Item = (&Arc<str>, &Path)> {
    imports(module).filter(|(_, path)| path.parts.first().is_some_and(|first| matches!(&*first.text, "data" | "input")))
}

fn import_shadows_builtin(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        for (name, path) in imported(module) {
            if policy.is_builtin(name) {
                let message = format!("`{name}` is the name of builtins too");
                findings.add(path.span, message, format!("write `import {path} as …` with another name"));
            }
        }
    }
}

fn import_shadows_rule(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        let package = module.package.to_string();
        for (name, path) in imported(module) {
            if let Some((_, rule)) = policy.definitions(&package, name).first() {
                let message = format!("`{name}` is a rule of this package too");
                let help = format!("write `import {path} as …` with another name");
                let finding = crate::diagnostic::Diagnostic::warning(findings.code, path.span, message);
                findings.push(finding.with_related(rule.head.span, "the rule").with_help(help));
            }
        }
    }
}

fn rule_shadows_builtin(policy: &Policy<'_>, findings: &mut Findings) {
    for (_, item) in policy.items() {
        let ItemKind::Rule(rule) = &item.kind else { continue };
        if let Some(name) = name(&rule.head.reference.head)
            && policy.is_builtin(name)
        {
            let message = format!("`{name}` is the name of builtins too");
            findings.add(rule.head.reference.head.span, message, "call it something else");
        }
    }
}

fn var_shadows_builtin(policy: &Policy<'_>, findings: &mut Findings) {
    for (_, item) in policy.items() {
        for (name, span) in super::loops::declared_names(item) {
            if policy.is_builtin(&name) {
                findings.add(span, format!("`{name}` is the name of builtins too"), "call it something else");
            }
        }
    }
}

fn leaked_internal_reference(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        if is_test(module, policy) {
            continue;
        }
        let own: Vec<&str> = module.package.parts.iter().map(|part| &*part.text).collect();
        let mut look = |path: &[&str], span: Span| {
            let Some(["data", path @ ..]) = Some(path) else { return };
            let inside = path.starts_with(&own);
            if let Some(internal) = path.iter().find(|part| part.starts_with('_')).filter(|_| !inside) {
                let message = format!("`{internal}` is meant for its own package");
                findings.add(span, message, "use what the package offers, or take the underscore away");
            }
        };
        for (_, path) in imports(module) {
            let parts: Vec<&str> = path.parts.iter().map(|part| &*part.text).collect();
            look(&parts, path.span);
        }
        exprs(module, &mut |expr| {
            if let Some(path) = fields(module, expr) {
                look(&path, expr.span);
            }
        });
    }
}

/// The names of a reference or call up to the first that is not fixed, with the import it starts from written out.
fn fields<'a>(module: &'a Module, expr: &'a Expr) -> Option<Vec<&'a str>> {
    let (head, rest): (&str, Vec<&str>) = match &expr.kind {
        ExprKind::Reference(reference) => {
            let steps = reference.steps.iter().map_while(|step| match step {
                Step::Field(name) => Some(&*name.text),
                Step::Index(_) => None,
            });
            (name(&reference.head)?, steps.collect())
        }
        ExprKind::Call { function, .. } => {
            let (first, rest) = function.parts.split_first()?;
            (&first.text, rest.iter().map(|part| &*part.text).collect())
        }
        _ => return None,
    };
    let imported = imports(module).find(|(known, _)| ***known == *head);
    let mut path: Vec<&str> = match imported {
        // What the import itself leads to was looked at there.
        Some((_, path)) if path.parts.iter().any(|part| part.text.starts_with('_')) => return None,
        Some((_, path)) => path.parts.iter().map(|part| &*part.text).collect(),
        None => vec![head],
    };
    path.extend(rest);
    Some(path)
}

/// Whether a file holds tests.
fn is_test(module: &Module, policy: &Policy<'_>) -> bool {
    let file = &policy.sources.file(module.file).path;
    let named = file.rsplit_once('.').is_some_and(|(stem, _)| stem.ends_with("_test"));
    let package = module.package.parts.last().is_some_and(|last| last.text.ends_with("_test"));
    named || package
}
