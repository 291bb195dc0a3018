//! What the gateway counts, in Prometheus' text format. Labels are few and never come from a client.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hpol_runtime::{Effect, Status};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::record::effect_name;
use crate::store::StoreError;

/// The gateway's metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    decision_time: Histogram,
    overhead: Histogram,
    upstream_time: Family<UpstreamLabels, Histogram, fn() -> Histogram>,
    upstream_errors: Family<UpstreamErrorLabels, Counter>,
    approvals: Family<ReasonLabels, Counter>,
    approvals_pending: Gauge,
    store_errors: Family<ReasonLabels, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    masked_values: Counter,
    policy: Family<PolicyLabels, Gauge>,
    policy_generation: Gauge,
    policy_age: Gauge<f64, AtomicU64>,
    policy_rejected: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    effect: EffectLabel,
    upstream: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct EffectLabel(Effect);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    upstream: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamErrorLabels {
    upstream: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    revision: String,
    policy_hash: String,
}

impl EncodeLabelValue for EffectLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        effect_name(self.0).encode(encoder)
    }
}

/// Counts a thing as being there for as long as this lives.
#[derive(Debug)]
pub struct Present(Gauge);

impl Present {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("hpol"),
            decisions: Family::default(),
            refusals: Family::default(),
            // 1 µs to 4 s.
            decision_time: Histogram::new(exponential_buckets(1e-6, 4.0, 12)),
            overhead: Histogram::new(exponential_buckets(1e-5, 4.0, 12)),
            upstream_time: Family::new_with_constructor(upstream_histogram),
            upstream_errors: Family::default(),
            approvals: Family::default(),
            approvals_pending: Gauge::default(),
            store_errors: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            masked_values: Counter::default(),
            policy: Family::default(),
            policy_generation: Gauge::default(),
            policy_age: Gauge::default(),
            policy_rejected: Gauge::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    /// Counts a decision and the time it took.
    pub fn decision(&self, effect: Effect, upstream: &str, took: Duration) {
        let labels = DecisionLabels { effect: EffectLabel(effect), upstream: upstream.to_owned() };
        self.0.decisions.get_or_create(&labels).inc();
        self.0.decision_time.observe(took.as_secs_f64());
    }

