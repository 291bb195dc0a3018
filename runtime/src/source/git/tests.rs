use std::fs;

use gix::objs::tree::{Entry, EntryKind};
use tempfile::TempDir;

use super::*;
use crate::test_support::repository::Repository;

const GUARD: (&str, &str) = ("policies/guard.hpol", "package guard\n");

fn source(options: GitOptions) -> GitSource {
    GitSource::new(options)
}

fn options(repository: &Repository) -> GitOptions {
    GitOptions::new(repository.path().display().to_string(), repository.path().join("unused"))
}

fn paths(files: &Files) -> Vec<&str> {
    files.iter().map(|(path, _)| &**path).collect()
}

#[test]
fn the_head_of_a_repository_on_this_machine_is_read_in_place() {
    let repository = Repository::new();
    let commit = repository.commit("main", &[GUARD, ("README.md", "text"), (".ci/job.json", "{}")]);
    let files = source(options(&repository)).read().expect("the repository is read");
    assert_eq!(files.revision().as_ref(), commit);
    assert_eq!(paths(&files), ["policies/guard.hpol"]);
}

#[test]
fn a_source_follows_its_branch() {
    let repository = Repository::new();
    let first = repository.commit("main", &[GUARD]);
    let mut main = source(options(&repository));
    assert_eq!(main.read().expect("it is read").revision().as_ref(), first);
    let second = repository.commit("main", &[("b.hpol", "package b\n")]);
    let files = main.read().expect("it is read");
    assert_eq!((files.revision().as_ref(), paths(&files)), (second.as_str(), vec!["b.hpol"]));

    let other = repository.commit("release", &[("c.hpol", "package c\n")]);
    assert_eq!(main.read().expect("it is read").revision().as_ref(), second);
    let mut release =
        GitSource::new(GitOptions { reference: GitReference::Branch("release".to_owned()), ..options(&repository) });
    assert_eq!(release.read().expect("it is read").revision().as_ref(), other);
}

#[test]
fn a_tag_names_its_commit_whether_annotated_or_not() {
    let repository = Repository::new();
    let first = repository.commit("main", &[GUARD]);
    repository.tag("v1", &first, false);
    repository.tag("v2", &first, true);
    repository.commit("main", &[("b.hpol", "package b\n")]);
    for tag in ["v1", "v2"] {
        let reference = GitReference::Tag(tag.to_owned());
        let files = source(GitOptions { reference, ..options(&repository) }).read().expect("it is read");
        assert_eq!(files.revision().as_ref(), first);
    }
}

#[test]
fn paths_are_relative_to_the_subfolder() {
    let repository = Repository::new();
    repository.commit("main", &[GUARD, ("other/x.hpol", "package x\n")]);
    let at = |subfolder: &str| source(GitOptions { subfolder: subfolder.to_owned(), ..options(&repository) }).read();
    assert_eq!(paths(&at("policies/").expect("it is read")), ["guard.hpol"]);
    let error = at("policy").expect_err("there is no such folder").to_string();
    assert!(error.contains("has no folder `policy` at commit"), "{error}");
    assert!(at("policies/guard.hpol").is_err());
}

#[test]
fn what_is_missing_is_named() {
    let repository = Repository::new();
    let error = source(options(&repository)).read().expect_err("there is no commit").to_string();
    assert!(error.ends_with("has no commit at `HEAD`"), "{error}");
    repository.commit("main", &[GUARD]);
    let reference = GitReference::Branch("relase".to_owned());
    let error = source(GitOptions { reference, ..options(&repository) }).read().expect_err("there is no such branch");
    assert!(error.to_string().ends_with("has no branch `relase`"), "{error}");
    let mut gone = source(options(&repository));
    assert!(gone.read().is_ok());
    fs::remove_dir_all(repository.path()).expect("the repository is removed");
    assert!(matches!(gone.read(), Err(SourceError::Unreadable { .. })));
}

