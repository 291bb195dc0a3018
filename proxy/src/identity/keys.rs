//! The provider's keys: found by discovery, kept, and fetched anew when they are old or a token names an unknown one.
//!
//! One fetch runs at a time, and tokens cannot cause more than one per `jwks_cooldown`. While the provider is down the
//! last good keys are used, up to `jwks_max_age`.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use tokio::sync::{Mutex, RwLock};
use url::Url;

use super::error::{IdentityError, ProviderError};
use super::fetch::Fetcher;
use crate::clock::{Clock, Timestamp};
use crate::config::{OidcConfig, SigningAlgorithm, TlsError};

/// Most keys of a provider; further ones are left out.
const KEYS_MAX: usize = 256;

/// Shortest RSA key, in bytes: 2048 bits.
const RSA_BYTES_MIN: usize = 256;

/// Most keys that are tried for one token, where several have the same id.
const CANDIDATES_MAX: usize = 4;

/// The provider's keys. Shared by all requests.
#[derive(Debug)]
pub(super) struct KeyStore {
    issuer: String,
    fetcher: Fetcher,
    clock: Clock,
    refresh: Duration,
    max_age: Duration,
    cooldown: Duration,
    current: RwLock<Option<Arc<KeySet>>>,
    /// Held while a fetch runs.
    last_fetch: Mutex<Option<Fetch>>,
}

#[derive(Debug)]
struct KeySet {
    keys: Vec<Key>,
    fetched: Timestamp,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<SigningAlgorithm>,
    kind: KeyKind,
    decoding: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

#[derive(Debug)]
struct Fetch {
    started: Timestamp,
    error: Option<ProviderError>,
}

impl KeyStore {
    pub(super) fn new(config: &OidcConfig, clock: Clock) -> Result<Self, TlsError> {
        Ok(Self {
            issuer: config.issuer.clone(),
            fetcher: Fetcher::new(config)?,
            clock,
            refresh: config.jwks_refresh,
            max_age: config.jwks_max_age,
            cooldown: config.jwks_cooldown,
            current: RwLock::default(),
            last_fetch: Mutex::default(),
        })
    }

    /// The keys that a token with this key id and algorithm may be signed with; at least one.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: SigningAlgorithm,
    ) -> Result<Vec<DecodingKey>, IdentityError> {
        let held = self.usable().await;
        if let Some(set) = &held {
            let found = set.find(id, algorithm);
            if !found.is_empty() {
                if self.age(set) >= self.refresh {
                    // The key is good; a newer set is fetched beside this request.
                    tokio::spawn(self.clone().fetch_newer(Some(set.fetched)));
                }
                return Ok(found);
            }
        }
        // In a task of its own: a client that goes away must not end a fetch that others wait for.
        let fetch = tokio::spawn(self.clone().fetch_newer(held.map(|set| set.fetched)));
        let fetched = fetch.await.unwrap_or_else(|_| Err(ProviderError::Invalid("the fetch broke off".to_owned())));
        let found = self.usable().await.map(|set| set.find(id, algorithm)).unwrap_or_default();
        match fetched {
            _ if !found.is_empty() => Ok(found),
            // Without keys nothing is known of the token. With old ones, its key may be one of those not fetched.
            Err(error) => Err(error.into()),
            Ok(()) => Err(IdentityError::UnknownKey),
        }
    }

    /// The keys at hand, if they are not too old.
    async fn usable(&self) -> Option<Arc<KeySet>> {
        self.current.read().await.clone().filter(|set| self.age(set) < self.max_age)
    }

    fn age(&self, set: &KeySet) -> Duration {
        set.fetched.until(self.clock.now())
    }

    /// Fetches keys, unless newer ones than those the caller has came in meanwhile, or the last fetch was just now.
    async fn fetch_newer(self: Arc<Self>, have: Option<Timestamp>) -> Result<(), ProviderError> {
        let mut last = self.last_fetch.lock().await;
        let current = self.current.read().await.as_ref().map(|set| set.fetched);
        if current.is_some() && current != have && self.usable().await.is_some() {
            return Ok(());
        }
        let started = self.clock.now();
        if let Some(last) = last.as_ref()
            && last.started.until(started) < self.cooldown
        {
            return last.error.clone().map_or(Ok(()), Err);
        }
        let result = self.fetch(started).await;
        if let Err(error) = &result {
            tracing::warn!(issuer = %self.issuer, "the identity provider's keys could not be fetched: {error}");
        }
        *last = Some(Fetch { started, error: result.as_ref().err().cloned() });
        result
    }

