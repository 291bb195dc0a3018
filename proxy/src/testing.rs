//! What several tests need: a store in a folder of its own, a clock that is set by hand, decisions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use hpol_runtime::Effect;
use hpol_runtime::decision::{ApprovalDemand, ApprovalTerms, Approver, Decision, DetectorUse, Operator, OperatorKind};
use hpol_stdlib::detect::mask::HashKey;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::config::{ApiKeyHeader, StoreConfig, UpstreamConfig, UpstreamKind, UpstreamTimeouts};
use crate::identity::Identity;
use crate::mask::text::TextMasks;
use crate::store::Store;

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_750_000_000_000_000_000)))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        let nanoseconds = i64::try_from(duration.as_nanos()).expect("a short time");
        self.0.fetch_add(nanoseconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = self.0.clone();
        Clock::from_fn(move || {
            let nanoseconds = u64::try_from(time.load(Ordering::SeqCst)).expect("a time after 1970");
            UNIX_EPOCH + Duration::from_nanos(nanoseconds)
        })
    }
}

/// A store in a temporary folder, which goes when the folder does.
pub(crate) struct TestStore {
    pub(crate) folder: TempDir,
    pub(crate) config: StoreConfig,
    pub(crate) store: Store,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut StoreConfig)) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut config = StoreConfig { path: folder.path().join("hpol.db"), ..StoreConfig::default() };
        change(&mut config);
        let store = Store::open(&config).await.expect("a new store opens");
        Self { folder, config, store }
    }
}

/// Somebody known to the provider.
pub(crate) fn identity(subject: &str) -> Identity {
    Identity {
        subject: subject.to_owned(),
        issuer: "https://id.example.com".to_owned(),
        groups: vec!["agents".to_owned()],
        ..Identity::anonymous()
    }
}

/// An upstream that nobody listens at.
pub(crate) fn upstream_config(name: &str, prefix: &str, host: Option<&str>) -> UpstreamConfig {
    UpstreamConfig {
        name: name.to_owned(),
        kind: UpstreamKind::Http,
        labels: BTreeMap::new(),
        base_url: "http://127.0.0.1:1/base/".to_owned(),
        path_prefix: prefix.to_owned(),
        host: host.map(str::to_owned),
        strip_prefix: true,
        api_key: None,
        api_key_header: ApiKeyHeader::default(),
        timeouts: UpstreamTimeouts::default(),
        ca_file: None,
    }
}

/// A decision that demands these approvals.
pub(crate) fn approve(demands: &[(&[Approver], u32)], within: Duration) -> Decision {
    let demands = demands.iter().enumerate().map(|(index, (approvers, quorum))| ApprovalDemand {
        id: format!("rule {index}").into(),
        approvers: approvers.to_vec(),
        quorum: *quorum,
    });
    Decision {
        effect: Effect::Approve,
        rules: Vec::new(),
        reasons: vec!["it writes".to_owned()],
        absent: Vec::new(),
        masks: Vec::new(),
        labels: Vec::new(),
        increments: Vec::new(),
        reads: Vec::new(),
        approval: Some(ApprovalTerms { demands: demands.collect(), within }),
        errors: Vec::new(),
        revision: "3f2a".into(),
        policy_hash: "c0ffee".into(),
    }
}

pub(crate) fn group(name: &str) -> Approver {
    Approver::Group(name.into())
}

pub(crate) fn user(name: &str) -> Approver {
    Approver::User(name.into())
}

/// Masks that redact what these detectors find in every text.
pub(crate) fn text_masks(detectors: &[&str]) -> TextMasks {
    let detectors = detectors.iter().map(|name| DetectorUse::Named((*name).into())).collect();
    let operator = Operator { kind: OperatorKind::Redact, detectors };
    TextMasks::new(&[&operator], &Arc::new(HashKey::new(b"test"))).expect("known detectors")
}

/// Masks that redact every text as a whole.
pub(crate) fn whole_text_masks() -> TextMasks {
    text_masks(&[])
}
