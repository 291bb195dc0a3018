//! `hpol new`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::exit::Exit;
use crate::terminal;

/// Start a policy repository in a new folder
///
/// The folder gets a first policy for an LLM gateway, its tests, a request as fixture and a configuration of the gateway.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Folder to make; it must not exist, or be empty
    folder: PathBuf,
}

const FILES: [(&str, &str); 5] = [
    ("policy.hpol", include_str!("new/policy.hpol")),
    ("policy_test.hpol", include_str!("new/policy_test.hpol")),
    ("fixtures/request.json", include_str!("new/request.json")),
    ("hpol.yaml", include_str!("new/hpol.yaml")),
    ("README.md", include_str!("new/readme.md")),
];

pub(crate) fn run(options: &New) -> anyhow::Result<Exit> {
    let folder = &options.folder;
    if !is_free(folder)? {
        bail!("`{}` is not empty; name a folder that does not exist yet", folder.display());
    }
    for (path, text) in FILES {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("could not make `{}`", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("could not write `{}`", path.display()))?;
    }
    println!("Made a policy in {}:", folder.display());
    for (path, _) in FILES {
        println!("  {path}");
    }
    anstream::println!("\nNext: {}", terminal::bold(&format!("cd {} && hpol test", folder.display())));
    Ok(Exit::Success)
}

/// Whether nothing would be overwritten.
fn is_free(folder: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("could not read `{}`", folder.display())),
    }
}
