//! A query as a rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use hpol_lang::ast::{
    BinaryOperator, Body, Condition, ConditionKind, Expr, ExprKind, Name, Reference, Step, TemplatePart,
};
use hpol_lang::value::Value;

use super::answer::Answer;

/// What a query's own value is called.
const VALUE: &str = "__value";

/// A query.
#[derive(Debug)]
pub(super) struct Question {
    /// As typed.
    pub(super) text: String,
    /// Its variables, in the order of the text.
    names: Vec<Arc<str>>,
    /// Where its expression ends, if it is one expression with a value.
    expression: Option<usize>,
    /// Whether it is `name := …`, which declares something.
    pub(super) declares: bool,
    /// Whether the rule's body is the query, so that it can be explained.
    pub(super) explained: bool,
}

impl Question {
    /// `known` are the names that are no variables.
    pub(super) fn new(text: &str, body: &Body, known: &BTreeSet<Arc<str>>) -> Self {
        let mut names = Vec::new();
        body.conditions.iter().for_each(|condition| condition_names(condition, &mut names));
        names.retain(|name| !known.contains(name) && !name.starts_with('_'));
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let (mut expression, mut declares) = (None, false);
        if let [Condition { kind: ConditionKind::Expr(expr), .. }] = body.conditions.as_slice() {
            match &expr.kind {
                ExprKind::Binary(BinaryOperator::Assign, left, _) => {
                    declares =
                        matches!(left.kind, ExprKind::Variable(_) | ExprKind::Call { .. } | ExprKind::Reference(_));
                }
                ExprKind::Binary(BinaryOperator::Unify, ..) => {}
                _ => expression = Some(expr.span.end as usize),
            }
        }
        Self { text: text.to_owned(), names, expression, declares, explained: false }
    }

    /// The rule, and where in it the query stands.
    fn written(&self, rule: &str) -> (String, usize) {
        let before = match (self.explained, self.expression) {
            (true, _) => format!("{rule} if {{\n"),
            (false, None) => format!("{rule} := [{} |\n", self.row()),
            (false, Some(_)) => format!("{rule} := [{} |\n{VALUE} := (", self.row()),
        };
        let (text, end) = match self.expression.filter(|_| !self.explained) {
            // The expression in parentheses, then its `with`.
            Some(end) => {
                let (expression, rest) =
                    (self.text.get(..end).unwrap_or(&self.text), self.text.get(end..).unwrap_or(""));
                (format!("{expression}){rest}"), "\n]\n")
            }
            None => (self.text.clone(), if self.explained { "\n}\n" } else { "\n]\n" }),
        };
        let offset = before.len();
        (format!("{before}{text}{end}"), offset)
    }

    pub(super) fn rule(&self, rule: &str) -> String {
        self.written(rule).0
    }

    pub(super) fn offset(&self, rule: &str) -> usize {
        self.written(rule).1
    }

    /// What one solution yields.
    fn row(&self) -> String {
        let mut parts: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        if self.expression.is_some() {
            parts.push(VALUE.to_owned());
        }
        match parts.as_slice() {
            [] => "true".to_owned(),
            [one] => one.clone(),
            parts => format!("[{}]", parts.join(", ")),
        }
    }

    pub(super) fn answer(&self, value: Option<Value>) -> Answer {
        let Some(Value::Array(rows)) = value else { return Answer::Undefined };
        let mut names = self.names.clone();
        if self.expression.is_some() && !names.is_empty() {
            names.push("value".into());
        }
        match (names.len(), rows.len()) {
            (_, 0) => Answer::Undefined,
            (0, 1) | (0, _) if self.expression.is_none() => Answer::Value(Value::Bool(true)),
            (0, 1) => rows.iter().next().cloned().map_or(Answer::Undefined, Answer::Value),
            (0, _) => Answer::Solutions {
                names: vec!["value".into()],
                rows: rows.iter().map(|row| vec![row.clone()]).collect(),
            },
            (1, _) => Answer::Solutions { names, rows: rows.iter().map(|row| vec![row.clone()]).collect() },
            _ => {
                let rows = rows.iter().filter_map(|row| match row {
                    Value::Array(values) => Some(values.iter().cloned().collect()),
                    _ => None,
                });
                Answer::Solutions { names, rows: rows.collect() }
            }
        }
    }
}

/// The first name of a head.
pub(super) fn head_name(reference: &Reference) -> Option<Arc<str>> {
    match &reference.head.kind {
        ExprKind::Variable(name) => Some(name.clone()),
        _ => None,
    }
}

/// The names that a condition uses or declares outside of bodies of its own.
fn condition_names(condition: &Condition, names: &mut Vec<Arc<str>>) {
    let declared = |name: &Name| name.text.clone();
    match &condition.kind {
        ConditionKind::Expr(expr) => expr_names(expr, names),
        ConditionKind::SomeDeclare(found) => names.extend(found.iter().map(declared)),
        ConditionKind::SomeIn { key, value, collection } => {
            key.iter().for_each(|key| expr_names(key, names));
            expr_names(value, names);
            expr_names(collection, names);
        }
        ConditionKind::Every { collection, .. } => expr_names(collection, names),
        ConditionKind::Not(_) | ConditionKind::Expect(_) => {}
    }
}

fn expr_names(expr: &Expr, names: &mut Vec<Arc<str>>) {
    let mut all = |exprs: &[Expr]| exprs.iter().for_each(|expr| expr_names(expr, names));
    match &expr.kind {
        ExprKind::Variable(name) => names.push(name.clone()),
        ExprKind::Reference(reference) => {
            expr_names(&reference.head, names);
            for step in &reference.steps {
                if let Step::Index(index) = step {
                    expr_names(index, names);
                }
            }
        }
        ExprKind::Call { arguments, .. } => all(arguments),
        ExprKind::Array(items) | ExprKind::Set(items) => all(items),
        ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| {
            expr_names(key, names);
            expr_names(value, names);
        }),
        ExprKind::Binary(_, left, right) => {
            expr_names(left, names);
            expr_names(right, names);
        }
        ExprKind::Negate(inner) | ExprKind::Parenthesized(inner) => expr_names(inner, names),
        ExprKind::Membership { key, value, collection } => {
            key.iter().for_each(|key| expr_names(key, names));
            expr_names(value, names);
            expr_names(collection, names);
        }
        ExprKind::Template(parts) => parts.iter().for_each(|part| match part {
            TemplatePart::Text { .. } => {}
            TemplatePart::Expr(inner) => expr_names(inner, names),
        }),
        // Constants, and what has a body of its own.
        _ => {}
    }
}
