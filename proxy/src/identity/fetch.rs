//! Fetches the provider's documents: bounded in size and time, without following redirects.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Url;

use super::error::ProviderError;
use crate::config::{OidcConfig, TlsError, client_tls};

/// Largest document, in bytes. Key sets of large providers have some 10 KiB.
const DOCUMENT_BYTES_MAX: usize = 512 << 10;

/// Fetches documents of a provider.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    timeout: Duration,
}

impl Fetcher {
    pub(super) fn new(config: &OidcConfig) -> Result<Self, TlsError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_tls(config.ca_file.as_deref())?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector);
        Ok(Self { client, timeout: config.http_timeout })
    }

    /// The JSON document at an address.
    pub(super) async fn get(&self, url: &Url) -> Result<serde_json::Value, ProviderError> {
        let bytes =
            tokio::time::timeout(self.timeout, self.get_bytes(url)).await.map_err(|_| ProviderError::Timeout)??;
        serde_json::from_slice(&bytes).map_err(|error| ProviderError::Invalid(format!("{url} is not JSON: {error}")))
    }

    async fn get_bytes(&self, url: &Url) -> Result<Bytes, ProviderError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(url.as_str())
            .header(http::header::ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| ProviderError::Invalid(format!("{url} is not an address: {error}")))?;
        let response =
            self.client.request(request).await.map_err(|error| ProviderError::Unreachable(display_chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(ProviderError::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ProviderError::TooLarge(DOCUMENT_BYTES_MAX)
            } else {
                ProviderError::Unreachable(error.to_string())
            }
        })?;
        Ok(body.to_bytes())
    }
}

/// An error with what caused it; hyper's own text alone does not say which.
fn display_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
