//! A counter's window: amounts in buckets, with a running total.
//!
//! The window is cut into [`BUCKETS`] parts. An amount counts from when it is added for the whole window, and for at most one part
//! longer: it is never forgotten early. Adding and asking cost the same however much was counted.

use std::collections::VecDeque;

use hpol_lang::value::{Number, NumberError};

/// Parts of a window.
pub(super) const BUCKETS: i64 = 60;

/// What was added within one part of the window.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// Its number: the time divided by the length of a part.
    pub(super) index: i64,
    pub(super) amount: Number,
    /// Grows with each change, so that an older write does not undo a newer one.
    pub(super) version: u64,
}

/// The amounts that still count, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct Window {
    length_nanoseconds: i64,
    buckets: VecDeque<Bucket>,
    total: Number,
}

/// Length of a part of a window.
pub(super) fn bucket_length(window_nanoseconds: i64) -> i64 {
    (window_nanoseconds / BUCKETS).max(1)
}

impl Window {
    pub(super) fn new(window_nanoseconds: i64) -> Self {
        let total = Number::from(0);
        Self { length_nanoseconds: bucket_length(window_nanoseconds), buckets: VecDeque::new(), total }
    }

    /// The first part that still counts.
    pub(super) fn oldest(&self, now_nanoseconds: i64) -> i64 {
        now_nanoseconds.div_euclid(self.length_nanoseconds).saturating_sub(BUCKETS)
    }

    /// What it stands at.
    pub(super) fn total(&mut self, now_nanoseconds: i64) -> Result<Number, NumberError> {
        let oldest = self.oldest(now_nanoseconds);
        while let Some(bucket) = self.buckets.front().filter(|bucket| bucket.index < oldest) {
            self.total = self.total.subtract(&bucket.amount)?;
            self.buckets.pop_front();
        }
        Ok(self.total.clone())
    }

    /// Adds an amount, and gives the bucket it went to.
    pub(super) fn add(&mut self, now_nanoseconds: i64, amount: &Number, version: u64) -> Result<&Bucket, NumberError> {
        self.total(now_nanoseconds)?;
        let index = now_nanoseconds.div_euclid(self.length_nanoseconds);
        // A clock that went back adds to the newest part.
        let index = self.buckets.back().map_or(index, |newest| newest.index.max(index));
        let total = self.total.add(amount)?;
        if self.buckets.back().is_none_or(|newest| newest.index < index) {
            self.buckets.push_back(Bucket { index, amount: Number::from(0), version });
        }
        let Some(bucket) = self.buckets.back_mut() else { return Err(NumberError::TooLong) };
        bucket.amount = bucket.amount.add(amount)?;
        bucket.version = version;
        self.total = total;
        Ok(bucket)
    }

    /// Takes an amount back that was added to a part, if that still counts.
    pub(super) fn take_back(&mut self, index: i64, amount: &Number, version: u64) {
        let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.index == index) else { return };
        if let (Ok(rest), Ok(total)) = (bucket.amount.subtract(amount), self.total.subtract(amount)) {
            bucket.amount = rest;
            bucket.version = version;
            self.total = total;
        }
    }

    /// Puts a part back that was stored; parts come in order.
    pub(super) fn restore(&mut self, bucket: Bucket) -> Result<(), NumberError> {
        self.total = self.total.add(&bucket.amount)?;
        self.buckets.push_back(bucket);
        Ok(())
    }

    /// Whether nothing in it counts any more.
    pub(super) fn is_over(&self, now_nanoseconds: i64) -> bool {
        let oldest = self.oldest(now_nanoseconds);
        self.buckets.back().is_none_or(|newest| newest.index < oldest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_forgotten_early_or_kept_long(
            steps in proptest::collection::vec((0_i64..400, 0_i64..5), 1..60),
            window in 60_i64..600,
        ) {
            let mut counter = Window::new(window);
            let (mut now, mut added) = (1_000_000, Vec::new());
            for (step, amount) in steps {
                now += step;
                counter.add(now, &Number::from(amount), 1).expect("small");
                added.push((now, amount));
                let within = |back: i64| added.iter().filter(|(at, _)| *at > now - back).map(|(_, amount)| amount).sum::<i64>();
                let total = counter.total(now).expect("small");
                let total = total.as_i64().expect("small");
                prop_assert!(total >= within(window - window % BUCKETS), "{total} of {added:?} at {now}");
                prop_assert!(total <= within(window + 2 * bucket_length(window)), "{total} of {added:?} at {now}");
            }
        }
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let mut window = Window::new(600);
        let index = window.add(5_000, &Number::from(3), 1).expect("small").index;
        window.add(5_300, &Number::from(4), 2).expect("small");
        window.take_back(index, &Number::from(3), 3);
        assert_eq!(window.total(5_300), Ok(Number::from(4)));
        assert!(!window.is_over(5_300) && window.is_over(6_100));
        assert_eq!(window.total(6_100), Ok(Number::from(0)));
    }
}
