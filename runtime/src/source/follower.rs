//! Keeps an engine at the newest revision of a source that compiles.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Files, Source, SourceError};
use crate::engine::{Engine, Status};
use crate::error::{LoadError, Rejection};
use crate::guard::{DEFECT, guarded};

/// How a follower works.
#[derive(Clone)]
pub struct FollowerOptions {
    /// Time between looks at the source. A folder is watched besides, so that this only backs up the watch there.
    pub poll: Duration,
    /// How long a folder must be quiet before it is read, so that a half-written change is not.
    pub settle: Duration,
    /// Told of everything that happens, on the follower's thread: keep it short.
    pub on_event: Arc<dyn Fn(&Event) + Send + Sync>,
}

impl Default for FollowerOptions {
    fn default() -> Self {
        Self { poll: Duration::from_secs(10), settle: Duration::from_millis(200), on_event: Arc::new(|_| {}) }
    }
}

impl std::fmt::Debug for FollowerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut options = f.debug_struct("FollowerOptions");
        options.field("poll", &self.poll).field("settle", &self.settle).finish_non_exhaustive()
    }
}

/// What happened to the policies.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new generation decides from now on.
    Loaded {
        /// Its revision.
        revision: Arc<str>,
        /// SHA-256 of its files.
        policy_hash: Arc<str>,
        /// Its number.
        generation: u64,
    },
    /// A revision was refused; the last good one stays.
    Rejected(Box<Rejection>),
    /// The source can't be read; the last good revision stays. Told once until it can be read again or fails otherwise.
    Unreadable(SourceError),
    /// The source can be read again.
    Readable,
}

/// What a look at the source came to.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// There is nothing new.
    Unchanged,
    /// A new generation decides from now on.
    Loaded {
        /// Its revision.
        revision: Arc<str>,
    },
    /// What is new was refused.
    Rejected(Box<Rejection>),
    /// The source can't be read.
    Unreadable(SourceError),
}

/// Watches a source on a thread of its own. Dropping it ends the thread; the engine keeps its generation.
#[derive(Debug)]
pub struct Follower {
    wake: Sender<Wake>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Wake {
    /// Something in the watched folder changed.
    Changed,
    /// Somebody wants to know what there is now.
    Refresh(Sender<Refreshed>),
    Stop,
}

impl Follower {
    /// Reads the source once and follows it from then on. The first look is done when this returns.
    ///
    /// ```no_run
    /// use hpol_runtime::source::{FileLimits, Follower, FollowerOptions, FolderSource};
    /// use hpol_runtime::{Engine, EngineOptions};
    ///
    /// let engine = Engine::new(EngineOptions::default());
    /// let source = FolderSource::new("policies", FileLimits::default());
    /// let (follower, first) = Follower::start(engine.clone(), Box::new(source), FollowerOptions::default());
    /// println!("{first:?}, now at {:?}", engine.status().revision);
    /// # drop(follower);
    /// ```
    pub fn start(engine: Engine, source: Box<dyn Source>, options: FollowerOptions) -> (Self, Refreshed) {
        let (wake, woken) = channel();
        let mut state = State { engine, source, options, tried: None, unreadable: None, watch: None };
        state.arm(&wake);
        let first = state.look();
        let for_watch = wake.clone();
        let work = move || state.run(&woken, &for_watch);
        let thread = std::thread::Builder::new().name("hpol-follower".to_owned()).spawn(work);
        if let Err(error) = &thread {
            tracing::error!(%error, "can't start the thread that follows the policies");
        }
        (Self { wake, thread: thread.ok() }, first)
    }

