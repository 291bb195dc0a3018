//! The audit log: append-only, each record chained to the one before by its hash.
//!
//! A record is on the disk before the effect it describes is released: [`AuditLog::append`] returns only then, and a
//! failure is a reason to refuse the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};

mod chain;
mod entry;
mod event;
mod query;
mod writer;

pub use chain::{Chain, ChainFault, Verified};
pub use entry::{Entry, RecordHash};
pub use event::{Record, RecordKind};
pub(crate) use event::{bounded, effect_name};
pub use query::{Filter, PAGE_DEFAULT, PAGE_MAX, Page, VerifyError, head, list, show, verify};
pub use writer::Appended;
pub(crate) use writer::Change;

/// Records that may wait to be written. Beyond it, appending waits.
const QUEUE_LENGTH: usize = 1024;

/// Shortest time between two tries to write to a store that failed.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// Appends to the audit log. Clones share the one task that writes.
#[derive(Debug, Clone)]
pub struct AuditLog {
    jobs: mpsc::Sender<writer::Job>,
    health: Arc<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failing: AtomicBool,
    last_error: std::sync::Mutex<Option<StoreError>>,
    last_probe: Mutex<Option<Instant>>,
}

impl AuditLog {
    /// Starts the task that writes. It ends when every clone is gone; [`AuditWriter::finish`] waits for that.
    pub fn start(store: &Store, metrics: &Metrics, clock: Clock) -> (Self, AuditWriter) {
        let (jobs, received) = mpsc::channel(QUEUE_LENGTH);
        let health = Arc::new(Health::default());
        let observe = {
            let (health, metrics) = (health.clone(), metrics.clone());
            move |outcome: &writer::Outcome| {
                health.failing.store(outcome.is_err(), Ordering::Release);
                if let Err(error) = outcome {
                    metrics.store_error(error);
                }
                let mut last = health.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                *last = outcome.as_ref().err().cloned();
            }
        };
        let task = tokio::spawn(writer::run(store.clone(), clock, received, observe));
        (Self { jobs, health }, AuditWriter(task))
    }

    /// Appends a record. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The record is not on the disk for certain; what it describes must not happen.
    pub async fn append(&self, record: Record) -> Result<Appended, StoreError> {
        self.submit(record, None).await?.ok_or(StoreError::Closed)
    }

    /// Makes a change together with its record. `None` means that the change did not apply, and nothing was written.
    pub(crate) async fn append_with(
        &self,
        record: Record,
        change: impl Change + 'static,
    ) -> Result<Option<Appended>, StoreError> {
        self.submit(record, Some(Box::new(change))).await
    }

    async fn submit(&self, record: Record, change: Option<Box<dyn Change>>) -> writer::Outcome {
        let draft = writer::Draft::new(record)?;
        let (done, outcome) = oneshot::channel();
        if self.jobs.send(writer::Job { draft, change, done }).await.is_ok()
            && let Ok(outcome) = outcome.await
        {
            return outcome;
        }
        // The task that writes is gone, which only an error in it can bring about while this log lives.
        self.health.failing.store(true, Ordering::Release);
        Err(StoreError::Closed)
    }

    /// Whether records can be written: the error of the last try, if that failed.
    ///
    /// A store that failed is tried again here, at most every two seconds, so that a gateway that gets no requests while
    /// it is not ready still notices when the store works again.
    ///
    /// # Errors
    ///
    /// What the last try to write came to.
    pub async fn check(&self) -> Result<(), StoreError> {
        if !self.health.failing.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut last = self.health.last_probe.lock().await;
        if last.is_none_or(|time| time.elapsed() >= PROBE_INTERVAL) {
            *last = Some(Instant::now());
            let record = Record::new(RecordKind::StoreRecovered, json!({}));
            return self.append(record).await.map(|_| ());
        }
        let error = self.health.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        error.map_or(Ok(()), Err)
    }
}

/// The task that writes.
#[derive(Debug)]
pub struct AuditWriter(tokio::task::JoinHandle<()>);

impl AuditWriter {
    /// Waits until everything is written. Every [`AuditLog`] must be gone, or this waits for it.
    pub async fn finish(self) {
        if let Err(error) = self.0.await {
            tracing::error!("the task that writes records ended early: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
