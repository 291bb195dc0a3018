//! The one list of builtins, assembled from one table per domain.

use std::sync::LazyLock;

use crate::builtin::Builtin;

const TABLES: &[&[Builtin]] = &[
    crate::aggregates::TABLE,
    crate::arrays::TABLE,
    crate::bits::TABLE,
    crate::casts::TABLE,
    crate::crypto::TABLE,
    crate::encoding::TABLE,
    crate::glob::TABLE,
    crate::graph::TABLE,
    crate::json::TABLE,
    crate::jwt::TABLE,
    crate::net::TABLE,
    crate::numbers::TABLE,
    crate::objects::TABLE,
    crate::operators::TABLE,
    crate::regex::TABLE,
    crate::semver::TABLE,
    crate::sets::TABLE,
    crate::sprintf::TABLE,
    crate::strings::SEARCH_TABLE,
    crate::strings::TABLE,
    crate::time::TABLE,
    crate::trace::TABLE,
    crate::types::TABLE,
    crate::units::TABLE,
    crate::url::TABLE,
    crate::uuid::TABLE,
];

/// Every builtin, by name.
///
/// ```
/// use hpol_stdlib::BUILTINS;
/// assert!(BUILTINS.iter().any(|builtin| builtin.name == "count"));
/// ```
pub static BUILTINS: LazyLock<Vec<&'static Builtin>> = LazyLock::new(|| {
    let mut builtins: Vec<&Builtin> = TABLES.iter().copied().flatten().collect();
    builtins.sort_by_key(|builtin| builtin.name);
    builtins
});

/// The builtin of that name, and its place in [`BUILTINS`].
pub fn find_builtin(name: &str) -> Option<(usize, &'static Builtin)> {
    let place = BUILTINS.binary_search_by_key(&name, |builtin| builtin.name).ok()?;
    Some((place, BUILTINS[place]))
}

#[cfg(test)]
mod tests;
