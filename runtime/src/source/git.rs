//! Policies in a git repository, pinned to the commit that a branch or tag names.
//!
//! A repository on this machine is read in place: no fetch, no checkout, no git program. One at an address is
//! fetched into a bare cache first, one commit deep; `file:` addresses and ssh need git's own programs for that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gix::objs::tree::EntryKind;

use super::{Collector, FileLimits, Files, Source, SourceError, is_hidden, is_policy_file};

mod fetch;

use fetch::Fetcher;

/// Which commit of a repository counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GitReference {
    /// Wherever the repository's `HEAD` points.
    #[default]
    Head,
    /// The tip of a branch.
    Branch(String),
    /// What a tag names.
    Tag(String),
}

/// Name and password or token for an `https` address.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user; some servers ignore it beside a token.
    pub username: String,
    /// The password or token.
    pub password: String,
}

/// Without the password, which must not end up in a log.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A repository and what to read of it.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// A path on this machine, or an address (`https://…`, `ssh://…`, `git://…`, `file://…`, `user@host:path`).
    pub location: String,
    /// Which commit.
    pub reference: GitReference,
    /// The folder of the repository that holds the policies; the whole repository if empty.
    pub subfolder: String,
    /// Where an address is fetched to; several sources may share it.
    pub cache_folder: PathBuf,
    /// For an `https` address.
    pub credentials: Option<Credentials>,
    /// Time that a fetch may take.
    pub fetch_time: Duration,
    /// Bytes that the cache of one repository may take on disk.
    pub cache_bytes_max: u64,
    /// Bounds on the files.
    pub limits: FileLimits,
}

impl GitOptions {
    /// The repository at `location`, at its `HEAD`, with default limits; `cache_folder` is used for addresses only.
    pub fn new(location: impl Into<String>, cache_folder: impl Into<PathBuf>) -> Self {
        Self {
            location: location.into(),
            reference: GitReference::Head,
            subfolder: String::new(),
            cache_folder: cache_folder.into(),
            credentials: None,
            fetch_time: Duration::from_secs(60),
            cache_bytes_max: 1 << 30,
            limits: FileLimits::default(),
        }
    }
}

/// Reads policies from a git repository.
#[derive(Debug)]
pub struct GitSource {
    options: GitOptions,
    /// For an address.
    fetcher: Option<Fetcher>,
    /// What was read last, so that an unmoved branch costs one look at its tip.
    last: Option<Files>,
}

impl GitSource {
    /// A source that reads as `options` say. Nothing is read yet.
    pub fn new(options: GitOptions) -> Self {
        let fetcher = is_address(&options.location).then(|| Fetcher::new(options.clone()));
        Self { options, fetcher, last: None }
    }

    fn open(&self, folder: &Path) -> Result<gix::Repository, SourceError> {
        // Nothing but the repository's own configuration counts, so that the user who runs the gateway changes nothing.
        gix::open_opts(folder, gix::open::Options::isolated()).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &gix::Error) -> SourceError {
        SourceError::Unreadable { place: self.place(), message: fetch::message(error) }
    }

    fn missing(&self, what: String) -> SourceError {
        SourceError::Missing { place: self.place(), what }
    }

    /// The commit that the reference names in a repository on this machine.
    fn local_commit(&self, repository: &gix::Repository) -> Result<gix::ObjectId, SourceError> {
        let (name, what) = match &self.options.reference {
            GitReference::Head => ("HEAD".to_owned(), "commit at `HEAD`".to_owned()),
            GitReference::Branch(name) => (format!("refs/heads/{name}"), format!("branch `{name}`")),
            GitReference::Tag(name) => (format!("refs/tags/{name}"), format!("tag `{name}`")),
        };
        self.commit_at(repository, &name, &what)
    }

    fn commit_at(&self, repository: &gix::Repository, name: &str, what: &str) -> Result<gix::ObjectId, SourceError> {
        let found = repository.try_find_reference(name).map_err(|error| self.unreadable(&error))?;
        let mut found = found.ok_or_else(|| self.missing(what.to_owned()))?;
        // A branch without a commit has a reference that leads nowhere.
        let commit = found.peel_to_commit().map_err(|_| self.missing(what.to_owned()))?;
        Ok(commit.id)
    }

