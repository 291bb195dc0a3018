//! Cases as they stand in OPA's YAML files.

use std::path::{Path, PathBuf};

use hpol_lang::value::Value;

/// Largest file of cases.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its file, relative to the folder that is run, with `/` between parts.
    pub file: String,
    /// Its place in the file, from 0.
    pub index: usize,
    /// What it is about. Not unique.
    pub note: String,
    /// The question.
    pub query: String,
    /// Policies.
    pub modules: Vec<String>,
    /// Base documents.
    pub data: Option<Value>,
    /// The input, if it is a value.
    pub input: Option<Value>,
    /// The input, if it is an expression of Rego. It goes first.
    pub input_term: Option<String>,
    /// What must come out.
    pub wanted: Wanted,
    /// Whether errors of builtins stop the evaluation.
    pub strict: bool,
}

/// What a case must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These bindings.
    Bindings {
        /// Objects of names and values; none for undefined.
        bindings: Vec<Value>,
        /// Whether the order in arrays that are bound does not matter.
        unordered: bool,
    },
    /// An error.
    Error {
        /// OPA's code.
        code: String,
        /// OPA's text.
        text: Option<String>,
    },
}

/// Why cases can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A folder or file.
    #[error("can't read `{path}`: {message}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A case that says something that is not understood.
    #[error("{file}, case {index}: {message}")]
    Case {
        /// Its file.
        file: String,
        /// Its place.
        index: usize,
        /// What is wrong.
        message: String,
    },
    /// Nothing to run.
    #[error("there are no cases in `{0}`: name a folder whose subfolders hold OPA's YAML files")]
    Empty(PathBuf),
}

impl Case {
    /// What an exception names it by: file, place and note.
    pub fn key(&self) -> String {
        format!("{}#{} {}", self.file, self.index, self.note)
    }

    /// The folder it stands in: the feature.
    pub fn folder(&self) -> &str {
        self.file.split_once('/').map_or(".", |(folder, _)| folder)
    }
}

/// Reads every `.yaml` file below a folder, in the order of their paths.
///
/// # Errors
///
/// [`ReadError`], also for a field that is not known: what is passed over could be what the case is about.
pub fn read_folder(folder: &Path) -> Result<Vec<Case>, ReadError> {
    let unreadable = |path: &Path, message: String| ReadError::Unreadable { path: path.to_owned(), message };
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| unreadable(folder, error.to_string()))?;
        let is_yaml = entry.path().extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if entry.file_type().is_file() && is_yaml {
            files.push(entry.into_path());
        }
    }
    let mut cases = Vec::new();
    for path in files {
        let bytes = std::fs::metadata(&path).map_err(|error| unreadable(&path, error.to_string()))?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(unreadable(&path, format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error.to_string()))?;
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let name: Vec<_> = name.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        cases.extend(read_file(&name.join("/"), &text)?);
    }
    if cases.is_empty() { Err(ReadError::Empty(folder.to_owned())) } else { Ok(cases) }
}

fn read_file(file: &str, text: &str) -> Result<Vec<Case>, ReadError> {
    let broken = |index: usize, message: String| ReadError::Case { file: file.to_owned(), index, message };
    let document = hpol_lang::value::parse_yaml(text).map_err(|error| broken(0, error.to_string()))?;
    let Some(Value::Array(cases)) = document.get("cases") else {
        return Err(broken(0, "the file has no list `cases`".to_owned()));
    };
    let read = |(index, case): (usize, &Value)| read_case(file, index, case).map_err(|error| broken(index, error));
    cases.iter().enumerate().map(read).collect()
}

fn read_case(file: &str, index: usize, value: &Value) -> Result<Case, String> {
    const FIELDS: [&str; 13] = [
        "note",
        "query",
        "modules",
        "data",
        "input",
        "input_term",
        "want_result",
        "want_error",
        "want_error_code",
        "sort_bindings",
        "strict_error",
        "experimental_keywords",
        "ignore_generated_vars",
    ];
    let Value::Object(fields) = value else { return Err("it is no object".to_owned()) };
    if let Some(unknown) = fields.keys().find(|key| key.as_str().is_none_or(|name| !FIELDS.contains(&name))) {
        return Err(format!("the field `{unknown}` is not known"));
    }
    let text = |name: &str| match value.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(format!("`{name}` is no text")),
    };
    let flag = |name: &str| match value.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{name}` is no bool")),
    };
    let modules = match value.get("modules") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(modules)) => {
            let modules = modules.iter().map(|module| module.as_str().map(str::to_owned));
            modules.collect::<Option<_>>().ok_or("a module is no text")?
        }
        Some(_) => return Err("`modules` is no list".to_owned()),
    };
    Ok(Case {
        file: file.to_owned(),
        index,
        note: text("note")?.ok_or("it has no note")?,
        query: text("query")?.ok_or("it has no query")?,
        modules,
        data: value.get("data").filter(|data| **data != Value::Null).cloned(),
        input: value.get("input").cloned(),
        input_term: text("input_term")?,
        wanted: wanted(value, text("want_error")?, text("want_error_code")?, flag("sort_bindings")?)?,
        strict: flag("strict_error")?,
    })
}

fn wanted(case: &Value, text: Option<String>, code: Option<String>, unordered: bool) -> Result<Wanted, String> {
    let code = code.or_else(|| text.as_ref().and_then(|text| Some(text.split_once(": ")?.0.to_owned())));
    match (case.get("want_result"), code) {
        (None, Some(code)) => Ok(Wanted::Error { code, text }),
        (Some(Value::Array(bindings)), None) if bindings.iter().all(|value| matches!(value, Value::Object(_))) => {
            Ok(Wanted::Bindings { bindings: bindings.to_vec(), unordered })
        }
        (Some(_), None) => Err("`want_result` is no list of bindings".to_owned()),
        (Some(_), Some(_)) => Err("it wants a result and an error".to_owned()),
        (None, None) => Err("it wants neither a result nor an error".to_owned()),
    }
}
