//! What a host lets policies do: which builtins they may call, and how much work they may cause.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hpol_lang::check::EDITION;
use hpol_lang::types::Environment;
use hpol_lang::value::{JsonLimits, parse_json};
use hpol_stdlib::BUILTINS;
use serde::Deserialize;

use crate::limits::Limits;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What a host lets policies do. A builtin that is not allowed is an error when a policy is compiled.
///
/// ```
/// use hpol_runtime::capabilities::Capabilities;
///
/// let text = r#"{"builtins": {"deny": ["crypto.*", "time.now_ns"]}, "limits": {"fuel": 100000, "time_ms": 20}}"#;
/// let capabilities = Capabilities::parse("capabilities.json", text)?;
/// assert!(capabilities.allows("count") && !capabilities.allows("crypto.md5"));
/// # Ok::<(), hpol_runtime::capabilities::CapabilitiesError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The file, for messages.
    name: Arc<str>,
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    limits: FileLimits,
}

/// Why a file of capabilities is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}`: {message}")]
pub struct CapabilitiesError {
    /// The file.
    pub name: Arc<str>,
    /// What is wrong, and what to write.
    pub message: String,
}

/// Names of builtins: `*`, `json.*`, `count`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    Group(Arc<str>),
    Name(Arc<str>),
}

