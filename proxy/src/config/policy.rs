//! Where the gateway's policies come from.

use std::path::PathBuf;
use std::time::Duration;

use hpol_runtime::EngineKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;
use super::units::{DurationText, duration};

/// Where policies come from: `{folder: PATH}` or `{git: {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyConfig {
    /// A folder on this machine. It is watched, and changes are loaded at once.
    Folder(PathBuf),
    /// A git repository. Each decision names the commit it was made with.
    Git(GitConfig),
}

/// How policies are run. Both give the same answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyEngine {
    /// As machine code: fast.
    #[default]
    Jit,
    /// By the reference evaluator: slower, without generated code.
    Interpreter,
}

impl From<PolicyEngine> for EngineKind {
    fn from(engine: PolicyEngine) -> Self {
        match engine {
            PolicyEngine::Jit => Self::Jit,
            PolicyEngine::Interpreter => Self::Interpreter,
        }
    }
}

/// A git repository with policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitConfig {
    /// Address of the repository: an `https://` or `ssh://` URL, or a path on this machine.
    pub url: String,
    /// Branch to follow. `main` if neither a branch nor a tag is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Tag to follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Folder within the repository that holds the policies; the whole repository if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Time between two looks for a new commit.
    #[serde(default = "poll_default", with = "duration")]
    #[schemars(with = "DurationText")]
    pub poll: Duration,
    /// Folder in which the gateway keeps its copy of the repository.
    #[serde(default = "cache_default")]
    pub cache: PathBuf,
    /// What an `https://` repository asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<GitCredentials>,
}

/// Name and password for a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitCredentials {
    /// The user. Most servers ignore it where the password is a token.
    #[serde(default = "username_default")]
    pub username: String,
    /// Where the password or token is kept.
    pub password: SecretSource,
}

/// What of a git repository is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitReference<'a> {
    /// The tip of this branch.
    Branch(&'a str),
    /// The commit of this tag.
    Tag(&'a str),
}

impl GitConfig {
    /// Whether the address names another machine, or a protocol; a path on this machine does not.
    pub fn is_address(&self) -> bool {
        let user_at_host = self.url.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
        self.url.contains("://") || user_at_host
    }

    /// The branch or tag to follow.
    pub fn reference(&self) -> GitReference<'_> {
        match (&self.branch, &self.tag) {
            (None, Some(tag)) => GitReference::Tag(tag),
            (Some(branch), _) => GitReference::Branch(branch),
            (None, None) => GitReference::Branch("main"),
        }
    }
}

fn username_default() -> String {
    "git".to_owned()
}

fn poll_default() -> Duration {
    Duration::from_secs(30)
}

fn cache_default() -> PathBuf {
    PathBuf::from("hpol-policy-cache")
}
