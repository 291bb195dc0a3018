//! Every policy in the docs is one that the compiler takes, and its tests pass.

use std::path::{Path, PathBuf};

use hpol_runtime::source::Files;
use hpol_runtime::test::{self, TestOptions};
use hpol_runtime::{Engine, EngineOptions};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The blocks of a page that start a package.
fn policies(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == "```hpol" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks.retain(|block| block.contains("package "));
    blocks
}

fn load(files: &Files, page: &str) -> Engine {
    let engine = Engine::new(EngineOptions::default());
    if let Err(error) = engine.load(files) {
        panic!("{page}:\n{error}");
    }
    engine
}

#[test]
fn language_reference_holds() {
    let page = std::fs::read_to_string(root().join("docs/language.md")).expect("the page");
    let blocks = policies(&page);
    assert!(blocks.len() >= 5, "the page lost its examples");
    let files = blocks.iter().enumerate().map(|(at, block)| (format!("block_{at}.hpol"), block.as_bytes()));
    let engine = load(&Files::from_memory(files), "docs/language.md");
    let results = test::run(&engine, &TestOptions::default()).expect("tests run");
    assert!(results.len() >= 4, "{results:?}");
    for result in results {
        assert!(result.outcome.passed(), "{}: {:?}", result.name, result.outcome);
    }
}

#[test]
fn readme_policy_holds() {
    let page = std::fs::read_to_string(root().join("README.md")).expect("the page");
    let models = root().join("policies-examples/llm_gateway");
    let read = |name: &str| std::fs::read(models.join(name)).expect("a file");
    let mut files = vec![
        ("llm_gateway/models.json".to_owned(), read("models.json")),
        ("llm_gateway/models.schema.json".to_owned(), read("models.schema.json")),
    ];
    for (at, block) in policies(&page).into_iter().enumerate() {
        files.push((format!("block_{at}.hpol"), block.into_bytes()));
    }
    assert!(files.len() > 2, "the README lost its example");
    load(&Files::from_memory(files), "README.md");
}