#[test]
fn links_and_limits_are_errors() {
    let repository = Repository::new();
    let opened = repository.open();
    let target = opened.write_blob("/etc/passwd").expect("a blob").detach();
    let entry = Entry { mode: EntryKind::Link.into(), filename: "guard.hpol".into(), oid: target };
    let tree = opened.write_object(gix::objs::Tree { entries: vec![entry] }).expect("a tree").detach();
    repository.commit_tree("main", tree);
    assert!(matches!(source(options(&repository)).read(), Err(SourceError::Link { .. })));

    repository.commit("main", &[("a/b/c/d.hpol", "package d\n")]);
    let limits = FileLimits { depth_max: 3, ..FileLimits::default() };
    assert!(matches!(source(GitOptions { limits, ..options(&repository) }).read(), Err(SourceError::Limit { .. })));
    let limits = FileLimits { file_bytes_max: 3, ..FileLimits::default() };
    assert!(matches!(source(GitOptions { limits, ..options(&repository) }).read(), Err(SourceError::Limit { .. })));
}

#[test]
fn an_address_is_fetched_and_followed() {
    let repository = Repository::new();
    let first = repository.commit("main", &[GUARD]);
    let cache = TempDir::new().expect("a temporary folder");
    let address = format!("file://{}", repository.path().display());
    let reference = GitReference::Branch("main".to_owned());
    let mut fetched = source(GitOptions { reference, ..GitOptions::new(&address, cache.path()) });
    let files = fetched.read().expect("it is fetched");
    assert_eq!((files.revision().as_ref(), paths(&files)), (first.as_str(), vec!["policies/guard.hpol"]));

    let second = repository.commit("main", &[("b.hpol", "package b\n")]);
    assert_eq!(fetched.read().expect("it is fetched").revision().as_ref(), second);
    repository.reset("main", &first);
    assert_eq!(fetched.read().expect("a branch that was set back is followed").revision().as_ref(), first);

    repository.tag("v1", &second, true);
    let reference = GitReference::Tag("v1".to_owned());
    let mut tagged = source(GitOptions { reference, ..GitOptions::new(&address, cache.path()) });
    assert_eq!(tagged.read().expect("it is fetched").revision().as_ref(), second);
    let mut head = source(GitOptions::new(&address, cache.path()));
    assert_eq!(head.read().expect("it is fetched").revision().as_ref(), first);

    fs::remove_dir_all(repository.path()).expect("the repository is removed");
    assert!(matches!(fetched.read(), Err(SourceError::Unreadable { .. })));
}

#[test]
fn a_fetch_that_takes_too_long_or_too_much_is_given_up() {
    // A server that accepts and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://127.0.0.1:{}/policies.git", listener.local_addr().expect("an address").port());
    let cache = TempDir::new().expect("a temporary folder");
    let fetch_time = Duration::from_millis(50);
    let mut slow = source(GitOptions { fetch_time, ..GitOptions::new(&address, cache.path()) });
    let error = slow.read().expect_err("it takes too long").to_string();
    assert_eq!(error, format!("fetching `{address}` was given up: it took longer than 50ms"));
    let error = slow.read().expect_err("the first fetch still hangs").to_string();
    assert!(error.ends_with("an earlier fetch has not ended yet"), "{error}");
}

#[test]
fn addresses_are_told_from_paths_and_shown_without_credentials() {
    for address in ["https://example.com/p.git", "git@example.com:p.git", "ssh://example.com/p"] {
        assert!(is_address(address), "{address}");
    }
    for path in ["policies", "/srv/policies", "./a:b", "../x/y:z"] {
        assert!(!is_address(path), "{path}");
    }
    assert_eq!(fetch::without_credentials("https://ada:secret@example.com/p.git"), "https://example.com/p.git");
    assert_eq!(fetch::without_credentials("https://example.com/a@b"), "https://example.com/a@b");
    let credentials = Credentials { username: "ada".to_owned(), password: "secret".to_owned() };
    assert!(!format!("{credentials:?}").contains("secret"));
}
