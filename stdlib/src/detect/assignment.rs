//! Secrets that only the name before them gives away: `aws_secret_access_key = …`, `"apiKey": "…"`, `Authorization: Bearer …`.

use super::api_key::is_secret;
use super::matcher::{Confidence, Hit, OpenRun, Outcome, PIECE};
use super::window::{More, Window, entropy};

const NAME_MAX: usize = 48;
const VALUE_MIN: usize = 20;
const VALUE_MAX: usize = 512;
const ENTROPY_MIN: f64 = 3.3;

/// Ends of names, in lower case and without `_` and `-`.
const NAMES: &[&str] = &[
    "apikey",
    "accesskey",
    "secretkey",
    "secretaccesskey",
    "accountkey",
    "sharedaccesskey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "clientsecret",
    "appsecret",
    "secret",
    "accesstoken",
    "authtoken",
    "refreshtoken",
    "sessiontoken",
    "bearertoken",
    "apitoken",
    "bottoken",
    "token",
    "authorization",
    "xapikey",
    "credential",
    "sig",
];

/// `sign` is the `=` or `:` after a name.
pub(crate) fn evaluate(window: &Window<'_>, sign: usize) -> Outcome {
    if !has_secret_name(window, sign) {
        return Ok(None);
    }
    let start = value_start(window, sign + 1)?;
    let mut end = window.run(start, PIECE, is_secret)?;
    if end - start == PIECE {
        return Ok(Some(Hit::open(start, end, OpenRun::Secret)));
    }
    while end > start && matches!(window.bytes()[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let value = &window.bytes()[start..end];
    let is_secret = (VALUE_MIN..=VALUE_MAX).contains(&value.len())
        && value.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
        && value.iter().any(u8::is_ascii_alphabetic)
        && !is_path(value)
        && entropy(value) >= ENTROPY_MIN;
    Ok(is_secret.then(|| Hit::new(start, end, Confidence::Likely)))
}

/// Whether the name before the sign, which may stand in quotes, is one of a secret.
fn has_secret_name(window: &Window<'_>, sign: usize) -> bool {
    let bytes = window.bytes();
    let mut end = sign;
    while end > 0 && sign - end < 4 {
        match bytes[end - 1] {
            b' ' | b'"' | b'\'' | b'\\' | b'`' => end -= 1,
            // `headers["x-api-key"]`, but not a label that masking left, such as `[api_key]`.
            b']' if end > 1 && matches!(bytes[end - 2], b'"' | b'\'') => end -= 1,
            _ => break,
        }
    }
    if !end.checked_sub(1).is_some_and(|last| is_last_letter(bytes[last])) {
        return false;
    }
    let mut name = [0_u8; NAME_MAX];
    let mut begin = NAME_MAX;
    for &byte in bytes[..end].iter().rev().take(NAME_MAX) {
        match byte {
            b'_' | b'-' => {}
            _ if byte.is_ascii_alphabetic() => {
                begin -= 1;
                name[begin] = byte.to_ascii_lowercase();
            }
            _ => break,
        }
    }
    NAMES.iter().any(|known| name[begin..].ends_with(known.as_bytes()))
}

/// Whether a name of [`NAMES`] can end so. Most names of other things are told by that alone.
fn is_last_letter(byte: u8) -> bool {
    matches!(byte.to_ascii_lowercase(), b'y' | b't' | b'n' | b'l' | b'g' | b'_' | b'-')
}

/// Skips spaces, a quotation mark, and the scheme of an `Authorization` header.
fn value_start(window: &Window<'_>, after_sign: usize) -> Result<usize, More> {
    let mut at = window.run(after_sign, 8, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b'`' | b'=' | b'>'))?;
    for scheme in [b"Bearer ".as_slice(), b"bearer ", b"Basic ", b"basic ", b"token ", b"Token "] {
        if window.has(at, scheme)? {
            at += scheme.len();
            break;
        }
    }
    Ok(at)
}

/// `secret: projects/one/secrets/two3/versions/45` names a secret and is none.
fn is_path(value: &[u8]) -> bool {
    value.iter().filter(|byte| **byte == b'/').count() >= 3
        && value.split(|byte| *byte == b'/').all(|part| entropy(part) < 3.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_passes_the_look_at_its_last_letter() {
        assert!(NAMES.iter().all(|name| name.bytes().last().is_some_and(is_last_letter)));
    }
}
