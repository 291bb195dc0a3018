//! The gateway's own parts: TLS, store, approvals, limits, masking, logging.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;
use super::units::{DurationText, SizeText, duration, optional_size, size};

/// Certificate and key of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain (PEM), the server's own first.
    pub certificate: PathBuf,
    /// Private key (PEM).
    pub key: PathBuf,
}

/// The embedded store: audit log and approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The SQLite file. It is created with access for its owner only.
    pub path: PathBuf,
    /// Time to wait for a lock that another process holds.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub busy_timeout: Duration,
    /// Size at which the store counts as full, and requests are refused; no limit if left out.
    #[serde(with = "optional_size", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SizeText>")]
    pub max_size: Option<u64>,
}

/// Approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalsConfig {
    /// Longest time approvers are given, whatever a rule says.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub max_within: Duration,
    /// Time after the last vote within which a granted request must be sent.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub use_within: Duration,
    /// Most approvals that wait at a time. A request beyond it is refused.
    pub max_pending: u32,
    /// Most approvals that wait at a time for one identity. A request beyond it is refused.
    pub max_pending_per_identity: u32,
}

/// Sessions and counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionsConfig {
    /// Header whose values tell sessions of one subject apart; without one a subject has one session. Whoever may choose the
    /// value can leave a session with its labels behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Most sessions that are remembered. A request beyond it is refused.
    pub max_sessions: u32,
    /// Most keys of counters that are remembered. A request beyond it is refused.
    pub max_counters: u32,
}

/// Limits on what a client or an upstream may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Largest head of a request or response.
    #[serde(with = "size")]
    #[schemars(with = "SizeText")]
    pub header_size: u64,
    /// Largest body of a request.
    #[serde(with = "size")]
    #[schemars(with = "SizeText")]
    pub body_size: u64,
    /// Most of a response that is held in memory to mask it.
    #[serde(with = "size")]
    #[schemars(with = "SizeText")]
    pub response_buffer: u64,
    /// Time a client has to send the head of a request.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub header_time: Duration,
    /// Time a client has to send the body of a request.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub body_time: Duration,
    /// Longest time one request may take, waiting for an approval not counted.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub request_time: Duration,
    /// Most requests at a time.
    pub concurrency: u32,
    /// Most requests at a time of one identity.
    pub concurrency_per_identity: u32,
    /// Most connections at a time.
    pub connections: u32,
    /// Time that running requests have to end when the gateway is stopped.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub drain_time: Duration,
}

/// Masking.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaskingConfig {
    /// Key of the `hash` operator. Without one a new key is made at each start, so hashes of two runs differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_key: Option<SecretSource>,
}

/// The gateway's own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoggingConfig {
    /// Form of a line.
    pub format: LogFormat,
    /// Lowest level that is written: `error`, `warn`, `info`, `debug`, `trace`, or filters such as
    /// `info,hpol_proxy=debug`.
    pub level: String,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("hpol.db"), busy_timeout: Duration::from_secs(5), max_size: None }
    }
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self { header: None, max_sessions: 100_000, max_counters: 100_000 }
    }
}

impl Default for ApprovalsConfig {
    fn default() -> Self {
        Self {
            max_within: Duration::from_secs(60 * 60),
            use_within: Duration::from_secs(5 * 60),
            max_pending: 1_000,
            max_pending_per_identity: 20,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            header_size: 32 << 10,
            body_size: 16 << 20,
            response_buffer: 16 << 20,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(60),
            request_time: Duration::from_secs(600),
            concurrency: 1_024,
            concurrency_per_identity: 128,
            connections: 4_096,
            drain_time: Duration::from_secs(30),
        }
    }
}

impl Default for LoggingConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}
