//! JSON Schema (2020-12) as a type.
//!
//! Records are closed unless the schema says `additionalProperties: true` (or gives a schema). Where a schema has no `type`,
//! its other keywords tell it: `properties` means an object, `items` an array. What a type cannot say is either told as
//! ignored (bounds and patterns of single values) or refused (anything that would change which shapes are valid).
//! Schemas may come from anyone, so their size and depth are limited.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Field, Record, Type};
use crate::value::Value;

/// How many schemas are read, those behind `$ref` counted at each use.
const SCHEMAS_MAX: usize = 20_000;
/// How deep schemas may nest.
const DEPTH_MAX: usize = 64;

/// Keywords that say nothing about which values are valid.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "$vocabulary",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "$defs",
    "definitions",
];
/// Keywords about single values that a type cannot say; they are told as ignored.
const BOUNDS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "contains",
    "minContains",
    "maxContains",
];
/// Keywords that are read.
const READ: &[&str] = &[
    "type",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "items",
    "prefixItems",
    "enum",
    "const",
    "$ref",
    "oneOf",
    "anyOf",
    "allOf",
    "format",
];

/// A schema as a type.
#[derive(Debug, Clone)]
pub struct ImportedSchema {
    /// The type.
    pub ty: Type,
    /// Keywords that the type does not say, so that values may be accepted that the schema refuses.
    pub ignored: Vec<SchemaError>,
}

/// What is wrong with a schema, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// JSON pointer of the place.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "at the root: {}", self.message),
            pointer => write!(f, "at `{pointer}`: {}", self.message),
        }
    }
}

/// Reads a schema as a type.
///
/// # Errors
///
/// Everything in the schema that cannot be said by a type and would change which values are valid; references that lead
/// nowhere or back to themselves; schemas beyond the limits.
pub fn import_schema(schema: &Value) -> Result<ImportedSchema, Vec<SchemaError>> {
    let mut importer =
        Importer { root: schema, path: Vec::new(), open: vec!["#"], count: 0, errors: Vec::new(), ignored: Vec::new() };
    let ty = importer.schema(schema);
    if importer.errors.is_empty() { Ok(ImportedSchema { ty, ignored: importer.ignored }) } else { Err(importer.errors) }
}

struct Importer<'s> {
    root: &'s Value,
    path: Vec<String>,
    /// References being followed.
    open: Vec<&'s str>,
    count: usize,
    errors: Vec<SchemaError>,
    ignored: Vec<SchemaError>,
}

impl<'s> Importer<'s> {
    fn pointer(&self) -> String {
        self.path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
    }

    fn refuse(&mut self, message: impl Into<String>) -> Type {
        let error = SchemaError { pointer: self.pointer(), message: message.into() };
        if self.errors.len() < 20 && !self.errors.contains(&error) {
            self.errors.push(error);
        }
        Type::Any
    }

    fn ignore(&mut self, message: impl Into<String>) {
        let finding = SchemaError { pointer: self.pointer(), message: message.into() };
        if self.ignored.len() < 20 && !self.ignored.contains(&finding) {
            self.ignored.push(finding);
        }
    }

    fn within<T>(&mut self, part: impl Into<String>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(part.into());
        let result = read(self);
        self.path.pop();
        result
    }

    fn schema(&mut self, schema: &'s Value) -> Type {
        self.count += 1;
        if self.count > SCHEMAS_MAX {
            return self
                .refuse(format!("the schema has more than {SCHEMAS_MAX} parts once its references are followed"));
        }
        if self.path.len() > DEPTH_MAX * 2 {
            return self.refuse(format!("the schema is nested more than {DEPTH_MAX} levels deep"));
        }
        let entries = match schema {
            Value::Bool(true) => return Type::Any,
            Value::Bool(false) => return Type::Never,
            Value::Object(entries) => entries,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Set(_) => {
                return self.refuse("a schema is an object, `true` or `false`");
            }
        };
        for key in entries.keys().filter_map(Value::as_str) {
            if BOUNDS.contains(&key) {
                self.ignore(format!("`{key}` is not checked"));
            } else if !ANNOTATIONS.contains(&key) && !READ.contains(&key) && !key.starts_with("x-") {
                self.refuse(format!("`{key}` is not supported"));
            }
        }
        self.keywords(schema)
    }

