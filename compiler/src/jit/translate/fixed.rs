//! What holds for all functions of a program, found out once.

use hpol_stdlib::heap::{Heap, Word};
use hpol_stdlib::{FILTERED_MIN, Ruling};
use rustc_hash::FxHashMap;

use crate::optimise::replaced;
use crate::plan::{BuiltinId, Program, ReplacementTarget, StatementKind};

use super::numbers::Held;

/// Most patterns that are ruled out in place: each is compiled once for that.
const RULINGS_MAX: usize = 256;

/// The builtin whose constant patterns are ruled out in place.
pub(super) const REGEX_MATCH: &str = "regex.match";

/// A program, what none of its `with` replaces, and what it takes to rule out its patterns.
pub(in crate::jit) struct Fixed<'p> {
    pub(super) program: &'p Program,
    /// The results of builtins, by their ids; `None` for one that may be replaced.
    builtins: Vec<Option<Held>>,
    /// Whether all functions and data stay as they are.
    pub(super) calls: bool,
    /// By the pattern's word.
    rulings: FxHashMap<u64, Option<Ruling>>,
}

impl<'p> Fixed<'p> {
    pub(in crate::jit) fn of(program: &'p Program) -> Self {
        let mut builtins: Vec<_> = program.builtins.iter().map(|builtin| Some(Held::result(builtin))).collect();
        let mut calls = true;
        for target in replaced(program) {
            match target {
                ReplacementTarget::Input(_) => {}
                ReplacementTarget::Data(_) | ReplacementTarget::Function(..) => calls = false,
                ReplacementTarget::Builtin(builtin, _) => builtins[builtin.index()] = None,
            }
        }
        Self { program, builtins, calls, rulings: rulings(program) }
    }

    /// Whether a builtin does what it always does.
    pub(super) fn builtin(&self, builtin: BuiltinId) -> bool {
        self.builtins[builtin.index()].is_some()
    }

    /// What a builtin's result is.
    pub(super) fn result(&self, builtin: BuiltinId) -> Held {
        self.builtins[builtin.index()].unwrap_or(Held::VALUE)
    }

    /// What it takes to rule out a pattern.
    pub(super) fn ruling(&self, pattern: Word) -> Option<Ruling> {
        self.rulings.get(&pattern.bits())?.clone()
    }
}

/// What it takes to rule out the constant patterns that texts are matched with, if there are so many that it is worth to look at what
/// the texts hold.
fn rulings(program: &Program) -> FxHashMap<u64, Option<Ruling>> {
    let mut found = FxHashMap::default();
    let Some(regex_match) = program.builtins.iter().position(|builtin| builtin.name == REGEX_MATCH) else {
        return found;
    };
    let heap = Heap::new(program.frozen.clone(), 0);
    for function in &program.functions {
        let mut constants = None;
        function.body.each_statement(&mut |statement| {
            if let StatementKind::Builtin { builtin, arguments, .. } = &statement.kind
                && builtin.index() == regex_match
                && let Some(pattern) = arguments.first()
                && let Some(word) = constants.get_or_insert_with(|| super::constants(function))[pattern.index()]
                && let Some(text) = heap.as_str(word)
                && found.len() < RULINGS_MAX
            {
                found.entry(word.bits()).or_insert_with(|| Ruling::of(text));
            }
        });
    }
    if found.values().flatten().count() < FILTERED_MIN {
        found.clear();
    }
    found
}
