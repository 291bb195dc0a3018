use std::fs;
use std::sync::{Condvar, Mutex};

use hpol_lang::value::{JsonLimits, parse_json};

use super::*;
use crate::source::{FileLimits, FolderSource, GitOptions, GitSource};
use crate::test_support::repository::Repository;
use crate::{Effect, EngineOptions, Input};

const ALLOWS: &str = "package guard\ninput: Request\ntype Request = { user: string }\nallow \"all\"\n";
const DENIES: &str = "package guard\ninput: Request\ntype Request = { user: string }\nallow \"all\"\ndeny \"stop\"\n";
const BROKEN: &str = "package guard\nallow \"all\" if {\n";

/// Long enough for the slowest machine; nothing waits this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that a follower told.
#[derive(Default)]
struct Events {
    list: Mutex<Vec<Event>>,
    more: Condvar,
}

impl Events {
    fn options(self: &Arc<Self>, poll: Duration) -> FollowerOptions {
        let events = Arc::clone(self);
        let on_event = move |event: &Event| {
            events.list.lock().expect("not poisoned").push(event.clone());
            events.more.notify_all();
        };
        FollowerOptions { poll, on_event: Arc::new(on_event), ..FollowerOptions::default() }
    }

    /// Waits for an event and forgets it and those before it.
    fn wait(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let list = self.list.lock().expect("not poisoned");
        let missing = |list: &mut Vec<Event>| !list.iter().any(&wanted);
        let (mut list, timeout) = self.more.wait_timeout_while(list, PATIENCE, missing).expect("not poisoned");
        assert!(!timeout.timed_out(), "the event did not come; these came: {list:#?}");
        let at = list.iter().position(&wanted).expect("it is there");
        list.drain(..=at).next_back().expect("it is there")
    }
}

fn effect(engine: &Engine) -> Effect {
    let value = parse_json(r#"{"user": "ada"}"#, JsonLimits::default()).expect("valid JSON");
    engine.decide(&Input::new("Request", value)).effect
}

fn is_loaded(event: &Event) -> bool {
    matches!(event, Event::Loaded { .. })
}

fn is_rejected(event: &Event) -> bool {
    matches!(event, Event::Rejected(_))
}

/// A poll that never comes within a test.
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn a_change_of_the_folder_is_loaded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("guard.hpol");
    fs::write(&file, ALLOWS).expect("a file is written");
    let engine = Engine::new(EngineOptions::default());
    assert_eq!(effect(&engine), Effect::Deny);
    let events = Arc::new(Events::default());
    let source = FolderSource::new(folder.path(), FileLimits::default());
    let (follower, first) = Follower::start(engine.clone(), Box::new(source), events.options(NEVER));
    assert!(matches!(first, Refreshed::Loaded { .. }), "{first:?}");
    assert_eq!(effect(&engine), Effect::Allow);
    events.wait(is_loaded);

    fs::write(&file, DENIES).expect("a file is written");
    events.wait(is_loaded);
    assert_eq!(effect(&engine), Effect::Deny);

    fs::write(&file, BROKEN).expect("a file is written");
    events.wait(is_rejected);
    let status = engine.status();
    assert_eq!(status.generation, 2);
    assert!(status.last_error.is_some_and(|error| error.message.contains("guard.hpol")));
    assert_eq!(effect(&engine), Effect::Deny);

    // A new folder within the folder is watched too.
    fs::write(&file, ALLOWS).expect("a file is written");
    events.wait(is_loaded);
    fs::create_dir(folder.path().join("more")).expect("a folder is made");
    let more = "package more\ninput: Request\ntype Request = { user: string }\ndeny \"stop\"\n";
    fs::write(folder.path().join("more/more.hpol"), more).expect("a file is written");
    events.wait(is_loaded);
    assert_eq!(effect(&engine), Effect::Deny);
    drop(follower);
}

