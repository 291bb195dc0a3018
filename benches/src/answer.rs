//! The answer to a request, in a form that every engine can give.

use std::borrow::Cow;
use std::fmt;

pub use hpol_runtime::Effect;

/// What is decided, and what a caller needs besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The effect.
    pub effect: Effect,
    /// For a deny, the reason of each rule that denies, for what it finds first, or its id where it gives none; else the ids of
    /// the approvals and masks.
    /// Nothing where no rule allows.
    pub notes: Vec<Cow<'static, str>>,
}

impl Answer {
    /// The request passes as it is.
    pub const fn allow() -> Self {
        Self { effect: Effect::Allow, notes: Vec::new() }
    }

    /// The request is refused.
    pub const fn deny(notes: Vec<Cow<'static, str>>) -> Self {
        Self { effect: Effect::Deny, notes }
    }

    /// Allows or denies without a note.
    pub const fn allowed(allowed: bool) -> Self {
        Self { effect: if allowed { Effect::Allow } else { Effect::Deny }, notes: Vec::new() }
    }

    /// Denies for the reasons that there are, or if nothing allows.
    pub fn unless(reasons: Vec<Cow<'static, str>>, allowed: bool) -> Self {
        if reasons.is_empty() { Self::allowed(allowed) } else { Self::deny(reasons) }
    }

    /// The same with its notes in order, as answers are compared.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.notes.sort();
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.effect.word(), self.notes)
    }
}
