//! `docs/builtins.md` is made of the table of builtins, so that the two never differ.

use std::fmt::Write as _;
use std::path::Path;

use hpol_stdlib::GROUPS;
use hpol_stdlib::builtin::Builtin;
use hpol_stdlib::detect::DETECTORS;

const UPDATE: &str = "HPOL_UPDATE_DOCS";

#[test]
fn page_of_builtins_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/builtins.md");
    let page = page();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &page).expect("docs can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/builtins.md is out of date: run `{UPDATE}=1 cargo test -p hpol-stdlib --test docs`");
}

fn page() -> String {
    let mut out = String::from(
        "# Builtins\n\n\
         Functions that every policy can call. They do what OPA's of the same name do, and the types are checked in `.hpol` files. \
         `undefined` is no value; `error` denies in a decision.\n\n\
         A single capital letter in a type stands for any one type; `?` behind a parameter means that it may be left out. \
         Positions count from 0. A call whose result would pass the limits of an evaluation is an error.\n\n\
         This page is made of the table in `stdlib/src`; its examples run as tests.\n",
    );
    for group in GROUPS {
        let _ = writeln!(out, "\n## {}", group.title);
        group.builtins().into_iter().for_each(|builtin| entry(&mut out, builtin));
    }
    out.push_str("\n## Detectors\n\nWhat `detect.contains` and `detect.find` look for, and masks: `redact(detect.email)`.\n\n| name | finds |\n|---|---|\n");
    for detector in DETECTORS {
        let _ = writeln!(out, "| `{}` | {} |", detector.name(), detector.doc);
    }
    out
}

fn entry(out: &mut String, builtin: &Builtin) {
    let _ = write!(out, "\n### `{}`\n\n`{}`\n\n{}\n\n```rego\n", builtin.name, builtin.signature, builtin.doc);
    for example in builtin.examples {
        let _ = writeln!(out, "{}  # {}", example.call, example.result);
    }
    out.push_str("```\n");
}
