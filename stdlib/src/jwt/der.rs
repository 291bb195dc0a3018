//! As much of DER as it takes to find the public key in a certificate.

use super::keys::Material;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Elements one after the other.
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    /// The content of the next element, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        if *found != tag {
            return None;
        }
        self.0 = rest;
        Some(content)
    }
}

/// The key of an X.509 certificate. Only the key is read: who vouches for it, and until when, is not checked.
pub(super) fn certificate_key(der: &[u8]) -> Option<Material> {
    let certificate = Reader(der).take(SEQUENCE)?;
    let mut body = Reader(Reader(certificate).take(SEQUENCE)?);
    let _ = body.take(VERSION);
    body.take(INTEGER)?;
    // Signature algorithm, issuer, validity, subject.
    for _ in 0..4 {
        body.take(SEQUENCE)?;
    }
    key_info(body.take(SEQUENCE)?)
}

/// A key in the form of `PUBLIC KEY`.
pub(super) fn public_key(der: &[u8]) -> Option<Material> {
    key_info(Reader(der).take(SEQUENCE)?)
}

/// Algorithm and key of a subject public key info.
fn key_info(content: &[u8]) -> Option<Material> {
    let mut info = Reader(content);
    let mut algorithm = Reader(info.take(SEQUENCE)?);
    let id = algorithm.take(OBJECT_ID)?;
    // The first byte counts unused bits, of which keys have none.
    let key = info.take(BIT_STRING)?.strip_prefix(&[0])?.to_vec();
    if id == RSA {
        return Some(Material::RsaDer(key));
    }
    if id == ED25519 {
        return Some(Material::Ed25519(key.try_into().ok()?));
    }
    if id != EC {
        return None;
    }
    match algorithm.take(OBJECT_ID)? {
        P256 => Some(Material::P256(key)),
        P384 => Some(Material::P384(key)),
        P521 => Some(Material::P521(key)),
        _ => None,
    }
}

const OCTET_STRING: u8 = 0x04;

/// An element of a tag.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match length.as_slice() {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A number that is not negative, from its bytes.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    // A zero in front keeps it from being read as negative, and stands for zero itself.
    let content = [&[0][..], &bytes[start..]].concat();
    let content = if content.get(1).is_some_and(|byte| *byte < 0x80) { &content[1..] } else { &content };
    element(INTEGER, content)
}

/// A private key of RSA as in PKCS #1, from modulus, exponents, primes and what follows from them, in that order.
pub(super) fn rsa_private_key(parts: &[Vec<u8>]) -> Vec<u8> {
    let numbers: Vec<Vec<u8>> = std::iter::once(integer(&[0])).chain(parts.iter().map(|part| integer(part))).collect();
    element(SEQUENCE, &numbers.concat())
}

/// A private key on P-256 as in PKCS #8.
pub(super) fn p256_private_key(secret: &[u8]) -> Vec<u8> {
    curve_private_key(P256, secret)
}

/// A private key on P-384 as in PKCS #8.
pub(super) fn p384_private_key(secret: &[u8]) -> Vec<u8> {
    curve_private_key(P384, secret)
}

fn curve_private_key(curve: &[u8], secret: &[u8]) -> Vec<u8> {
    let algorithm = [element(OBJECT_ID, EC), element(OBJECT_ID, curve)].concat();
    let key = element(SEQUENCE, &[integer(&[1]), element(OCTET_STRING, secret)].concat());
    private_key(&algorithm, &key)
}

/// A private key of Ed25519 as in PKCS #8.
pub(super) fn ed25519_private_key(secret: &[u8]) -> Vec<u8> {
    private_key(&element(OBJECT_ID, ED25519), &element(OCTET_STRING, secret))
}

fn private_key(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let parts = [integer(&[0]), element(SEQUENCE, algorithm), element(OCTET_STRING, key)];
    element(SEQUENCE, &parts.concat())
}
