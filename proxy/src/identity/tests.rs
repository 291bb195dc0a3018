//! Tokens that hold and tokens that do not, against a provider with real keys.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jsonwebtoken::Header;
use serde_json::{Value as Json, json};

use self::provider::{Mood, Provider, SigningKey};
use super::*;
use crate::config::{OidcConfig, SigningAlgorithm};
use crate::testing::ManualClock;

mod provider;

const AUDIENCE: &str = "hpol";

struct Fixture {
    provider: Provider,
    clock: ManualClock,
    verifier: Verifier,
}

impl Fixture {
    async fn new(keys: &[&SigningKey]) -> Self {
        Self::with(keys, |_| {}).await
    }

    async fn with(keys: &[&SigningKey], change: impl FnOnce(&mut OidcConfig)) -> Self {
        let provider = Provider::start(keys).await;
        let text = format!(
            "policy: {{folder: p}}\nupstreams: [{{name: u, kind: http, base_url: 'http://127.0.0.1:1'}}]\n\
             identity: {{oidc: {{issuer: '{}', audience: {AUDIENCE}}}}}\n",
            provider.issuer
        );
        let config = crate::config::Config::parse(&text, "hpol.yaml".as_ref()).expect("valid");
        let mut oidc = config.identity.oidc.expect("given");
        change(&mut oidc);
        let clock = ManualClock::new();
        let verifier = Verifier::new(&oidc, clock.clock()).expect("no certificates to read");
        Self { provider, clock, verifier }
    }

    /// Claims that hold for an hour.
    fn claims(&self) -> Json {
        let now = self.clock.clock().now().seconds();
        json!({
            "iss": self.provider.issuer, "aud": AUDIENCE, "sub": "ada", "groups": ["ops", "dev", "ops"],
            "iat": now, "nbf": now, "exp": now + 3600,
        })
    }

    fn claims_with(&self, changes: Json) -> Json {
        let mut claims = self.claims();
        let fields = claims.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            if value == "absent" {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    /// The code of the error that a token gets, or `ok`.
    async fn check(&self, token: &str) -> &'static str {
        match self.verifier.verify(token).await {
            Ok(_) => "ok",
            Err(error) => {
                let text = format!("{error} {error:?}");
                for part in token.split('.').filter(|part| part.len() > 8) {
                    assert!(!text.contains(part), "the error tells the token: {text}");
                }
                error.code()
            }
        }
    }
}

#[tokio::test]
async fn tokens_of_every_kind_of_key_hold() {
    let keys = [SigningKey::rsa("r"), SigningKey::ec("e", 1), SigningKey::ed("d", 2)];
    let fixture = Fixture::new(&[&keys[0], &keys[1], &keys[2]]).await;
    for key in &keys {
        let identity = fixture.verifier.verify(&key.sign(&fixture.claims())).await.expect("holds");
        assert_eq!(identity.subject, "ada");
        assert_eq!(identity.issuer, fixture.provider.issuer);
        assert_eq!(identity.groups, ["dev", "ops"]);
        assert_eq!(identity.claims.get("sub"), Some(&Value::from("ada")));
        let end = fixture.clock.clock().now().seconds() + 3600;
        assert_eq!(identity.expires_at.map(Timestamp::seconds), Some(end));
        // A token that names no key is taken where there is no choice.
        assert_eq!(fixture.check(&key.clone().without_id().sign(&fixture.claims())).await, "ok");
    }
    assert_eq!(fixture.provider.fetches(), 1);
}

#[tokio::test]
async fn claims_are_checked() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    let now = fixture.clock.clock().now().seconds();
    for (changes, expected) in [
        (json!({}), "ok"),
        (json!({"iss": "https://other.example.com"}), "token_issuer"),
        (json!({"iss": format!("{}/", fixture.provider.issuer)}), "token_issuer"),
        (json!({"iss": "absent"}), "token_issuer"),
        (json!({"aud": "other"}), "token_audience"),
        (json!({"aud": "absent"}), "token_audience"),
        (json!({"aud": []}), "token_audience"),
        (json!({"aud": {"hpol": true}}), "token_audience"),
        (json!({"aud": ["other", "hpol"]}), "ok"),
        (json!({"exp": now - 3600}), "token_expired"),
        (json!({"exp": now - 31}), "token_expired"),
        (json!({"exp": now - 29}), "ok"),
        (json!({"exp": format!("{now}.5").parse::<f64>().expect("a number")}), "ok"),
        (json!({"exp": "absent"}), "token_claim"),
        (json!({"exp": "tomorrow"}), "token_claim"),
        (json!({"exp": -1}), "token_claim"),
        (json!({"exp": 1e300}), "token_claim"),
        (json!({"nbf": now + 31}), "token_not_yet_valid"),
        (json!({"nbf": now + 29}), "ok"),
        (json!({"nbf": "absent", "iat": "absent"}), "ok"),
        (json!({"iat": now + 3600}), "token_not_yet_valid"),
        (json!({"iat": null}), "token_claim"),
        (json!({"sub": "absent"}), "token_claim"),
        (json!({"sub": ""}), "token_claim"),
        (json!({"sub": 7}), "token_claim"),
        (json!({"sub": "a\nb"}), "token_claim"),
        (json!({"sub": "x".repeat(513)}), "token_claim"),
        (json!({"groups": "absent"}), "ok"),
        (json!({"groups": "ops"}), "ok"),
        (json!({"groups": [1]}), "token_claim"),
        (json!({"groups": {"ops": true}}), "token_claim"),
    ] {
        let token = key.sign(&fixture.claims_with(changes.clone()));
        assert_eq!(fixture.check(&token).await, expected, "{changes}");
    }
}

