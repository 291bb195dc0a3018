//! Follows the policies that a configuration names, and records what comes into force.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hpol_runtime::source::{
    Credentials, Event, FileLimits, FolderSource, Follower, FollowerOptions, GitOptions, GitReference, GitSource,
    Refreshed, Source,
};
use hpol_runtime::{Engine, Status};
use serde_json::json;
use tokio::sync::mpsc;

use crate::admin::PolicyControl;
use crate::config::{self, PolicyConfig, SecretError};
use crate::record::{AuditLog, Record, RecordKind, bounded};

/// Events that may wait to be recorded. They are rare: one for each look at the source that finds something.
const EVENTS_MAX: usize = 256;

/// Keeps an engine at the newest policies. Dropping the last of it ends the following; the engine keeps what it has.
#[derive(Debug)]
pub struct FollowedPolicy {
    engine: Engine,
    follower: Arc<Follower>,
    first: Refreshed,
}

/// What happens to the policies, until nobody follows them any more.
#[derive(Debug)]
pub struct PolicyEvents(mpsc::Receiver<Event>);

impl FollowedPolicy {
    /// Reads the policies once, and follows them from then on. [`FollowedPolicy::first`] tells what the first look came
    /// to: policies that are refused leave the engine without any, and it denies everything.
    ///
    /// # Errors
    ///
    /// A secret for the repository cannot be read.
    pub async fn start(config: &PolicyConfig, engine: Engine) -> Result<(Self, PolicyEvents), SecretError> {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let mut options = FollowerOptions {
            on_event: Arc::new(move |event: &Event| {
                if let Err(error) = sender.try_send(event.clone()) {
                    tracing::warn!("an event of the policies is not recorded: {error}");
                }
            }),
            ..FollowerOptions::default()
        };
        let source: Box<dyn Source> = match config {
            PolicyConfig::Folder(folder) => Box::new(FolderSource::new(folder, FileLimits::default())),
            PolicyConfig::Git(git) => {
                options.poll = git.poll;
                Box::new(GitSource::new(git_options(git)?))
            }
        };
        // Reading and compiling block.
        let engine_of_follower = engine.clone();
        let start = move || Follower::start(engine_of_follower, source, options);
        let (follower, first) = match tokio::task::spawn_blocking(start).await {
            Ok(started) => started,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        Ok((Self { engine, follower: Arc::new(follower), first }, PolicyEvents(events)))
    }

    /// What the first look at the policies came to.
    pub fn first(&self) -> &Refreshed {
        &self.first
    }
}

impl PolicyControl for FollowedPolicy {
    fn status(&self) -> Status {
        self.engine.status()
    }

    fn reload(&self) -> BoxFuture<'_, Status> {
        let follower = self.follower.clone();
        Box::pin(async move {
            // Waits for the follower's thread. What it came to shows in the status.
            if let Err(error) = tokio::task::spawn_blocking(move || follower.refresh()).await {
                tracing::error!("looking for newer policies broke off: {error}");
            }
            self.engine.status()
        })
    }
}

impl PolicyEvents {
    /// Records events until nobody follows the policies any more.
    pub async fn record(mut self, log: AuditLog) {
        while let Some(event) = self.0.recv().await {
            if let Err(error) = log.append(record(&event)).await {
                tracing::error!(code = error.code(), "an event of the policies is not recorded: {error}");
            }
        }
    }
}

fn record(event: &Event) -> Record {
    match event {
        Event::Loaded { revision, policy_hash, generation } => {
            let body = json!({"revision": revision, "policy_hash": policy_hash, "generation": generation});
            Record::new(RecordKind::PolicyLoaded, body)
        }
        Event::Rejected(rejection) => {
            let body = json!({"revision": rejection.revision, "message": bounded(&rejection.message)});
            Record::new(RecordKind::PolicyRejected, body)
        }
        Event::Unreadable(error) => {
            Record::new(RecordKind::PolicyUnreadable, json!({"message": bounded(&error.to_string())}))
        }
        Event::Readable => Record::new(RecordKind::PolicyReadable, json!({})),
    }
}

fn git_options(config: &config::GitConfig) -> Result<GitOptions, SecretError> {
    let mut options = GitOptions::new(&config.url, &config.cache);
    options.reference = match config.reference() {
        config::GitReference::Branch(name) => GitReference::Branch(name.to_owned()),
        config::GitReference::Tag(name) => GitReference::Tag(name.to_owned()),
    };
    if let Some(path) = &config.path {
        options.subfolder = path.to_string_lossy().into_owned();
    }
    if let Some(credentials) = &config.credentials {
        let password = credentials.password.read()?.expose().to_owned();
        options.credentials = Some(Credentials { username: credentials.username.clone(), password });
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
