//! Policies that try to make the whole way slow, large or deep, from text to answer: each ends in an answer or an error.

use std::fmt::Write as _;

use hpol_lang::value::Value;
use hpol_runtime::error::{LoadError, QueryError, code};
use hpol_runtime::source::Files;
use hpol_runtime::{Effect, Input, Limits};
use hpol_tests::engines::Engines;

fn load(name: &str, text: impl Into<Vec<u8>>) -> Result<Engines, LoadError> {
    // Work and memory must end it, not the clock, which depends on the machine. A smaller budget than the default shows the same.
    let time = std::time::Duration::from_secs(600);
    let limits = Limits { time, fuel: 500_000, memory_bytes: 4 << 20, ..Limits::default() };
    Engines::load(&Files::from_memory([(name, text.into())]), limits)
}

/// The codes of what is wrong with a file, in both profiles.
fn refused(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for name in ["hostile.hpol", "hostile.rego"] {
        let error = load(name, text).map(|_| ()).expect_err("it is refused");
        assert!(error.to_string().len() < 200_000, "the error itself is too long");
        codes.extend(error.rejection.diagnostics.first().map(|found| found.code.to_owned()));
    }
    codes
}

fn lines(head: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(format!("package t\n{head}\n"), |mut text, number| {
        writeln!(text, "{}", line(number)).expect("strings take all text");
        text
    })
}

#[test]
fn a_file_of_ten_megabytes_is_refused() {
    let text = lines("", 400_000, |number| format!("rule_{number} := {number} + 1"));
    assert!(text.len() > 10_000_000);
    assert_eq!(refused(&text), ["file-too-large", "file-too-large"]);
    let comment = format!("package t\n# {}\n", "x".repeat(10_000_000));
    assert_eq!(refused(&comment), ["file-too-large", "file-too-large"]);
}

#[test]
fn a_hundred_thousand_brackets_are_refused() {
    for open in ["[", "(", "{", "f(", "{\"a\": ", "x[", "not {", "[x | x := ", "$\"{"] {
        let text = format!("package t\n\nr := {}", open.repeat(100_000));
        let codes = refused(&text);
        assert!(codes.iter().all(|code| code == "too-deep"), "`{open}`: {codes:?}");
    }
}

#[test]
fn chains_of_rules_that_are_too_deep_are_refused() {
    let chain =
        |length: usize| lines(&format!("r{length} := 1"), length, |number| format!("r{number} := r{} + 1", number + 1));
    assert_eq!(refused(&chain(1_000)), ["not-compiled", "not-compiled"]);
    let engines = load("hostile.rego", chain(100)).expect("a hundred are fine");
    assert_eq!(engines.query("data.t.r0", None).expect("it has a value"), Some(Value::from(101)));
}

#[test]
fn a_comprehension_of_a_thousand_million_elements_ends_at_a_limit() {
    let range = "numbers.range(1, 1000)";
    for value in [
        format!("[[a, b, c] | some a in {range}; some b in {range}; some c in {range}]"),
        format!("{{a * b * c | some a in {range}; some b in {range}; some c in {range}}}"),
        format!("count([1 | some a in {range}; some b in {range}; some c in {range}; a + b + c < 0])"),
        "numbers.range(1, 1000000000)".to_owned(),
        "concat(\"\", [x | some _ in numbers.range(1, 100000); x := sprintf(\"%1000d\", [1])])".to_owned(),
    ] {
        let engines = load("hostile.rego", format!("package t\nr := {value}\n")).expect("it compiles");
        let error = engines.query("data.t.r", None).expect_err(&value);
        let QueryError::Evaluation(error) = error else { panic!("{error}") };
        assert!([code::FUEL, code::MEMORY, code::VALUE].contains(&&*error.code), "{value}: {error:?}");
    }
}

#[test]
fn a_limit_in_a_protecting_rule_denies() {
    let policy = "package t\n\ninput: http.Request\n\nallow \"all\" if true\n\n\
        deny \"work\" if {\n  some a in numbers.range(1, 10000)\n  some b in numbers.range(1, 10000)\n  a + b < 0\n}\n";
    let engines = load("hostile.hpol", policy).expect("it compiles");
    let request = r#"{"method": "GET", "path": "/", "path_segments": [], "query": {}, "headers": {}, "body_size": 0,
        "identity": {"sub": "a", "iss": "b", "groups": [], "claims": {}}, "target": {"name": "t", "labels": {}},
        "client": {"ip": "10.0.0.1"}, "time": "2026-01-01T00:00:00Z"}"#;
    let value = hpol_lang::value::parse_json(request, hpol_lang::value::JsonLimits::default()).expect("it is JSON");
    let decision = engines.decide(&Input::new("http.Request", value).at(0));
    assert_eq!(decision.effect, Effect::Deny);
    assert!(decision.errors.iter().any(|error| &*error.code == code::FUEL), "{decision:#?}");
}
