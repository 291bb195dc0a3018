//! What a statement reads and writes itself, without the statements within it.

use super::{Label, Register, StatementKind, TemplatePart};

/// Writes the functions that look at a statement's registers, once to read and once to change them.
macro_rules! operands {
    ($each_read:ident, $target:ident, $label:ident $(, $mutable:tt)?) => {
        /// Calls `look` for each register that a statement only reads.
        pub(crate) fn $each_read(kind: &$($mutable)? StatementKind, look: &mut impl FnMut(&$($mutable)? Register)) {
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
                StatementKind::Copy { source, .. } | StatementKind::MarkRestore { source } => look(source),
                StatementKind::Field { base, .. } => look(base),
                StatementKind::Index { base, key, .. } => [base, key].into_iter().for_each(look),
                StatementKind::Call { arguments: items, .. }
                | StatementKind::Builtin { arguments: items, .. }
                | StatementKind::Definitions { arguments: items, .. }
                | StatementKind::Document { keys: items, .. }
                | StatementKind::MakeArray { items, .. }
                | StatementKind::MakeSet { items, .. } => items.into_iter().for_each(look),
                StatementKind::Arithmetic { left, right, .. }
                | StatementKind::SetOperation { left, right, .. }
                | StatementKind::Compare { left, right, .. }
                | StatementKind::TestCompare { left, right, .. } => [left, right].into_iter().for_each(look),
                StatementKind::Membership { key, value, collection, .. } => {
                    key.into_iter().chain([value, collection]).for_each(look);
                }
                StatementKind::MakeObject { entries, .. } => {
                    for (key, value) in entries {
                        look(key);
                        look(value);
                    }
                }
                StatementKind::Template { parts, .. } => {
                    for part in parts {
                        match part {
                            TemplatePart::Text(_) => {}
                            TemplatePart::Value(value) => look(value),
                        }
                    }
                }
                StatementKind::Test { value, .. }
                | StatementKind::TestAbsent { value, .. }
                | StatementKind::TestShape { value, .. }
                | StatementKind::Record { value, .. }
                | StatementKind::Yield { value, .. } => look(value),
                StatementKind::Each { collection, lookup, .. } => {
                    look(collection);
                    if let Some(lookup) = lookup {
                        (&$($mutable)? lookup.keys).into_iter().for_each(&mut *look);
                    }
                }
                StatementKind::Emit { key, value } => key.into_iter().chain([value]).for_each(look),
                StatementKind::With { replacements, .. } => {
                    for replacement in replacements {
                        (&$($mutable)? replacement.value).into_iter().for_each(&mut *look);
                    }
                }
            }
        }

        /// The one register that a statement writes without reading it.
        pub(crate) fn $target(kind: &$($mutable)? StatementKind) -> Option<&$($mutable)? Register> {
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

        /// The name of a scope, a loop or a `with` that a statement gives or refers to.
        pub(crate) fn $label(kind: &$($mutable)? StatementKind) -> Option<&$($mutable)? Label> {
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
    };
}

operands!(each_read, target, label);
operands!(each_read_mut, target_mut, label_mut, mut);

/// The registers that a statement reads, those that it also writes at the end.
pub(crate) fn reads(kind: &StatementKind) -> Vec<Register> {
    let mut reads = Vec::new();
    each_read(kind, &mut |register| reads.push(*register));
    reads.extend(changed(kind));
    reads
}

/// The registers that a statement writes.
pub(crate) fn written(kind: &StatementKind) -> Vec<Register> {
    let mut written: Vec<Register> = target(kind).copied().or(changed(kind)).into_iter().collect();
    if let StatementKind::Each { key, value, .. } = kind {
        written.extend(key.iter().chain(value));
    }
    written
}

/// The register that a statement reads and writes.
fn changed(kind: &StatementKind) -> Option<Register> {
    if let StatementKind::Yield { target, .. } = kind {
        Some(*target)
    } else if let StatementKind::Definitions { target, .. } = kind {
        *target
    } else {
        None
    }
}

/// Calls `change` for each register that a statement reads or writes, once for each way in which it does.
pub(crate) fn each_register_mut(kind: &mut StatementKind, change: &mut impl FnMut(&mut Register)) {
    each_read_mut(kind, change);
    if let Some(target) = target_mut(kind) {
        change(target);
    } else if let StatementKind::Yield { target, .. } = kind {
        change(target);
    } else if let StatementKind::Definitions { target, .. } = kind {
        target.iter_mut().for_each(change);
    } else if let StatementKind::Each { key, value, .. } = kind {
        key.iter_mut().chain(value).for_each(change);
    }
}
