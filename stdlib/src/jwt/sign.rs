//! Signing tokens.
//!
//! A signature is the same for the same arguments, because an evaluation draws no random numbers: ES256 and ES384 take their nonce
//! from key and text (RFC 6979); PS256, PS384, PS512 and ES512 are not offered.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use hpol_lang::value::Value;
use jsonwebtoken::EncodingKey;
use sha2::{Sha256, Sha384, Sha512};

use super::signature::Algorithm;
use super::{Checked, SIGNATURE_FUEL, der};
use crate::arguments::{Outcome, argument, failed};
use crate::builtin::Call;
use crate::encoding::URL_ANY;
use crate::heap::Word;

/// `io.jwt.encode_sign`: header, claims and key are objects.
pub(super) fn encode_sign(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut texts = Vec::with_capacity(3);
    for position in 1..=3 {
        call.object(arguments, position)?;
        texts.push(crate::json::write(call, argument(arguments, position), None)?);
    }
    encode(call, &texts[0], &texts[1], &texts[2])
}

/// `io.jwt.encode_sign_raw`: header, payload and key are texts.
pub(super) fn encode_sign_raw(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = |position| call.text(arguments, position).map(str::to_owned);
    let (header, payload, key) = (text(1)?, text(2)?, text(3)?);
    encode(call, &header, &payload, &key)
}

fn encode(call: &mut Call<'_>, header: &str, payload: &str, key: &str) -> Outcome {
    call.charge((header.len() + payload.len() + key.len()) / 20 + SIGNATURE_FUEL)?;
    let fields = crate::json::read(header).map_err(|_| failed("missing or invalid 'alg' header: cannot parse JSON"))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let name = text("alg").ok_or_else(|| failed("missing or invalid 'alg' header"))?;
    let algorithm = Algorithm::named(name).ok_or_else(|| failed(format!("unknown JWS algorithm: {name}")))?;
    if text("typ").is_none_or(|kind| kind.eq_ignore_ascii_case("JWT")) && crate::json::read(payload).is_err() {
        return Err(failed("type is JWT but payload is not JSON"));
    }
    let key = crate::json::read(key).map_err(|_| failed("failed to parse the key: it is no JWK"))?;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = sign(algorithm, &key, signed.as_bytes())?;
    call.make_string(&format!("{signed}.{signature}"))
}

fn sign(algorithm: Algorithm, key: &Value, text: &[u8]) -> Checked<String> {
    use jsonwebtoken::Algorithm as A;
    let wrong = |_| failed("the key can't sign");
    Ok(match algorithm {
        Algorithm::Hs256 => code::<Hmac<Sha256>>(key, text)?,
        Algorithm::Hs384 => code::<Hmac<Sha384>>(key, text)?,
        Algorithm::Hs512 => code::<Hmac<Sha512>>(key, text)?,
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => {
            let algorithm = match algorithm {
                Algorithm::Rs256 => A::RS256,
                Algorithm::Rs384 => A::RS384,
                _ => A::RS512,
            };
            let parts = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
            let parts = parts.into_iter().map(|name| secret_part(key, "RSA", name)).collect::<Checked<Vec<_>>>()?;
            let key = EncodingKey::from_rsa_der(&der::rsa_private_key(&parts));
            jsonwebtoken::crypto::sign(text, &key, algorithm).map_err(wrong)?
        }
        Algorithm::Es256 => {
            let key = EncodingKey::from_ec_der(&der::p256_private_key(&scalar(key, "P-256", 32)?));
            jsonwebtoken::crypto::sign(text, &key, A::ES256).map_err(wrong)?
        }
        Algorithm::Es384 => {
            let key = EncodingKey::from_ec_der(&der::p384_private_key(&scalar(key, "P-384", 48)?));
            jsonwebtoken::crypto::sign(text, &key, A::ES384).map_err(wrong)?
        }
        Algorithm::EdDsa => {
            let key = secret_part(key, "OKP", "d")?;
            let key = EncodingKey::from_ed_der(&der::ed25519_private_key(&key));
            jsonwebtoken::crypto::sign(text, &key, A::EdDSA).map_err(wrong)?
        }
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 | Algorithm::Es512 => {
            return Err(failed("this signature draws random numbers, which an evaluation does not"));
        }
    })
}

fn code<M: Mac + KeyInit>(key: &Value, text: &[u8]) -> Checked<String> {
    let secret = secret_part(key, "oct", "k")?;
    let mut mac = <M as KeyInit>::new_from_slice(&secret).map_err(|_| failed("the key can't sign"))?;
    mac.update(text);
    Ok(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A part of a JSON web key of a kind.
fn secret_part(key: &Value, kind: &str, name: &str) -> Checked<Vec<u8>> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    if text("kty") != Some(kind) {
        return Err(failed(format!("the algorithm needs a key whose `kty` is {kind}")));
    }
    let part = text(name).and_then(|part| URL_ANY.decode(part).ok()).filter(|part| !part.is_empty());
    part.ok_or_else(|| failed(format!("the key has no readable part `{name}`")))
}

/// The secret number of a key on a curve, at its full length.
fn scalar(key: &Value, curve: &str, size: usize) -> Checked<Vec<u8>> {
    if key.get("crv").and_then(Value::as_str) != Some(curve) {
        return Err(failed(format!("the algorithm needs a key on {curve}")));
    }
    let part = secret_part(key, "EC", "d")?;
    let missing = size.checked_sub(part.len()).ok_or_else(|| failed("the key is too long"))?;
    Ok([vec![0; missing], part].concat())
}
