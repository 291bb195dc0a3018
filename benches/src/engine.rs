//! The engines: each loads a policy and decides its requests.

use std::fmt;

use crate::answer::Answer;
use crate::error::BenchError;
use crate::policy::{Case, Form};

#[cfg(feature = "peers")]
mod cedar;
#[cfg(feature = "peers")]
mod cel;
mod hpol;
#[cfg(feature = "peers")]
mod rego;

pub use hpol::{Hpol, files as hpol_files, input as hpol_input};

/// What a decision starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The form in which the engine wants a request.
    Prepared,
    /// The text of a JSON document.
    Json,
}

impl Start {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Prepared, Self::Json];

    /// A word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Json => "json",
        }
    }
}

/// An engine that has loaded a policy.
pub trait Runner {
    /// Decides one request.
    ///
    /// # Errors
    ///
    /// Why the engine can't.
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String>;

    /// Decides the timed requests in turn, so often.
    fn batch(&mut self, start: Start, rounds: usize);

    /// Whether the engine gives notes too, or just the effect.
    fn gives_notes(&self) -> bool {
        true
    }
}

/// What loads a policy: nothing where the engine's language can't say it.
type Load = fn(&Case) -> Result<Option<Box<dyn Runner>>, BenchError>;

/// An engine.
#[derive(Clone, Copy)]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Whose it is.
    pub side: Side,
    /// Loads a policy.
    pub load: Load,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Which side of a comparison an engine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is measured against.
    ByHand,
    /// hpol.
    Ours,
    /// Another policy engine.
    Peer,
}

/// The hand-written Rust that all targets refer to.
pub const STRUCT: &str = "struct";

/// hpol as it is meant to be used where speed counts.
pub const HPOL: &str = "hpol";

/// The engines, in the order of their columns.
pub fn engines() -> Vec<Engine> {
    let mut engines = vec![
        Engine { name: STRUCT, side: Side::ByHand, load: |case| case.by_hand(Form::Typed).map(Some) },
        Engine { name: "value", side: Side::ByHand, load: |case| case.by_hand(Form::Untyped).map(Some) },
    ];
    engines.extend(hpol::ENGINES);
    #[cfg(feature = "peers")]
    engines.extend(rego::ENGINES.into_iter().chain([cedar::ENGINE, cel::ENGINE]));
    engines
}

/// Whether the engine gives every answer that the hand-written Rust gives.
///
/// # Errors
///
/// [`BenchError::Disagree`] and [`BenchError::Engine`].
pub fn assert_agrees(case: &Case, engine: &Engine, runner: &mut dyn Runner) -> Result<(), BenchError> {
    let mut reference = case.by_hand(Form::Typed)?;
    let refused = |message| BenchError::engine(engine.name, &case.name, message);
    for at in 0..case.requests.len() {
        let ours = reference.answer(Start::Prepared, at).map_err(refused)?.sorted();
        for start in Start::ALL {
            let theirs = runner.answer(start, at).map_err(refused)?.sorted();
            let agrees = if runner.gives_notes() { theirs == ours } else { theirs.effect == ours.effect };
            if !agrees {
                return Err(BenchError::Disagree {
                    policy: case.name.clone(),
                    request: at,
                    engine: engine.name,
                    theirs: theirs.to_string(),
                    ours: ours.to_string(),
                    document: case.requests[at].text.clone(),
                });
            }
        }
    }
    Ok(())
}
