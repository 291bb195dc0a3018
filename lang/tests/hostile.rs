//! Programs that try to make the checker slow, large or deep: each gets an answer in bounded time and memory.

mod support;

use std::fmt::Write as _;

use hpol_lang::check::Checked;
use hpol_lang::load::{LoadLimits, PolicyFile, load};

fn check(text: &str) -> Checked {
    load(&[PolicyFile::new("policy.hpol", text)], &support::environment(), &LoadLimits::default())
}

fn lines(head: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(head.to_owned(), |mut text, number| {
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.diagnostics.iter().map(|found| found.code).collect()
}

#[test]
fn long_chains_of_rules_are_fine() {
    let text = lines("package t\nr5000 := 1\n", 5_000, |number| format!("r{number} := r{}", number + 1));
    let checked = check(&text);
    assert_eq!(codes(&checked), Vec::<&str>::new());
    assert_eq!(checked.program.expect("it is well formed").rules.len(), 5_001);
}

#[test]
fn long_cycles_are_named_in_short() {
    let text = lines("package t\n", 5_000, |number| format!("r{number} := r{}", (number + 1) % 5_000));
    let checked = check(&text);
    assert_eq!(codes(&checked), ["recursion"]);
    assert!(checked.diagnostics[0].message.len() < 500);
}

#[test]
fn many_definitions_are_told_apart_at_once() {
    let text = lines("package t\n", 5_000, |number| format!("f(x) := {number} if x == \"k{number}\""));
    assert_eq!(codes(&check(&text)), Vec::<&str>::new());
    let text = lines("package t\n", 2_000, |number| format!("f(x) := {number} if x != \"k{number}\""));
    assert_eq!(codes(&check(&text)), ["overlapping-definitions"]);
}

#[test]
fn conditions_in_the_wrong_order_are_sorted() {
    let body = lines("", 3_000, |number| format!("  x{number} := x{} + 1", number + 1));
    let checked = check(&format!("package t\n\nr := x0 if {{\n{body}  x3000 := 1\n}}\n"));
    assert_eq!(codes(&checked), Vec::<&str>::new());
}

#[test]
fn types_that_double_at_each_step_stay_small() {
    let rules =
        lines("package t\nr0 := [input.x, 1]\n", 60, |number| format!("r{0} := [r{number}, r{number}]", number + 1));
    assert_eq!(codes(&check(&rules)), Vec::<&str>::new());
    let variables = lines("", 60, |number| format!("  x{0} := {{\"a\": x{number}, \"b\": x{number}}}", number + 1));
    let checked = check(&format!("package t\n\nr := x60 if {{\n  x0 := [input.x]\n{variables}}}\n"));
    assert_eq!(codes(&checked), Vec::<&str>::new());
    let types = lines("package t\ntype T60 = int\n", 60, |number| format!("type T{number} = [T{0}, T{0}]", number + 1));
    assert!(codes(&check(&types)).contains(&"type-too-large"));
}

#[test]
fn large_literals_are_fine() {
    let set: Vec<String> = (0..20_000).map(|number| format!("\"v{number}\"")).collect();
    let object: Vec<String> = (0..10_000).map(|number| format!("\"v{number}\": {number}")).collect();
    let text = format!(
        "package t\na := {{{}}}\nb := {{{}}}\nc if input.x in a\nd := b[input.x]\n",
        set.join(", "),
        object.join(", ")
    );
    assert_eq!(codes(&check(&text)), Vec::<&str>::new());
    let choices: Vec<String> = (0..1_900).map(|number| format!("\"v{number}\"")).collect();
    let text = format!("package t\ntype E = {}\nf(x) -> E := \"v7\"\ng if f(1) == \"v1899\"\n", choices.join(" | "));
    assert_eq!(codes(&check(&text)), Vec::<&str>::new());
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let wrap = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("package t\nr := {}{inner}{}\n", open.repeat(depth), close.repeat(depth))
    };
    for depth in [20, 40, 60, 63] {
        for (open, inner, close) in [
            ("[", "1", "]"),
            ("(", "input.x", ")"),
            ("count([", "1", "])"),
            ("{\"a\": ", "1", "}"),
            ("[x | x := ", "1", "]"),
            ("input.x[", "1", "]"),
        ] {
            let checked = check(&wrap(open, inner, close, depth));
            assert!(checked.diagnostics.len() < 200, "`{open}` at {depth}");
        }
        let nots = format!("package t\nr if {}input.x{}\n", "not { ".repeat(depth), " }".repeat(depth));
        assert!(check(&nots).diagnostics.len() < 10);
        let every = format!("package t\nr if {}input.x{}\n", "every x in input.y { ".repeat(depth), " }".repeat(depth));
        assert!(check(&every).diagnostics.len() < 200);
    }
    let sum = format!("package t\nr := 1{}\n", " + 1".repeat(20_000));
    let _ = check(&sum);
}

#[test]
fn references_to_whole_packages_are_bounded() {
    let rules = lines("package a\n", 1_500, |number| format!("r{number} := {number}"));
    let uses = lines("package b\n", 1_500, |number| format!("s{number} := data.a[input.x]"));
    let files = [PolicyFile::new("a.hpol", rules), PolicyFile::new("b.hpol", uses)];
    let checked = load(&files, &support::environment(), &LoadLimits::default());
    assert_eq!(codes(&checked), ["too-many-uses"]);
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let text = lines("package t\n", 20_000, |number| format!("r{number} := nothing{number}"));
    let checked = check(&text);
    assert!(checked.program.is_none());
    assert!(checked.diagnostics.len() <= 1_000, "{}", checked.diagnostics.len());
}
