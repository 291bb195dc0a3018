//! Expressions and conditions of made-up programs.

use super::calls::callables;
use crate::choices::Choices;

/// The types of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Truth,
    Number,
    Text,
    /// An array of numbers.
    Numbers,
    /// An array of texts.
    Texts,
    /// A set of numbers.
    Set,
    /// Numbers by text.
    Map,
}

/// The variables at hand.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    variables: Vec<(String, Kind)>,
}

impl Scope {
    pub(super) fn add(&mut self, name: &str, kind: Kind) {
        self.variables.push((name.to_owned(), kind));
    }
}

/// Writes by choices.
#[derive(Debug)]
pub(super) struct Writer<'c, 'b> {
    pub(super) choices: &'c mut Choices<'b>,
    /// Rules that may be used, with the type of their values.
    pub(super) rules: Vec<(String, Kind)>,
    /// Functions of one number that yield one.
    pub(super) functions: Vec<String>,
    variables: usize,
}

impl<'c, 'b> Writer<'c, 'b> {
    pub(super) fn new(choices: &'c mut Choices<'b>) -> Self {
        Self { choices, rules: Vec::new(), functions: Vec::new(), variables: 0 }
    }

    fn fresh(&mut self) -> String {
        self.variables += 1;
        format!("v{}", self.variables)
    }

    /// Conditions in braces; what they bind is added to the scope.
    pub(super) fn body(&mut self, scope: &mut Scope, depth: usize) -> String {
        let conditions: Vec<String> = (0..1 + self.choices.below(3)).map(|_| self.condition(scope, depth)).collect();
        format!("{{ {} }}", conditions.join("; "))
    }

    /// A condition; what it binds is added to the scope.
    fn condition(&mut self, scope: &mut Scope, depth: usize) -> String {
        match self.choices.below(if depth == 0 { 4 } else { 12 }) {
            0 | 1 => self.comparison(scope, depth),
            2 => self.expression(Kind::Truth, scope, depth.saturating_sub(1)),
            3 => format!("{} in {}", self.expression(Kind::Number, scope, 0), self.numbers_or_set(scope, 0)),
            4 => {
                let value = self.expression(Kind::Number, scope, depth - 1);
                format!("{} := {value}", self.bind(scope, Kind::Number))
            }
            5 => {
                let collection = self.numbers_or_set(scope, depth - 1);
                format!("some {} in {collection}", self.bind(scope, Kind::Number))
            }
            6 => {
                let collection = self.expression(Kind::Map, scope, depth - 1);
                format!("some {}, {} in {collection}", self.bind(scope, Kind::Text), self.bind(scope, Kind::Number))
            }
            7 => {
                let name = self.bind(scope, Kind::Text);
                format!("some {{\"n\": {name}, \"v\": {}}} in input.e", self.bind(scope, Kind::Number))
            }
            8 => format!("not {}", self.comparison(scope, depth - 1)),
            9 => {
                let collection = self.numbers_or_set(scope, depth - 1);
                let mut within = scope.clone();
                let name = self.bind(&mut within, Kind::Number);
                format!("every {name} in {collection} {}", self.body(&mut within, depth - 1))
            }
            10 => {
                let (left, right) = (self.bind(scope, Kind::Number), self.bind(scope, Kind::Number));
                let values = [self.expression(Kind::Number, scope, 0), self.expression(Kind::Number, scope, 0)];
                // The names may not be used by what gives them their values.
                let value = if values.iter().any(|value| *value == left || *value == right) { "7" } else { &values[0] };
                format!("[{left}, {right}] = [{value}, 2]")
            }
            _ => self.replaced(scope, depth - 1),
        }
    }

    fn bind(&mut self, scope: &mut Scope, kind: Kind) -> String {
        let name = self.fresh();
        scope.add(&name, kind);
        name
    }

    /// A condition under `with`.
    fn replaced(&mut self, scope: &Scope, depth: usize) -> String {
        let condition = self.comparison(scope, depth);
        let number = self.expression(Kind::Number, scope, 0);
        match self.choices.below(4) {
            0 => format!("{condition} with input.a as 2"),
            1 => format!("{condition} with input.c as [1, 2]"),
            2 => format!("{condition} with count as 1"),
            _ => match self.rules.iter().find(|(_, kind)| *kind == Kind::Number) {
                Some((name, _)) => format!("{condition} with data.made.{name} as {number}"),
                None => format!("{condition} with input.d as {{\"x\": 1}}"),
            },
        }
    }