    /// Counts a request that was refused before or without a decision, such as for a missing token or a limit.
    pub fn refusal(&self, reason: &'static str) {
        self.0.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Notes the time that the gateway itself added to a request.
    pub fn overhead(&self, added: Duration) {
        self.0.overhead.observe(added.as_secs_f64());
    }

    /// Notes the time from sending a request to the head of the response.
    pub fn upstream_time(&self, upstream: &str, took: Duration) {
        let labels = UpstreamLabels { upstream: upstream.to_owned() };
        self.0.upstream_time.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts a failure of an upstream, such as `connect`, `timeout` or `closed`.
    pub fn upstream_error(&self, upstream: &str, reason: &'static str) {
        let labels = UpstreamErrorLabels { upstream: upstream.to_owned(), reason };
        self.0.upstream_errors.get_or_create(&labels).inc();
    }

    /// Counts values that were masked.
    pub fn masked(&self, values: u64) {
        self.0.masked_values.inc_by(values);
    }

    /// Counts a request as running until the guard goes.
    #[must_use = "the request counts as running for as long as the guard lives"]
    pub fn request_in_flight(&self) -> Present {
        Present::new(&self.0.in_flight)
    }

    /// Counts a connection as open until the guard goes.
    #[must_use = "the connection counts as open for as long as the guard lives"]
    pub fn connection_open(&self) -> Present {
        Present::new(&self.0.connections)
    }

    /// Counts what became of an approval: `opened`, `granted`, `refused`, `expired`, `used`.
    pub(crate) fn approval(&self, reason: &'static str) {
        self.0.approvals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Sets how many approvals wait for an answer.
    pub(crate) fn approvals_pending(&self, pending: i64) {
        self.0.approvals_pending.set(pending);
    }

    /// Counts a failure of the store.
    pub(crate) fn store_error(&self, error: &StoreError) {
        self.0.store_errors.get_or_create(&ReasonLabels { reason: error.code() }).inc();
    }

    /// All metrics as text. The policy's state is taken as it is now.
    pub fn render(&self, policy: &Status, now_nanoseconds: i64) -> String {
        self.set_policy(policy, now_nanoseconds);
        let mut text = String::new();
        match encode(&mut text, &self.0.registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }

    fn set_policy(&self, policy: &Status, now_nanoseconds: i64) {
        let inner = &self.0;
        // Only the revision in force is shown; one of before would stay for ever.
        inner.policy.clear();
        if let (Some(revision), Some(hash)) = (&policy.revision, &policy.policy_hash) {
            let labels = PolicyLabels { revision: revision.to_string(), policy_hash: hash.to_string() };
            inner.policy.get_or_create(&labels).set(1);
        }
        inner.policy_generation.set(i64::try_from(policy.generation).unwrap_or(i64::MAX));
        inner.policy_rejected.set(i64::from(policy.last_error.is_some()));
        let loaded = policy.loaded_at_nanoseconds.unwrap_or(now_nanoseconds);
        let age = u64::try_from(now_nanoseconds.saturating_sub(loaded)).map_or(Duration::ZERO, Duration::from_nanos);
        inner.policy_age.set(age.as_secs_f64());
    }
}

impl Inner {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("decisions", "Decisions of the policy", self.decisions.clone());
        registry.register("refusals", "Requests refused before or without a decision", self.refusals.clone());
        registry.register_with_unit("decision_time", "Time a decision took", Unit::Seconds, self.decision_time.clone());
        registry.register_with_unit(
            "overhead",
            "Time the gateway added to a request, waiting for approvals and the upstream not counted",
            Unit::Seconds,
            self.overhead.clone(),
        );
        registry.register_with_unit(
            "upstream_time",
            "Time from sending a request to the head of the response",
            Unit::Seconds,
            self.upstream_time.clone(),
        );
        registry.register("upstream_errors", "Failures of upstreams", self.upstream_errors.clone());
        registry.register("approvals", "What became of approvals", self.approvals.clone());
        registry.register("approvals_pending", "Approvals that wait for an answer", self.approvals_pending.clone());
        registry.register("store_errors", "Records or changes that could not be written", self.store_errors.clone());
        registry.register("requests_in_flight", "Requests that are running", self.in_flight.clone());
        registry.register("connections", "Open connections of clients", self.connections.clone());
        registry.register("masked_values", "Values that were masked", self.masked_values.clone());
        registry.register("policy", "The policy revision in force; always 1", self.policy.clone());
        registry.register(
            "policy_generation",
            "How many policy revisions came into force since the start",
            self.policy_generation.clone(),
        );
        registry.register_with_unit(
            "policy_age",
            "Time since the policy in force was loaded",
            Unit::Seconds,
            self.policy_age.clone(),
        );
        registry.register(
            "policy_rejected",
            "1 if a newer policy revision was refused and the last good one stays",
            self.policy_rejected.clone(),
        );
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics(..)")
    }
}

fn upstream_histogram() -> Histogram {
    // 1 ms to 4 minutes.
    Histogram::new(exponential_buckets(1e-3, 4.0, 10))
}

#[cfg(test)]
mod tests {
    use hpol_runtime::{Engine, EngineOptions};

    use super::*;

    #[test]
    fn what_is_counted_shows() {
        let metrics = Metrics::new();
        metrics.decision(Effect::Deny, "openai", Duration::from_micros(3));
        metrics.decision(Effect::Deny, "openai", Duration::from_micros(5));
        metrics.refusal("token_missing");
        metrics.upstream_error("openai", "connect");
        metrics.store_error(&StoreError::Full);
        let running = metrics.request_in_flight();
        let status = Engine::new(EngineOptions::default()).status();
        let text = metrics.render(&status, 0);
        for line in [
            "hpol_decisions_total{effect=\"deny\",upstream=\"openai\"} 2",
            "hpol_decision_time_seconds_count 2",
            "hpol_refusals_total{reason=\"token_missing\"} 1",
            "hpol_upstream_errors_total{upstream=\"openai\",reason=\"connect\"} 1",
            "hpol_store_errors_total{reason=\"store_full\"} 1",
            "hpol_requests_in_flight 1",
            "hpol_policy_generation 0",
        ] {
            assert!(text.lines().any(|found| found == line), "`{line}` is not in:\n{text}");
        }
        drop(running);
        assert!(metrics.render(&status, 0).contains("hpol_requests_in_flight 0"));
    }
}
