//! Definitions of one rule that could both hold: with different values that would be a conflict at run time.
//!
//! Two definitions are taken to exclude each other only if a condition of one contradicts a condition of the other: the same
//! place is compared with different constants, lies in disjoint sets or ranges, or one has the negation of the other's
//! condition. Anything else counts as an overlap.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::narrow::{Place, constant, place};
use super::rule::chain;
use crate::ast::BinaryOperator;
use crate::diagnostic::Diagnostic;
use crate::typed::{Body, Clause, Condition, ConditionKind, Expr, ExprKind, PackageStep, Pattern, Rule};
use crate::types::Type;
use crate::value::{Number, Value};

/// How many definitions are compared each with each.
const PAIRS_MAX: usize = 300;

/// What the conditions of a definition say about one place.
#[derive(Debug, Default, Clone)]
pub(super) struct Fact {
    /// The values it can have.
    pub(super) among: Option<BTreeSet<Value>>,
    /// Values it can't have.
    not: BTreeSet<Value>,
    /// Bounds, and whether they belong to it.
    least: Option<(Number, bool)>,
    most: Option<(Number, bool)>,
}

/// What is known where a definition holds.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) places: BTreeMap<Subject, Fact>,
    /// Conditions by their text, with whether they hold.
    conditions: BTreeMap<String, bool>,
}

/// A place that has one value for one call: not a variable of an iteration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Parameter(usize),
    Place(Place),
    /// The text of another expression without variables, such as `count(input.items)`.
    Text(String),
}

impl Checker<'_, '_> {
    /// Reports definitions of a complete rule or function that could give different values at once.
    pub(super) fn check_overlaps(&mut self, rule: &Rule) {
        let all: Vec<(usize, &Clause)> = rule
            .clauses
            .iter()
            .enumerate()
            .flat_map(|(number, clause)| chain(clause).map(move |clause| (number, clause)))
            .collect();
        if rule.clauses.len() < 2 || all.iter().all(|(_, clause)| same_value(&clause.value, &all[0].1.value)) {
            return;
        }
        let known: Vec<Known> = all.iter().map(|(_, clause)| self.known(clause)).collect();
        if disjoint_on_one_place(&known, &all) {
            return;
        }
        let name = rule.parts.last().cloned().unwrap_or_default();
        if all.len() > PAIRS_MAX {
            self.report(
                Diagnostic::error("overlapping-definitions", rule.span, format!("`{name}` has too many definitions to tell that they exclude each other"))
                    .with_help("let each compare the same value with another constant, or put the values into a map and look them up"),
            );
            return;
        }
        for (at, (number, clause)) in all.iter().enumerate() {
            let other = all.iter().enumerate().skip(at + 1).find(|(other_at, (other_number, other))| {
                number != other_number
                    && !same_value(&clause.value, &other.value)
                    && !known[at].excludes(&known[*other_at])
            });
            if let Some((_, (_, other))) = other {
                let message = format!("two definitions of `{name}` can hold at once with different values");
                self.report(
                    Diagnostic::error("overlapping-definitions", other.span, message)
                        .with_related(clause.span, "this one can hold at the same time")
                        .with_help("join them with `else`, or add a condition that excludes the other"),
                );
                return;
            }
        }
    }

    pub(super) fn known(&self, clause: &Clause) -> Known {
        let mut known = Known::default();
        for (number, parameter) in clause.parameters.iter().enumerate() {
            if let Pattern::Equal(value) = parameter
                && let Some(value) = constant(value)
            {
                known.fact(Subject::Parameter(number)).among = Some(BTreeSet::from([value.clone()]));
            }
        }
        let subject = |expr: &Expr| subject(expr, clause);
        for condition in &clause.body.conditions {
            match &condition.kind {
                ConditionKind::Test(test) => {
                    if let Some(text) = condition_text(test) {
                        known.conditions.insert(text, true);
                    }
                    if let Some((compared, values)) = compared_values(test)
                        && let Some(subject) = subject(compared)
                    {
                        let fact = known.fact(subject);
                        fact.among = Some(match &fact.among {
                            Some(among) => among.intersection(&values).cloned().collect(),
                            None => values,
                        });
                    }
                    if let ExprKind::Binary(BinaryOperator::NotEqual, left, right) = &test.kind
                        && let Some((compared, value)) = with_constant(left, right)
                        && let Some(subject) = subject(compared)
                    {
                        known.fact(subject).not.insert(value.clone());
                    }
                    known.bound(test, &subject);
                }
                ConditionKind::Not(Body { conditions }) => {
                    let [Condition { kind: ConditionKind::Test(test), .. }] = conditions.as_slice() else { continue };
                    if let Some(text) = condition_text(test) {
                        known.conditions.insert(text, false);
                    }
                    if let Some((compared, values)) = compared_values(test)
                        && let Some(subject) = subject(compared)
                    {
                        known.fact(subject).not.extend(values);
                    }
                }
                _ => {}
            }
        }
        known
    }
}

