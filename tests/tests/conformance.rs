//! The runner of conformance cases tells right from wrong.

use hpol_tests::conformance::{Case, Exceptions, Report, read_folder, run_all};

const CASES: &str = r#"
cases:
  - note: a set is an array in Rego's order
    query: data.p.x = found
    modules: ["package p\n\nx := {3, 1, data.count}\n"]
    data: {count: 2}
    want_result: [{found: [1, 2, 3]}]
  - note: several bindings
    query: data.p[name] = found
    modules: ["package p\n\na := input.count\n\nb := 2\n"]
    input_term: '{"count": {1}}'
    want_result: [{name: b, found: 2}, {name: a, found: [1]}]
  - note: order matters
    query: data.p.x = found
    modules: ["package p\n\nx := [2, 1]\n"]
    want_result: [{found: [1, 2]}]
  - note: order does not matter
    query: data.p.x = found
    modules: ["package p\n\nx := [2, 1]\n"]
    want_result: [{found: [1, 2]}]
    sort_bindings: true
  - note: undefined is not false
    query: data.p.x = found
    modules: ["package p\n\nx := 1 / 0\n"]
    want_result: [{found: false}]
  - note: an error where errors are strict
    query: data.p.x = found
    modules: ["package p\n\nx := 1 / 0\n"]
    strict_error: true
    want_error_code: eval_builtin_error
    want_error: divide by zero
  - note: another code
    query: data.p.x = found
    modules: ["package p\n\nx := 1 / 0\n"]
    strict_error: true
    want_error_code: eval_type_error
  - note: refused
    query: data.p.x = found
    modules: ["package p\n\nx := z\n"]
    want_error_code: rego_unsafe_var_error
  - note: all of data
    query: data = found
    modules: ["package p\n\nx := 1\n"]
    want_result: [{found: {p: {x: 1}}}]
"#;

fn cases() -> Vec<Case> {
    let folder = tempfile::tempdir().expect("there is a folder");
    let feature = folder.path().join("feature");
    std::fs::create_dir(&feature).expect("it can be made");
    std::fs::write(feature.join("cases.yaml"), CASES).expect("it can be written");
    read_folder(folder.path()).expect("they are cases")
}

#[test]
fn right_and_wrong_cases_are_told_apart() {
    let cases = cases();
    let report = Report::new(&cases, &run_all(&cases), &Exceptions::default());
    let failed: Vec<&str> = report.failures.iter().map(|failure| failure.note.as_str()).collect();
    assert_eq!(failed, ["order matters", "undefined is not false", "another code"]);
    assert_eq!(report.total.to_string(), "6 passed, 3 failed");
    assert_eq!((report.same_texts, report.wanted_texts), (1, 1));
    assert!(!report.is_as_committed());
}

#[test]
fn an_exception_that_passes_or_is_no_case_is_told() {
    let cases = cases();
    let file = tempfile::NamedTempFile::new().expect("there is a file");
    let list = r#"[[exception]]
reason = "later"
cases = ["feature/cases.yaml#2 order matters", "feature/cases.yaml#3 order does not matter", "feature/cases.yaml#3 old", "other.yaml#0 x"]
"#;
    std::fs::write(file.path(), list).expect("it can be written");
    let exceptions = Exceptions::read(file.path()).expect("it is a list");
    let report = Report::new(&cases, &run_all(&cases), &exceptions);
    assert_eq!(report.total.to_string(), "6 passed, 3 failed (1 of them excepted)");
    assert_eq!(report.passing_exceptions, ["feature/cases.yaml#3 order does not matter"]);
    assert_eq!(report.stale_exceptions, ["feature/cases.yaml#3 old"]);
    assert!(!report.is_as_committed());
}
