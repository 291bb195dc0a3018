//! Public keys: PEM certificates and keys, and JSON web keys.

use base64::Engine as _;
use hpol_lang::value::Value;

use super::{Checked, der};
use crate::arguments::failed;
use crate::encoding::URL_ANY;

/// Most keys of a set that are looked at.
const KEYS_MAX: usize = 100;

/// A public key and what it says of itself.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Option<String>,
    pub(super) material: Material,
}

/// The key itself, by the family that it is for.
pub(super) enum Material {
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// Both as in PKCS #1.
    RsaDer(Vec<u8>),
    /// A point on P-256.
    P256(Vec<u8>),
    /// A point on P-384.
    P384(Vec<u8>),
    /// A point on P-521.
    P521(Vec<u8>),
    /// A key of Ed25519.
    Ed25519([u8; 32]),
}

/// Reads one PEM block, or one or more JSON web keys.
pub(super) fn parse(text: &str) -> Checked<Vec<Key>> {
    if text.trim_start().starts_with("-----BEGIN ") {
        let material = parse_pem(text.trim())?;
        return Ok(vec![Key { id: None, algorithm: None, material }]);
    }
    let document = crate::json::read(text).map_err(|_| failed("failed to parse a JWK key (set)"))?;
    let keys = match document.get("keys") {
        Some(Value::Array(keys)) => keys.iter().take(KEYS_MAX).filter_map(web_key).collect(),
        Some(_) => Vec::new(),
        None => web_key(&document).into_iter().collect::<Vec<_>>(),
    };
    if keys.is_empty() {
        return Err(failed("failed to parse a JWK key (set): no key of a known type"));
    }
    Ok(keys)
}

fn parse_pem(text: &str) -> Checked<Material> {
    let unreadable = || failed("failed to parse a PEM certificate");
    let (label, rest) = text["-----BEGIN ".len()..].split_once("-----").ok_or_else(unreadable)?;
    let (body, after) = rest.split_once(&format!("-----END {label}-----")).ok_or_else(unreadable)?;
    if !after.is_empty() {
        return Err(failed("extra data after a PEM certificate block"));
    }
    let body: String = body.split_ascii_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).map_err(|_| unreadable())?;
    let material = match label {
        "CERTIFICATE" => der::certificate_key(&der),
        "PUBLIC KEY" => der::public_key(&der),
        "RSA PUBLIC KEY" => Some(Material::RsaDer(der)),
        _ => None,
    };
    material.ok_or_else(|| failed("failed to extract a Key from the PEM certificate"))
}

/// Reads a JSON web key; `None` for one that is for something else.
fn web_key(key: &Value) -> Option<Key> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_ANY.decode(text(name)?).ok();
    let point = |size: usize| {
        let coordinate = |name: &str| bytes(name).filter(|bytes| bytes.len() == size);
        Some([vec![4], coordinate("x")?, coordinate("y")?].concat())
    };
    let material = match (text("kty")?, text("crv")) {
        ("RSA", _) => Material::Rsa(bytes("n")?, bytes("e")?),
        ("EC", Some("P-256")) => Material::P256(point(32)?),
        ("EC", Some("P-384")) => Material::P384(point(48)?),
        ("EC", Some("P-521")) => Material::P521(point(66)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?.try_into().ok()?),
        _ => return None,
    };
    Some(Key { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), material })
}
