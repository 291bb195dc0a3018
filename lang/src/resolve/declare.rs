//! Packages, imports and `input:`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Import, Index, Node, Package, Target, spelling};
use crate::ast::{ItemKind, Module, Path, TypeExprKind};
use crate::diagnostic::Diagnostic;
use crate::load::{QUERY_PACKAGE, QUERY_PATH};
use crate::source::Profile;
use crate::types::Type;

pub(super) fn names(path: &Path) -> Vec<Arc<str>> {
    path.parts.iter().map(|part| part.text.clone()).collect()
}

/// Collects the packages and puts them into the tree.
pub(super) fn packages(index: &mut Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut by_path: BTreeMap<Vec<Arc<str>>, usize> = BTreeMap::new();
    for module in index.modules {
        by_path.entry(package_parts(index, module)).or_insert(0);
    }
    for (number, (parts, slot)) in by_path.iter_mut().enumerate() {
        *slot = number;
        index.packages.push(Package {
            path: parts.join(".").into(),
            parts: parts.clone(),
            span: index.modules[0].package.span,
            input: None,
            kind: None,
            input_type: Type::Any,
            has_tests: parts.last().is_some_and(|last| last.ends_with("_test")),
        });
        index.tree.at_mut(parts).package = Some(number);
    }
    let mut seen = vec![false; index.packages.len()];
    for (number, module) in index.modules.iter().enumerate() {
        let package = by_path[&package_parts(index, module)];
        index.package_of.push(package);
        let entry = &mut index.packages[package];
        if !std::mem::replace(&mut seen[package], true) {
            entry.span = module.package.span;
        }
        for item in &module.items {
            match &item.kind {
                ItemKind::Test(_) | ItemKind::Property(_) => entry.has_tests = true,
                ItemKind::Input(ty) => match entry.input {
                    None => entry.input = Some((number, ty)),
                    Some((_, first)) if same_name(&first.kind, &ty.kind) => {}
                    Some((_, first)) => diagnostics.push(
                        Diagnostic::error("conflicting-input", ty.span, format!("package `{}` declares `input` twice", entry.path))
                            .with_related(first.span, "the first declaration")
                            .with_help("a package decides one kind of request; put rules for another kind into a package of their own"),
                    ),
                },
                _ => {}
            }
        }
    }
}

fn package_parts(index: &Index<'_>, module: &Module) -> Vec<Arc<str>> {
    if *index.sources.file(module.file).path == *QUERY_PATH {
        return vec![QUERY_PACKAGE.into()];
    }
    names(&module.package)
}

fn same_name(left: &TypeExprKind, right: &TypeExprKind) -> bool {
    match (left, right) {
        (TypeExprKind::Named(left), TypeExprKind::Named(right)) => names(left) == names(right),
        _ => false,
    }
}

/// Collects the imports of each module. Whether they lead anywhere is asked once all rules are known.
pub(super) fn imports(index: &mut Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for module in index.modules {
        let mut imports: BTreeMap<Arc<str>, Import> = BTreeMap::new();
        for item in &module.items {
            let ItemKind::Import(import) = &item.kind else { continue };
            let mut parts = names(&import.path);
            let root = parts.remove(0);
            let input = match &*root {
                "input" => true,
                "data" => false,
                // Markers of the language's version; they change nothing here.
                "rego" | "future" => continue,
                // The parser has refused it.
                _ => continue,
            };
            let name = import.alias.as_ref().or(import.path.parts.last());
            let Some(name) = name else { continue };
            if matches!(&*name.text, "input" | "data") {
                diagnostics.push(
                    Diagnostic::error(
                        "bad-import",
                        item.span,
                        format!("importing all of `{}` says nothing", name.text),
                    )
                    .with_help(format!("`{}` can be used without an import", name.text)),
                );
                continue;
            }
            if let Some(first) = imports.get(&name.text) {
                if first.parts == parts && first.input == input && module.profile == Profile::Rego {
                    continue;
                }
                diagnostics.push(
                    Diagnostic::error("duplicate-import", item.span, format!("`{}` is imported twice", name.text))
                        .with_related(first.span, "the first import")
                        .with_help("give one of them another name with `as`"),
                );
                continue;
            }
            imports.insert(name.text.clone(), Import { input, parts, span: item.span });
        }
        index.imports.push(imports);
    }
}

/// Reports imports of typed files that lead nowhere.
pub(super) fn check_imports(index: &Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (number, imports) in index.imports.iter().enumerate() {
        if index.modules[number].profile == Profile::Rego {
            continue;
        }
        for import in imports.values().filter(|import| !import.input) {
            let (Target::Missing(known, part), _) = index.resolve_data(&import.parts) else { continue };
            let candidates = children(index, &known);
            let mut diagnostic = Diagnostic::error(
                "unknown-import",
                import.span,
                format!("there is no rule, package or document `data.{}`", import.parts.join(".")),
            );
            // Loaded from too deep a folder, everything is there without the first parts of its path.
            let shorter = (1..import.parts.len())
                .map(|start| &import.parts[start..])
                .find(|rest| !matches!(index.resolve_data(rest), (Target::Missing(..), _)));
            diagnostic = match (spelling::nearest(&part, candidates.iter().map(|name| &**name)), shorter) {
                (Some(near), _) => diagnostic.with_help(format!("did you mean `{near}` instead of `{part}`?")),
                (None, Some(rest)) => diagnostic.with_help(format!(
                    "`data.{}` is there: import that, or load the policy from a folder further up",
                    rest.join(".")
                )),
                (None, None) => {
                    diagnostic.with_help("a document `a/b.json` is imported as `data.a.b`, a package by its own path")
                }
            };
            diagnostics.push(diagnostic);
        }
    }
}

/// Names of what stands below a path in `data`.
pub(crate) fn children(index: &Index<'_>, path: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = index.tree.at(path).map(Node::names).unwrap_or_default();
    if let Some(crate::value::Value::Object(entries)) = index.documents.value_at(path) {
        names.extend(entries.keys().filter_map(|key| Some(Arc::from(key.as_str()?))));
    }
    names
}

impl Node {
    fn names(&self) -> Vec<Arc<str>> {
        self.children.keys().cloned().collect()
    }
}

/// Finds the type of each package's `input:`.
pub(super) fn inputs(index: &mut Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for number in 0..index.packages.len() {
        let Some((module, ty)) = index.packages[number].input else { continue };
        let TypeExprKind::Named(path) = &ty.kind else {
            diagnostics.push(
                Diagnostic::error("unnamed-input", ty.span, "`input:` takes the name of a kind of request")
                    .with_help("declare `type Order = {…}` and write `input: Order`"),
            );
            continue;
        };
        let name: Arc<str> = names(path).join(".").into();
        let Some(found) = super::types::find(index, module, path) else {
            let known = index.environment.targets.keys().chain(index.types[number].keys());
            let near = spelling::nearest(&name, known.map(|name| &**name));
            let list: Vec<&str> = index.environment.targets.keys().map(|name| &**name).collect();
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if list.is_empty() => "declare it with `type` or `import schema`".to_owned(),
                None => format!("there are: {}; or declare one with `type`", list.join(", ")),
            };
            let mut diagnostic =
                Diagnostic::error("unknown-input-kind", ty.span, format!("there is no kind of request `{name}`"))
                    .with_help(help);
            if let Some(near) = near {
                diagnostic = diagnostic.with_fix(ty.span, near);
            }
            diagnostics.push(diagnostic);
            continue;
        };
        let package = &mut index.packages[number];
        package.kind = Some(name);
        package.input_type = found;
    }
}
