//! Builtins on semantic versions.

use ::semver::Version;

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "semver.compare",
        "(string, string) -> int",
        "-1, 0 or 1, as the first version comes before, with or after the second; build metadata does not count.",
        &[
            example("semver.compare(\"1.9.0\", \"1.10.0\")", "-1"),
            example("semver.compare(\"1.0.0\", \"1.0.0-rc.1\")", "1"),
            example("semver.compare(\"1.0.0+a\", \"1.0.0+b\")", "0"),
            example("semver.compare(\"1.0.0\", \"1\")", "error"),
        ],
        compare,
    ),
    Builtin::pure(
        "semver.is_valid",
        "(any) -> bool",
        "Whether the value is the text of a semantic version.",
        &[
            example("semver.is_valid(\"1.0.0-rc.1\")", "true"),
            example("semver.is_valid(\"1.0\")", "false"),
            example("semver.is_valid(1)", "false"),
        ],
        is_valid,
    ),
];

fn is_valid(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.heap.as_str(argument(arguments, 1));
    Ok(Word::bool(text.is_some_and(|text| Version::parse(text).is_ok())))
}

fn compare(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (left, right) = (version(call, arguments, 1)?, version(call, arguments, 2)?);
    Ok(call.heap.int(match left.cmp_precedence(&right) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    })?)
}

fn version(call: &Call<'_>, arguments: &[Word], position: usize) -> Result<Version, BuiltinError> {
    let text = call.text(arguments, position)?;
    let shown = crate::casts::shortened(text);
    Version::parse(text).map_err(|_| failed(format!("operand {position}: string {shown:?} is not a valid SemVer")))
}
