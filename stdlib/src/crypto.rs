//! Builtins on hashes and message authentication codes; all give lower-case hexadecimal digits.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use crate::arguments::Outcome;
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "crypto.hmac.equal",
        "(string, string) -> bool",
        "Whether two codes are the same; the time that it takes does not tell where they differ.",
        &[
            example("crypto.hmac.equal(\"31b6\", \"31b6\")", "true"),
            example("crypto.hmac.equal(\"31b6\", \"31b7\")", "false"),
        ],
        equal,
    ),
    Builtin::pure(
        "crypto.hmac.md5",
        "(string, string) -> string",
        "The HMAC-MD5 of the text under a key, the second argument.",
        &[example("crypto.hmac.md5(\"foo\", \"bar\")", "\"31b6db9e5eb4addb42f1a6ca07367adc\"")],
        hmac_md5,
    ),
    Builtin::pure(
        "crypto.hmac.sha1",
        "(string, string) -> string",
        "The HMAC-SHA-1 of the text under a key, the second argument.",
        &[example("crypto.hmac.sha1(\"foo\", \"bar\")", "\"85d155c55ed286a300bd1cf124de08d87e914f3a\"")],
        hmac_sha1,
    ),
    Builtin::pure(
        "crypto.hmac.sha256",
        "(string, string) -> string",
        "The HMAC-SHA-256 of the text under a key, the second argument.",
        &[example(
            "crypto.hmac.sha256(\"foo\", \"bar\")",
            "\"147933218aaabc0b8b10a2b3a5c34684c8d94341bcf10a4736dc7270f7741851\"",
        )],
        hmac_sha256,
    ),
    Builtin::pure(
        "crypto.hmac.sha512",
        "(string, string) -> string",
        "The HMAC-SHA-512 of the text under a key, the second argument.",
        &[example(
            "crypto.hmac.sha512(\"foo\", \"bar\")",
            "\"24257d7210582a65c731ec55159c8184cc24c02489453e58587f71f44c23a2d61b4b72154a89d17b2d49448a8452ea066f4fc56a2bcead45c088572ffccdb3d8\"",
        )],
        hmac_sha512,
    ),
    Builtin::pure(
        "crypto.md5",
        "(string) -> string",
        "The MD5 of the text. Attackers can make two texts with the same one.",
        &[example("crypto.md5(\"lorem ipsum\")", "\"80a751fde577028640c419000e33eba6\"")],
        md5,
    ),
    Builtin::pure(
        "crypto.sha1",
        "(string) -> string",
        "The SHA-1 of the text. Attackers can make two texts with the same one.",
        &[example("crypto.sha1(\"lorem ipsum\")", "\"bfb7759a67daeb65410490b4d98bb9da7d1ea2ce\"")],
        sha1,
    ),
    Builtin::pure(
        "crypto.sha256",
        "(string) -> string",
        "The SHA-256 of the text.",
        &[example(
            "crypto.sha256(\"lorem ipsum\")",
            "\"5e2bf57d3f40c4b6df69daf1936cb766f832374b4fc0259a7cbff06e2f70f269\"",
        )],
        sha256,
    ),
];

/// The digest of the text.
fn digest<D: Digest>(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?;
    let digest = hex::encode(D::digest(text));
    let bytes = text.len();
    call.charge(bytes / 50)?;
    call.make_string(&digest)
}

fn md5(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    digest::<Md5>(call, arguments)
}

fn sha1(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    digest::<Sha1>(call, arguments)
}

fn sha256(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    digest::<Sha256>(call, arguments)
}

/// The text and the key, charged for.
fn keyed<'a>(call: &'a mut Call<'_>, arguments: &[Word]) -> Result<(&'a [u8], &'a [u8]), BuiltinError> {
    let bytes = call.text(arguments, 1)?.len() + call.text(arguments, 2)?.len();
    call.charge(bytes / 50)?;
    Ok((call.text(arguments, 1)?.as_bytes(), call.text(arguments, 2)?.as_bytes()))
}

/// The code of a text under a key, which may have any length.
fn code<M: Mac + KeyInit>(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (text, key) = keyed(call, arguments)?;
    let mac = <M as KeyInit>::new_from_slice(key);
    let mut mac = mac.map_err(|error| crate::arguments::failed(error.to_string()))?;
    mac.update(text);
    let code = hex::encode(mac.finalize().into_bytes());
    call.make_string(&code)
}

fn hmac_md5(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    code::<Hmac<Md5>>(call, arguments)
}

fn hmac_sha1(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    code::<Hmac<Sha1>>(call, arguments)
}

fn hmac_sha256(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    code::<Hmac<Sha256>>(call, arguments)
}

fn hmac_sha512(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    code::<Hmac<Sha512>>(call, arguments)
}

fn equal(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (left, right) = keyed(call, arguments)?;
    Ok(Word::bool(left.ct_eq(right).into()))
}
