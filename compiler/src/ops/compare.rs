//! Comparison, membership, and the check that a rule has one value.

use std::cmp::Ordering;

use hpol_stdlib::heap::{Heap, Word};

use crate::context::{Context, Stop, codes};
use crate::plan::{CompareOperator, PlaceId};

impl Context {
    /// Whether two values compare so.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel.
    pub fn compare(
        &mut self,
        operator: CompareOperator,
        left: Word,
        right: Word,
        place: PlaceId,
    ) -> Result<bool, Stop> {
        // Where one is canonical, a look at both words is enough.
        if left.is_canonical() || right.is_canonical() {
            return Ok(compares(&self.heap, operator, left, right));
        }
        let units = self.heap.weight(left).min(self.heap.weight(right));
        if units > 1 {
            self.charge(u64::from(units), place)?;
        }
        Ok(compares(&self.heap, operator, left, right))
    }

    /// Whether a value, and its key if there is one, is in a collection.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel.
    pub fn membership(
        &mut self,
        key: Option<Word>,
        value: Word,
        collection: Word,
        place: PlaceId,
    ) -> Result<bool, Stop> {
        if key.is_none()
            && let Some(found) = self.indexed_membership(value, collection, place)?
        {
            return Ok(found);
        }
        let units = u64::from(self.heap.weight(value)) + self.heap.elements(collection).map_or(0, searched);
        self.charge(units, place)?;
        Ok(match key {
            None => self.heap.contains(collection, value) == Some(true),
            Some(key) => {
                let found = self.heap.index(collection, key);
                self.heap.equal(found, value)
            }
        })
    }

    /// The result of a function after it yields `value`, where it was `before`.
    ///
    /// # Errors
    ///
    /// [`Stop`] if it had another value already.
    pub fn yielded(&mut self, before: Word, value: Word, place: PlaceId) -> Result<Word, Stop> {
        if before.is_absent() || self.compare(CompareOperator::Equal, before, value, place)? {
            return Ok(value);
        }
        let message = "definitions of one rule must not yield different values for the same input";
        Err(self.stop(codes::CONFLICT, message, place))
    }
}

/// Elements of an array are looked at one by one; the price of a set is about the same and does not matter.
fn searched(items: &[Word]) -> u64 {
    u64::try_from(items.len() / 8).unwrap_or(u64::MAX)
}

/// Whether two values compare so.
pub(crate) fn compares(heap: &Heap, operator: CompareOperator, left: Word, right: Word) -> bool {
    match operator {
        CompareOperator::Equal => heap.equal(left, right),
        CompareOperator::NotEqual => !heap.equal(left, right),
        CompareOperator::Less => heap.compare(left, right) == Ordering::Less,
        CompareOperator::LessEqual => heap.compare(left, right) != Ordering::Greater,
        CompareOperator::Greater => heap.compare(left, right) == Ordering::Greater,
        CompareOperator::GreaterEqual => heap.compare(left, right) != Ordering::Less,
    }
}