    async fn fetch(&self, now: Timestamp) -> Result<(), ProviderError> {
        let discovery = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let document = self.fetcher.get(&parse_url(&discovery)?).await?;
        // A document that names another issuer could be anyone's (RFC 8414, section 3.3).
        if document.get("issuer").and_then(serde_json::Value::as_str) != Some(&self.issuer) {
            return Err(ProviderError::Issuer);
        }
        let address = document.get("jwks_uri").and_then(serde_json::Value::as_str);
        let address = parse_url(address.ok_or_else(|| ProviderError::Invalid("no `jwks_uri`".to_owned()))?)?;
        if self.issuer.starts_with("https:") && address.scheme() != "https" {
            return Err(ProviderError::Invalid("`jwks_uri` is not an `https` address".to_owned()));
        }
        let document = self.fetcher.get(&address).await?;
        let listed = document.get("keys").and_then(serde_json::Value::as_array);
        let listed = listed.ok_or_else(|| ProviderError::Invalid("no `keys`".to_owned()))?;
        let keys: Vec<_> = listed.iter().take(KEYS_MAX).filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err(ProviderError::Invalid("no key that can check a signature".to_owned()));
        }
        tracing::debug!(issuer = %self.issuer, keys = keys.len(), "fetched the identity provider's keys");
        *self.current.write().await = Some(Arc::new(KeySet { keys, fetched: now }));
        Ok(())
    }
}

impl KeySet {
    fn find(&self, id: Option<&str>, algorithm: SigningAlgorithm) -> Vec<DecodingKey> {
        let fits = |key: &&Key| {
            key.kind == KeyKind::of(algorithm) && key.algorithm.is_none_or(|declared| declared == algorithm)
        };
        let mut found = self.keys.iter().filter(fits);
        match id {
            Some(id) => found
                .filter(|key| key.id.as_deref() == Some(id))
                .take(CANDIDATES_MAX)
                .map(|key| key.decoding.clone())
                .collect(),
            // Without an id there must be no choice.
            None => match (found.next(), found.next()) {
                (Some(only), None) => vec![only.decoding.clone()],
                _ => Vec::new(),
            },
        }
    }
}

impl Key {
    /// Reads one key; `None` for keys of other uses and kinds, and for weak ones.
    fn read(value: &serde_json::Value) -> Option<Self> {
        let key: Jwk = serde_json::from_value(value.clone()).ok()?;
        if key.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        // Read from the text itself: an algorithm that is not known must not count as none.
        let algorithm = match value.get("alg") {
            None => None,
            Some(name) => Some(SigningAlgorithm::from_name(name.as_str()?)?),
        };
        let kind = match &key.algorithm {
            AlgorithmParameters::RSA(parameters) => {
                let length = base64_length(&parameters.n);
                (length >= RSA_BYTES_MIN).then_some(KeyKind::Rsa)
            }
            AlgorithmParameters::EllipticCurve(parameters) => match parameters.curve {
                EllipticCurve::P256 => Some(KeyKind::P256),
                EllipticCurve::P384 => Some(KeyKind::P384),
                _ => None,
            },
            AlgorithmParameters::OctetKeyPair(parameters) => {
                (parameters.curve == EllipticCurve::Ed25519).then_some(KeyKind::Ed25519)
            }
            _ => None,
        }?;
        let decoding = DecodingKey::from_jwk(&key).ok()?;
        Some(Self { id: key.common.key_id, algorithm, kind, decoding })
    }
}

impl KeyKind {
    fn of(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::RS256
            | SigningAlgorithm::RS384
            | SigningAlgorithm::RS512
            | SigningAlgorithm::PS256
            | SigningAlgorithm::PS384
            | SigningAlgorithm::PS512 => Self::Rsa,
            SigningAlgorithm::ES256 => Self::P256,
            SigningAlgorithm::ES384 => Self::P384,
            SigningAlgorithm::EdDSA => Self::Ed25519,
        }
    }
}

/// How many bytes an unpadded base64 text stands for.
fn base64_length(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

fn parse_url(text: &str) -> Result<Url, ProviderError> {
    let url =
        Url::parse(text).map_err(|error| ProviderError::Invalid(format!("`{text}` is not an address: {error}")))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(ProviderError::Invalid(format!("`{text}` is not an `https` address")))
    }
}
