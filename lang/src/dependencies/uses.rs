//! What one declaration uses itself, read off the typed tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ast::is_identifier;
use crate::typed::{
    Body, Clause, Condition, ConditionKind, Counter, DecisionRule, Expr, ExprKind, LabelRule, LocalId, PackageStep,
    Pattern, Program, Replacement, ReplacementTarget, Rule, RuleId, TemplatePart, Test, TestRuns, TestStep,
};
use crate::value::Value;

/// The longest path that is told, in bytes; what is read below it is read at it.
const PATH_MAX: usize = 512;

/// What a declaration uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// Rules and functions.
    pub rules: BTreeSet<RuleId>,
    /// Packages that are asked for as a whole, or whose decision is expected: indices into [`Program::packages`].
    pub packages: BTreeSet<u32>,
    /// Paths in the input, such as `input.tools[_].name`; `[_]` is any element.
    pub input: BTreeSet<Arc<str>>,
    /// Paths in `data` where no rule stands, such as `data.roles`.
    pub data: BTreeSet<Arc<str>>,
    /// Builtins.
    pub builtins: BTreeSet<Arc<str>>,
}

impl Uses {
    /// What a rule or function uses.
    pub fn of_rule(rule: &Rule, program: &Program) -> Self {
        let mut walker = Walker::new(program);
        rule.clauses.iter().for_each(|clause| walker.clause(clause));
        if let Some(default) = &rule.default {
            walker.places = vec![None; rule.default_locals.len()];
            walker.read(default);
        }
        walker.end()
    }

    /// What a decision rule uses, its reason and `unless` included.
    pub fn of_decision(rule: &DecisionRule, program: &Program) -> Self {
        let mut walker = Walker::new(program);
        walker.places = vec![None; rule.locals.len()];
        walker.body(&rule.body);
        rule.because.iter().for_each(|because| walker.read(because));
        rule.unless.iter().for_each(|unless| walker.body(unless));
        walker.end()
    }

    /// What a counter adds, and when.
    pub fn of_counter(counter: &Counter, program: &Program) -> Self {
        let mut walker = Walker::new(program);
        walker.places = vec![None; counter.locals.len()];
        walker.body(&counter.body);
        walker.read(&counter.entry);
        walker.end()
    }

    /// What a label for sessions uses.
    pub fn of_label(label: &LabelRule, program: &Program) -> Self {
        let mut walker = Walker::new(program);
        walker.places = vec![None; label.locals.len()];
        walker.body(&label.body);
        walker.end()
    }

    /// What a test uses.
    pub fn of_test(test: &Test, program: &Program) -> Self {
        let mut walker = Walker::new(program);
        walker.places = vec![None; test.locals.len()];
        if let TestRuns::Cases(_, cases) = &test.runs {
            walker.read(cases);
        }
        for step in &test.steps {
            match step {
                TestStep::Condition(condition) | TestStep::Holds(condition) => walker.condition(condition),
                TestStep::Decision(expected) => {
                    walker.uses.packages.insert(expected.package);
                    let values = [&expected.id, &expected.because, &expected.masks];
                    values.into_iter().flatten().for_each(|value| walker.read(value));
                    walker.replacements(&expected.with);
                }
            }
        }
        walker.end()
    }

    /// Adds what another declaration uses.
    pub fn join(&mut self, other: &Self) {
        self.rules.extend(&other.rules);
        self.packages.extend(&other.packages);
        self.input.extend(other.input.iter().cloned());
        self.data.extend(other.data.iter().cloned());
        self.builtins.extend(other.builtins.iter().cloned());
    }
}

/// The package that a rule stands in: the longest whose path its own starts with.
pub fn package_of(program: &Program, rule: &[Arc<str>]) -> Option<usize> {
    let starts = |package: &str| {
        let mut parts = rule.iter();
        let rule = parts.by_ref().map(|part| &**part).collect::<Vec<_>>().join(".");
        rule.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'))
    };
    let packages = program.packages.iter().enumerate().filter(|(_, package)| starts(&package.path));
    packages.max_by_key(|(_, package)| package.path.len()).map(|(index, _)| index)
}

struct Walker<'p> {
    program: &'p Program,
    uses: Uses,
    /// Places that are gone through, and count only where nothing below them is read.
    iterated: BTreeSet<Arc<str>>,
    /// By local: the place in input or data that it stands for.
    places: Vec<Option<Arc<str>>>,
}

