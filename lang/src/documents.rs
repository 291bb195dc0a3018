//! Documents: the JSON files beside the policies, and what `data` holds because of them.
//!
//! - `a/b/data.json` is mounted at `data.a.b`, any other `a/b/name.json` at `data.a.b.name`.
//! - `name.schema.json` is a schema. It types and checks the document `name.json` beside it, and
//!   `import schema "…"` takes it as a type.
//! - Files in a folder named `fixtures`, and files that `fixture("…")` names, are test data and not part of `data`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::types::{Member, PathStep, Type, import_schema_file, validate};
use crate::value::{Step, Value, place_of};

/// How deep a path of folders is followed.
const DEPTH_MAX: usize = 64;
/// How many mismatches with a schema are told per document.
const MISMATCHES_MAX: usize = 20;

/// JSON documents by their path relative to the policy root, with `/` between parts: data, schemas and fixtures.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// The documents.
    pub files: BTreeMap<Arc<str>, Value>,
    /// Texts of those that are JSON, to say where something is wrong in them.
    pub texts: BTreeMap<Arc<str>, Arc<[u8]>>,
}

/// What documents come to once they are mounted.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// All base documents as one object.
    pub(crate) data: Value,
    /// Types of the documents by path: from their schema, or from what they hold.
    types: BTreeMap<Vec<Arc<str>>, Type>,
    /// Every file.
    pub(crate) files: BTreeMap<Arc<str>, Value>,
}

/// A finding about a document: its path, a code, a message and what to do.
#[derive(Debug)]
pub(crate) struct DocumentFinding {
    pub(crate) path: Arc<str>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: &'static str,
    /// The place in the document: steps into it.
    pub(crate) steps: Vec<PathStep>,
}

impl DocumentFinding {
    /// The text of the document and the bytes of the place, if it is known.
    pub(crate) fn place(&self, texts: &BTreeMap<Arc<str>, Arc<[u8]>>) -> Option<(String, usize, usize)> {
        let text = std::str::from_utf8(texts.get(&self.path)?).ok()?;
        let steps = self.steps.iter().map(|step| match step {
            PathStep::Name(name) => Step::Name(name),
            PathStep::Index(index) => Step::Index(*index),
        });
        let (start, end) = place_of(text, steps);
        Some((text.to_owned(), start, end))
    }
}

impl Mounted {
    /// Mounts the documents; `fixtures` are paths that are test data because a test names them.
    pub(crate) fn new(documents: Documents, fixtures: &BTreeSet<Arc<str>>) -> (Self, Vec<DocumentFinding>) {
        let mut findings = Vec::new();
        let mut types = BTreeMap::new();
        let mut root = Folder::default();
        for (path, value) in &documents.files {
            let Some(at) = mount_point(path).filter(|_| !fixtures.contains(path)) else { continue };
            let value = match typed_by_schema(&documents, path, value, &mut findings) {
                Some((value, ty)) => {
                    types.insert(at.clone(), ty);
                    value
                }
                None => value.clone(),
            };
            if at.len() > DEPTH_MAX {
                findings.push(DocumentFinding {
                    path: path.clone(),
                    code: "document-too-deep",
                    message: format!("`{path}` lies in more than {DEPTH_MAX} folders"),
                    help: "move it nearer to the root",
                    steps: Vec::new(),
                });
            } else if let Err(place) = root.put(&at, &value) {
                findings.push(DocumentFinding {
                    path: path.clone(),
                    code: "document-conflict",
                    message: format!("`{path}` gives `{place}` a value that another document gives too"),
                    help: "keep one of them, or rename the file",
                    steps: Vec::new(),
                });
            }
        }
        (Self { data: root.value(), types, files: documents.files }, findings)
    }

    /// The type of `data` at a path.
    pub(crate) fn type_at(&self, path: &[Arc<str>]) -> Type {
        for length in (0..=path.len()).rev() {
            let (mounted, rest) = path.split_at(length);
            let Some(ty) = self.types.get(mounted) else { continue };
            return rest.iter().fold(ty.plain().into_owned(), |ty, name| match ty.member(name) {
                Member::Found { ty, .. } => ty,
                Member::Unknown(_) | Member::NoFields => Type::Any,
            });
        }
        match self.value_at(path) {
            // A document with a schema somewhere below: only its own place is typed.
            Some(_) if self.types.keys().any(|typed| typed.starts_with(path)) => Type::Any,
            Some(value) => Type::of_document(value),
            None => Type::Any,
        }
    }

    /// Whether the document at a path is typed by a schema, so that an unknown name in it is a mistake.
    pub(crate) fn value_at(&self, path: &[Arc<str>]) -> Option<&Value> {
        path.iter().try_fold(&self.data, |value, part| value.get(part))
    }
}

/// The path of a file that is named relative to another one; `None` if it leads out of the root.
pub(crate) fn relative(from: &str, file: &str) -> Option<Arc<str>> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/").into())
}

