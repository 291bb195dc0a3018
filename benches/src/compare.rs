//! All engines on the same policies and requests, with the targets they are held to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::{Engine, HPOL, STRUCT, Side, Start, assert_agrees};
use crate::error::BenchError;
use crate::measure::{Effort, geometric_mean, nanoseconds};
use crate::policy::Case;
use crate::table::{Table, ratio, whole};

/// Most that hpol may take from a prepared request, in times of what hand-written Rust over a struct takes.
pub const PREPARED_MAX: f64 = 2.0;

/// The same from JSON text.
pub const JSON_MAX: f64 = 1.5;

/// How far hpol is to be ahead of the fastest other engine, from a prepared request.
pub const PEER_MIN: f64 = 20.0;

/// What a decision takes, in nanoseconds, by engine.
pub type Figures = BTreeMap<&'static str, f64>;

/// What was measured on one policy.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The policy.
    pub policy: String,
    /// What it is.
    pub title: String,
    /// From a prepared request.
    pub prepared: Figures,
    /// From JSON text.
    pub json: Figures,
    /// Engines that could not load the policy, with the reason.
    pub refused: BTreeMap<&'static str, String>,
}

/// A row held against the targets.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratios {
    /// hpol in times of the struct.
    pub to_struct: f64,
    /// The fastest other engine in times of hpol; not a number without one.
    pub peer: f64,
}

impl Row {
    /// Loads the policy into each engine, asserts that all agree, and measures.
    ///
    /// # Errors
    ///
    /// An engine that disagrees, or one of ours that can't load the policy.
    pub fn measure(case: &Case, engines: &[Engine], effort: Effort) -> Result<Self, BenchError> {
        let mut row = Self {
            policy: case.name.clone(),
            title: case.title.clone(),
            prepared: Figures::new(),
            json: Figures::new(),
            refused: BTreeMap::new(),
        };
        for engine in engines {
            let mut runner = match (engine.load)(case) {
                Ok(Some(runner)) => runner,
                Ok(None) => continue,
                Err(error) if engine.side == Side::Peer => {
                    row.refused.insert(engine.name, error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            assert_agrees(case, engine, &mut *runner)?;
            for start in Start::ALL {
                let figure = nanoseconds(effort, case.timed, |rounds| runner.batch(start, rounds));
                row.figures_mut(start).insert(engine.name, figure);
            }
        }
        Ok(row)
    }

    fn figures_mut(&mut self, start: Start) -> &mut Figures {
        match start {
            Start::Prepared => &mut self.prepared,
            Start::Json => &mut self.json,
        }
    }

    /// The figures from one start.
    pub fn figures(&self, start: Start) -> &Figures {
        match start {
            Start::Prepared => &self.prepared,
            Start::Json => &self.json,
        }
    }

    /// How hpol stands beside the struct and the other engines.
    pub fn ratios(&self, start: Start, engines: &[Engine]) -> Ratios {
        let figures = self.figures(start);
        let of = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
        let peers = engines.iter().filter(|engine| engine.side == Side::Peer).map(|engine| of(engine.name));
        let fastest = peers.fold(f64::NAN, f64::min);
        Ratios { to_struct: of(HPOL) / of(STRUCT), peer: fastest / of(HPOL) }
    }
}

/// Which targets a row misses.
fn misses(ratios: Ratios, start: Start) -> (bool, bool) {
    match start {
        Start::Prepared => (ratios.to_struct > PREPARED_MAX, ratios.peer < PEER_MIN),
        Start::Json => (ratios.to_struct > JSON_MAX, false),
    }
}

fn marked(figure: f64, missed: bool) -> String {
    format!("{}{}", ratio(figure), if missed { "!" } else { " " })
}

/// The rows as tables, one for each start.
pub fn text(rows: &[Row], engines: &[Engine]) -> String {
    let mut text = String::new();
    for start in Start::ALL {
        let heading = match start {
            Start::Prepared => format!(
                "From a prepared request: nanoseconds a decision. Targets: hpol at most {PREPARED_MAX}× the struct, the fastest peer at least {PEER_MIN}× hpol."
            ),
            Start::Json => {
                format!("From JSON text: nanoseconds a decision. Target: hpol at most {JSON_MAX}× the struct.")
            }
        };
        let names = engines.iter().map(|engine| engine.name);
        let mut table = Table::new(["policy"].into_iter().chain(names).chain(["hpol/struct", "peer/hpol"]));
        let mut all = Vec::new();
        for row in rows {
            let ratios = row.ratios(start, engines);
            let (slow, near) = misses(ratios, start);
            let figures =
                engines.iter().map(|engine| whole(row.figures(start).get(engine.name).copied().unwrap_or(f64::NAN)));
            let cells = std::iter::once(row.title.clone()).chain(figures);
            table.row(cells.chain([marked(ratios.to_struct, slow), marked(ratios.peer, near)]));
            all.push(ratios);
        }
        let mean = |of: fn(&Ratios) -> f64| {
            geometric_mean(&all.iter().map(of).filter(|figure| !figure.is_nan()).collect::<Vec<_>>())
        };
        let empty = engines.iter().map(|_| String::new());
        let means = [marked(mean(|ratios| ratios.to_struct), false), marked(mean(|ratios| ratios.peer), false)];
        table.row(std::iter::once("geometric mean".to_owned()).chain(empty).chain(means));
        text.push_str(&format!("{heading}\n\n{table}\n"));
    }
    text.push_str("! misses its target   – the engine can't say it, or did not load it\n");
    for row in rows {
        for message in row.refused.values() {
            text.push_str(&format!("not loaded: {}\n", message.lines().next().unwrap_or_default()));
        }
    }
    text
}

/// How many targets are missed.
pub fn missed(rows: &[Row], engines: &[Engine]) -> usize {
    let count = |row: &Row, start| {
        let (slow, near) = misses(row.ratios(start, engines), start);
        usize::from(slow) + usize::from(near)
    };
    rows.iter().flat_map(|row| Start::ALL.map(|start| count(row, start))).sum()
}
