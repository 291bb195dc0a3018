//! The systems behind the gateway.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;
use super::units::{DurationText, duration};

/// A system behind the gateway, and which requests go to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Name of the upstream: policies, records and metrics show it.
    pub name: String,
    /// Protocol that is spoken to it.
    pub kind: UpstreamKind,
    /// Labels that policies read as `input.target.labels`, such as `env: prod`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Address requests are sent to, such as `https://api.openai.com`. Its path is put in front of the request's path.
    pub base_url: String,
    /// Requests whose path starts with this go to the upstream. The longest prefix wins.
    #[serde(default = "root_path")]
    pub path_prefix: String,
    /// Only requests with this `Host` (without a port) go to the upstream. An upstream with a host wins over one
    /// without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Takes `path_prefix` off the path before the request is sent on.
    #[serde(default)]
    pub strip_prefix: bool,
    /// Key that the gateway adds to each request. Clients never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretSource>,
    /// Header that carries the key.
    #[serde(default)]
    pub api_key_header: ApiKeyHeader,
    /// Times after which the upstream is given up.
    #[serde(default)]
    pub timeouts: UpstreamTimeouts,
    /// Certificates (PEM) that are trusted for this upstream instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Protocol of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamKind {
    /// The OpenAI protocol: known endpoints are decided as `llm.Request`, everything else as `http.Request`.
    Openai,
    /// Plain HTTP: everything is decided as `http.Request`.
    Http,
}

/// Header in which an upstream expects its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeyHeader {
    /// Name of the header.
    pub name: String,
    /// Word in front of the key; empty for none.
    pub scheme: String,
}

impl Default for ApiKeyHeader {
    fn default() -> Self {
        Self { name: "authorization".to_owned(), scheme: "Bearer".to_owned() }
    }
}

/// Times after which an upstream is given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamTimeouts {
    /// Time to open a connection, TLS included.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub connect: Duration,
    /// Time from the end of the request to the head of the response.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub first_byte: Duration,
    /// Longest silence within a response.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub idle: Duration,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), first_byte: Duration::from_secs(120), idle: Duration::from_secs(120) }
    }
}

fn root_path() -> String {
    "/".to_owned()
}
