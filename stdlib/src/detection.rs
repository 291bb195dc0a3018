//! Builtins that look for personal data and secrets in texts.

use std::sync::Arc;

use hpol_lang::value::Value;

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::detect::{DETECTORS, Detector, Scanner};
use crate::heap::{View, Word};
use crate::numbers::count_word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "detect.contains",
        "(string, string | array[string] | set[string]) -> bool",
        "Whether a text holds what any of the named detectors looks for.",
        &[
            example("detect.contains(\"pays with 4111 1111 1111 1111\", \"credit_card\")", "true"),
            example("detect.contains(\"pays with 4111 1111 1111 1112\", {\"credit_card\", \"email\"})", "false"),
            example("detect.contains(\"a\", \"no such detector\")", "error"),
        ],
        contains,
    )
    .checked(check_name),
    Builtin::pure(
        "detect.find",
        "(string, string | array[string] | set[string]) -> array[{kind: string, text: string, start: int, end: int}]",
        "What the named detectors find in a text, in its order, with the positions of the first character and of the one behind the last.",
        &[example(
            "detect.find(\"é ann@example.com\", [\"email\", \"phone\"])",
            "[{\"kind\": \"email\", \"text\": \"ann@example.com\", \"start\": 2, \"end\": 17}]",
        )],
        find,
    )
    .checked(check_name),
];

/// The scanner for the detectors that an argument names.
fn scanner(call: &mut Call<'_>, arguments: &[Word]) -> Result<Arc<Scanner>, BuiltinError> {
    let names = match call.heap.view(argument(arguments, 2)) {
        View::String(name) => vec![name],
        View::Array(_) | View::Set(_) => call.texts(arguments, 2)?,
        _ => return Err(call.wrong(arguments, 2, "one of {string, array, set}")),
    };
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort();
    names.dedup();
    if let Some(name) = names.iter().find(|name| Detector::named(name).is_none()) {
        return Err(failed(unknown(name)));
    }
    call.charge(10)?;
    call.caches.scanners.get_or_make(&names.join(" "), || {
        Ok(Scanner::new(names.iter().filter_map(|name| Detector::named(name)).collect()))
    })
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = DETECTORS.iter().map(|entry| entry.name()).collect();
    format!("no detector is named `{}`; there are {}", crate::casts::shortened(name), known.join(", "))
}

fn check_name(position: usize, value: &Value) -> Result<(), String> {
    match (position, value) {
        (1, Value::String(name)) if Detector::named(name).is_none() => Err(unknown(name)),
        (1, Value::Array(names)) => names.iter().try_for_each(|name| check_name(1, name)),
        (1, Value::Set(names)) => names.iter().try_for_each(|name| check_name(1, name)),
        _ => Ok(()),
    }
}

fn contains(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let scanner = scanner(call, arguments)?;
    let bytes = call.text(arguments, 1)?.len();
    call.charge(bytes / 10)?;
    Ok(Word::bool(scanner.contains(call.text(arguments, 1)?)))
}

fn find(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let scanner = scanner(call, arguments)?;
    let bytes = call.text(arguments, 1)?.len();
    call.charge(bytes / 10)?;
    let text = call.text(arguments, 1)?;
    // Findings come in the order of the text, so that characters are counted once.
    let (mut counted, mut characters) = (0, 0);
    let mut findings = Vec::new();
    for finding in scanner.find(text) {
        characters += text[counted..finding.range.start].chars().count();
        let found = text[finding.range.clone()].to_owned();
        let start = characters;
        characters += found.chars().count();
        counted = finding.range.end;
        findings.push((finding.kind.name(), found, start, characters));
    }
    let mut items = Vec::new();
    for (kind, found, start, end) in findings {
        let entries = vec![
            (call.heap.string("kind")?, call.heap.string(kind)?),
            (call.heap.string("text")?, call.make_string(&found)?),
            (call.heap.string("start")?, count_word(call, start)?),
            (call.heap.string("end")?, count_word(call, end)?),
        ];
        items.push(call.heap.object(entries)?);
    }
    Ok(call.heap.array(&items)?)
}
