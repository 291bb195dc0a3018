//! Machine code does what the language says.

use crate::support::{Machine, variants};
use hpol_compiler::{Options, Pass};

/// Rules of one package `p`, and what they are worth with an input.
#[track_caller]
fn check(rules: &str, input: &str, expected: &[(&str, &str)]) {
    let source = format!("package p\n{rules}");
    for options in variants() {
        let mut machine = Machine::new(&[("p.rego", &source)], &options);
        for (rule, value) in expected {
            let shown = machine.show(&format!("data.p.{rule}"), input);
            assert_eq!(shown, *value, "{rule} with {:?}\n{}", options.passes, machine.program);
        }
    }
}

#[test]
fn constants_and_members() {
    check(
        "a := 1\nb := input.user.name\nc := input.user.email\nd := [1, \"x\", {\"k\": {1, 2}}]\ne := input.roles[1]\nf := input.roles[5]",
        r#"{"user": {"name": "ada"}, "roles": ["dba", "dev"]}"#,
        &[
            ("a", "1"),
            ("b", "\"ada\""),
            ("c", "undefined"),
            ("d", "[1, \"x\", {\"k\": {1, 2}}]"),
            ("e", "\"dev\""),
            ("f", "undefined"),
        ],
    );
}

#[test]
fn arithmetic_is_exact_and_leaves_small_integers() {
    check(
        "sum := input.a + input.b\ndiff := input.a - input.b\nproduct := input.a * input.b\nquotient := input.a / input.b\nrest := input.a % input.b\nnegative := 0 - input.a",
        r#"{"a": 7, "b": 2}"#,
        &[("sum", "9"), ("diff", "5"), ("product", "14"), ("quotient", "3.5"), ("rest", "1"), ("negative", "-7")],
    );
    check(
        "sum := input.a + input.a\ndiff := (0 - input.a) - input.a\nproduct := input.a * input.a\nmixed := input.a + 0.5",
        r#"{"a": 2305843009213693951}"#,
        &[
            ("sum", "4611686018427387902"),
            ("diff", "-4611686018427387902"),
            ("product", "5316911983139663487003542222693990401"),
            ("mixed", "2305843009213693951.5"),
        ],
    );
}

#[test]
fn comparison_orders_all_values() {
    check(
        "a if input.n < 3\nb if input.n > 3\nc if input.n <= 2.5\nd if input.s == \"x\"\ne if input.s != \"x\"\nf := input.n < input.s\ng := input.list == [1, 2]\nh := null == input.nothing",
        r#"{"n": 2, "s": "x", "list": [1, 2], "nothing": null}"#,
        &[
            ("a", "true"),
            ("b", "undefined"),
            ("c", "true"),
            ("d", "true"),
            ("e", "undefined"),
            ("f", "true"),
            ("g", "true"),
            ("h", "true"),
        ],
    );
}

