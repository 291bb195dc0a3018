//! Policies made by choices that look at parts of what stands in lists, sets and objects: what readers leave out of a request
//! must not show.

use hpol_lang::value::Value;
use hpol_runtime::source::Files;
use hpol_runtime::{Input, Limits, Pass};

use crate::choices::Choices;
use crate::engines::Engines;

const REQUESTS: usize = 4;

/// Items in items in items; the last have no further ones.
const TYPES: &str = r#"input: Request

type Request = {key: string, first: Outer, items: array[Outer], named: map[string, Outer], late: set[Inner], rest: any}
type Outer = {n: string, v?: int, on?: bool, o?: {a: string, b?: int}, l: array[Inner], m: map[string, Inner], any?: any}
type Inner = {n: string, v?: int, on?: bool, o?: {a: string, b?: int}, l: array[string], m: map[string, string]}
"#;

/// Where an item comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Outer,
    Inner,
}

/// Writes a policy.
struct Writer<'c, 'b> {
    choices: &'c mut Choices<'b>,
    variables: usize,
    functions: Vec<(String, Level)>,
}

/// Makes a policy and requests, and holds all engines and their evaluators to one another. Whether the checker takes the policy.
/// Panics on a finding.
pub fn try_chosen(choices: &mut Choices<'_>) -> bool {
    let policy = policy(choices);
    let files = Files::from_memory([("parts.hpol", policy.as_str())]);
    let checked = hpol_runtime::check(&files);
    if checked.program.is_none() {
        return false;
    }
    let limits = Limits { time: std::time::Duration::from_secs(600), ..Limits::default() };
    let Ok(engines) = Engines::load_without(&files, limits, Pass::ReadParts) else { return false };
    for _ in 0..REQUESTS {
        engines.decide(&Input::new("Request", request(choices)).at(0));
    }
    true
}

/// A request whose items are alike but for a part or two, as what leaves parts out could take one for another.
fn request(choices: &mut Choices<'_>) -> Value {
    // So many that loops ask an index, now and then.
    let length = if choices.one_in(4) { 18 } else { 3 };
    let mut outers = |count: usize| (0..count).map(|_| item(choices, Level::Outer)).collect::<Vec<_>>();
    let (first, named, items) = (outers(1).remove(0), outers(2), outers(length));
    let inners: Vec<Value> = (0..choices.below(3)).map(|_| item(choices, Level::Inner)).collect();
    Value::object([
        ("key", Value::from(*choices.one_of(&["n", "l", "x"]))),
        ("first", first),
        ("items", Value::array(items)),
        ("named", Value::object(["x", "y"].into_iter().zip(named))),
        ("late", Value::array(inners)),
        ("rest", Value::Null),
    ])
}

fn item(choices: &mut Choices<'_>, level: Level) -> Value {
    let text = Value::from(if choices.one_in(6) { "y" } else { "x" });
    let mut fields = vec![("n", text.clone())];
    if !choices.one_in(3) {
        fields.push(("v", Value::from(if choices.one_in(3) { 1 } else { 5 })));
    }
    if !choices.one_in(3) {
        fields.push(("on", Value::from(!choices.one_in(3))));
    }
    if !choices.one_in(3) {
        let part = Value::object([("a", text.clone()), ("b", Value::from(2))].into_iter().take(1 + choices.below(2)));
        fields.push(("o", part));
    }
    if level == Level::Outer && choices.one_in(2) {
        fields.push(("any", Value::from(choices.one_in(2))));
    }
    let mut parts = || (0..choices.below(3)).map(|_| inner(choices, level, &text)).collect::<Vec<_>>();
    let (list, map) = (parts(), parts());
    fields.push(("l", Value::array(list)));
    fields.push(("m", Value::object(["x", "y"].into_iter().zip(map))));
    Value::object(fields)
}

fn inner(choices: &mut Choices<'_>, level: Level, text: &Value) -> Value {
    if level == Level::Outer { item(choices, Level::Inner) } else { text.clone() }
}

/// A policy of functions, a rule, and some decision rules.
fn policy(choices: &mut Choices<'_>) -> String {
    let mut writer = Writer { choices, variables: 0, functions: Vec::new() };
    let mut text = format!("package parts\n\n{TYPES}\n");
    for number in 0..writer.choices.below(3) {
        let level = if writer.choices.one_in(2) { Level::Outer } else { Level::Inner };
        let body = writer.conditions("p", level, 1);
        let yields = *writer.choices.one_of(&["", " := p.n", " := p"]);
        text.push_str(&format!("f{number}(p){yields} if {{ {body} }}\n\n"));
        writer.functions.push((format!("f{number}"), level));
    }
    text.push_str("default picked := 1\n\npicked := item if { item := input.items[0]; item.on }\n\n");
    text.push_str("allow \"all\"\n\n");
    for number in 0..1 + writer.choices.below(3) {
        let effect = *writer.choices.one_of(&["deny", "deny", "allow"]);
        let (bind, variable, level) = writer.bound();
        let body = writer.conditions(&variable, level, 2);
        let because = match writer.choices.below(5) {
            0 => format!(" because $\"{{{variable}.n}} is\""),
            1 => format!(" because $\"{{{variable}.o}} is\""),
            _ => String::new(),
        };
        let unless = if effect == "deny" && writer.choices.one_in(4) {
            format!(" unless {}", writer.condition(&variable, level, 0))
        } else {
            String::new()
        };
        text.push_str(&format!("{effect} \"d{number}\"{because} if {{ {bind}; {body} }}{unless}\n\n"));
    }
    text
}

