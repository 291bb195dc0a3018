//! Interactive sessions.

use hpol_lang::value::{JsonLimits, parse_json};

use hpol_lang::source::Profile;
use hpol_runtime::repl::Repl;
use hpol_runtime::source::Files;
use hpol_runtime::{EngineKind, EngineOptions};

fn repl() -> Repl {
    Repl::new(EngineOptions { kind: EngineKind::Interpreter, ..EngineOptions::default() })
}

fn with_input(json: &str) -> Repl {
    let mut repl = repl();
    repl.set_input(Some(parse_json(json, JsonLimits::default()).expect("JSON")));
    repl
}

fn answer(repl: &mut Repl, text: &str) -> String {
    repl.enter(text).map_or_else(|error| format!("error: {error}"), |answer| answer.to_string())
}

#[test]
fn queries_have_values_and_solutions() {
    let mut repl = with_input(r#"{"roles": ["a", "b"], "n": 3}"#);
    for (query, expected) in [
        ("1 + 2", "3"),
        ("input.n == 4", "false"),
        ("input.none", "undefined"),
        ("input", r#"{"n": 3, "roles": ["a", "b"]}"#),
        ("input.roles[i]", "i = 0, value = \"a\"\ni = 1, value = \"b\""),
        ("input.roles[_]", "value = \"a\"\nvalue = \"b\""),
        ("some role in input.roles", "role = \"a\"\nrole = \"b\""),
        ("x = 1; y = x + input.n", "x = 1, y = 4"),
        ("not input.none", "true"),
        ("not input.n", "undefined"),
        ("every r in input.roles { r != \"c\" }", "true"),
        ("input.n with input as {\"n\": 9}", "9"),
        ("count([r | some r in input.roles]) # how many", "2"),
        ("", ""),
    ] {
        assert_eq!(answer(&mut repl, query), expected, "{query}");
    }
}

#[test]
fn declarations_stay_and_are_replaced() {
    let mut repl = with_input(r#"{"n": 3}"#);
    assert_eq!(answer(&mut repl, "x := 1"), "declared");
    assert_eq!(answer(&mut repl, "x"), "1");
    assert_eq!(answer(&mut repl, "x := 2"), "declared");
    assert_eq!(answer(&mut repl, "x + 1"), "3");
    assert_eq!(answer(&mut repl, "big if input.n > 2"), "declared");
    assert_eq!(answer(&mut repl, "big if {\n  input.n < 0\n}"), "declared");
    assert_eq!(answer(&mut repl, "big"), "true");
    assert_eq!(answer(&mut repl, "double(y) := y * 2"), "declared");
    assert_eq!(answer(&mut repl, "double(x)"), "4");
    assert_eq!(answer(&mut repl, "import data.repl.x as other"), "declared");
    assert_eq!(answer(&mut repl, "other"), "2");
    assert!(repl.forget("big") && !repl.forget("big"));
    assert!(answer(&mut repl, "package other.place").is_empty());
    assert_eq!(answer(&mut repl, "data.repl.x"), "2");
    assert!(answer(&mut repl, "package 1").starts_with("error: "));
    assert_eq!(repl.package(), "other.place");
}

#[test]
fn what_is_wrong_is_shown_in_what_was_typed_and_not_kept() {
    let mut repl = repl();
    for text in ["1 +", "nothing", "a if { unknown_function(1) }", "a if {", "x := y", "p if p", "allow if"] {
        let shown = answer(&mut repl, text);
        assert!(shown.starts_with("error: "), "{text}: {shown}");
        assert!(!shown.contains("__query") && !shown.contains("__value"), "{text}: {shown}");
    }
    assert_eq!(repl.declarations().lines().count(), 2, "{}", repl.declarations());
    assert!(repl.is_incomplete("a if {") && repl.is_incomplete("[1,") && !repl.is_incomplete("a if { true }"));
    insta::assert_snapshot!("wrong_query", answer(&mut repl, "count(1, 2, 3)"));
    insta::assert_snapshot!("wrong_rule", answer(&mut repl, "size := cuont(input.x)"));
}

#[test]
fn types_are_told_and_checked() {
    let mut repl = repl();
    repl.set_profile(Profile::Hpol);
    assert_eq!(repl.type_of("1 + 2").expect("a type"), "int");
    assert_eq!(repl.type_of("[upper(\"a\")]").expect("a type"), "[string]");
    assert!(answer(&mut repl, "\"5\" > 18").starts_with("error: "));
    repl.set_profile(Profile::Rego);
    assert_eq!(answer(&mut repl, "\"5\" > 18"), "true");
    assert_eq!(repl.type_of("input.x").expect("a type"), "any");
}

#[test]
fn policies_are_asked_and_explained() {
    let mut repl = with_input(r#"{"amount": 20}"#);
    let policy = "package guard\n\nsmall if input.amount < limit\n\nlimit := 10\n";
    repl.load(Files::from_memory([("guard.rego", policy)])).expect("a policy");
    repl.set_package("guard").expect("a package");
    assert_eq!(answer(&mut repl, "small"), "undefined");
    assert_eq!(answer(&mut repl, "limit"), "10");
    let explanation = repl.explain("small").expect("a rule").to_string();
    assert!(explanation.contains("compared: 20 < 10"), "{explanation}");
    let explanation = repl.explain("input.amount > 50").expect("a query").to_string();
    assert!(explanation.contains("compared: 20 > 50"), "{explanation}");
    assert!(repl.load(Files::from_memory([("guard.rego", "package guard\n\nx if\n")])).is_err());
    assert_eq!(answer(&mut repl, "limit"), "10");
    let names = repl.completions("x := inp");
    assert_eq!(names, ["input", "input.amount"]);
    assert_eq!(repl.completions("data.guard.s"), ["data.guard.small"]);
    assert!(repl.completions("json.").iter().any(|name| name == "json.patch"));
}

#[test]
fn limits_hold() {
    let mut repl = repl();
    let shown = answer(&mut repl, "count([1 | numbers.range(1, 100000)[_]; numbers.range(1, 100000)[_]])");
    assert!(shown.starts_with("error: limit_"), "{shown}");
    assert!(answer(&mut repl, &"[".repeat(100_000)).starts_with("error: "));
}
