//! Following a folder, with a real engine, and what is recorded of it.

use std::path::Path;

use hpol_runtime::{EngineOptions, Input, Value};

use super::*;
use crate::clock::Clock;
use crate::config::{GitConfig, GitCredentials, SecretSource};
use crate::metrics::Metrics;
use crate::record::{self, Filter};
use crate::testing::TestStore;

fn write(folder: &Path, rule: &str) {
    std::fs::write(folder.join("policy.hpol"), format!("package p\n\ninput: http.Request\n\n{rule}\n"))
        .expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_policies_come_into_force_and_bad_ones_do_not() {
    let outer = tempfile::tempdir().expect("temporary folder");
    let folder = outer.path().join("policies");
    std::fs::create_dir(&folder).expect("made");
    write(&folder, "allow \"first\" if true");
    let engine = Engine::new(EngineOptions::default());
    let config = PolicyConfig::Folder(folder.clone());
    let (policy, events) = FollowedPolicy::start(&config, engine.clone()).await.expect("no secrets to read");
    assert!(matches!(policy.first(), Refreshed::Loaded { .. }), "{:?}", policy.first());
    let first = policy.status();
    assert_eq!((first.generation, first.last_error.is_none()), (1, true));

    let test = TestStore::open().await;
    let (log, writer) = AuditLog::start(&test.store, &Metrics::new(), Clock::system());
    let recorder = tokio::spawn(events.record(log.clone()));

    write(&folder, "allow \"second\" if tru");
    let refused = policy.reload().await;
    assert_eq!((refused.generation, refused.revision), (1, first.revision.clone()));
    assert!(refused.last_error.is_some());
    write(&folder, "allow \"third\" if true");
    let third = policy.reload().await;
    assert_eq!((third.generation, third.last_error.is_none()), (2, true));
    assert_ne!(third.policy_hash, first.policy_hash);
    std::fs::rename(&folder, outer.path().join("elsewhere")).expect("moved away");
    let gone = policy.reload().await;
    assert_eq!(gone.generation, 2, "the last good one stays");
    assert!(gone.source_error.is_some());
    // Whoever is asked now still answers with it.
    let decision = engine.decide(&Input::new("http.Request", Value::Null));
    assert_eq!(Some(decision.policy_hash), third.policy_hash);

    drop(policy);
    recorder.await.expect("it ends when nobody follows any more");
    drop(log);
    writer.finish().await;
    let page = record::list(&test.store, &Filter::default()).await.expect("readable");
    let mut kinds: Vec<_> = page.entries.iter().rev().map(|entry| entry.kind.as_str()).collect();
    // A folder that goes while it is being read may be unreadable in two ways.
    kinds.dedup();
    assert_eq!(kinds, ["policy_loaded", "policy_rejected", "policy_loaded", "policy_unreadable"]);
}

#[test]
fn settings_of_a_repository_are_passed_on() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "secret\n").expect("written");
    let config = GitConfig {
        url: "https://git.example.com/p.git".to_owned(),
        branch: None,
        tag: Some("v1".to_owned()),
        path: Some("gateway".into()),
        poll: std::time::Duration::from_secs(1),
        cache: "cache".into(),
        credentials: Some(GitCredentials { username: "bot".to_owned(), password: SecretSource::File(path) }),
    };
    let options = git_options(&config).expect("the secret is there");
    assert_eq!(options.location, config.url);
    assert_eq!(options.reference, GitReference::Tag("v1".to_owned()));
    assert_eq!((options.subfolder.as_str(), options.cache_folder), ("gateway", config.cache));
    let expected = Credentials { username: "bot".to_owned(), password: "secret".to_owned() };
    assert_eq!(options.credentials, Some(expected));
}