impl<'p> Walker<'p> {
    fn new(program: &'p Program) -> Self {
        Self { program, uses: Uses::default(), iterated: BTreeSet::new(), places: Vec::new() }
    }

    fn end(mut self) -> Uses {
        for path in std::mem::take(&mut self.iterated) {
            let known = if path.starts_with("input") { &mut self.uses.input } else { &mut self.uses.data };
            let below = |read: &Arc<str>| read.strip_prefix(&*path).is_some_and(|rest| rest.starts_with(['.', '[']));
            if !known.iter().any(below) {
                known.insert(path);
            }
        }
        self.uses
    }

    fn clause(&mut self, clause: &Clause) {
        self.places = vec![None; clause.locals.len()];
        clause.parameters.iter().for_each(|parameter| self.pattern(parameter, None));
        self.body(&clause.body);
        clause.key.iter().for_each(|key| self.read(key));
        self.read(&clause.value);
        clause.else_clause.iter().for_each(|clause| self.clause(clause));
    }

    fn body(&mut self, body: &Body) {
        body.conditions.iter().for_each(|condition| self.condition(condition));
    }

    fn condition(&mut self, condition: &Condition) {
        match &condition.kind {
            ConditionKind::Test(value) => self.read(value),
            ConditionKind::Match(pattern, value) => {
                let place = self.place(value);
                // What only gets a name is read where the name is used.
                match (&place, pattern) {
                    (Some(place), Pattern::Bind(_) | Pattern::Array(_) | Pattern::Object(_)) => {
                        self.iterated.insert(place.clone());
                    }
                    _ => self.read(value),
                }
                self.pattern(pattern, place);
            }
            ConditionKind::Each { key, value, collection } => self.each(key, value, collection),
            ConditionKind::Every { key, value, collection, body } => {
                self.each(key, value, collection);
                self.body(body);
            }
            ConditionKind::Not(body) => self.body(body),
            ConditionKind::With { replacements, body } => {
                self.replacements(replacements);
                self.body(body);
            }
            ConditionKind::Any(bodies) => bodies.iter().for_each(|body| self.body(body)),
        }
    }

    fn each(&mut self, key: &Pattern, value: &Pattern, collection: &Expr) {
        let element = self.place(collection).map(|place| below(&place, "[_]"));
        match &element {
            Some(element) => {
                self.iterated.insert(element.clone());
            }
            None => self.read(collection),
        }
        self.pattern(key, None);
        self.pattern(value, element);
    }

