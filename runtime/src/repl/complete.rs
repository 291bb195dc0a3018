//! Names that a session knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use hpol_lang::ast::{ItemKind, Module, is_identifier};
use hpol_lang::parse::{ParseLimits, parse};
use hpol_lang::source::SourceMap;
use hpol_lang::value::Value;
use hpol_stdlib::BUILTINS;

use super::{Repl, question};

/// How many names are offered.
const NAMES_MAX: usize = 1_000;
/// How deep the input's fields are offered.
const DEPTH_MAX: usize = 4;

const WORDS: &[&str] = &[
    "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input", "not", "null", "package",
    "some", "true", "with",
];

/// The names that may stand where a text ends, in order.
pub(super) fn completions(repl: &Repl, text: &str) -> Vec<String> {
    let start = text.rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'));
    let word = start.map_or(text, |start| {
        text.get(start..).unwrap_or("").trim_start_matches(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
    });
    let mut names: BTreeSet<String> = WORDS.iter().map(ToString::to_string).collect();
    names.extend(BUILTINS.iter().map(|builtin| builtin.name.to_owned()));
    names.extend(names_in_scope(repl).iter().map(ToString::to_string));
    for module in modules(repl) {
        names.extend(rules(&module).map(|name| format!("data.{}.{name}", module.package)));
    }
    if let Some(input) = repl.input() {
        fields("input", input, 0, &mut names);
    }
    names.into_iter().filter(|name| name.starts_with(word) && name != word).take(NAMES_MAX).collect()
}

/// Names that stand for something in the session's package, so that they are no variables.
pub(super) fn names_in_scope(repl: &Repl) -> BTreeSet<Arc<str>> {
    let mut names: BTreeSet<Arc<str>> = ["input", "data"].map(Arc::from).into_iter().collect();
    for module in modules(repl) {
        if module.package.to_string() != repl.package() {
            continue;
        }
        names.extend(rules(&module));
    }
    // Imports hold in their own file only, and the session's file is what queries are put into.
    let (_, own, _) = repl.read_module(&repl.own_text());
    names.extend(own.iter().flat_map(|module| &module.items).filter_map(|item| match &item.kind {
        ItemKind::Import(import) => {
            import.alias.as_ref().or_else(|| import.path.parts.last()).map(|name| name.text.clone())
        }
        _ => None,
    }));
    names
}

fn rules(module: &Module) -> impl Iterator<Item = Arc<str>> {
    module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Rule(rule) => question::head_name(&rule.head.reference),
        ItemKind::Default(default) => question::head_name(&default.reference),
        ItemKind::Counter(counter) => Some(counter.name.text.clone()),
        _ => None,
    })
}

/// Every file of the session, as it was read.
fn modules(repl: &Repl) -> Vec<Module> {
    let (files, _) = repl.files(None);
    let mut sources = SourceMap::new();
    let mut modules = Vec::new();
    for (path, content) in files.iter() {
        let is_policy = path.ends_with(".hpol") || path.ends_with(".rego");
        if let (true, Ok(text)) = (is_policy, std::str::from_utf8(content)) {
            let file = sources.add(path.clone(), text);
            modules.extend(parse(&sources, file, &ParseLimits::default()).0);
        }
    }
    modules
}

fn fields(path: &str, value: &Value, depth: usize, names: &mut BTreeSet<String>) {
    let Value::Object(entries) = value else { return };
    for (key, value) in entries.iter() {
        let Some(key) = key.as_str().filter(|key| is_identifier(key)) else { continue };
        if names.len() >= NAMES_MAX || depth >= DEPTH_MAX {
            return;
        }
        let path = format!("{path}.{key}");
        fields(&path, value, depth + 1, names);
        names.insert(path);
    }
}
