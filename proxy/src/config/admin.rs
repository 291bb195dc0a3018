//! The admin listener and who may use it.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecretSource, TlsConfig};

/// The listener for approvals, audit, health and metrics. Clients of the data path have no access to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Certificate and key of the admin listener; plain HTTP if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsConfig>,
    /// Tokens that the gateway itself gives to people and scripts.
    pub tokens: Vec<AdminToken>,
    /// Takes tokens of the provider under `identity` too; its groups give roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<AdminOidc>,
}

/// A token of the admin API, and whom it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminToken {
    /// The person, by the name that policies (`by user("…")`) and the provider's tokens use. Nobody answers an
    /// approval that was asked for under the same name.
    pub user: String,
    /// Groups of the person, as policies name them (`by group("…")`).
    #[serde(default)]
    pub groups: Vec<String>,
    /// What the person may do besides answering approvals.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Where the token is kept. At least 16 characters; make one with `openssl rand -hex 32`.
    pub token: SecretSource,
}

/// Takes the provider's tokens on the admin listener.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdminOidc {
    /// Audience that these tokens must name, if not that of `identity`. One of its own keeps tokens that were issued
    /// for the data path out of the admin API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Groups whose members may read the audit log and every approval.
    pub auditors: Vec<String>,
    /// Groups whose members may see and reload the policy.
    pub operators: Vec<String>,
}

/// What a person may do on the admin API besides answering the approvals that are theirs to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read the audit log and every approval.
    Auditor,
    /// May see and reload the policy.
    Operator,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8401)), tls: None, tokens: Vec::new(), oidc: None }
    }
}
