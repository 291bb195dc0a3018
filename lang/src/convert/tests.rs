use super::*;
use crate::load::{LoadLimits, PolicyFile, load};
use crate::types::{BuiltinInfo, Signature};

fn environment() -> Environment {
    let builtin = |(name, signature): (&str, &str)| {
        let signature = Signature::parse(signature).expect("a signature");
        (name.into(), BuiltinInfo { signature, allowed: true, check_literal: None })
    };
    let builtins = [
        ("count", "(any) -> int"),
        ("endswith", "(string, string) -> bool"),
        ("object.get", "(any, any, any) -> any"),
        ("sprintf", "(string, array[any]) -> string"),
        ("startswith", "(string, string) -> bool"),
    ];
    Environment { builtins: builtins.map(builtin).into_iter().collect(), ..Environment::default() }
}

fn converted(rego: &str, schema: Option<&str>) -> Conversion {
    let options = ConvertOptions { schema: schema.map(|_| "order.schema.json".to_owned()) };
    let conversion = convert("guard.rego", rego, &options, &environment()).expect("it is Rego");
    let mut files = vec![PolicyFile::new("guard.hpol", &conversion.text)];
    files.extend(schema.map(|schema| PolicyFile::new("order.schema.json", schema)));
    let checked = load(&files, &environment(), &LoadLimits::default());
    with_findings(conversion, "guard.hpol", &checked)
}

fn shown(conversion: &Conversion) -> String {
    let notes = conversion
        .notes
        .iter()
        .map(|note| format!("{} {}: {}\n", if note.left { "left" } else { "note" }, note.location, note.message));
    format!("{}---\n{}", conversion.text, notes.collect::<String>())
}

const GUARD: &str = r#"# Orders and who may place them.
package shop.guard

import rego.v1

import data.limits

default allow := false

# Staff may order.
allow if {
	count(deny) == 0
	"staff" in input.user.groups
	some item in input.items # any of them
	item.price < 100
}

# METADATA
# title: managers may order anything
allow if is_manager

is_manager if "managers" in input.user.groups

deny contains msg if {
	some item in input.items
	item.kind == "weapon"
	msg := sprintf("%s is a weapon: not sold", [item.name])
}

deny contains "closed on sundays" if input.day == "sunday"

discount(price) := price / 2 if is_manager

test_staff if {
	allow with input as {"user": {"groups": ["staff"]}, "items": [{"kind": "pen", "name": "pen", "price": 1}], "day": "monday"}
}

test_sunday if {
	"closed on sundays" in deny with input as {"user": {"groups": ["staff"]}, "items": [], "day": "sunday"}
	not allow with input as {"user": {"groups": ["staff"]}, "items": [], "day": "sunday"}
}

test_discount if discount(4) == 2 with input as {"user": {"groups": ["managers"]}, "items": [], "day": "sunday"}
"#;

#[test]
fn a_policy_becomes_decisions_tests_and_a_type() {
    insta::assert_snapshot!("guard", shown(&converted(GUARD, None)));
}

#[test]
fn a_schema_gives_the_type() {
    let schema = r#"{"type": "object", "required": ["role"], "properties": {"role": {"enum": ["admin", "guest"]}}}"#;
    let rego = "package p\n\nallow if input.role == \"admin\"\n";
    let conversion = converted(rego, Some(schema));
    assert!(conversion.is_complete(), "{}", shown(&conversion));
    insta::assert_snapshot!("schema", shown(&conversion));
    // What the schema does not have is told at its place.
    let conversion = converted("package p\n\nallow if input.roel == \"admin\"\n", Some(schema));
    assert!(!conversion.is_complete());
    assert!(conversion.text.contains("# TODO(convert): ") && conversion.text.contains("roel"), "{}", conversion.text);
}

#[test]
fn what_is_left_stands_at_its_place() {
    let rego = "package p\n\ndefault allow := true\n\nallow := false if input.bad\n\nallowed if allow\n\nsome_role if input.roles[_] != \"admin\"\n\ntest_odd if count(allow) == 3\n\ndeny contains {\"msg\": \"no\", \"code\": 3} if input.x == 1\n";
    insta::assert_snapshot!("left", shown(&converted(rego, None)));
}

#[test]
fn packages_that_only_deny_allow_the_rest() {
    let rego = "package p\n\ndeny if input.kind == \"bad\"\n\ndeny if not allow\n";
    let conversion = converted(rego, None);
    assert!(conversion.text.contains("allow \"not denied\""), "{}", conversion.text);
    assert_eq!(conversion.text.matches("deny \"").count(), 1, "{}", conversion.text);
    assert!(conversion.is_complete(), "{}", shown(&conversion));
}

#[test]
fn what_was_converted_reads_and_stays_as_it_is_laid_out() {
    for rego in [GUARD, "package p\n", "package p\n\nx := 1\n", "package p # here\n# and here\nallow if true # there"] {
        let text = converted(rego, None).text;
        let mut sources = SourceMap::new();
        let file = sources.add("again.hpol", text.as_str());
        let (module, findings) = parse(&sources, file, &ParseLimits::default());
        let module = module.filter(|_| findings.is_empty()).unwrap_or_else(|| panic!("{findings:?}\n{text}"));
        assert_eq!(format(&sources, &module), text);
    }
    assert!(convert("p.rego", "package p\n\nallow if {\n", &ConvertOptions::default(), &environment()).is_err());
}

#[test]
fn what_is_left_never_widens() {
    let rego = "package p\n\nallow if input.a\n\ndeny := reason if reason := input.reason\n";
    let conversion = converted(rego, None);
    assert!(conversion.text.contains("\ndeny \"not converted yet\""), "{}", conversion.text);
    let rego = "package p\n\ndefault allow := true\n\nallow := false if input.bad\n";
    let conversion = converted(rego, None);
    assert!(!conversion.text.contains("\nallow \""), "{}", conversion.text);
}