impl Pattern {
    fn read(text: &str) -> Self {
        match (text, text.strip_suffix('*')) {
            ("*", _) => Pattern::All,
            (_, Some(group)) if group.ends_with('.') => Pattern::Group(group.into()),
            _ => Pattern::Name(text.into()),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Group(group) => name.starts_with(&**group),
            Pattern::Name(own) => name == &**own,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: Option<u32>,
    #[serde(default)]
    builtins: FileBuiltins,
    #[serde(default)]
    limits: FileLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBuiltins {
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Vec<String>,
}

/// Bounds that may only narrow those of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLimits {
    fuel: Option<u64>,
    depth: Option<u32>,
    memory_bytes: Option<usize>,
    time_ms: Option<u64>,
}

impl Capabilities {
    /// Reads a file of capabilities: JSON, or YAML if its name ends with `.yaml` or `.yml`.
    ///
    /// # Errors
    ///
    /// Text that is not such a file; an edition that this version does not know; a name or group without a builtin.
    pub fn parse(name: &str, text: &str) -> Result<Self, CapabilitiesError> {
        let refused = |message: String| CapabilitiesError { name: name.into(), message };
        if text.len() > FILE_BYTES_MAX {
            return Err(refused(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        let file: File = if name.ends_with(".yaml") || name.ends_with(".yml") {
            let value = hpol_stdlib::yaml::read_document(text, JsonLimits::default()).map_err(refused)?;
            serde_json::from_str(&value.to_json()).map_err(|error| refused(without_place(&error)))?
        } else {
            // Read strictly first: a key that stands twice must not hide a denial.
            parse_json(text, JsonLimits::default()).map_err(|error| refused(error.to_string()))?;
            serde_json::from_str(text).map_err(|error| refused(error.to_string()))?
        };
        if let Some(edition) = file.edition.filter(|edition| *edition != EDITION) {
            return Err(refused(format!(
                "this version knows edition {EDITION}, not {edition}; write `\"edition\": {EDITION}`, or use a newer version of hpol"
            )));
        }
        let allow = patterns(file.builtins.allow.as_deref().unwrap_or(&["*".to_owned()])).map_err(refused)?;
        let deny = patterns(&file.builtins.deny).map_err(refused)?;
        Ok(Self { name: name.into(), allow, deny, limits: file.limits })
    }

    /// Whether this lets policies call a builtin. One that reaches outside of the evaluation, such as `opa.runtime`, must be
    /// named in full.
    pub fn allows(&self, builtin: &str) -> bool {
        self.refusal(builtin).is_none()
    }

    /// Why a builtin may not be called; `None` if it may.
    fn refusal(&self, builtin: &str) -> Option<Arc<str>> {
        if let Some(pattern) = self.deny.iter().find(|pattern| pattern.matches(builtin)) {
            return Some(format!("`{}` denies `{pattern}`", self.name).into());
        }
        let allowed = self.allow.iter().any(|pattern| pattern.matches(builtin));
        (!allowed).then(|| format!("`{}` does not allow it", self.name).into())
    }

    /// The limits, where they are narrower than those of the host.
    pub(crate) fn narrowed(&self, host: Limits) -> Limits {
        let own = &self.limits;
        Limits {
            fuel: own.fuel.unwrap_or(host.fuel).min(host.fuel),
            depth: own.depth.unwrap_or(host.depth).min(host.depth),
            memory_bytes: own.memory_bytes.unwrap_or(host.memory_bytes).min(host.memory_bytes),
            time: own.time_ms.map_or(host.time, Duration::from_millis).min(host.time),
        }
    }

    /// Notes in an environment which of its builtins may not be called, and which that reach outside of the evaluation may:
    /// those that are allowed by their whole name.
    pub(crate) fn restrict(&self, environment: &mut Environment) {
        for (name, info) in &mut environment.builtins {
            info.allowed |= self.allow.iter().any(|pattern| *pattern == Pattern::Name(name.clone()));
        }
        let refused: BTreeMap<Arc<str>, Arc<str>> =
            environment.builtins.keys().filter_map(|name| Some((name.clone(), self.refusal(name)?))).collect();
        environment.refused.extend(refused);
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pattern::All => f.write_str("*"),
            Pattern::Group(group) => write!(f, "{group}*"),
            Pattern::Name(name) => f.write_str(name),
        }
    }
}

/// Reads names; one that names nothing is an error, since a slip in a denial would allow.
fn patterns(texts: &[String]) -> Result<Vec<Pattern>, String> {
    let read = |text: &String| {
        let pattern = Pattern::read(text);
        match BUILTINS.iter().any(|builtin| pattern.matches(builtin.name)) {
            true => Ok(pattern),
            false => Err(format!(
                "there is no builtin `{text}`; a name is `count`, a group is `json.*`, all are `*` (`hpol builtins` lists them)"
            )),
        }
    };
    texts.iter().map(read).collect()
}

/// The message without line and column, which are those of another text.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use hpol_lang::value::Value;

    use super::*;
    use crate::source::Files;
    use crate::{Engine, EngineOptions};

    fn parse(text: &str) -> Result<Capabilities, String> {
        Capabilities::parse("caps.json", text).map_err(|error| error.to_string())
    }

    #[test]
    fn deny_beats_allow_and_groups_are_prefixes() {
        let capabilities =
            parse(r#"{"builtins": {"allow": ["json.*", "count"], "deny": ["json.patch"]}}"#).expect("it is fine");
        for (name, allowed) in [("count", true), ("json.filter", true), ("json.patch", false), ("upper", false)] {
            assert_eq!(capabilities.allows(name), allowed, "{name}");
        }
        assert!(parse("{}").expect("nothing is denied").allows("upper"));
    }

    #[test]
    fn what_looks_beyond_the_evaluation_is_allowed_by_name_only() {
        let files = Files::from_memory([("p.rego", "package p\n\nx := count(opa.runtime())\n")]);
        for (file, answer) in [
            (None, None),
            (Some("{}"), None),
            (Some(r#"{"builtins": {"allow": ["*", "opa.*"]}}"#), None),
            (Some(r#"{"builtins": {"allow": ["*", "opa.runtime"], "deny": ["opa.*"]}}"#), None),
            (Some(r#"{"builtins": {"allow": ["*", "opa.runtime"]}}"#), Some(Value::from(0))),
        ] {
            let capabilities = file.map(|text| Arc::new(parse(text).expect("it is fine")));
            let engine = Engine::new(EngineOptions { capabilities, ..EngineOptions::default() });
            let loaded =
                engine.load(&files).ok().and_then(|_| engine.query("data.p.x", None).expect("it is evaluated"));
            assert_eq!(loaded, answer, "{file:?}");
        }
    }

    #[test]
    fn limits_only_narrow() {
        let capabilities = parse(r#"{"limits": {"fuel": 10, "time_ms": 100000}}"#).expect("it is fine");
        let host = Limits::default();
        let narrowed = capabilities.narrowed(host);
        assert_eq!((narrowed.fuel, narrowed.time, narrowed.depth), (10, host.time, host.depth));
    }

    #[test]
    fn yaml_is_read_too() {
        let text = "builtins:\n  deny: [crypto.*]\n";
        let capabilities = Capabilities::parse("caps.yaml", text).expect("it is fine");
        assert!(!capabilities.allows("crypto.sha256"));
    }

    #[test]
    fn slips_are_errors() {
        for (text, part) in [
            (r#"{"builtins": {"deny": ["cout"]}}"#, "there is no builtin `cout`"),
            (r#"{"builtins": {"deny": ["nothing.*"]}}"#, "there is no builtin `nothing.*`"),
            (r#"{"builtin": {}}"#, "unknown field"),
            (r#"{"builtins": {"deny": ["count"], "deny": []}}"#, "twice"),
            (r#"{"edition": 7}"#, "edition 1, not 7"),
            ("[", "caps.json"),
        ] {
            let error = parse(text).expect_err("it is refused");
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