#[test]
fn a_branch_is_followed_and_a_broken_commit_keeps_the_last_good_one() {
    let repository = Repository::new();
    let first = repository.commit("main", &[("guard.hpol", ALLOWS)]);
    let engine = Engine::new(EngineOptions::default());
    let events = Arc::new(Events::default());
    let options = GitOptions::new(repository.path().display().to_string(), repository.path().join("unused"));
    let (follower, loaded) = Follower::start(engine.clone(), Box::new(GitSource::new(options)), events.options(NEVER));
    assert!(matches!(loaded, Refreshed::Loaded { revision } if *revision == *first));
    assert!(matches!(follower.refresh(), Refreshed::Unchanged));

    let broken = repository.commit("main", &[("guard.hpol", BROKEN)]);
    let Refreshed::Rejected(rejection) = follower.refresh() else { panic!("a broken commit was not refused") };
    assert_eq!(*rejection.revision, *broken);
    assert!(rejection.message.contains("guard.hpol"), "{}", rejection.message);
    assert!(!rejection.diagnostics.is_empty());
    assert!(matches!(follower.refresh(), Refreshed::Unchanged), "a refused commit is not tried again");
    let status = engine.status();
    assert_eq!((status.revision.as_deref(), effect(&engine)), (Some(first.as_str()), Effect::Allow));

    let third = repository.commit("main", &[("guard.hpol", DENIES)]);
    assert!(matches!(follower.refresh(), Refreshed::Loaded { revision } if *revision == *third));
    let status = engine.status();
    assert_eq!((status.revision.as_deref(), effect(&engine)), (Some(third.as_str()), Effect::Deny));
    assert!(status.last_error.is_none());
}

#[test]
fn a_repository_that_vanishes_is_reported_and_the_last_good_one_stays() {
    let repository = Repository::new();
    repository.commit("main", &[("guard.hpol", ALLOWS)]);
    let engine = Engine::new(EngineOptions::default());
    let events = Arc::new(Events::default());
    let options = GitOptions::new(repository.path().display().to_string(), repository.path().join("unused"));
    let (follower, _) = Follower::start(engine.clone(), Box::new(GitSource::new(options)), events.options(NEVER));
    let moved = tempfile::tempdir().expect("a temporary folder");
    let elsewhere = moved.path().join("elsewhere");
    fs::rename(repository.path(), &elsewhere).expect("the repository is moved");
    assert!(matches!(follower.refresh(), Refreshed::Unreadable(_)));
    assert!(matches!(follower.refresh(), Refreshed::Unreadable(_)));
    assert!(engine.status().source_error.is_some());
    assert_eq!(effect(&engine), Effect::Allow);
    events.wait(|event| matches!(event, Event::Unreadable(_)));
    fs::rename(&elsewhere, repository.path()).expect("the repository is moved back");
    assert!(matches!(follower.refresh(), Refreshed::Unchanged));
    events.wait(|event| matches!(event, Event::Readable));
    assert!(engine.status().source_error.is_none());
    let told = events.list.lock().expect("not poisoned");
    assert!(told.is_empty(), "one event for each change of the state: {told:#?}");
}

#[test]
fn a_branch_is_polled() {
    let repository = Repository::new();
    repository.commit("main", &[("guard.hpol", ALLOWS)]);
    let engine = Engine::new(EngineOptions::default());
    let events = Arc::new(Events::default());
    let options = GitOptions::new(repository.path().display().to_string(), repository.path().join("unused"));
    let poll = events.options(Duration::from_millis(20));
    let (_follower, _) = Follower::start(engine.clone(), Box::new(GitSource::new(options)), poll);
    events.wait(is_loaded);
    let second = repository.commit("main", &[("guard.hpol", DENIES)]);
    let event = events.wait(is_loaded);
    assert!(matches!(event, Event::Loaded { revision, .. } if *revision == *second));
    assert_eq!(effect(&engine), Effect::Deny);
}
