//! The git repository with the demo's policies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use gix::ObjectId;
use gix::objs::tree::{Entry, EntryKind};

/// A repository whose branch `main` holds policies.
#[derive(Debug)]
pub(super) struct Repository {
    path: PathBuf,
    files: BTreeMap<String, String>,
}

impl Repository {
    /// Makes a repository and commits the files.
    pub(super) fn create(path: &Path, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        let options = gix::open::Options::isolated().config_overrides(["init.defaultBranch=main"]);
        let kind = gix::create::Kind::WithWorktree;
        gix::ThreadSafeRepository::init_opts(path, kind, gix::create::Options::default(), options)
            .context("could not make a git repository")?;
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let mut repository = Self { path: path.to_owned(), files };
        repository.commit("Start with the example policies")?;
        Ok(repository)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces a part of a file and commits that; returns the commit.
    pub(super) fn replace(&mut self, path: &str, old: &str, new: &str, message: &str) -> anyhow::Result<String> {
        let text = self.files.get_mut(path).with_context(|| format!("the demo has no `{path}`"))?;
        *text = text.replace(old, new);
        self.commit(message)
    }

    fn commit(&mut self, message: &str) -> anyhow::Result<String> {
        let options = gix::open::Options::isolated();
        let repository = gix::open_opts(&self.path, options).context("could not open the git repository")?;
        let tree = write_tree(&repository, &self.files)?;
        let branch = "refs/heads/main";
        let parent = repository.try_find_reference(branch)?.map(|found| found.id().detach());
        let who =
            gix::actor::SignatureRef { name: "hpol demo".into(), email: "demo@hpol.example".into(), time: "0 +0000" };
        let commit = repository.commit_as(who, who, branch, message, tree, parent);
        Ok(commit.context("could not commit")?.to_string())
    }
}

/// Writes a folder, given its files by path, and the folders below it.
fn write_tree(repository: &gix::Repository, files: &BTreeMap<String, String>) -> anyhow::Result<ObjectId> {
    let mut folders: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let mut entries = Vec::new();
    for (path, text) in files {
        if let Some((folder, rest)) = path.split_once('/') {
            folders.entry(folder).or_default().insert(rest.to_owned(), text.clone());
        } else {
            let oid = repository.write_blob(text)?.detach();
            entries.push(Entry { mode: EntryKind::Blob.into(), filename: path.as_str().into(), oid });
        }
    }
    for (folder, files) in folders {
        let oid = write_tree(repository, &files)?;
        entries.push(Entry { mode: EntryKind::Tree.into(), filename: folder.into(), oid });
    }
    entries.sort();
    Ok(repository.write_object(gix::objs::Tree { entries })?.detach())
}
