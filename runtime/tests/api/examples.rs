//! The example policies, with their own tests, on both evaluators.

use std::path::Path;

use hpol_runtime::source::{FileLimits, FolderSource, Source};
use hpol_runtime::test::{TestOptions, run};
use hpol_runtime::{Engine, EngineKind, EngineOptions};

#[test]
fn the_example_policies_pass_their_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies-examples");
    let files = FolderSource::new(folder, FileLimits::default()).read().expect("the examples are read");
    let engine = Engine::new(EngineOptions::default());
    if let Err(error) = engine.load(&files) {
        panic!("{error}");
    }
    let engines = vec![EngineKind::Jit, EngineKind::Interpreter];
    let results = run(&engine, &TestOptions { engines, ..TestOptions::default() }).expect("policies are loaded");
    assert!(results.len() > 40, "{} results", results.len());
    let failed = results.iter().filter(|result| !result.outcome.passed());
    let failed: Vec<String> =
        failed.map(|result| format!("{} {} {:?}", result.location, result.name, result.outcome)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
