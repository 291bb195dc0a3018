//! `json.match_schema` and `json.verify_schema`: JSON Schema, the parts that drafts 4 to 7 have in common.
//!
//! `format` and what a validator does not know count as always met, as the specification wants it. References go to
//! places in the schema itself; nothing is fetched.

use hpol_lang::value::{Number, Value};

use crate::arguments::{Outcome, argument, failed, type_error, type_name};
use crate::builtin::{BuiltinError, Call};
use crate::heap::Word;

mod verify;

use verify::verify;

/// How deep schemas and documents are followed together.
const DEPTH_MAX: usize = 128;

/// Most findings that are told.
const FINDINGS_MAX: usize = 100;

/// A place where a document does not match, in the words that users of Go's validator know.
struct Finding {
    field: String,
    /// The kind of finding.
    kind: &'static str,
    description: String,
}

pub(super) fn match_schema(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (document, schema) = (operand(call, arguments, 1)?, operand(call, arguments, 2)?);
    verify(&schema, &schema, 0).map_err(|error| failed(format!("jsonschema: {error}")))?;
    let mut matcher = Matcher { call, root: &schema, path: Vec::new(), findings: Vec::new() };
    matcher.value(&document, &schema, 0)?;
    let findings = matcher.findings;
    let errors = findings.iter().map(|finding| {
        Value::object([
            ("error", Value::from(format!("{}: {}", finding.field, finding.description))),
            ("type", Value::from(finding.kind)),
            ("field", Value::from(finding.field.as_str())),
            ("desc", Value::from(finding.description.as_str())),
        ])
    });
    let result = Value::array([Value::Bool(findings.is_empty()), Value::array(errors)]);
    Ok(call.heap.from_value(&result)?)
}

pub(super) fn verify_schema(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let checked = operand(call, arguments, 1).and_then(|schema| verify(&schema, &schema, 0).map_err(failed));
    let result = match checked {
        Ok(()) => [Value::Bool(true), Value::Null],
        Err(BuiltinError::Failed(message)) => [Value::Bool(false), Value::from(format!("jsonschema: {message}"))],
        Err(error) => return Err(error),
    };
    Ok(call.heap.from_value(&Value::array(result))?)
}

/// A document or schema: an object, or text of JSON.
fn operand(call: &mut Call<'_>, arguments: &[Word], position: usize) -> Result<Value, BuiltinError> {
    let word = argument(arguments, position);
    if let Some(text) = call.heap.as_str(word) {
        let (bytes, value) = (text.len(), super::read(text)?);
        call.charge(bytes / 10)?;
        return Ok(value);
    }
    match call.value_of(word)? {
        value @ Value::Object(_) => Ok(value),
        _ => Err(type_error(position, "one of {string, object}", type_name(call.heap, word))),
    }
}

struct Matcher<'m, 'c> {
    call: &'m mut Call<'c>,
    root: &'m Value,
    path: Vec<String>,
    findings: Vec<Finding>,
}

