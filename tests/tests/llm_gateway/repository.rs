//! The git repository with the policies.

use std::path::Path;

use gix::ObjectId;
use gix::objs::tree::{Entry, EntryKind};
use tempfile::TempDir;

/// Files of a commit: a name in the folder `llm_gateway`, and what stands in it.
pub(crate) type Files = Vec<(String, String)>;

/// A repository in a folder of its own.
pub(crate) struct Repository {
    folder: TempDir,
}

/// The example for language models, as it stands in this project.
pub(crate) fn example() -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies-examples/llm_gateway");
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).expect("a file of the example");
        (name.to_owned(), text)
    };
    ["models.json", "models.schema.json", "policy.hpol"].map(read).into()
}

/// The example with this at the end of its policy.
pub(crate) fn example_with(rule: &str) -> Files {
    let mut files = example();
    for (name, text) in &mut files {
        if name == "policy.hpol" {
            text.push_str(rule);
        }
    }
    files
}

impl Repository {
    /// A repository whose only commit has these files.
    pub(crate) fn new(files: &Files) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let options = gix::open::Options::isolated().config_overrides(["init.defaultBranch=main"]);
        let kind = gix::create::Kind::WithWorktree;
        gix::ThreadSafeRepository::init_opts(folder.path(), kind, gix::create::Options::default(), options)
            .expect("a repository is made");
        let repository = Self { folder };
        repository.commit(files);
        repository
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Commits just these files; returns the commit.
    pub(crate) fn commit(&self, files: &Files) -> String {
        let options = gix::open::Options::isolated().config_overrides(["user.name=Ada", "user.email=ada@example.com"]);
        let repository = gix::open_opts(self.path(), options).expect("the repository opens");
        let mut entries: Vec<Entry> = files
            .iter()
            .map(|(name, text)| {
                let oid = repository.write_blob(text).expect("a blob is written").detach();
                Entry { mode: EntryKind::Blob.into(), filename: name.as_str().into(), oid }
            })
            .collect();
        entries.sort();
        let write = |entries| -> ObjectId {
            repository.write_object(gix::objs::Tree { entries }).expect("a tree is written").detach()
        };
        let folder = Entry { mode: EntryKind::Tree.into(), filename: "llm_gateway".into(), oid: write(entries) };
        let tree = write(vec![folder]);
        let branch = "refs/heads/main";
        let parent = repository.try_find_reference(branch).expect("references are read");
        let parent = parent.map(|found| found.id().detach());
        let who = gix::actor::SignatureRef { name: "Ada".into(), email: "ada@example.com".into(), time: "0 +0000" };
        let commit = repository.commit_as(who, who, branch, "Change the policies", tree, parent);
        commit.expect("a commit is made").to_string()
    }
}
