//! What the reference evaluator is seen to do, kept for explanations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hpol_compiler::context::Context;
use hpol_compiler::plan::{FunctionId, PlaceId, Program, Site};
use hpol_lang::source::Span;
use hpol_stdlib::heap::Word;
use rustc_hash::FxHashMap;

use super::{Observed, Operands};

/// Values with more parts than this are told by their size only.
const PARTS_MAX: u32 = 64;
/// Places of one function that are kept.
const PLACES_MAX: usize = 1_000;

/// What was read and what failed, by function. A function that is run more than once leaves what was last.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    functions: FxHashMap<FunctionId, Steps>,
}

/// What was seen in one function.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// How often a statement at a place failed.
    pub(crate) failures: BTreeMap<Span, u32>,
    /// Values by the place and path where they were read.
    pub(crate) reads: BTreeMap<(Span, Arc<str>), Observed>,
    /// Functions that were called, by place.
    pub(crate) calls: BTreeMap<Span, (FunctionId, Observed)>,
    /// What was compared, by place.
    pub(crate) operands: BTreeMap<Span, Operands>,
    /// Places at which a value was yielded or collected.
    pub(crate) yields: BTreeSet<Span>,
}

impl Trace {
    pub(crate) fn failed(&mut self, function: FunctionId, place: PlaceId, program: &Program) {
        let Some(span) = program.place(place) else { return };
        let steps = self.functions.entry(function).or_default();
        if steps.failures.len() < PLACES_MAX {
            *steps.failures.entry(span).or_default() += 1;
        }
    }

    pub(crate) fn read(&mut self, function: FunctionId, site: &Site, value: Word, context: &Context) {
        let steps = self.functions.entry(function).or_default();
        if steps.reads.len() < PLACES_MAX {
            steps.reads.insert((site.span, site.path.clone()), observed(value, context));
        }
    }

    pub(crate) fn called(
        &mut self,
        function: FunctionId,
        called: FunctionId,
        place: PlaceId,
        value: Word,
        context: &Context,
    ) {
        let Some(span) = context.program().place(place) else { return };
        let steps = self.functions.entry(function).or_default();
        if steps.calls.len() < PLACES_MAX {
            steps.calls.insert(span, (called, observed(value, context)));
        }
    }

    pub(crate) fn compared(
        &mut self,
        function: FunctionId,
        place: PlaceId,
        operator: &'static str,
        sides: (Word, Word),
        context: &Context,
    ) {
        let Some(span) = context.program().place(place) else { return };
        let steps = self.functions.entry(function).or_default();
        if steps.operands.len() < PLACES_MAX {
            let (left, right) = (observed(sides.0, context), observed(sides.1, context));
            steps.operands.insert(span, Operands { operator, left, right });
        }
    }

    pub(crate) fn yielded(&mut self, function: FunctionId, place: PlaceId, program: &Program) {
        let Some(span) = program.place(place) else { return };
        let steps = self.functions.entry(function).or_default();
        if steps.yields.len() < PLACES_MAX {
            steps.yields.insert(span);
        }
    }

    pub(crate) fn of(&self, function: FunctionId) -> Option<&Steps> {
        self.functions.get(&function)
    }
}

fn observed(word: Word, context: &Context) -> Observed {
    let heap = context.heap();
    if word.is_absent() {
        Observed::Absent
    } else if heap.weight(word) > PARTS_MAX {
        Observed::Large { parts: heap.weight(word) }
    } else {
        Observed::Value(heap.to_value(word))
    }
}
