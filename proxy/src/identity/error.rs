//! Why a client is not known. No message holds any part of a token.

use crate::config::TlsError;

/// Why a request has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The request has no token.
    #[error("no token; send one as `authorization: Bearer …`")]
    Missing,
    /// The header has another scheme.
    #[error("the `authorization` header is not a bearer token; send `authorization: Bearer …`")]
    Scheme,
    /// The token is none that was given out.
    #[error("the token is not known; check that it was copied whole and is still in use")]
    Unknown,
    /// The token is longer than tokens may be.
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    /// The token is not a signed JWT, or its parts do not fit together.
    #[error("the token cannot be read: {0}; send a signed JWT of the provider")]
    Malformed(&'static str),
    /// The token is of a kind that is not for access, such as a logout token.
    #[error("the token is not for access; send an access or identity token")]
    Type,
    /// The signature algorithm is not on the list.
    #[error("the token's signature algorithm is not taken; the gateway's `identity.oidc.algorithms` lists which are")]
    Algorithm,
    /// The provider has no key of that name.
    #[error("the token is signed with a key that the provider does not publish")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token is of another provider.
    #[error("the token is of another issuer")]
    Issuer,
    /// The token is meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// The token has ended.
    #[error("the token has expired; get a new one")]
    Expired,
    /// The token does not hold yet.
    #[error("the token is not valid yet; check the clocks")]
    NotYetValid,
    /// A claim is missing or has the wrong type.
    #[error("the token has no usable `{0}` claim")]
    Claim(String),
    /// The provider's keys are not to be had, so no token can be checked.
    #[error("tokens cannot be checked: {0}")]
    Provider(#[from] ProviderError),
    /// Certificates under `identity.oidc.ca_file` cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The configuration names no way to identify clients.
    #[error("identity is not configured; set `identity.oidc`")]
    NotConfigured,
}

impl IdentityError {
    /// A short word for clients, metrics and the record.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Scheme => "token_scheme",
            Self::Unknown => "token_unknown",
            Self::TooLong(_) => "token_too_long",
            Self::Malformed(_) => "token_malformed",
            Self::Type => "token_type",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Claim(_) => "token_claim",
            Self::Provider(_) => "identity_provider_unavailable",
            Self::Tls(_) | Self::NotConfigured => "identity_not_configured",
        }
    }

    /// Whether the fault lies with the gateway's side (503) and not with the client's token (401).
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Provider(_) | Self::Tls(_) | Self::NotConfigured)
    }
}

/// Why the provider's keys are not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider was not reached.
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    /// The provider took too long.
    #[error("the identity provider did not answer in time")]
    Timeout,
    /// The provider answered with an error.
    #[error("the identity provider answered with status {0}")]
    Status(u16),
    /// The answer is larger than such documents are.
    #[error("the identity provider's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is not what it should be.
    #[error("the identity provider's answer cannot be used: {0}")]
    Invalid(String),
    /// The discovery document names another issuer.
    #[error(
        "the discovery document names another issuer than `identity.oidc.issuer`; they must be equal to the letter"
    )]
    Issuer,
}
