//! How the gateway learns who is asking.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{DurationText, duration};

/// How clients are identified: by OIDC tokens, or (for trials only) not at all. Exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Tokens of an OpenID Connect provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcConfig>,
    /// Takes every client as `anonymous`, without groups. For trials on one machine.
    pub anonymous: bool,
}

/// An OpenID Connect provider and what its tokens must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider: `iss` of its tokens, and where its discovery document lies.
    pub issuer: String,
    /// Audience that a token must name in `aud`.
    pub audience: String,
    /// Signature algorithms that are taken.
    #[serde(default = "SigningAlgorithm::defaults")]
    pub algorithms: Vec<SigningAlgorithm>,
    /// Claim that names the person or service; a text.
    #[serde(default = "user_claim_default")]
    pub user_claim: String,
    /// Claim that lists the groups; a path with dots reaches into objects, such as `realm_access.roles`.
    #[serde(default = "groups_claim_default")]
    pub groups_claim: String,
    /// Difference between the clocks of provider and gateway that is tolerated.
    #[serde(default = "leeway_default", with = "duration")]
    #[schemars(with = "DurationText")]
    pub leeway: Duration,
    /// Time after which the provider's keys are fetched again.
    #[serde(default = "jwks_refresh_default", with = "duration")]
    #[schemars(with = "DurationText")]
    pub jwks_refresh: Duration,
    /// Time for which keys are still taken while the provider cannot be reached.
    #[serde(default = "jwks_age_default", with = "duration")]
    #[schemars(with = "DurationText")]
    pub jwks_max_age: Duration,
    /// Shortest time between two fetches that tokens with an unknown key cause.
    #[serde(default = "jwks_cooldown_default", with = "duration")]
    #[schemars(with = "DurationText")]
    pub jwks_cooldown: Duration,
    /// Time for one request to the provider.
    #[serde(default = "http_timeout_default", with = "duration")]
    #[schemars(with = "DurationText")]
    pub http_timeout: Duration,
    /// Certificates (PEM) that are trusted for the provider instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// A signature algorithm with a public key. Algorithms with a shared secret, and `none`, are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SigningAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// RSA PSS with SHA-384.
    PS384,
    /// RSA PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// Every algorithm, in the order in which they are documented.
    pub const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The name that a token's `alg` has.
    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn defaults() -> Vec<Self> {
        vec![Self::RS256, Self::ES256, Self::EdDSA]
    }
}

fn user_claim_default() -> String {
    "sub".to_owned()
}

fn groups_claim_default() -> String {
    "groups".to_owned()
}

fn leeway_default() -> Duration {
    Duration::from_secs(30)
}

fn jwks_refresh_default() -> Duration {
    Duration::from_secs(15 * 60)
}

fn jwks_age_default() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

fn jwks_cooldown_default() -> Duration {
    Duration::from_secs(10)
}

fn http_timeout_default() -> Duration {
    Duration::from_secs(5)
}