impl Matcher<'_, '_> {
    fn find(&mut self, kind: &'static str, description: impl Into<String>) {
        let field = if self.path.is_empty() { "(root)".to_owned() } else { self.path.join(".") };
        let description = description.into().replace("{field}", &field);
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { field, kind, description });
        }
    }

    /// Whether a value matches a schema, without telling why not.
    fn matches(&mut self, value: &Value, schema: &Value, depth: usize) -> Result<bool, BuiltinError> {
        let told = std::mem::take(&mut self.findings);
        let result = self.value(value, schema, depth);
        let matches = self.findings.is_empty();
        self.findings = told;
        result.map(|()| matches)
    }

    fn value(&mut self, value: &Value, schema: &Value, depth: usize) -> Result<(), BuiltinError> {
        self.call.charge(1)?;
        if depth > DEPTH_MAX {
            return Err(failed(format!("schema is followed deeper than {DEPTH_MAX} levels")));
        }
        match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => self.find("false", "False always fails validation"),
            _ => {}
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = resolve(self.root, target).ok_or_else(|| failed(format!("no schema is at `{target}`")))?;
            return self.value(value, target, depth + 1);
        }
        self.types(value, schema);
        self.constants(value, schema);
        match value {
            Value::Number(number) => self.number(number, schema),
            Value::String(text) => self.text(text, schema)?,
            Value::Array(items) => self.array(items, schema, depth)?,
            Value::Object(_) => self.object(value, schema, depth)?,
            Value::Null | Value::Bool(_) | Value::Set(_) => {}
        }
        self.combinations(value, schema, depth)
    }

    fn types(&mut self, value: &Value, schema: &Value) {
        let expected: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        let is_integer = matches!(value, Value::Number(number) if number.is_integer());
        let given = if is_integer { "integer" } else { value.type_name() };
        let fits = |name: &&str| **name == *given || **name == *value.type_name();
        if !expected.iter().any(fits) {
            self.find("invalid_type", format!("Invalid type. Expected: {}, given: {given}", expected.join("/")));
        }
    }

    fn constants(&mut self, value: &Value, schema: &Value) {
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && !allowed.contains(value)
        {
            let allowed: Vec<String> = allowed.iter().map(Value::to_json).collect();
            self.find("enum", format!("{{field}} must be one of the following: {}", allowed.join(", ")));
        }
        if let Some(allowed) = schema.get("const")
            && allowed != value
        {
            self.find("const", format!("{{field}} does not match: {}", allowed.to_json()));
        }
    }

    fn number(&mut self, number: &Number, schema: &Value) {
        let bound = |name: &str| match schema.get(name) {
            Some(Value::Number(bound)) => Some(bound),
            _ => None,
        };
        // In draft 4 a bool makes the bound exclusive, later a bound of its own.
        let exclusive = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        if let Some(least) = bound("minimum") {
            if exclusive("exclusiveMinimum") && number <= least {
                self.find("number_gt", format!("Must be greater than {least}"));
            } else if number < least {
                self.find("number_gte", format!("Must be greater than or equal to {least}"));
            }
        }
        if let Some(most) = bound("maximum") {
            if exclusive("exclusiveMaximum") && number >= most {
                self.find("number_lt", format!("Must be less than {most}"));
            } else if number > most {
                self.find("number_lte", format!("Must be less than or equal to {most}"));
            }
        }
        if let Some(below) = bound("exclusiveMinimum").filter(|below| number <= *below) {
            self.find("number_gt", format!("Must be greater than {below}"));
        }
        if let Some(above) = bound("exclusiveMaximum").filter(|above| number >= *above) {
            self.find("number_lt", format!("Must be less than {above}"));
        }
        let divides = |unit: &Number| number.divide(unit).is_ok_and(|quotient| quotient.is_integer());
        if let Some(unit) = bound("multipleOf").filter(|unit| !divides(unit)) {
            self.find("multiple_of", format!("Must be a multiple of {unit}"));
        }
    }

    fn text(&mut self, text: &str, schema: &Value) -> Result<(), BuiltinError> {
        self.call.charge_bytes(text.len())?;
        let length = text.chars().count();
        if let Some(least) = count(schema, "minLength").filter(|least| length < *least) {
            self.find("string_gte", format!("String length must be greater than or equal to {least}"));
        }
        if let Some(most) = count(schema, "maxLength").filter(|most| length > *most) {
            self.find("string_lte", format!("String length must be less than or equal to {most}"));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && !self.pattern_matches(pattern, text)?
        {
            self.find("pattern", format!("Does not match pattern '{pattern}'"));
        }
        Ok(())
    }

    fn pattern_matches(&mut self, pattern: &str, text: &str) -> Result<bool, BuiltinError> {
        self.call.charge(pattern.len() / 4 + 1)?;
        let compile = || crate::regex::compile(pattern);
        let compiled = self.call.caches.regexes.get_or_make(pattern, compile).map_err(failed)?;
        self.call.charge(compiled.fuel(text.len()))?;
        Ok(compiled.regex.is_match(text))
    }

    fn array(&mut self, items: &[Value], schema: &Value, depth: usize) -> Result<(), BuiltinError> {
        if let Some(least) = count(schema, "minItems").filter(|least| items.len() < *least) {
            self.find("array_min_items", format!("Array must have at least {least} items"));
        }
        if let Some(most) = count(schema, "maxItems").filter(|most| items.len() > *most) {
            self.find("array_max_items", format!("Array must have at most {most} items"));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let distinct: std::collections::BTreeSet<&Value> = items.iter().collect();
            if distinct.len() < items.len() {
                self.find("unique", "array items must be unique");
            }
        }
        let (positional, rest) = match schema.get("items") {
            Some(Value::Array(schemas)) => (schemas.as_slice(), schema.get("additionalItems")),
            other => (&[][..], other),
        };
        for (place, item) in items.iter().enumerate() {
            if let Some(schema) = positional.get(place).or(rest) {
                self.child(place.to_string(), item, schema, depth)?;
            }
        }
        if let Some(wanted) = schema.get("contains") {
            let mut found = false;
            for item in items {
                found = found || self.matches(item, wanted, depth + 1)?;
            }
            if !found {
                self.find("contains", "At least one of the items must match");
            }
        }
        Ok(())
    }

    fn child(&mut self, name: String, value: &Value, schema: &Value, depth: usize) -> Result<(), BuiltinError> {
        self.path.push(name);
        let result = self.value(value, schema, depth + 1);
        self.path.pop();
        result
    }

    fn object(&mut self, object: &Value, schema: &Value, depth: usize) -> Result<(), BuiltinError> {
        let Value::Object(entries) = object else { return Ok(()) };
        if let Some(least) = count(schema, "minProperties").filter(|least| entries.len() < *least) {
            self.find("array_min_properties", format!("Must have at least {least} properties"));
        }
        if let Some(most) = count(schema, "maxProperties").filter(|most| entries.len() > *most) {
            self.find("array_max_properties", format!("Must have at most {most} properties"));
        }
        if let Some(Value::Array(names)) = schema.get("required") {
            for name in names.iter().filter_map(Value::as_str).filter(|name| object.get(name).is_none()) {
                self.find("required", format!("{name} is required"));
            }
        }
        for (key, value) in entries.iter() {
            let key = key.as_str().map_or_else(|| key.to_json(), str::to_owned);
            self.property(&key, value, schema, depth)?;
        }
        if let Some(Value::Object(dependencies)) = schema.get("dependencies") {
            for (name, needed) in dependencies.iter().filter(|(name, _)| entries.contains_key(name)) {
                match needed {
                    Value::Array(needed) if needed.iter().any(|needed| !entries.contains_key(needed)) => {
                        self.find("missing_dependency", format!("Has a dependency on {name}"));
                    }
                    Value::Array(_) => {}
                    schema => self.value(object, schema, depth + 1)?,
                }
            }
        }
        Ok(())
    }

    fn property(&mut self, key: &str, value: &Value, schema: &Value, depth: usize) -> Result<(), BuiltinError> {
        let mut named = false;
        if let Some(schema) = schema.get("propertyNames")
            && !self.matches(&Value::from(key), schema, depth + 1)?
        {
            self.find("invalid_property_name", format!("Property name of \"{key}\" does not match"));
        }
        if let Some(schema) = schema.get("properties").and_then(|properties| properties.get(key)) {
            named = true;
            self.child(key.to_owned(), value, schema, depth)?;
        }
        if let Some(Value::Object(patterns)) = schema.get("patternProperties") {
            for (pattern, schema) in patterns.iter() {
                if self.pattern_matches(pattern.as_str().unwrap_or(""), key)? {
                    named = true;
                    self.child(key.to_owned(), value, schema, depth)?;
                }
            }
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) if !named => {
                self.find("additional_property_not_allowed", format!("Additional property {key} is not allowed"));
            }
            Some(schema) if !named => self.child(key.to_owned(), value, schema, depth)?,
            _ => {}
        }
        Ok(())
    }

    fn combinations(&mut self, value: &Value, schema: &Value, depth: usize) -> Result<(), BuiltinError> {
        let depth = depth + 1;
        if let Some(Value::Array(schemas)) = schema.get("allOf") {
            for schema in schemas.iter() {
                self.value(value, schema, depth)?;
            }
        }
        for (keyword, kind, message) in [
            ("anyOf", "number_any_of", "Must validate at least one schema (anyOf)"),
            ("oneOf", "number_one_of", "Must validate one and only one schema (oneOf)"),
        ] {
            let Some(Value::Array(schemas)) = schema.get(keyword) else { continue };
            let mut matching = 0;
            for schema in schemas.iter() {
                matching += usize::from(self.matches(value, schema, depth)?);
            }
            if matching == 0 || keyword == "oneOf" && matching > 1 {
                self.find(kind, message);
            }
        }
        if let Some(schema) = schema.get("not")
            && self.matches(value, schema, depth)?
        {
            self.find("number_not", "Must not validate the schema (not)");
        }
        if let Some(condition) = schema.get("if") {
            let branch = if self.matches(value, condition, depth)? { "then" } else { "else" };
            if let Some(schema) = schema.get(branch) {
                self.value(value, schema, depth)?;
            }
        }
        Ok(())
    }
}

/// A count that a schema asks for.
fn count(schema: &Value, name: &str) -> Option<usize> {
    match schema.get(name) {
        Some(Value::Number(number)) => number.as_i64().and_then(|number| usize::try_from(number).ok()),
        _ => None,
    }
}

/// The schema at a reference such as `#/definitions/a`.
fn resolve<'v>(root: &'v Value, reference: &str) -> Option<&'v Value> {
    let pointer = reference.strip_prefix('#')?;
    pointer.split('/').skip(1).try_fold(root, |value, key| {
        let key = key.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Array(items) => key.parse::<usize>().ok().and_then(|place| items.get(place)),
            _ => value.get(&key),
        }
    })
}

#[cfg(test)]
mod tests;
