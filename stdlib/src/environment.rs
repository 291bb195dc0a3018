//! What the checker knows of the outside: builtins with their types, kinds of requests, detectors.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hpol_lang::types::{BuiltinInfo, Environment, Signature};

use crate::detect::DETECTORS;
use crate::table::BUILTINS;
use crate::targets::targets;

/// The environment of a policy: everything that this crate offers.
///
/// ```
/// let environment = hpol_stdlib::environment();
/// assert!(environment.builtins.contains_key("count"));
/// assert!(environment.targets.contains_key("llm.Request"));
/// ```
pub fn environment() -> Environment {
    ENVIRONMENT.clone()
}

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
    // A test reads every signature, so none is left out here.
    let builtins = BUILTINS.iter().filter_map(|builtin| {
        let signature = Signature::parse(builtin.signature).ok()?;
        Some((
            builtin.name.into(),
            BuiltinInfo { signature, allowed: !builtin.outside, check_literal: builtin.check_literal },
        ))
    });
    Environment {
        builtins: builtins.collect(),
        targets: targets(),
        detectors: DETECTORS.iter().map(|entry| entry.name().into()).collect(),
        refused: BTreeMap::new(),
        read_yaml: Some(crate::yaml::read_document),
    }
});
