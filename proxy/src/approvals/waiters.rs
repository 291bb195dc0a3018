//! Wakes the requests that wait for an approval.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Who waits for which approval.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<HashMap<String, watch::Sender<()>>>);

/// One who waits. Gone when dropped.
pub(super) struct Waiter {
    id: String,
    waiters: Arc<Waiters>,
    changes: Option<watch::Receiver<()>>,
}

impl Waiters {
    /// Starts to wait. Every change from here on is seen, so look at the approval after this, not before.
    pub(super) fn wait_for(self: &Arc<Self>, id: &str) -> Waiter {
        let changes = self.lock().entry(id.to_owned()).or_insert_with(|| watch::Sender::new(())).subscribe();
        Waiter { id: id.to_owned(), waiters: self.clone(), changes: Some(changes) }
    }

    /// Wakes all who wait for an approval.
    pub(super) fn wake(&self, id: &str) {
        if let Some(sender) = self.lock().get(id) {
            sender.send_replace(());
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns at the next change.
    pub(super) async fn changed(&mut self) {
        if let Some(changes) = &mut self.changes {
            // The sender lives as long as anyone waits, so this cannot fail.
            let _ = changes.changed().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiters = self.waiters.lock();
        self.changes = None;
        if waiters.get(&self.id).is_some_and(|sender| sender.receiver_count() == 0) {
            waiters.remove(&self.id);
        }
    }
}
