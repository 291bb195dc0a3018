//! JSON Schema as types, and values checked against types.

use hpol_lang::types::{Type, import_schema, validate};
use hpol_lang::value::{JsonLimits, Value, parse_json};

fn json(text: &str) -> Value {
    parse_json(text, JsonLimits::default()).expect("the test's JSON is valid")
}

fn imported(schema: &str) -> String {
    match import_schema(&json(schema)) {
        Ok(imported) => {
            let ignored: Vec<String> = imported.ignored.iter().map(|found| format!("\n  ignored {found}")).collect();
            format!("{}{}", imported.ty, ignored.concat())
        }
        Err(errors) => errors.iter().map(|error| format!("error {error}\n")).collect(),
    }
}

fn validated(ty: &str, value: &str) -> String {
    match validate(&json(value), &Type::parse(ty).expect("the test's type is well formed")) {
        Ok(value) => format!("fine: {value}"),
        Err(mismatches) => mismatches.iter().map(|mismatch| format!("{mismatch}\n")).collect(),
    }
}

#[test]
fn schemas_become_types() {
    let schemas = [
        r#"{"type": "string"}"#,
        r#"{"type": ["integer", "null"]}"#,
        r#"{"enum": ["a", "b", 3]}"#,
        r#"{"const": "x"}"#,
        r#"{"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string", "format": "date-time"}}, "required": ["a"]}"#,
        r#"{"properties": {"a": {}}, "additionalProperties": true}"#,
        r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#,
        r#"{"type": "object", "patternProperties": {"^x-": {"type": "string"}}}"#,
        r#"{"type": "array", "items": {"type": "string", "format": "ipv4"}}"#,
        r#"{"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false}"#,
        r##"{"$defs": {"name": {"type": "string"}}, "type": "object", "properties": {"n": {"$ref": "#/$defs/name"}}}"##,
        r#"{"oneOf": [{"properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind"]}, {"properties": {"kind": {"const": "b"}}, "required": ["kind"]}]}"#,
        r#"{"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "anyOf": [{"properties": {"x": {"type": "integer"}}}, {"properties": {"y": {"type": "integer"}}}]}"#,
        r#"{"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"enum": ["x", "y"]}}}]}"#,
        r#"{"type": "string", "minLength": 3, "format": "email"}"#,
        "true",
        r#"{"type": "strng"}"#,
        r##"{"properties": {"next": {"$ref": "#"}}}"##,
        r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##,
        r#"{"$ref": "other.json"}"#,
        r#"{"if": {"type": "string"}, "then": {"minLength": 3}}"#,
        r#"{"type": "object", "properties": 3}"#,
        "3",
    ];
    let all: Vec<String> = schemas.iter().map(|schema| format!("{schema}\n  {}", imported(schema))).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn values_are_checked_and_read() {
    let cases = [
        ("string", "\"a\""),
        ("int", "1.5"),
        ("decimal", "1.5"),
        ("time", "\"1970-01-01T00:00:01Z\""),
        ("time", "\"soon\""),
        ("duration", "\"15m\""),
        ("ip", "\"10.0.0.1\""),
        ("ip", "\"10.0.0\""),
        ("cidr", "\"10.0.0.0/8\""),
        ("set[string]", "[\"b\", \"a\", \"b\"]"),
        ("array[time]", "[\"1970-01-01T00:00:00Z\", 5, true]"),
        ("[int, string]", "[1, \"a\", 2]"),
        ("map[string, int]", "{\"a\": 1, \"b\": \"2\"}"),
        ("{a: int, b?: string}", "{\"a\": 1}"),
        ("{a: int, b?: string}", "{\"b\": null, \"c\": 1}"),
        ("{a: int, t: time}", "{\"a\": 1, \"t\": \"1970-01-01T00:00:00Z\"}"),
        ("open {a: int}", "{\"a\": 1, \"more\": [1]}"),
        ("\"GET\" | \"POST\"", "\"PUT\""),
        ("{k: \"a\", x: int} | {k: \"b\", y: int}", "{\"k\": \"b\", \"y\": \"no\"}"),
        ("{k: \"a\", x: int} | {k: \"b\", y: int}", "{\"k\": \"c\"}"),
        ("array[{a: array[int]}]", "[{\"a\": [1]}, {\"a\": [1, {}]}]"),
    ];
    let all: Vec<String> =
        cases.iter().map(|(ty, value)| format!("{ty} <- {value}\n{}", validated(ty, value))).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn hostile_schemas_are_refused_in_time() {
    let doubling: Vec<String> = (0..40)
        .map(|number| {
            let next = format!("{{\"$ref\": \"#/$defs/d{}\"}}", number + 1);
            format!("\"d{number}\": {{\"type\": \"object\", \"properties\": {{\"a\": {next}, \"b\": {next}}}}}")
        })
        .collect();
    let schema = format!("{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}, \"d40\": {{}}}}}}", doubling.join(", "));
    assert!(imported(&schema).contains("more than"), "{}", imported(&schema));
    let deep = format!("{}{{}}{}", "{\"items\": ".repeat(120), "}".repeat(120));
    let limits = JsonLimits { depth_max: 200, ..JsonLimits::default() };
    let deep = parse_json(&deep, limits).expect("it is valid JSON");
    assert!(import_schema(&deep).is_ok(), "a deep schema of small size is a deep type");
    let choices: Vec<String> = (0..3_000).map(|number| number.to_string()).collect();
    assert!(imported(&format!("{{\"enum\": [{}]}}", choices.join(", "))).contains("2000"));
}

#[test]
fn many_mismatches_are_cut() {
    let items: Vec<&str> = vec!["\"x\""; 10_000];
    let value = json(&format!("[{}]", items.join(", ")));
    let mismatches = validate(&value, &Type::array(Type::Int)).expect_err("no item fits");
    assert_eq!(mismatches.len(), 32);
}
