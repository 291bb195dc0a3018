//! Loops and membership that ask an index of base documents.

use hpol_stdlib::heap::{Kind, Word};

use crate::context::{Context, Stop};
use crate::plan::{IndexId, PlaceId, Run, SiteId};

impl Context {
    /// What a loop runs over: what the index says, or all; `None` (and the mark is set) if it is no collection.
    pub fn each_run(&mut self, index: Option<IndexId>, keys: &[Word], collection: Word, site: SiteId) -> Option<Run> {
        let run = index.and_then(|index| self.matching_run(index, keys, collection));
        run.or_else(|| self.each_length(collection, site).map(Run::all))
    }

    fn matching_run(&mut self, id: IndexId, keys: &[Word], collection: Word) -> Option<Run> {
        let index = self.program.lookups.get(id.index())?;
        if !index.is_made() {
            return index.matches(&self.heap, collection, keys, &mut self.gathered);
        }
        let run = self.joins.run(id, index, &self.heap, collection, keys);
        self.hot.joined = self.joins.address();
        // Where that takes more than there is, what comes next stops.
        self.hot.fuel = self.hot.fuel.saturating_sub(self.joins.take_looked_at());
        run
    }

    /// Key and value of an iteration.
    pub fn run_entry(&self, index: Option<IndexId>, run: Run, collection: Word, at: u32) -> (Word, Word) {
        let index = index.and_then(|index| self.program.lookups.get(index.index()));
        let position = match index {
            Some(index) if index.is_made() => self.joins.position(run, at),
            Some(index) => index.position(run, at, &self.gathered),
            None => at,
        };
        self.each_entry(collection, position)
    }

    /// Whether a value is in an array of the base documents that has an index; `None` if it has none.
    pub(super) fn indexed_membership(
        &mut self,
        value: Word,
        collection: Word,
        place: PlaceId,
    ) -> Result<Option<bool>, Stop> {
        if collection.kind() != Kind::Array {
            return Ok(None);
        }
        let Some(index) = &self.program.members else { return Ok(None) };
        let Some(run) = index.matches(&self.heap, collection, &[value], &mut self.gathered) else { return Ok(None) };
        let items = self.heap.elements(collection).unwrap_or_default();
        let found = index.positions(run).iter().any(|at| items.get(*at as usize) == Some(&value));
        self.charge(1, place)?;
        Ok(Some(found))
    }
}
