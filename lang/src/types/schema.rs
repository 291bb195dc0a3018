//! JSON Schema (2020-12) as a type.
//!
//! Records are closed unless the schema says otherwise, and so are arrays with `prefixItems`. Where a schema has no `type`,
//! its other keywords tell it: `properties` means an object, `items` an array. Shapes become types, and what a type can't
//! say becomes a demand that is checked with it ([`super::Demand`]); a keyword that is neither is refused, never left out.
//!
//! What `not`, `if` and `dependentSchemas` hold is read by the letter instead, as a question about a value: there records
//! are open, and a schema without a `type` says something only about the values that its keywords are about.
//!
//! Schemas may come from anyone, so their size and depth are limited.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Definitions, Demand, Refined, Type, validate};
use crate::value::Value;

mod array;
mod bounds;
mod merge;
mod object;
mod reference;

/// How many schemas are read, those behind `$ref` counted at each use.
const SCHEMAS_MAX: usize = 20_000;
/// How deep schemas may nest.
const DEPTH_MAX: usize = 64;
/// How many values an `enum` may have.
const ENUM_MAX: usize = 2_000;
/// How many choices `oneOf` and `anyOf` may have.
const CHOICES_MAX: usize = 300;
/// How many errors are told.
const ERRORS_MAX: usize = 20;

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
/// Keywords that are read.
const READ: &[&str] = &[
    "type",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "items",
    "prefixItems",
    "unevaluatedItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "enum",
    "const",
    "$ref",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
];
/// Keywords of other versions and tools, with what to write instead.
const INSTEAD: &[(&str, &str)] = &[
    ("$dynamicRef", "name the schema itself with `$ref`"),
    ("$dynamicAnchor", "name the schema itself with `$ref`"),
    ("$recursiveRef", "name the schema itself with `$ref`"),
    ("$recursiveAnchor", "name the schema itself with `$ref`"),
    ("additionalItems", "write `prefixItems` for the first items and `items` for the others"),
    ("dependencies", "write `dependentRequired` or `dependentSchemas`"),
    ("divisibleBy", "write `multipleOf`"),
    ("id", "write `$id`"),
    ("nullable", "write `\"type\": [\"string\", \"null\"]`"),
];

/// What is wrong with a schema, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// JSON pointer of the place, behind the file if it is another one.
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

/// Reads a schema that stands alone as a type.
///
/// # Errors
///
/// Everything in the schema that is not read, or that no value keeps to; references that lead nowhere, or back to
/// themselves without a value in between; schemas beyond the limits.
pub fn import_schema(schema: &Value) -> Result<Type, Vec<SchemaError>> {
    Importer::new("", schema, None).import()
}

/// Reads the schema in a file as a type; references may lead to the other files.
///
/// # Errors
///
/// As [`import_schema`], and if there is no such file.
pub fn import_schema_file(path: &str, files: &BTreeMap<Arc<str>, Value>) -> Result<Type, Vec<SchemaError>> {
    match files.get(path) {
        Some(schema) => Importer::new(path, schema, Some(files)).import(),
        None => Err(vec![SchemaError { pointer: String::new(), message: format!("there is no file `{path}`") }]),
    }
}

/// A schema that references can lead to: its file, the pointer within, and whether it is read by the letter.
type Place = (Arc<str>, String, bool);

struct Importer<'s> {
    files: Option<&'s BTreeMap<Arc<str>, Value>>,
    main: Arc<str>,
    /// The file that is being read, and its content.
    file: Arc<str>,
    root: &'s Value,
    path: Vec<String>,
    /// Whether schemas are read by the letter: as a question, with open records.
    by_letter: bool,
    /// References being followed.
    open: Vec<Place>,
    /// What references came to.
    done: BTreeMap<Place, Type>,
    /// Numbers of those that lead back to themselves, and their types once they are read.
    numbers: BTreeMap<Place, u32>,
    definitions: Vec<(Arc<str>, Option<Type>)>,
    count: usize,
    errors: Vec<SchemaError>,
}

