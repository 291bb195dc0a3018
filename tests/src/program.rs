//! Programs made up by choices: well typed but for the odd one that the checker refuses, and full of what can go wrong at
//! run time (absent values, errors of arithmetic and builtins, conflicts).

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use hpol_lang::types::Type;
use hpol_lang::value::Value;
use hpol_runtime::source::Files;

use crate::choices::Choices;

mod calls;
mod expression;

use expression::{Kind, Scope, Writer};

/// Deepest expression.
const DEPTH: usize = 3;

/// The input of every made-up program.
const REQUEST: &str = r#"input: Request

type Request = {
  a: int,
  b?: string,
  c: array[int],
  d: map[string, int],
  e: array[{n: string, v?: int}],
  f?: bool,
  g?: decimal,
  s: "x" | "y" | "z",
}
"#;

/// A decision rule of a made-up program.
#[derive(Debug, Clone)]
pub struct MadeDecision {
    /// `allow`, `deny`, `mask` or `approve`.
    pub effect: &'static str,
    text: String,
}

/// A made-up program: rules that use earlier ones, and decision rules that use them.
#[derive(Debug, Clone)]
pub struct Program {
    /// The definitions of its rules and functions.
    pub rules: Vec<String>,
    /// Its decision rules.
    pub decisions: Vec<MadeDecision>,
}

impl Program {
    /// The program that is chosen.
    pub fn chosen(choices: &mut Choices<'_>) -> Self {
        let mut writer = Writer::new(choices);
        let rules = (0..1 + writer.choices.below(4)).map(|_| rule(&mut writer)).collect();
        let decisions = (0..1 + writer.choices.below(4)).map(|number| decision(&mut writer, number)).collect();
        Self { rules, decisions }
    }

    /// Its text as an `.hpol` file.
    pub fn policy(&self) -> String {
        self.policy_of(&self.decisions)
    }

    /// Its text with these decision rules only.
    pub fn policy_of(&self, decisions: &[MadeDecision]) -> String {
        policy(self.rules.iter().map(String::as_str).chain(decisions.iter().map(|decision| &*decision.text)))
    }

    /// The same declarations in another order, in two files: the first has the type of the input.
    pub fn rearranged(&self, choices: &mut Choices<'_>) -> [String; 2] {
        let mut left: Vec<&str> = self
            .rules
            .iter()
            .map(String::as_str)
            .chain(self.decisions.iter().map(|decision| &*decision.text))
            .collect();
        let mut files = [Vec::new(), Vec::new()];
        while !left.is_empty() {
            let declaration = left.swap_remove(choices.below(left.len().min(256)));
            files[choices.below(2)].push(declaration);
        }
        let [first, second] = files;
        [policy(first.into_iter()), format!("package made\n\n{}", second.join("\n"))]
    }

    /// Its rules, without decisions, as a `.rego` file.
    pub fn library(&self) -> String {
        format!("package made\n\n{}", self.rules.join("\n"))
    }
}

/// A file with the type of the input and these declarations.
fn policy<'t>(declarations: impl Iterator<Item = &'t str>) -> String {
    format!("package made\n\n{REQUEST}\n{}\n", declarations.collect::<Vec<_>>().join("\n"))
}

/// A rule of one of the kinds, which later ones may use.
fn rule(writer: &mut Writer<'_, '_>) -> String {
    let name = format!("r{}", writer.rules.len());
    let mut scope = Scope::default();
    match writer.choices.below(9) {
        8 => many_definitions(writer, name),
        0 | 1 => {
            let kind = *writer.choices.one_of(&[Kind::Number, Kind::Text, Kind::Numbers]);
            let body = writer.body(&mut scope, DEPTH);
            let value = writer.expression(kind, &scope, DEPTH);
            let mut text = format!("{name} := {value} if {body}");
            for _ in 0..writer.choices.below(3) {
                let mut scope = Scope::default();
                let body = writer.body(&mut scope, 1);
                let value = writer.expression(kind, &scope, 2);
                write!(text, "\nelse := {value} if {body}").expect("strings take all text");
            }
            if kind == Kind::Number && writer.choices.one_in(3) {
                write!(text, "\n\ndefault {name} := 0").expect("strings take all text");
            }
            writer.rules.push((name, kind));
            text + "\n"
        }
        2 | 3 => {
            let body = writer.body(&mut scope, DEPTH);
            writer.rules.push((name.clone(), Kind::Truth));
            format!("{name} if {body}\n")
        }
        4 => {
            let body = writer.body(&mut scope, DEPTH);
            let element = writer.expression(Kind::Number, &scope, 1);
            let other = writer.expression(Kind::Number, &Scope::default(), 1);
            writer.rules.push((name.clone(), Kind::Set));
            format!("{name} contains {element} if {body}\n\n{name} contains {other}\n")
        }
        5 => {
            let body = writer.body(&mut scope, DEPTH);
            let (key, value) = (writer.expression(Kind::Text, &scope, 1), writer.expression(Kind::Number, &scope, 1));
            writer.rules.push((name.clone(), Kind::Map));
            format!("{name}[{key}] := {value} if {body}\n")
        }
        6 => {
            let value = writer.expression(Kind::Number, &scope, DEPTH);
            writer.rules.push((name.clone(), Kind::Number));
            format!("{name} := {value}\n")
        }
        _ => {
            scope.add("p", Kind::Number);
            let body = writer.body(&mut scope, 1);
            let value = writer.expression(Kind::Number, &scope, 2);
            writer.functions.push(name.clone());
            let otherwise = if writer.choices.one_in(2) { " else := p" } else { "" };
            format!("{name}(p) := {value} if {body}{otherwise}\n")
        }
    }
}

