//! How many requests run at a time, in all and of one identity.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts running requests. Clones share the counts.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: u32,
    limit_per_key: u32,
    /// Running requests by key; the empty key counts all.
    running: Mutex<HashMap<String, u32>>,
}

/// A place in the count, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    shared: Arc<Shared>,
    key: String,
}

impl Gate {
    /// A gate for so many requests at a time, and so many of one identity.
    pub(crate) fn new(limit: u32, limit_per_identity: u32) -> Self {
        Self { shared: Arc::new(Shared { limit, limit_per_key: limit_per_identity, running: Mutex::default() }) }
    }

    /// Lets a request in; `None` if too many run.
    pub(crate) fn enter(&self) -> Option<Pass> {
        self.take(String::new(), self.shared.limit)
    }

    /// Lets a request of an identity in; `None` if too many of it run.
    pub(crate) fn enter_as(&self, identity: &str) -> Option<Pass> {
        // A subject may be any text, the empty one too.
        self.take(format!("={identity}"), self.shared.limit_per_key)
    }

    fn take(&self, key: String, limit: u32) -> Option<Pass> {
        let mut running = self.shared.lock();
        let count = running.entry(key.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Pass { shared: self.shared.clone(), key })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // Counts stay true even if a thread died while it held them.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut running = self.shared.lock();
        if let Some(count) = running.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                running.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let gate = Gate::new(2, 1);
        let first = gate.enter().expect("there is place");
        let _second = gate.enter().expect("there is place");
        assert!(gate.enter().is_none());
        drop(first);
        assert!(gate.enter().is_some());
    }

    #[test]
    fn identities_are_counted_apart() {
        let gate = Gate::new(10, 1);
        let ada = gate.enter_as("ada").expect("there is place");
        assert!(gate.enter_as("ada").is_none());
        assert!(gate.enter_as("bob").is_some());
        assert!(gate.enter_as("").is_some());
        drop(ada);
        assert!(gate.enter_as("ada").is_some());
    }
}
