//! What a policy consists of, as text.

use std::fmt::{self, Display, Formatter};

use super::{DecisionInspection, Inspection, PackageInspection, RuleInspection};

/// Characters of a type that are shown.
const TYPE_MAX: usize = 60;

pub(super) fn write(inspection: &Inspection, f: &mut Formatter<'_>) -> fmt::Result {
    for package in &inspection.packages {
        write_package(package, f)?;
        writeln!(f)?;
    }
    list("documents", &inspection.documents, "", f, |document| {
        let schema = document.schema.as_ref().map(|schema| format!(", as {schema} says")).unwrap_or_default();
        format!("{}  {} ({} bytes{schema})", document.path, document.file, document.bytes)
    })?;
    list("schemas", &inspection.schemas, "", f, ToString::to_string)?;
    let size = &inspection.size;
    write!(f, "plan: {} functions, {} statements, ", size.functions, size.statements)?;
    write!(f, "{} bytes of constants and documents", size.constant_bytes)?;
    match size.machine_code_bytes {
        Some(bytes) => writeln!(f, ", {bytes} bytes of machine code")?,
        None => writeln!(f, ", no machine code on this host")?,
    }
    writeln!(f, "policy {}", inspection.revision)
}

fn write_package(package: &PackageInspection, f: &mut Formatter<'_>) -> fmt::Result {
    let kind = match &package.input_kind {
        Some(kind) => format!("decides {kind}"),
        None => "a library".to_owned(),
    };
    writeln!(f, "package {}: {kind} ({})", package.path, package.files.join(", "))?;
    list("decisions", &package.decisions, "  ", f, decision)?;
    list("rules", &package.rules, "  ", f, rule)?;
    list("tests", &package.tests, "  ", f, |test| format!("{}  {}", test.name, test.location))?;
    list("imports schemas", &package.schemas, "  ", f, ToString::to_string)?;
    list("reads of the input", &package.input_paths, "  ", f, ToString::to_string)?;
    list("reads of documents", &package.data_paths, "  ", f, ToString::to_string)?;
    if package.builtins.is_empty() {
        return Ok(());
    }
    writeln!(f, "  builtins: {}", package.builtins.join(", "))
}

fn decision(rule: &DecisionInspection) -> String {
    let annotations = rule.annotations.iter().map(|(name, value)| format!(" @{name}({value})"));
    format!("{} {:?}{}  {}", rule.effect.word(), rule.id, annotations.collect::<String>(), rule.location)
}

fn rule(rule: &RuleInspection) -> String {
    let parameters = match rule.parameters {
        0 => String::new(),
        1 => "(1 parameter)".to_owned(),
        parameters => format!("({parameters} parameters)"),
    };
    format!("{}{parameters}: {}  {}", rule.path, shortened(&rule.ty), rule.location)
}

/// A type cut to what fits a line; all of it is in the JSON.
fn shortened(ty: &str) -> String {
    if ty.chars().count() <= TYPE_MAX {
        return ty.to_owned();
    }
    ty.chars().take(TYPE_MAX).chain("…".chars()).collect()
}

fn list<T>(title: &str, items: &[T], indent: &str, f: &mut Formatter<'_>, line: impl Fn(&T) -> String) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "{indent}{title}:")?;
    items.iter().try_for_each(|item| writeln!(f, "{indent}  {}", &line(item) as &dyn Display))
}
