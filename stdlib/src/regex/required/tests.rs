use proptest::prelude::*;

use super::*;
use crate::heap::Heap;
use crate::regex::compile;

/// What a pattern requires, for people: choices by `|`, parts by `&`.
fn required(pattern: &str) -> String {
    let tree = regex_syntax::parse(pattern).expect("valid");
    let mut found = Found::default();
    found.walk(&tree, DEPTH_MAX);
    let choice = |choice: &Vec<u8>| String::from_utf8_lossy(choice).into_owned();
    let part = |part: &Choices| part.iter().map(choice).collect::<Vec<_>>().join("|");
    found.finish().iter().map(part).collect::<Vec<_>>().join(" & ")
}

fn rules_out(pattern: &str, text: &str) -> bool {
    let mut heap = Heap::default();
    let word = heap.string(text).expect("fits");
    let fingerprint = heap.fingerprint(word).expect("short enough");
    compile(pattern).expect("valid").rules_out(fingerprint)
}

#[test]
fn parts_are_those_that_every_match_has() {
    for (pattern, expected) in [
        ("abc", "abc"),
        ("(?i)abc", "abc"),
        ("ab", ""),
        ("abc.def", "abc & def"),
        ("abc*def", "def"),
        ("abcd+ef", "abcd"),
        ("(abc|def)ghi", "abcghi|defghi"),
        ("(abc|d.*)ghi", "ghi"),
        ("(abc|defg.*)x", "abc|defg"),
        (r"\babc\b def$", "abc def"),
        ("[ab]cd[ef]", "acde|acdf|bcde|bcdf"),
        ("abc(def)?ghi", "abc & ghi"),
        ("abc(def){1}ghi", "abcdefghi"),
        ("abc(def){2}ghi", "abcdef & ghi"),
        ("[a-z]+abc", "abc"),
        // The long s and the sign for kelvin are letters s and k.
        ("(?i)ask", "ask|as\u{212a}|a\u{17f}k|a\u{17f}\u{212a}"),
        ("abc|", ""),
        ("", ""),
        (r"[^\s\S]abc", "abc"),
    ] {
        assert_eq!(required(pattern), expected, "{pattern}");
    }
}

#[test]
fn texts_without_a_part_are_ruled_out() {
    let pattern = r"(?i)\bdrop\s+(table|schema)\b";
    for (text, expected) in [
        ("DROP TABLE x", false),
        ("drop the table", false),
        ("drops a chair", true),
        ("table", true),
        ("", true),
        ("drop\n\u{17f}chema", false),
    ] {
        assert_eq!(rules_out(pattern, text), expected, "{text}");
    }
}

#[test]
fn deep_and_wide_patterns_are_left_alone() {
    let deep = format!("{}abc{}", "(".repeat(100), ")".repeat(100));
    assert_eq!(required(&deep), "");
    let wide: Vec<String> = (0..100).map(|at| format!("{at}word")).collect();
    assert_eq!(required(&wide.join("|")), "");
}

/// Patterns of few letters, so that texts of the same letters often match.
fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[a-cA-C]{1,4}",
        2 => "[a-c ]{1,3}",
        1 => prop::sample::select(vec![".", "[ab]", "[^a]", r"\s", r"\b", "k", "^", "é"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let counts = prop::sample::select(vec!["*", "+", "?", "{2}", "{1,2}", "{0,1}"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            (inner.clone(), counts).prop_map(|(part, count)| format!("(?:{part}){count}")),
            inner.prop_map(|part| format!("(?i:{part})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn what_matches_is_never_ruled_out(pattern in patterns(), text in "[a-cA-C kK\u{212a}é\n]{0,24}") {
        let matching = compile(&pattern).expect("valid").regex.is_match(&text);
        prop_assert!(!(rules_out(&pattern, &text) && matching), "{pattern} on {text}");
    }
}
