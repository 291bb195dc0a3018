//! Whether the definitions of a rule cover the cases there are, and whether each of them can be reached.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::narrow::{Place, Root, constant};
use super::overlap::{Known, Subject, described, mirrored, same_value};
use super::rule::chain;
use crate::ast::BinaryOperator;
use crate::diagnostic::Diagnostic;
use crate::typed::{Body, Clause, ConditionKind, ExprKind, Pattern, Rule};
use crate::types::{Member, Type};
use crate::value::{Number, Value};

impl Checker<'_, '_> {
    /// Reports values of an enum that no definition covers, where definitions with different values are told apart by them.
    pub(super) fn check_enum(&mut self, number: usize, rule: &Rule) {
        let all: Vec<&Clause> = rule.clauses.iter().flat_map(chain).collect();
        let [first, others @ ..] = all.as_slice() else { return };
        if rule.default.is_some()
            || others.iter().all(|other| same_value(&first.value, &other.value))
            || all.iter().any(|clause| self.always(clause))
        {
            return;
        }
        let known: Vec<Known> = all.iter().map(|clause| self.known(clause)).collect();
        let Some(subjects) = known.first().map(|known| known.places.keys().cloned().collect::<Vec<Subject>>()) else {
            return;
        };
        for subject in subjects {
            let mut covered: BTreeSet<Value> = BTreeSet::new();
            let among = known.iter().map(|known| known.places.get(&subject).and_then(|fact| fact.among.as_ref()));
            let compared =
                among.map(|among| among.map(|among| covered.extend(among.iter().cloned()))).all(|own| own.is_some());
            let Some(values) = self.subject_type(number, &subject).filter(|_| compared).and_then(|ty| ty.enum_values())
            else {
                continue;
            };
            let missed: Vec<String> =
                values.iter().filter(|value| !covered.contains(*value)).map(Value::to_string).collect();
            if !missed.is_empty() && missed.len() < values.len() {
                let only = all.iter().all(|clause| {
                    let literal = clause.parameters.iter().filter(|pattern| matches!(pattern, Pattern::Equal(_)));
                    clause.body.conditions.len() + literal.count() == 1
                });
                self.report_missed(rule, &missed.join(", "), only);
                return;
            }
        }
    }

    fn report_missed(&mut self, rule: &Rule, missed: &str, only: bool) {
        let name = rule.parts.last().cloned().unwrap_or_default();
        let diagnostic = if only {
            Diagnostic::error("enum-case-missed", rule.span, format!("`{name}` has no value for {missed}"))
        } else {
            let message = format!("no definition of `{name}` is about {missed}");
            Diagnostic::warning("enum-case-unmentioned", rule.span, message)
        };
        self.report(diagnostic.with_help("add a definition for each, an `else`, or a default"));
    }

    /// The type of what definitions compare, before a condition has narrowed it.
    fn subject_type(&self, number: usize, subject: &Subject) -> Option<Type> {
        match subject {
            Subject::Parameter(at) => self.parameter_types.get(number)?.get(*at).map(|ty| ty.plain().into_owned()),
            Subject::Place(Place { root, fields }) => {
                let root = match root {
                    Root::Input => self.input_type(),
                    Root::Data => return Some(self.index.documents.type_at(fields)),
                    Root::Local(_) | Root::Rule(_) => return None,
                };
                fields.iter().try_fold(root, |ty, name| match ty.member(name) {
                    Member::Found { ty, .. } => Some(ty),
                    Member::Unknown(_) | Member::NoFields => None,
                })
            }
            Subject::Text(_) => None,
        }
    }

    /// Reports an `else` behind a clause that always has a value.
    pub(super) fn check_unreachable(&mut self, rule: &Rule) {
        for clause in rule.clauses.iter().flat_map(chain) {
            let Some(behind) = clause.else_clause.as_deref().filter(|_| self.always(clause)) else { continue };
            let diagnostic = Diagnostic::error(
                "unreachable-else",
                behind.span,
                "this is never tried: what stands in front always has a value",
            );
            self.report(
                diagnostic
                    .with_related(clause.span, "has no condition")
                    .with_help("give what stands in front a condition with `if`, or remove the `else`"),
            );
            return;
        }
    }

    /// Reports a comparison with a number that the comparisons in front of it exclude.
    pub(super) fn check_bounds(&mut self, body: &Body) {
        let mut ranges: BTreeMap<String, Range> = BTreeMap::new();
        for condition in &body.conditions {
            let ConditionKind::Test(test) = &condition.kind else { continue };
            let ExprKind::Binary(operator, left, right) = &test.kind else { continue };
            let (compared, number, operator) = match (constant(left), constant(right)) {
                (None, Some(Value::Number(number))) => (left, number, *operator),
                (Some(Value::Number(number)), None) => (right, number, mirrored(*operator)),
                _ => continue,
            };
            let Some(key) = described(compared) else { continue };
            let range = ranges.entry(key).or_default();
            let known = range.to_string();
            range.narrow(operator, number);
            if range.is_empty() && self.profile == crate::source::Profile::Hpol {
                let text = self.index.sources.text(compared.span);
                let message = format!("this can't hold here: `{text}` is already known to be {known}");
                self.report(
                    Diagnostic::error("contradictory-condition", condition.span, message)
                        .with_help("the conditions of one body must all hold; write two rules"),
                );
                return;
            }
        }
    }
}

/// The numbers between two bounds, each with whether it belongs to them.
#[derive(Debug, Default)]
struct Range {
    least: Option<(Number, bool)>,
    most: Option<(Number, bool)>,
}

impl Range {
    fn narrow(&mut self, operator: BinaryOperator, number: &Number) {
        let (least, most) = match operator {
            BinaryOperator::Less => (None, Some(false)),
            BinaryOperator::LessEqual => (None, Some(true)),
            BinaryOperator::Greater => (Some(false), None),
            BinaryOperator::GreaterEqual => (Some(true), None),
            BinaryOperator::Equal => (Some(true), Some(true)),
            _ => (None, None),
        };
        if let Some(own) = least
            && self.least.as_ref().is_none_or(|(least, known)| number > least || (number == least && *known))
        {
            self.least = Some((number.clone(), own));
        }
        if let Some(own) = most
            && self.most.as_ref().is_none_or(|(most, known)| number < most || (number == most && *known))
        {
            self.most = Some((number.clone(), own));
        }
    }

    fn is_empty(&self) -> bool {
        match (&self.least, &self.most) {
            (Some((least, least_in)), Some((most, most_in))) => {
                least > most || (least == most && !(*least_in && *most_in))
            }
            _ => false,
        }
    }
}

/// The range in words.
impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bounds = [(&self.least, ["more than", "at least"]), (&self.most, ["less than", "at most"])];
        let mut and = "";
        for (bound, words) in bounds {
            if let Some((number, own)) = bound {
                write!(f, "{and}{} {number}", words[usize::from(*own)])?;
                and = " and ";
            }
        }
        Ok(())
    }
}
