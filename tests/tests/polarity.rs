//! What becomes of a condition that is true, false, absent or fails, wherever it stands and whatever the rule does: on every
//! engine. The tables say it; `docs/language.md` explains it.

use hpol_lang::value::{JsonLimits, Value, parse_json};
use hpol_runtime::source::Files;
use hpol_runtime::{Decision, Effect, Input, Limits};
use hpol_tests::engines::Engines;

/// How a condition comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    True,
    False,
    Absent,
    Fails,
}

use Outcome::{Absent, Fails, False, True};

/// A way to ask whether ten divided by something is ten.
struct Form {
    name: &'static str,
    /// Rules that it needs.
    rules: &'static str,
    condition: &'static str,
    /// How it comes out where that something is 1, 2, not there, and 0.
    outcomes: [Outcome; 4],
    /// Whether it may stand where it grants: a `not` on something that may be absent may not.
    grants: bool,
}

const fn form(name: &'static str, rules: &'static str, condition: &'static str, outcomes: [Outcome; 4]) -> Form {
    Form { name, rules, condition, outcomes, grants: true }
}

/// Nothing is known until something takes the absence up: an `else`, a default, a `not`, a value in its place.
const FORMS: &[Form] = &[
    form("in the rule itself", "", "10 / input.n == 10", [True, False, Absent, Fails]),
    form("in a rule", "h if 10 / input.n == 10", "h", [True, False, Absent, Fails]),
    form("in a rule of a rule", "g if 10 / input.n == 10\nh if g", "h", [True, False, Absent, Fails]),
    form("in a rule's value", "h := 10 / input.n", "h == 10", [True, False, Absent, Fails]),
    form("with else", "h := true if 10 / input.n == 10\nelse := false", "h", [True, False, False, Fails]),
    form("with a default", "default h := false\nh if 10 / input.n == 10", "h", [True, False, False, Fails]),
    form("in a function", "f(x) if 10 / x == 10", "f(input.n)", [True, False, Absent, Fails]),
    form("inside a function", "f(x) if x / input.n == 10", "f(10)", [True, False, Absent, Fails]),
    form("in a comprehension", "", "count([1 | 10 / input.n == 10]) == 1", [True, False, Absent, Fails]),
    form("in a set of a rule", "s contains 1 if 10 / input.n == 10", "1 in s", [True, False, Absent, Fails]),
    form("in every", "", "every x in [10] { x / input.n == 10 }", [True, False, Absent, Fails]),
    form("over elements", "", "some x in input.list; 10 / x.n == 10", [True, False, Absent, Fails]),
    form("in a document", "", "10 / data.table[input.key] == 10", [True, False, Absent, Fails]),
    form("with another value in its place", "", "10 / object.get(input, \"n\", 2) == 10", [True, False, False, Fails]),
    Form { grants: false, ..form("behind not", "", "not 10 / input.n == 10", [False, True, True, Fails]) },
    Form {
        grants: false,
        ..form("in a rule behind not", "h if 10 / input.n == 10", "not h", [False, True, True, Fails])
    },
];

/// A rule with a condition, and what is decided for each outcome of it.
struct Polarity {
    name: &'static str,
    /// The rules; `?` stands for the condition.
    rules: &'static str,
    /// For true, false, absent and failing.
    effects: [Effect; 4],
    grants: bool,
}

const POLARITIES: &[Polarity] = &[
    Polarity {
        name: "allow",
        rules: "allow \"a\" if { ? }",
        effects: [Effect::Allow, Effect::Deny, Effect::Deny, Effect::Deny],
        grants: true,
    },
    Polarity {
        name: "deny",
        rules: "allow \"all\"\ndeny \"d\" if { ? }",
        effects: [Effect::Deny, Effect::Allow, Effect::Deny, Effect::Deny],
        grants: false,
    },
    Polarity {
        name: "approve",
        rules: "allow \"all\"\napprove \"p\" by group(\"g\") if { ? }",
        effects: [Effect::Approve, Effect::Allow, Effect::Approve, Effect::Approve],
        grants: false,
    },
    Polarity {
        name: "mask",
        rules: "allow \"all\"\nmask \"m\" any text using hash if { ? }",
        effects: [Effect::Mask, Effect::Allow, Effect::Mask, Effect::Mask],
        grants: false,
    },
    Polarity {
        name: "deny unless",
        rules: "allow \"all\"\ndeny \"d\" unless { ? }",
        effects: [Effect::Allow, Effect::Deny, Effect::Deny, Effect::Deny],
        grants: true,
    },
    Polarity {
        name: "approve unless",
        rules: "allow \"all\"\napprove \"p\" by group(\"g\") unless { ? }",
        effects: [Effect::Allow, Effect::Approve, Effect::Approve, Effect::Approve],
        grants: true,
    },
    Polarity {
        name: "mask unless",
        rules: "allow \"all\"\nmask \"m\" any text using hash unless { ? }",
        effects: [Effect::Allow, Effect::Mask, Effect::Mask, Effect::Mask],
        grants: true,
    },
];

/// Requests in which that something is 1, 2, not there, and 0.
const REQUESTS: [&str; 4] = [
    r#"{"n": 1, "key": "one", "list": [{"n": 1}]}"#,
    r#"{"n": 2, "key": "two", "list": [{"n": 2}]}"#,
    r#"{"key": "none", "list": [{}]}"#,
    r#"{"n": 0, "key": "zero", "list": [{"n": 0}]}"#,
];

fn json(text: &str) -> Value {
    parse_json(text, JsonLimits::default()).expect("the request is JSON")
}

/// What is wrong with a decision, if anything is.
fn wrong(decision: &Decision, outcome: Outcome, polarity: &Polarity) -> Option<String> {
    let at = match outcome {
        True => 0,
        False => 1,
        Absent => 2,
        Fails => 3,
    };
    if decision.effect != polarity.effects[at] {
        return Some(format!("decides {:?}, not {:?}", decision.effect, polarity.effects[at]));
    }
    let told = match outcome {
        // An allow that does not hold grants nothing; what it did not find is told all the same.
        Absent => !decision.absent.is_empty(),
        Fails => !decision.errors.is_empty(),
        True | False => decision.errors.is_empty(),
    };
    (!told).then(|| format!("does not say why: absent {:?}, errors {:?}", decision.absent, decision.errors))
}

#[test]
fn conditions_count_as_the_tables_say() {
    let mut failures = Vec::new();
    let mut count = 0;
    for form in FORMS {
        for polarity in POLARITIES.iter().filter(|polarity| form.grants || !polarity.grants) {
            let rules = polarity.rules.replace('?', form.condition);
            let policy = format!(
                "package p\n\ninput: R\n\ntype R = {{n?: int, key: string, list: array[{{n?: int}}]}}\n\n{}\n{rules}\n",
                form.rules
            );
            let files = Files::from_memory([
                ("policy.hpol", policy.as_str()),
                ("table.json", r#"{"one": 1, "two": 2, "zero": 0}"#),
            ]);
            let limits = Limits { time: std::time::Duration::from_secs(600), ..Limits::default() };
            let engines = Engines::load(&files, limits).unwrap_or_else(|error| panic!("{policy}\n{error}"));
            for (request, outcome) in REQUESTS.iter().zip(form.outcomes) {
                count += 1;
                let decision = engines.decide(&Input::new("R", json(request)).at(0));
                if let Some(message) = wrong(&decision, outcome, polarity) {
                    failures.push(format!("{} of {}, {outcome:?} on {request}: {message}", polarity.name, form.name));
                }
            }
        }
    }
    assert!(count > 350, "the tables have shrunk to {count} cases");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}