/// So many definitions that an index chooses among them.
const DEFINITIONS: usize = 17;

/// A rule with many definitions, most of which compare something of the input with a constant.
fn many_definitions(writer: &mut Writer<'_, '_>, name: String) -> String {
    let form = writer.choices.below(5);
    // Definitions of one value that differ are refused, unless they exclude each other.
    let differ = matches!(form, 1..=3) || writer.choices.one_in(8);
    let mut text = String::new();
    for number in 0..DEFINITIONS {
        let mut scope = Scope::default();
        let condition = match writer.choices.below(10) {
            0 => "input.a == 0".to_owned(),
            1 => format!("input.a == {number}"),
            2 => (*writer.choices.one_of(&["input.s == \"x\"", "input.s in {\"y\", \"z\"}"])).to_owned(),
            3 => "input.b == \"k\"".to_owned(),
            4 => (*writer.choices.one_of(&["input.a > 2", "3 > input.a", "7 in input.c", "input.f"])).to_owned(),
            5 => (*writer.choices.one_of(&["not input.f", "not input.s == \"z\"", "startswith(input.b, \"a\")"]))
                .to_owned(),
            6 => "input.g == 1; input.s == \"y\"".to_owned(),
            7 => "input.s == \"z\"; input.a / 0 == 1".to_owned(),
            8 => format!("input.d.k == {number}"),
            _ => String::new(),
        };
        let body = if condition.is_empty() { writer.body(&mut scope, 1) } else { format!("{{ {condition} }}") };
        let differs = differ && writer.choices.one_in(4);
        let value = if differs { writer.expression(Kind::Number, &scope, 1) } else { "5".into() };
        let definition = match form {
            0 => format!("{name} := {value} if {body}\n"),
            1 => format!("{name} contains {value} if {body}\n"),
            2 => format!("{name}[\"{}\"] := {value} if {body}\n", number % 15),
            3 if number == 0 => format!("{name} := {value} if {body}\n"),
            3 => format!("else := {value} if {body}\n"),
            _ => format!("{name}({}) := {value} if {body}\n", *writer.choices.one_of(&["p", "0", "1", "7"])),
        };
        text.push_str(&definition);
    }
    if form == 0 && writer.choices.one_in(3) {
        writeln!(text, "default {name} := 0").expect("strings take all text");
    }
    match form {
        0 | 3 => writer.rules.push((name, Kind::Number)),
        1 => writer.rules.push((name, Kind::Set)),
        2 => writer.rules.push((name, Kind::Map)),
        _ => writer.functions.push(name),
    }
    text
}

fn decision(writer: &mut Writer<'_, '_>, number: usize) -> MadeDecision {
    let effect = *writer.choices.one_of(&["allow", "allow", "deny", "mask", "approve"]);
    let detail = match effect {
        "mask" => *writer.choices.one_of(&[
            " any text using hash",
            " any text using drop",
            " any text using constant(\"c\")",
            " response field(\"f[*].g\") using last(4)",
            " response field(\"f[*].g\") using last(2)",
            " any text using redact(detect.credit_card)",
        ]),
        "approve" => *writer.choices.one_of(&[
            " by group(\"a\")",
            " by group(\"a\") quorum 2",
            " by [group(\"a\"), user(\"u\")] within 1m",
        ]),
        _ => "",
    };
    let mut scope = Scope::default();
    let body = writer.body(&mut scope, 2);
    let mut text = format!("{effect} \"d{number}\"{detail}");
    if writer.choices.one_in(3) {
        write!(text, " because {}", writer.expression(Kind::Text, &scope, 1)).expect("strings take all text");
    }
    if effect != "allow" && writer.choices.one_in(3) {
        let condition = writer.comparison(&Scope::default(), 1);
        write!(text, " unless {condition}").expect("strings take all text");
    }
    if !writer.choices.one_in(5) {
        write!(text, " if {body}").expect("strings take all text");
    }
    text.push('\n');
    MadeDecision { effect, text }
}

