//! Annotations in comments: a comment `# METADATA` with YAML in the comment lines right below it, in front of a package or a
//! rule. `rego.metadata.rule()` and `rego.metadata.chain()` are what they say, known when a policy is compiled.
//!
//! ```text
//! # METADATA
//! # title: Only owners
//! # authors:
//! # - Ada <ada@example.com>
//! allow if input.user == input.owner
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{ItemKind, Module, Reference};
use crate::diagnostic::Diagnostic;
use crate::resolve::constant_step;
use crate::source::{SourceMap, Span};
use crate::value::{Value, parse_yaml};

/// What annotations are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One definition of a rule.
    Rule,
    /// A rule with all its definitions.
    Document,
    /// A package.
    Package,
    /// A package and those below it.
    Subpackages,
}

/// One block of annotations.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// What it is about.
    pub(crate) scope: Scope,
    /// The path in `data` it belongs to.
    pub(crate) path: Vec<Arc<str>>,
    /// For [`Scope::Rule`]: the definition.
    pub(crate) definition: Option<Span>,
    /// What it says, as an object.
    pub(crate) value: Value,
    /// Its first line.
    pub(crate) span: Span,
}

/// What `rego.metadata.rule()` is in a definition: the annotations of this definition that stand nearest to it.
pub(crate) fn of_rule(own: &[Metadata], definition: Span) -> Value {
    own.iter()
        .rev()
        .find(|metadata| metadata.scope == Scope::Rule && metadata.definition == Some(definition))
        .map_or_else(|| Value::object::<Value>([]), |metadata| metadata.value.clone())
}

/// What `rego.metadata.chain()` is in a definition of the rule at a path: the annotations from this definition outwards. `own` are
/// those of its file, `all` those of every file.
pub(crate) fn chain<'m>(
    own: &[Metadata],
    all: impl Iterator<Item = &'m Metadata> + Clone,
    definition: Span,
    path: &[Arc<str>],
    package: &[Arc<str>],
) -> Value {
    let link = |path: &[Arc<str>], annotations: Option<&Value>| {
        let path = Value::array(path.iter().map(|part| Value::from(part.clone())));
        let annotations = annotations.map(|annotations| ("annotations", annotations.clone()));
        Value::object([("path", path)].into_iter().chain(annotations))
    };
    let of_definition = |metadata: &&Metadata| metadata.scope == Scope::Rule && metadata.definition == Some(definition);
    let mut links: Vec<Value> =
        own.iter().rev().filter(of_definition).map(|metadata| link(path, Some(&metadata.value))).collect();
    if links.is_empty() {
        links.push(link(path, None));
    }
    let at =
        |scope: Scope, path: &[Arc<str>]| all.clone().find(|metadata| metadata.scope == scope && metadata.path == path);
    let mut outwards = vec![at(Scope::Document, path), at(Scope::Package, package)];
    outwards.extend((0..=package.len()).rev().map(|length| at(Scope::Subpackages, &package[..length])));
    links.extend(outwards.into_iter().flatten().map(|metadata| link(&metadata.path, Some(&metadata.value))));
    Value::array(links)
}

/// Reports what annotates a whole rule or package twice.
pub(crate) fn check_repeats(all: &[Vec<Metadata>], diagnostics: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<(&str, &[Arc<str>]), Span> = BTreeMap::new();
    for metadata in all.iter().flatten() {
        let scope = match metadata.scope {
            Scope::Rule => continue,
            Scope::Document => "document",
            Scope::Package => "package",
            Scope::Subpackages => "subpackages",
        };
        let known = *first.entry((scope, &metadata.path)).or_insert(metadata.span);
        if known != metadata.span {
            let message = format!("`data.{}` has annotations of scope `{scope}` twice", metadata.path.join("."));
            diagnostics.push(
                Diagnostic::error("duplicate-metadata", metadata.span, message)
                    .with_related(known, "the first")
                    .with_help("keep one of them"),
            );
        }
    }
}

/// A statement that annotations can stand in front of.
struct Statement<'m> {
    span: Span,
    kind: StatementKind<'m>,
}

enum StatementKind<'m> {
    Package,
    Rule(&'m Reference),
    Other,
}

