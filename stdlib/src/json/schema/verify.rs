//! Whether a schema is one.

use hpol_lang::value::Value;

use super::{DEPTH_MAX, resolve};

const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];

/// Keywords that hold one schema.
const SINGLE: [&str; 9] =
    ["additionalProperties", "additionalItems", "contains", "not", "if", "then", "else", "propertyNames", "items"];

/// Keywords that hold a list of schemas.
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Keywords that hold schemas by name.
const NAMED: [&str; 4] = ["properties", "patternProperties", "definitions", "$defs"];

/// Keywords that hold a count.
const COUNTS: [&str; 6] = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];

/// Checks a schema and all within it.
pub(super) fn verify(root: &Value, schema: &Value, depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("schema is nested deeper than {DEPTH_MAX} levels"));
    }
    if let Value::Bool(_) = schema {
        return Ok(());
    }
    if !matches!(schema, Value::Object(_)) {
        return Err("schema must be an object or a bool".to_owned());
    }
    if let Some(reference) = schema.get("$ref") {
        let found = reference.as_str().and_then(|reference| resolve(root, reference));
        found.ok_or_else(|| {
            format!("no schema is at {}; references go to places in the schema itself", reference.to_json())
        })?;
    }
    verify_types(schema)?;
    for name in COUNTS {
        match schema.get(name) {
            None => {}
            Some(Value::Number(count)) if count.is_integer() && !count.is_negative() => {}
            Some(_) => return Err(format!("{name} must be of an integer that is not negative")),
        }
    }
    if let Some(pattern) = schema.get("pattern") {
        let pattern = pattern.as_str().ok_or("pattern must be a string")?;
        crate::regex::compile(pattern).map_err(|error| format!("pattern `{pattern}` is invalid: {error}"))?;
    }
    for name in ["required", "enum"] {
        if schema.get(name).is_some_and(|list| !matches!(list, Value::Array(_))) {
            return Err(format!("{name} must be an array"));
        }
    }
    verify_children(root, schema, depth + 1)
}

fn verify_types(schema: &Value) -> Result<(), String> {
    let names = match schema.get("type") {
        None => return Ok(()),
        Some(Value::Array(names)) => names.as_slice(),
        Some(name) => std::slice::from_ref(name),
    };
    for name in names {
        let name = name.as_str().ok_or("type must be a string or an array of them")?;
        if !TYPES.contains(&name) {
            let known = TYPES.join(" ");
            let what = "has a primitive type that is NOT VALID";
            return Err(format!("{what} -- given: /{name}/ Expected valid values are:[{known}]"));
        }
    }
    Ok(())
}

fn verify_children(root: &Value, schema: &Value, depth: usize) -> Result<(), String> {
    for name in SINGLE {
        match schema.get(name) {
            Some(Value::Array(schemas)) if name == "items" => {
                schemas.iter().try_for_each(|schema| verify(root, schema, depth))?;
            }
            Some(schema) => verify(root, schema, depth)?,
            None => {}
        }
    }
    for name in LISTS {
        match schema.get(name) {
            Some(Value::Array(schemas)) => schemas.iter().try_for_each(|schema| verify(root, schema, depth))?,
            Some(_) => return Err(format!("{name} must be an array")),
            None => {}
        }
    }
    for name in NAMED {
        match schema.get(name) {
            Some(Value::Object(schemas)) => {
                for (key, schema) in schemas.iter() {
                    if name == "patternProperties" {
                        let pattern = key.as_str().unwrap_or("");
                        crate::regex::compile(pattern)
                            .map_err(|error| format!("pattern `{pattern}` is invalid: {error}"))?;
                    }
                    verify(root, schema, depth)?;
                }
            }
            Some(_) => return Err(format!("{name} must be an object")),
            None => {}
        }
    }
    Ok(())
}