/// Where a test's `fixture("name")` looks: beside the test, then in the folder `fixtures` beside it.
pub(crate) fn fixture_paths(from: &str, name: &str) -> Vec<Arc<str>> {
    [relative(from, name), relative(from, &format!("fixtures/{name}"))].into_iter().flatten().collect()
}

/// Names under which a test could ask for the files that are there.
pub(crate) fn fixture_names(files: &BTreeMap<Arc<str>, Value>, from: &str) -> Vec<String> {
    let folder = from.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    files
        .keys()
        .filter_map(|path| path.strip_prefix(&folder))
        .map(|name| name.strip_prefix("fixtures/").unwrap_or(name).to_owned())
        .collect()
}

/// The schema that types a document.
pub(crate) fn schema_of(path: &str) -> String {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    format!("{stem}.schema.json")
}

/// Whether a file holds YAML.
pub(crate) fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Where a file is mounted; `None` for schemas, fixtures and files that are not JSON.
pub(crate) fn mount_point(path: &str) -> Option<Vec<Arc<str>>> {
    let mut parts: Vec<Arc<str>> = path.split('/').map(Arc::from).collect();
    let file = parts.pop()?;
    let stem =
        file.strip_suffix(".json").or_else(|| file.strip_suffix(".yaml")).or_else(|| file.strip_suffix(".yml"))?;
    if stem.ends_with(".schema") || parts.iter().any(|folder| &**folder == "fixtures") {
        return None;
    }
    if stem != "data" {
        parts.push(stem.into());
    }
    Some(parts)
}

/// The document as its schema reads it, and the schema's type; `None` without a (usable) schema.
fn typed_by_schema(
    documents: &Documents,
    path: &Arc<str>,
    value: &Value,
    findings: &mut Vec<DocumentFinding>,
) -> Option<(Value, Type)> {
    let schema_path: Arc<str> = schema_of(path).into();
    documents.files.get(&schema_path)?;
    let ty = match import_schema_file(&schema_path, &documents.files) {
        Ok(ty) => ty,
        Err(errors) => {
            findings.extend(errors.into_iter().map(|error| DocumentFinding {
                path: schema_path.clone(),
                code: "invalid-schema",
                message: error.to_string(),
                help: "say it with the keywords that hpol knows, or remove the schema",
                steps: Vec::new(),
            }));
            return None;
        }
    };
    match validate(value, &ty) {
        Ok(value) => Some((value, ty)),
        Err(mismatches) => {
            findings.extend(mismatches.iter().take(MISMATCHES_MAX).map(|mismatch| DocumentFinding {
                path: path.clone(),
                code: "document-mismatch",
                message: format!("`{path}` does not fit its schema: {mismatch}"),
                help: "correct the document or its schema",
                steps: mismatch.steps.clone(),
            }));
            Some((value.clone(), ty))
        }
    }
}

/// `data` while documents are put into it.
#[derive(Default)]
struct Folder {
    entries: BTreeMap<Arc<str>, Entry>,
}

enum Entry {
    Folder(Folder),
    Value(Value),
}

impl Folder {
    /// Puts a document at a path. Objects are merged; an error is the path that has two values.
    fn put(&mut self, at: &[Arc<str>], value: &Value) -> Result<(), String> {
        let Some((name, rest)) = at.split_first() else {
            let Value::Object(entries) = value else { return Err("data".to_owned()) };
            for (key, value) in entries.iter() {
                let name: Arc<str> = key.as_str().unwrap_or_default().into();
                self.put(&[name], value)?;
            }
            return Ok(());
        };
        let mergeable = !rest.is_empty() || matches!(value, Value::Object(_));
        if !mergeable {
            return match self.entries.insert(name.clone(), Entry::Value(value.clone())) {
                None => Ok(()),
                Some(_) => Err(name.to_string()),
            };
        }
        let entry = self.entries.entry(name.clone()).or_insert_with(|| Entry::Folder(Folder::default()));
        match entry {
            Entry::Value(_) => Err(name.to_string()),
            Entry::Folder(folder) if rest.is_empty() => folder.merge(value).map_err(|place| format!("{name}.{place}")),
            Entry::Folder(folder) => folder.put(rest, value).map_err(|place| format!("{name}.{place}")),
        }
    }

    /// Adds the entries of an object. Only one level of a document can meet another document's folder at a time, so the
    /// entries below are kept as they are until something else is put there.
    fn merge(&mut self, value: &Value) -> Result<(), String> {
        let Value::Object(entries) = value else { return Ok(()) };
        for (key, value) in entries.iter() {
            let name: Arc<str> = key.as_str().unwrap_or_default().into();
            self.put(&[name], value)?;
        }
        Ok(())
    }

    fn value(self) -> Value {
        Value::object(self.entries.into_iter().map(|(name, entry)| {
            let value = match entry {
                Entry::Folder(folder) => folder.value(),
                Entry::Value(value) => value,
            };
            (Value::from(name), value)
        }))
    }
}