    fn keywords(&mut self, schema: &'s Value) -> Type {
        let mut ty = self.shape(schema);
        if let Some(values) = schema.get("const") {
            ty = ty.narrowed_to(&Type::of_value(values));
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            let choice = Type::union(values.iter().take(SCHEMAS_MAX.min(2_000)).map(Type::of_value));
            if values.len() > 2_000 {
                return self.refuse("`enum` has more than 2000 values");
            }
            ty = ty.narrowed_to_exactly(&choice);
        }
        if let Some(reference) = schema.get("$ref") {
            let referred = self.reference(reference);
            ty = merge(ty, &referred);
        }
        for keyword in ["oneOf", "anyOf"] {
            let Some(choices) = schema.get(keyword) else { continue };
            let Value::Array(choices) = choices else { return self.refuse(format!("`{keyword}` must be an array")) };
            let choices: Vec<Type> = self.within(keyword, |importer| {
                importer.indexed(choices).into_iter().map(|choice| merge(ty.clone(), &choice)).collect()
            });
            if choices.iter().map(|ty| ty.weight(SCHEMAS_MAX)).sum::<usize>() > SCHEMAS_MAX {
                return self.refuse("the choices are too large");
            }
            ty = Type::union(choices);
        }
        if let Some(Value::Array(all)) = schema.get("allOf") {
            let all = self.within("allOf", |importer| importer.indexed(all));
            ty = all.iter().fold(ty, merge);
        }
        ty
    }

