//! The `hpol` command as a user types it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use insta::assert_snapshot;
use tempfile::TempDir;

/// Runs `hpol` in a folder and shows what a user sees: exit code, standard output and standard error.
fn hpol(folder: &Path, arguments: &[&str]) -> String {
    hpol_with_input(folder, arguments, "")
}

fn hpol_with_input(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = command(folder, arguments).write_stdin(input).output().expect("hpol runs");
    let code = output.status.code().expect("an exit code");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let shown = format!("exit {code}\n{out}--- standard error\n{err}");
    let shown = shown.replace(&folder.display().to_string(), "FOLDER");
    // How long a test took is no two times the same.
    let time = regex::Regex::new(r"\(\d+ ms\)").expect("a pattern");
    time.replace_all(&shown, "(TIME)").into_owned()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hpol"));
    command.current_dir(folder).args(arguments).env_remove("HPOL_ADMIN_TOKEN").env_remove("HPOL_ADMIN_URL");
    command
}

/// A folder with the policy that `hpol new` makes.
fn new_policy() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    command(folder.path(), &["new", "policy"]).assert().success();
    let policy = folder.path().join("policy");
    (folder, policy)
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies-examples")
}

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).expect("a file");
    assert!(text.contains(old), "{old}");
    fs::write(path, text.replace(old, new)).expect("the file is written");
}