impl<'s> Importer<'s> {
    fn new(path: &str, root: &'s Value, files: Option<&'s BTreeMap<Arc<str>, Value>>) -> Self {
        Self {
            files,
            main: path.into(),
            file: path.into(),
            root,
            path: Vec::new(),
            by_letter: false,
            open: Vec::new(),
            done: BTreeMap::new(),
            numbers: BTreeMap::new(),
            definitions: Vec::new(),
            count: 0,
            errors: Vec::new(),
        }
    }

    fn import(mut self) -> Result<Type, Vec<SchemaError>> {
        let place = (self.file.clone(), String::new(), false);
        let root = self.root;
        let ty = self.named_schema(place, root);
        if ty == Type::Never {
            self.refuse("no value is valid");
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        if self.definitions.is_empty() {
            return Ok(ty);
        }
        let types = self.definitions.into_iter().map(|(name, ty)| (name, ty.unwrap_or(Type::Never))).collect();
        Ok(ty.within(&Arc::new(Definitions { types })))
    }

    fn refuse(&mut self, message: impl Into<String>) -> Type {
        let mut pointer: String =
            self.path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
        if self.file != self.main {
            pointer = format!("{}#{pointer}", self.file);
        }
        let error = SchemaError { pointer, message: message.into() };
        if self.errors.len() < ERRORS_MAX && !self.errors.contains(&error) {
            self.errors.push(error);
        }
        Type::Any
    }

    fn within<T>(&mut self, part: impl Into<String>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(part.into());
        let result = read(self);
        self.path.pop();
        result
    }

    /// The schema under a keyword.
    fn under(&mut self, keyword: &str, schema: &'s Value) -> Type {
        self.within(keyword, |importer| importer.schema(schema))
    }

    /// The schema under a keyword, read as a question.
    fn question(&mut self, keyword: &str, schema: &'s Value) -> Type {
        let outer = std::mem::replace(&mut self.by_letter, true);
        let ty = self.under(keyword, schema);
        self.by_letter = outer;
        ty
    }

    fn indexed(&mut self, schemas: &'s [Value]) -> Vec<Type> {
        let mut types = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            types.push(self.under(&index.to_string(), schema));
        }
        types
    }

    /// Notes work; `false` if it was too much, which is reported.
    fn charge(&mut self, parts: usize) -> bool {
        self.count = self.count.saturating_add(parts);
        if self.count > SCHEMAS_MAX {
            self.refuse(format!("the schema has more than {SCHEMAS_MAX} parts once its references are followed"));
        }
        self.count <= SCHEMAS_MAX
    }

    fn schema(&mut self, schema: &'s Value) -> Type {
        if !self.charge(1) {
            return Type::Any;
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
            if key == "$id" && !self.path.is_empty() && !std::ptr::eq(schema, self.root) {
                self.refuse("a schema within another can't have an `$id`; put it into a file of its own");
            } else if let Some((_, instead)) = INSTEAD.iter().find(|(name, _)| *name == key) {
                self.refuse(format!("`{key}` is not supported; {instead}"));
            } else if !ANNOTATIONS.contains(&key) && !READ.contains(&key) && !key.starts_with("x-") {
                self.refuse(format!("`{key}` is not supported"));
            }
        }
        self.keywords(schema)
    }

