//! What a statement reads and writes itself, without the statements within it.

use super::{Label, Register, StatementKind, TemplatePart};

/// The registers that a statement reads.
pub(crate) fn reads(kind: &StatementKind) -> Vec<Register> {
    match kind {
        StatementKind::Constant { .. }
        | StatementKind::Input { .. }
        | StatementKind::Slot { .. }
        | StatementKind::Data { .. }
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
        StatementKind::Call { arguments: items, .. }
        | StatementKind::Builtin { arguments: items, .. }
        | StatementKind::Document { keys: items, .. } => items.clone(),
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
        | StatementKind::TestAbsent { value, .. }
        | StatementKind::TestShape { value, .. }
        | StatementKind::Record { value, .. } => vec![*value],
        StatementKind::Yield { target, value } => vec![*target, *value],
        StatementKind::Definitions { target, arguments, .. } => arguments.iter().chain(target).copied().collect(),
        StatementKind::Each { collection, lookup, .. } => {
            let keys = lookup.iter().flat_map(|lookup| &lookup.keys);
            keys.copied().chain([*collection]).collect()
        }
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
        | StatementKind::Slot { target, .. }
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
        StatementKind::Definitions { target, .. } => target.iter().copied().collect(),
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

/// Calls `change` for each register that a statement only reads.
pub(crate) fn each_read_mut(kind: &mut StatementKind, change: &mut impl FnMut(&mut Register)) {
    match kind {
        StatementKind::Constant { .. }
        | StatementKind::Input { .. }
        | StatementKind::Slot { .. }
        | StatementKind::Data { .. }
        | StatementKind::Scope { .. }
        | StatementKind::Leave { .. }
        | StatementKind::Fail
        | StatementKind::Collect { .. }
        | StatementKind::Outside { .. }
        | StatementKind::Mark { .. }
        | StatementKind::MarkSave { .. } => {}
        StatementKind::Copy { source, .. } | StatementKind::MarkRestore { source } => change(source),
        StatementKind::Field { base, .. } => change(base),
        StatementKind::Index { base, key, .. } => [base, key].into_iter().for_each(change),
        StatementKind::Call { arguments: items, .. }
        | StatementKind::Builtin { arguments: items, .. }
        | StatementKind::Definitions { arguments: items, .. }
        | StatementKind::Document { keys: items, .. }
        | StatementKind::MakeArray { items, .. }
        | StatementKind::MakeSet { items, .. } => items.iter_mut().for_each(change),
        StatementKind::Arithmetic { left, right, .. }
        | StatementKind::SetOperation { left, right, .. }
        | StatementKind::Compare { left, right, .. }
        | StatementKind::TestCompare { left, right, .. } => [left, right].into_iter().for_each(change),
        StatementKind::Membership { key, value, collection, .. } => {
            key.iter_mut().chain([value, collection]).for_each(change);
        }
        StatementKind::MakeObject { entries, .. } => {
            entries.iter_mut().flat_map(|(key, value)| [key, value]).for_each(change);
        }
        StatementKind::Template { parts, .. } => {
            for part in parts {
                match part {
                    TemplatePart::Text(_) => {}
                    TemplatePart::Value(value) => change(value),
                }
            }
        }
        StatementKind::Test { value, .. }
        | StatementKind::TestAbsent { value, .. }
        | StatementKind::TestShape { value, .. }
        | StatementKind::Record { value, .. }
        | StatementKind::Yield { value, .. } => change(value),
        StatementKind::Each { collection, lookup, .. } => {
            change(collection);
            lookup.iter_mut().flat_map(|lookup| &mut lookup.keys).for_each(change);
        }
        StatementKind::Emit { key, value } => key.iter_mut().chain([value]).for_each(change),
        StatementKind::With { replacements, .. } => {
            replacements.iter_mut().filter_map(|replacement| replacement.value.as_mut()).for_each(change);
        }
    }
}

/// Calls `change` for each register that a statement reads or writes, once for each way in which it does.
pub(crate) fn each_register_mut(kind: &mut StatementKind, change: &mut impl FnMut(&mut Register)) {
    each_read_mut(kind, change);
    if let Some(target) = target_mut(kind) {
        change(target);
    } else if let StatementKind::Yield { target, .. } = kind {
        change(target);
    } else if let StatementKind::Each { key, value, .. } = kind {
        key.iter_mut().chain(value).for_each(change);
    }
}

/// The name of a scope, a loop or a `with` that a statement gives or refers to.
pub(crate) fn label_mut(kind: &mut StatementKind) -> Option<&mut Label> {
    if let StatementKind::Scope { label, .. }
    | StatementKind::Leave { label }
    | StatementKind::Each { label, .. }
    | StatementKind::With { label, .. }
    | StatementKind::Outside { label, .. } = kind
    {
        Some(label)
    } else {
        None
    }
}

/// The one register that a statement writes without reading it.
pub(crate) fn target_mut(kind: &mut StatementKind) -> Option<&mut Register> {
    match kind {
        StatementKind::Constant { target, .. }
        | StatementKind::Copy { target, .. }
        | StatementKind::Input { target, .. }
        | StatementKind::Slot { target, .. }
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
        | StatementKind::Collect { target, .. }
        | StatementKind::MarkSave { target } => Some(target),
        StatementKind::Yield { .. }
        | StatementKind::Definitions { .. }
        | StatementKind::Each { .. }
        | StatementKind::Test { .. }
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
        | StatementKind::Record { .. } => None,
    }
}
