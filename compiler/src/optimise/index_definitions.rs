//! Definitions of a rule with many that certainly give no value for a request are not run: see [`crate::index`].
//!
//! ```text
//! r0 = 100 definitions()             r0 = 100 definitions() by input.plan of 100 values
//!
//! data.p.limit(r0) -> r0 {       →   data.p.limit(r0) -> r0 {       as it was
//!   scope L0 catches {
//!     r1 = slot input.plan
//!     test r1 == "free"
//!     …
//! ```
//!
//! It is the index over decision rules, with the arguments of a function as further slots. A definition is left out only where running it
//! would find nothing: no value, nothing absent, no error.

use crate::index::Absence;
use crate::plan::{FunctionId, Program};

use super::index_rules::build;

pub(super) fn run(program: &mut Program) {
    // What a definition finds absent may show even where its rule has a value in any case: by an error of another definition.
    let build = |bodies: &[FunctionId]| build(program, bodies.iter().map(|body| (*body, Absence::Counts)));
    let indexes: Vec<_> = program.definitions.iter().map(|definitions| build(&definitions.bodies)).collect();
    for (definitions, index) in program.definitions.iter_mut().zip(indexes) {
        definitions.index = index;
    }
}
