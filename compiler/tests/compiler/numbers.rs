//! What machine code knows of registers, and does not ask.

use std::fmt::Write;

use hpol_compiler::Options;
use hpol_compiler::jit::display_known;
use hpol_compiler::plan::display_function;

use crate::support::{Machine, plan, variants};

/// The plan of some rules, and what is known of its registers.
#[track_caller]
fn known(rules: &str) -> String {
    let source = format!("package p\n\n{rules}");
    let program = plan(&[("p.rego", &source)], &Options::default());
    let mut text = source.trim().to_owned();
    for function in &program.functions {
        let _ = write!(text, "\n\n{}{}", display_function(&program, function), display_known(&program, function));
    }
    text
}

#[test]
fn counts_and_sums_within_bounds() {
    insta::assert_snapshot!(known(
        "a if count(input.list) + count(input.others) * 2 > 10\n\nb := count(input.list) % 7 if count(input.list) != 3"
    ));
}

#[test]
fn places_in_arrays() {
    insta::assert_snapshot!(known(
        "a contains part if { parts := split(input.text, \",\"); some i, part in parts; i < count(parts) - 1; parts[i + 1] == \"x\" }"
    ));
}

#[test]
fn members_of_constants() {
    insta::assert_snapshot!(known(
        "limits := {\"free\": 10, \"paid\": 4294967296}\n\na if limits[input.plan] * 1000000000 > input.size\n\nb if limits[input.plan] * 536870912 > count(input.list)\n\nc if limits[input.plan] * 536870911 > count(input.list)"
    ));
}

#[test]
fn what_with_may_replace_is_not_known() {
    insta::assert_snapshot!(known("a if count(input.list) > 2\n\nb if a with count as 1.5"));
}

#[test]
fn what_comes_from_outside_is_not_known() {
    let source = "package p\n\ninput: Call\n\ntype Call = {size: int, at: time, parts: array[int]}\n\n\
                  a if input.size > 3\n\nb if { some part in input.parts; part + 1 > input.size }\n\nc if input.at < time.now_ns()\n";
    let program = plan(&[("p.hpol", source)], &Options::default());
    for function in &program.functions {
        let known = display_known(&program, function);
        let integers = known.lines().filter(|line| line.contains("integer"));
        // Those of the text alone.
        let text = ["an integer of 3 to 3", "an integer of 1 to 1"];
        assert!(
            integers.clone().all(|line| text.iter().any(|text| line.ends_with(text))),
            "{}\n{known}",
            function.name
        );
    }
}

/// Integers at and beyond the bounds of a word are the same on every way to them.
#[test]
fn bounds_of_a_word() {
    let source = "package p
max := 2305843009213693951
n := count(input.list)
sum := max + n
beyond := (max + n) + n
difference := (0 - max) - n
below := ((0 - max) - n) - n
product := (n * 1152921504606846975) * n
larger := (n * 1152921504606846976) * n
rest := (n - 5) % 2
none := n % (n - 2)
above if max + n > max
equal if max + n == 2305843009213693952
places := [value | some i, value in split(input.text, \",\"); i + n > 2; i - n < 1]
at := [input.list[i - 1] | some i, _ in split(input.text, \",\")]
";
    for options in variants() {
        let mut machine = Machine::new(&[("p.rego", source)], &options);
        let mut check = |list: &str, expected: &[(&str, &str)]| {
            let input = format!(r#"{{"list": {list}, "text": "a,b,c,d"}}"#);
            for (rule, value) in expected {
                let shown = machine.show(&format!("data.p.{rule}"), &input);
                assert_eq!(shown, *value, "{rule} of {list} with {:?}\n{}", options.passes, machine.program);
            }
        };
        check(
            "[]",
            &[
                ("sum", "2305843009213693951"),
                ("difference", "-2305843009213693951"),
                ("above", "undefined"),
                ("rest", "-1"),
                ("none", "0"),
                ("at", "[]"),
            ],
        );
        check(
            "[7]",
            &[
                ("sum", "2305843009213693952"),
                ("beyond", "2305843009213693953"),
                ("difference", "-2305843009213693952"),
                ("below", "-2305843009213693953"),
                ("equal", "true"),
                ("places", "[]"),
            ],
        );
        check(
            "[7, 8]",
            &[
                ("product", "4611686018427387900"),
                ("larger", "4611686018427387904"),
                ("none", "undefined"),
                ("rest", "-1"),
                ("above", "true"),
                ("places", r#"["b", "c"]"#),
                ("at", "[7, 8]"),
            ],
        );
    }
}