    fn pattern(&mut self, pattern: &Pattern, place: Option<Arc<str>>) {
        match pattern {
            Pattern::Wildcard => {}
            Pattern::Bind(LocalId(local)) => {
                if let Some(known) = self.places.get_mut(*local as usize) {
                    *known = place;
                }
            }
            Pattern::Equal(value) => {
                self.note(place);
                self.read(value);
            }
            Pattern::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let element = place.as_ref().map(|place| below(place, &format!("[{index}]")));
                    self.pattern(item, element);
                }
            }
            Pattern::Object(entries) => {
                for (key, value) in entries {
                    self.read(key);
                    let member = place.as_ref().map(|place| below(place, &step(key)));
                    self.pattern(value, member);
                }
            }
        }
    }

    fn replacements(&mut self, replacements: &[Replacement]) {
        for replacement in replacements {
            match &replacement.target {
                ReplacementTarget::BuiltinByRule(_, rule) | ReplacementTarget::FunctionByRule(_, rule) => {
                    self.uses.rules.insert(*rule);
                }
                ReplacementTarget::BuiltinByBuiltin(_, name) | ReplacementTarget::FunctionByBuiltin(_, name) => {
                    self.uses.builtins.insert(name.clone());
                }
                ReplacementTarget::Input(_)
                | ReplacementTarget::Data(_)
                | ReplacementTarget::Builtin(_)
                | ReplacementTarget::Function(_) => self.read(&replacement.value),
            }
        }
    }

    /// Notes everything that the value of an expression depends on.
    fn read(&mut self, expr: &Expr) {
        if let Some(place) = self.place(expr) {
            self.note(Some(place));
            return;
        }
        match &expr.kind {
            ExprKind::Constant(_) | ExprKind::Local(_) | ExprKind::Input | ExprKind::Data(_) => {}
            ExprKind::Rule(rule) => {
                self.uses.rules.insert(*rule);
            }
            ExprKind::Package(path, below) => self.package(path, below),
            ExprKind::Field(base, _) | ExprKind::Negate(base) => self.read(base),
            ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => {
                self.read(left);
                self.read(right);
            }
            ExprKind::Builtin(name, arguments) => {
                self.uses.builtins.insert(name.clone());
                arguments.iter().for_each(|argument| self.read(argument));
            }
            ExprKind::Function(rule, arguments) => {
                self.uses.rules.insert(*rule);
                arguments.iter().for_each(|argument| self.read(argument));
            }
            ExprKind::Membership { key, value, collection } => {
                key.iter().for_each(|key| self.read(key));
                self.read(value);
                self.read(collection);
            }
            ExprKind::Array(items) | ExprKind::Set(items) => items.iter().for_each(|item| self.read(item)),
            ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| {
                self.read(key);
                self.read(value);
            }),
            ExprKind::ArrayComprehension(head, body) | ExprKind::SetComprehension(head, body) => {
                self.body(body);
                self.read(head);
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                self.body(body);
                self.read(key);
                self.read(value);
            }
            ExprKind::Template(parts) => parts.iter().for_each(|part| match part {
                TemplatePart::Text(_) => {}
                TemplatePart::Expr(value) => self.read(value),
            }),
            ExprKind::Holds(body) => self.body(body),
        }
    }

    /// A package, or what lies above several: every rule below it, and the documents there.
    fn package(&mut self, path: &[Arc<str>], below: &[PackageStep]) {
        let whole = path.join(".");
        let package = self.program.packages.iter().position(|package| *package.path == *whole);
        match package.filter(|_| below.is_empty()) {
            Some(package) => {
                self.uses.packages.insert(u32::try_from(package).unwrap_or(u32::MAX));
            }
            None => {
                let reached = |parts: &[Arc<str>]| {
                    parts.strip_prefix(path).is_some_and(|rest| {
                        rest.iter().zip(below).all(|(name, step)| match step {
                            PackageStep::Name(wanted) => wanted == name,
                            PackageStep::Key(_) | PackageStep::Any => true,
                        })
                    })
                };
                let below_it = self.program.rules.iter().enumerate();
                let below = below_it.filter(|(_, rule)| reached(&rule.parts));
                let below = below.map(|(index, _)| RuleId(u32::try_from(index).unwrap_or(u32::MAX)));
                self.uses.rules.extend(below);
            }
        }
        for step in below {
            if let PackageStep::Key(key) = step {
                self.read(key);
            }
        }
        if path.iter().try_fold(&self.program.data, |value, part| value.get(part)).is_some() {
            self.uses.data.insert(data_path(path));
        }
    }

    fn note(&mut self, place: Option<Arc<str>>) {
        if let Some(place) = place {
            let known = if place.starts_with("input") { &mut self.uses.input } else { &mut self.uses.data };
            known.insert(place);
        }
    }

    /// The place in input or data that an expression names; what its keys depend on is noted.
    fn place(&mut self, expr: &Expr) -> Option<Arc<str>> {
        match &expr.kind {
            ExprKind::Input => Some("input".into()),
            ExprKind::Data(path) => Some(data_path(path)),
            ExprKind::Local(LocalId(local)) => self.places.get(*local as usize)?.clone(),
            ExprKind::Field(base, name) => Some(below(&self.place(base)?, &name_step(name))),
            ExprKind::Index(base, key) => {
                let base = self.place(base)?;
                self.read(key);
                Some(below(&base, &step(key)))
            }
            _ => None,
        }
    }
}

pub(super) fn data_path(path: &[Arc<str>]) -> Arc<str> {
    path.iter().fold(Arc::from("data"), |place, part| below(&place, &name_step(part)))
}

fn below(place: &Arc<str>, step: &str) -> Arc<str> {
    if place.len() + step.len() > PATH_MAX { place.clone() } else { format!("{place}{step}").into() }
}

fn step(key: &Expr) -> String {
    match &key.kind {
        ExprKind::Constant(Value::String(name)) => name_step(name),
        ExprKind::Constant(value @ Value::Number(_)) => format!("[{value}]"),
        _ => "[_]".to_owned(),
    }
}

fn name_step(name: &str) -> String {
    if is_identifier(name) { format!(".{name}") } else { format!("[{}]", Value::from(name)) }
}
