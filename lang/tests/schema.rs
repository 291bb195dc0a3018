//! JSON Schema as types, and values checked against types.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_lang::types::{Type, import_schema, import_schema_file, validate};
use hpol_lang::value::{JsonLimits, Value, parse_json};

fn json(text: &str) -> Value {
    parse_json(text, JsonLimits::default()).expect("the test's JSON is valid")
}

fn imported(schema: &str) -> String {
    match import_schema(&json(schema)) {
        Ok(ty) => ty.to_string(),
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
        r#"{"properties": {"a": {}}, "patternProperties": {"^x-": {"type": "string"}, "^y-": {"type": "integer"}}, "additionalProperties": {"type": "boolean"}}"#,
        r#"{"prefixItems": [{"type": "string"}, {"type": "integer"}]}"#,
        r#"{"prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2}"#,
        r#"{"properties": {"a": {"type": "string"}}, "unevaluatedProperties": {"type": "integer"}}"#,
        r##"{"$defs": {"node": {"properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}}, "properties": {"first": {"$ref": "#/$defs/node"}}}"##,
        r##"{"$ref": "#name", "$defs": {"a": {"$anchor": "name", "type": "string"}}}"##,
        r##"{"$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}"##,
        r#"{"type": "string", "pattern": "(?=x)"}"#,
        r#"{"type": "string", "minLength": -1}"#,
        r#"{"type": "number", "multipleOf": 0}"#,
        r#"{"type": "string", "enum": [1, 2]}"#,
        r#"{"type": "string", "format": "colour"}"#,
        r##"{"$dynamicRef": "#node"}"##,
        r#"{"items": [{"type": "string"}]}"#,
        r#"{"properties": {"a": {"$id": "https://example.com/a"}}}"#,
        r#"{"allOf": [{"type": "string"}, {"type": "integer"}]}"#,
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

fn read(schema: &str, value: &str) -> String {
    let ty = match import_schema(&json(schema)) {
        Ok(ty) => ty,
        Err(errors) => return errors.iter().map(|error| format!("error {error}\n")).collect(),
    };
    match validate(&json(value), &ty) {
        Ok(value) => format!("fine: {value}"),
        Err(mismatches) => mismatches.iter().map(|mismatch| format!("{mismatch}\n")).collect(),
    }
}

#[test]
fn schemas_are_kept_to() {
    let cases: &[(&str, &[&str])] = &[
        (r#"{"type": "integer", "minimum": 3, "exclusiveMaximum": 10, "multipleOf": 2}"#, &["4", "2", "10", "5"]),
        (
            r#"{"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z]+$"}"#,
            &["\"ab\"", "\"a\"", "\"äöü\"", "\"abcd\""],
        ),
        (
            r#"{"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2, "uniqueItems": true}"#,
            &["[1, 2]", "[]", "[1, 2, 3]", "[1, 1]"],
        ),
        (
            r#"{"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1, "propertyNames": {"pattern": "^[a-z]$"}}"#,
            &["{\"a\": 1}", "{}", "{\"A\": 1}"],
        ),
        (r#"{"type": "array", "contains": {"const": 3}, "maxContains": 1}"#, &["[3]", "[1]", "[3, 3]"]),
        (
            r#"{"prefixItems": [{"type": "string"}, {"type": "string", "format": "date-time"}]}"#,
            &[
                "[\"1970-01-01T00:00:00Z\", \"1970-01-01T00:00:00Z\"]",
                "[\"a\"]",
                "[\"a\", \"b\"]",
                "[\"a\", \"1970-01-01T00:00:00Z\", 1]",
            ],
        ),
        (
            r#"{"properties": {"a": {"type": "integer"}}, "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": {"type": "boolean"}}"#,
            &["{\"a\": 1, \"x-a\": \"b\", \"other\": true}", "{\"x-a\": 1}", "{\"other\": 1}"],
        ),
        (
            r#"{"properties": {"card": {"type": "string"}, "name": {"type": "string"}}, "dependentRequired": {"card": ["name"]}}"#,
            &["{\"name\": \"a\"}", "{\"card\": \"1\"}"],
        ),
        (
            r#"{"properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"], "if": {"properties": {"kind": {"const": "a"}}}, "then": {"properties": {"size": {"type": "integer"}}, "required": ["size"]}}"#,
            &[
                "{\"kind\": \"b\"}",
                "{\"kind\": \"a\", \"size\": 1}",
                "{\"kind\": \"a\"}",
                "{\"kind\": \"a\", \"size\": \"1\"}",
            ],
        ),
        (
            r#"{"type": "object", "additionalProperties": true, "not": {"required": ["a", "b"]}}"#,
            &["{\"a\": 1, \"c\": 2}", "{\"a\": 1, \"b\": 2, \"c\": 3}"],
        ),
        (r#"{"oneOf": [{"type": "integer", "maximum": 5}, {"type": "integer", "minimum": 3}]}"#, &["1", "9", "4"]),
        (
            r#"{"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}"#,
            &["{\"a\": 1}", "{}", "{\"a\": 1, \"b\": 2}"],
        ),
        (
            r#"{"allOf": [{"properties": {"a": {"type": "integer"}}, "additionalProperties": false}, {"properties": {"b": {"type": "integer"}}}]}"#,
            &["{\"a\": 1}", "{\"b\": 1}"],
        ),
        (r#"{"allOf": [{"type": "array", "items": {"type": "integer"}}, {"items": {"minimum": 2}}]}"#, &["[2]", "[1]"]),
        (
            r##"{"$defs": {"node": {"properties": {"value": {"type": "integer", "minimum": 0}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["value"]}}, "$ref": "#/$defs/node"}"##,
            &[
                "{\"value\": 1, \"children\": [{\"value\": 2, \"children\": []}]}",
                "{\"value\": 1, \"children\": [{\"value\": -2}]}",
                "{\"value\": 1, \"children\": [{\"value\": 2, \"more\": 1}]}",
            ],
        ),
        (r#"{"type": "string", "format": "ipv6"}"#, &["\"::1\"", "\"10.0.0.1\""]),
        (r#"{"type": "string", "format": "uuid"}"#, &["\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\"", "\"2eb8\""]),
        (r#"{"type": "integer", "format": "int32"}"#, &["2147483647", "2147483648"]),
        (r#"{"properties": {"a": false}}"#, &["{}", "{\"a\": 1}"]),
        (r#"{"type": ["string", "null"], "minLength": 1}"#, &["null", "\"\""]),
    ];
    let told = cases.iter().map(|(schema, values)| {
        let values: Vec<String> = values
            .iter()
            .map(|value| format!("{value}\n  {}", read(schema, value).trim_end().replace('\n', "\n  ")))
            .collect();
        format!("{schema}\n{}", values.join("\n"))
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn references_lead_to_files_beside_a_schema() {
    let files: BTreeMap<Arc<str>, Value> = [
        ("a/order.schema.json", r##"{"properties": {"who": {"$ref": "common.json#/$defs/name"}, "lines": {"$ref": "../lines.json"}, "by": {"$ref": "https://example.com/people"}}}"##),
        ("a/common.json", r##"{"$defs": {"name": {"$ref": "#/$defs/text"}, "text": {"type": "string", "minLength": 1}}}"##),
        ("lines.json", r##"{"type": "array", "items": {"properties": {"part": {"$ref": "#"}}}}"##),
        ("people.json", r#"{"$id": "https://example.com/people", "enum": ["ada", "bo"]}"#),
        ("bad.json", r##"{"properties": {"x": {"$ref": "a/common.json#/$defs/none"}, "y": {"$ref": "gone.json"}, "z": {"$ref": "worse.json"}}}"##),
        ("worse.json", r#"{"properties": {"x": {"type": "strng"}}}"#),
    ]
    .map(|(path, text)| (path.into(), json(text)))
    .into();
    let ty = import_schema_file("a/order.schema.json", &files).expect("the schema is fine");
    assert_eq!(ty.to_string(), r#"{by?: "ada" | "bo", lines?: lines, who?: string}"#);
    let fits = |value: &str| validate(&json(value), &ty).is_ok();
    assert!(fits(r#"{"who": "x", "lines": [{"part": [{}]}]}"#));
    assert!(!fits(r#"{"who": ""}"#) && !fits(r#"{"lines": [{"part": [{"other": 1}]}]}"#));
    let errors = import_schema_file("bad.json", &files).expect_err("the references lead nowhere");
    insta::assert_snapshot!(errors.iter().map(|error| format!("{error}\n")).collect::<String>());
}

#[test]
fn choices_that_multiply_end_in_time() {
    let schema = r##"{"$defs": {"n": {"anyOf": [
        {"properties": {"a": {"$ref": "#/$defs/n"}, "x": {"type": "integer"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "#/$defs/n"}, "y": {"type": "integer"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "#/$defs/n"}, "z": {"type": "integer"}}, "required": ["a"]},
        {"type": "null"}]}}, "$ref": "#/$defs/n"}"##;
    let ty = import_schema(&json(schema)).expect("the schema is fine");
    let deep = |end: &str| format!("{}{end}{}", "{\"a\": ".repeat(60), "}".repeat(60));
    assert!(validate(&json(&deep("null")), &ty).is_ok());
    assert!(validate(&json(&deep("1")), &ty).is_err());
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
