//! Builtins for looking into a policy while it is written. They do nothing in a decision.

use crate::arguments::Outcome;
use crate::builtin::{Builtin, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "print",
        "(any?, any?, any?, any?, any?, any?, any?, any?) -> bool",
        "Always `true`; what it would print is left out of decisions.",
        &[example("print(\"x is\", 5)", "true")],
        nothing,
    ),
    Builtin::pure(
        "trace",
        "(string) -> bool",
        "Always `true`; the note is left out of decisions.",
        &[example("trace(\"here\")", "true")],
        note,
    ),
];

fn nothing(_: &mut Call<'_>, _: &[Word]) -> Outcome {
    Ok(Word::TRUE)
}

fn note(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.text(arguments, 1)?;
    Ok(Word::TRUE)
}
