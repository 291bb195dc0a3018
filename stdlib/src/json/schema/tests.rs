//! Documents beside schemas.

use hpol_lang::value::{JsonLimits, Value, parse_json};

use crate::builtin::{BuiltinError, Caches, Call};
use crate::heap::Heap;
use crate::table::find_builtin;

fn json(text: &str) -> Value {
    parse_json(text, JsonLimits::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn call(name: &str, arguments: &[&str]) -> Result<Value, BuiltinError> {
    let mut heap = Heap::default();
    let (mut caches, mut fuel) = (Caches::default(), 1_000_000);
    let words: Vec<_> = arguments.iter().map(|text| heap.string(text).expect("small")).collect();
    let mut call = Call {
        heap: &mut heap,
        caches: &mut caches,
        state: &mut crate::state::State::default(),
        now_nanoseconds: 0,
        fuel: &mut fuel,
    };
    let word = find_builtin(name).expect("a builtin").1.call(&mut call, &words)?;
    Ok(heap.to_value(word))
}

/// The kinds of findings, in order.
fn findings(document: &str, schema: &str) -> Vec<String> {
    let result = call("json.match_schema", &[document, schema]).unwrap_or_else(|error| panic!("{schema}: {error}"));
    let Value::Array(parts) = result else { panic!("an array") };
    let Value::Array(errors) = &parts[1] else { panic!("an array") };
    let kind = |error: &Value| error.get("type").and_then(Value::as_str).expect("a type").to_owned();
    assert_eq!(parts[0], Value::Bool(errors.is_empty()));
    errors.iter().map(kind).collect()
}

#[test]
fn keywords_hold_as_specified() {
    let none: &[&str] = &[];
    for (schema, document, kinds) in [
        (r#"{"type": ["string", "null"]}"#, "null", none),
        (r#"{"type": "number"}"#, "1", none),
        (r#"{"type": "integer"}"#, "1.0", none),
        (r#"{"type": "integer"}"#, "1.5", &["invalid_type"]),
        (r#"{"enum": [1, "a"]}"#, "\"b\"", &["enum"]),
        (r#"{"const": {"a": 1}}"#, r#"{"a": 1}"#, none),
        (r#"{"minimum": 2, "maximum": 4, "multipleOf": 0.5}"#, "2.5", none),
        (r#"{"minimum": 2, "multipleOf": 2}"#, "1", &["number_gte", "multiple_of"]),
        (r#"{"exclusiveMaximum": 3}"#, "3", &["number_lt"]),
        (r#"{"maximum": 3, "exclusiveMaximum": true}"#, "3", &["number_lt"]),
        (r#"{"minLength": 2, "pattern": "^a"}"#, "\"é\"", &["string_gte", "pattern"]),
        (r#"{"items": {"type": "string"}, "maxItems": 1}"#, r#"["a", 2]"#, &["array_max_items", "invalid_type"]),
        (r#"{"items": [{"type": "string"}], "additionalItems": false}"#, r#"["a", 2]"#, &["false"]),
        (r#"{"uniqueItems": true, "contains": {"const": 3}}"#, "[1, 1.0]", &["unique", "contains"]),
        (
            r#"{"required": ["a"], "additionalProperties": false}"#,
            r#"{"b": 1}"#,
            &["required", "additional_property_not_allowed"],
        ),
        (
            r#"{"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}"#,
            r#"{"x-a": "b"}"#,
            none,
        ),
        (r#"{"propertyNames": {"maxLength": 1}}"#, r#"{"ab": 1}"#, &["invalid_property_name"]),
        (r#"{"dependencies": {"a": ["b"]}}"#, r#"{"a": 1}"#, &["missing_dependency"]),
        (r#"{"allOf": [{"type": "string"}, {"minLength": 1}]}"#, "\"\"", &["string_gte"]),
        (r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#, "1", &["number_any_of"]),
        (r#"{"oneOf": [{"type": "number"}, {"type": "integer"}]}"#, "1", &["number_one_of"]),
        (r#"{"not": {"type": "null"}}"#, "null", &["number_not"]),
        (
            r#"{"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"type": "null"}}"#,
            "\"ab\"",
            &["string_lte"],
        ),
        (
            r##"{"definitions": {"list": {"items": {"$ref": "#/definitions/list"}}}, "$ref": "#/definitions/list"}"##,
            "[[[]], []]",
            none,
        ),
    ] {
        assert_eq!(findings(document, schema), kinds, "{document} against {schema}");
        json(schema);
    }
}

#[test]
fn schemas_that_are_none_are_refused() {
    for schema in [
        "1",
        r#"{"type": "text"}"#,
        r#"{"type": 1}"#,
        r##"{"$ref": "#/nowhere"}"##,
        r#"{"$ref": "http://example.com/schema"}"#,
        r#"{"pattern": "["}"#,
        r#"{"minLength": -1}"#,
        r#"{"properties": []}"#,
        r#"{"anyOf": {}}"#,
        r#"{"properties": {"a": {"items": {"type": "text"}}}}"#,
        "{",
    ] {
        assert!(call("json.match_schema", &["1", schema]).is_err(), "{schema}");
        let verified = call("json.verify_schema", &[schema]).expect("says what is wrong");
        assert!(verified.to_string().starts_with("[false, \"jsonschema: "), "{schema}: {verified}");
    }
}

#[test]
fn endless_references_end() {
    let endless = r##"{"$ref": "#"}"##;
    assert!(call("json.match_schema", &["1", endless]).is_err());
    let growing = r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##;
    assert!(call("json.match_schema", &["1", growing]).is_err());
}
