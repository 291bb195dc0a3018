//! The machine code of a generation: there at once, or made in the background while the interpreter answers.

use std::sync::{Arc, OnceLock, Weak};

use hpol_compiler::jit::{self, CompiledCode, JitError};
use hpol_compiler::plan::Program;
use serde::Serialize;

use crate::guard::{DEFECT, guarded, spawn_deep};

/// How far the machine code of a generation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeState {
    /// The interpreter was chosen.
    None,
    /// It is being made; the interpreter answers until it is there.
    Compiling,
    /// It runs.
    Ready,
    /// There will be none, for this reason; the interpreter goes on answering.
    Failed(Arc<str>),
}

/// Machine code that is there, will be, or could not be made.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    /// `None` if there is to be none.
    made: Option<Arc<OnceLock<Made>>>,
}

type Made = Result<CompiledCode, Arc<str>>;

impl Code {
    /// No code.
    pub(crate) fn none() -> Self {
        Self { made: None }
    }

    /// Code that is made before this returns.
    pub(crate) fn now(program: &Arc<Program>) -> Result<Self, JitError> {
        let made = OnceLock::from(Ok(jit::compile(program)?));
        Ok(Self { made: Some(Arc::new(made)) })
    }

    /// Code that is made on a thread of its own. If the generation is gone meanwhile, so is the code.
    pub(crate) fn in_background(program: &Arc<Program>) -> Self {
        let made = Arc::new(OnceLock::new());
        let (for_thread, for_program) = (Arc::downgrade(&made), program.clone());
        if let Err(error) = spawn_deep("hpol-code", move || fill(&for_thread, &for_program)) {
            // It was not set by anybody else.
            let _ = made.set(Err(format!("there is no thread to compile on: {error}").into()));
        }
        Self { made: Some(made) }
    }

    /// The code, if it is there.
    pub(crate) fn get(&self) -> Option<&CompiledCode> {
        self.made.as_ref()?.get()?.as_ref().ok()
    }

    /// How far it is.
    pub(crate) fn state(&self) -> CodeState {
        match self.made.as_ref().map(|made| made.get()) {
            None => CodeState::None,
            Some(None) => CodeState::Compiling,
            Some(Some(Ok(_))) => CodeState::Ready,
            Some(Some(Err(reason))) => CodeState::Failed(reason.clone()),
        }
    }

    /// Waits until it is made, or can't be.
    pub(crate) fn wait(&self) -> CodeState {
        if let Some(made) = &self.made {
            made.wait();
        }
        self.state()
    }
}

fn fill(made: &Weak<OnceLock<Made>>, program: &Arc<Program>) {
    if made.strong_count() == 0 {
        return;
    }
    let code = guarded(|| jit::compile(program));
    let code = code.map_or_else(|| Err(DEFECT.into()), |code| code.map_err(|error| error.to_string().into()));
    if let Err(reason) = &code {
        tracing::error!(%reason, "machine code can't be made; the interpreter goes on answering");
    }
    if let Some(made) = made.upgrade() {
        // Nobody else sets it.
        let _ = made.set(code);
    }
}
