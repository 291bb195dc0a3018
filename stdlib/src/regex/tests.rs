//! Patterns beside what RE2 makes of them.

use super::*;

fn matches_all(pattern: &str, text: &str) -> bool {
    compile(&format!("^(?:{pattern})$")).unwrap_or_else(|error| panic!("{pattern}: {error}")).regex.is_match(text)
}

#[test]
fn classes_know_ascii_only() {
    for (pattern, matching, other) in [
        (r"\d", "7", "٧"),
        (r"\w", "_", "é"),
        (r"\s", "\t", "\u{a0}"),
        (r"\S", "\u{b}", " "),
        (r"[\d-]", "-", "٧"),
        (r"[^\W]", "a", "é"),
        (r"[[:word:]]", "a", "é"),
        (r"\D", "٧", "7"),
    ] {
        assert!(matches_all(pattern, matching), "{pattern} on {matching}");
        assert!(!matches_all(pattern, other), "{pattern} on {other}");
    }
    assert!(compile(r"é\b").expect("valid").regex.find("é").is_none(), "no word ends after é");
    assert!(compile(r"\Ba").expect("valid").regex.is_match("ba"));
    assert!(compile(r"(?i)straße|ÄPFEL").expect("valid").regex.is_match("äpfel"));
}

#[test]
fn notation_of_re2_is_read() {
    for (pattern, text) in [
        (r"\Qa.b\E+", "a.bb"),
        (r"a{,2}", "a{,2}"),
        (r"a{x}", "a{x}"),
        (r"{", "{"),
        (r"x{2,3}", "xxx"),
        (r"[[a]", "["),
        (r"[a&&b]", "&"),
        (r"[]a]", "]"),
        (r"[^]a]", "b"),
        (r"[a\]b]", "]"),
        (r"[+--]", "-"),
        (r"\<a\>", "<a>"),
        (r"\101", "A"),
        (r"\x41\x{42}", "AB"),
        (r"(?P<n>a)(?<m>b)(?:c)", "abc"),
        (r"(?s).", "\n"),
        (r"\pL\p{Greek}", "éα"),
        (r"\$\.\-\/", "$.-/"),
        (r"[\-a~~b]", "~"),
    ] {
        assert!(matches_all(pattern, text), "{pattern} on {text}");
    }
}

#[test]
fn what_re2_refuses_is_refused() {
    for pattern in
        ["[", "(", "a**", r"\", r"\u0041", r"\h", r"(?x)a b", r"(?=a)", r"\1", r"a{1001}", "[b-a]", r"[[:no:]]", "[a"]
    {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn large_patterns_are_refused() {
    let error = compile("((a{1000}){1000}){1000}").expect_err("too large");
    assert!(error.contains("too large"), "{error}");
}

#[test]
fn texts_are_split_as_go_does() {
    for (pattern, text, parts) in [
        ("a", "banana", vec!["b", "n", "n", ""]),
        ("a*", "baac", vec!["b", "c"]),
        ("^[a-z]+", "foobar baz", vec!["", " baz"]),
        ("[a-z]+$", "foobar baz", vec!["foobar ", ""]),
        ("x", "", vec![""]),
        ("", "ab", vec!["a", "b"]),
    ] {
        let mut found = Vec::new();
        split_parts(&compile(pattern).expect("valid").regex, text, &mut found);
        let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, parts, "{pattern} on {text}");
    }
}

#[test]
fn large_patterns_cost_more() {
    let fuel = |pattern: &str| compile(pattern).expect("valid").fuel(1 << 10);
    assert!(fuel("^[a-z]+$") < 100);
    assert!(fuel("[ab]*a[ab]{900}") > fuel("^[a-z]+$"));
    assert!(fuel(r"\pL{20}") > 5 * fuel("[ab]*a[ab]{900}"));
}

/// Whether a pattern of a program matches each of some texts, and the fuel for that: once the first time the pattern is asked,
/// once when it is known with many others, once as a pattern that comes with a request.
#[test]
fn known_patterns_match_and_cost_as_others() {
    let patterns = [r"(?i)\bdrop\s+table\b", "truncate", r"or\s+1=1", "^x", "a{3}b{3}"];
    let texts = ["DROP  TABLE a", "drop", "truncate", "or 1=1", "xaaabbb", "", &"long text ".repeat(400)];
    let mut builder = Heap::for_freezing();
    let frozen: Vec<Word> = patterns.iter().map(|pattern| builder.string(pattern).expect("fits")).collect();
    let (mut known, mut other) = (Heap::new(builder.into_frozen(), usize::MAX), Heap::default());
    let mut caches = crate::builtin::Caches::default();
    let asked = |heap: &mut Heap, caches: &mut crate::builtin::Caches, pattern: Word, text: &str| {
        let (text, mut fuel) = (heap.string(text).expect("fits"), 10_000);
        let state = &mut crate::state::State::default();
        let mut call = Call { heap, caches, state, now_nanoseconds: 0, fuel: &mut fuel };
        let matching = matches(&mut call, &[pattern, text]).expect("no error");
        (matching, fuel)
    };
    for _ in 0..2 {
        for (pattern, word) in patterns.iter().zip(&frozen) {
            for text in texts {
                let plain = other.string(pattern).expect("fits");
                let expected = asked(&mut other, &mut crate::builtin::Caches::default(), plain, text);
                assert_eq!(expected.0, Word::bool(compile(pattern).expect("valid").regex.is_match(text)));
                assert_eq!(asked(&mut known, &mut caches, *word, text), expected, "{pattern} on {text}");
            }
        }
    }
}
