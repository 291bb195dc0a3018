//! The table of builtins as people and programs ask for it: one by name, those of a domain, those that speak of something.

use hpol_lang::nearest;
use serde::Serialize;

use crate::builtin::{Builtin, Example, Purity};
use crate::table::{BUILTINS, GROUPS, find_builtin};

/// The longest text that is looked for.
const TEXT_MAX: usize = 256;

/// A builtin as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuiltinReport {
    /// Full name.
    pub name: &'static str,
    /// What it and its neighbours are about.
    pub group: &'static str,
    /// Parameters and result.
    pub signature: &'static str,
    /// What it yields, from what, and when it is an error.
    pub doc: &'static str,
    /// Whether the same arguments always give the same result, in any decision.
    pub pure: bool,
    /// Calls that have a value, or are undefined.
    pub examples: Vec<ExampleReport>,
    /// Calls that are an error.
    pub errors: Vec<&'static str>,
}

/// A call and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExampleReport {
    /// The call.
    pub call: &'static str,
    /// Its value in Rego's notation, or `undefined`.
    pub result: &'static str,
}

/// There is no builtin or domain of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no builtin or domain `{name}`{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownBuiltin {
    /// The name.
    pub name: String,
    /// The nearest that there is.
    pub near: Option<&'static str>,
}

/// Every builtin, group by group.
pub fn all() -> Vec<BuiltinReport> {
    GROUPS.iter().flat_map(|group| group.builtins().into_iter().map(|builtin| report(group.title, builtin))).collect()
}

/// The builtin of that name, or every builtin of that domain: what stands in front of the last dot, or the group's title.
///
/// ```
/// use hpol_stdlib::reference::named;
/// assert_eq!(named("count").map(|found| found.len()), Ok(1));
/// assert!(named("json").is_ok_and(|found| found.iter().all(|builtin| builtin.name.starts_with("json."))));
/// assert_eq!(named("cuont").map_err(|unknown| unknown.near), Err(Some("count")));
/// ```
///
/// # Errors
///
/// [`UnknownBuiltin`] with the nearest name.
pub fn named(name: &str) -> Result<Vec<BuiltinReport>, UnknownBuiltin> {
    if let Some((_, builtin)) = find_builtin(name) {
        let group = GROUPS.iter().find(|group| group.builtins().iter().any(|known| known.name == name));
        return Ok(vec![report(group.map_or("", |group| group.title), builtin)]);
    }
    let mut found = all();
    found.retain(|builtin| is_in(builtin.name, name) || builtin.group.eq_ignore_ascii_case(name));
    if found.is_empty() {
        let shown: String = name.chars().take(TEXT_MAX).collect();
        let domains = BUILTINS.iter().filter_map(|builtin| builtin.name.rsplit_once('.')).map(|(domain, _)| domain);
        let near = nearest(name, BUILTINS.iter().map(|builtin| builtin.name).chain(domains));
        return Err(UnknownBuiltin { name: shown, near: near.or_else(|| last_part(name)) });
    }
    Ok(found)
}

/// The builtins whose name, signature, group or doc has every word of a text; those with all of it in the name first.
pub fn search(text: &str) -> Vec<BuiltinReport> {
    let text: String = text.chars().take(TEXT_MAX).collect::<String>().to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found = all();
    found.retain(|builtin| {
        let all = format!("{} {} {} {}", builtin.name, builtin.signature, builtin.group, builtin.doc).to_lowercase();
        words.iter().all(|word| all.contains(word))
    });
    found.sort_by_key(|builtin| !words.iter().all(|word| builtin.name.contains(word)));
    found
}

/// Whether a name lies in a domain, such as `json.patch` in `json`.
fn is_in(name: &str, domain: &str) -> bool {
    name.strip_prefix(domain).is_some_and(|rest| rest.starts_with('.'))
}

/// The builtin whose name ends with these words, as in `decode_verify` for `io.jwt.decode_verify`.
fn last_part(name: &str) -> Option<&'static str> {
    let named = |known: &&'static str| known.rsplit_once('.').is_some_and(|(_, last)| last == name);
    BUILTINS.iter().map(|builtin| builtin.name).find(named)
}

fn report(group: &'static str, builtin: &Builtin) -> BuiltinReport {
    let (errors, examples): (Vec<&Example>, Vec<&Example>) =
        builtin.examples.iter().partition(|example| example.result == "error");
    BuiltinReport {
        name: builtin.name,
        group,
        signature: builtin.signature,
        doc: builtin.doc,
        pure: builtin.purity == Purity::Pure,
        examples: examples
            .into_iter()
            .map(|example| ExampleReport { call: example.call, result: example.result })
            .collect(),
        errors: errors.into_iter().map(|example| example.call).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_found_by_name_and_in_its_domain() {
        for builtin in BUILTINS.iter() {
            let found = named(builtin.name).expect("there");
            assert_eq!(found.len(), 1);
            assert!(!found[0].group.is_empty(), "{}", builtin.name);
            assert_eq!(found[0].examples.len() + found[0].errors.len(), builtin.examples.len());
            let domain = named(found[0].group).expect("a group");
            assert!(domain.contains(&found[0]), "{}", builtin.name);
        }
        assert_eq!(all().len(), BUILTINS.len());
    }

    #[test]
    fn slips_and_last_parts_lead_somewhere() {
        assert_eq!(named("jsn").map_err(|unknown| unknown.near), Err(Some("json")));
        assert_eq!(named("decode_verify").map_err(|unknown| unknown.near), Err(Some("io.jwt.decode_verify")));
        let nothing = named("something quite else").expect_err("no such builtin");
        assert_eq!(nothing.to_string(), "there is no builtin or domain `something quite else`");
    }

    #[test]
    fn names_come_before_texts() {
        let found = search("upper");
        assert_eq!(found.first().map(|builtin| builtin.name), Some("upper"));
        assert!(search("base64 url").len() > 1);
        assert!(search("no builtin says this").is_empty());
    }
}