/// The annotations in a file, whose package has this path; reports those that can't be read.
pub(crate) fn read(
    sources: &SourceMap,
    module: &Module,
    package: &[Arc<str>],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Metadata> {
    let mut found = Vec::new();
    let statements = statements(module);
    let mut comments = module.comments.iter().peekable();
    while let Some(first) = comments.next() {
        if !first.text.trim_start_matches('#').trim().starts_with("METADATA") {
            continue;
        }
        let mut text = String::new();
        let mut lines = Vec::new();
        let mut line = sources.location(first.span).line;
        while let Some(comment) = comments.next_if(|next| {
            let place = sources.location(next.span);
            place.column == 1 && place.line == line + 1
        }) {
            line += 1;
            let content = comment.text.strip_prefix('#').unwrap_or(&comment.text);
            text.push_str(content.strip_prefix(' ').unwrap_or(content));
            text.push('\n');
            lines.push(comment.span);
        }
        // The first statement behind it; statements stand in the order of the text.
        let target = statements.iter().find(|statement| statement.span.start > first.span.start);
        match block(&text, target, package) {
            Ok(metadata) => found.push(Metadata { span: first.span, ..metadata }),
            Err(Wrong { message, line }) => {
                let at = line.and_then(|line| lines.get((line as usize).saturating_sub(1))).unwrap_or(&first.span);
                diagnostics.push(Diagnostic::error("bad-metadata", *at, message).with_help(
                    "below `# METADATA` stands YAML in comments, such as `# title: …`; leave a line empty behind it",
                ));
            }
        }
    }
    found
}

fn statements(module: &Module) -> Vec<Statement<'_>> {
    let package = Statement { span: module.package.span, kind: StatementKind::Package };
    let items = module.items.iter().map(|item| match &item.kind {
        ItemKind::Rule(rule) => Statement { span: rule.span, kind: StatementKind::Rule(&rule.head.reference) },
        ItemKind::Default(default) => Statement { span: item.span, kind: StatementKind::Rule(&default.reference) },
        _ => Statement { span: item.span, kind: StatementKind::Other },
    });
    std::iter::once(package).chain(items).collect()
}

/// What is wrong with a block, and in which of its lines.
struct Wrong {
    message: String,
    line: Option<u32>,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self { message, line: None }
    }
}

fn block(text: &str, target: Option<&Statement<'_>>, package: &[Arc<str>]) -> Result<Metadata, Wrong> {
    if text.trim().is_empty() {
        return Err("below `# METADATA` there are no annotations".to_owned().into());
    }
    let value = parse_yaml(text).map_err(|error| Wrong { message: error.to_string(), line: error.line })?;
    if !matches!(value, Value::Object(_)) {
        return Err("annotations are names with values".to_owned().into());
    }
    let entrypoint = match value.get("entrypoint") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(entrypoint)) => *entrypoint,
        Some(_) => return Err("`entrypoint` is true or false".to_owned().into()),
    };
    let scope = text_of(&value, "scope")?;
    let scope = match (scope.as_deref(), target.map(|target| &target.kind)) {
        (None, Some(StatementKind::Package)) | (Some("package"), Some(StatementKind::Package)) => Scope::Package,
        (Some("subpackages"), Some(StatementKind::Package)) => Scope::Subpackages,
        (None, Some(StatementKind::Rule(_))) if entrypoint => Scope::Document,
        (None | Some("rule"), Some(StatementKind::Rule(_))) => Scope::Rule,
        (Some("document"), Some(StatementKind::Rule(_))) => Scope::Document,
        (Some(scope @ ("package" | "subpackages")), _) => {
            return Err(format!("annotations of scope `{scope}` stand in front of a package").into());
        }
        (Some(scope @ ("rule" | "document")), _) => {
            return Err(format!("annotations of scope `{scope}` stand in front of a rule").into());
        }
        (None, _) => return Err("annotations stand in front of a package or a rule".to_owned().into()),
        (Some(scope), _) => {
            return Err(format!("there is no scope `{scope}`, but rule, document, package and subpackages").into());
        }
    };
    if entrypoint && !matches!(scope, Scope::Document | Scope::Package) {
        return Err("an entrypoint is a document or a package".to_owned().into());
    }
    let mut path = package.to_vec();
    let mut definition = None;
    if let Some(Statement { span, kind: StatementKind::Rule(reference) }) = target {
        if let crate::ast::ExprKind::Variable(name) = &reference.head.kind {
            path.push(name.clone());
        }
        path.extend(reference.steps.iter().map_while(constant_step));
        definition = Some(*span);
    }
    Ok(Metadata {
        scope,
        path,
        definition,
        value: object(&value, scope, entrypoint)?,
        span: Span::new(crate::source::FileId(0), 0, 0),
    })
}

