//! OPA's conformance cases on every engine.
//!
//! # What counts as passed
//!
//! A case passes if *all four* ways to run it (interpreter and machine code, each with and without the compiler's
//! improvements) give the same outcome, and that outcome is the wanted one:
//!
//! - **`want_result`**: the set of bindings of the query's variables is the wanted set. Values are compared as JSON, numbers by
//!   value: sets are arrays in Rego's order and keys that are no strings are their text, as OPA compares them. With
//!   `sort_bindings`, arrays that are bound are compared without regard to order. `[]` means that the query is undefined.
//! - **`want_error_code`**: the evaluation fails with exactly this code, or, where it is a code of OPA's compiler, the modules are
//!   refused and one of the findings has this code (see [`rego_code`](hpol_lang::check::rego_code)). A result is a failure.
//! - **`want_error`** alone: the code in front of its text is taken for `want_error_code`.
//!
//! The *texts* of errors are hpol's own and are not part of this; how many of them hold OPA's text is told apart.
//! A limit that is passed, a panic, and a case that can't be read are failures. So is a case whose modules are refused while
//! it wants a result. Nothing is skipped.
//!
//! # How a case runs
//!
//! Its modules are `.rego` files, its data is `data.json`. The query is the body of a rule in a module that is no part of `data`
//! ([`PolicyFile::query`](hpol_lang::load::PolicyFile::query)): `result contains {"x": x} if { QUERY }`. `input_term` is evaluated first,
//! as the value of a rule. `strict_error` lets errors of builtins stop the evaluation. Each evaluation has
//! limits on work and time.

mod case;
mod exceptions;
mod outcome;
mod report;
mod run;

pub use case::{Case, ReadError, Wanted, read_folder};
pub use exceptions::{Exceptions, ExceptionsError};
pub use outcome::{Outcome, Verdict};
pub use report::{Failure, Report, Tally};
pub use run::{run_all, run_case};
