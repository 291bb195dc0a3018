//! The gateway as a whole: starts what a configuration names, and stops it in order.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use hpol_proxy::clock::Clock;
//! use hpol_proxy::config::Config;
//! use hpol_proxy::gateway::Gateway;
//! use hpol_proxy::policy::FollowedPolicy;
//! use hpol_runtime::{Engine, EngineOptions};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::load("hpol.yaml".as_ref())?;
//! let engine = Engine::new(EngineOptions::default());
//! let (policy, events) = FollowedPolicy::start(&config.policy, engine.clone()).await?;
//! let gateway = Gateway::start(&config, engine, Arc::new(policy), Clock::system()).await?;
//! tokio::spawn(events.record(gateway.audit().clone()));
//! tokio::signal::ctrl_c().await?;
//! gateway.shutdown().await?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hpol_runtime::Engine;
use hpol_stdlib::detect::mask::HashKey;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, AdminAuthenticator, AdminState, PolicyControl};
use crate::approvals::Approvals;
use crate::clock::Clock;
use crate::config::{Config, SecretError, TlsConfig, TlsError, server_tls};
use crate::gate::Gate;
use crate::history::History;
use crate::identity::{Authenticator, IdentityError};
use crate::listener::listen;
use crate::metrics::Metrics;
use crate::record::{AuditLog, AuditWriter, Record, RecordKind};
use crate::session::Services;
use crate::store::{Store, StoreError};
use crate::upstream::{UpstreamError, Upstreams};

/// Bytes of a key that is made at the start.
const HASH_KEY_BYTES: usize = 32;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on `{address}`: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Certificates of a listener cannot be used.
    #[error("cannot use the certificate of listener `{listener}`: {error}")]
    Tls {
        /// The listener: `listen` or `admin.listen`.
        listener: &'static str,
        /// What is wrong.
        error: TlsError,
    },
    /// An upstream cannot be used.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Clients cannot be identified.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

/// A gateway that runs. Dropping it leaves it running; [`Gateway::shutdown`] stops it in order.
pub struct Gateway {
    address: SocketAddr,
    admin_address: SocketAddr,
    audit: AuditLog,
    writer: AuditWriter,
    approvals: Approvals,
    history: History,
    metrics: Metrics,
    stop: CancellationToken,
    stop_admin: CancellationToken,
    listener: JoinHandle<()>,
    admin: JoinHandle<()>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.to_string();
        formatter.debug_struct("Gateway").field("address", &address).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts a gateway: opens the store, listens, and serves. It takes requests when this returns; port 0 in the
    /// configuration means any free one.
    ///
    /// `engine` decides; `policy` is what the admin API shows and reloads.
    ///
    /// # Errors
    ///
    /// A part of the configuration that cannot be used. Nothing runs then.
    pub async fn start(
        config: &Config,
        engine: Engine,
        policy: Arc<dyn PolicyControl>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        // Everything that can fail comes before anything runs.
        let header_bytes = usize::try_from(config.limits.header_size).unwrap_or(usize::MAX);
        let upstreams = Upstreams::new(&config.upstreams, header_bytes)?;
        let authenticator = Authenticator::new(&config.identity, clock.clone())?;
        let admin_authenticator = AdminAuthenticator::new(&config.admin, &authenticator)?;
        let hash_key = Arc::new(hash_key(config)?);
        let tls = tls("listen", config.tls.as_ref())?;
        let admin_tls = self::tls("admin.listen", config.admin.tls.as_ref())?;
        let store = Store::open(&config.store).await?;
        let history = History::load(&config.sessions, &store, clock.now()).await?;
        let (listener, address) = bind(config.listen).await?;
        let (admin_listener, admin_address) = bind(config.admin.listen).await?;

        let metrics = Metrics::new();
        let (audit, writer) = AuditLog::start(&store, &metrics, clock.clone());
        let status = policy.status();
        let started = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "listen": address.to_string(),
            "admin": admin_address.to_string(),
            "revision": status.revision,
            "policy_hash": status.policy_hash,
        });
        audit.append(Record::new(RecordKind::Startup, started)).await?;
        let approvals = Approvals::start(&config.approvals, &store, &audit, &metrics, clock.clone());
        let services = Arc::new(Services {
            engine,
            upstreams,
            authenticator,
            audit: audit.clone(),
            approvals: approvals.clone(),
            history: history.clone(),
            metrics: metrics.clone(),
            gate: Gate::new(config.limits.concurrency, config.limits.concurrency_per_identity),
            limits: config.limits.clone(),
            hash_key,
            clock: clock.clone(),
            end: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let (stop, stop_admin) = (CancellationToken::new(), CancellationToken::new());
        let state = AdminState {
            authenticator: admin_authenticator,
            approvals: approvals.clone(),
            history: history.clone(),
            log: audit.clone(),
            store,
            policy,
            metrics: metrics.clone(),
            clock,
            shutdown: stop.clone(),
        };
        let admin = tokio::spawn(admin::serve(admin_listener, admin_tls, admin::router(state), stop_admin.clone()));
        let listener = tokio::spawn(listen(listener, tls, services, stop.clone()));
        tracing::info!(%address, admin = %admin_address, "the gateway takes requests");
        Ok(Self {
            address,
            admin_address,
            audit,
            writer,
            approvals,
            history,
            metrics,
            stop,
            stop_admin,
            listener,
            admin,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin API listens.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The audit log, to append to.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The approvals.
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// What is kept of earlier requests.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Stops: takes no new connection, lets running requests end within `limits.drain_time`, tells the rest to end, and
    /// writes the last record. The admin API answers until then, so that approvals can still be given.
    ///
    /// # Errors
    ///
    /// The last record cannot be written.
    pub async fn shutdown(self) -> Result<(), StoreError> {
        self.stop.cancel();
        if let Err(error) = self.listener.await {
            tracing::error!("the listener ended early: {error}");
        }
        self.stop_admin.cancel();
        if let Err(error) = self.admin.await {
            tracing::error!("the admin listener ended early: {error}");
        }
        let recorded = self.audit.append(Record::new(RecordKind::Shutdown, json!({}))).await;
        drop((self.audit, self.approvals));
        // A request that was cut off may still hold the log; its task ends with the runtime.
        if tokio::time::timeout(WRITER_TIME, self.writer.finish()).await.is_err() {
            tracing::warn!("requests that were cut off still hold the audit log");
        }
        recorded.map(|_| ())
    }
}

/// Time that the audit log has to end after the last record.
const WRITER_TIME: std::time::Duration = std::time::Duration::from_secs(2);

fn hash_key(config: &Config) -> Result<HashKey, StartError> {
    match &config.masking.hash_key {
        Some(source) => Ok(HashKey::new(source.read()?.expose().as_bytes())),
        None => {
            let mut bytes = [0; HASH_KEY_BYTES];
            getrandom::fill(&mut bytes).map_err(StartError::Random)?;
            Ok(HashKey::new(&bytes))
        }
    }
}

fn tls(listener: &'static str, config: Option<&TlsConfig>) -> Result<Option<Arc<rustls::ServerConfig>>, StartError> {
    config.map(|config| server_tls(config).map_err(|error| StartError::Tls { listener, error })).transpose()
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}
