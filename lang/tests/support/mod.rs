//! A small environment, shared by the tests.

use std::sync::Arc;

use hpol_lang::types::{BuiltinInfo, Environment, SelectorKind, Signature, Target, Type};
use hpol_lang::value::Value;

/// A few builtins, kinds of requests and detectors.
pub(crate) fn environment() -> Environment {
    let mut environment = Environment::default();
    for (name, signature) in [
        ("abs", "(number) -> number"),
        ("concat", "(string, array[string] | set[string]) -> string"),
        ("contains", "(string, string) -> bool"),
        ("count", "(string | array[any] | set[any] | object) -> int"),
        ("endswith", "(string, string) -> bool"),
        ("is_number", "(any) -> bool"),
        ("is_object", "(any) -> bool"),
        ("is_string", "(any) -> bool"),
        ("lower", "(string) -> string"),
        ("max", "(array[T] | set[T]) -> T"),
        ("net.cidr_contains", "(cidr, ip | cidr) -> bool"),
        ("object.get", "(object, any, any) -> any"),
        ("object.union", "(object, object) -> object"),
        ("regex.match", "(regex, string) -> bool"),
        ("glob.match", "(glob, array[string] | null, string) -> bool"),
        ("session.labels", "() -> set[string]"),
        ("session.seen", "(string, string, duration) -> bool"),
        ("split", "(string, string) -> array[string]"),
        ("startswith", "(string, string) -> bool"),
        ("sum", "(array[number] | set[number]) -> number"),
        ("to_number", "(any) -> number"),
        ("http.send", "(map[string, any]) -> map[string, any]"),
        ("walk", "(any) -> array[[array[any], any]]"),
        ("sprintf", "(string, array[any]) -> string"),
    ] {
        let signature = Signature::parse(signature).expect("the signature is well formed");
        let check_literal = (name == "sprintf").then_some(check_format as _);
        environment
            .builtins
            .insert(name.into(), BuiltinInfo { signature, allowed: name != "http.send", check_literal });
    }
    let request = "{method: \"GET\" | \"POST\" | \"DELETE\", path: array[string], headers: map[string, string], \
        time: time, client: {ip: ip}, \
        user?: {id: string, groups: array[string], level: int, suspended?: bool, email?: string}, \
        body: {kind: \"a\", size: int} | {kind: \"b\", name: string}, extra: any, tags: set[string], score: decimal}";
    for (name, selectors, approvals) in [
        ("http.Request", vec![SelectorKind::Text, SelectorKind::Field], true),
        ("queue.Message", vec![SelectorKind::Text], false),
    ] {
        let input = Type::parse(request).expect("the type is well formed");
        let target = Target { name: name.into(), input, selectors, approvals };
        environment.targets.insert(name.into(), target);
    }
    environment.detectors = ["credit_card", "email", "iban"].map(Arc::from).to_vec();
    environment
}

fn check_format(position: usize, value: &Value) -> Result<(), String> {
    match (position, value.as_str()) {
        (0, Some(text)) if text.ends_with('%') => Err("the format ends in the middle of a verb".to_owned()),
        _ => Ok(()),
    }
}