/// A value of the type, now and then without its optional fields.
pub fn value_of(ty: &Type, choices: &mut Choices<'_>) -> Value {
    match ty {
        Type::Any | Type::Variable(_) => any(choices, 3),
        Type::Never | Type::Null | Type::Defined(_) => Value::Null,
        // Made-up programs read no schemas, which alone have such types.
        Type::Refined(_) | Type::Recursive(..) => Value::Null,
        Type::Bool => Value::from(choices.one_in(2)),
        Type::Int | Type::Decimal => number(choices),
        Type::String => Value::from(*choices.one_of(&["x", "y", "", "5", "a,b", "ab-é"])),
        Type::Time => Value::from("2025-06-15T15:06:40Z"),
        Type::Duration => Value::from("15m"),
        Type::Ip => Value::from(*choices.one_of(&["10.0.0.1", "::1"])),
        Type::Cidr => Value::from(*choices.one_of(&["10.0.0.0/8", "::/0"])),
        Type::Regex => Value::from("^x+$"),
        Type::Glob => Value::from("x*"),
        Type::Literal(value) => value.clone(),
        Type::Array(item) => {
            let length = choices.below(4);
            Value::array((0..length).map(|_| value_of(item, choices)).collect::<Vec<_>>())
        }
        Type::Set(item) => {
            let length = choices.below(3);
            Value::array((0..length).map(|_| value_of(item, choices)).collect::<Vec<_>>())
        }
        Type::Tuple(items) => Value::array(items.iter().map(|item| value_of(item, choices)).collect::<Vec<_>>()),
        Type::Map(_, item) => {
            let keys = &["x", "y", "k"][..choices.below(4)];
            Value::object(keys.iter().map(|key| (*key, value_of(item, choices))).collect::<Vec<_>>())
        }
        Type::Record(record) => {
            let mut entries: Vec<(Arc<str>, Value)> = Vec::new();
            for (name, field) in &record.fields {
                if !field.optional || choices.one_in(2) {
                    entries.push((name.clone(), value_of(&field.ty, choices)));
                }
            }
            Value::object(entries)
        }
        Type::Union(members) => {
            let member = choices.below(members.len().min(256));
            value_of(&members[member], choices)
        }
    }
}

/// An input of the type that made-up programs have, for the profile that has no types.
pub fn made_input(choices: &mut Choices<'_>) -> Value {
    static REQUEST_TYPE: LazyLock<Type> = LazyLock::new(|| {
        let files = Files::from_memory([("made.hpol", format!("package made\n\n{REQUEST}"))]);
        let program = hpol_runtime::check(&files).program.expect("the type of the input is right");
        program.packages[0].input.clone()
    });
    value_of(&REQUEST_TYPE, choices)
}

fn number(choices: &mut Choices<'_>) -> Value {
    Value::from(*choices.one_of(&[0, 1, 2, 3, 7, -1, 100, i64::MAX, i64::MIN]))
}

/// A JSON value with the names that made-up programs look at.
fn any(choices: &mut Choices<'_>, depth: usize) -> Value {
    match choices.below(if depth == 0 { 4 } else { 6 }) {
        0 => number(choices),
        1 => Value::from(*choices.one_of(&["x", "y", "z", "k", "5"])),
        2 => Value::from(choices.one_in(2)),
        3 => Value::Null,
        4 => Value::array((0..choices.below(4)).map(|_| any(choices, depth - 1)).collect::<Vec<_>>()),
        _ => {
            let names = ["a", "b", "c", "d", "e", "f", "g", "s", "n", "v"];
            let names = names.into_iter().filter(|_| !choices.one_in(3)).collect::<Vec<_>>();
            Value::object(names.into_iter().map(|name| (name, any(choices, depth - 1))).collect::<Vec<_>>())
        }
    }
}