    fn indexed(&mut self, schemas: &'s [Value]) -> Vec<Type> {
        let mut types = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            types.push(self.within(index.to_string(), |importer| importer.schema(schema)));
        }
        types
    }

    /// What `type` says, or what the other keywords imply.
    fn shape(&mut self, schema: &'s Value) -> Type {
        match schema.get("type") {
            Some(Value::String(name)) => self.named(name, schema),
            Some(Value::Array(names)) => {
                let types: Vec<Type> =
                    names.iter().map(|name| self.named(name.as_str().unwrap_or(""), schema)).collect();
                Type::union(types)
            }
            Some(_) => self.refuse("`type` must be a name or an array of names"),
            None => {
                let has = |keys: &[&str]| keys.iter().any(|key| schema.get(key).is_some());
                if has(&["properties", "required", "additionalProperties", "patternProperties"]) {
                    self.object(schema)
                } else if has(&["items", "prefixItems"]) {
                    self.array(schema)
                } else if has(&["format"]) {
                    self.string(schema)
                } else {
                    Type::Any
                }
            }
        }
    }

    fn named(&mut self, name: &str, schema: &'s Value) -> Type {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            "integer" => Type::Int,
            "number" => Type::Decimal,
            "string" => self.string(schema),
            "array" => self.array(schema),
            "object" => self.object(schema),
            _ => self.refuse(format!("`{name}` is not a type of JSON Schema")),
        }
    }

    fn string(&mut self, schema: &'s Value) -> Type {
        match schema.get("format").and_then(Value::as_str) {
            None => Type::String,
            Some("date-time") => Type::Time,
            Some("ipv4" | "ipv6") => Type::Ip,
            Some("regex") => Type::Regex,
            Some(format) => {
                self.ignore(format!("format `{format}` is not checked"));
                Type::String
            }
        }
    }

    fn array(&mut self, schema: &'s Value) -> Type {
        let prefix = match schema.get("prefixItems") {
            Some(Value::Array(prefix)) => self.within("prefixItems", |importer| importer.indexed(prefix)),
            Some(_) => return self.refuse("`prefixItems` must be an array"),
            None => Vec::new(),
        };
        let items = match schema.get("items") {
            Some(items) => self.within("items", |importer| importer.schema(items)),
            None if prefix.is_empty() => Type::Any,
            None => Type::Any,
        };
        if prefix.is_empty() {
            return Type::array(items);
        }
        if items == Type::Never {
            Type::Tuple(prefix.into())
        } else {
            Type::array(Type::union(prefix.into_iter().chain([items])))
        }
    }

    fn object(&mut self, schema: &'s Value) -> Type {
        let mut fields = BTreeMap::new();
        match schema.get("properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, property) in properties.iter() {
                    let name: Arc<str> = name.as_str().unwrap_or("").into();
                    let ty = self.within("properties", |importer| {
                        importer.within(name.to_string(), |importer| importer.schema(property))
                    });
                    fields.insert(name, Field { ty, optional: true });
                }
            }
            Some(_) => return self.refuse("`properties` must be an object"),
        }
        if let Some(required) = schema.get("required") {
            let Value::Array(required) = required else { return self.refuse("`required` must be an array") };
            for name in required.iter().filter_map(Value::as_str) {
                let any = || Field { ty: Type::Any, optional: false };
                fields.entry(name.into()).or_insert_with(any).optional = false;
            }
        }
        let others = self.other_properties(schema);
        match others {
            None => Type::record(fields, false),
            Some(Type::Any) => Type::record(fields, true),
            Some(ty) if fields.is_empty() => Type::map(ty),
            Some(_) => {
                self.ignore("the types of properties without a name are not checked where others have one");
                Type::record(fields, true)
            }
        }
    }

    /// The type of properties that `properties` does not name; `None` if there may be none.
    fn other_properties(&mut self, schema: &'s Value) -> Option<Type> {
        let mut others = Vec::new();
        if let Some(Value::Object(patterns)) = schema.get("patternProperties") {
            for (pattern, property) in patterns.iter() {
                let pattern = pattern.as_str().unwrap_or("").to_owned();
                let ty = self.within("patternProperties", |importer| {
                    importer.within(pattern, |importer| importer.schema(property))
                });
                others.push(ty);
            }
            self.ignore("the patterns of `patternProperties` are not checked, only the types of the values");
        }
        match schema.get("additionalProperties") {
            None | Some(Value::Bool(false)) => {}
            Some(additional) => {
                let ty = self.within("additionalProperties", |importer| importer.schema(additional));
                others.push(ty);
            }
        }
        if others.is_empty() { None } else { Some(Type::union(others)) }
    }

    fn reference(&mut self, reference: &'s Value) -> Type {
        let Some(text) = reference.as_str() else { return self.refuse("`$ref` must be a string") };
        let Some(pointer) = text.strip_prefix('#') else {
            return self.refuse(format!("`$ref` to `{text}` leads out of the file; copy it into `$defs`"));
        };
        if self.open.contains(&text) {
            return self
                .refuse(format!("`$ref` to `{text}` leads back to itself; recursive schemas are not supported"));
        }
        if self.open.len() > DEPTH_MAX {
            return self.refuse(format!("more than {DEPTH_MAX} references lead to each other"));
        }
        let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let target = parts.into_iter().try_fold(self.root, |value, part| match value {
            Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            other => other.get(&part),
        });
        let well_formed = pointer.is_empty() || pointer.starts_with('/');
        let Some(target) = target.filter(|_| well_formed) else {
            return self.refuse(format!("`$ref` to `{text}` leads nowhere"));
        };
        self.open.push(text);
        let ty = self.within("$ref", |importer| importer.schema(target));
        self.open.pop();
        ty
    }
}

impl Type {
    /// What is left of `choice` for values that are of this type.
    fn narrowed_to_exactly(&self, choice: &Type) -> Type {
        Type::union(choice.members().iter().filter(|member| self.overlaps(member)).cloned())
    }
}

/// The type of values that are of both types: fields of records are joined, other types narrowed.
fn merge(left: Type, right: &Type) -> Type {
    match (&left, right) {
        (Type::Any, _) => right.clone(),
        (_, Type::Any) => left,
        (Type::Union(members), _) => Type::union(members.iter().map(|member| merge(member.clone(), right))),
        (_, Type::Union(members)) => Type::union(members.iter().map(|member| merge(left.clone(), member))),
        (Type::Record(a), Type::Record(b)) => {
            let mut fields = a.fields.clone();
            for (name, field) in &b.fields {
                match fields.get_mut(name) {
                    Some(own) => {
                        own.optional &= field.optional;
                        own.ty = merge(own.ty.clone(), &field.ty);
                    }
                    None => {
                        fields.insert(name.clone(), field.clone());
                    }
                }
            }
            Type::Record(Arc::new(Record { name: None, fields, open: a.open && b.open }))
        }
        _ if left.overlaps(right) => left.narrowed_to(right),
        _ => Type::Never,
    }
}
