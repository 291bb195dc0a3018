//! A small OpenID provider of the demo's own: discovery, its public key, and tokens for the people of the story.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The audience of the gateway's tokens.
pub(super) const AUDIENCE: &str = "hpol-demo";

const KEY_ID: &str = "demo";

/// Seconds that a token lives: as long as somebody may look at the demo.
const LIFETIME: u64 = 12 * 3600;

/// The running provider.
pub(super) struct Issuer {
    address: SocketAddr,
    key: EncodingKey,
}

impl Issuer {
    /// Makes a key and starts on a free port of the loopback interface.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok().context("could not make a key")?;
        let pair =
            EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).ok().context("could not use the key")?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("could not start the demo's provider")?;
        let address = listener.local_addr()?;
        let keys = json!({ "keys": [public_key(pair.public_key().as_ref())] });
        tokio::spawn(serve(listener, address, keys));
        Ok(Self { address, key: EncodingKey::from_ec_der(document.as_ref()) })
    }

    /// Its address, as tokens name it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token of a person.
    pub(super) fn token(&self, person: &str, groups: &[&str]) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?.as_secs();
        let claims = json!({
            "iss": self.url(),
            "aud": AUDIENCE,
            "sub": person,
            "groups": groups,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(KEY_ID.to_owned());
        encode(&header, &claims, &self.key).context("could not sign a token")
    }
}

/// A point on the curve (0x04, x, y) as a key of RFC 7517.
fn public_key(point: &[u8]) -> Value {
    let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
    json!({
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": KEY_ID,
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
    })
}

async fn serve(listener: TcpListener, address: SocketAddr, keys: Value) {
    let issuer = format!("http://{address}");
    let discovery = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/keys"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "authorization_endpoint": format!("{issuer}/authorize"),
    });
    while let Ok((stream, _)) = listener.accept().await {
        let (discovery, keys) = (discovery.clone(), keys.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let document = if request.uri().path() == "/keys" { &keys } else { &discovery };
                let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
                let json = hyper::header::HeaderValue::from_static("application/json");
                response.headers_mut().insert("content-type", json);
                async { Ok::<_, Infallible>(response) }
            });
            // A gateway that closes the connection has what it wanted.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