    /// A condition that binds nothing.
    pub(super) fn comparison(&mut self, scope: &Scope, depth: usize) -> String {
        let deeper = depth.saturating_sub(1);
        match self.choices.below(6) {
            5 => self.expression(Kind::Truth, scope, depth),
            0 | 1 => {
                let operator = *self.choices.one_of(&["==", "<", ">=", "!=", "<=", ">"]);
                let (left, right) =
                    (self.expression(Kind::Number, scope, deeper), self.expression(Kind::Number, scope, deeper));
                format!("{left} {operator} {right}")
            }
            2 => {
                let operator = *self.choices.one_of(&["==", "<", "!="]);
                let (left, right) =
                    (self.expression(Kind::Text, scope, deeper), self.expression(Kind::Text, scope, deeper));
                format!("{left} {operator} {right}")
            }
            3 => format!("startswith({}, \"x\")", self.expression(Kind::Text, scope, deeper)),
            _ => format!("{} == {}", self.numbers_or_set(scope, deeper), self.numbers_or_set(scope, deeper)),
        }
    }

    fn numbers_or_set(&mut self, scope: &Scope, depth: usize) -> String {
        let kind = *self.choices.one_of(&[Kind::Numbers, Kind::Set]);
        self.expression(kind, scope, depth)
    }

    /// An expression of this type, from what is at hand.
    pub(super) fn expression(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        if self.choices.one_in(3)
            && let Some(used) = self.using(scope, kind)
        {
            return used;
        }
        if depth > 0
            && self.choices.one_in(5)
            && let Some(call) = self.call(kind, scope, depth - 1)
        {
            return call;
        }
        match kind {
            Kind::Truth => (*self.choices.one_of(&["input.f", "true"])).to_owned(),
            Kind::Texts => self.texts(scope, depth),
            Kind::Number => self.number(scope, depth),
            Kind::Text => self.text(scope, depth),
            Kind::Numbers => self.numbers(scope, depth),
            Kind::Set => self.set(scope, depth),
            Kind::Map => self.map(scope, depth),
        }
    }

    /// A variable or rule of this type, if there is one.
    fn using(&mut self, scope: &Scope, kind: Kind) -> Option<String> {
        let named: Vec<&String> = scope
            .variables
            .iter()
            .chain(&self.rules)
            .filter(|(_, known)| *known == kind)
            .map(|(name, _)| name)
            .collect();
        if named.is_empty() { None } else { Some((*self.choices.one_of(&named)).clone()) }
    }

    /// A call of one of the builtins that give such values.
    fn call(&mut self, kind: Kind, scope: &Scope, depth: usize) -> Option<String> {
        let callables = callables(kind);
        let called = *self.choices.one_of(callables.get(..callables.len().min(256)).filter(|some| !some.is_empty())?);
        let arguments: Vec<String> = called
            .parameters
            .iter()
            .map(|parameter| {
                let kinds = [Kind::Number, Kind::Text, Kind::Numbers, Kind::Set, Kind::Map, Kind::Texts];
                let kind = parameter.unwrap_or_else(|| *self.choices.one_of(&kinds));
                self.expression(kind, scope, depth)
            })
            .collect();
        Some(format!("{}({})", called.name, arguments.join(", ")))
    }

    fn texts(&mut self, scope: &Scope, depth: usize) -> String {
        match self.choices.below(if depth == 0 { 3 } else { 5 }) {
            0 => "[\"x\", input.s]".to_owned(),
            1 => "[input.b, \"a,b\"]".to_owned(),
            2 => "[]".to_owned(),
            3 => format!("split({}, \",\")", self.expression(Kind::Text, scope, depth - 1)),
            _ => {
                let mut within = scope.clone();
                let name = self.bind(&mut within, Kind::Text);
                let head = self.expression(Kind::Text, &within, depth - 1);
                format!("[{head} | some {{\"n\": {name}}} in input.e]")
            }
        }
    }

