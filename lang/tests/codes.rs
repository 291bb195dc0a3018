//! The list of codes is complete: each code in the sources stands in it, and each in it is shown by a case.

use std::collections::BTreeSet;
use std::path::Path;

use hpol_lang::codes::{CODES, meaning, page};

/// Texts of all files below a folder with an ending.
fn texts(folder: &Path, ending: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            texts(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(std::fs::read_to_string(&path).expect("the file can be read"));
        }
    }
}

#[test]
fn codes_are_sorted_and_found() {
    assert!(CODES.is_sorted_by(|left, right| left.name < right.name));
    assert!(meaning("unknown-field").is_some());
    assert!(meaning("unknown-fields").is_none());
    assert!(CODES.len() >= 60);
}

#[test]
fn each_code_is_shown_by_a_case() {
    let mut snapshots = Vec::new();
    texts(Path::new("tests"), ".snap", &mut snapshots);
    let shown: BTreeSet<&str> = snapshots
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("error[").or_else(|| line.strip_prefix("warning[")))
        .filter_map(|line| line.split_once(']'))
        .map(|(code, _)| code)
        .collect();
    let unlisted: Vec<&&str> = shown.iter().filter(|code| meaning(code).is_none()).collect();
    assert!(unlisted.is_empty(), "not in the list: {unlisted:?}");
    // What only files that are too large, too deep or not text lead to has tests of its own.
    let elsewhere =
        ["document-too-deep", "file-too-large", "not-a-type", "not-text", "too-complex", "too-deep", "too-many-uses"];
    let missing: Vec<&str> =
        CODES.iter().map(|code| code.name).filter(|code| !shown.contains(code) && !elsewhere.contains(code)).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
}

#[test]
fn each_code_of_the_sources_is_listed() {
    let mut sources = Vec::new();
    texts(Path::new("src"), ".rs", &mut sources);
    let mut unlisted = BTreeSet::new();
    for text in &sources {
        for start in ["Diagnostic::error(", "Diagnostic::warning("] {
            for after in text.split(start).skip(1) {
                let argument = after.trim_start();
                let Some(code) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
                if meaning(code).is_none() {
                    unlisted.insert(code.to_owned());
                }
            }
        }
    }
    assert!(unlisted.is_empty(), "not in the list: {unlisted:?}");
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new("../docs/diagnostics.md");
    if std::env::var_os("HPOL_UPDATE_DOCS").is_some() {
        std::fs::write(path, page()).expect("the page can be written");
    }
    let written = std::fs::read_to_string(path).expect("the page can be read");
    assert!(written == page(), "run the tests of hpol-lang with HPOL_UPDATE_DOCS=1 to write docs/diagnostics.md again");
}
