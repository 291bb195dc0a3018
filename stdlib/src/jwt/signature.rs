//! Checking signatures.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::DecodingKey;
use p521::ecdsa::signature::Verifier as _;
use sha2::{Sha256, Sha384, Sha512};

use super::keys::{Key, Material};
use super::token::Token;

/// The algorithms that tokens may be signed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    /// Each at the place of its number.
    pub(super) const ALL: [Algorithm; 13] = [
        Algorithm::Hs256,
        Algorithm::Hs384,
        Algorithm::Hs512,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ];

    /// Its name in headers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether both sides share a secret.
    pub(super) fn is_keyed_hash(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

/// Whether the token carries the right code; in a time that does not tell where it is wrong.
pub(super) fn verify_secret(algorithm: Algorithm, secret: &[u8], token: &Token<'_>) -> bool {
    match algorithm {
        Algorithm::Hs256 => has_code::<Hmac<Sha256>>(secret, token),
        Algorithm::Hs384 => has_code::<Hmac<Sha384>>(secret, token),
        Algorithm::Hs512 => has_code::<Hmac<Sha512>>(secret, token),
        _ => false,
    }
}

fn has_code<M: Mac + KeyInit>(secret: &[u8], token: &Token<'_>) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else { return false };
    mac.update(token.signed.as_bytes());
    mac.verify_slice(&token.signature).is_ok()
}

/// Whether one of the keys verifies the token: the one that its header names, if it is there.
pub(super) fn verify_keys(algorithm: Algorithm, keys: &[Key], token: &Token<'_>) -> bool {
    let id = token.header_text("kid");
    let named = keys.iter().find(|key| id.is_some() && key.id.as_deref() == id);
    let fits = |key: &Key| key.algorithm.as_deref().is_none_or(|name| name == algorithm.name());
    match named {
        Some(key) => fits(key) && verify(algorithm, &key.material, token),
        None => keys.iter().any(|key| fits(key) && verify(algorithm, &key.material, token)),
    }
}

/// A key of one family never verifies an algorithm of another.
fn verify(algorithm: Algorithm, key: &Material, token: &Token<'_>) -> bool {
    use jsonwebtoken::Algorithm as A;
    let (key, algorithm) = match (key, algorithm) {
        (Material::P521(point), Algorithm::Es512) => return verify_p521(point, token),
        (Material::P256(point), Algorithm::Es256) => (DecodingKey::from_ec_der(point), A::ES256),
        (Material::P384(point), Algorithm::Es384) => (DecodingKey::from_ec_der(point), A::ES384),
        (Material::Ed25519(key), Algorithm::EdDsa) => (DecodingKey::from_ed_der(key), A::EdDSA),
        (Material::Rsa(..) | Material::RsaDer(_), _) => {
            let algorithm = match algorithm {
                Algorithm::Rs256 => A::RS256,
                Algorithm::Rs384 => A::RS384,
                Algorithm::Rs512 => A::RS512,
                Algorithm::Ps256 => A::PS256,
                Algorithm::Ps384 => A::PS384,
                Algorithm::Ps512 => A::PS512,
                _ => return false,
            };
            let key = match key {
                Material::Rsa(modulus, exponent) => DecodingKey::from_rsa_raw_components(modulus, exponent),
                Material::RsaDer(der) => DecodingKey::from_rsa_der(der),
                _ => return false,
            };
            (key, algorithm)
        }
        _ => return false,
    };
    let verified = jsonwebtoken::crypto::verify(token.signature_text, token.signed.as_bytes(), &key, algorithm);
    verified.unwrap_or(false)
}

fn verify_p521(point: &[u8], token: &Token<'_>) -> bool {
    let Ok(key) = p521::ecdsa::VerifyingKey::from_sec1_bytes(point) else { return false };
    let Ok(signature) = p521::ecdsa::Signature::from_slice(&token.signature) else { return false };
    key.verify(token.signed.as_bytes(), &signature).is_ok()
}
