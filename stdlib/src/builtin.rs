//! What a builtin is: an entry of the one table that the checker, both engines and the docs read.

use hpol_lang::types::LiteralCheck;

pub use crate::caches::Caches;
use crate::heap::{Heap, HeapError, Word};
use crate::state::State;

/// One builtin.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Full name, such as `count` or `strings.reverse`.
    pub name: &'static str,
    /// Parameters and result in the language's type syntax, such as `(array[T], int) -> array[T]`; a `?` behind a
    /// parameter means that it may be left out.
    pub signature: &'static str,
    /// One line that says what it yields, from what, and when it is an error.
    pub doc: &'static str,
    /// Calls with their results in Rego's notation; a test runs every one.
    pub examples: &'static [Example],
    /// Whether the same arguments always give the same result.
    pub purity: Purity,
    /// Whether it reaches outside of an evaluation, so that a policy may call it only where a host allows it.
    pub outside: bool,
    /// Checks a literal argument at compile time, such as a pattern.
    pub check_literal: Option<LiteralCheck>,
    /// The work; [`Builtin::call`] runs it.
    pub(crate) function: Function,
}

impl Builtin {
    /// Calls the builtin. Arguments that are left out may be missing or absent.
    ///
    /// # Errors
    ///
    /// [`BuiltinError`]; messages about arguments start with the builtin's name.
    pub fn call(&self, call: &mut Call<'_>, arguments: &[Word]) -> Result<Word, BuiltinError> {
        (self.function)(call, arguments).map_err(|error| match error {
            BuiltinError::Failed(message) => BuiltinError::Failed(format!("{}: {message}", self.name)),
            BuiltinError::Type(message) => BuiltinError::Type(format!("{}: {message}", self.name)),
            BuiltinError::Undefined | BuiltinError::State(_) | BuiltinError::Heap(_) | BuiltinError::Fuel => error,
        })
    }

    /// An entry whose result depends on its arguments alone.
    pub(crate) const fn pure(
        name: &'static str,
        signature: &'static str,
        doc: &'static str,
        examples: &'static [Example],
        function: Function,
    ) -> Self {
        Self { name, signature, doc, examples, purity: Purity::Pure, outside: false, check_literal: None, function }
    }

    /// The same entry, with a result that depends on the decision too.
    pub(crate) const fn of_decision(mut self) -> Self {
        self.purity = Purity::Decision;
        self
    }

    /// The same entry, callable only where a host allows it.
    pub(crate) const fn outside(mut self) -> Self {
        self.outside = true;
        self
    }

    /// The same entry, with a check of literal arguments.
    pub(crate) const fn checked(mut self, check: LiteralCheck) -> Self {
        self.check_literal = Some(check);
        self
    }
}

/// An example for a table.
pub(crate) const fn example(call: &'static str, result: &'static str) -> Example {
    Example { call, result }
}

/// The code of a builtin; its messages do not name it. Arguments are never absent, and there are as many as the signature has parameters (those left
/// out are [`Word::ABSENT`]); their types are not known in the Rego profile, so it checks them.
pub type Function = fn(&mut Call<'_>, &[Word]) -> Result<Word, BuiltinError>;

/// A call and what the caller expects of it.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The call, such as `count([1, 2])`.
    pub call: &'static str,
    /// Its value in Rego's notation, or `undefined`, or `error`.
    pub result: &'static str,
}

/// What a builtin's result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purity {
    /// Only on its arguments: may be folded and memoised.
    Pure,
    /// Also on the decision's fixed time, identifiers or random seed: may be memoised within a decision.
    Decision,
}

/// What a call can use besides its arguments.
#[derive(Debug)]
pub struct Call<'c> {
    /// Values are made here.
    pub heap: &'c mut Heap,
    /// Compiled patterns and the like, kept between calls of one evaluation and between evaluations.
    pub caches: &'c mut Caches,
    /// The time of the decision, in nanoseconds since 1970.
    pub now_nanoseconds: i64,
    /// What is known of earlier requests.
    pub state: &'c mut State,
    /// Work that may still be done: a builtin takes away what it uses beyond a constant; see [`Call::charge`].
    pub fuel: &'c mut u64,
}

impl Call<'_> {
    /// Takes `units` of fuel: about one for each element, or each hundred bytes, that is touched.
    ///
    /// # Errors
    ///
    /// [`BuiltinError::Fuel`] when there is not so much left.
    pub fn charge(&mut self, units: usize) -> Result<(), BuiltinError> {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        *self.fuel = self.fuel.checked_sub(units).ok_or(BuiltinError::Fuel)?;
        Ok(())
    }
}

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuiltinError {
    /// There is no result, and that is no error (`object.get` of nothing): the call is absent.
    #[error("undefined")]
    Undefined,
    /// An argument has the wrong type or value; the message starts with the builtin's name.
    #[error("{0}")]
    Failed(String),
    /// An argument has the wrong type (OPA's `eval_type_error`).
    #[error("{0}")]
    Type(String),
    /// What is asked of earlier requests is not known.
    #[error("{0}")]
    State(String),
    /// The evaluation's memory is used up.
    #[error(transparent)]
    Heap(#[from] HeapError),
    /// The evaluation's fuel is used up.
    #[error("evaluation does more work than its limit")]
    Fuel,
}
