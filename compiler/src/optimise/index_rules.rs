//! Rules of a package that certainly do not count for a request are not run: see [`crate::index`].
//!
//! ```text
//! scope L0 catches {              index: slot input.tool in {"rm", "dd"} → this rule
//!   r1 = slot input.tool
//!   r2 = {"rm", "dd"}         →   the rule itself stays as it is
//!   r3 = r1 in r2
//!   test r3
//!   …
//! }
//! ```

use hpol_lang::ast::EffectKeyword;
use hpol_stdlib::heap::Heap;

use crate::index::{Absence, RuleIndex};
use crate::plan::{FunctionId, Program};

mod build;
mod read;

use build::Builder;
use read::Reader;

/// Packages with fewer rules are run through: looking up costs as much.
const RULES_MIN: usize = 2;

pub(super) fn run(program: &mut Program) {
    let indexes = program.packages.iter().map(|package| {
        if package.decisions.len() < RULES_MIN {
            return None;
        }
        let rules = package.decisions.iter().map(|id| {
            let decision = &program.decisions[id.index()];
            let absence = if decision.effect == EffectKeyword::Allow { Absence::Told } else { Absence::Counts };
            (decision.body, absence)
        });
        build(program, rules)
    });
    program.indexes = indexes.collect();
}

/// An index over rules, which are named by their place in the list; `None` if it could leave out none of them.
pub(super) fn build(
    program: &Program,
    rules: impl ExactSizeIterator<Item = (FunctionId, Absence)>,
) -> Option<RuleIndex> {
    let heap = Heap::new(program.frozen.clone(), 0);
    let mut builder = Builder::of(rules.len());
    for (rule, (function, absence)) in (0..).zip(rules) {
        builder.rule(rule, Reader::of(program, &heap, program.function(function)), absence);
    }
    builder.finish()
}
