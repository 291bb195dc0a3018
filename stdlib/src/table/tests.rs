//! Every entry of the table is complete, and every example is true.

use hpol_lang::ast::{Expr, ExprKind};
use hpol_lang::parse::{ParseLimits, parse_expression};
use hpol_lang::source::{Profile, SourceMap};
use hpol_lang::types::Signature;

use super::{BUILTINS, find_builtin};
use crate::builtin::{BuiltinError, Caches, Call};
use crate::heap::{Heap, Word};
use crate::state::{EmptyState, State};

#[path = "properties.rs"]
mod properties;

/// Midday of 2024-02-29, the decision's time in the examples.
const NOW: i64 = 1_709_208_000_000_000_000;

#[test]
fn entries_are_sorted_unique_and_complete() {
    for pair in BUILTINS.windows(2) {
        assert!(pair[0].name < pair[1].name, "`{}` stands twice or before `{}`", pair[1].name, pair[0].name);
    }
    for builtin in BUILTINS.iter() {
        let name = builtin.name;
        assert!(!builtin.examples.is_empty(), "`{name}` has no examples");
        assert!(builtin.doc.ends_with('.') && !builtin.doc.contains('\n'), "`{name}` has no one-line doc");
        let signature = Signature::parse(builtin.signature).unwrap_or_else(|error| panic!("`{name}`: {error}"));
        assert_eq!(find_builtin(name).map(|(_, found)| found.name), Some(name));
        let called = format!("{name}(");
        for example in builtin.examples {
            assert!(example.call.starts_with(&called), "`{}` is no example of `{name}`", example.call);
        }
        assert!(signature.parameters.len() <= 8, "`{name}` has too many parameters");
    }
    assert!(find_builtin("no.such").is_none());
}

