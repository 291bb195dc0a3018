//! Builtins on the annotations of a policy. The checker puts in what they are, because it is known where they stand; the entries
//! here are for names, types and documentation, and answer where there is no rule around them.

use crate::arguments::Outcome;
use crate::builtin::{Builtin, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "rego.metadata.chain",
        "() -> array[any]",
        "The annotations (`# METADATA`) around the place of the call, from its definition outwards: each an object with `path` and, if there are any, `annotations`.",
        &[example("rego.metadata.chain()", "[]")],
        chain,
    ),
    Builtin::pure(
        "rego.metadata.rule",
        "() -> any",
        "The annotations (`# METADATA`) of the definition in which the call stands; empty without any.",
        &[example("rego.metadata.rule()", "{}")],
        rule,
    ),
];

fn chain(call: &mut Call<'_>, _: &[Word]) -> Outcome {
    Ok(call.heap.array(&[])?)
}

fn rule(call: &mut Call<'_>, _: &[Word]) -> Outcome {
    Ok(call.heap.object(Vec::new())?)
}