#[test]
fn help_teaches() {
    let folder = TempDir::new().expect("a folder");
    assert_snapshot!("help", hpol(folder.path(), &["--help"]));
    assert_snapshot!("help_test", hpol(folder.path(), &["test", "--help"]));
    assert_snapshot!("unknown_command", hpol(folder.path(), &["tset"]));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hpol"))
        .args(["builtins", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("hpol runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn new_policy_is_checked_formatted_and_tested() {
    let folder = TempDir::new().expect("a folder");
    assert_snapshot!("new", hpol(folder.path(), &["new", "policy"]));
    assert_snapshot!("new_again", hpol(folder.path(), &["new", "policy"]));
    let policy = folder.path().join("policy");
    assert_snapshot!("new_check", hpol(&policy, &["check", "--deny-warnings"]));
    assert_snapshot!("new_fmt", hpol(&policy, &["fmt", "--check"]));
    assert_snapshot!("new_test", hpol(&policy, &["test", "--verbose", "--engine", "both"]));
    let ready = command(&policy, &["proxy", "--check"]).env("OPENAI_API_KEY", "key").assert().success();
    assert!(String::from_utf8_lossy(&ready.get_output().stdout).starts_with("ready with policy folder:"));
}

#[test]
fn misspelled_field_is_an_error_with_a_fix() {
    let (_folder, policy) = new_policy();
    replace(&policy.join("policy.hpol"), "input.model in", "input.modle in");
    assert_snapshot!("check_error", hpol(&policy, &["check"]));
    assert_snapshot!("check_error_json", hpol(&policy, &["check", "--format", "json"]));
    assert_snapshot!("test_error", hpol(&policy, &["test"]));
}

#[test]
fn failing_test_says_what_was_expected_and_what_came() {
    let (_folder, policy) = new_policy();
    replace(&policy.join("policy_test.hpol"), "expect gateway deny with", "expect gateway allow with");
    assert_snapshot!("test_failure", hpol(&policy, &["test"]));
    assert_snapshot!("test_run", hpol(&policy, &["test", "--run", "bounded", "--verbose"]));
    assert_snapshot!("test_run_nothing", hpol(&policy, &["test", "--run", "no such test"]));
    assert_snapshot!("test_run_wrong", hpol(&policy, &["test", "--run", "("]));
}

#[test]
fn results_are_told_to_programs() {
    let (_folder, policy) = new_policy();
    replace(&policy.join("policy_test.hpol"), "expect gateway deny with", "expect gateway allow with");
    let json = command(&policy, &["test", "--format", "json"]).assert().code(1);
    let results: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).expect("JSON");
    let outcomes: Vec<&str> =
        results.as_array().expect("a list").iter().filter_map(|result| result["outcome"]["kind"].as_str()).collect();
    assert_eq!(outcomes, ["passed", "failed", "passed"]);
    let junit = command(&policy, &["test", "--format", "junit"]).assert().code(1);
    let junit = String::from_utf8_lossy(&junit.get_output().stdout).into_owned();
    assert!(junit.contains(r#"tests="3""#) && junit.contains(r#"failures="1""#), "{junit}");
    assert!(junit.contains("the large ones are for engineers"), "{junit}");
}

#[test]
fn results_come_in_the_formats_of_ci_servers() {
    let (_folder, policy) = new_policy();
    replace(&policy.join("policy_test.hpol"), "expect gateway deny with", "expect gateway allow with");
    assert_snapshot!("test_tap", hpol(&policy, &["test", "--format", "tap"]));
    assert_snapshot!(
        "test_github",
        hpol(policy.parent().expect("a folder"), &["test", "policy", "--format", "github"])
    );
    replace(&policy.join("policy.hpol"), "input.model in", "input.modle in");
    assert_snapshot!("check_github", hpol(&policy, &["check", "--format", "github"]));
    let sarif = command(&policy, &["check", "--format", "sarif"]).assert().code(1);
    let sarif: serde_json::Value = serde_json::from_slice(&sarif.get_output().stdout).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "unknown-field");
}

#[test]
fn mutants_that_survive_are_told_with_a_hint() {
    let (_folder, policy) = new_policy();
    assert_snapshot!("test_mutate", hpol(&policy, &["test", "--mutate"]));
    let json = command(&policy, &["test", "--mutate", "--format", "json"]).assert().success();
    let report: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).expect("JSON");
    assert!(report["killed"].as_u64() > Some(0) && report["mutants"].is_array(), "{report}");
    command(&policy, &["test", "--mutate", "--mutation-threshold", "60"]).assert().success();
    assert_snapshot!(
        "test_mutate_threshold",
        hpol(&policy, &["test", "--mutate", "--mutation-threshold", "90", "--mutants", "9"])
    );
    assert_snapshot!("test_mutate_format", hpol(&policy, &["test", "--mutate", "--format", "tap"]));
    replace(&policy.join("policy_test.hpol"), "expect gateway deny with", "expect gateway allow with");
    assert_snapshot!("test_mutate_failing", hpol(&policy, &["test", "--mutate"]));
    fs::remove_file(policy.join("policy_test.hpol")).expect("the file is removed");
    assert_snapshot!("test_mutate_no_tests", hpol(&policy, &["test", "--mutate"]));
    assert_snapshot!("test_empty", hpol(&policy, &["test", "--fail-on-empty"]));
}

#[test]
fn coverage_says_what_tests_never_saw() {
    let (_folder, policy) = new_policy();
    assert_snapshot!("test_coverage", hpol(&policy, &["test", "--coverage", "--threshold", "99.5"]));
    assert!(hpol(&policy, &["test", "--coverage", "--threshold", "10"]).starts_with("exit 0"));
    for (format, start) in [("json", "{"), ("lcov", "TN:"), ("html", "<!doctype html>")] {
        let file = format!("coverage.{format}");
        let arguments = ["test", "--coverage", "--coverage-format", format, "--coverage-output", &file];
        let shown = hpol(&policy, &arguments);
        assert!(shown.contains("conditions), in coverage."), "{shown}");
        let report = fs::read_to_string(policy.join(&file)).expect("the report");
        assert!(report.starts_with(start), "{report}");
    }
    let json = fs::read_to_string(policy.join("coverage.json")).expect("the report");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let items = json["files"][0]["items"].as_array().expect("conditions");
    assert!(items.iter().all(|item| item["reached"].is_u64() && item["location"]["line"].is_u64()), "{json}");
    // The results of the tests and the report do not share standard output unless both are for people.
    assert_snapshot!("test_coverage_mixed", hpol(&policy, &["test", "--coverage", "--format", "json"]));
    assert_snapshot!("test_coverage_percent", hpol(&policy, &["test", "--coverage", "--threshold", "101"]));
    assert!(hpol(&policy, &["test", "--threshold", "50"]).starts_with("exit 2"));
}

#[test]
fn example_policies_hold() {
    let examples = examples();
    command(&examples, &["check", "--deny-warnings"]).assert().success();
    command(&examples, &["fmt", "--check"]).assert().success();
    let tested = command(&examples, &["test", "--engine", "both"]).assert().success();
    let out = String::from_utf8_lossy(&tested.get_output().stdout).into_owned();
    assert!(out.ends_with(" passed, 0 failed\n"), "{out}");
}

#[test]
fn eval_and_explain_answer_why() {
    let (_folder, policy) = new_policy();
    let request = ["--input", "fixtures/request.json"];
    let with_request = |words: &[&str]| hpol(&policy, &[words, &request].concat());
    let stable = |text: String| {
        let at = text.find("folder:").expect("a revision");
        let revision = text[at..].split_whitespace().next().expect("a revision").to_owned();
        text.replace(&revision, "folder:REVISION")
    };
    assert_snapshot!("eval_decision", stable(with_request(&["eval", "gateway"])));
    assert_snapshot!("explain", stable(with_request(&["explain", "gateway"])));
    assert_snapshot!("eval_value", hpol(&policy, &["eval", "data.gateway_test.request.model"]));
    assert_snapshot!("eval_json", hpol(&policy, &["eval", "--json", "data.gateway_test.request.identity"]));
    assert_snapshot!("eval_unknown", hpol(&policy, &["eval", "data.gateway.nothing"]));
    assert_snapshot!("eval_unknown_package", with_request(&["eval", "gatewy"]));
    assert_snapshot!("eval_no_input", hpol(&policy, &["eval", "gateway"]));
    let denied = hpol_with_input(&policy, &["eval", "gateway", "--exit-code", "--input", "-"], "{}");
    assert!(denied.starts_with("exit 1\ndeny\n"), "{denied}");
    assert_snapshot!(
        "eval_bad_json",
        hpol_with_input(&policy, &["eval", "gateway", "--input", "-"], "{\n  \"a\": 1,\n  \"a\": 2}")
    );
}

#[test]
fn fmt_keeps_what_it_cannot_read() {
    let folder = TempDir::new().expect("a folder");
    let broken = folder.path().join("broken.hpol");
    fs::write(&broken, "package broken\n\nallow \"all\" if {\n").expect("a file");
    fs::write(folder.path().join("long.hpol"), "package long\nx:=1   # one\n").expect("a file");
    assert_snapshot!("fmt", hpol(folder.path(), &["fmt"]));
    assert_eq!(fs::read_to_string(&broken).expect("a file"), "package broken\n\nallow \"all\" if {\n");
    assert_eq!(fs::read_to_string(folder.path().join("long.hpol")).expect("a file"), "package long\n\nx := 1 # one\n");
    let formatted = hpol_with_input(folder.path(), &["fmt", "-"], "package a\nx:=1\n");
    assert!(formatted.starts_with("exit 0\npackage a\n\nx := 1\n"), "{formatted}");
}

#[test]
fn missing_things_are_named() {
    let folder = TempDir::new().expect("a folder");
    assert_snapshot!("check_missing", hpol(folder.path(), &["check", "nowhere"]));
    assert_snapshot!("approvals_no_token", hpol(folder.path(), &["approvals", "list"]));
    assert_snapshot!("audit_no_store", hpol(folder.path(), &["audit", "verify"]));
    assert_snapshot!("proxy_no_config", hpol(folder.path(), &["proxy"]));
    fs::write(folder.path().join("hpol.yaml"), "listn: 127.0.0.1:80\n").expect("a file");
    assert_snapshot!("proxy_bad_config", hpol(folder.path(), &["proxy"]));
}

#[test]
fn version_completions_and_schema_are_printed() {
    let folder = TempDir::new().expect("a folder");
    command(folder.path(), &["version", "--json"]).assert().success();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = command(folder.path(), &["completions", shell]).assert().success();
        assert!(String::from_utf8_lossy(&script.get_output().stdout).contains("approvals"), "{shell}");
    }
    let schema = command(folder.path(), &["proxy", "--schema"]).assert().success();
    let schema: serde_json::Value = serde_json::from_slice(&schema.get_output().stdout).expect("JSON");
    assert!(schema["properties"]["upstreams"].is_object());
}

#[test]
fn demo_shows_every_outcome() {
    let folder = TempDir::new().expect("a folder");
    let shown = command(folder.path(), &["demo", "--once"]).assert().success();
    let out = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(out.ends_with("Every outcome was as announced.\n"), "{out}");
}

#[test]
fn builtins_are_shown_from_the_table() {
    let folder = TempDir::new().expect("a folder");
    let shown = |arguments: &[&str]| hpol(folder.path(), &[&["builtins"], arguments].concat());
    assert_snapshot!("builtins_help", shown(&["--help"]));
    assert_snapshot!("builtins_one", shown(&["bits.lsh"]));
    assert_snapshot!("builtins_domain", shown(&["semver"]));
    assert_snapshot!("builtins_json", shown(&["uuid.parse", "--json"]));
    assert_snapshot!("builtins_slip", shown(&["cuont"]));
    assert_snapshot!("builtins_search_nothing", shown(&["--search", "no builtin does this"]));
    assert!(shown(&["--search", "base64 url"]).contains("base64url.decode"));
    assert!(shown(&[]).contains("Versions and identifiers"));
}

#[test]
fn dependencies_are_shown_both_ways() {
    let examples = examples();
    let shown = |arguments: &[&str]| hpol(&examples, &[&["deps"], arguments].concat());
    assert_snapshot!("deps_help", shown(&["--help"]));
    assert_snapshot!("deps_package", shown(&["sql_guard.policy"]));
    assert_snapshot!("deps_reverse", shown(&["--reverse", "llm_gateway/models.json"]));
    assert_snapshot!("deps_slip", shown(&["sql_guard.polcy"]));
    assert!(shown(&["sql_guard.policy", "--format", "dot"]).contains("digraph dependencies"));
    let data = command(&examples, &["deps", "--format", "json"]).assert().success();
    let data: serde_json::Value = serde_json::from_slice(&data.get_output().stdout).expect("JSON");
    assert!(data["edges"].as_array().is_some_and(|edges| edges.len() > 10), "{data}");
}

#[test]
fn policies_are_inspected() {
    let (_folder, policy) = new_policy();
    let shown = hpol(&policy, &["inspect"]);
    // Sizes and revision change with every change of the compiler.
    let stable: Vec<&str> =
        shown.lines().filter(|line| !line.starts_with("plan: ") && !line.starts_with("policy ")).collect();
    assert_snapshot!("inspect", stable.join("\n"));
    let data = command(&policy, &["inspect", "--json"]).assert().success();
    let data: serde_json::Value = serde_json::from_slice(&data.get_output().stdout).expect("JSON");
    assert!(data["size"]["statements"].as_u64().is_some_and(|statements| statements > 10), "{data}");
    assert!(data["size"]["machine_code_bytes"].as_u64().is_some_and(|bytes| bytes > 100), "{data}");
    replace(&policy.join("policy.hpol"), "input.model in", "input.modle in");
    assert!(hpol(&policy, &["inspect"]).starts_with("exit 1\n"));
}

#[test]
fn lints_are_found_fixed_and_kept_away() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("p.rego");
    let text = "package p\n\nallow if {\n  re_match(\"^a\", input.name)\n  input.roles[_] != \"guest\"\n}\n";
    fs::write(&path, text).expect("a file");
    let shown = |arguments: &[&str]| hpol(folder.path(), &[&["lint"], arguments].concat());
    assert_snapshot!("lint_help", shown(&["--help"]));
    assert_snapshot!("lint", shown(&[]));
    assert_snapshot!("lint_github", shown(&["--format", "github"]));
    assert_snapshot!("lint_unknown", shown(&["--ignore", "not-equals-in-lop"]));
    let log = command(folder.path(), &["lint", "--format", "sarif"]).assert().code(1);
    let log: serde_json::Value = serde_json::from_slice(&log.get_output().stdout).expect("JSON");
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(2));
    assert!(shown(&["--only", "duplicate-rule"]).starts_with("exit 0\n"));
    assert_snapshot!("lint_fix", shown(&["--fix"]));
    assert!(fs::read_to_string(&path).expect("a file").contains("regex.match(\"^a\", input.name)"));
    assert!(shown(&["--ignore", "not-equals-in-loop"]).starts_with("exit 0\n"));
    fs::write(&path, "package p\n\nallow if {\n").expect("a file");
    assert_snapshot!("lint_unreadable", shown(&[]));
    assert!(hpol(&examples(), &["lint"]).starts_with("exit 0\n"), "{}", hpol(&examples(), &["lint"]));
}