#[test]
fn examples_give_what_they_say() {
    let mut wrong = String::new();
    for (call, expected) in BUILTINS.iter().flat_map(|builtin| builtin.examples).map(|e| (e.call, e.result)) {
        let mut evaluator = Evaluator::default();
        let result = evaluator.evaluate(&parse(call));
        let matches = match (&result, expected) {
            (Err(BuiltinError::Undefined), "undefined") => true,
            (
                Err(BuiltinError::Failed(_) | BuiltinError::Type(_) | BuiltinError::Heap(_) | BuiltinError::Fuel),
                "error",
            ) => true,
            (Ok(word), expected) if !matches!(expected, "undefined" | "error") => {
                let expected = evaluator.evaluate(&parse(expected)).expect("a literal");
                evaluator.heap.equal(*word, expected)
            }
            _ => false,
        };
        if !matches {
            let result = result.map(|word| evaluator.heap.to_value(word));
            wrong.push_str(&format!("{call}\n  should give {expected}\n  but gives   {result:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_builtin_survives_every_kind_of_argument() {
    let hostile = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "1e100",
        "0.5",
        r#""""#,
        r#""a""#,
        "`[(*{`",
        "[]",
        "[[]]",
        "[1, \"a\", null]",
        "{}",
        "{\"a\": 1}",
        "{1: [2]}",
        "set()",
        "{1, \"a\"}",
        "{{1}}",
        "`%1000000d%[9]s%`",
        "`9999-99-99`",
    ];
    let hostile: Vec<Expr> = hostile.into_iter().map(parse).collect();
    for builtin in BUILTINS.iter() {
        let signature = Signature::parse(builtin.signature).expect("read before");
        for (first, expr) in hostile.iter().enumerate() {
            for other in 0..hostile.len() {
                let mut evaluator = Evaluator::default();
                let word = evaluator.evaluate(expr).expect("a literal");
                let rest = evaluator.evaluate(&hostile[(first + other) % hostile.len()]).expect("a literal");
                let mut arguments = vec![rest; signature.parameters.len()];
                if let Some(place) = arguments.get_mut(other % signature.parameters.len().max(1)) {
                    *place = word;
                }
                // Any result will do; a panic is what must not happen.
                let _ = evaluator.call(builtin.name, &arguments);
                let _ = evaluator.call(builtin.name, &[]);
            }
        }
    }
}

#[test]
fn calls_that_would_give_too_much_are_refused() {
    for call in [
        "numbers.range(0, 1000000000)",
        "numbers.range(-9223372036854775808, 9223372036854775807)",
        "bits.lsh(1, 100000)",
        "net.cidr_expand(\"0.0.0.0/0\")",
        "net.cidr_expand(\"::/64\")",
        "regex.match(`((a{1000}){1000}){1000}`, \"a\")",
        "glob.match(`{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{`, [], \"a\")",
        "units.parse(\"1e999999\")",
        "to_number(\"1e999999\")",
        "json.unmarshal(\"1e999999\")",
        "yaml.unmarshal(\"a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\")",
    ] {
        let result = Evaluator::default().evaluate(&parse(call));
        assert!(result.is_err(), "{call} gives {result:?}");
    }
    let mut evaluator = Evaluator::default();
    let megabyte = evaluator.heap.string(&"a".repeat(1 << 20)).expect("fits");
    let letter = evaluator.heap.string("a").expect("small");
    let many = evaluator.heap.array(&vec![megabyte; 100]).expect("shares its parts");
    let node = |evaluator: &mut Evaluator, number: i64| evaluator.heap.int(number).expect("small");
    let nodes: Vec<Word> = (0..30).map(|number| node(&mut evaluator, number)).collect();
    let nodes = evaluator.heap.array(&nodes).expect("small");
    let edges = (0..30).map(|number| (node(&mut evaluator, number), nodes)).collect();
    let graph = evaluator.heap.object(edges).expect("small");
    for (name, arguments) in [
        ("replace", vec![megabyte, letter, megabyte]),
        ("concat", vec![megabyte, many]),
        ("json.marshal", vec![many]),
        ("yaml.marshal", vec![many]),
        ("sprintf", vec![letter, many]),
        ("graph.reachable_paths", vec![graph, nodes]),
    ] {
        evaluator.fuel = 1_000_000;
        let result = evaluator.call(name, &arguments);
        assert!(result.is_err(), "{name} gives {result:?}");
    }
}

fn parse(text: &str) -> Expr {
    let mut sources = SourceMap::new();
    let file = sources.add("example.rego", text);
    parse_expression(&sources, file, Profile::Rego, &ParseLimits::default())
        .unwrap_or_else(|errors| panic!("`{text}`: {errors:?}"))
}

struct Evaluator {
    heap: Heap,
    caches: Caches,
    fuel: u64,
}

impl Default for Evaluator {
    fn default() -> Self {
        Self { heap: Heap::new(std::sync::Arc::default(), 64 << 20), caches: Caches::default(), fuel: 1_000_000 }
    }
}

impl Evaluator {
    fn evaluate(&mut self, expr: &Expr) -> Result<Word, BuiltinError> {
        match &expr.kind {
            ExprKind::Literal { value, .. } => Ok(self.heap.from_value(value)?),
            ExprKind::Negate(inner) => {
                let word = self.evaluate(inner)?;
                let number = self.heap.as_number(word).expect("a number").negate();
                Ok(self.heap.number(number)?)
            }
            ExprKind::Array(items) => {
                let items = self.all(items)?;
                Ok(self.heap.array(&items)?)
            }
            ExprKind::Set(items) => {
                let items = self.all(items)?;
                Ok(self.heap.set(items)?)
            }
            ExprKind::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| Ok((self.evaluate(key)?, self.evaluate(value)?)))
                    .collect::<Result<Vec<_>, BuiltinError>>()?;
                Ok(self.heap.object(entries)?)
            }
            ExprKind::Call { function, arguments } => {
                let name: Vec<&str> = function.parts.iter().map(|part| part.text.as_ref()).collect();
                let arguments = self.all(arguments)?;
                if name == ["set"] {
                    return Ok(self.heap.set(arguments)?);
                }
                self.call(&name.join("."), &arguments)
            }
            other => panic!("an example has no {other:?}"),
        }
    }

    fn all(&mut self, items: &[Expr]) -> Result<Vec<Word>, BuiltinError> {
        items.iter().map(|item| self.evaluate(item)).collect()
    }

    fn call(&mut self, name: &str, arguments: &[Word]) -> Result<Word, BuiltinError> {
        let (_, builtin) = find_builtin(name).unwrap_or_else(|| panic!("no builtin `{name}`"));
        let mut state = State::default();
        state.begin(Some(std::sync::Arc::new(EmptyState)));
        let mut call = Call {
            heap: &mut self.heap,
            caches: &mut self.caches,
            now_nanoseconds: NOW,
            state: &mut state,
            fuel: &mut self.fuel,
        };
        builtin.call(&mut call, arguments)
    }
}
