//! What a policy compares its input with: the values that are worth drawing, by the field they are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hpol_lang::typed::{Condition, ConditionKind, Expr, ExprKind, LocalId, Node, Pattern, Program, Test};
use hpol_lang::types::Type;
use hpol_lang::value::{Number, Value};

/// Values that are kept for one field, and in all.
const VALUES_MAX: usize = 256;
/// Values of a document that are looked at.
const DOCUMENT_MAX: usize = 512;

/// Constants by the name of the field that they are compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constants {
    fields: BTreeMap<Arc<str>, Known>,
    all: Known,
}

/// What is known of a field.
#[derive(Debug, Clone, Default)]
struct Known {
    values: Vec<Value>,
    strings: Vec<Arc<str>>,
    numbers: Vec<Number>,
    /// Names that are looked for in it, where it is a map.
    keys: Vec<Arc<str>>,
}

impl Constants {
    /// The constants of a test, and then those of the policy.
    pub(crate) fn new(program: &Program, test: &Test) -> Self {
        let mut collector = Collector { data: &program.data, known: Self::default(), locals: BTreeMap::new() };
        test.each_node(&mut |node| collector.node(node));
        // The variables of a definition are numbered from 0 in each.
        for rule in &program.rules {
            for clause in &rule.clauses {
                collector.locals.clear();
                clause.each_node(&mut |node| collector.node(node));
            }
        }
        for rule in &program.decisions {
            collector.locals.clear();
            rule.body.each_node(&mut |node| collector.node(node));
            rule.unless.iter().for_each(|unless| unless.each_node(&mut |node| collector.node(node)));
        }
        collector.known
    }

    pub(super) fn of(&self, field: &str) -> &[Value] {
        self.fields.get(field).map_or(&[], |known| &known.values)
    }

    pub(super) fn strings_of(&self, field: &str) -> &[Arc<str>] {
        self.fields.get(field).map_or(&[], |known| &known.strings)
    }

    pub(super) fn numbers_of(&self, field: &str) -> &[Number] {
        self.fields.get(field).map_or(&[], |known| &known.numbers)
    }

    pub(super) fn keys(&self, field: &str) -> &[Arc<str>] {
        self.fields.get(field).map_or(&[], |known| &known.keys)
    }

    pub(super) fn strings(&self) -> &[Arc<str>] {
        &self.all.strings
    }

    pub(super) fn numbers(&self) -> &[Number] {
        &self.all.numbers
    }

    fn add(&mut self, fields: &BTreeSet<Arc<str>>, value: &Value) {
        self.all.add(value);
        for field in fields {
            self.fields.entry(field.clone()).or_default().add(value);
        }
    }
}

impl Known {
    fn add(&mut self, value: &Value) {
        if self.values.len() >= VALUES_MAX || self.values.contains(value) {
            return;
        }
        match value {
            Value::String(text) => self.strings.push(text.clone()),
            Value::Number(number) => self.numbers.push(number.clone()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Set(_) => {}
        }
        self.values.push(value.clone());
    }
}

struct Collector<'c> {
    data: &'c Value,
    known: Constants,
    /// The fields that a variable stands for.
    locals: BTreeMap<LocalId, BTreeSet<Arc<str>>>,
}