impl Known {
    fn fact(&mut self, subject: Subject) -> &mut Fact {
        self.places.entry(subject).or_default()
    }

    fn bound(&mut self, test: &Expr, subject: &dyn Fn(&Expr) -> Option<Subject>) {
        let ExprKind::Binary(operator, left, right) = &test.kind else { return };
        let (compared, number, operator) = match (constant(left), constant(right)) {
            (None, Some(Value::Number(number))) => (left, number, *operator),
            (Some(Value::Number(number)), None) => (right, number, mirrored(*operator)),
            _ => return,
        };
        let Some(subject) = subject(compared) else { return };
        let fact = self.fact(subject);
        match operator {
            BinaryOperator::Less => fact.most = Some((number.clone(), false)),
            BinaryOperator::LessEqual => fact.most = Some((number.clone(), true)),
            BinaryOperator::Greater => fact.least = Some((number.clone(), false)),
            BinaryOperator::GreaterEqual => fact.least = Some((number.clone(), true)),
            _ => {}
        }
    }

    fn excludes(&self, other: &Known) -> bool {
        let opposite =
            self.conditions.iter().any(|(text, holds)| other.conditions.get(text).is_some_and(|other| other != holds));
        opposite
            || self
                .places
                .iter()
                .any(|(subject, fact)| other.places.get(subject).is_some_and(|other| fact.excludes(other)))
    }
}

impl Fact {
    fn excludes(&self, other: &Fact) -> bool {
        let no_value = |left: &Fact, right: &Fact| {
            left.among.as_ref().is_some_and(|among| {
                among.iter().all(|value| {
                    right.not.contains(value)
                        || right.among.as_ref().is_some_and(|right| !right.contains(value))
                        || !right.within(value)
                })
            })
        };
        let below = |left: &Fact, right: &Fact| match (&left.most, &right.least) {
            (Some((most, most_in)), Some((least, least_in))) => {
                most < least || (most == least && !(*most_in && *least_in))
            }
            _ => false,
        };
        no_value(self, other) || no_value(other, self) || below(self, other) || below(other, self)
    }

    fn within(&self, value: &Value) -> bool {
        let Value::Number(number) = value else { return true };
        let above = self.least.as_ref().is_none_or(|(least, own)| number > least || (*own && number == least));
        let below = self.most.as_ref().is_none_or(|(most, own)| number < most || (*own && number == most));
        above && below
    }
}

pub(super) fn mirrored(operator: BinaryOperator) -> BinaryOperator {
    match operator {
        BinaryOperator::Less => BinaryOperator::Greater,
        BinaryOperator::LessEqual => BinaryOperator::GreaterEqual,
        BinaryOperator::Greater => BinaryOperator::Less,
        BinaryOperator::GreaterEqual => BinaryOperator::LessEqual,
        other => other,
    }
}

fn with_constant<'e>(left: &'e Expr, right: &'e Expr) -> Option<(&'e Expr, &'e Value)> {
    match (constant(left), constant(right)) {
        (None, Some(value)) => Some((left, value)),
        (Some(value), None) => Some((right, value)),
        _ => None,
    }
}

/// What a condition compares, and the values it can then have: `x == "a"`, `x in {"a", "b"}`, `x` itself.
fn compared_values(test: &Expr) -> Option<(&Expr, BTreeSet<Value>)> {
    match &test.kind {
        ExprKind::Binary(BinaryOperator::Equal, left, right) => {
            let (compared, value) = with_constant(left, right)?;
            Some((compared, BTreeSet::from([value.clone()])))
        }
        ExprKind::Membership { key: None, value, collection } => match constant(collection)? {
            Value::Set(values) => Some((value, (**values).clone())),
            Value::Array(values) => Some((value, values.iter().cloned().collect())),
            _ => None,
        },
        _ if test.ty.members().iter().all(|ty| matches!(ty, Type::Bool | Type::Literal(Value::Bool(_)))) => {
            place(test).map(|_| (test, BTreeSet::from([Value::Bool(true)])))
        }
        _ => None,
    }
}

