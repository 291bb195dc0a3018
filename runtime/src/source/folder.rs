//! Policies in a folder.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Collector, FileLimits, Files, Source, SourceError, is_hidden, is_policy_file};

/// A folder of policy files.
///
/// A link to a file is followed if the file lies within the folder. That is how a mounted ConfigMap looks. Any other link
/// with the name of a policy file, and a link to a folder, is an error rather than a rule that is silently missing.
#[derive(Debug, Clone)]
pub struct FolderSource {
    root: PathBuf,
    limits: FileLimits,
}

impl FolderSource {
    /// The folder at `root`, or the one file that it names.
    pub fn new(root: impl Into<PathBuf>, limits: FileLimits) -> Self {
        Self { root: root.into(), limits }
    }

    fn unreadable(&self, path: &Path, error: impl std::fmt::Display) -> SourceError {
        let place = if path.as_os_str().is_empty() { &self.root } else { path };
        SourceError::Unreadable { place: place.display().to_string(), message: error.to_string() }
    }

    fn read_entry(&self, entry: &DirEntry, root: &Path, found: &mut Collector) -> Result<(), SourceError> {
        let path = relative(entry.path(), root)?;
        found.enter(&path, entry.depth())?;
        let name = path.rsplit('/').next().unwrap_or(&path);
        if entry.file_type().is_symlink() {
            return self.read_link(entry.path(), root, &path, found);
        }
        if entry.file_type().is_file() && is_policy_file(name) {
            return self.read_file(entry.path(), &path, found);
        }
        Ok(())
    }

    fn read_link(&self, link: &Path, root: &Path, path: &str, found: &mut Collector) -> Result<(), SourceError> {
        let refused = |message: &str| SourceError::Link { path: path.to_owned(), message: message.to_owned() };
        let is_policy = is_policy_file(path.rsplit('/').next().unwrap_or(path));
        let target = match fs::canonicalize(link) {
            Ok(target) => target,
            Err(_) if !is_policy => return Ok(()),
            Err(error) => return Err(self.unreadable(link, error)),
        };
        if target.is_dir() {
            return Err(refused("it names a folder; put the files there or hide the link with a leading `.`"));
        }
        if !is_policy {
            return Ok(());
        }
        if !target.starts_with(root) {
            return Err(refused("it leads out of the policy folder; put the file there"));
        }
        self.read_file(&target, path, found)
    }

    fn read_file(&self, file: &Path, path: &str, found: &mut Collector) -> Result<(), SourceError> {
        let opened = File::open(file).map_err(|error| self.unreadable(file, error))?;
        let metadata = opened.metadata().map_err(|error| self.unreadable(file, error))?;
        if !metadata.is_file() {
            return Err(self.unreadable(file, "it is not a regular file"));
        }
        found.reserve(path, metadata.len())?;
        let mut content = Vec::new();
        // The file may grow while it is read, and what is read beyond what was reserved passes the limit.
        let read = opened.take(metadata.len() + 1).read_to_end(&mut content);
        read.map_err(|error| self.unreadable(file, error))?;
        if content.len() as u64 > metadata.len() {
            return Err(self.unreadable(file, "it changed while it was read"));
        }
        found.add(path, content);
        Ok(())
    }
}

impl Source for FolderSource {
    fn read(&mut self) -> Result<Files, SourceError> {
        let root = fs::canonicalize(&self.root).map_err(|error| self.unreadable(&self.root, error))?;
        let mut found = Collector::new(self.limits);
        if root.is_file() {
            let name = root.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            self.read_file(&root, &name, &mut found)?;
        } else {
            let walk = WalkDir::new(&root).min_depth(1).max_depth(self.limits.depth_max + 2).sort_by_file_name();
            let visible = |entry: &DirEntry| !entry.file_name().to_str().is_some_and(is_hidden);
            for entry in walk.into_iter().filter_entry(visible) {
                let entry = entry.map_err(|error| self.unreadable(&root, error))?;
                self.read_entry(&entry, &root, &mut found)?;
            }
        }
        Ok(Files::hashed(found.files, |hash| format!("folder:{}", &hash[..16])))
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn watched_folder(&self) -> Option<&Path> {
        Some(&self.root)
    }
}

/// The path below `root`, with `/` between parts.
fn relative(path: &Path, root: &Path) -> Result<String, SourceError> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    match parts {
        Some(parts) => Ok(parts.join("/")),
        None => Err(SourceError::Name { path: below.display().to_string() }),
    }
}
