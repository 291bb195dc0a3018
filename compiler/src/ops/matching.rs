//! Loops and membership that ask an index of base documents.

use hpol_stdlib::heap::{Kind, Word};

use crate::context::{Context, Stop};
use crate::plan::{IndexId, PlaceId, Run, SiteId};

impl Context {
    /// What a loop runs over: what the index says, or all; `None` (and the mark is set) if it is no collection.
    pub fn each_run(&mut self, index: Option<IndexId>, keys: &[Word], collection: Word, site: SiteId) -> Option<Run> {
        let index = index.and_then(|index| self.program.lookups.get(index.index()));
        let run = index.and_then(|index| index.matches(&self.heap, collection, keys, &mut self.gathered));
        run.or_else(|| self.each_length(collection, site).map(Run::all))
    }

    /// Key and value of an iteration.
    pub fn run_entry(&self, index: Option<IndexId>, run: Run, collection: Word, at: u32) -> (Word, Word) {
        let index = index.and_then(|index| self.program.lookups.get(index.index()));
        let position = index.map_or(at, |index| index.position(run, at, &self.gathered));
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
