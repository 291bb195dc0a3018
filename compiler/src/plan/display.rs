//! A plan as text, for snapshots and for people who want to see what a rule became.

use std::fmt::{self, Write};

use hpol_stdlib::heap::{Heap, Word};

use super::{
    ArithmeticOperator, Block, Collection, CompareOperator, Definitions, Extent, ExtentStep, Function, Mock, OnError,
    Origin, Program, Register, Replacement, ReplacementTarget, Role, SetOperator, Shape, Statement, StatementKind,
    TemplatePart,
};

/// A function as text: one line for each statement, blocks indented.
pub fn display_function(program: &Program, function: &Function) -> String {
    let mut printer = Printer { program, heap: Heap::new(program.frozen.clone(), 0), out: String::new(), indent: 0 };
    // Writing to a string does not fail.
    let _ = printer.function(function);
    printer.out
}

/// All functions, in order, and which decision rules are not run in any case.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, function) in self.functions.iter().enumerate() {
            let between = if index > 0 { "\n" } else { "" };
            write!(f, "{between}{}", display_function(self, function))?;
        }
        for rule in &self.decisions {
            if let Some(effect) = rule.settled_by {
                write!(f, "\n{} until a {}\n", self.function(rule.body).name, effect.word())?;
            }
        }
        Ok(())
    }
}

struct Printer<'p> {
    program: &'p Program,
    heap: Heap,
    out: String,
    indent: usize,
}

