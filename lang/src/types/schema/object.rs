//! Objects: `properties`, `patternProperties`, `additionalProperties`, and what depends on which fields are there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Importer, refined};
use crate::types::{Demand, Field, Record, Rest, TextPattern, Type};
use crate::value::Value;

impl<'s> Importer<'s> {
    /// What a schema says about objects.
    pub(super) fn object(&mut self, schema: &'s Value) -> Type {
        let mut fields: BTreeMap<Arc<str>, Field> = BTreeMap::new();
        for (name, property) in self.entries("properties", schema) {
            let ty = self.within("properties", |importer| importer.under(&name, property));
            fields.insert(name, Field { ty, optional: true });
        }
        let mut patterns: Vec<(TextPattern, Type)> = Vec::new();
        for (source, property) in self.entries("patternProperties", schema) {
            let ty = self.within("patternProperties", |importer| importer.under(&source, property));
            match TextPattern::new(&source) {
                Ok(pattern) => patterns.push((pattern, ty)),
                Err(message) => {
                    self.within("patternProperties", |importer| importer.refuse(message));
                }
            }
        }
        // A field with a name of its own is also of the types whose pattern its name matches.
        for (name, field) in &mut fields {
            for (_, ty) in patterns.iter().filter(|(pattern, _)| pattern.is_match(name)) {
                field.ty = self.merge(field.ty.clone(), ty);
            }
        }
        let (open, others, sealed) = match schema.get("additionalProperties") {
            None => (self.by_letter, None, false),
            Some(additional) => match self.under("additionalProperties", additional) {
                Type::Any => (true, None, true),
                Type::Never => (false, None, true),
                ty => (false, Some(ty), true),
            },
        };
        let rest = Rest { patterns, others, sealed };
        let nothing = rest.patterns.is_empty() && rest.others.is_none() && (!rest.sealed || open);
        let rest = (!nothing).then(|| Arc::new(rest));
        let mut record = Record { name: None, fields, open, rest };
        self.required(schema, &mut record);
        match record.rest.as_deref() {
            Some(Rest { patterns, others: Some(ty), .. }) if patterns.is_empty() && record.fields.is_empty() => {
                Type::map(ty.clone())
            }
            _ => Type::Record(Arc::new(record)),
        }
    }

    fn required(&mut self, schema: &'s Value, record: &mut Record) {
        for name in self.names("required", schema) {
            if let Some(field) = record.fields.get_mut(&name) {
                field.optional = false;
                continue;
            }
            let types: Option<Vec<Type>> = record.unnamed(&name).map(|types| types.into_iter().cloned().collect());
            let ty = match types {
                Some(types) => types.iter().fold(Type::Any, |known, ty| self.merge(known, ty)),
                None if record.rest.as_ref().is_some_and(|rest| rest.sealed) => {
                    self.refuse(format!("`{name}` is required, but there is no such property"))
                }
                None => Type::Any,
            };
            record.fields.insert(name, Field { ty, optional: false });
        }
    }

    /// What depends on which fields an object has: the demands of the schema.
    pub(super) fn dependencies(&mut self, schema: &'s Value, demands: &mut Vec<Demand>) {
        for (name, others) in self.entries("dependentRequired", schema) {
            let Value::Array(others) = others else {
                self.refuse("`dependentRequired` holds arrays of names");
                continue;
            };
            let others: Vec<Arc<str>> = others.iter().filter_map(Value::as_str).map(Arc::from).collect();
            demands.push(Demand::Requires(name, others.into()));
        }
        for (name, dependent) in self.entries("dependentSchemas", schema) {
            let ty = self.within("dependentSchemas", |importer| importer.question(&name, dependent));
            let there = Record {
                name: None,
                fields: BTreeMap::from([(name, Field { ty: Type::Any, optional: false })]),
                open: true,
                rest: None,
            };
            demands.push(Demand::Choice(Arc::new(Type::Record(Arc::new(there))), Arc::new(ty), Arc::new(Type::Any)));
        }
    }

    /// The type with those fields that only `then`, `else` and `dependentSchemas` name; their demands say when they are
    /// there and what they are.
    pub(super) fn with_conditional_fields(&mut self, schema: &'s Value, ty: Type) -> Type {
        let dependent = schema.get("dependentSchemas").into_iter().flat_map(|all| match all {
            Value::Object(all) => all.values().collect(),
            _ => Vec::new(),
        });
        let conditional = ["then", "else"].into_iter().filter_map(|keyword| schema.get(keyword)).chain(dependent);
        let mut names: Vec<Arc<str>> = Vec::new();
        for part in conditional {
            if let Some(Value::Object(properties)) = part.get("properties") {
                names.extend(properties.keys().filter_map(Value::as_str).map(Arc::from));
            }
            if let Some(Value::Array(required)) = part.get("required") {
                names.extend(required.iter().filter_map(Value::as_str).map(Arc::from));
            }
        }
        if names.is_empty() || self.by_letter { ty } else { with_fields(&ty, &names) }
    }

    /// `unevaluatedProperties`: what the record that all parts come to says of other fields.
    pub(super) fn unevaluated(&mut self, rest: &'s Value, ty: Type) -> Type {
        if self.by_letter {
            return self
                .refuse("`unevaluatedProperties` in a condition is not supported; write `additionalProperties`");
        }
        match self.under("unevaluatedProperties", rest) {
            // Records are closed anyway.
            Type::Never => ty,
            others => with_others(&ty, &others),
        }
    }

    /// The entries of a keyword that holds an object.
    fn entries(&mut self, keyword: &str, schema: &'s Value) -> Vec<(Arc<str>, &'s Value)> {
        match schema.get(keyword) {
            None => Vec::new(),
            Some(Value::Object(entries)) => {
                entries.iter().map(|(name, value)| (Arc::from(name.as_str().unwrap_or("")), value)).collect()
            }
            Some(_) => {
                self.refuse(format!("`{keyword}` must be an object"));
                Vec::new()
            }
        }
    }

    fn names(&mut self, keyword: &str, schema: &'s Value) -> Vec<Arc<str>> {
        match schema.get(keyword) {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(Arc::from).collect(),
            Some(_) => {
                self.refuse(format!("`{keyword}` must be an array"));
                Vec::new()
            }
        }
    }
}

/// The type with its records changed.
fn with_records(ty: &Type, change: &dyn Fn(&Record) -> Record) -> Type {
    match ty {
        Type::Record(record) => Type::Record(Arc::new(change(record))),
        Type::Union(members) => Type::union(members.iter().map(|member| with_records(member, change))),
        Type::Refined(inner) => refined(with_records(&inner.base, change), inner.demands.clone()),
        other => other.clone(),
    }
}

fn with_fields(ty: &Type, names: &[Arc<str>]) -> Type {
    with_records(ty, &|record| {
        let mut record = record.clone();
        for name in names {
            if record.unnamed(name).is_none() {
                record.fields.entry(name.clone()).or_insert(Field { ty: Type::Any, optional: true });
            }
        }
        record
    })
}

fn with_others(ty: &Type, others: &Type) -> Type {
    with_records(ty, &|record| {
        if record.open || record.rest.as_ref().is_some_and(|rest| rest.sealed) {
            return record.clone();
        }
        let patterns = record.rest.as_ref().map(|rest| rest.patterns.clone()).unwrap_or_default();
        match others {
            Type::Any if patterns.is_empty() => Record { open: true, rest: None, ..record.clone() },
            others => {
                let rest = Rest { patterns, others: Some(others.clone()), sealed: false };
                Record { rest: Some(Arc::new(rest)), ..record.clone() }
            }
        }
    })
}
