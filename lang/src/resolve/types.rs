//! Types as written: names found, recursion and size refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Index, spelling};
use crate::ast::{ItemKind, Path, SchemaImport, TypeDeclaration, TypeExpr, TypeExprKind};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::types::{Field, Record, Type, import_schema_file, named};

/// How many parts a declared type may have once all names in it are followed.
const WEIGHT_MAX: usize = 20_000;
/// How many names may lead to each other.
const CHAIN_MAX: usize = 100;
const SIMPLE: &[&str] = &[
    "any", "null", "bool", "int", "decimal", "string", "time", "duration", "ip", "cidr", "regex", "glob", "array",
    "set", "map",
];

#[derive(Clone, Copy)]
enum Declared<'a> {
    Type(usize, &'a TypeDeclaration),
    Schema(usize, &'a SchemaImport),
}

impl Declared<'_> {
    fn span(&self) -> Span {
        match self {
            Declared::Type(_, declaration) => declaration.name.span,
            Declared::Schema(_, import) => import.name.span,
        }
    }
}

/// Collects the declared types of all packages.
pub(super) fn declare(index: &mut Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut declared: Vec<BTreeMap<Arc<str>, Declared<'_>>> = vec![BTreeMap::new(); index.packages.len()];
    for (number, module) in index.modules.iter().enumerate() {
        for item in &module.items {
            let (name, what) = match &item.kind {
                ItemKind::Type(declaration) => (&declaration.name, Declared::Type(number, declaration)),
                ItemKind::ImportSchema(import) => (&import.name, Declared::Schema(number, import)),
                _ => continue,
            };
            if SIMPLE.contains(&&*name.text) || index.environment.targets.contains_key(&name.text) {
                diagnostics.push(
                    Diagnostic::error("shadowed-type", name.span, format!("`{}` is a type of the language", name.text))
                        .with_help("choose another name"),
                );
                continue;
            }
            if let Some(first) = declared[index.package_of[number]].get(&name.text) {
                diagnostics.push(
                    Diagnostic::error(
                        "duplicate-type",
                        name.span,
                        format!("type `{}` is declared twice in this package", name.text),
                    )
                    .with_related(first.span(), "the first declaration")
                    .with_help("remove one of them or give it another name"),
                );
                continue;
            }
            declared[index.package_of[number]].insert(name.text.clone(), what);
        }
    }
    let mut resolver = Resolver { index, declared: &declared, done: BTreeMap::new(), open: Vec::new(), diagnostics };
    for (package, names) in declared.iter().enumerate() {
        for name in names.keys() {
            resolver.declared(package, name, None);
        }
    }
    let mut types = vec![BTreeMap::new(); declared.len()];
    for ((package, name), ty) in std::mem::take(&mut resolver.done) {
        types[package].insert(name, ty);
    }
    index.types = types;
}

/// The type with a name, after all types are declared.
pub(super) fn find(index: &Index<'_>, module: usize, path: &Path) -> Option<Type> {
    let name: Arc<str> = super::declare::names(path).join(".").into();
    let package = index.package_of[module];
    if let Some(ty) = index.types[package].get(&name) {
        index.used.borrow_mut().types.insert((package, name));
        return Some(ty.clone());
    }
    if let Some(target) = index.environment.targets.get(&name) {
        return Some(target.input.clone());
    }
    let (package, name) = imported(index, module, path)?;
    index.used.borrow_mut().types.insert((package, name.clone()));
    index.types[package].get(&name).cloned()
}

/// A type of another package: `alias.Name` or `data.a.b.Name`.
fn imported(index: &Index<'_>, module: usize, path: &Path) -> Option<(usize, Arc<str>)> {
    let mut parts = super::declare::names(path);
    let name = parts.pop()?;
    let first = parts.first()?.clone();
    let parts = match index.imports[module].get(&first) {
        Some(import) if !import.input => {
            index.used.borrow_mut().imports.insert((module, first));
            import.parts.iter().cloned().chain(parts.into_iter().skip(1)).collect()
        }
        _ if &*first == "data" => parts.split_off(1),
        _ => return None,
    };
    Some((index.package(&parts)?, name))
}

