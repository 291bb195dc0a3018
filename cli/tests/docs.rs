//! The sessions of `docs/cli.md` are what the command prints.

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

const UPDATE: &str = "HPOL_UPDATE_DOCS";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a shell prints for a line, without what changes with every edit of a policy.
fn run(line: &str, revision: &Regex) -> String {
    let hpol = Path::new(env!("CARGO_BIN_EXE_hpol"));
    let folder = hpol.parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {line}\n}} 2>&1")])
        .env("PATH", std::env::join_paths(paths).expect("a path"))
        .current_dir(root().join("policies-examples"))
        .output()
        .expect("a shell");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    revision.replace_all(&out, "policy folder:…").into_owned()
}

/// The page with what its sessions print now.
fn renewed(page: &str) -> String {
    let revision = Regex::new("policy folder:[0-9a-f]+").expect("a pattern");
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(&format!("{line}\n"));
        if line != "```console" {
            continue;
        }
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                out.push_str(&format!("{line}\n{}", run(command, &revision)));
            }
        }
        out.push_str("```\n");
    }
    out
}

#[test]
fn page_of_the_command_is_up_to_date() {
    let path = root().join("docs/cli.md");
    let written = std::fs::read_to_string(&path).expect("the page");
    let page = renewed(&written);
    assert!(page.matches("\n$ hpol ").count() > 5, "the page lost its sessions");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &page).expect("docs can be written");
        return;
    }
    assert!(written == page, "docs/cli.md is out of date: run `{UPDATE}=1 cargo test -p hpol-cli --test docs`");
}

/// Every command stands on the page.
#[test]
fn every_command_is_named() {
    let page = std::fs::read_to_string(root().join("docs/cli.md")).expect("the page");
    let help = Command::new(env!("CARGO_BIN_EXE_hpol")).arg("--help").output().expect("hpol runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
