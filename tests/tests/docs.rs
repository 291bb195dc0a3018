//! Every policy in the docs is one that the compiler takes, and its tests pass; those that it must refuse it refuses.
//!
//! What stands behind the three backticks says what a block is:
//!
//! | | |
//! |---|---|
//! | `hpol`, `rego` | a file, if it starts a package; all of a page are loaded together |
//! | `hpol PATH`, `json PATH` | a file or a document at this place beside them |
//! | `hpol refused CODE` | a file that is refused alone, with this code first |

use std::path::{Path, PathBuf};

use hpol_runtime::source::Files;
use hpol_runtime::test::{self, TestOptions};
use hpol_runtime::{Engine, EngineOptions};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block: what stands behind the backticks, and its text.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { info: info.to_owned(), text: text.join("\n") + "\n" });
        }
    }
    blocks
}

/// The files of a page that are loaded together.
fn files(page: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (at, Block { info, text }) in blocks(page).into_iter().enumerate() {
        let name = match info.split_once(' ') {
            None if info == "hpol" || info == "rego" => format!("block_{at}.{info}"),
            Some(("hpol" | "json", path)) if !path.contains(' ') => path.to_owned(),
            _ => continue,
        };
        if name.ends_with(".json") || text.contains("package ") {
            files.push((name, text.into_bytes()));
        }
    }
    files
}

fn load(files: Vec<(String, Vec<u8>)>, page: &str) -> Engine {
    let engine = Engine::new(EngineOptions::default());
    if let Err(error) = engine.load(&Files::from_memory(files)) {
        panic!("{page}:\n{error}");
    }
    engine
}

#[test]
fn language_reference_holds() {
    let files = files(&read("docs/language.md"));
    assert!(files.len() >= 20, "the page lost its examples");
    let engine = load(files, "docs/language.md");
    let results = test::run(&engine, &TestOptions::default()).expect("tests run");
    assert!(results.len() >= 15, "{results:?}");
    for result in results {
        assert!(result.outcome.passed(), "{}: {:?}", result.name, result.outcome);
    }
}

#[test]
fn examples_of_policy_tests_hold() {
    let files = files(&read("docs/policy-tests.md"));
    assert!(files.len() >= 2, "the page lost its examples");
    let engine = load(files, "docs/policy-tests.md");
    for result in test::run(&engine, &TestOptions::default()).expect("tests run") {
        assert!(result.outcome.passed(), "{}: {:?}", result.name, result.outcome);
    }
}

#[test]
fn what_the_language_reference_refuses_is_refused() {
    let mut refused = 0;
    for Block { info, text } in blocks(&read("docs/language.md")) {
        let Some(code) = info.strip_prefix("hpol refused ") else { continue };
        let engine = Engine::new(EngineOptions::default());
        let error = engine.load(&Files::from_memory([("block.hpol", text.clone())])).expect_err(&text);
        let codes: Vec<&str> = error.rejection.diagnostics.iter().map(|finding| finding.code).collect();
        assert_eq!(codes.first(), Some(&code), "{text}{error}");
        refused += 1;
    }
    assert!(refused >= 8, "the page lost its examples");
}

#[test]
fn readme_policy_holds() {
    let mut files = files(&read("README.md"));
    assert!(!files.is_empty(), "the README lost its example");
    for name in ["models.json", "models.schema.json"] {
        files
            .push((format!("llm_gateway/{name}"), read(&format!("policies-examples/llm_gateway/{name}")).into_bytes()));
    }
    load(files, "README.md");
}
