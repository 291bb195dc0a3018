//! How the conditions of a policy came out: what tests are measured by.

use hpol_stdlib::heap::Word;

use crate::plan::ConditionId;

use super::Context;

/// How often each condition came out in which way. Empty unless the plan tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    counts: Vec<OutcomeCounts>,
}

/// How often one condition came out in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// It was evaluated.
    pub reached: u64,
    /// It held; one that iterates may do so several times each time it is reached.
    pub met: u64,
    /// It was false, or something it needs was absent. An error is neither this nor met.
    pub not_met: u64,
}

impl Outcomes {
    /// The counts of a condition.
    pub fn of(&self, condition: ConditionId) -> OutcomeCounts {
        self.counts.get(condition.index()).copied().unwrap_or_default()
    }

    /// Adds what was counted elsewhere for the same plan.
    pub fn add(&mut self, other: &Outcomes) {
        self.grow(other.counts.len());
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            count.reached = count.reached.saturating_add(more.reached);
            count.met = count.met.saturating_add(more.met);
            count.not_met = count.not_met.saturating_add(more.not_met);
        }
    }

    /// Counts an outcome, which is told as [`Role::Outcome`](crate::plan::Role::Outcome) says.
    pub(crate) fn count(&mut self, condition: ConditionId, outcome: Word) {
        self.grow(condition.index() + 1);
        let Some(counts) = self.counts.get_mut(condition.index()) else { return };
        let count = match outcome {
            Word::TRUE => &mut counts.met,
            Word::FALSE => &mut counts.not_met,
            _ => &mut counts.reached,
        };
        *count = count.saturating_add(1);
    }

    fn grow(&mut self, length: usize) {
        if self.counts.len() < length {
            self.counts.resize(length, OutcomeCounts::default());
        }
    }
}

impl Context {
    /// Takes out how conditions came out, over all evaluations since the last time.
    pub fn take_outcomes(&mut self) -> Outcomes {
        std::mem::take(&mut self.outcomes)
    }
}
