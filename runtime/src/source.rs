//! Where policies come from: a folder, a git repository, or memory.
//!
//! A source yields [`Files`]: every policy file and document at one revision. A [`Follower`] watches a source and gives
//! each new revision to an engine; what does not compile is reported, and the engine keeps the last good one.
//!
//! What counts, in all sources: names that end in `.hpol`, `.rego` or `.json`. Hidden files and folders (`.git`, `.ci`)
//! and everything else are passed over. Links are never followed out of the policy folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

mod folder;
mod follower;
mod git;

pub use folder::FolderSource;
pub use follower::{Event, Follower, FollowerOptions, Refreshed};
pub use git::{Credentials, GitOptions, GitReference, GitSource};

/// Bounds on what a source may yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Most policy files and documents.
    pub files_max: usize,
    /// Most entries that are looked at, folders and passed-over files included.
    pub entries_max: usize,
    /// Largest file, in bytes.
    pub file_bytes_max: u64,
    /// All files together, in bytes.
    pub total_bytes_max: u64,
    /// Deepest folder.
    pub depth_max: usize,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            files_max: 20_000,
            entries_max: 200_000,
            file_bytes_max: 32 << 20,
            total_bytes_max: 256 << 20,
            depth_max: 32,
        }
    }
}

/// Why a source yields nothing. The engine keeps the last good generation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The folder or repository is not there or can't be read.
    #[error("can't read `{place}`: {message}")]
    Unreadable {
        /// Path or address.
        place: String,
        /// What went wrong.
        message: String,
    },
    /// The repository has no such branch, tag or subfolder.
    #[error("`{place}` has no {what}")]
    Missing {
        /// Path or address.
        place: String,
        /// What was looked for.
        what: String,
    },
    /// A limit of [`FileLimits`] is passed.
    #[error("`{path}` passes a limit on policy files: {limit}")]
    Limit {
        /// The file or folder.
        path: String,
        /// Which limit.
        limit: String,
    },
    /// A link that is not followed stands where a policy file would.
    #[error("`{path}` is a link that is not followed: {message}")]
    Link {
        /// The link.
        path: String,
        /// Why, and what to do.
        message: String,
    },
    /// A path that is not UTF-8.
    #[error("the name of `{path}` is not UTF-8: rename it")]
    Name {
        /// The path, as well as it can be shown.
        path: String,
    },
    /// Fetching took too long, or too much came.
    #[error("fetching `{place}` was given up: {message}")]
    GivenUp {
        /// Address.
        place: String,
        /// Which limit.
        message: String,
    },
}

/// Something that yields policy files.
pub trait Source: Send + std::fmt::Debug {
    /// Reads what there is now.
    ///
    /// # Errors
    ///
    /// [`SourceError`]; nothing has changed for whoever uses earlier files.
    fn read(&mut self) -> Result<Files, SourceError>;

    /// Path or address, for messages; without credentials.
    fn place(&self) -> String;

    /// A folder whose changes are worth a look, if there is one.
    fn watched_folder(&self) -> Option<&std::path::Path> {
        None
    }
}

/// Every policy file and document of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    revision: Arc<str>,
    hash: Arc<str>,
    files: BTreeMap<Arc<str>, Arc<[u8]>>,
}

impl Files {
    /// Files from memory; their revision is `memory:` and the start of their hash.
    ///
    /// ```
    /// use hpol_runtime::source::Files;
    /// let files = Files::from_memory([("guard.hpol", "package guard\n")]);
    /// assert!(files.revision().starts_with("memory:"));
    /// assert_eq!(files.iter().count(), 1);
    /// ```
    pub fn from_memory<P: Into<Arc<str>>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        let files = files.into_iter().map(|(path, content)| (path.into(), Arc::from(content.as_ref()))).collect();
        Self::hashed(files, |hash| format!("memory:{}", &hash[..16]))
    }

    /// Files whose revision follows from their hash.
    fn hashed(files: BTreeMap<Arc<str>, Arc<[u8]>>, revision: impl FnOnce(&str) -> String) -> Self {
        let hash = hash(&files);
        Self { revision: revision(&hash).into(), hash: hash.into(), files }
    }

    /// A git commit, or `folder:` and the start of the hash.
    pub fn revision(&self) -> &Arc<str> {
        &self.revision
    }

    /// SHA-256 over all paths and contents, in hexadecimal.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// Paths, relative to the policy root with `/` between parts, and contents, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &[u8])> {
        self.files.iter().map(|(path, content)| (path, &**content))
    }

    /// Content of one file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|content| &**content)
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// Lengths go in front, so that no two sets of files run together to the same bytes.
fn hash(files: &BTreeMap<Arc<str>, Arc<[u8]>>) -> String {
    let mut digest = Sha256::new();
    for (path, content) in files {
        for part in [path.as_bytes(), content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    hex::encode(digest.finalize())
}

/// Whether a file of this name is read.
fn is_policy_file(name: &str) -> bool {
    let endings = [".hpol", ".rego", ".json", ".yaml", ".yml"];
    // The gateway's own configuration may lie beside the policies and is none of their data.
    !is_hidden(name) && name != "hpol.yaml" && endings.iter().any(|ending| name.ends_with(ending))
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Collects files and holds them to the limits.
#[derive(Debug)]
struct Collector {
    limits: FileLimits,
    entries: usize,
    bytes: u64,
    files: BTreeMap<Arc<str>, Arc<[u8]>>,
}

impl Collector {
    fn new(limits: FileLimits) -> Self {
        Self { limits, entries: 0, bytes: 0, files: BTreeMap::new() }
    }

    /// Counts an entry that was met, at this number of folders below the root.
    fn enter(&mut self, path: &str, depth: usize) -> Result<(), SourceError> {
        self.entries += 1;
        self.within(path, self.entries <= self.limits.entries_max, || format!("{} entries", self.limits.entries_max))?;
        self.within(path, depth <= self.limits.depth_max, || format!("{} folders deep", self.limits.depth_max))
    }

    /// Makes room for a file of so many bytes, before it is read.
    fn reserve(&mut self, path: &str, bytes: u64) -> Result<(), SourceError> {
        let limits = self.limits;
        self.bytes = self.bytes.saturating_add(bytes);
        self.within(path, self.files.len() < limits.files_max, || format!("{} files", limits.files_max))?;
        self.within(path, bytes <= limits.file_bytes_max, || format!("{} bytes in a file", limits.file_bytes_max))?;
        self.within(path, self.bytes <= limits.total_bytes_max, || {
            format!("{} bytes in all files", limits.total_bytes_max)
        })
    }

    fn add(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.into(), content.into());
    }

    fn within(&self, path: &str, holds: bool, limit: impl FnOnce() -> String) -> Result<(), SourceError> {
        if holds { Ok(()) } else { Err(SourceError::Limit { path: path.to_owned(), limit: limit() }) }
    }
}

#[cfg(test)]
mod tests;