/// Reads a type that stands somewhere in a rule.
pub(crate) fn read(index: &Index<'_>, module: usize, expr: &TypeExpr, diagnostics: &mut Vec<Diagnostic>) -> Type {
    let declared = vec![BTreeMap::new(); index.packages.len()];
    let mut resolver = Resolver { index, declared: &declared, done: BTreeMap::new(), open: Vec::new(), diagnostics };
    resolver.expr(module, expr)
}

struct Resolver<'r, 'a> {
    index: &'r Index<'a>,
    declared: &'r [BTreeMap<Arc<str>, Declared<'a>>],
    done: BTreeMap<(usize, Arc<str>), Type>,
    open: Vec<(usize, Arc<str>)>,
    diagnostics: &'r mut Vec<Diagnostic>,
}

impl Resolver<'_, '_> {
    fn declared(&mut self, package: usize, name: &Arc<str>, used_at: Option<Span>) -> Option<Type> {
        let key = (package, name.clone());
        if used_at.is_some() {
            self.index.used.borrow_mut().types.insert(key.clone());
        }
        if let Some(ty) = self.done.get(&key) {
            return Some(ty.clone());
        }
        let declared = *self.declared[package].get(name)?;
        if self.open.contains(&key) || self.open.len() >= CHAIN_MAX {
            let cycle: Vec<&str> = self.open.iter().skip_while(|open| **open != key).map(|(_, name)| &**name).collect();
            let message = if cycle.is_empty() {
                format!("more than {CHAIN_MAX} types lead to each other")
            } else {
                format!("type `{name}` contains itself: {} → {name}", cycle.join(" → "))
            };
            self.diagnostics.push(
                Diagnostic::error("recursive-type", declared.span(), message)
                    .with_help("use `any` at one place and check the value there"),
            );
            self.done.insert(key, Type::Any);
            return Some(Type::Any);
        }
        self.open.push(key.clone());
        let ty = match declared {
            Declared::Type(module, declaration) => self.expr(module, &declaration.value),
            Declared::Schema(module, import) => self.schema(module, import),
        };
        self.open.pop();
        let ty = match ty {
            Type::Record(record) if record.name.is_none() => {
                Type::Record(Arc::new(Record { name: Some(name.clone()), ..(*record).clone() }))
            }
            other => other,
        };
        // A cycle has given the type already.
        let ty = self.done.entry(key).or_insert(ty);
        Some(ty.clone())
    }

    fn schema(&mut self, module: usize, import: &SchemaImport) -> Type {
        let mut error = |message: String, help: &str| {
            self.diagnostics.push(Diagnostic::error("invalid-schema", import.file_span, message).with_help(help));
            Type::Any
        };
        let from = &self.index.sources.file(self.index.modules[module].file).path;
        let Some(path) = crate::documents::relative(from, &import.file) else {
            return error(
                format!("`{}` leads out of the policy folder", import.file),
                "put the schema beside the policy",
            );
        };
        if !self.index.documents.files.contains_key(&path) {
            self.diagnostics.push(
                Diagnostic::error("unknown-schema", import.file_span, format!("there is no schema file `{path}`"))
                    .with_help("the path is relative to this file"),
            );
            return Type::Any;
        }
        match import_schema_file(&path, &self.index.documents.files) {
            Ok(ty) => ty,
            Err(errors) => {
                for found in errors {
                    error(format!("in `{path}` {found}"), "say it with the keywords that hpol knows, or remove it");
                }
                Type::Any
            }
        }
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: &str) -> Type {
        self.diagnostics.push(Diagnostic::error(code, span, message).with_help(help));
        Type::Any
    }

