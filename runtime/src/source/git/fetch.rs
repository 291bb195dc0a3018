//! Fetches one commit of a repository at an address into a bare cache.
//!
//! The work is done on a thread of its own, because a server that stops in the middle of an answer can't be interrupted:
//! the fetch is then given up and the thread left to end when the connection does. The bytes on disk are
//! watched meanwhile.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use gix::remote::Direction;
use gix::remote::fetch::{Shallow, Tags};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::{Credentials, GitOptions, GitReference};
use crate::source::SourceError;

/// The reference of the cache that holds the fetched commit.
const TIP: &str = "refs/hpol/tip";
/// How often the size of the cache is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Fetches into the cache of one repository and reference.
#[derive(Debug)]
pub(super) struct Fetcher {
    options: GitOptions,
    folder: PathBuf,
    /// A fetch that was given up and has not ended yet.
    hanging: Option<Receiver<Result<(), String>>>,
}

impl Fetcher {
    pub(super) fn new(options: GitOptions) -> Self {
        let key = format!("{}\n{}", options.location, refspec(&options.reference));
        let name = hex::encode(&Sha256::digest(key)[..16]);
        let folder = options.cache_folder.join(format!("{name}.git"));
        Self { options, folder, hanging: None }
    }

    /// The reference in the cache that names the fetched commit.
    pub(super) fn reference(&self) -> &'static str {
        TIP
    }

    /// Brings the cache up to date and returns its folder.
    pub(super) fn fetch(&mut self) -> Result<PathBuf, SourceError> {
        if let Some(hanging) = &self.hanging
            && matches!(hanging.try_recv(), Err(TryRecvError::Empty))
        {
            return Err(self.given_up("an earlier fetch has not ended yet".to_owned()));
        }
        self.hanging = None;
        // Every fetch adds a pack, so the cache starts anew before it reaches its bound.
        if bytes_on_disk(&self.folder) > self.options.cache_bytes_max / 2 {
            self.discard();
        }
        let interrupt = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = channel();
        let (options, folder, flag) = (self.options.clone(), self.folder.clone(), Arc::clone(&interrupt));
        let work = move || {
            // Nobody waits any more if the fetch was given up.
            let _ = sender.send(fetch(&options, &folder, &flag));
        };
        let thread = std::thread::Builder::new().name("hpol-fetch".to_owned()).spawn(work);
        thread.map_err(|error| self.unreadable(error.to_string()))?;
        self.wait(receiver, &interrupt)
    }

    fn wait(&mut self, receiver: Receiver<Result<(), String>>, interrupt: &AtomicBool) -> Result<PathBuf, SourceError> {
        let deadline = Instant::now() + self.options.fetch_time;
        loop {
            match receiver.recv_timeout(LOOK.min(deadline.saturating_duration_since(Instant::now()))) {
                Ok(Ok(())) => return Ok(self.folder.clone()),
                Ok(Err(message)) => {
                    // Whatever a failed fetch left behind, a lock for example, must not fail the next one.
                    self.discard();
                    return Err(self.unreadable(message));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.discard();
                    return Err(self.unreadable("the fetch ended unexpectedly".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let limit = if Instant::now() >= deadline {
                Some(format!("it took longer than {:?}", self.options.fetch_time))
            } else if bytes_on_disk(&self.folder) > self.options.cache_bytes_max {
                Some(format!("it needs more than {} bytes on disk", self.options.cache_bytes_max))
            } else {
                None
            };
            if let Some(limit) = limit {
                interrupt.store(true, Ordering::Relaxed);
                self.hanging = Some(receiver);
                return Err(self.given_up(limit));
            }
        }
    }

    fn discard(&self) {
        if let Err(error) = fs::remove_dir_all(&self.folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.folder.display(), %error, "can't empty the cache of a policy repository");
        }
    }

    fn place(&self) -> String {
        without_credentials(&self.options.location)
    }

    fn unreadable(&self, message: String) -> SourceError {
        let place = self.place();
        let mut message = message.replace(&self.options.location, &place);
        if let Some(credentials) = self.options.credentials.as_ref().filter(|known| !known.password.is_empty()) {
            message = message.replace(&credentials.password, "***");
        }
        SourceError::Unreadable { place, message }
    }

    fn given_up(&self, message: String) -> SourceError {
        SourceError::GivenUp { place: self.place(), message }
    }
}

fn fetch(options: &GitOptions, folder: &Path, interrupt: &AtomicBool) -> Result<(), String> {
    let repository = open_cache(folder)?;
    // The transport takes the process's choice; where the host has made one already, that stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    try_fetch(&repository, options, interrupt).map_err(|error| message(&error))
}

fn open_cache(folder: &Path) -> Result<gix::Repository, String> {
    if let Ok(repository) = gix::open_opts(folder, gix::open::Options::isolated()) {
        return Ok(repository);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("can't renew `{}`: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|error| format!("can't make `{}`: {error}", folder.display()))?;
    let kind = gix::create::Kind::Bare;
    let options = gix::create::Options::default();
    let opened = gix::ThreadSafeRepository::init_opts(folder, kind, options, gix::open::Options::isolated());
    Ok(opened.map_err(|error| message(&error))?.to_thread_local())
}

fn try_fetch(repository: &gix::Repository, options: &GitOptions, interrupt: &AtomicBool) -> Result<(), gix::Error> {
    let spec = refspec(&options.reference);
    let remote = repository.remote_at(options.location.as_str())?;
    let remote = remote.with_fetch_tags(Tags::None).with_refspecs([spec.as_str()], Direction::Fetch)?;
    let mut connection = remote.connect(Direction::Fetch)?;
    let credentials = options.credentials.clone();
    connection.set_credentials(move |action| Ok(answer(action, credentials.as_ref())));
    let prepared = connection.prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default())?;
    let shallow = Shallow::DepthAtRemote(NonZeroU32::MIN);
    prepared.with_shallow(shallow).receive(gix::progress::Discard, interrupt)?;
    Ok(())
}

/// Only what is configured: nobody sits at a terminal to be asked.
fn answer(
    action: gix::credentials::helper::Action,
    credentials: Option<&Credentials>,
) -> Option<gix::credentials::protocol::Outcome> {
    let gix::credentials::helper::Action::Get(context) = action else { return None };
    let known = credentials?;
    let identity = gix::sec::identity::Account {
        username: known.username.clone(),
        password: known.password.clone(),
        oauth_refresh_token: None,
    };
    Some(gix::credentials::protocol::Outcome { identity, next: context.into() })
}

fn refspec(reference: &GitReference) -> String {
    match reference {
        GitReference::Head => format!("+HEAD:{TIP}"),
        GitReference::Branch(name) => format!("+refs/heads/{name}:{TIP}"),
        GitReference::Tag(name) => format!("+refs/tags/{name}:{TIP}"),
    }
}

fn bytes_on_disk(folder: &Path) -> u64 {
    let files = WalkDir::new(folder).into_iter().flatten().filter_map(|entry| entry.metadata().ok());
    files.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()).sum()
}

/// The error with what caused it.
pub(super) fn message(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}

/// The address without name and password.
pub(super) fn without_credentials(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return location.to_owned() };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => location.to_owned(),
    }
}
