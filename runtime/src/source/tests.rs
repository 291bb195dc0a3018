use std::fs;

use super::*;
use crate::source::{FolderSource, Source};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders are made");
        fs::write(path, content).expect("a file is written");
    }
    folder
}

fn read(folder: &tempfile::TempDir, limits: FileLimits) -> Result<Files, SourceError> {
    FolderSource::new(folder.path(), limits).read()
}

fn paths(files: &Files) -> Vec<&str> {
    files.iter().map(|(path, _)| &**path).collect()
}

#[test]
fn only_policy_files_and_documents_that_are_not_hidden_count() {
    let folder = folder(&[
        ("guard.hpol", "package guard"),
        ("old/legacy.rego", "package legacy"),
        ("old/roles.json", "{}"),
        ("README.md", "# text"),
        (".git/config.json", "{}"),
        (".hidden.hpol", "package hidden"),
    ]);
    let files = read(&folder, FileLimits::default()).expect("the folder is read");
    assert_eq!(paths(&files), ["guard.hpol", "old/legacy.rego", "old/roles.json"]);
    assert_eq!(files.get("guard.hpol"), Some(&b"package guard"[..]));
    assert_eq!(files.revision().as_ref(), format!("folder:{}", &files.hash()[..16]));
}

#[test]
fn the_hash_tells_apart_what_runs_together() {
    let hash = |files: &[(&str, &str)]| Files::from_memory(files.iter().copied()).hash().clone();
    assert_ne!(hash(&[("a.hpol", "bc")]), hash(&[("a.hpolb", "c")]));
    assert_ne!(hash(&[("a.hpol", ""), ("b.hpol", "")]), hash(&[("a.hpol", "b.hpol")]));
    assert_eq!(hash(&[("a.hpol", "1"), ("b.hpol", "2")]), hash(&[("b.hpol", "2"), ("a.hpol", "1")]));
}

#[test]
fn limits_are_named_with_the_file_that_passes_them() {
    let folder = folder(&[("a.hpol", "package a"), ("b/c/d.hpol", "package d")]);
    let error = |limits: FileLimits| read(&folder, limits).expect_err("a limit is passed").to_string();
    let limits = FileLimits::default();
    let messages = [
        error(FileLimits { files_max: 1, ..limits }),
        error(FileLimits { entries_max: 2, ..limits }),
        error(FileLimits { file_bytes_max: 5, ..limits }),
        error(FileLimits { total_bytes_max: 10, ..limits }),
        error(FileLimits { depth_max: 2, ..limits }),
    ];
    assert_eq!(
        messages,
        [
            "`b/c/d.hpol` passes a limit on policy files: 1 files",
            "`b/c` passes a limit on policy files: 2 entries",
            "`a.hpol` passes a limit on policy files: 5 bytes in a file",
            "`b/c/d.hpol` passes a limit on policy files: 10 bytes in all files",
            "`b/c/d.hpol` passes a limit on policy files: 2 folders deep",
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = folder(&[]);
    let error = FolderSource::new(folder.path().join("gone"), FileLimits::default()).read();
    assert!(matches!(error, Err(SourceError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn links_within_the_folder_are_followed_and_others_are_errors() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[("secret.json", "{}")]);
    let inside = folder(&[("..data/guard.hpol", "package guard")]);
    symlink("..data/guard.hpol", inside.path().join("guard.hpol")).expect("a link is made");
    symlink("/nowhere", inside.path().join("notes.txt")).expect("a link is made");
    let files = read(&inside, FileLimits::default()).expect("the folder is read");
    assert_eq!(files.get("guard.hpol"), Some(&b"package guard"[..]));

    let link = inside.path().join("secret.json");
    symlink(outside.path().join("secret.json"), &link).expect("a link is made");
    let error = read(&inside, FileLimits::default()).expect_err("the link leads out").to_string();
    assert_eq!(
        error,
        "`secret.json` is a link that is not followed: it leads out of the policy folder; put the file there"
    );

    fs::remove_file(&link).expect("the link is removed");
    symlink(outside.path(), inside.path().join("more")).expect("a link is made");
    let error = read(&inside, FileLimits::default()).expect_err("the link names a folder");
    assert!(matches!(error, SourceError::Link { .. }));
}