#[test]
fn iteration_negation_and_every() {
    check(
        r#"
some_admin if input.users[_].role == "admin"
names := [name | name := input.users[_].name]
indices := {i | input.users[i].role == "dev"}
by_name := {user.name: user.role | some user in input.users}
no_guest if not "guest" in {role | role := input.users[_].role}
all_named if every user in input.users { user.name != "" }
all_admins if every user in input.users { user.role == "admin" }
nested := {[i, j] | some i, _ in input.users; some j, _ in input.users; i < j}
over_empty if every x in [] { x == 1 }
over_nothing if every x in input.missing { x == 1 }
"#,
        r#"{"users": [{"name": "ada", "role": "admin"}, {"name": "bob", "role": "dev"}, {"name": "cy", "role": "dev"}]}"#,
        &[
            ("some_admin", "true"),
            ("names", r#"["ada", "bob", "cy"]"#),
            ("indices", "{1, 2}"),
            ("by_name", r#"{"ada": "admin", "bob": "dev", "cy": "dev"}"#),
            ("no_guest", "true"),
            ("all_named", "true"),
            ("all_admins", "undefined"),
            ("nested", "{[0, 1], [0, 2], [1, 2]}"),
            ("over_empty", "true"),
            ("over_nothing", "undefined"),
        ],
    );
}

#[test]
fn else_default_and_conflicts() {
    check(
        r#"
default level := "low"
level := "high" if input.n > 100
level := "mid" if input.n > 10
chain := "a" if { input.n > 100 } else := "b" if { input.n > 10 } else := "c"
same := 1 if input.n > 0
same := 1 if input.n > 1
clash := x if some x in [1, 2]
f(x) := x + 1 if x > 0
f(0) := "zero"
g := f(input.n)
h := f(0)
i := f(-1)
"#,
        r#"{"n": 50}"#,
        &[
            ("level", "\"mid\""),
            ("chain", "\"b\""),
            ("same", "1"),
            (
                "clash",
                "eval_conflict_error: definitions of one rule must not yield different values for the same input",
            ),
            ("g", "51"),
            ("h", "\"zero\""),
            ("i", "undefined"),
        ],
    );
}

#[test]
fn partial_rules() {
    check(
        r#"
roles contains role if some role in input.roles
roles contains "all"
ports[name] := port if some name, port in input.ports
twice[key] := value if some key, value in {"a": 1}
twice["a"] := 2
empty contains x if { some x in input.roles; x == "none" }
"#,
        r#"{"roles": ["a", "b"], "ports": {"http": 80}}"#,
        &[
            ("roles", r#"{"a", "all", "b"}"#),
            ("ports", r#"{"http": 80}"#),
            ("twice", "eval_conflict_error: an object must not have two values under one key"),
            ("empty", "set()"),
        ],
    );
}

#[test]
fn with_replaces_input_data_and_functions() {
    check(
        r#"
level := input.n
limit := data.q.limit
double(x) := x * 2
a := x if x := level with input.n as 7
b := [level, x] if x := level with input as {"n": 8}
c := x if x := limit with data.q.limit as 9
d := x if x := double(2) with double as 5
e := x if x := count([1]) with count as 42
triple(x) := x * 3
f := x if x := double(2) with double as triple
g contains x if x := input.list[_] with input.list as [1, 2]
h contains [x, y] if { some x in input.list with input.list as [3, 4]; y := input.n }
i := x if x := concat(",", ["a"]) with concat as join
join(by, parts) := sprintf("%s%v", [by, parts])
"#,
        r#"{"n": 1}"#,
        &[
            ("a", "7"),
            ("b", "[1, 8]"),
            ("c", "9"),
            ("d", "5"),
            ("e", "42"),
            ("f", "6"),
            ("g", "{1, 2}"),
            ("h", "{[3, 1], [4, 1]}"),
            ("i", r#"",[\"a\"]""#),
            ("level", "1"),
        ],
    );
}

#[test]
fn builtin_errors_are_absent_unless_strict() {
    let source = "package p\nx := to_number(input.s)\ny := 1 / input.zero\nz := 1 + input.s";
    let input = r#"{"s": "abc", "zero": 0}"#;
    let mut lenient = Machine::new(&[("p.rego", source)], &Options::default());
    assert_eq!(lenient.show("data.p.x", input), "undefined");
    assert_eq!(lenient.show("data.p.y", input), "undefined");
    assert_eq!(lenient.show("data.p.z", input), "undefined");
    let options = Options { strict_builtin_errors: true, ..Options::default() };
    let mut strict = Machine::new(&[("p.rego", source)], &options);
    assert!(strict.show("data.p.x", input).starts_with("eval_builtin_error"));
    assert_eq!(strict.show("data.p.y", input), "eval_builtin_error: divide by zero");
    assert!(strict.show("data.p.z", input).starts_with("eval_type_error"));
}

#[test]
fn long_lists_are_handed_over() {
    let items: Vec<String> = (0..300).map(|index| format!("input.n + {index}")).collect();
    let rules = format!("long := [{}]\nlast := long[299]\nlength := count(long)", items.join(", "));
    check(&rules, r#"{"n": 1}"#, &[("last", "300"), ("length", "300")]);
}

#[test]
fn limits_stop_the_evaluation() {
    let source = "package p\nmany := count([x | some a in numbers.range(1, input.n); some b in numbers.range(1, input.n); x := a + b])";
    let input = r#"{"n": 1000}"#;
    let mut machine = Machine::new(&[("p.rego", source)], &Options::default());
    machine.limits.fuel = 10_000;
    assert!(machine.show("data.p.many", input).starts_with("limit_fuel"));
    machine.limits.fuel = u64::MAX;
    machine.limits.memory_bytes = 100_000;
    assert!(machine.show("data.p.many", input).starts_with("limit_memory"));
    machine.limits.memory_bytes = 64 << 20;
    machine.limits.interrupt = Some(std::sync::Arc::new(true.into()));
    assert!(machine.show("data.p.many", input).starts_with("limit_time"));
    machine.limits.interrupt = None;
    assert_eq!(machine.show("data.p.many", input), "1000000");
}

#[test]
fn a_call_that_fails_leaves_its_register_alone() {
    check(
        r#"
a := input.a
text := x if x := $"{a}, {data.p.b}, {input.n + input.n}" with input as {"n": "no number"}
b := 1 if input.b
"#,
        "{}",
        &[("text", "\"<undefined>, <undefined>, <undefined>\"")],
    );
}

#[test]
fn a_replacement_calls_what_it_stands_for() {
    check(
        r#"
f(x) := 2 * x
g(x) := f(x) + 1
a := x if x := f(10) with f as g
plus(x) := count(x) + 1
b := x if x := count([1]) with count as plus
"#,
        "{}",
        &[("a", "21"), ("b", "2")],
    );
}

#[test]
fn names_look_into_sets() {
    check(
        "roles contains \"dba\"\na if roles.dba\nb if roles.dev\nc := {\"x\"}.x\nd := input.roles.dba",
        r#"{"roles": ["dba"]}"#,
        &[("a", "true"), ("b", "undefined"), ("c", "\"x\""), ("d", "undefined")],
    );
}

#[test]
fn packages_are_objects_even_without_values() {
    let files = [
        ("p.rego", "package p\n\nall := data.q"),
        ("q.rego", "package q\n\na := 1\n\nb.c := 2 if input.never\n\nf(x) := x"),
        ("r.rego", "package q.r\n\ng(x) := x"),
    ];
    for options in variants() {
        let mut machine = Machine::new(&files, &options);
        assert_eq!(machine.show("data.p.all", "{}"), r#"{"a": 1, "b": {}, "r": {}}"#);
    }
}

#[test]
fn what_a_rule_found_is_kept() {
    // Each level asks the one below it twice, so that without a memory the work doubles with each.
    let levels = (1..=10).map(|level| format!("level{level} := level{0} + level{0}\n", level - 1));
    let source = format!("package p\nlevel0 := count(input.items)\n{}", levels.collect::<String>());
    let [kept, again] = [Options { passes: vec![Pass::Memo], ..Options::none() }, Options::none()].map(|options| {
        let mut machine = Machine::new(&[("p.rego", &source)], &options);
        assert_eq!(machine.show("data.p.level10", r#"{"items": [1, 2, 3]}"#), "3072");
        machine.limits.fuel - machine.context.fuel_left()
    });
    assert!(kept < 20 && again > 1000, "{kept} and {again} units of work");
}
