//! How the time of a decision grows with what a policy holds and a request brings.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::engine::{Engine, Start, assert_agrees};
use crate::error::BenchError;
use crate::measure::{Effort, nanoseconds};
use crate::policy::growth::{Items, Joined, Names, Unread};
use crate::policy::{Case, Definitions, Rbac, Rules};

/// What is made larger.
#[derive(Debug, Clone, Copy)]
pub struct Dimension {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// What a decision starts from.
    pub start: Start,
    /// What should come of it: how the time may grow, as the exponent of the size.
    pub exponent_max: f64,
    make: fn(usize) -> Case,
}

/// What time is not to depend on may still rise a little, because larger tables miss caches.
const FLAT: f64 = 0.1;

/// What is proportional to the size at most.
const LINEAR: f64 = 1.1;

/// Roles that share grants, where the number of grants grows.
const ROLES: usize = 10;

/// Grants of a role, where the number of roles grows.
const GRANTS: usize = 4;

/// Everything that is made larger.
pub const DIMENSIONS: [Dimension; 9] = [
    Dimension {
        name: "rules",
        title: "rules of two equalities",
        start: Start::Prepared,
        exponent_max: FLAT,
        make: |size| Case::new(Rules::new(size)),
    },
    Dimension {
        name: "definitions",
        title: "definitions of a rule",
        start: Start::Prepared,
        exponent_max: FLAT,
        make: |size| Case::new(Definitions::new(size)),
    },
    Dimension {
        name: "roles",
        title: "roles in data, four grants each",
        start: Start::Prepared,
        exponent_max: FLAT,
        make: |size| Case::new(Rbac::new(size, GRANTS)),
    },
    Dimension {
        name: "grants",
        title: "grants in data, of ten roles together",
        start: Start::Prepared,
        exponent_max: FLAT,
        make: |size| Case::new(Rbac::new(ROLES, size.div_ceil(ROLES))),
    },
    Dimension {
        name: "names",
        title: "names in a set of the policy",
        start: Start::Prepared,
        exponent_max: FLAT,
        make: |size| Case::new(Names::new(size)),
    },
    Dimension {
        name: "items",
        title: "items of the request that a rule looks through",
        start: Start::Prepared,
        exponent_max: LINEAR,
        make: |size| Case::new(Items::new(size)),
    },
    Dimension {
        name: "joined",
        title: "items of two lists of the request that a rule joins",
        start: Start::Prepared,
        exponent_max: LINEAR,
        make: |size| Case::new(Joined::new(size)),
    },
    Dimension {
        name: "unread",
        title: "values of the request that no rule reads",
        start: Start::Prepared,
        exponent_max: FLAT,
        make: |size| Case::new(Unread::new(size)),
    },
    Dimension {
        name: "text",
        title: "values of the request's JSON text that no rule reads",
        start: Start::Json,
        exponent_max: LINEAR,
        make: |size| Case::new(Unread::new(size)),
    },
];

/// A decision that takes longer than this is not tried on a larger size.
const DECISION_NANOSECONDS_MAX: f64 = 5e6;

/// The same for loading.
const LOAD_MAX: Duration = Duration::from_secs(30);

/// How an engine's time grows.
#[derive(Debug, Clone, Serialize)]
pub struct Growth {
    /// Nanoseconds of a decision, by size.
    pub nanoseconds: BTreeMap<usize, f64>,
    /// The exponent of the size that fits best: 0 is flat, 1 proportional.
    pub exponent: f64,
    /// Why it was not tried further.
    pub ended: Option<String>,
}

/// Measures an engine on each size.
///
/// # Errors
///
/// An engine that disagrees with the hand-written Rust.
pub fn measure(
    dimension: &Dimension,
    sizes: &[usize],
    engine: &Engine,
    effort: Effort,
) -> Result<Option<Growth>, BenchError> {
    let mut growth = Growth { nanoseconds: BTreeMap::new(), exponent: f64::NAN, ended: None };
    for size in sizes {
        let case = (dimension.make)(*size);
        let begun = Instant::now();
        let mut runner = match (engine.load)(&case) {
            Ok(Some(runner)) => runner,
            Ok(None) => return Ok(None),
            Err(error) => {
                growth.ended = Some(error.to_string());
                break;
            }
        };
        let loading = begun.elapsed();
        assert_agrees(&case, engine, &mut *runner)?;
        let figure = nanoseconds(effort, case.timed, |rounds| runner.batch(dimension.start, rounds));
        growth.nanoseconds.insert(*size, figure);
        if loading > LOAD_MAX || figure > DECISION_NANOSECONDS_MAX {
            growth.ended = Some(format!("{size} took {loading:.1?} to load and {figure:.0} ns a decision"));
            break;
        }
    }
    growth.exponent = exponent(&growth.nanoseconds);
    Ok(Some(growth))
}

/// The slope of the line that fits best between the logarithms of size and time.
pub fn exponent(figures: &BTreeMap<usize, f64>) -> f64 {
    let points: Vec<(f64, f64)> = figures.iter().map(|(size, time)| ((*size as f64).ln(), time.ln())).collect();
    let count = points.len() as f64;
    let (across, up) = points.iter().fold((0.0, 0.0), |(across, up), (x, y)| (across + x / count, up + y / count));
    let rise: f64 = points.iter().map(|(x, y)| (x - across) * (y - up)).sum();
    let run: f64 = points.iter().map(|(x, _)| (x - across).powi(2)).sum();
    rise / run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_say_how_time_grows() {
        let grown = |time: fn(f64) -> f64| exponent(&[10, 100, 1_000].map(|size| (size, time(size as f64))).into());
        assert!((grown(|_| 7.0)).abs() < 1e-9);
        assert!((grown(|size| 3.0 * size) - 1.0).abs() < 1e-9);
        assert!((grown(|size| 0.5 * size * size) - 2.0).abs() < 1e-9);
    }
}
