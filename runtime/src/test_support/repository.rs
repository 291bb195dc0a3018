//! Real git repositories for tests.

use std::collections::BTreeMap;
use std::path::Path;

use gix::ObjectId;
use gix::objs::tree::{Entry, EntryKind};
use gix::refs::transaction::PreviousValue;
use tempfile::TempDir;

/// A repository in a folder of its own, whose `HEAD` is `main`.
#[derive(Debug)]
pub(crate) struct Repository {
    folder: TempDir,
}

#[derive(Default)]
struct Folder<'a> {
    files: BTreeMap<&'a str, &'a str>,
    folders: BTreeMap<&'a str, Folder<'a>>,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let options = gix::open::Options::isolated().config_overrides(["init.defaultBranch=main"]);
        let kind = gix::create::Kind::WithWorktree;
        gix::ThreadSafeRepository::init_opts(folder.path(), kind, gix::create::Options::default(), options)
            .expect("a repository is made");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn open(&self) -> gix::Repository {
        let options = gix::open::Options::isolated().config_overrides(["user.name=Ada", "user.email=ada@example.com"]);
        gix::open_opts(self.path(), options).expect("the repository opens")
    }

    /// Commits just these files to a branch; returns the commit.
    pub(crate) fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let mut root = Folder::default();
        for (path, content) in files {
            let mut folder = &mut root;
            let mut parts = path.split('/').peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_some() {
                    folder = folder.folders.entry(part).or_default();
                } else {
                    folder.files.insert(part, content);
                }
            }
        }
        let tree = write(&self.open(), &root);
        self.commit_tree(branch, tree)
    }

    pub(crate) fn commit_tree(&self, branch: &str, tree: ObjectId) -> String {
        let repository = self.open();
        let name = format!("refs/heads/{branch}");
        let parent =
            repository.try_find_reference(&name).expect("references are read").map(|found| found.id().detach());
        let who = gix::actor::SignatureRef { name: "Ada".into(), email: "ada@example.com".into(), time: "0 +0000" };
        let commit = repository.commit_as(who, who, name.as_str(), "Change the policies", tree, parent);
        commit.expect("a commit is made").to_string()
    }

    pub(crate) fn reset(&self, branch: &str, commit: &str) {
        let name = format!("refs/heads/{branch}");
        let set = self.open().reference(name, id(commit), PreviousValue::Any, "reset").map(|_| ());
        set.expect("the branch is set");
    }

    pub(crate) fn tag(&self, name: &str, commit: &str, annotated: bool) {
        let repository = self.open();
        if annotated {
            let who = gix::actor::SignatureRef { name: "Ada".into(), email: "ada@example.com".into(), time: "0 +0000" };
            let kind = gix::objs::Kind::Commit;
            repository.tag(name, id(commit), kind, Some(who), "a release", PreviousValue::Any).map(|_| ())
        } else {
            repository.tag_reference(name, id(commit), PreviousValue::Any).map(|_| ())
        }
        .expect("a tag is made");
    }
}

fn id(commit: &str) -> ObjectId {
    ObjectId::from_hex(commit.as_bytes()).expect("a commit's id")
}

fn write(repository: &gix::Repository, folder: &Folder<'_>) -> ObjectId {
    let mut entries = Vec::new();
    for (name, content) in &folder.files {
        let oid = repository.write_blob(content).expect("a blob is written").detach();
        entries.push(Entry { mode: EntryKind::Blob.into(), filename: (*name).into(), oid });
    }
    for (name, below) in &folder.folders {
        entries.push(Entry { mode: EntryKind::Tree.into(), filename: (*name).into(), oid: write(repository, below) });
    }
    entries.sort();
    repository.write_object(gix::objs::Tree { entries }).expect("a tree is written").detach()
}
