//! Kinds of requests: what policies see of each, declared in the language's own syntax.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_lang::ast::{TypeDeclaration, TypeExpr, TypeExprKind};
use hpol_lang::parse::{ParseLimits, parse_type_declarations};
use hpol_lang::source::SourceMap;
use hpol_lang::types::{Field, Record, SelectorKind, Target, Type};

/// A kind of request, its declarations, and what its enforcement can mask.
struct Kind {
    name: &'static str,
    declarations: &'static str,
    selectors: &'static [SelectorKind],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "http.Request",
        declarations: include_str!("targets/http.hpol"),
        selectors: &[SelectorKind::Text, SelectorKind::Field],
    },
    Kind {
        name: "llm.Request",
        declarations: include_str!("targets/llm.hpol"),
        selectors: &[SelectorKind::Text, SelectorKind::Field],
    },
];

/// How deep declared types may refer to each other.
const DEPTH_MAX: usize = 32;

/// Every kind of request by name.
pub(crate) fn targets() -> BTreeMap<Arc<str>, Target> {
    // A test reads every kind, so none is left out here.
    KINDS.iter().filter_map(|kind| Some((kind.name.into(), target(kind).ok()?))).collect()
}

fn target(kind: &Kind) -> Result<Target, String> {
    let mut sources = SourceMap::new();
    let file = sources.add(format!("{}.hpol", kind.name), kind.declarations);
    let (declarations, errors) = parse_type_declarations(&sources, file, &ParseLimits::default());
    if let Some(error) = errors.first() {
        let place = sources.location(error.span);
        return Err(format!("{}:{}: {}", place.file, place.line, error.message));
    }
    let declared = declarations.iter().map(|declaration| (&*declaration.name.text, declaration)).collect();
    let input = Declared(declared).named(kind.name, 0)?;
    Ok(Target { name: kind.name.into(), input, selectors: kind.selectors.to_vec(), approvals: true })
}

/// Declarations by name.
struct Declared<'d>(BTreeMap<&'d str, &'d TypeDeclaration>);

impl Declared<'_> {
    fn named(&self, name: &str, depth: usize) -> Result<Type, String> {
        if depth > DEPTH_MAX {
            return Err(format!("type `{name}` contains itself"));
        }
        let Some(declaration) = self.0.get(name) else {
            return Type::parse(name).map_err(|error| error.to_string());
        };
        match self.resolve(&declaration.value, depth + 1)? {
            Type::Record(record) => {
                Ok(Type::Record(Arc::new(Record { name: Some(name.into()), ..Arc::unwrap_or_clone(record) })))
            }
            other => Ok(other),
        }
    }

    fn resolve(&self, expr: &TypeExpr, depth: usize) -> Result<Type, String> {
        Ok(match &expr.kind {
            TypeExprKind::Named(path) => {
                let parts: Vec<&str> = path.parts.iter().map(|part| &*part.text).collect();
                self.named(&parts.join("."), depth)?
            }
            TypeExprKind::Generic(name, arguments) => {
                let mut arguments = self.all(arguments, depth)?.into_iter();
                match (&*name.text, arguments.next(), arguments.next(), arguments.next()) {
                    ("array", Some(items), None, None) => Type::array(items),
                    ("set", Some(items), None, None) => Type::set(items),
                    ("map", Some(key), Some(value), None) => Type::Map(Arc::new(key), Arc::new(value)),
                    (name, ..) => return Err(format!("`{name}` takes other types")),
                }
            }
            TypeExprKind::Tuple(items) => Type::Tuple(self.all(items, depth)?.into()),
            TypeExprKind::Record { fields, open } => {
                let fields = fields
                    .iter()
                    .map(|field| {
                        let ty = self.resolve(&field.ty, depth)?;
                        Ok((Arc::clone(&field.name.text), Field { ty, optional: field.optional }))
                    })
                    .collect::<Result<BTreeMap<_, _>, String>>()?;
                Type::Record(Arc::new(Record { name: None, fields, open: *open, rest: None }))
            }
            TypeExprKind::Literal(value) => Type::Literal(value.clone()),
            TypeExprKind::Union(members) => Type::union(self.all(members, depth)?),
            TypeExprKind::Optional(_) => return Err("write `name?: T` for a field that may be absent".to_owned()),
        })
    }

    fn all(&self, exprs: &[TypeExpr], depth: usize) -> Result<Vec<Type>, String> {
        exprs.iter().map(|expr| self.resolve(expr, depth)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_request_is_read() {
        for kind in KINDS {
            let target = target(kind).unwrap_or_else(|error| panic!("{}: {error}", kind.name));
            let Type::Record(record) = &target.input else { panic!("{} is no record", kind.name) };
            assert_eq!(record.name.as_deref(), Some(kind.name));
            assert!(record.fields.contains_key("identity"), "{}", kind.name);
        }
    }

    #[test]
    fn types_that_contain_themselves_are_refused() {
        let declarations = "package targets.x\n\ntype x.Request = { next: array[x.Request] }\n";
        let error = target(&Kind { name: "x.Request", declarations, selectors: &[] }).expect_err("endless");
        assert!(error.contains("contains itself"), "{error}");
    }
}
