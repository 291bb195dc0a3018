//! What a path such as `data.guard.privileged` asks for.

use std::sync::Arc;

use hpol_compiler::context::{Context, Fault, Stop};
use hpol_compiler::machine::{self, Machine};
use hpol_compiler::plan::{FunctionId, PlaceId, Program};
use hpol_lang::value::Value;
use hpol_stdlib::heap::{Heap, Kind, Word};

use crate::error::QueryError;

/// What a path asks for.
#[derive(Debug)]
pub(crate) struct Asked<'p> {
    base: Base,
    /// Names below it.
    below: Vec<&'p str>,
    /// The package whose input type holds, if the path leads to a rule.
    pub(crate) package: Option<usize>,
}

#[derive(Debug)]
enum Base {
    Function(FunctionId),
    /// A package, or a base document.
    Document(Vec<Arc<str>>),
}

/// Finds what a path asks for: the longest part of it that names a rule, else a package, else a document.
pub(crate) fn find<'p>(program: &Program, path: &'p str) -> Result<Asked<'p>, QueryError> {
    let parts: Vec<&str> = path.split('.').collect();
    if parts.first() != Some(&"data") || parts.iter().any(|part| part.is_empty()) {
        return Err(QueryError::Path { path: path.to_owned() });
    }
    for length in (2..=parts.len()).rev() {
        let Some(function) = program.rules.get(parts[..length].join(".").as_str()) else { continue };
        if program.function(*function).parameters > 0 {
            return Err(QueryError::Function { path: parts[..length].join(".") });
        }
        let package = parts[1..length - 1].join(".");
        let package = program.packages.iter().position(|known| *known.path == *package);
        return Ok(Asked { base: Base::Function(*function), below: parts[length..].to_vec(), package });
    }
    let names: Vec<Arc<str>> = parts[1..].iter().map(|part| Arc::from(*part)).collect();
    let heap = Heap::new(program.frozen.clone(), 0);
    let document = names.iter().fold(program.data, |word, name| heap.field(word, name));
    let known = !program.rules_below(&names).is_empty() || program.nodes.binary_search(&names).is_ok();
    if !known && document.is_absent() {
        return Err(QueryError::Unknown { path: path.to_owned() });
    }
    let package = names.join(".");
    let package = program.packages.iter().position(|known| *known.path == *package);
    Ok(Asked { base: Base::Document(names), below: Vec::new(), package })
}

impl Asked<'_> {
    /// The rule that is asked for, if it is one.
    pub(crate) fn rule(&self) -> Option<FunctionId> {
        match &self.base {
            Base::Function(function) => Some(*function),
            Base::Document(_) => None,
        }
    }

    /// Its value; `None` where it is undefined.
    pub(crate) fn evaluate(&self, machine: &dyn Machine, context: &mut Context) -> Result<Option<Value>, Fault> {
        let value = match &self.base {
            Base::Function(function) => machine::query(machine, *function, &[], context)?,
            Base::Document(path) => match machine::document_at(machine, path, PlaceId(u32::MAX), context) {
                Ok(document) => Some(document),
                Err(Stop) => return Err(context.take_fault()),
            },
        };
        let heap = context.heap();
        let value = self.below.iter().fold(value.unwrap_or(Word::ABSENT), |word, name| member(heap, word, name));
        Ok((!value.is_absent()).then(|| heap.to_value(value)))
    }
}

/// The member of an object under a name, or the name itself if it is in a set.
fn member(heap: &Heap, base: Word, name: &str) -> Word {
    match heap.elements(base) {
        Some(items) if base.kind() == Kind::Set => {
            items.iter().copied().find(|item| heap.as_str(*item) == Some(name)).unwrap_or(Word::ABSENT)
        }
        _ => heap.field(base, name),
    }
}
