//! Files to program in one step: parses every policy, reads every document, and checks them together.

use std::sync::Arc;

use crate::check::{Checked, check};
use crate::diagnostic::{self, Diagnostic};
use crate::documents::{Documents, is_yaml};
use crate::parse::{ParseLimits, parse};
use crate::source::{SourceMap, Span};
use crate::types::Environment;
use crate::value::{JsonLimits, parse_json};

/// Bounds on the files of a policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadLimits {
    /// Bounds on each policy file.
    pub parse: ParseLimits,
    /// Bounds on each document.
    pub json: JsonLimits,
}

/// A file of a policy.
#[derive(Debug, Clone)]
pub struct PolicyFile {
    /// Path relative to the policy root, with `/` between parts.
    pub path: Arc<str>,
    /// What it holds.
    pub bytes: Arc<[u8]>,
}

/// Path of a file that asks instead of saying what is: see [`PolicyFile::query`].
pub const QUERY_PATH: &str = "<query>.rego";

/// The package of a [`PolicyFile::query`], whatever its text calls it. No package that is written can have this name.
pub const QUERY_PACKAGE: &str = "<query>";

impl PolicyFile {
    /// A Rego module that asks: it sees all of `data` and is no part of it, so that a question about `data` itself is not
    /// about the question. Its rules stand under `data.<query>` in the plan.
    ///
    /// ```
    /// use hpol_lang::load::{LoadLimits, PolicyFile, load};
    /// use hpol_lang::types::Environment;
    ///
    /// let files = [PolicyFile::new("a.rego", "package a\n\nx := 1\n"), PolicyFile::query("package query\n\nall := data\n")];
    /// let checked = load(&files, &Environment::default(), &LoadLimits::default());
    /// assert!(checked.diagnostics.is_empty(), "it would use itself if it were part of `data`");
    /// ```
    pub fn query(text: impl AsRef<[u8]>) -> Self {
        Self::new(QUERY_PATH, text)
    }

    /// A file with this content.
    pub fn new(path: impl Into<Arc<str>>, content: impl AsRef<[u8]>) -> Self {
        Self { path: path.into(), bytes: content.as_ref().into() }
    }
}

/// Loads a policy: `.hpol` and `.rego` files, and `.json`, `.yaml` and `.yml` files as data, schemas and fixtures. Other files
/// are left alone.
///
/// The order of the files does not matter. There is a program only if no file has an error.
///
/// ```
/// use hpol_lang::load::{LoadLimits, PolicyFile, load};
/// use hpol_lang::types::Environment;
///
/// let files = [
///     PolicyFile::new("team/roles.hpol", "package team.roles\n\nimport data.team.people\n\nadmins contains p.name if {\n  some p in people.all\n  p.admin\n}\n"),
///     PolicyFile::new("team/people.json", r#"{"all": [{"name": "ada", "admin": true}]}"#),
/// ];
/// let checked = load(&files, &Environment::default(), &LoadLimits::default());
/// assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
/// assert_eq!(checked.program.map(|program| program.rules.len()), Some(1));
/// ```
pub fn load(files: &[PolicyFile], environment: &Environment, limits: &LoadLimits) -> Checked {
    let mut files: Vec<&PolicyFile> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut sources = SourceMap::new();
    let mut documents = Documents::default();
    let mut diagnostics = Vec::new();
    let mut modules = Vec::new();
    for file in files {
        let is_policy = file.path.ends_with(".hpol") || file.path.ends_with(".rego");
        let read_yaml = environment.read_yaml.filter(|_| is_yaml(&file.path));
        if !is_policy && !file.path.ends_with(".json") && read_yaml.is_none() {
            continue;
        }
        let bytes_max = if is_policy { limits.parse.file_bytes_max } else { limits.json.bytes_max };
        if file.bytes.len() > bytes_max {
            let file_id = sources.add(file.path.clone(), "");
            let message = format!("`{}` is larger than {bytes_max} bytes", file.path);
            diagnostics
                .push(Diagnostic::error("file-too-large", Span::new(file_id, 0, 0), message).with_help("split it"));
            continue;
        }
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            let file_id = sources.add(file.path.clone(), "");
            let message = format!("`{}` is not UTF-8 text", file.path);
            diagnostics
                .push(Diagnostic::error("not-text", Span::new(file_id, 0, 0), message).with_help("save it as UTF-8"));
            continue;
        };
        if is_policy {
            let file_id = sources.add(file.path.clone(), text);
            let (module, findings) = parse(&sources, file_id, &limits.parse);
            diagnostics.extend(findings);
            modules.extend(module);
            continue;
        }
        if let Some(read_yaml) = read_yaml {
            match read_yaml(text, limits.json) {
                Ok(value) => {
                    documents.files.insert(file.path.clone(), value);
                }
                Err(message) => {
                    let file_id = sources.add(file.path.clone(), text);
                    diagnostics.push(
                        Diagnostic::error(
                            "invalid-yaml",
                            Span::new(file_id, 0, 0),
                            format!("`{}`: {message}", file.path),
                        )
                        .with_help("a document is one YAML document that stands for JSON; a key stands once"),
                    );
                }
            }
            continue;
        }
        match parse_json(text, limits.json) {
            Ok(value) => {
                documents.files.insert(file.path.clone(), value);
                documents.texts.insert(file.path.clone(), file.bytes.clone());
            }
            Err(error) => {
                let file_id = sources.add(file.path.clone(), text);
                let at = u32::try_from(error.offset.min(text.len())).unwrap_or(u32::MAX);
                diagnostics.push(
                    Diagnostic::error(
                        "invalid-json",
                        Span::new(file_id, at, at),
                        format!("`{}`: {}", file.path, error.message),
                    )
                    .with_help("documents are strict JSON, in which each key stands once"),
                );
            }
        }
    }
    let mut checked = check(sources, modules, documents, environment);
    if diagnostics.iter().any(|found| found.severity == diagnostic::Severity::Error) {
        checked.program = None;
        // What a broken declaration declares is not known, so nothing is said about names that may be its.
        checked.diagnostics.retain(|found| !ABOUT_NAMES.contains(&found.code));
    }
    checked.diagnostics.extend(diagnostics);
    diagnostic::sort(&mut checked.diagnostics);
    checked
}

/// Findings that a declaration elsewhere can take away.
const ABOUT_NAMES: &[&str] = &[
    "decision-without-input",
    "unknown-data",
    "unknown-fixture",
    "unknown-function",
    "unknown-import",
    "unknown-input-kind",
    "unknown-name",
    "unknown-package",
    "unknown-rule-id",
    "unknown-schema",
    "unknown-type",
    "unsafe-variable",
    "unused-import",
    "unused-rule",
    "unused-type",
    "unused-variable",
    "enum-case-missed",
];
