//! Tokens of every algorithm, signed elsewhere by keys that were thrown away.

use hpol_lang::value::Value;

use crate::builtin::{BuiltinError, Caches, Call};
use crate::heap::Heap;
use crate::table::find_builtin;

/// Lines of algorithm, key and token.
const TOKENS: &str = include_str!("fixtures/tokens.txt");

const KEYS: [(&str, &str, &str); 5] = [
    ("rsa", include_str!("fixtures/rsa.crt"), include_str!("fixtures/rsa.pub")),
    ("p256", include_str!("fixtures/p256.crt"), include_str!("fixtures/p256.pub")),
    ("p384", include_str!("fixtures/p384.crt"), include_str!("fixtures/p384.pub")),
    ("p521", include_str!("fixtures/p521.crt"), include_str!("fixtures/p521.pub")),
    ("ed25519", include_str!("fixtures/ed25519.crt"), include_str!("fixtures/ed25519.pub")),
];

/// Algorithm, name of the key, token.
fn tokens() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TOKENS.lines().map(|line| {
        let mut parts = line.split(' ');
        let mut part = || parts.next().expect("three parts");
        (part(), part(), part())
    })
}

fn call(name: &str, arguments: &[Value]) -> Result<Value, BuiltinError> {
    let mut heap = Heap::default();
    let (mut caches, mut fuel) = (Caches::default(), 1_000_000);
    let words: Vec<_> = arguments.iter().map(|value| heap.from_value(value).expect("small")).collect();
    let mut call = Call {
        heap: &mut heap,
        caches: &mut caches,
        state: &mut crate::state::State::default(),
        now_nanoseconds: 2_000_000_000,
        fuel: &mut fuel,
    };
    let word = find_builtin(name).expect("a builtin").1.call(&mut call, &words)?;
    Ok(heap.to_value(word))
}

fn verifies(algorithm: &str, token: &str, key: &str) -> Result<bool, BuiltinError> {
    let name = format!("io.jwt.verify_{}", algorithm.to_lowercase());
    call(&name, &[token.into(), key.into()]).map(|value| value == Value::Bool(true))
}

#[test]
fn keys_verify_their_tokens_and_no_others() {
    for (algorithm, signer, token) in tokens() {
        let mut changed = token.to_owned();
        changed.insert(token.rfind('.').expect("a signature"), 'A');
        for (name, certificate, public) in KEYS {
            let right = name == signer;
            assert_eq!(verifies(algorithm, token, certificate), Ok(right), "{algorithm} by the certificate {name}");
            assert_eq!(verifies(algorithm, token, public), Ok(right), "{algorithm} by the key {name}");
            assert_ne!(verifies(algorithm, &changed, public), Ok(true), "{algorithm} of another payload");
        }
    }
}

#[test]
fn a_key_verifies_by_the_algorithm_that_is_asked_for() {
    for (signed, _, token) in tokens() {
        for (asked, signer, _) in tokens() {
            let (.., public) = KEYS.into_iter().find(|(name, ..)| *name == signer).expect("a key");
            assert_eq!(verifies(asked, token, public), Ok(asked == signed), "{signed} as {asked}");
        }
    }
}

#[test]
fn public_keys_are_no_secrets() {
    // A token whose code was made with the text of a public key as its secret.
    let key = KEYS[0].2;
    let signed = "eyJhbGciOiJIUzI1NiJ9.e30";
    let code = {
        use hmac::{KeyInit as _, Mac as _};
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("any length");
        mac.update(signed.as_bytes());
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, mac.finalize().into_bytes())
    };
    let token = format!("{signed}.{code}");
    assert_eq!(verifies("HS256", &token, key), Ok(true));
    let asked = Value::object([("cert", Value::from(key))]);
    let result = call("io.jwt.decode_verify", &[token.as_str().into(), asked]).expect("decides");
    assert_eq!(result.to_string(), "[false, {}, {}]");
}

#[test]
fn unsigned_and_odd_tokens_are_refused() {
    let secret = Value::object([("secret", Value::from("x"))]);
    let decide = |token: &str| call("io.jwt.decode_verify", &[token.into(), secret.clone()]);
    // {"alg":"none"}
    assert!(decide("eyJhbGciOiJub25lIn0.e30.").is_err());
    // {}
    assert_eq!(decide("e30.e30.").map(|value| value.to_string()), Ok("[false, {}, {}]".to_owned()));
    for token in ["", ".", "..", "a.b.c", "e30", "e30.e30", "e30.e30.e30.e30", "W10.e30.", "e30.!.e30"] {
        assert!(decide(token).is_err(), "{token}");
        assert!(call("io.jwt.decode", &[token.into()]).is_err(), "{token}");
    }
}

#[test]
fn claims_are_checked() {
    // {"alg":"HS256"} and {"iss":"i","aud":["a","b"],"nbf":1,"exp":3}, under the secret `s`.
    let claims = r#"{"iss":"i","aud":["a","b"],"nbf":1,"exp":3}"#;
    let encode = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(claims));
    let code = {
        use hmac::{KeyInit as _, Mac as _};
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"s").expect("any length");
        mac.update(signed.as_bytes());
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, mac.finalize().into_bytes())
    };
    let token = Value::from(format!("{signed}.{code}"));
    let allowed = |more: &[(&str, Value)]| {
        let asked = [("secret", Value::from("s"))].into_iter().chain(more.iter().cloned());
        let result = call("io.jwt.decode_verify", &[token.clone(), Value::object(asked)]).expect("decides");
        let Value::Array(parts) = result else { panic!("an array") };
        parts[0] == Value::Bool(true)
    };
    let audience = ("aud", Value::from("b"));
    // The time of the decision is 2 s after 1970.
    assert!(allowed(std::slice::from_ref(&audience)));
    assert!(!allowed(&[]), "the token is for others");
    assert!(!allowed(&[("aud", Value::from("c"))]));
    assert!(allowed(&[audience.clone(), ("iss", Value::from("i")), ("alg", Value::from("HS256"))]));
    assert!(!allowed(&[audience.clone(), ("iss", Value::from("j"))]));
    assert!(!allowed(&[audience.clone(), ("alg", Value::from("HS384"))]));
    assert!(!allowed(&[audience.clone(), ("time", Value::from(3_000_000_000))]), "expired");
    assert!(!allowed(&[audience.clone(), ("time", Value::from(999_999_999))]), "not yet valid");
    let unknown = Value::object([("secret", Value::from("s")), ("issuer", Value::from("i"))]);
    assert!(call("io.jwt.decode_verify", &[token.clone(), unknown]).is_err());
}