    fn files_at(&self, repository: &gix::Repository, commit: gix::ObjectId) -> Result<Files, SourceError> {
        let commit = repository.find_commit(commit).map_err(|error| self.unreadable(&error))?;
        let revision: Arc<str> = commit.id.to_string().into();
        let mut tree = commit.tree().map_err(|error| self.unreadable(&error))?;
        let subfolder = self.options.subfolder.trim_matches('/');
        if !subfolder.is_empty() {
            let entry = tree.lookup_entry_by_path(subfolder).map_err(|error| self.unreadable(&error))?;
            let entry = entry.filter(|entry| entry.mode().is_tree());
            let entry = entry.ok_or_else(|| self.missing(format!("folder `{subfolder}` at commit {revision}")))?;
            tree = entry.object().map_err(|error| self.unreadable(&error))?.into_tree();
        }
        let mut found = Collector::new(self.options.limits);
        self.collect(repository, &tree, "", 1, &mut found)?;
        let files = Files::hashed(found.files, |_| String::new());
        Ok(Files { revision, ..files })
    }

    fn collect(
        &self,
        repository: &gix::Repository,
        tree: &gix::Tree<'_>,
        above: &str,
        depth: usize,
        found: &mut Collector,
    ) -> Result<(), SourceError> {
        for entry in tree.iter() {
            let entry = entry.map_err(|error| self.unreadable(&error))?;
            let name = std::str::from_utf8(entry.filename())
                .map_err(|_| SourceError::Name { path: format!("{above}{}", entry.filename()) })?;
            let path = format!("{above}{name}");
            found.enter(&path, depth)?;
            match entry.kind() {
                EntryKind::Tree if !is_hidden(name) => {
                    let below = repository.find_tree(entry.id()).map_err(|error| self.unreadable(&error))?;
                    self.collect(repository, &below, &format!("{path}/"), depth + 1, found)?;
                }
                EntryKind::Blob | EntryKind::BlobExecutable if is_policy_file(name) => {
                    let header = repository.find_header(entry.id()).map_err(|error| self.unreadable(&error))?;
                    found.reserve(&path, header.size())?;
                    let mut blob = repository.find_blob(entry.id()).map_err(|error| self.unreadable(&error))?;
                    found.add(&path, blob.take_data());
                }
                EntryKind::Link if is_policy_file(name) => {
                    let message = "put the file itself into the repository".to_owned();
                    return Err(SourceError::Link { path, message });
                }
                EntryKind::Tree | EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link | EntryKind::Commit => {
                }
            }
        }
        Ok(())
    }
}

impl Source for GitSource {
    fn read(&mut self) -> Result<Files, SourceError> {
        let repository = match &mut self.fetcher {
            Some(fetcher) => {
                let folder = fetcher.fetch()?;
                self.open(&folder)?
            }
            None => self.open(Path::new(&self.options.location))?,
        };
        let commit = match &self.fetcher {
            Some(fetcher) => self.commit_at(&repository, fetcher.reference(), "commit in its cache")?,
            None => self.local_commit(&repository)?,
        };
        let revision = commit.to_string();
        if let Some(last) = self.last.as_ref().filter(|last| *last.revision == *revision) {
            return Ok(last.clone());
        }
        let files = self.files_at(&repository, commit)?;
        self.last = Some(files.clone());
        Ok(files)
    }

    fn place(&self) -> String {
        fetch::without_credentials(&self.options.location)
    }
}

/// Whether it is the address of a repository and not a path.
fn is_address(location: &str) -> bool {
    if location.contains("://") {
        return true;
    }
    // `user@host:path`, unless a `/` in front of the colon makes it a path.
    let host = location.split_once(':').map(|(host, _)| host);
    !Path::new(location).exists() && host.is_some_and(|host| host.len() > 1 && !host.contains('/'))
}

#[cfg(test)]
mod tests;