impl Writer<'_, '_> {
    fn fresh(&mut self) -> String {
        self.variables += 1;
        format!("x{}", self.variables)
    }

    /// A condition that binds an item of the request.
    fn bound(&mut self) -> (String, String, Level) {
        let name = self.fresh();
        let (bind, level) = match self.choices.below(6) {
            0 | 1 => (format!("some {name} in input.items"), Level::Outer),
            2 => (format!("some _, {name} in input.named"), Level::Outer),
            3 => (format!("some {name} in input.late"), Level::Inner),
            4 => (format!("{name} := input.first"), Level::Outer),
            _ => (format!("some number, {name} in input.first.l; number < 2"), Level::Inner),
        };
        (bind, name, level)
    }

    fn conditions(&mut self, item: &str, level: Level, depth: usize) -> String {
        let conditions: Vec<String> =
            (0..1 + self.choices.below(2)).map(|_| self.condition(item, level, depth)).collect();
        conditions.join("; ")
    }

    /// A condition on an item.
    fn condition(&mut self, item: &str, level: Level, depth: usize) -> String {
        if depth > 0 && level == Level::Outer && self.choices.one_in(2) {
            return self.below(item, depth - 1);
        }
        match self.choices.below(22) {
            0 => format!("{item}.n == \"x\""),
            1 => format!("{item}.v > 1"),
            2 => format!("{item}.on"),
            3 => format!("not {item}.on"),
            4 => format!("{item}.o.a == \"x\""),
            5 => format!("not {item}.o.b"),
            6 => format!("count({item}.l) > 1"),
            7 => format!("count({item}.m) > 1"),
            8 => format!("{item} == input.first"),
            9 => format!("{item} in input.items"),
            10 => format!("object.get({item}, \"v\", 0) < 3"),
            11 => format!("object.get({item}, \"o\", {{\"a\": \"x\"}}).a == \"x\""),
            12 => format!("{item}[input.key] == \"x\""),
            13 => format!("count({item}) > {}", self.choices.below(6)),
            14 => format!("is_object({item}.o)"),
            15 => format!("count({{{item}, input.first}}) == 1"),
            16 => format!("{item}.o == {{\"a\": \"x\"}}"),
            17 => "picked.n == \"x\"".to_owned(),
            18 => {
                let name = self.fresh();
                format!("some {name} in input.items; {name}.n == {item}.n; {name}.v > 1")
            }
            19 => {
                let name = self.fresh();
                format!("some _, {name} in input.first.m; {name}.o == {item}.o")
            }
            20 => format!("some name, _ in {item}.o; name == \"b\""),
            _ => self.call(item, level),
        }
    }

    fn call(&mut self, item: &str, level: Level) -> String {
        let known: Vec<String> = self.functions.iter().filter(|one| one.1 == level).map(|one| one.0.clone()).collect();
        if known.is_empty() {
            return format!("startswith({item}.n, \"x\")");
        }
        let name = self.choices.one_of(&known).clone();
        match self.choices.below(3) {
            0 => format!("{name}({item})"),
            1 => format!("not {name}({item})"),
            _ => format!("{name}({item}) != \"y\""),
        }
    }

    /// A condition on what stands in an outer item.
    fn below(&mut self, item: &str, depth: usize) -> String {
        let name = self.fresh();
        let inner = self.conditions(&name, Level::Inner, depth);
        match self.choices.below(10) {
            0 | 1 => format!("some {name} in {item}.l; {inner}"),
            2 => format!("some _, {name} in {item}.m; {inner}"),
            3 => format!("every {name} in {item}.l {{ {inner} }}"),
            4 => format!("count([{name} | some {name} in {item}.l; {inner}]) > 1"),
            5 => format!("count({{{name} | some {name} in {item}.l; {inner}}}) > 1"),
            6 => format!("\"x\" in [{name}.n | some {name} in {item}.l; {inner}]"),
            7 => format!("{name} := {item}.l[0]; {inner}"),
            8 => format!("{name} := {item}.m.x; {inner}"),
            _ => format!("[{name}, _] = {item}.l; {inner}"),
        }
    }
}
