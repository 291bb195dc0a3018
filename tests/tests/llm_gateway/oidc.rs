//! The OIDC provider.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http;
use super::process::Service;

/// What the gateway's tokens are for.
pub(crate) const GATEWAY: &str = "urn:hpol:gateway";

/// For the gateway too, but for a second only.
pub(crate) const SHORT: &str = "urn:hpol:short";

/// For somebody else.
pub(crate) const OTHER: &str = "urn:hpol:other";

/// An OIDC provider.
pub(crate) struct Oidc {
    issuer: String,
    service: Service,
}

/// The provider that tests share; it ends with their process.
pub(crate) fn shared() -> &'static Oidc {
    static OIDC: OnceLock<Oidc> = OnceLock::new();
    OIDC.get_or_init(Oidc::start)
}

/// A provider for the test that replaces its key.
pub(crate) fn rotating() -> &'static Oidc {
    static OIDC: OnceLock<Oidc> = OnceLock::new();
    OIDC.get_or_init(Oidc::start)
}

impl Oidc {
    fn start() -> Self {
        let service = Service::node(&["oidc.mjs"]);
        let issuer = service.json()["issuer"].as_str().expect("an issuer").to_owned();
        Self { issuer, service }
    }

    /// How it calls itself.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token for a person or agent.
    pub(crate) fn token(&self, name: &str, audience: &str) -> String {
        let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{name}-secret")));
        let body = format!("grant_type=client_credentials&scope=llm&resource={}", audience.replace(':', "%3A"));
        let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let address = self.issuer.trim_start_matches("http://");
        let answer = http::send(address, "POST /token HTTP/1.0", &headers, &body);
        answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("a token: {answer:?}")).to_owned()
    }

    /// Replaces the signing key.
    pub(crate) fn rotate(&self) {
        self.service.tell("rotate");
        assert!(self.service.json()["rotated"].is_u64());
    }
}