#[test]
fn explain_names_the_nearest_and_explains_rules() {
    let folder = TempDir::new().expect("a folder");
    let policy = "package guard\n\ninput: Order\n\ntype Order = {amount: int, groups: array[string]}\n\nsmall if input.amount < 10\n\nallow \"small\" if {\n  \"staff\" in input.groups\n  small\n}\n\nallow \"managers\" if \"managers\" in input.groups\n";
    fs::write(folder.path().join("guard.hpol"), policy).expect("a file");
    fs::write(folder.path().join("order.json"), r#"{"amount": 20, "groups": ["staff"]}"#).expect("a file");
    let explained = |target: &str| {
        let shown = hpol(folder.path(), &["explain", target, "--input", "order.json"]);
        shown.lines().filter(|line| !line.starts_with("policy ")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!("explain_nearest", explained("guard"));
    assert_snapshot!("explain_rule", explained("data.guard.small"));
    assert_snapshot!("explain_help", hpol(folder.path(), &["explain", "--help"]));
    let data = command(folder.path(), &["explain", "guard", "--input", "order.json", "--json"]).assert().success();
    let data: serde_json::Value = serde_json::from_slice(&data.get_output().stdout).expect("JSON");
    let nearest = data["nearest"].as_u64().and_then(|nearest| data["rules"].get(usize::try_from(nearest).ok()?));
    assert_eq!(
        nearest.map(|rule| (&rule["id"], &rule["met"], &rule["conditions"])),
        Some((&"small".into(), &1.into(), &2.into()))
    );
}

#[test]
fn repl_answers_without_a_terminal() {
    let (_folder, policy) = new_policy();
    let typed = |arguments: &[&str], input: &str| hpol_with_input(&policy, &[&["repl"], arguments].concat(), input);
    assert_snapshot!("repl_help", typed(&["--help"], ""));
    let lines = "x := 3\nlarge if {\n  x > 2\n}\nlarge\n[1, 2][i]\n:type x + 1\n:input {\"a\": 1}\ninput.a + x\n:show\n:builtin semver.compare\n";
    assert_snapshot!("repl", typed(&[], lines));
    assert_snapshot!("repl_error", typed(&[], "1 + 1\nnothing_there\n2 + 2\n"));
    assert_snapshot!("repl_open", typed(&[], "x if {\n"));
    assert_snapshot!("repl_command", typed(&[], ":lod policies\n"));
    let request = ["--package", "gateway", "-i", "fixtures/request.json", "."];
    assert_snapshot!("repl_policy", typed(&request, "input.model\ninput.modle\n"));
    assert_snapshot!("repl_typed", typed(&["--profile", "hpol"], ":type [x | some x in [1, 2]]\n\"5\" > 18\n"));
    assert!(typed(&[], ":quit\nnothing_there\n").starts_with("exit 0\n"));
}

#[test]
fn rego_is_converted_with_what_is_left() {
    let folder = TempDir::new().expect("a folder");
    let old = "package p\n\nimport rego.v1\n\ndefault allow := false\n\n# Readers read.\nallow if input.role == \"reader\"\n\ntest_readers if allow with input as {\"role\": \"reader\"}\n";
    fs::write(folder.path().join("p.rego"), old).expect("a file");
    let schema = r#"{"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}}}"#;
    fs::write(folder.path().join("input.schema.json"), schema).expect("a file");
    let shown = |arguments: &[&str]| hpol(folder.path(), &[&["convert"], arguments].concat());
    assert_snapshot!("convert_help", shown(&["--help"]));
    assert_snapshot!("convert", shown(&["p.rego"]));
    assert_snapshot!("convert_schema", shown(&["p.rego", "--schema", "input=input.schema.json"]));
    assert_snapshot!("convert_wrong_schema", shown(&["p.rego", "--schema", "order.json"]));
    assert_snapshot!("convert_write", shown(&["p.rego", "--write"]));
    assert!(shown(&["p.rego", "--write"]).starts_with("exit 2\n"));
    fs::remove_file(folder.path().join("p.rego")).expect("the old file");
    assert!(hpol(folder.path(), &["test"]).contains("1 passed, 0 failed"), "{}", hpol(folder.path(), &["test"]));
    fs::write(folder.path().join("q.rego"), "package q\n\nallow := input.x if input.x != input.y[_]\n")
        .expect("a file");
    assert_snapshot!("convert_left", shown(&["q.rego"]));
    fs::write(folder.path().join("r.rego"), "package r\n\nallow if {\n").expect("a file");
    assert_snapshot!("convert_unreadable", shown(&["r.rego"]));
}
