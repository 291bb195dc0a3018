//! Text that is made to exhaust a parser gets an error: on the stack of an ordinary thread, in a debug build.

use std::thread;

use hpol_lang::diagnostic::{self, Diagnostic};
use hpol_lang::format::format;
use hpol_lang::parse::{ParseLimits, parse, parse_type};
use hpol_lang::source::SourceMap;

/// Stack of a thread of the Rust standard library.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Repetitions that would overflow any stack and any patience.
const MANY: usize = 100_000;

/// The usual limits, except that the texts here may be long.
fn limits() -> ParseLimits {
    ParseLimits { file_bytes_max: 4 * MANY * 10, ..ParseLimits::default() }
}

/// Runs `work` on an ordinary stack.
fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let builder = thread::Builder::new().stack_size(STACK_BYTES);
    builder.spawn(work).expect("a thread can be started").join().expect("parsing does not panic")
}

fn findings(name: &'static str, text: String) -> Vec<Diagnostic> {
    on_thread(move || {
        let mut sources = SourceMap::new();
        let file = sources.add(name, text);
        let (module, diagnostics) = parse(&sources, file, &limits());
        diagnostic::render(&diagnostics, &sources, false);
        drop(module);
        diagnostics
    })
}

fn codes(name: &'static str, text: String) -> Vec<&'static str> {
    findings(name, text).into_iter().map(|finding| finding.code).collect()
}

/// `package a`, a declaration that begins with `before`, and `open` repeated, then `middle`, `close` repeated, and `after`.
fn nested(before: &str, open: &str, middle: &str, close: &str, after: &str, count: usize) -> String {
    format!("package a\n\n{before}{}{middle}{}{after}\n", open.repeat(count), close.repeat(count))
}

/// Every bracket that nests: what begins the declaration, the opening, what stands inside, the closing.
const NESTING: [(&str, &str, &str, &str); 17] = [
    ("p := ", "(", "x", ")"),
    ("p := ", "[", "x", "]"),
    ("p := ", "{", "x", "}"),
    ("p := ", "{\"a\": ", "x", "}"),
    ("p := ", "{x: ", "y", " | z}"),
    ("p := ", "f(", "x", ")"),
    ("p := ", "a[", "x", "]"),
    ("p := ", "[x | y := ", "z", "]"),
    ("p := ", "{x | y := ", "z", "}"),
    ("p := ", "$\"{", "x", "}\""),
    ("p := ", "$`{", "x", "}`"),
    ("p if ", "{", "x", "}"),
    ("p if ", "not {", "x", "}"),
    ("p if ", "{ x; y and ", "{ x; z }", " }"),
    ("p if ", "every x in xs {", "y", "}"),
    ("type T = ", "{a: ", "int", "}"),
    ("type T = ", "[", "int", "]"),
];

#[test]
fn deep_brackets_are_refused() {
    for (before, open, middle, close) in NESTING {
        assert_eq!(codes("a.hpol", nested(before, open, middle, close, "", MANY)), ["too-deep"], "{open}");
        assert_eq!(codes("a.hpol", nested(before, open, "", "", "", MANY)), ["too-deep"], "{open} unclosed");
    }
    assert_eq!(codes("a.hpol", nested("type T = ", "array[", "int", "]", "", MANY)), ["too-deep"]);
}

#[test]
fn brackets_up_to_the_limit_parse_and_format() {
    for (before, open, middle, close) in NESTING {
        // A template and its hole count as two; conditions within braces add to the height of the tree.
        let text = nested(before, open, middle, close, "", 20);
        let formatted = on_thread(move || {
            let mut sources = SourceMap::new();
            let file = sources.add("a.hpol", text);
            let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
            assert_eq!(diagnostic::render(&diagnostics, &sources, false), "");
            let module = module.expect("a file without mistakes has a module");
            let tree = module.clone().tree();
            (format(&sources, &module), tree)
        });
        assert!(!formatted.0.is_empty() && !formatted.1.is_empty());
    }
}

#[test]
fn any_depth_is_a_tree_or_an_error() {
    for (before, open, middle, close) in NESTING {
        for depth in [30, 31, 32, 33, 60, 61, 62, 63, 64, 65, 66] {
            let text = nested(before, open, middle, close, "", depth);
            let codes = codes("a.hpol", text);
            assert!(codes.is_empty() || codes == ["too-deep"], "{open} {depth}: {codes:?}");
        }
    }
}

/// Brackets that fail at their innermost point: nothing may be tried again on every level.
#[test]
fn failing_deep_inside_takes_no_longer() {
    for (before, open, _, close) in NESTING {
        let codes = codes("a.hpol", nested(before, open, "@ 1 1", close, "", 30));
        assert_eq!(codes.len(), 1, "{open}: {codes:?}");
    }
}

#[test]
fn long_chains_are_refused() {
    let refused = [
        ("p := ", "x + ", "x", MANY),
        ("p if ", "not ", "x", MANY),
        ("p := ", "-", "x", MANY),
        ("p := ", "- ", "x", 10_000),
        ("p := ", "x == ", "x", 10_000),
        ("p := ", "x in ", "x", 10_000),
        ("p if ", "x and ", "x", 10_000),
        ("p if ", "x or ", "x", 10_000),
        ("p if x := ", "x := ", "x", 10_000),
    ];
    for (before, link, end, count) in refused {
        let codes = codes("a.hpol", nested(before, link, end, "", "", count));
        assert_eq!(codes, ["too-deep"], "{link}");
    }
}

#[test]
fn long_flat_text_is_read() {
    let read = [
        ("p := x", ".a", ""),
        ("p := x", "[0]", ""),
        ("p := [", "1,", "]"),
        ("p := f(", "1,", "1)"),
        ("p := {", "\"a\": 1,", "}"),
        ("p if x", " with a as 1", ""),
        ("p := 1 if x", " else := 2", ""),
        ("p := 1 if x", "\nelse := 2 if y", ""),
        ("p if {", "x\n", "}"),
        ("p if {", "x;", "}"),
        ("type T = int", " | int", ""),
        ("p := 1", "\n\n", ""),
        ("p := 1", "\n# comment", ""),
        ("p := \"", "é", "\""),
        ("p := $\"", "é", "\""),
        ("p := $\"", "{x}", "\""),
        ("p := 1", "\np := 1", ""),
        ("p if some x", ", x", ""),
    ];
    for (before, link, end) in read {
        let codes = codes("a.hpol", nested(before, link, end, "", "", 10_000));
        assert_eq!(codes, [""; 0], "{link}");
    }
}

#[test]
fn nonsense_without_brackets_is_refused() {
    for link in [
        "every x in ",
        "some x in ",
        "if ",
        "else ",
        "with ",
        "import ",
        "package ",
        "@a ",
        "expect ",
        "expect not ",
        ":= ",
        ". ",
        "? ",
        "| ",
    ] {
        let codes = codes("a.hpol", nested("p if ", link, "x", "", "", 30_000));
        assert!(!codes.is_empty(), "{link}");
        assert!(codes.len() <= ParseLimits::default().diagnostics_max, "{link}");
    }
    for text in ["f(x)".to_owned() + &"(x)".repeat(20_000), "x".to_owned() + &"?".repeat(20_000)] {
        assert!(!codes("a.hpol", format!("package a\np := {text}")).is_empty());
    }
}

#[test]
fn many_mistakes_are_cut_off() {
    let text = "package a\n".to_owned() + &"p := )\n".repeat(20_000);
    assert_eq!(codes("a.hpol", text).len(), ParseLimits::default().diagnostics_max);
    let text = "package a\n".to_owned() + &"p := \"\\q\"\n".repeat(20_000);
    assert_eq!(codes("a.hpol", text).len(), ParseLimits::default().diagnostics_max);
}

#[test]
fn large_files_are_refused() {
    assert_eq!(codes("a.hpol", "package a\n".to_owned() + &"p := 1\n".repeat(1_500_000)), ["file-too-large"]);
    assert_eq!(codes("a.hpol", "package a\n".to_owned() + &"p:=1\n".repeat(120_000)), ["file-too-large"]);
    assert_eq!(codes("a.rego", format!("package a\np := \"{}\"", "x".repeat(5_000_000))), ["file-too-large"]);
}

#[test]
fn deep_types_are_refused() {
    let codes = on_thread(|| {
        let mut sources = SourceMap::new();
        let file = sources.add("type.hpol", "array[".repeat(MANY) + "int" + &"]".repeat(MANY));
        let findings = parse_type(&sources, file, &limits()).expect_err("this is too deep");
        findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    });
    assert_eq!(codes, ["too-deep"]);
}

/// Numbers that would take gigabytes written out.
#[test]
fn huge_numbers_are_refused() {
    assert_eq!(codes("a.hpol", "package a\np := 1e999999999".to_owned()), ["bad-number"]);
    assert_eq!(codes("a.hpol", format!("package a\np := {}", "9".repeat(100_000))), ["bad-number"]);
    assert_eq!(codes("a.hpol", "package a\np := 999999999999999h".to_owned()), ["bad-duration"]);
}
