//! The one list of builtins, assembled from one table per domain.

use std::sync::LazyLock;

use crate::builtin::Builtin;

/// Builtins that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// Their tables, one per domain file.
    tables: &'static [&'static [Builtin]],
}

impl Group {
    /// The builtins, by name.
    pub fn builtins(&self) -> Vec<&'static Builtin> {
        let mut builtins: Vec<&Builtin> = self.tables.iter().copied().flatten().collect();
        builtins.sort_by_key(|builtin| builtin.name);
        builtins
    }
}

/// Every builtin, by what it is about.
pub const GROUPS: &[Group] = &[
    Group {
        title: "Comparison and arithmetic",
        tables: &[crate::operators::TABLE, crate::numbers::TABLE, crate::bits::TABLE],
    },
    Group { title: "Types", tables: &[crate::types::TABLE, crate::casts::TABLE] },
    Group { title: "Strings", tables: &[crate::strings::SEARCH_TABLE, crate::strings::TABLE, crate::sprintf::TABLE] },
    Group { title: "Regular expressions and globs", tables: &[crate::regex::TABLE, crate::glob::TABLE] },
    Group {
        title: "Collections",
        tables: &[crate::aggregates::TABLE, crate::arrays::TABLE, crate::sets::TABLE, crate::objects::TABLE],
    },
    Group { title: "Graphs and nested values", tables: &[crate::graph::TABLE] },
    Group { title: "JSON and YAML", tables: &[crate::json::TABLE, crate::yaml::TABLE] },
    Group { title: "Text encodings", tables: &[crate::encoding::TABLE] },
    Group { title: "Time and durations", tables: &[crate::time::TABLE] },
    Group { title: "Amounts with units", tables: &[crate::units::TABLE] },
    Group { title: "Networks and URLs", tables: &[crate::net::TABLE, crate::url::TABLE] },
    Group { title: "Personal data and secrets", tables: &[crate::detection::TABLE] },
    Group { title: "Hashes and codes", tables: &[crate::crypto::TABLE] },
    Group { title: "Tokens", tables: &[crate::jwt::TABLE] },
    Group { title: "Versions and identifiers", tables: &[crate::semver::TABLE, crate::uuid::TABLE] },
    Group { title: "Annotations", tables: &[crate::annotations::TABLE] },
    Group { title: "Outside of an evaluation, where a host allows it", tables: &[crate::outside::TABLE] },
    Group { title: "Earlier requests", tables: &[crate::state::TABLE] },
    Group { title: "While writing policies", tables: &[crate::trace::TABLE] },
];

/// Every builtin, by name.
///
/// ```
/// use hpol_stdlib::BUILTINS;
/// assert!(BUILTINS.iter().any(|builtin| builtin.name == "count"));
/// ```
pub static BUILTINS: LazyLock<Vec<&'static Builtin>> = LazyLock::new(|| {
    let mut builtins: Vec<&Builtin> = GROUPS.iter().flat_map(Group::builtins).collect();
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
