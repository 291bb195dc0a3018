//! Formatting keeps meaning and comments, and formatting twice changes nothing: for written examples and for generated text.

use std::fs;

use hpol_lang::ast::Module;
use hpol_lang::diagnostic;
use hpol_lang::format::format;
use hpol_lang::parse::{ParseLimits, parse};
use hpol_lang::source::SourceMap;
use proptest::prelude::*;

/// Parses a text that has no mistakes.
fn module(name: &str, text: &str) -> (SourceMap, Module) {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
    let rendered = diagnostic::render(&diagnostics, &sources, false);
    assert!(diagnostics.is_empty(), "this does not parse:\n{text}\n{rendered}");
    (sources, module.expect("a file without mistakes has a module"))
}

/// Formats, and checks everything that formatting must keep.
fn checked(name: &str, text: &str) -> String {
    let (sources, before) = module(name, text);
    let formatted = format(&sources, &before);
    let (sources, after) = module(name, &formatted);
    assert_eq!(before.tree(), after.tree(), "the meaning changed:\n{text}\n---\n{formatted}");
    let comments = |module: &Module| module.comments.iter().map(|comment| comment.text.clone()).collect::<Vec<_>>();
    let (mut kept, mut had) = (comments(&after), comments(&before));
    kept.sort();
    had.sort();
    assert_eq!(kept, had, "comments changed:\n{text}\n---\n{formatted}");
    assert_eq!(format(&sources, &after), formatted, "formatting twice differs:\n{text}");
    formatted
}

#[test]
fn examples() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "layouts" }, {
        insta::glob!("layouts/*.{hpol,rego}", |path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("test files have plain names");
            let text = fs::read_to_string(path).expect("test files can be read");
            insta::assert_snapshot!(checked(name, &text));
        });
    });
}

#[test]
fn trees_keep_their_meaning() {
    for entry in fs::read_dir("tests/trees").expect("the folder is there") {
        let path = entry.expect("its entries can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("test files have plain names");
        if name.ends_with(".hpol") || name.ends_with(".rego") {
            checked(name, &fs::read_to_string(&path).expect("test files can be read"));
        }
    }
}

/// Space between two words within brackets, where lines and comments may stand.
fn gap() -> BoxedStrategy<String> {
    prop_oneof![
        6 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\n\n  ".to_owned()),
        1 => "[a-z]{1,3}".prop_map(|word| format!(" # {word}\n")),
        1 => "[a-z]{1,3}".prop_map(|word| format!("\n# {word}\n\n# {word}{word}\n")),
    ]
    .boxed()
}

fn name() -> BoxedStrategy<String> {
    prop_oneof![
        Just("input.user.name".to_owned()),
        Just("x".to_owned()),
        Just("data.roles[x]".to_owned()),
        Just("input[\"a b\"]".to_owned()),
        "[a-z]{12,30}".prop_map(|word| format!("input.{word}")),
    ]
    .boxed()
}

fn expression() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        name(),
        Just("\"text\"".to_owned()),
        Just("`raw\n  text`".to_owned()),
        Just("$\"a {x + 1} b\"".to_owned()),
        Just("-12.50".to_owned()),
        Just("- 3".to_owned()),
        Just("set()".to_owned()),
        Just("{}".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = proptest::collection::vec((inner.clone(), gap(), gap()), 1..4);
        let joined = list.prop_map(|items| {
            items.iter().map(|(item, before, after)| format!("{before}{item}{after}")).collect::<Vec<_>>().join(",")
        });
        let joined = joined.boxed();
        let operator = proptest::sample::select(vec!["+", "-", "*", "&", "==", "<", "in"]);
        let condition =
            (inner.clone(), gap()).prop_map(|(value, space)| format!("some x in{space}{value}; x > 1")).boxed();
        prop_oneof![
            joined.clone().prop_map(|items| format!("[{items}]")),
            joined.clone().prop_map(|items| format!("{{{items},}}")),
            joined.prop_map(|items| format!("f.g({items})")),
            (inner.clone(), gap(), inner.clone()).prop_map(|(key, space, value)| format!("{{{key}:{space}{value}}}")),
            (inner.clone(), gap(), operator, inner.clone())
                .prop_map(|(left, space, operator, right)| format!("({left}{space}{operator} {right})")),
            (condition.clone(), gap()).prop_map(|(body, space)| format!("[x |{space}{body}{space}]")),
            (inner, condition).prop_map(|(value, body)| format!("{{x: {value} | {body}}}")),
        ]
    })
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let plain = prop_oneof![
        expression().prop_map(|value| format!("x == {value}")),
        expression().prop_map(|value| format!("x := {value}")),
        expression().prop_map(|value| format!("not {value} with input as 1")),
        (expression(), expression()).prop_map(|(left, right)| format!("x == {left} or not y == {right}")),
        expression().prop_map(|value| format!("some k, v in {value}")),
    ];
    plain
        .prop_recursive(2, 6, 2, |inner| {
            prop_oneof![
                (inner.clone(), gap()).prop_map(|(body, space)| format!("every v in xs {{{space}{body}\n}}")),
                (inner.clone(), inner.clone()).prop_map(|(first, second)| format!("not {{ {first}; {second} }}")),
                (inner.clone(), inner).prop_map(|(first, second)| format!("{{ {first}; {second} }} and z")),
            ]
        })
        .boxed()
}

fn item() -> BoxedStrategy<String> {
    let body = proptest::collection::vec((condition(), gap()), 1..4).prop_map(|lines| {
        let lines: Vec<String> = lines.iter().map(|(line, space)| format!("{space}{line}")).collect();
        format!("{{{}\n}}", lines.join("\n"))
    });
    let body = body.boxed();
    prop_oneof![
        (expression(), body.clone()).prop_map(|(value, body)| format!("p := {value} if {body} else := 2 if {body}")),
        (expression(), body.clone()).prop_map(|(value, body)| format!("p contains {value} if {body}")),
        condition().prop_map(|condition| format!("f(x, _) := x if {condition}")),
        (body.clone(), gap()).prop_map(|(body, space)| format!("allow \"some id\"{space}if {body}")),
        (expression(), gap(), body.clone())
            .prop_map(|(text, space, body)| format!("deny \"id\" because {text}{space}unless y if {body}")),
        (expression(), body.clone()).prop_map(|(by, body)| format!("approve \"id\" by {by} within 5m if {body}")),
        expression().prop_map(|value| format!("mask \"m\" any field({value}) using last(4) unless {value}")),
        (expression(), body).prop_map(|(cases, body)| format!("test \"t\" for c in {cases} {body}")),
        gap().prop_map(|space| format!("type T = {{a: int,{space}b?: [string, null]{space}}}")),
        expression().prop_map(|value| format!("counter c = sum({value}) per x, y window 1h")),
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn generated_text_keeps_its_meaning(
        items in proptest::collection::vec((item(), gap()), 1..4),
        begin in gap(),
    ) {
        let items: Vec<String> = items.iter().map(|(item, space)| format!("{item}\n{space}")).collect();
        checked("generated.hpol", &format!("{begin}package a.b\n{}", items.join("\n")));
    }
}
