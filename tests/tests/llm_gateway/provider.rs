//! The provider of models that all tests share.

use std::sync::OnceLock;

use serde_json::Value;

use super::http;
use super::process::Service;

/// The key that the provider takes, and no client knows.
pub(crate) const PROVIDER_KEY: &str = "sk-upstream-0f9d4c2a7b81";

/// The provider. It journals every request.
pub(crate) struct Provider {
    address: String,
    _service: Service,
}

/// The provider; it ends with the process of the tests.
pub(crate) fn provider() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/llm_gateway/fixtures.json");
        let service = Service::node(&["provider.mjs", fixtures, PROVIDER_KEY]);
        let url = service.json()["url"].as_str().expect("an address").to_owned();
        Provider { address: url.trim_start_matches("http://").to_owned(), _service: service }
    })
}

impl Provider {
    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The requests that it got whose texts hold `word`.
    pub(crate) fn requests(&self, word: &str) -> Vec<Value> {
        let bearer = format!("Bearer {PROVIDER_KEY}");
        let answer = http::send(&self.address, "GET /__aimock/journal HTTP/1.0", &[("authorization", &bearer)], "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let Value::Array(entries) = answer.json() else { panic!("a list: {answer:?}") };
        entries.into_iter().filter(|entry| entry["body"].to_string().contains(word)).collect()
    }
}