/// What a condition is about, if it is the same in every definition.
fn subject(expr: &Expr, clause: &Clause) -> Option<Subject> {
    if let ExprKind::Local(local) = &expr.kind {
        let number =
            clause.parameters.iter().position(|pattern| matches!(pattern, Pattern::Bind(bound) if bound == local));
        return number.map(Subject::Parameter);
    }
    if !no_variables(expr) {
        return None;
    }
    match place(expr) {
        Some(place) => Some(Subject::Place(place)),
        None => Some(Subject::Text(described(expr)?)),
    }
}

/// The text of a condition that means the same in every definition.
fn condition_text(test: &Expr) -> Option<String> {
    if no_variables(test) { described(test) } else { None }
}

/// A text for an expression that is equal only for equal expressions; `None` for those that are too long to matter.
pub(super) fn described(expr: &Expr) -> Option<String> {
    let mut copy = expr.clone();
    strip(&mut copy);
    let text = format!("{:?}", copy.kind);
    (text.len() < 2_000).then_some(text)
}

fn strip(expr: &mut Expr) {
    expr.span = crate::source::Span::new(crate::source::FileId(0), 0, 0);
    expr.ty = Type::Any;
    match &mut expr.kind {
        ExprKind::Field(inner, _) | ExprKind::Negate(inner) => strip(inner),
        ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => {
            strip(left);
            strip(right);
        }
        ExprKind::Builtin(_, items) | ExprKind::Function(_, items) | ExprKind::Array(items) | ExprKind::Set(items) => {
            items.iter_mut().for_each(strip);
        }
        ExprKind::Object(entries) => entries.iter_mut().for_each(|(key, value)| {
            strip(key);
            strip(value);
        }),
        ExprKind::Membership { key, value, collection } => {
            key.iter_mut().for_each(|key| strip(key));
            strip(value);
            strip(collection);
        }
        _ => {}
    }
}

/// Whether an expression depends on nothing that differs between ways in which the body holds. Parameters do not count as
/// the same, because their names differ between definitions.
fn no_variables(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Local(_) => false,
        ExprKind::Constant(_) | ExprKind::Input | ExprKind::Data(_) | ExprKind::Rule(_) => true,
        ExprKind::Package(_, below) => !below.iter().any(|step| matches!(step, PackageStep::Key(_))),
        ExprKind::Field(inner, _) | ExprKind::Negate(inner) => no_variables(inner),
        ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => no_variables(left) && no_variables(right),
        ExprKind::Builtin(_, items) | ExprKind::Function(_, items) | ExprKind::Array(items) | ExprKind::Set(items) => {
            items.iter().all(no_variables)
        }
        ExprKind::Object(entries) => entries.iter().all(|(key, value)| no_variables(key) && no_variables(value)),
        ExprKind::Membership { key, value, collection } => {
            key.as_deref().is_none_or(no_variables) && no_variables(value) && no_variables(collection)
        }
        ExprKind::ArrayComprehension(..)
        | ExprKind::SetComprehension(..)
        | ExprKind::ObjectComprehension(..)
        | ExprKind::Template(_)
        | ExprKind::Holds(_) => false,
    }
}

/// Whether two values are certainly the same.
pub(super) fn same_value(left: &Expr, right: &Expr) -> bool {
    match (constant(left), constant(right)) {
        (Some(left), Some(right)) => left == right,
        (None, None) => {
            let global =
                matches!(left.kind, ExprKind::Field(..) | ExprKind::Input | ExprKind::Data(_) | ExprKind::Rule(_));
            global
                && matches!((place(left), place(right)), (Some(left), Some(right)) if left == right && !matches!(left.root, super::narrow::Root::Local(_)))
        }
        _ => false,
    }
}

/// Whether there is one place that all definitions compare with different constants: the usual form of a long table, found
/// without comparing each with each.
fn disjoint_on_one_place(known: &[Known], all: &[(usize, &Clause)]) -> bool {
    let Some(first) = known.first() else { return true };
    first.places.keys().any(|subject| {
        let mut owner: BTreeMap<&Value, usize> = BTreeMap::new();
        known.iter().zip(all).all(|(known, (number, _))| {
            let among = known.places.get(subject).and_then(|fact| fact.among.as_ref());
            among.is_some_and(|among| among.iter().all(|value| *owner.entry(value).or_insert(*number) == *number))
        })
    })
}