fn text_of(value: &Value, name: &str) -> Result<Option<String>, String> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(format!("`{name}` is a text")),
    }
}

fn list_of<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], String> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("`{name}` is a list")),
    }
}

/// The annotations as policies see them; those that are not known are left out.
fn object(value: &Value, scope: Scope, entrypoint: bool) -> Result<Value, String> {
    let scope = match scope {
        Scope::Rule => "rule",
        Scope::Document => "document",
        Scope::Package => "package",
        Scope::Subpackages => "subpackages",
    };
    let mut entries = vec![("scope", Value::from(scope))];
    for name in ["title", "description"] {
        entries.extend(text_of(value, name)?.map(|text| (name, Value::from(text))));
    }
    if entrypoint {
        entries.push(("entrypoint", Value::from(true)));
    }
    let organizations = list_of(value, "organizations")?;
    if organizations.iter().any(|name| name.as_str().is_none()) {
        return Err("`organizations` is a list of texts".to_owned());
    }
    let lists = [
        ("organizations", organizations.to_vec()),
        ("related_resources", list_of(value, "related_resources")?.iter().map(resource).collect::<Result<_, _>>()?),
        ("authors", list_of(value, "authors")?.iter().map(author).collect::<Result<_, _>>()?),
        ("schemas", list_of(value, "schemas")?.iter().map(schema).collect::<Result<_, _>>()?),
    ];
    entries
        .extend(lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, Value::array(list))));
    match value.get("custom") {
        None | Some(Value::Null) => {}
        Some(custom @ Value::Object(members)) if !members.is_empty() => entries.push(("custom", custom.clone())),
        Some(Value::Object(_)) => {}
        Some(_) => return Err("`custom` is names with values".to_owned()),
    }
    Ok(Value::object(entries))
}

/// A link, alone or with a description.
fn resource(value: &Value) -> Result<Value, String> {
    let link = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(Value::from);
    match value {
        Value::String(text) => {
            let link = link(Some(text)).ok_or("a related resource is empty")?;
            Ok(Value::object([("ref", link)]))
        }
        Value::Object(_) => {
            let found = link(value.get("ref").and_then(Value::as_str)).ok_or("a related resource needs its `ref`")?;
            let description = link(value.get("description").and_then(Value::as_str));
            let description = description.map(|description| ("description", description));
            Ok(Value::object([("ref", found)].into_iter().chain(description)))
        }
        _ => Err("a related resource is a link, or has a `ref`".to_owned()),
    }
}

/// `Name`, `Name <address>`, or an object with both.
fn author(value: &Value) -> Result<Value, String> {
    let (name, email) = match value {
        Value::String(text) => {
            let mut words: Vec<&str> = text.split_whitespace().collect();
            let email = words.last().and_then(|last| last.strip_prefix('<')?.strip_suffix('>')).map(str::to_owned);
            if email.is_some() {
                words.pop();
            }
            (words.join(" "), email.unwrap_or_default())
        }
        Value::Object(_) => {
            let part = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
            (part("name"), part("email"))
        }
        _ => return Err("an author is a text, or has a `name` or an `email`".to_owned()),
    };
    if name.is_empty() && email.is_empty() {
        return Err("an author has neither name nor address".to_owned());
    }
    let parts = [("name", name), ("email", email)];
    Ok(Value::object(
        parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, Value::from(text))),
    ))
}

/// `path: schema.name`, or `path: {…}` with the schema itself.
fn schema(value: &Value) -> Result<Value, String> {
    const WRONG: &str = "a schema is a path with `schema.name` or with a schema";
    let Value::Object(entries) = value else { return Err(WRONG.to_owned()) };
    let mut entries = entries.iter();
    let (Some((path, schema)), None) = (entries.next(), entries.next()) else { return Err(WRONG.to_owned()) };
    let parts = |text: &str| {
        let parts: Vec<&str> = text.split('.').collect();
        let fits = parts.iter().all(|part| crate::ast::is_identifier(part));
        fits.then(|| Value::array(parts.into_iter().map(Value::from))).ok_or(WRONG)
    };
    let path = parts(path.as_str().ok_or(WRONG)?)?;
    let schema = match schema {
        Value::String(text) if &**text == "schema" || text.starts_with("schema.") => ("schema", parts(text)?),
        Value::Object(_) => ("definition", schema.clone()),
        _ => return Err(WRONG.to_owned()),
    };
    Ok(Value::object([("path", path), schema]))
}
