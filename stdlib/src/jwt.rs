//! Builtins on JSON web tokens: making them, taking them apart and checking their signatures and claims.
//!
//! A key verifies only the algorithms that it is made for, whatever the token's header says, so that a public key is never
//! taken for a secret; `none` is no algorithm.

use hpol_lang::value::Value;

use crate::arguments::Outcome;
use crate::builtin::{Builtin, BuiltinError, Call, Example, example};
use crate::heap::Word;

mod claims;
mod der;
mod keys;
mod sign;
mod signature;
mod token;

use signature::Algorithm;
use token::{Token, unwrap_nested};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "io.jwt.decode",
        "(string) -> [any, any, string]",
        "Header, claims and signature, in hexadecimal digits, of a token, which is not verified.",
        &[example(
            "io.jwt.decode(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwIiwiaXNzIjoib3BhIn0.XmVoLoHI3pxMtMO_WRONMSJzGUDP9pDjy8Jp0_tdRXY\")",
            "[{\"alg\": \"HS256\", \"typ\": \"JWT\"}, {\"iss\": \"opa\", \"sub\": \"0\"}, \"5e65682e81c8de9c4cb4c3bf59138d3122731940cff690e3cbc269d3fb5d4576\"]",
        )],
        decode,
    ),
    Builtin::pure(
        "io.jwt.decode_verify",
        "(string, {cert?: string, secret?: string, alg?: string, iss?: string, aud?: string, time?: decimal}) -> [bool, any, any]",
        "Whether a token is signed by the key in `cert` or `secret`, is of the algorithm, issuer and audience asked for, and is valid at the time; then also header and claims, else two empty objects.",
        &[
            example(
                "io.jwt.decode_verify(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4eHgifQ.HenG_fxgHQN2DH7Gn2GH_22lp16eLVn6cJmV-lFEZaU\", {\"secret\": \"secret\", \"iss\": \"xxx\"})",
                "[true, {\"alg\": \"HS256\", \"typ\": \"JWT\"}, {\"iss\": \"xxx\"}]",
            ),
            example(
                "io.jwt.decode_verify(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4eHgifQ.HenG_fxgHQN2DH7Gn2GH_22lp16eLVn6cJmV-lFEZaU\", {\"secret\": \"other\"})",
                "[false, {}, {}]",
            ),
        ],
        claims::decode_verify,
    )
    .of_decision(),
    Builtin::pure(
        "io.jwt.encode_sign",
        "(map[string, any], map[string, any], map[string, any]) -> string",
        "A token of header and claims, signed with a JSON web key by the algorithm that the header names; PS256, PS384, PS512 and ES512, which draw random numbers, are an error.",
        &[
            example(
                "io.jwt.encode_sign({\"alg\": \"HS256\"}, {\"iss\": \"joe\"}, {\"kty\": \"oct\", \"k\": \"NDI\"})",
                "\"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.jIadTEPOVBMLojMQhAiU-xrorlRNX4EfPPhsVBZQ_-g\"",
            ),
            example("io.jwt.encode_sign({\"alg\": \"none\"}, {}, {\"kty\": \"oct\", \"k\": \"NDI\"})", "error"),
        ],
        sign::encode_sign,
    ),
    Builtin::pure(
        "io.jwt.encode_sign_raw",
        "(string, string, string) -> string",
        "As `io.jwt.encode_sign`, of texts that are signed as they stand; a payload that is no JSON needs another `typ` than JWT in the header.",
        &[
            example(
                "io.jwt.encode_sign_raw(`{\"alg\":\"HS256\"}`, `{\"iss\":\"joe\"}`, `{\"kty\":\"oct\",\"k\":\"NDI\"}`)",
                "\"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.jIadTEPOVBMLojMQhAiU-xrorlRNX4EfPPhsVBZQ_-g\"",
            ),
            example("io.jwt.encode_sign_raw(`{\"alg\":\"HS256\"}`, `e`, `{\"kty\":\"oct\",\"k\":\"NDI\"}`)", "error"),
        ],
        sign::encode_sign_raw,
    ),
    verifier(
        "io.jwt.verify_eddsa",
        "Whether a token is signed with Ed25519 by a key: a certificate or public key in PEM form, or one or more JSON web keys.",
        &[example(
            "io.jwt.verify_eddsa(\"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg\", `{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}`)",
            "true",
        )],
        verify::<{ Algorithm::EdDsa as u8 }>,
    ),
    verifier(
        "io.jwt.verify_es256",
        "Whether a token is signed with ECDSA on P-256 and SHA-256 by a key: a certificate or public key in PEM form, or one or more JSON web keys.",
        &[example(
            "io.jwt.verify_es256(\"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q\", `{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}`)",
            "true",
        )],
        verify::<{ Algorithm::Es256 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_es384",
        "Whether a token is signed with ECDSA on P-384 and SHA-384 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_es384(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Es384 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_es512",
        "Whether a token is signed with ECDSA on P-521 and SHA-512 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_es512(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Es512 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_hs256",
        "Whether a token carries the HMAC-SHA-256 under a secret, the second argument.",
        &[
            example("io.jwt.verify_hs256(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4eHgifQ.HenG_fxgHQN2DH7Gn2GH_22lp16eLVn6cJmV-lFEZaU\", \"secret\")", "true"),
            example("io.jwt.verify_hs256(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4eHgifQ.HenG_fxgHQN2DH7Gn2GH_22lp16eLVn6cJmV-lFEZaU\", \"other\")", "false"),
            example("io.jwt.verify_hs256(\"a.b\", \"secret\")", "error"),
        ],
        verify::<{ Algorithm::Hs256 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_hs384",
        "Whether a token carries the HMAC-SHA-384 under a secret, the second argument.",
        &[example("io.jwt.verify_hs384(\"eyJhbGciOiJIUzM4NCJ9.eyJpc3MiOiJ4eHgifQ.fpMFkyubcsbRxYhe6WQmYEhjMWDFk0_dDkkf0oARGH1KOKgezGaB8LMZLBN3e1kt\", \"secret\")", "true")],
        verify::<{ Algorithm::Hs384 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_hs512",
        "Whether a token carries the HMAC-SHA-512 under a secret, the second argument.",
        &[example("io.jwt.verify_hs512(\"eyJhbGciOiJIUzUxMiJ9.eyJpc3MiOiJ4eHgifQ.f_lX59EcQm921yklpBM1SgrLUF8ch0_GToa4m0BsQBwARRu7qO94N5refObNydcS_YnsU7LdlFzF02DUEiSaAA\", \"secret\")", "true")],
        verify::<{ Algorithm::Hs512 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_ps256",
        "Whether a token is signed with RSASSA-PSS and SHA-256 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_ps256(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Ps256 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_ps384",
        "Whether a token is signed with RSASSA-PSS and SHA-384 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_ps384(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Ps384 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_ps512",
        "Whether a token is signed with RSASSA-PSS and SHA-512 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_ps512(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Ps512 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_rs256",
        "Whether a token is signed with RSASSA-PKCS1-v1_5 and SHA-256 by a key, as in `io.jwt.verify_es256`.",
        &[example(
            "io.jwt.verify_rs256(\"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw\", `{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}`)",
            "true",
        )],
        verify::<{ Algorithm::Rs256 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_rs384",
        "Whether a token is signed with RSASSA-PKCS1-v1_5 and SHA-384 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_rs384(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Rs384 as u8 }>,
    ),
    verifier(
        "io.jwt.verify_rs512",
        "Whether a token is signed with RSASSA-PKCS1-v1_5 and SHA-512 by a key, as in `io.jwt.verify_es256`.",
        &[example("io.jwt.verify_rs512(\"a.b\", \"no key\")", "error")],
        verify::<{ Algorithm::Rs512 as u8 }>,
    ),
];

/// An entry for one algorithm.
const fn verifier(
    name: &'static str,
    doc: &'static str,
    examples: &'static [Example],
    function: crate::builtin::Function,
) -> Builtin {
    Builtin::pure(name, "(string, string) -> bool", doc, examples, function)
}

/// Work that checking a signature is charged as.
const SIGNATURE_FUEL: usize = 500;

fn decode(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?.to_owned();
    call.charge(text.len() / 20)?;
    let Some((header, claims, signature)) = unwrap_nested(&text, |_| Ok(true))? else {
        return Err(BuiltinError::Undefined);
    };
    let parts = [header, claims, Value::from(hex::encode(signature))];
    Ok(call.heap.from_value(&Value::array(parts))?)
}

/// Checks the signature by the algorithm of that number; what the header says of the algorithm does not matter.
fn verify<const ALGORITHM: u8>(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let algorithm = Algorithm::ALL[usize::from(ALGORITHM)];
    let (token, key) = (call.text(arguments, 1)?.to_owned(), call.text(arguments, 2)?.to_owned());
    call.charge((token.len() + key.len()) / 20)?;
    let token = Token::parse(&token)?;
    if algorithm.is_keyed_hash() {
        return Ok(Word::bool(signature::verify_secret(algorithm, key.as_bytes(), &token)));
    }
    let keys = keys::parse(&key)?;
    call.charge(keys.len().saturating_mul(SIGNATURE_FUEL))?;
    Ok(Word::bool(signature::verify_keys(algorithm, &keys, &token)))
}

/// The type of failures here.
type Checked<T> = Result<T, BuiltinError>;

#[cfg(test)]
mod tests;