#[tokio::test]
async fn claims_are_found_under_other_names() {
    let key = SigningKey::ed("d", 1);
    let check = async |user: &str, groups: &str, claims: Json| {
        let (user, groups) = (user.to_owned(), groups.to_owned());
        let fixture = Fixture::with(&[&key], |oidc| (oidc.user_claim, oidc.groups_claim) = (user, groups)).await;
        let identity = fixture.verifier.verify(&key.sign(&fixture.claims_with(claims))).await.expect("holds");
        (identity.subject, identity.groups)
    };
    let claims = json!({"email": "ada@example.com", "realm_access": {"roles": ["dba"]}});
    assert_eq!(check("email", "realm_access.roles", claims).await, ("ada@example.com".into(), vec!["dba".into()]));
    let claims = json!({"https://example.com/groups": "dba"});
    assert_eq!(check("sub", "https://example.com/groups", claims).await, ("ada".into(), vec!["dba".into()]));
}

#[tokio::test]
async fn headers_are_checked() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    let with = |change: fn(&mut Header)| {
        let mut header = key.header();
        change(&mut header);
        key.sign_with(&header, &fixture.claims())
    };
    for (token, expected) in [
        (with(|header| header.typ = None), "ok"),
        (with(|header| header.typ = Some("at+JWT".to_owned())), "ok"),
        (with(|header| header.typ = Some("application/at+jwt".to_owned())), "ok"),
        (with(|header| header.typ = Some("logout+jwt".to_owned())), "token_type"),
        (with(|header| header.typ = Some("dpop+jwt".to_owned())), "token_type"),
        (with(|header| header.crit = Some(vec!["exp".to_owned()])), "token_malformed"),
        (with(|header| header.kid = Some("none".to_owned())), "token_unknown_key"),
        // A key within the token, or where to find one, is not looked at.
        (with(|header| header.jku = Some("https://evil.example.com".to_owned())), "ok"),
    ] {
        assert_eq!(fixture.check(&token).await, expected);
    }
    let claims = fixture.claims().to_string();
    for (header, expected) in [
        (r#"{"alg":"EdDSA","kid":"d"}"#, "ok"),
        (r#"{"alg":"none"}"#, "token_algorithm"),
        (r#"{"alg":"NONE","kid":"d"}"#, "token_algorithm"),
        (r#"{"alg":"HS256","kid":"d"}"#, "token_algorithm"),
        (r#"{"alg":"RS384","kid":"d"}"#, "token_algorithm"),
        (r#"{"alg":"RS256","kid":"d"}"#, "token_unknown_key"),
        (r#"{"alg":"EdDSA","alg":"none","kid":"d"}"#, "token_malformed"),
        (r#"{"alg":7}"#, "token_malformed"),
        (r#"{"kid":"d"}"#, "token_malformed"),
        (r#"{"alg":"EdDSA","kid":7}"#, "token_malformed"),
        (r#"{"alg":"EdDSA","kid":"d","typ":7}"#, "token_type"),
        (r#"{"alg":"EdDSA","kid":"d","crit":null}"#, "token_malformed"),
        ("[]", "token_malformed"),
        ("{", "token_malformed"),
    ] {
        assert_eq!(fixture.check(&key.sign_text(header, &claims)).await, expected, "{header}");
    }
    let header = r#"{"alg":"EdDSA","kid":"d"}"#;
    for claims in ["", "[]", "{\"sub\":\"ada\",\"sub\":\"root\"}", "\"text\""] {
        assert_eq!(fixture.check(&key.sign_text(header, claims)).await, "token_malformed", "{claims}");
    }
}

#[tokio::test]
async fn forged_and_broken_tokens_are_refused() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    let token = key.sign(&fixture.claims());
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let (header, payload) = message.split_once('.').expect("two parts");
    let other = SigningKey::ed("d", 2).sign(&fixture.claims());
    for (token, expected) in [
        (other, "token_signature"),
        (format!("{message}."), "token_signature"),
        (format!("{message}.{}", "A".repeat(signature.len())), "token_signature"),
        (format!("{header}.{}.{signature}", payload.replacen('J', "K", 1)), "token_signature"),
        (String::new(), "token_malformed"),
        ("abc".to_owned(), "token_malformed"),
        ("..".to_owned(), "token_malformed"),
        (message.to_owned(), "token_malformed"),
        (format!("{token}.x"), "token_malformed"),
        (format!("{header}=.{payload}.{signature}"), "token_malformed"),
        (format!("{header}.{payload}.{signature}.a.b"), "token_malformed"),
        ("a".repeat(20_000), "token_too_long"),
    ] {
        assert_eq!(fixture.check(&token).await, expected, "{token}");
    }
}

/// The classic confusion: a public key taken as the shared secret of an HMAC.
#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let key = SigningKey::rsa("r");
    let fixture = Fixture::new(&[&key]).await;
    let secret = jsonwebtoken::EncodingKey::from_secret(key.public.to_string().as_bytes());
    let header = Header { kid: Some("r".to_owned()), ..Header::new(jsonwebtoken::Algorithm::HS256) };
    let token = jsonwebtoken::encode(&header, &fixture.claims(), &secret).expect("signs");
    assert_eq!(fixture.check(&token).await, "token_algorithm");
}

#[tokio::test]
async fn keys_that_do_not_fit_are_left_out() {
    let key = SigningKey::ed("d", 1);
    let rsa = SigningKey::rsa("r");
    let fixture = Fixture::new(&[&key]).await;
    let change = |name: &str, value: Json| {
        let mut public = key.public.clone();
        public.as_object_mut().expect("an object").insert(name.to_owned(), value);
        public
    };
    let mut weak = rsa.public.clone();
    weak.as_object_mut().expect("an object").insert("n".to_owned(), "A".repeat(171).into());
    weak.as_object_mut().expect("an object").insert("kid".to_owned(), "weak".into());
    for keys in [
        vec![change("use", "enc".into())],
        vec![change("alg", "ES256".into())],
        vec![change("alg", "unknown".into())],
        vec![change("kty", "unknown".into())],
        vec![json!({"kty": "oct", "k": "c2VjcmV0", "kid": "d"})],
        vec![json!(7), json!({}), weak],
    ] {
        fixture.provider.publish_json([keys.clone(), vec![rsa.public.clone()]].concat());
        fixture.clock.advance(Duration::from_secs(60));
        assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "token_unknown_key", "{keys:?}");
    }
    fixture.provider.publish_json(vec![change("use", "sig".into()), json!(7)]);
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "ok", "one bad key does not spoil the others");
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_goes() {
    let (old, new) = (SigningKey::ed("old", 1), SigningKey::ed("new", 2));
    let fixture = Fixture::new(&[&old]).await;
    assert_eq!(fixture.check(&old.sign(&fixture.claims())).await, "ok");
    fixture.provider.publish(&[&new]);
    // Unknown keys cause a fetch, but not more often than the cooldown allows.
    assert_eq!(fixture.check(&new.sign(&fixture.claims())).await, "token_unknown_key");
    assert_eq!(fixture.provider.fetches(), 1);
    fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(fixture.check(&new.sign(&fixture.claims())).await, "ok");
    assert_eq!(fixture.provider.fetches(), 2);
    assert_eq!(fixture.check(&old.sign(&fixture.claims())).await, "token_unknown_key");
    assert_eq!(fixture.provider.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tokens_at_once_cause_one_fetch() {
    let key = SigningKey::ed("d", 1);
    let fixture = std::sync::Arc::new(Fixture::new(&[&key]).await);
    let checks = (0..50).map(|number| {
        let (fixture, key) = (fixture.clone(), if number % 2 == 0 { key.clone() } else { SigningKey::ed("x", 3) });
        tokio::spawn(async move { fixture.check(&key.sign(&fixture.claims())).await })
    });
    for (number, result) in futures_util::future::join_all(checks).await.into_iter().enumerate() {
        let expected = if number % 2 == 0 { "ok" } else { "token_unknown_key" };
        assert_eq!(result.expect("no panic"), expected);
    }
    assert_eq!(fixture.provider.fetches(), 1);
}

#[tokio::test]
async fn known_keys_serve_while_the_provider_is_down() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "ok");
    fixture.provider.set_mood(Mood::Failing(StatusCode::INTERNAL_SERVER_ERROR));
    // Due for a new fetch, which fails beside the request.
    fixture.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "ok");
    // An unknown key may be one of those that could not be fetched: that is the provider's fault, not the token's.
    fixture.clock.advance(Duration::from_secs(60));
    let unknown = SigningKey::ed("x", 2).sign(&fixture.claims());
    assert_eq!(fixture.check(&unknown).await, "identity_provider_unavailable");
    // Keys do not serve for ever.
    fixture.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "identity_provider_unavailable");
    fixture.provider.set_mood(Mood::Well);
    fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "ok");
}

#[tokio::test]
async fn a_provider_that_answers_nonsense_is_named() {
    let key = SigningKey::ed("d", 1);
    for (mood, expected) in [
        (Mood::Failing(StatusCode::NOT_FOUND), "answered with status 404"),
        (Mood::Failing(StatusCode::FOUND), "answered with status 302"),
        (Mood::Silent, "did not answer in time"),
        (Mood::Says("<html>".to_owned()), "is not JSON"),
        (Mood::Says("{}".to_owned()), "names another issuer"),
        (Mood::Says(r#"{"issuer": "https://other.example.com"}"#.to_owned()), "names another issuer"),
        (Mood::Says(" ".repeat(600 << 10)), "is larger than"),
    ] {
        // Only the one that never answers is waited for.
        let silent = matches!(mood, Mood::Silent);
        let fixture = Fixture::with(&[&key], |oidc| {
            oidc.http_timeout = if silent { Duration::from_millis(50) } else { Duration::from_secs(60) };
        })
        .await;
        fixture.provider.set_mood(mood);
        let error = fixture.verifier.verify(&key.sign(&fixture.claims())).await.expect_err("no keys");
        assert!(error.is_unavailable() && error.to_string().contains(expected), "{error}");
    }
    let fixture = Fixture::new(&[&key]).await;
    for document in [json!({}), json!({"jwks_uri": "file:///etc/passwd"}), json!({"jwks_uri": 7})] {
        let mut document = document;
        document
            .as_object_mut()
            .expect("an object")
            .insert("issuer".to_owned(), fixture.provider.issuer.clone().into());
        fixture.provider.set_mood(Mood::Says(document.to_string()));
        fixture.clock.advance(Duration::from_secs(10));
        assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "identity_provider_unavailable");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_asked_once_in_a_while() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    fixture.provider.set_mood(Mood::Failing(StatusCode::BAD_GATEWAY));
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "identity_provider_unavailable");
    fixture.provider.set_mood(Mood::Well);
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "identity_provider_unavailable");
    fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(fixture.check(&key.sign(&fixture.claims())).await, "ok");
}

/// A client that goes away must not end the fetch that others wait for.
#[tokio::test]
async fn a_client_that_gives_up_does_not_break_the_fetch() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    let token = key.sign(&fixture.claims());
    // Polled once: the fetch has started, and its client leaves.
    let mut first = Box::pin(fixture.verifier.verify(&token));
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context))).await;
    assert!(polled.is_pending());
    drop(first);
    assert_eq!(fixture.check(&token).await, "ok");
    assert_eq!(fixture.provider.fetches(), 1);
}

#[tokio::test]
async fn another_audience_has_the_same_keys() {
    let key = SigningKey::ed("d", 1);
    let fixture = Fixture::new(&[&key]).await;
    let admin = fixture.verifier.with_audience("hpol-admin");
    let token = key.sign(&fixture.claims_with(json!({"aud": "hpol-admin"})));
    assert_eq!(admin.verify(&token).await.expect("holds").subject, "ada");
    assert_eq!(fixture.check(&token).await, "token_audience");
    assert!(matches!(admin.verify(&key.sign(&fixture.claims())).await, Err(IdentityError::Audience)));
    assert_eq!(fixture.provider.fetches(), 1);
}

#[test]
fn the_header_is_read_strictly() {
    let check = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).expect("valid"));
        }
        bearer_token(&headers).map(str::to_owned).map_err(|error| error.code())
    };
    assert_eq!(check(&["Bearer abc"]), Ok("abc".to_owned()));
    assert_eq!(check(&["bearer  abc "]), Ok("abc".to_owned()));
    assert_eq!(check(&[]), Err("token_missing"));
    assert_eq!(check(&["Bearer "]), Err("token_missing"));
    assert_eq!(check(&["Bearer"]), Err("token_scheme"));
    assert_eq!(check(&["Basic YTpi"]), Err("token_scheme"));
    assert_eq!(check(&["Bearer abc", "Bearer abc"]), Err("token_malformed"));
}

#[test]
fn every_algorithm_has_a_public_key() {
    for algorithm in SigningAlgorithm::ALL {
        assert_eq!(SigningAlgorithm::from_name(algorithm.name()), Some(algorithm));
    }
    for name in ["none", "HS256", "HS384", "HS512", "rs256", ""] {
        assert_eq!(SigningAlgorithm::from_name(name), None);
    }
}
