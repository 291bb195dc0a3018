//! The systems behind the gateway: which one a request goes to, and how it gets there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config::{SecretSource, TlsError, UpstreamConfig, UpstreamKind, client_tls};
use crate::refusal::Refusal;

/// Why an upstream cannot be used with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The address is not one.
    #[error("upstream `{name}`: `{base_url}` is not an address such as `https://api.openai.com`")]
    Address {
        /// The upstream.
        name: String,
        /// Its address.
        base_url: String,
    },
    /// The certificates cannot be used.
    #[error("upstream `{name}`: {error}")]
    Tls {
        /// The upstream.
        name: String,
        /// What is wrong with them.
        error: TlsError,
    },
    /// The header of the key is not a header.
    #[error("upstream `{name}`: `{header}` is not the name of a header")]
    KeyHeader {
        /// The upstream.
        name: String,
        /// The header.
        header: String,
    },
}

/// A system behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    config: UpstreamConfig,
    scheme: http::uri::Scheme,
    authority: http::uri::Authority,
    /// Path of the address, without a slash at its end.
    base_path: String,
    key: Option<Key>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

#[derive(Debug)]
struct Key {
    header: HeaderName,
    scheme: String,
    source: SecretSource,
    read: Mutex<Option<(Instant, HeaderValue)>>,
}

/// How long a key is used before it is read again: a file may be replaced while the gateway runs.
const KEY_AGE_MAX: Duration = Duration::from_secs(5);

/// Idle connections that are kept to one upstream.
const IDLE_CONNECTIONS_MAX: usize = 64;

