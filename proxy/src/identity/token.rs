//! Checks a token: form, algorithm, signature, then claims.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hpol_lang::value::{JsonLimits, Value, parse_json};
use jsonwebtoken::Algorithm;

use super::Identity;
use super::claims::{self, Expected};
use super::error::IdentityError;
use super::keys::KeyStore;
use crate::clock::Clock;
use crate::config::{OidcConfig, SigningAlgorithm};

/// Longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Bounds on the JSON within a token.
const JSON_LIMITS: JsonLimits = JsonLimits { bytes_max: TOKEN_BYTES_MAX, depth_max: 16 };

/// Checks tokens of one provider. Requests share it, and its keys.
#[derive(Debug)]
pub struct Verifier {
    keys: Arc<KeyStore>,
    algorithms: Vec<SigningAlgorithm>,
    expected: Expected,
    clock: Clock,
}

struct Header {
    algorithm: SigningAlgorithm,
    key_id: Option<String>,
}

impl Verifier {
    /// Prepares a provider; it is asked when the first token arrives.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be used.
    pub fn new(config: &OidcConfig, clock: Clock) -> Result<Self, IdentityError> {
        Ok(Self {
            keys: Arc::new(KeyStore::new(config, clock.clone())?),
            algorithms: config.algorithms.clone(),
            expected: Expected::new(config),
            clock,
        })
    }

    /// A verifier of the same provider and keys that wants another audience.
    #[must_use]
    pub fn with_audience(&self, audience: &str) -> Self {
        Self {
            keys: self.keys.clone(),
            algorithms: self.algorithms.clone(),
            expected: Expected { audience: audience.to_owned(), ..self.expected.clone() },
            clock: self.clock.clone(),
        }
    }

    /// Checks a token and says whom it stands for.
    ///
    /// # Errors
    ///
    /// The token does not hold, or the provider's keys are not to be had. The error never contains the token.
    pub async fn verify(&self, token: &str) -> Result<Identity, IdentityError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(IdentityError::TooLong(TOKEN_BYTES_MAX));
        }
        let not_three_parts = IdentityError::Malformed("it does not have three parts");
        let Some((message, signature)) = token.rsplit_once('.') else { return Err(not_three_parts) };
        let Some((header, payload)) = message.split_once('.') else { return Err(not_three_parts) };
        if payload.contains('.') {
            return Err(not_three_parts);
        }
        let header = self.read_header(header)?;
        let keys = self.keys.find(header.key_id.as_deref(), header.algorithm).await?;
        let algorithm = crypto_algorithm(header.algorithm);
        let signed = keys.iter().any(|key| {
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm).is_ok_and(|valid| valid)
        });
        if !signed {
            return Err(IdentityError::Signature);
        }
        // Nothing of the claims is looked at, or told about, before the signature is known to be right.
        let claims = read_json(payload)?;
        claims::check(&self.expected, claims, self.clock.now())
    }

    fn read_header(&self, encoded: &str) -> Result<Header, IdentityError> {
        let header = read_json(encoded)?;
        let name =
            header.get("alg").and_then(Value::as_str).ok_or(IdentityError::Malformed("it names no algorithm"))?;
        let algorithm = SigningAlgorithm::from_name(name)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(IdentityError::Algorithm)?;
        // An extension that must be understood, and is not, makes the token invalid (RFC 7515, section 4.1.11).
        if header.get("crit").is_some() {
            return Err(IdentityError::Malformed("it has extensions that must be understood and are not known"));
        }
        match header.get("typ") {
            None => {}
            Some(kind) => {
                let kind = kind.as_str().ok_or(IdentityError::Type)?.to_ascii_lowercase();
                let kind = kind.strip_prefix("application/").unwrap_or(&kind);
                if !matches!(kind, "jwt" | "at+jwt") {
                    return Err(IdentityError::Type);
                }
            }
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(id) => Some(id.as_str().ok_or(IdentityError::Malformed("its key id is not a text"))?.to_owned()),
        };
        Ok(Header { algorithm, key_id })
    }
}

fn read_json(encoded: &str) -> Result<Value, IdentityError> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| IdentityError::Malformed("it is not base64url"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| IdentityError::Malformed("it is not UTF-8"))?;
    // The reader refuses a key that comes twice: two readers could take different ones.
    let value = parse_json(text, JSON_LIMITS).map_err(|_| IdentityError::Malformed("it does not hold valid JSON"))?;
    if matches!(value, Value::Object(_)) {
        Ok(value)
    } else {
        Err(IdentityError::Malformed("it does not hold an object"))
    }
}

fn crypto_algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::RS256 => Algorithm::RS256,
        SigningAlgorithm::RS384 => Algorithm::RS384,
        SigningAlgorithm::RS512 => Algorithm::RS512,
        SigningAlgorithm::PS256 => Algorithm::PS256,
        SigningAlgorithm::PS384 => Algorithm::PS384,
        SigningAlgorithm::PS512 => Algorithm::PS512,
        SigningAlgorithm::ES256 => Algorithm::ES256,
        SigningAlgorithm::ES384 => Algorithm::ES384,
        SigningAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever stands in a header, reading it ends with an answer.
        #[test]
        fn no_text_panics(text in ".{0,200}", json in r#"\{("(alg|kid|typ|crit)":("EdDSA"|"none"|[0-9]{1,3}|\[\]),?){0,4}\}"#) {
            let _ = read_json(&text);
            let value = read_json(&URL_SAFE_NO_PAD.encode(&json));
            prop_assert!(value.is_ok() || matches!(value, Err(IdentityError::Malformed(_))));
            let _ = read_json(&URL_SAFE_NO_PAD.encode(&text));
        }
    }
}