impl Collector<'_> {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Condition(condition) => self.condition(condition),
            Node::Expr(expr) => self.expr(expr),
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match &condition.kind {
            ConditionKind::Match(pattern, expr) => {
                let fields = self.fields(expr);
                self.pattern(pattern, &fields);
            }
            ConditionKind::Each { value, collection, .. } | ConditionKind::Every { value, collection, .. } => {
                let fields = self.fields(collection);
                self.pattern(value, &fields);
            }
            ConditionKind::Test(_) | ConditionKind::Not(_) | ConditionKind::With { .. } | ConditionKind::Any(_) => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern, fields: &BTreeSet<Arc<str>>) {
        match pattern {
            Pattern::Bind(local) => {
                self.locals.insert(*local, fields.clone());
            }
            Pattern::Equal(expr) => self.relate(fields, expr),
            Pattern::Wildcard | Pattern::Array(_) | Pattern::Object(_) => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Binary(_, left, right) | ExprKind::Membership { value: left, collection: right, .. } => {
                let (lefts, rights) = (self.fields(left), self.fields(right));
                self.relate(&lefts, right);
                self.relate(&rights, left);
            }
            ExprKind::Builtin(_, items) => {
                let fields: BTreeSet<Arc<str>> = items.iter().flat_map(|item| self.fields(item)).collect();
                items.iter().for_each(|item| self.relate(&fields, item));
            }
            // Which key is looked up in a document: `data.roles[input.user]`.
            ExprKind::Index(base, key) => {
                let fields = self.fields(key);
                let keys: Vec<Value> = match self.document(base) {
                    Some(Value::Object(entries)) => entries.keys().take(DOCUMENT_MAX).cloned().collect(),
                    _ => Vec::new(),
                };
                keys.iter().for_each(|key| self.known.add(&fields, key));
                if let ExprKind::Constant(Value::String(name)) = &key.kind {
                    self.looked_for(base, name);
                }
            }
            ExprKind::Field(base, name) => self.looked_for(base, name),
            _ => {}
        }
    }

    /// A member of something that is no record: a key that a map may have.
    fn looked_for(&mut self, base: &Expr, name: &Arc<str>) {
        let named = base.ty.members().iter().any(|ty| matches!(ty, Type::Map(..) | Type::Any))
            || matches!(&base.ty, Type::Record(record) if record.open);
        if !named {
            return;
        }
        for field in self.fields(base) {
            let keys = &mut self.known.fields.entry(field).or_default().keys;
            if keys.len() < VALUES_MAX && !keys.contains(name) {
                keys.push(name.clone());
            }
        }
    }

    /// The values of `expr` are worth drawing for these fields.
    fn relate(&mut self, fields: &BTreeSet<Arc<str>>, expr: &Expr) {
        let mut values = Vec::new();
        self.values(expr, &mut values);
        values.iter().for_each(|value| self.known.add(fields, value));
    }

    /// The names of the fields whose value an expression is, or has elements of.
    fn fields(&self, expr: &Expr) -> BTreeSet<Arc<str>> {
        match &expr.kind {
            ExprKind::Field(_, name) => BTreeSet::from([name.clone()]),
            ExprKind::Local(local) => self.locals.get(local).cloned().unwrap_or_default(),
            ExprKind::Index(base, key) => match &key.kind {
                ExprKind::Constant(Value::String(name)) => BTreeSet::from([name.clone()]),
                _ => self.fields(base),
            },
            ExprKind::Binary(_, left, right) => self.fields(left).into_iter().chain(self.fields(right)).collect(),
            ExprKind::Builtin(_, items) | ExprKind::Array(items) | ExprKind::Set(items) => {
                items.iter().flat_map(|item| self.fields(item)).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// The scalars of a constant, a collection of constants, or a document.
    fn values(&self, expr: &Expr, values: &mut Vec<Value>) {
        match &expr.kind {
            ExprKind::Constant(value) => scalars(value, values),
            ExprKind::Array(items) | ExprKind::Set(items) => items.iter().for_each(|item| self.values(item, values)),
            ExprKind::Data(_) | ExprKind::Field(..) => {
                if let Some(value) = self.document(expr) {
                    scalars(value, values);
                }
            }
            // One of the members, whichever.
            ExprKind::Index(base, _) => self.values(base, values),
            _ => {}
        }
    }

    fn document(&self, expr: &Expr) -> Option<&Value> {
        match &expr.kind {
            ExprKind::Data(path) => path.iter().try_fold(self.data, |value, name| value.get(name)),
            ExprKind::Field(base, name) => self.document(base)?.get(name),
            _ => None,
        }
    }
}

fn scalars(value: &Value, values: &mut Vec<Value>) {
    if values.len() >= DOCUMENT_MAX {
        return;
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => values.push(value.clone()),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, values)),
        Value::Set(items) => items.iter().for_each(|item| scalars(item, values)),
        Value::Object(entries) => entries.values().for_each(|value| scalars(value, values)),
    }
}
