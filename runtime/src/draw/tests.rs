//! Every value that is drawn has its type, and comes again from the same choices.

use hpol_lang::types::{Type, import_schema, validate};
use hpol_lang::value::{JsonLimits, Value, parse_json};

use super::{Choices, Constants, draw, shrink};

const NOW: i64 = 1_735_689_600_000_000_000;

fn types() -> Vec<Type> {
    let texts = [
        "any",
        "null",
        "bool",
        "int",
        "decimal",
        "string",
        "time",
        "duration",
        "ip",
        "cidr",
        "regex",
        "glob",
        "array[string]",
        "set[int]",
        "map[string, decimal]",
        "[int, string]",
        "{kind: \"a\", size: int} | {kind: \"b\", name?: string}",
        "{a: array[{b?: map[string, ip], c: time | null}], d?: 1 | 2 | \"x\"}",
    ];
    texts.iter().map(|text| Type::parse(text).expect("a type")).collect()
}

#[test]
fn values_have_their_type() {
    for ty in types() {
        for seed in 0..200 {
            let value = draw(&ty, &Constants::default(), NOW, &mut Choices::random(seed));
            assert!(validate(&value, &ty).is_ok(), "{value} is no {ty}");
        }
    }
}

#[test]
fn values_keep_to_the_demands_of_a_schema() {
    let schema = r##"{
        "type": "object",
        "properties": {
            "size": {"type": "integer", "minimum": 10, "maximum": 12},
            "step": {"type": "number", "multipleOf": 2.5},
            "code": {"type": "string", "pattern": "^EMP-[0-9]{4}$"},
            "mail": {"type": "string", "format": "email"},
            "name": {"type": "string", "minLength": 3, "maxLength": 5},
            "lines": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "tree": {"$ref": "#/$defs/tree"}
        },
        "required": ["size", "step", "code", "mail", "name", "lines", "tree"],
        "$defs": {"tree": {
            "type": "object",
            "properties": {"left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}}
        }}
    }"##;
    let schema = parse_json(schema, JsonLimits::default()).expect("JSON");
    let ty = import_schema(&schema).expect("a schema");
    let good = (0..100)
        .filter(|seed| validate(&draw(&ty, &Constants::default(), NOW, &mut Choices::random(*seed)), &ty).is_ok());
    assert!(good.count() > 90);
}

#[test]
fn the_same_choices_make_the_same_value() {
    for ty in types() {
        let mut first = Choices::random(7);
        let value = draw(&ty, &Constants::default(), NOW, &mut first);
        let again = draw(&ty, &Constants::default(), NOW, &mut Choices::replay(first.taken()));
        assert_eq!(value, again, "{ty}");
        let other = draw(&ty, &Constants::default(), NOW, &mut Choices::random(7));
        assert_eq!(value, other, "{ty}");
    }
}

#[test]
fn optional_fields_are_drawn_both_ways() {
    let ty = Type::parse("{a?: int, b: bool}").expect("a type");
    let drawn: Vec<Value> =
        (0..50).map(|seed| draw(&ty, &Constants::default(), NOW, &mut Choices::random(seed))).collect();
    assert!(drawn.iter().any(|value| value.get("a").is_some()));
    assert!(drawn.iter().any(|value| value.get("a").is_none()));
    assert!(drawn.iter().any(|value| value.get("b") == Some(&Value::Bool(true))));
}

#[test]
fn shrinking_finds_the_smallest() {
    let ty = Type::parse("array[int]").expect("a type");
    let fails = |value: &Value| {
        let Value::Array(items) = value else { return false };
        items.iter().any(|item| *item > Value::from(2))
    };
    let make = |choices: &mut Choices| draw(&ty, &Constants::default(), NOW, choices);
    let mut found = 0;
    for seed in 0..50 {
        let mut choices = Choices::random(seed);
        if !fails(&make(&mut choices)) {
            continue;
        }
        found += 1;
        let (smallest, steps) = shrink(choices.taken(), 2_000, |candidate| {
            let mut choices = Choices::replay(candidate);
            fails(&make(&mut choices)).then(|| choices.taken().to_vec())
        });
        let value = make(&mut Choices::replay(&smallest));
        assert_eq!(value, Value::array([Value::from(3)]), "after {steps} steps");
    }
    assert!(found > 5, "{found}");
}

#[test]
fn shrinking_ends_after_its_tries() {
    let mut tries = 0;
    let (smallest, _) = shrink(&[9; 200], 100, |candidate| {
        tries += 1;
        Some(candidate.to_vec())
    });
    assert!(tries <= 100 && smallest.len() < 200);
}
