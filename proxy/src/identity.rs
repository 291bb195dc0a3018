//! Who is asking: bearer tokens of an OpenID Connect provider.
//!
//! A client's token is checked here and goes no further: the gateway never sends it upstream, logs it or records it.

use std::sync::Arc;

use hpol_lang::value::Value;
use http::HeaderMap;

use crate::clock::{Clock, Timestamp};
use crate::config::IdentityConfig;

mod claims;
mod error;
mod fetch;
mod keys;
mod token;

pub use error::{IdentityError, ProviderError};
pub use token::Verifier;

/// Name and issuer of clients where identity is off.
const ANONYMOUS: &str = "anonymous";

/// A person or service, as the provider vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name: the claim under `identity.oidc.user_claim`.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Its groups, without repeats, in order.
    pub groups: Vec<String>,
    /// Every claim of the token.
    pub claims: Value,
    /// When the token ends; `None` where identity is off.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Who asks where identity is off.
    pub fn anonymous() -> Self {
        Self {
            subject: ANONYMOUS.to_owned(),
            issuer: ANONYMOUS.to_owned(),
            groups: Vec::new(),
            claims: Value::object::<&str>([]),
            expires_at: None,
        }
    }
}

/// Turns the head of a request into an identity. Clones share keys.
#[derive(Debug, Clone)]
pub enum Authenticator {
    /// Tokens of a provider.
    Oidc(Arc<Verifier>),
    /// Nobody is asked.
    Anonymous,
}

impl Authenticator {
    /// Prepares what the configuration names. The provider is asked when the first token arrives, so a gateway starts
    /// while its provider is down.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be used.
    pub fn new(config: &IdentityConfig, clock: Clock) -> Result<Self, IdentityError> {
        match &config.oidc {
            Some(oidc) => Ok(Self::Oidc(Arc::new(Verifier::new(oidc, clock)?))),
            None if config.anonymous => Ok(Self::Anonymous),
            None => Err(IdentityError::NotConfigured),
        }
    }

    /// Says who sent a request with these headers.
    ///
    /// # Errors
    ///
    /// No token, more than one, or one that does not hold. The error never contains the token.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, IdentityError> {
        match self {
            Self::Anonymous => Ok(Identity::anonymous()),
            Self::Oidc(verifier) => verifier.verify(bearer_token(headers)?).await,
        }
    }
}

/// The token of an `Authorization: Bearer …` header.
///
/// # Errors
///
/// No such header, more than one, or another scheme.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, IdentityError> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    let value = values.next().ok_or(IdentityError::Missing)?;
    if values.next().is_some() {
        return Err(IdentityError::Malformed("more than one `authorization` header"));
    }
    let text = value.to_str().map_err(|_| IdentityError::Malformed("the header is not plain text"))?;
    let (scheme, token) = text.split_once(' ').ok_or(IdentityError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(IdentityError::Scheme);
    }
    match token.trim() {
        "" => Err(IdentityError::Missing),
        token => Ok(token),
    }
}

#[cfg(test)]
mod tests;