    fn number(&mut self, scope: &Scope, depth: usize) -> String {
        let simple = [
            "1",
            "input.a",
            "2",
            "0",
            "input.g",
            "input.c[0]",
            "input.d.x",
            "input.e[1].v",
            "0.5",
            "9223372036854775807",
        ];
        if depth == 0 {
            return (*self.choices.one_of(&simple)).to_owned();
        }
        match self.choices.below(9) {
            0..=2 => (*self.choices.one_of(&simple)).to_owned(),
            3 | 4 => {
                let operator = *self.choices.one_of(&["+", "-", "*", "/"]);
                let (left, right) =
                    (self.expression(Kind::Number, scope, depth - 1), self.expression(Kind::Number, scope, depth - 1));
                format!("({left} {operator} {right})")
            }
            5 => {
                let collection = self.numbers_or_set(scope, depth - 1);
                format!("{}({collection})", self.choices.one_of(&["count", "sum", "max", "min", "product"]))
            }
            6 => format!("input.d[{}]", self.expression(Kind::Text, scope, depth - 1)),
            7 => format!("to_number({})", self.expression(Kind::Text, scope, depth - 1)),
            _ => {
                let argument = self.expression(Kind::Number, scope, depth - 1);
                let function = if self.functions.is_empty() {
                    "abs".to_owned()
                } else {
                    self.choices.one_of(&self.functions).clone()
                };
                format!("{function}({argument})")
            }
        }
    }

    fn text(&mut self, scope: &Scope, depth: usize) -> String {
        let simple = ["\"x\"", "input.b", "input.s", "\"\"", "input.e[0].n", "\"5\""];
        if depth == 0 {
            return (*self.choices.one_of(&simple)).to_owned();
        }
        match self.choices.below(6) {
            0 | 1 => (*self.choices.one_of(&simple)).to_owned(),
            2 => {
                let number = self.expression(Kind::Number, scope, depth - 1);
                format!("$\"{{{number}}}-{{{}}}\"", self.expression(Kind::Text, scope, 0))
            }
            3 => format!("concat(\",\", [{}, input.s])", self.expression(Kind::Text, scope, depth - 1)),
            4 => format!("upper({})", self.expression(Kind::Text, scope, depth - 1)),
            _ => format!("sprintf(\"%v %d\", [{}, 3])", self.expression(Kind::Number, scope, depth - 1)),
        }
    }

    fn numbers(&mut self, scope: &Scope, depth: usize) -> String {
        if depth == 0 {
            return (*self.choices.one_of(&["input.c", "[1, 2]", "[3, input.a]"])).to_owned();
        }
        match self.choices.below(4) {
            0 => "input.c".to_owned(),
            1 => {
                let (left, right) =
                    (self.expression(Kind::Number, scope, depth - 1), self.expression(Kind::Number, scope, depth - 1));
                format!("[{left}, {right}]")
            }
            2 => {
                let (left, right) = (
                    self.expression(Kind::Numbers, scope, depth - 1),
                    self.expression(Kind::Numbers, scope, depth - 1),
                );
                format!("array.concat({left}, {right})")
            }
            _ => {
                let (head, body) = self.comprehension(scope, depth);
                format!("[{head} | {body}]")
            }
        }
    }

    fn set(&mut self, scope: &Scope, depth: usize) -> String {
        if depth == 0 {
            return (*self.choices.one_of(&["{1, 2}", "{input.a}", "{7, 3}"])).to_owned();
        }
        match self.choices.below(3) {
            0 => format!("{{{}, 2}}", self.expression(Kind::Number, scope, depth - 1)),
            1 => {
                let operator = *self.choices.one_of(&["|", "&", "-"]);
                let (left, right) =
                    (self.expression(Kind::Set, scope, depth - 1), self.expression(Kind::Set, scope, depth - 1));
                format!("({left} {operator} {right})")
            }
            _ => {
                let (head, body) = self.comprehension(scope, depth);
                format!("{{{head} | {body}}}")
            }
        }
    }

    fn map(&mut self, scope: &Scope, depth: usize) -> String {
        if depth == 0 || self.choices.one_in(2) {
            return (*self.choices.one_of(&["input.d", "{\"x\": 1, \"k\": input.a}"])).to_owned();
        }
        let mut within = scope.clone();
        let collection = self.expression(Kind::Map, scope, depth - 1);
        let (key, value) = (self.bind(&mut within, Kind::Text), self.bind(&mut within, Kind::Number));
        let head = self.expression(Kind::Number, &within, depth - 1);
        format!("{{{key}: {head} | some {key}, {value} in {collection}}}")
    }

    /// Head and body of a comprehension over numbers.
    fn comprehension(&mut self, scope: &Scope, depth: usize) -> (String, String) {
        let mut within = scope.clone();
        let collection = self.numbers_or_set(scope, depth - 1);
        let name = self.bind(&mut within, Kind::Number);
        let condition = self.condition(&mut within, depth - 1);
        let head = self.expression(Kind::Number, &within, depth - 1);
        (head, format!("some {name} in {collection}; {condition}"))
    }
}