    /// Looks at the source now and waits for what comes of it.
    pub fn refresh(&self) -> Refreshed {
        let (sender, receiver) = channel();
        let gone = || {
            let message = "the follower has stopped".to_owned();
            Refreshed::Unreadable(SourceError::Unreadable { place: "policies".to_owned(), message })
        };
        if self.wake.send(Wake::Refresh(sender)).is_err() {
            return gone();
        }
        receiver.recv().unwrap_or_else(|_| gone())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Both fail only if the thread has ended already.
        let _ = self.wake.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct State {
    engine: Engine,
    source: Box<dyn Source>,
    options: FollowerOptions,
    /// Revision and hash that were given to the engine last, whether it took them or not.
    tried: Option<(Arc<str>, Arc<str>)>,
    unreadable: Option<SourceError>,
    watch: Option<RecommendedWatcher>,
}

impl State {
    fn run(mut self, woken: &Receiver<Wake>, wake: &Sender<Wake>) {
        loop {
            match woken.recv_timeout(self.options.poll) {
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Wake::Refresh(answer)) => {
                    // Whoever asked may be gone.
                    let _ = answer.send(self.look());
                }
                Ok(Wake::Changed) => {
                    if self.settle(woken) {
                        return;
                    }
                    self.look();
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.look();
                }
            }
            // A folder that was removed and made again needs a new watch.
            if self.unreadable.is_some() {
                self.watch = None;
            } else if self.watch.is_none() {
                self.arm(wake);
            }
        }
    }

    /// Waits until the folder has been quiet for a while, but not for ever. Yields whether to stop.
    fn settle(&mut self, woken: &Receiver<Wake>) -> bool {
        let deadline = Instant::now() + self.options.settle * 20;
        let mut waiting = Vec::new();
        let stop = loop {
            if Instant::now() >= deadline {
                break false;
            }
            match woken.recv_timeout(self.options.settle) {
                Ok(Wake::Changed) => {}
                Ok(Wake::Refresh(answer)) => {
                    waiting.push(answer);
                    break false;
                }
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        for answer in waiting {
            let _ = answer.send(self.look());
        }
        stop
    }

    fn arm(&mut self, wake: &Sender<Wake>) {
        let Some(folder) = self.source.watched_folder() else { return };
        match watch(folder, wake.clone()) {
            Ok(watcher) => self.watch = Some(watcher),
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "can't watch the policy folder; it is looked at from time to time instead");
            }
        }
    }

    /// Reads the source, and gives the engine what is new.
    fn look(&mut self) -> Refreshed {
        // A defect must not end the thread, because nothing would be loaded any more.
        let read = guarded(|| self.source.read())
            .unwrap_or_else(|| Err(SourceError::Unreadable { place: self.source.place(), message: DEFECT.to_owned() }));
        let files = match read {
            Ok(files) => files,
            Err(error) => return self.failed(error),
        };
        if self.unreadable.take().is_some() {
            self.engine.source_is(None);
            self.tell(&Event::Readable);
        }
        let seen = (files.revision().clone(), files.hash().clone());
        if self.tried.as_ref() == Some(&seen) {
            return Refreshed::Unchanged;
        }
        self.tried = Some(seen);
        self.load(&files)
    }

    fn load(&mut self, files: &Files) -> Refreshed {
        match self.engine.load(files) {
            Ok(Status { generation, .. }) => {
                let (revision, policy_hash) = (files.revision().clone(), files.hash().clone());
                tracing::info!(%revision, generation, "policies loaded");
                self.tell(&Event::Loaded { revision: revision.clone(), policy_hash, generation });
                Refreshed::Loaded { revision }
            }
            Err(LoadError { rejection }) => {
                let revision = &rejection.revision;
                tracing::error!(%revision, message = %rejection.message, "policies refused; the last good ones stay");
                self.tell(&Event::Rejected(rejection.clone()));
                Refreshed::Rejected(rejection)
            }
        }
    }

    fn failed(&mut self, error: SourceError) -> Refreshed {
        if self.unreadable.as_ref() != Some(&error) {
            tracing::error!(%error, "the policies can't be read; the last good ones stay");
            self.unreadable = Some(error.clone());
            self.engine.source_is(Some(error.to_string()));
            self.tell(&Event::Unreadable(error.clone()));
        }
        Refreshed::Unreadable(error)
    }

    fn tell(&self, event: &Event) {
        if guarded(|| (self.options.on_event)(event)).is_none() {
            tracing::error!("whoever is told of policy changes panicked");
        }
    }
}

fn watch(folder: &Path, wake: Sender<Wake>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the folder is an event of its own with some watchers, which must not lead to another reading.
        if event.is_ok_and(|event| event.kind.is_access()) {
            return;
        }
        // The follower may have ended.
        let _ = wake.send(Wake::Changed);
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests;