impl Printer<'_> {
    fn function(&mut self, function: &Function) -> fmt::Result {
        let what = if let Origin::Definition { .. } = function.origin { "definition of" } else { "function" };
        write!(self.out, "{what} {}(", function.name)?;
        for index in 0..function.parameters {
            let comma = if index > 0 { ", " } else { "" };
            write!(self.out, "{comma}r{index}")?;
        }
        write!(self.out, ") -> {}", register(function.result))?;
        if let Some(slot) = function.memo {
            write!(self.out, " memo {slot}")?;
        }
        self.out.push_str(" {\n");
        self.block(&function.body)?;
        self.out.push_str("}\n");
        Ok(())
    }

    fn block(&mut self, block: &Block) -> fmt::Result {
        self.indent += 1;
        for statement in &block.statements {
            self.line(statement)?;
        }
        self.indent -= 1;
        Ok(())
    }

    fn line(&mut self, statement: &Statement) -> fmt::Result {
        self.pad();
        let text = self.statement(&statement.kind)?;
        self.out.push_str(&text);
        if let Some(block) = statement.block() {
            self.out.push_str(" {\n");
            self.block(block)?;
            self.pad();
            self.out.push('}');
        }
        self.out.push('\n');
        Ok(())
    }

    fn pad(&mut self) {
        self.out.extend(std::iter::repeat_n("  ", self.indent));
    }

    fn constant(&self, word: Word) -> String {
        if word.is_absent() { "absent".into() } else { self.heap.to_value(word).to_string() }
    }

    fn statement(&self, kind: &StatementKind) -> Result<String, fmt::Error> {
        use StatementKind as S;
        let mut out = String::new();
        match kind {
            S::Constant { target, value } => write!(out, "{} = {}", register(*target), self.constant(*value))?,
            S::Copy { target, source } => write!(out, "{} = {}", register(*target), register(*source))?,
            S::Input { target, .. } => write!(out, "{} = input", register(*target))?,
            S::Slot { target, slot, .. } => {
                write!(out, "{} = slot {}", register(*target), self.program.slots.path(*slot))?;
            }
            S::Data { target, path, value, .. } => {
                let path = self.program.paths[path.index()].join(".");
                let missing = if value.is_absent() { " (absent)" } else { "" };
                write!(out, "{} = data {path:?}{missing}", register(*target))?;
            }
            S::Document { target, extent, keys } => {
                let Extent { path, below } = &self.program.extents[extent.index()];
                write!(out, "{} = document {:?}", register(*target), path.join("."))?;
                let mut keys = keys.iter();
                for step in below {
                    match step {
                        ExtentStep::Name(name) => write!(out, " .{name}")?,
                        ExtentStep::Key => {
                            write!(out, " [{}]", keys.next().copied().map(register).unwrap_or_default())?
                        }
                        ExtentStep::Any => write!(out, " [_]")?,
                    }
                }
            }
            S::Field { target, base, name, site } => {
                let quiet = if site.is_none() { " quiet" } else { "" };
                let (target, base) = (register(*target), register(*base));
                write!(out, "{target} = field{quiet} {base} {}", self.constant(*name))?;
            }
            S::Index { target, base, key, site } => {
                let quiet = if site.is_none() { " quiet" } else { "" };
                write!(out, "{} = index{quiet} {} {}", register(*target), register(*base), register(*key))?;
            }
            S::Call { target, function, arguments } => {
                let name = &self.program.function(*function).name;
                write!(out, "{} = call {name}({})", register(*target), registers(arguments))?;
            }
            S::Definitions { target, definitions, arguments } => {
                let Definitions { bodies, first, index } = &self.program.definitions[definitions.index()];
                let target = target.map(|target| format!("{} = ", register(target))).unwrap_or_default();
                let first = if *first { "first of " } else { "" };
                write!(out, "{target}{first}{} definitions({})", bodies.len(), registers(arguments))?;
                if let Some(index) = index {
                    write!(out, " {}", index.describe(&self.program.slots))?;
                }
            }
            S::Builtin { target, builtin, arguments, on_error, .. } => {
                let name = self.program.builtins[builtin.index()].name;
                let lenient = lenient(*on_error);
                write!(out, "{} = builtin{lenient} {name}({})", register(*target), registers(arguments))?;
            }
            S::Arithmetic { target, operator, left, right, checked, on_error, .. } => {
                let symbol = arithmetic(*operator);
                let int = if *checked { " int" } else { "" };
                let lenient = lenient(*on_error);
                let (left, right) = (register(*left), register(*right));
                write!(out, "{} = compute{int}{lenient} {left} {symbol} {right}", register(*target))?;
            }
            S::SetOperation { target, operator, left, right, on_error, .. } => {
                let symbol = match operator {
                    SetOperator::Union => "|",
                    SetOperator::Intersection => "&",
                };
                let lenient = lenient(*on_error);
                let (left, right) = (register(*left), register(*right));
                write!(out, "{} = sets{lenient} {left} {symbol} {right}", register(*target))?;
            }
            S::Compare { target, operator, left, right } => {
                let symbol = operator.symbol();
                write!(out, "{} = {} {symbol} {}", register(*target), register(*left), register(*right))?;
            }
            S::Membership { target, key, value, collection } => {
                let key = key.map(|key| format!("{}, ", register(key))).unwrap_or_default();
                let (value, collection) = (register(*value), register(*collection));
                write!(out, "{} = {key}{value} in {collection}", register(*target))?;
            }
            S::MakeArray { target, items } => write!(out, "{} = array [{}]", register(*target), registers(items))?,
            S::MakeSet { target, items } => write!(out, "{} = set {{{}}}", register(*target), registers(items))?,
            S::MakeObject { target, entries } => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", register(*key), register(*value)));
                let entries = entries.collect::<Vec<_>>().join(", ");
                write!(out, "{} = object {{{entries}}}", register(*target))?;
            }
            S::Template { target, parts } => {
                let parts = parts.iter().map(|part| match part {
                    TemplatePart::Text(text) => self.constant(*text),
                    TemplatePart::Value(value) => register(*value),
                });
                let parts = parts.collect::<Vec<_>>().join(" ");
                write!(out, "{} = template {parts}", register(*target))?;
            }
            S::Test { .. }
            | S::TestCompare { .. }
            | S::TestAbsent { .. }
            | S::TestShape { .. }
            | S::Yield { .. }
            | S::Emit { .. }
            | S::Mark { .. }
            | S::MarkSave { .. }
            | S::MarkRestore { .. }
            | S::Record { .. } => self.effect(&mut out, kind)?,
            S::Scope { .. }
            | S::Leave { .. }
            | S::Fail
            | S::Each { .. }
            | S::Collect { .. }
            | S::With { .. }
            | S::Outside { .. } => self.structure(&mut out, kind)?,
        }
        Ok(out)
    }

    /// Tests, and statements that act on the function's or evaluation's state.
    fn effect(&self, out: &mut String, kind: &StatementKind) -> fmt::Result {
        use StatementKind as S;
        if let S::Test { value, expected } = kind {
            let not = if *expected { "" } else { "not " };
            write!(out, "test {not}{}", register(*value))?;
        } else if let S::TestCompare { operator, left, right } = kind {
            write!(out, "test {} {} {}", register(*left), operator.symbol(), register(*right))?;
        } else if let S::TestAbsent { value, expected } = kind {
            let what = if *expected { "absent" } else { "present" };
            write!(out, "test {what} {}", register(*value))?;
        } else if let S::TestShape { value, shape, length } = kind {
            let shape = match shape {
                Shape::Array => "array",
                Shape::Object => "object",
            };
            write!(out, "test {} is {shape} of {length}", register(*value))?;
        } else if let S::Yield { target, value } = kind {
            write!(out, "yield {} {}", register(*target), register(*value))?;
        } else if let S::Emit { key, value } = kind {
            let key = key.map(|key| format!("{}: ", register(key))).unwrap_or_default();
            write!(out, "emit {key}{}", register(*value))?;
        } else if let S::Mark { site } = kind {
            let path = self.program.site(*site).map_or("", |site| &site.path);
            write!(out, "mark {path:?}")?;
        } else if let S::MarkSave { target } = kind {
            write!(out, "{} = mark", register(*target))?;
        } else if let S::MarkRestore { source } = kind {
            write!(out, "restore mark {}", register(*source))?;
        } else if let S::Record { role, value } = kind {
            let role = match role {
                Role::Witness(index) => format!("witness {index}"),
                Role::Reason => "reason".into(),
                Role::ExemptionArgument => "argument of unless".into(),
                Role::Outcome(condition) => format!("outcome of condition {}", condition.0),
            };
            write!(out, "record {role} {}", register(*value))?;
        }
        Ok(())
    }

    /// Blocks, and ways out of them.
    fn structure(&self, out: &mut String, kind: &StatementKind) -> fmt::Result {
        use StatementKind as S;
        if let S::Scope { label, catches, .. } = kind {
            let catches = if *catches { " catches" } else { "" };
            write!(out, "scope L{}{catches}", label.0)?;
        } else if let S::Leave { label } = kind {
            write!(out, "leave L{}", label.0)?;
        } else if let S::Fail = kind {
            out.push_str("fail");
        } else if let S::Each { label, key, value, collection, lookup, .. } = kind {
            let name = |register_: &Option<Register>| register_.map_or_else(|| "_".into(), register);
            write!(out, "each L{} {}, {} in {}", label.0, name(key), name(value), register(*collection))?;
            if let Some(lookup) = lookup
                && let Some(index) = self.program.lookups.get(lookup.index.index())
            {
                let keys = lookup.keys.iter().map(|key| register(*key)).collect::<Vec<_>>();
                out.push_str(" where ");
                index.describe(&self.heap, &keys, out)?;
            }
        } else if let S::Collect { target, collection, .. } = kind {
            let collection = match collection {
                Collection::Array => "array".into(),
                Collection::Set => "set".into(),
                Collection::Object => "object".into(),
                Collection::Nested { depth } => format!("object of {depth} levels"),
            };
            write!(out, "{} = collect {collection}", register(*target))?;
        } else if let S::With { label, replacements, .. } = kind {
            let replacements = replacements.iter().map(|replacement| self.replacement(replacement));
            let replacements = replacements.collect::<Vec<_>>().join(", ");
            write!(out, "with L{} {replacements}", label.0)?;
        } else if let S::Outside { label, .. } = kind {
            write!(out, "outside L{}", label.0)?;
        }
        Ok(())
    }

    fn replacement(&self, replacement: &Replacement) -> String {
        let target = |name: &str, mock: &Mock| match mock {
            Mock::Value => name.to_owned(),
            Mock::Function(function) => format!("{name} by {}", self.program.function(*function).name),
            Mock::Builtin(builtin) => format!("{name} by {}", self.program.builtins[builtin.index()].name),
        };
        let target = match &replacement.target {
            ReplacementTarget::Input(path) => format!("input {:?}", path.join(".")),
            ReplacementTarget::Data(path) => format!("data {:?}", path.join(".")),
            ReplacementTarget::Builtin(builtin, mock) => target(self.program.builtins[builtin.index()].name, mock),
            ReplacementTarget::Function(function, mock) => target(&self.program.function(*function).name, mock),
        };
        match replacement.value {
            Some(value) => format!("{target} as {}", register(value)),
            None => target,
        }
    }
}

fn register(register: Register) -> String {
    format!("r{}", register.0)
}

fn registers(list: &[Register]) -> String {
    list.iter().map(|item| register(*item)).collect::<Vec<_>>().join(", ")
}

fn lenient(on_error: OnError) -> &'static str {
    match on_error {
        OnError::Stop => "",
        OnError::Absent => " lenient",
    }
}

fn arithmetic(operator: ArithmeticOperator) -> &'static str {
    match operator {
        ArithmeticOperator::Add => "+",
        ArithmeticOperator::Subtract => "-",
        ArithmeticOperator::Multiply => "*",
        ArithmeticOperator::Divide => "/",
        ArithmeticOperator::Remainder => "%",
    }
}

impl CompareOperator {
    /// The one that says the same with the operands the other way round.
    pub(crate) const fn swapped(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
        }
    }

    /// The sign as written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }
}