    fn expr(&mut self, module: usize, expr: &TypeExpr) -> Type {
        let ty = match &expr.kind {
            TypeExprKind::Named(path) => return self.named(module, path),
            TypeExprKind::Generic(name, arguments) => {
                let arguments: Vec<Type> = arguments.iter().map(|argument| self.expr(module, argument)).collect();
                match (&*name.text, arguments.as_slice()) {
                    ("map", [key, _]) if !key.is_subtype_of(&Type::String) => {
                        return self.error(
                            "bad-map-key",
                            expr.span,
                            format!("the keys of a map are strings, not `{key}`"),
                            "write `map[string, …]`",
                        );
                    }
                    _ => {}
                }
                let Some(ty) = named(&name.text, Some(&arguments)) else {
                    let help = "the types with brackets are `array[T]`, `set[T]` and `map[string, T]`";
                    return self.error(
                        "unknown-type",
                        expr.span,
                        format!("there is no type `{}[…]` of {} parts", name.text, arguments.len()),
                        help,
                    );
                };
                ty
            }
            TypeExprKind::Tuple(items) => Type::Tuple(items.iter().map(|item| self.expr(module, item)).collect()),
            TypeExprKind::Record { fields, open } => self.record(module, fields, *open),
            TypeExprKind::Literal(value) => Type::of_value(value),
            TypeExprKind::Union(members) => {
                let members: Vec<Type> = members.iter().map(|member| self.expr(module, member)).collect();
                if members.iter().map(|member| member.weight(WEIGHT_MAX)).sum::<usize>() > WEIGHT_MAX
                    || members.len() > 2_000
                {
                    return self.too_large(expr.span);
                }
                Type::union(members)
            }
            TypeExprKind::Optional(_) => {
                let help =
                    "only a field can be absent: write `name?: T`; for a value that may be null write `T | null`";
                return self.error("optional-outside-field", expr.span, "`?` stands only at the type of a field", help);
            }
        };
        if ty.weight(WEIGHT_MAX) > WEIGHT_MAX { self.too_large(expr.span) } else { ty }
    }

    fn too_large(&mut self, span: Span) -> Type {
        let message = format!("the type has more than {WEIGHT_MAX} parts once all names are followed");
        self.error("type-too-large", span, message, "use `any` or a map for a part of it")
    }

    fn record(&mut self, module: usize, fields: &[crate::ast::FieldExpr], open: bool) -> Type {
        let mut all: BTreeMap<Arc<str>, Field> = BTreeMap::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for field in fields {
            let (ty, optional) = match &field.ty.kind {
                TypeExprKind::Optional(inner) => (self.expr(module, inner), true),
                _ => (self.expr(module, &field.ty), field.optional),
            };
            if !seen.insert(&field.name.text) {
                self.error(
                    "duplicate-field",
                    field.name.span,
                    format!("the field `{}` stands twice", field.name.text),
                    "remove one of them",
                );
                continue;
            }
            all.insert(field.name.text.clone(), Field { ty, optional });
        }
        Type::record(all, open)
    }

    fn named(&mut self, module: usize, path: &Path) -> Type {
        let name: Arc<str> = super::declare::names(path).join(".").into();
        let package = self.index.package_of[module];
        if let Some(ty) = self.declared(package, &name, Some(path.span)) {
            return ty;
        }
        if !self.index.types.is_empty()
            && let Some(ty) = find(self.index, module, path)
        {
            return ty;
        }
        if let Some(target) = self.index.environment.targets.get(&name) {
            return target.input.clone();
        }
        if let Some((other, name)) = imported(self.index, module, path)
            && let Some(ty) = self.declared(other, &name, Some(path.span))
        {
            return ty;
        }
        if let Some(ty) = named(&name, None).filter(|ty| !matches!(ty, Type::Variable(_))) {
            return ty;
        }
        let own = self.declared[package]
            .keys()
            .chain(self.index.types.get(package).into_iter().flat_map(|types| types.keys()));
        let known = SIMPLE
            .iter()
            .copied()
            .chain(own.map(|name| &**name))
            .chain(self.index.environment.targets.keys().map(|name| &**name));
        let near = spelling::nearest(&name, known).map(str::to_owned);
        let mut diagnostic = Diagnostic::error("unknown-type", path.span, format!("there is no type `{name}`"));
        diagnostic = match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(path.span, near),
            None => diagnostic.with_help("declare it with `type`, or import a schema"),
        };
        self.diagnostics.push(diagnostic);
        Type::Any
    }
}