/// What is sent to an upstream.
#[derive(Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Path and query, as the client sent them.
    pub target: String,
    /// Headers, already cleaned.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Upstream {
    /// An upstream as configured. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// An address, certificate or header that cannot be used.
    pub fn new(config: UpstreamConfig, header_bytes_max: usize) -> Result<Self, UpstreamError> {
        let name = || config.name.clone();
        let address = || UpstreamError::Address { name: name(), base_url: config.base_url.clone() };
        let parts = config.base_url.parse::<Uri>().map_err(|_| address())?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(address()) };
        let base_path =
            parts.path_and_query.map_or_else(String::new, |path| path.path().trim_end_matches('/').to_owned());
        let tls = client_tls(config.ca_file.as_deref()).map_err(|error| UpstreamError::Tls { name: name(), error })?;
        let key = config.api_key.clone().map(|source| {
            let header = HeaderName::try_from(config.api_key_header.name.as_str())
                .map_err(|_| UpstreamError::KeyHeader { name: name(), header: config.api_key_header.name.clone() })?;
            Ok(Key { header, scheme: config.api_key_header.scheme.clone(), source, read: Mutex::default() })
        });
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.timeouts.connect));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .http1_max_buf_size(header_bytes_max.max(16 << 10))
            .build(connector);
        let key = key.transpose()?;
        Ok(Self { scheme, authority, base_path, key, client, config })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its labels.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.config.labels
    }

    /// The protocol that is spoken to it.
    pub fn kind(&self) -> UpstreamKind {
        self.config.kind
    }

    /// Longest silence within a response.
    pub fn idle_time(&self) -> Duration {
        self.config.timeouts.idle
    }

    /// A path without the prefix that leads to this upstream.
    pub fn inner_path<'p>(&self, path: &'p str) -> &'p str {
        let prefix = self.config.path_prefix.trim_end_matches('/');
        path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }

    /// Sends a request and waits for the head of the response. Dropping the future gives the request up.
    ///
    /// # Errors
    ///
    /// No connection, no answer in time, or an answer that is not HTTP.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Response<Incoming>, Refusal> {
        let request = self.request(outgoing)?;
        let time = self.config.timeouts.connect.saturating_add(self.config.timeouts.first_byte);
        match tokio::time::timeout(time, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                // The error can name addresses of the inside: the log gets it, the client does not.
                tracing::warn!(upstream = self.name(), error = %chain(&error), "the upstream cannot be reached");
                let timed_out = chain(&error).contains("timed out");
                Err(if timed_out { self.timeout() } else { self.unreachable() })
            }
            Err(_) => Err(self.timeout()),
        }
    }

    fn request(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, Refusal> {
        let path = if self.config.strip_prefix { self.inner_path(&outgoing.target) } else { &outgoing.target };
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.base_path))
            .build()
            .map_err(|_| self.unreachable())?;
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = outgoing.headers;
        let headers = request.headers_mut();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(key) = &self.key {
            headers.insert(key.header.clone(), self.key_value(key)?);
        }
        Ok(request)
    }

    fn key_value(&self, key: &Key) -> Result<HeaderValue, Refusal> {
        let mut read = key.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((time, value)) = &*read
            && time.elapsed() < KEY_AGE_MAX
        {
            return Ok(value.clone());
        }
        let secret = key.source.read().map_err(|error| error.to_string());
        let value = secret.and_then(|secret| {
            let text = match key.scheme.as_str() {
                "" => secret.expose().to_owned(),
                scheme => format!("{scheme} {}", secret.expose()),
            };
            let mut value =
                HeaderValue::from_str(&text).map_err(|_| "it holds characters that a header cannot".to_owned())?;
            value.set_sensitive(true);
            Ok(value)
        });
        match (value, &*read) {
            (Ok(value), _) => {
                *read = Some((Instant::now(), value.clone()));
                Ok(value)
            }
            // The key that worked so far is better than none while its file is being replaced.
            (Err(error), Some((_, value))) => {
                tracing::warn!(upstream = self.name(), %error, "the upstream's key cannot be read again; the last one stays");
                Ok(value.clone())
            }
            (Err(error), None) => {
                tracing::error!(upstream = self.name(), %error, "the upstream's key cannot be read");
                Err(Refusal::new(
                    StatusCode::BAD_GATEWAY,
                    "upstream_unreachable",
                    format!("the gateway has no key for upstream `{}`; tell its operator", self.name()),
                ))
            }
        }
    }

    fn unreachable(&self) -> Refusal {
        let message =
            format!("upstream `{}` cannot be reached; try again later or tell the gateway's operator", self.name());
        Refusal::new(StatusCode::BAD_GATEWAY, "upstream_unreachable", message)
    }

    /// The refusal for an upstream that took too long.
    pub fn timeout(&self) -> Refusal {
        let message = format!("upstream `{}` did not answer in time; try again later", self.name());
        Refusal::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", message)
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The upstreams, and which requests go to which.
#[derive(Debug)]
pub struct Upstreams(Vec<Arc<Upstream>>);

impl Upstreams {
    /// The upstreams of a configuration.
    ///
    /// # Errors
    ///
    /// The first one that cannot be used.
    pub fn new(configs: &[UpstreamConfig], header_bytes_max: usize) -> Result<Self, UpstreamError> {
        configs
            .iter()
            .map(|config| Upstream::new(config.clone(), header_bytes_max).map(Arc::new))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The upstream of a request: one with this host wins over one without, then the longest prefix of the path wins.
    pub fn route(&self, host: &str, path: &str) -> Option<Arc<Upstream>> {
        let fits = |upstream: &&Arc<Upstream>| {
            let config = &upstream.config;
            let prefix = config.path_prefix.trim_end_matches('/');
            let host_fits = config.host.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(host));
            host_fits && path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let chosen = self.0.iter().filter(fits).max_by_key(|upstream| {
            (upstream.config.host.is_some(), upstream.config.path_prefix.trim_end_matches('/').len())
        });
        chosen.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::upstream_config as config;

    fn upstreams() -> Upstreams {
        let configs = [
            config("root", "/", None),
            config("api", "/api", None),
            config("deep", "/api/v2/", None),
            config("named", "/", Some("x.example")),
        ];
        Upstreams::new(&configs, 8_192).expect("good upstreams")
    }

    #[test]
    fn the_longest_prefix_wins_and_a_host_before_it() {
        let upstreams = upstreams();
        let name = |host: &str, path: &str| upstreams.route(host, path).map(|upstream| upstream.name().to_owned());
        assert_eq!(name("a", "/v1").as_deref(), Some("root"));
        assert_eq!(name("a", "/api").as_deref(), Some("api"));
        assert_eq!(name("a", "/apix").as_deref(), Some("root"));
        assert_eq!(name("a", "/api/v2/x").as_deref(), Some("deep"));
        assert_eq!(name("X.example", "/api/v2/x").as_deref(), Some("named"));
    }

    #[test]
    fn prefixes_are_taken_off_and_the_base_is_put_in_front() {
        let upstreams = upstreams();
        let upstream = upstreams.route("a", "/api/x").expect("a route");
        let outgoing = Outgoing {
            method: Method::GET,
            target: "/api/x?q=1".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let request = upstream.request(outgoing).expect("a request");
        assert_eq!(request.uri().to_string(), "http://127.0.0.1:1/base/x?q=1");
    }
}
