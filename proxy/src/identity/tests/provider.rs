//! A small identity provider with real keys, over real HTTP.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// PKCS#8 around an Ed25519 seed.
const ED25519_PREFIX: &str = "302e020100300506032b657004220420";

/// PKCS#8 around a P-256 scalar, without its public key.
const P256_PREFIX: &str = "304102010030130607\
2a8648ce3d020106082a8648ce3d030107042730250201010420";

static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a new key");
    key.to_pkcs1_der().expect("a key has a DER form").as_bytes().to_vec()
});

/// A signing key and its published half.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) algorithm: Algorithm,
    encoding: EncodingKey,
    pub(super) public: Json,
    id: Option<String>,
}

impl SigningKey {
    pub(super) fn rsa(id: &str) -> Self {
        Self::new(id, Algorithm::RS256, EncodingKey::from_rsa_der(&RSA))
    }

    /// Another `seed`, another key.
    pub(super) fn ec(id: &str, seed: u8) -> Self {
        Self::new(id, Algorithm::ES256, EncodingKey::from_ec_der(&der(P256_PREFIX, seed)))
    }

    pub(super) fn ed(id: &str, seed: u8) -> Self {
        Self::new(id, Algorithm::EdDSA, EncodingKey::from_ed_der(&der(ED25519_PREFIX, seed)))
    }

    fn new(id: &str, algorithm: Algorithm, encoding: EncodingKey) -> Self {
        let mut jwk = Jwk::from_encoding_key(&encoding, algorithm).expect("a private key has a public half");
        jwk.common.key_id = Some(id.to_owned());
        let public = serde_json::to_value(jwk).expect("a key has a JSON form");
        Self { algorithm, encoding, public, id: Some(id.to_owned()) }
    }

    /// The same key, whose tokens name no key.
    pub(super) fn without_id(mut self) -> Self {
        self.id = None;
        self
    }

    pub(super) fn header(&self) -> Header {
        Header { kid: self.id.clone(), ..Header::new(self.algorithm) }
    }

    pub(super) fn sign(&self, claims: &Json) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(super) fn sign_with(&self, header: &Header, claims: &Json) -> String {
        jsonwebtoken::encode(header, claims, &self.encoding).expect("signs")
    }

    /// Signs header and claims given as text, whatever they say.
    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        use base64::Engine;
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, self.algorithm).expect("signs");
        format!("{message}.{signature}")
    }
}

fn der(prefix: &str, seed: u8) -> Vec<u8> {
    let mut bytes = hex::decode(prefix).expect("hexadecimal");
    bytes.extend([seed; 32]);
    bytes
}

/// How the provider answers.
#[derive(Clone)]
pub(super) enum Mood {
    /// As it should.
    Well,
    /// With this status.
    Failing(StatusCode),
    /// Never.
    Silent,
    /// With this text.
    Says(String),
}

/// A running provider.
#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    keys: Mutex<Vec<Json>>,
    mood: Mutex<Mood>,
    fetches: AtomicUsize,
}

impl Provider {
    pub(super) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Shared {
            issuer: issuer.clone(),
            keys: Mutex::default(),
            mood: Mutex::new(Mood::Well),
            fetches: AtomicUsize::new(0),
        });
        let provider = Self { issuer, shared: shared.clone() };
        provider.publish(keys);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request| answer(shared.clone(), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        provider
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        *self.shared.keys.lock().expect("no panic") = keys.iter().map(|key| key.public.clone()).collect();
    }

    pub(super) fn publish_json(&self, keys: Vec<Json>) {
        *self.shared.keys.lock().expect("no panic") = keys;
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        *self.shared.mood.lock().expect("no panic") = mood;
    }

    /// How often the key set was asked for.
    pub(super) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mood = shared.mood.lock().expect("no panic").clone();
    let (status, text) = match (mood, request.uri().path()) {
        (Mood::Silent, _) => std::future::pending().await,
        (Mood::Failing(status), _) => (status, "no".to_owned()),
        (Mood::Says(text), _) => (StatusCode::OK, text),
        (Mood::Well, "/.well-known/openid-configuration") => {
            let document = json!({"issuer": shared.issuer, "jwks_uri": format!("{}/keys", shared.issuer)});
            (StatusCode::OK, document.to_string())
        }
        (Mood::Well, "/keys") => {
            shared.fetches.fetch_add(1, Ordering::SeqCst);
            let keys = shared.keys.lock().expect("no panic").clone();
            (StatusCode::OK, json!({"keys": keys}).to_string())
        }
        (Mood::Well, _) => (StatusCode::NOT_FOUND, String::new()),
    };
    Ok(Response::builder().status(status).body(Full::new(text.into())).expect("a valid response"))
}
