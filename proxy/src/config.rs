//! The gateway's configuration: `hpol.yaml`.
//!
//! Everything has a default but `policy`, `upstreams` and `identity`. A file is taken as a whole or not at all, and
//! every problem of a file is reported at once, with its line.
//!
//! ```
//! use hpol_proxy::config::Config;
//! let config = Config::parse(
//!     "policy: {folder: policies}
//! upstreams:
//!   - {name: openai, kind: openai, base_url: 'https://api.openai.com', api_key: {env: OPENAI_API_KEY}}
//! identity: {anonymous: true}
//! ",
//!     "hpol.yaml".as_ref(),
//! )
//! .expect("a valid configuration");
//! assert_eq!(config.listen.port(), 8400);
//! ```

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod admin;
mod error;
mod identity;
mod locate;
mod paths;
mod policy;
mod secret;
mod service;
mod tls;
pub mod units;
mod upstream;
mod validate;

pub use admin::{AdminConfig, AdminOidc, AdminToken, Role};
pub use error::{ConfigError, Problem};
pub use identity::{IdentityConfig, OidcConfig, SigningAlgorithm};
pub use policy::{GitConfig, GitCredentials, GitReference, PolicyConfig, PolicyEngine};
pub use secret::{Secret, SecretError, SecretSource};
pub use service::{
    ApprovalsConfig, LimitsConfig, LogFormat, LoggingConfig, MaskingConfig, SessionsConfig, StoreConfig, TlsConfig,
};
pub use tls::{TlsError, client_tls, server_tls};
pub use upstream::{ApiKeyHeader, UpstreamConfig, UpstreamKind, UpstreamTimeouts};

/// Largest configuration that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Shortest token of the admin API, in characters.
pub(crate) const ADMIN_TOKEN_LENGTH_MIN: usize = 16;

/// The gateway's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "hpol gateway configuration")]
pub struct Config {
    /// Address that clients connect to.
    #[serde(default = "listen_default")]
    pub listen: SocketAddr,
    /// Certificate and key of the listener; plain HTTP if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsConfig>,
    /// The listener for approvals, audit, health and metrics.
    #[serde(default)]
    pub admin: AdminConfig,
    /// Where policies come from.
    pub policy: PolicyConfig,
    /// How policies are run.
    #[serde(default)]
    pub engine: PolicyEngine,
    /// File with what policies may do: which builtins they may call, and limits on their work. Everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<PathBuf>,
    /// The systems behind the gateway.
    pub upstreams: Vec<UpstreamConfig>,
    /// How clients are identified.
    pub identity: IdentityConfig,
    /// The embedded store: audit log and approvals.
    #[serde(default)]
    pub store: StoreConfig,
    /// Approvals.
    #[serde(default)]
    pub approvals: ApprovalsConfig,
    /// Sessions and counters.
    #[serde(default)]
    pub sessions: SessionsConfig,
    /// Limits on what a client or an upstream may send.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Masking.
    #[serde(default)]
    pub masking: MaskingConfig,
    /// The gateway's own log.
    #[serde(default)]
    pub logging: LoggingConfig,
}

impl Config {
    /// Reads and checks a file. Relative paths in it start at its folder.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is too large, a text that is not a configuration, and settings that cannot work.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let failed = |error| ConfigError::Read { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        // One byte more than allowed, so that too large a file shows.
        File::open(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).map_or(true, |length| length > FILE_BYTES_MAX) {
            return Err(ConfigError::TooLarge { path: path.to_owned(), limit: FILE_BYTES_MAX });
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error())))?;
        Self::parse(&text, path)
    }

    /// Reads and checks a text; `path` is shown in errors, and relative paths in the text start at its folder.
    ///
    /// Secrets and certificates that the text names are not opened here: see [`Config::check_files`].
    ///
    /// # Errors
    ///
    /// A text that is not a configuration, and settings that cannot work.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let mut config: Self = serde_saphyr::from_str_with_options(text, yaml_options())
            .map_err(|error| ConfigError::Problems(vec![error::from_yaml(&error, &file)]))?;
        validate::check(&config).into_result(&file, text)?;
        if let Some(folder) = path.parent() {
            config.resolve_paths(folder);
        }
        Ok(config)
    }

    /// Reads every secret and certificate the configuration names, so that a gateway does not start without them.
    ///
    /// # Errors
    ///
    /// Each secret or certificate that cannot be used, with the setting that names it.
    pub fn check_files(&self, path: &Path) -> Result<(), ConfigError> {
        validate::check_files(self)
            .into_result(&path.display().to_string(), &std::fs::read_to_string(path).unwrap_or_default())
    }

    /// What works but is unwise, for the log at start.
    pub fn warnings(&self) -> Vec<String> {
        validate::warnings(self)
    }

    /// The JSON Schema of the file, for editors.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

fn listen_default() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8400))
}

fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! { with_snippet: false }
}

#[cfg(test)]
mod tests;