    fn keywords(&mut self, schema: &'s Value) -> Type {
        let mut ty = self.shape(schema);
        if let Some(reference) = schema.get("$ref") {
            let referred = self.reference(reference);
            ty = self.merge(ty, &referred);
        }
        if let Some(all) = schema.get("allOf") {
            for part in self.list("allOf", all) {
                ty = self.merge(ty, &part);
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(keyword) {
                ty = self.choices(keyword, choices, &ty);
            }
        }
        if let Some(rest) = schema.get("unevaluatedProperties") {
            ty = self.unevaluated(rest, ty);
        }
        let demands = self.demands(schema);
        ty = refined(self.with_conditional_fields(schema, ty), demands);
        match (schema.get("const"), schema.get("enum")) {
            (None, None) => ty,
            (value, Some(Value::Array(values))) => self.one_of(ty, value, values),
            (Some(value), None) => self.one_of(ty, None, std::slice::from_ref(value)),
            (_, Some(_)) => self.refuse("`enum` must be an array"),
        }
    }

    fn list(&mut self, keyword: &str, schemas: &'s Value) -> Vec<Type> {
        match schemas {
            Value::Array(schemas) if !schemas.is_empty() => self.within(keyword, |importer| importer.indexed(schemas)),
            _ => {
                self.refuse(format!("`{keyword}` must be an array of schemas"));
                Vec::new()
            }
        }
    }

    /// `anyOf` and `oneOf`, each choice joined with what stands beside them.
    fn choices(&mut self, keyword: &str, choices: &'s Value, beside: &Type) -> Type {
        let choices = self.list(keyword, choices);
        if choices.len() > CHOICES_MAX {
            return self.refuse(format!("`{keyword}` has more than {CHOICES_MAX} choices"));
        }
        let choices: Vec<Type> = choices.iter().map(|choice| self.merge(beside.clone(), choice)).collect();
        if !self.charge(choices.iter().map(|ty| ty.weight(SCHEMAS_MAX)).sum()) {
            return Type::Any;
        }
        let union = Type::union(choices.iter().cloned());
        let exclusive = keyword == "anyOf"
            || choices
                .iter()
                .enumerate()
                .all(|(at, choice)| choices.iter().skip(at + 1).all(|other| !choice.overlaps(other)));
        if exclusive { union } else { refined(union, vec![Demand::ExactlyOne(choices.into())]) }
    }

    /// The values that `enum` and `const` leave of a type.
    fn one_of(&mut self, ty: Type, only: Option<&Value>, values: &[Value]) -> Type {
        if values.len() > ENUM_MAX {
            return self.refuse(format!("`enum` has more than {ENUM_MAX} values"));
        }
        let fits = |value: &&Value| only.is_none_or(|only| only == *value) && validate(value, &ty).is_ok();
        let left: Vec<Type> = match &ty {
            Type::Any => {
                values.iter().filter(|value| only.is_none_or(|only| only == *value)).map(Type::of_value).collect()
            }
            _ => values.iter().filter(fits).map(Type::of_value).collect(),
        };
        if left.is_empty() {
            return self.refuse("no value of `enum` or `const` is valid beside the other keywords");
        }
        Type::union(left)
    }

    /// What `type` says, or what the other keywords imply.
    fn shape(&mut self, schema: &'s Value) -> Type {
        let has = |keys: &[&str]| keys.iter().any(|key| schema.get(key).is_some());
        let object = has(&["properties", "required", "additionalProperties", "patternProperties"]);
        let array = has(&["items", "prefixItems"]);
        match schema.get("type") {
            Some(Value::String(name)) => self.named(name, schema),
            Some(Value::Array(names)) => {
                let types: Vec<Type> =
                    names.iter().map(|name| self.named(name.as_str().unwrap_or(""), schema)).collect();
                Type::union(types)
            }
            Some(_) => self.refuse("`type` must be a name or an array of names"),
            None if self.by_letter && (object || array) => {
                let scalars = [Type::Null, Type::Bool, Type::Decimal, Type::String];
                let arrays = if array { self.array(schema) } else { Type::array(Type::Any) };
                let objects = if object { self.object(schema) } else { Type::map(Type::Any) };
                Type::union(scalars.into_iter().chain([arrays, objects]))
            }
            None if self.by_letter => Type::Any,
            None if object => self.object(schema),
            None if array => self.array(schema),
            None if has(&["format"]) => self.string(schema),
            None => Type::Any,
        }
    }

    fn named(&mut self, name: &str, schema: &'s Value) -> Type {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            // By the letter an integer may have any size.
            "integer" if self.by_letter => refined(Type::Decimal, vec![Demand::MultipleOf(1.into())]),
            "integer" => self.number(Type::Int, schema),
            "number" => self.number(Type::Decimal, schema),
            "string" => self.string(schema),
            "array" => self.array(schema),
            "object" => self.object(schema),
            _ => self.refuse(format!("`{name}` is not a type of JSON Schema")),
        }
    }
}

/// The type with demands put on it.
fn refined(ty: Type, demands: Vec<Demand>) -> Type {
    match ty {
        _ if demands.is_empty() => ty,
        Type::Never => Type::Never,
        Type::Refined(inner) => {
            let demands = inner.demands.iter().cloned().chain(demands).collect();
            Type::Refined(Arc::new(Refined { base: inner.base.clone(), demands }))
        }
        base => Type::Refined(Arc::new(Refined { base, demands })),
    }
}
