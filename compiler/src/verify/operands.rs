//! What a statement reads and writes itself, without the statements within it.

use crate::plan::{Register, StatementKind, TemplatePart};

/// The registers that a statement reads.
pub(crate) fn reads(kind: &StatementKind) -> Vec<Register> {
    match kind {
        StatementKind::Constant { .. }
        | StatementKind::Input { .. }
        | StatementKind::Data { .. }
        | StatementKind::Document { .. }
        | StatementKind::Scope { .. }
        | StatementKind::Leave { .. }
        | StatementKind::Fail
        | StatementKind::Collect { .. }
        | StatementKind::Outside { .. }
        | StatementKind::Mark { .. }
        | StatementKind::MarkSave { .. } => Vec::new(),
        StatementKind::Copy { source, .. } | StatementKind::MarkRestore { source } => vec![*source],
        StatementKind::Field { base, .. } => vec![*base],
        StatementKind::Index { base, key, .. } => vec![*base, *key],
        StatementKind::Call { arguments, .. } | StatementKind::Builtin { arguments, .. } => arguments.clone(),
        StatementKind::Arithmetic { left, right, .. }
        | StatementKind::SetOperation { left, right, .. }
        | StatementKind::Compare { left, right, .. }
        | StatementKind::TestCompare { left, right, .. } => vec![*left, *right],
        StatementKind::Membership { key, value, collection, .. } => {
            key.iter().copied().chain([*value, *collection]).collect()
        }
        StatementKind::MakeArray { items, .. } | StatementKind::MakeSet { items, .. } => items.clone(),
        StatementKind::MakeObject { entries, .. } => entries.iter().flat_map(|entry| [entry.0, entry.1]).collect(),
        StatementKind::Template { parts, .. } => parts
            .iter()
            .filter_map(|part| match part {
                TemplatePart::Text(_) => None,
                TemplatePart::Value(value) => Some(*value),
            })
            .collect(),
        StatementKind::Test { value, .. }
        | StatementKind::TestAbsent { value }
        | StatementKind::TestShape { value, .. }
        | StatementKind::Record { value, .. } => vec![*value],
        StatementKind::Yield { target, value } => vec![*target, *value],
        StatementKind::Each { collection, .. } => vec![*collection],
        StatementKind::Emit { key, value } => key.iter().copied().chain([*value]).collect(),
        StatementKind::With { replacements, .. } => {
            replacements.iter().filter_map(|replacement| replacement.value).collect()
        }
    }
}

/// The registers that a statement writes.
pub(crate) fn written(kind: &StatementKind) -> Vec<Register> {
    match kind {
        StatementKind::Constant { target, .. }
        | StatementKind::Copy { target, .. }
        | StatementKind::Input { target, .. }
        | StatementKind::Data { target, .. }
        | StatementKind::Document { target, .. }
        | StatementKind::Field { target, .. }
        | StatementKind::Index { target, .. }
        | StatementKind::Call { target, .. }
        | StatementKind::Builtin { target, .. }
        | StatementKind::Arithmetic { target, .. }
        | StatementKind::SetOperation { target, .. }
        | StatementKind::Compare { target, .. }
        | StatementKind::Membership { target, .. }
        | StatementKind::MakeArray { target, .. }
        | StatementKind::MakeSet { target, .. }
        | StatementKind::MakeObject { target, .. }
        | StatementKind::Template { target, .. }
        | StatementKind::Yield { target, .. }
        | StatementKind::Collect { target, .. }
        | StatementKind::MarkSave { target } => vec![*target],
        StatementKind::Each { key, value, .. } => key.iter().chain(value).copied().collect(),
        StatementKind::Test { .. }
        | StatementKind::TestCompare { .. }
        | StatementKind::TestAbsent { .. }
        | StatementKind::TestShape { .. }
        | StatementKind::Scope { .. }
        | StatementKind::Leave { .. }
        | StatementKind::Fail
        | StatementKind::Emit { .. }
        | StatementKind::With { .. }
        | StatementKind::Outside { .. }
        | StatementKind::Mark { .. }
        | StatementKind::MarkRestore { .. }
        | StatementKind::Record { .. } => Vec::new(),
    }
}
