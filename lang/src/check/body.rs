//! Bodies: conditions in an order in which every variable has a value before it is used.
//!
//! Each condition needs some variables and binds others. The first condition of the text whose needs are met is written
//! next, until none is left; what is left then is unsafe, and the message says what would bind its variables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Checker;
use super::scope::Usage;
use crate::ast::{BinaryOperator, Condition, ConditionKind, Expr, ExprKind, NotOperand};
use crate::diagnostic::Diagnostic;
use crate::resolve::spelling;
use crate::resolve::visit::{condition_parts, not_conditions};
use crate::source::{Profile, Span};
use crate::typed;
use crate::types::Type;
use crate::value::Value;

/// A condition that waits for its variables.
struct Pending<'e> {
    work: Work<'e>,
    usage: Usage,
    /// Variables on the two sides of a unification: one side must be known.
    sides: Option<Sides>,
}

/// The variables on the two sides of a unification.
type Sides = (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>);

#[derive(Clone, Copy)]
enum Work<'e> {
    Condition(&'e Condition),
    /// A part of a unification that was taken apart.
    Unify(&'e Expr, &'e Expr, Span),
}

/// An expression without parentheses around it.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Parenthesized(inner) => bare(inner),
        _ => expr,
    }
}

impl<'e> Checker<'_, '_> {
    /// Checks a body of its own. `then` runs behind the conditions, inside the body: it reads what the body yields.
    pub(super) fn body<T>(
        &mut self,
        conditions: &'e [Condition],
        heads: &[&'e Expr],
        then: impl FnOnce(&mut Self) -> T,
    ) -> (typed::Body, T) {
        self.open_scope(conditions, heads);
        self.bodies.push(Vec::new());
        self.conditions(conditions);
        heads.iter().for_each(|head| self.require(head));
        let result = then(self);
        let conditions = self.bodies.pop().unwrap_or_default();
        self.close_scope();
        (typed::Body { conditions }, result)
    }

    /// Appends a condition to the body that is being written.
    pub(super) fn emit(&mut self, kind: typed::ConditionKind, span: Span) {
        self.note_optional(&kind);
        let condition = typed::Condition { kind, span };
        self.learn(&condition);
        if let Some(body) = self.bodies.last_mut() {
            body.push(condition);
        }
    }

    /// Writes conditions in a safe order into the current body.
    pub(super) fn conditions(&mut self, conditions: &'e [Condition]) {
        let mut pending: Vec<Option<Pending<'e>>> = Vec::new();
        for condition in conditions {
            self.pending(Work::Condition(condition), &mut pending);
        }
        let mut waiting: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        let mut ready = BTreeSet::new();
        for (at, item) in pending.iter().enumerate() {
            let Some(item) = item else { continue };
            if self.is_ready(item) {
                ready.insert(at);
                continue;
            }
            let sides = item.sides.iter().flat_map(|(left, right)| left.iter().chain(right));
            for name in item.usage.needs.keys().chain(sides) {
                waiting.entry(name.clone()).or_default().push(at);
            }
        }
        loop {
            while let Some(at) = ready.pop_first() {
                let Some(item) = pending[at].take() else { continue };
                let sides = item.sides.iter().flat_map(|(left, right)| left.iter().chain(right));
                let names: Vec<Arc<str>> = item.usage.binds.iter().chain(sides).cloned().collect();
                self.write(&item);
                let woken: Vec<usize> =
                    names.iter().flat_map(|name| waiting.remove(name).unwrap_or_default()).collect();
                for other in woken {
                    if pending[other].as_ref().is_some_and(|other| self.is_ready(other)) {
                        ready.insert(other);
                    } else if let Some(item) = pending[other].as_ref() {
                        let needs: Vec<Arc<str>> = self.missing(item).into_keys().collect();
                        for name in needs {
                            waiting.entry(name).or_default().push(other);
                        }
                    }
                }
            }
            // What is left is unsafe. After the report its variables count as known, so that the rest is checked too; the
            // condition is written whatever it still lacks, so that the loop ends.
            let Some((at, stuck)) = pending.iter().enumerate().find_map(|(at, item)| Some((at, item.as_ref()?))) else {
                break;
            };
            let missing = self.missing(stuck);
            let binders: BTreeSet<Arc<str>> =
                pending.iter().flatten().flat_map(|item| item.usage.binds.clone()).collect();
            for (name, span) in missing {
                self.report_unsafe(&name, span, binders.contains(&name));
                self.bind(&name, Type::Any, span);
            }
            ready.insert(at);
            for (at, item) in pending.iter().enumerate() {
                if item.as_ref().is_some_and(|item| self.is_ready(item)) {
                    ready.insert(at);
                }
            }
        }
    }

    /// Requires that everything an expression behind the conditions needs is known.
    pub(super) fn require(&mut self, expr: &Expr) {
        let mut usage = Usage::default();
        self.usage(expr, &mut usage);
        for (name, span) in usage.needs {
            if !usage.binds.contains(&name) && self.is_unbound(&name) {
                self.report_unsafe(&name, span, false);
                self.bind(&name, Type::Any, span);
            }
        }
    }

    fn pending(&self, work: Work<'e>, pending: &mut Vec<Option<Pending<'e>>>) {
        let mut usage = Usage::default();
        let (left, right) = match work {
            Work::Unify(left, right, _) => (left, right),
            Work::Condition(condition) => {
                let unify = match &condition.kind {
                    ConditionKind::Expr(expr) if condition.with.is_empty() => match &bare(expr).kind {
                        ExprKind::Binary(BinaryOperator::Unify, left, right) => Some((&**left, &**right, expr.span)),
                        _ => None,
                    },
                    _ => None,
                };
                match unify {
                    Some((left, right, span)) => return self.pending(Work::Unify(left, right, span), pending),
                    None => {
                        let sides = self.condition_usage(condition, &mut usage);
                        pending.push(Some(Pending { work, usage, sides }));
                        return;
                    }
                }
            }
        };
        let span = match work {
            Work::Unify(_, _, span) => span,
            Work::Condition(condition) => condition.span,
        };
        match (&bare(left).kind, &bare(right).kind) {
            (ExprKind::Array(lefts), ExprKind::Array(rights))
                if lefts.len() == rights.len()
                    && !lefts.is_empty()
                    && (self.has_unbound(left) || self.has_unbound(right)) =>
            {
                for (left, right) in lefts.iter().zip(rights) {
                    self.pending(Work::Unify(left, right, span), pending);
                }
            }
            (ExprKind::Object(lefts), ExprKind::Object(rights))
                if (self.has_unbound(left) || self.has_unbound(right)) && same_keys(lefts, rights) =>
            {
                for ((_, left), (_, right)) in sorted(lefts).into_iter().zip(sorted(rights)) {
                    self.pending(Work::Unify(left, right, span), pending);
                }
            }
            _ => {
                let sides = self.unify_usage(left, right, &mut usage);
                pending.push(Some(Pending { work, usage, sides: Some(sides) }));
            }
        }
    }

    fn unify_usage(&self, left: &Expr, right: &Expr, usage: &mut Usage) -> Sides {
        let side = |expr: &Expr, usage: &mut Usage| {
            let mut names = Vec::new();
            crate::resolve::visit::pattern_names(expr, &mut names);
            let names: BTreeSet<Arc<str>> =
                names.into_iter().map(|(name, _)| name).filter(|name| self.is_unbound(name)).collect();
            let mut own = Usage::default();
            self.pattern_usage(expr, &mut own);
            usage.needs.extend(own.needs);
            usage.binds.extend(own.binds.into_iter().filter(|name| !names.contains(name)));
            names
        };
        (side(left, usage), side(right, usage))
    }

    /// What a condition needs and binds; for a unification with `with`, its sides.
    fn condition_usage(&self, condition: &Condition, usage: &mut Usage) -> Option<Sides> {
        condition.with.iter().for_each(|with| self.replacement_usage(&with.value, usage));
        match &condition.kind {
            ConditionKind::Expr(expr) => match &bare(expr).kind {
                ExprKind::Binary(BinaryOperator::Assign, left, right) => {
                    self.pattern_usage(left, usage);
                    self.usage(right, usage);
                }
                ExprKind::Binary(BinaryOperator::Unify, left, right) => {
                    return Some(self.unify_usage(left, right, usage));
                }
                ExprKind::Call { function, arguments } if self.has_output(function, arguments) => {
                    if let Some((output, inputs)) = arguments.split_last() {
                        inputs.iter().for_each(|argument| self.usage(argument, usage));
                        self.pattern_usage(output, usage);
                    }
                }
                _ => self.usage(expr, usage),
            },
            ConditionKind::SomeIn { key, value, collection } => {
                key.iter().for_each(|key| self.pattern_usage(key, usage));
                self.pattern_usage(value, usage);
                self.usage(collection, usage);
            }
            ConditionKind::SomeDeclare(_) => {}
            ConditionKind::Every { .. } | ConditionKind::Not(_) | ConditionKind::Expect(_) => {
                condition_parts(condition, &mut |part| self.part_usage(part, usage));
            }
        }
        None
    }

    fn is_ready(&self, item: &Pending<'e>) -> bool {
        self.missing(item).is_empty()
    }

    /// The variables that a condition still waits for.
    fn missing(&self, item: &Pending<'e>) -> BTreeMap<Arc<str>, Span> {
        let known = |name: &Arc<str>| !self.is_unbound(name) || item.usage.binds.contains(name);
        let mut missing: BTreeMap<Arc<str>, Span> = item
            .usage
            .needs
            .iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, span)| (name.clone(), *span))
            .collect();
        if let Some((left, right)) = &item.sides {
            let left: Vec<&Arc<str>> = left.iter().filter(|name| !known(name)).collect();
            let right: Vec<&Arc<str>> = right.iter().filter(|name| !known(name)).collect();
            if !left.is_empty() && !right.is_empty() {
                let span = match item.work {
                    Work::Unify(_, _, span) => span,
                    Work::Condition(condition) => condition.span,
                };
                missing.extend(left.into_iter().chain(right).map(|name| (name.clone(), span)));
            }
        }
        missing
    }

    fn report_unsafe(&mut self, name: &Arc<str>, span: Span, bound_elsewhere: bool) {
        if &**name == "_" {
            self.report(
                Diagnostic::error("unsafe-variable", span, "`_` has no value here")
                    .with_help("`_` stands where a value is matched, as in `input.items[_]`; name the value to use it"),
            );
            return;
        }
        let variable = self.variable(name).cloned();
        let declared = variable.as_ref().is_some_and(|variable| variable.declared);
        if self.profile == Profile::Hpol && !declared && !bound_elsewhere {
            let mut known: Vec<Arc<str>> = if self.suggests() { self.names_in_reach() } else { Vec::new() };
            known.sort();
            let near = spelling::nearest(name, known.iter().map(|name| &**name)).map(str::to_owned);
            let mut diagnostic =
                Diagnostic::error("unknown-name", span, format!("there is nothing named `{name}` here"));
            diagnostic = match near {
                Some(near) => {
                    let diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
                    if self.index.sources.text(span) == &**name { diagnostic.with_fix(span, near) } else { diagnostic }
                }
                None => diagnostic
                    .with_help(format!("bind it with `{name} := …` or `some {name} in …`, or define a rule `{name}`")),
            };
            self.report(diagnostic);
            return;
        }
        let help = if bound_elsewhere {
            format!(
                "`{name}` and another variable wait for each other; bind one of them first, as in `some {name} in …`"
            )
        } else {
            format!(
                "bind it first: `{name} := …`, `some {name} in …`, or use it as an index such as `input.items[{name}]`"
            )
        };
        let mut diagnostic =
            Diagnostic::error("unsafe-variable", span, format!("`{name}` has no value here")).with_help(help);
        if let Some(variable) = variable.filter(|variable| variable.declared && variable.span != span) {
            diagnostic = diagnostic.with_related(variable.span, "declared here, but nothing gives it a value");
        }
        self.report(diagnostic);
    }

    /// Names that could stand where an expression is wanted.
    fn names_in_reach(&self) -> Vec<Arc<str>> {
        let package = &self.index.packages[self.index.package_of[self.module]];
        let mut names: Vec<Arc<str>> = vec!["input".into(), "data".into()];
        names.extend(self.index.imports[self.module].keys().cloned());
        names.extend(crate::resolve::declare::children(self.index, &package.parts));
        for scope in &self.scopes {
            names.extend(
                scope.variables.iter().filter(|(_, variable)| variable.local.is_some()).map(|(name, _)| name.clone()),
            );
        }
        names
    }

    fn write(&mut self, item: &Pending<'e>) {
        let before = item.usage.needs.keys().any(|name| self.is_unbound(name));
        match item.work {
            Work::Unify(left, right, span) => {
                if before {
                    self.bind_references(&[left, right]);
                }
                self.unify(left, right, span);
            }
            Work::Condition(condition) => {
                if before && let ConditionKind::Expr(expr) = &condition.kind {
                    self.bind_references(&[expr]);
                }
                self.condition(condition);
            }
        }
    }

    /// Writes one condition whose variables are known.
    pub(super) fn condition(&mut self, condition: &'e Condition) {
        if condition.with.is_empty() {
            self.condition_kind(condition);
            return;
        }
        let replacements: Vec<typed::Replacement> =
            condition.with.iter().filter_map(|with| self.replacement(with)).collect();
        self.bodies.push(Vec::new());
        self.without_facts(|checker| checker.condition_kind(condition));
        let conditions = self.bodies.pop().unwrap_or_default();
        let body = typed::Body { conditions };
        self.emit(typed::ConditionKind::With { replacements, body }, condition.span);
    }

    fn condition_kind(&mut self, condition: &'e Condition) {
        match &condition.kind {
            ConditionKind::Expr(expr) => self.expr_condition(bare(expr)),
            ConditionKind::SomeDeclare(_) => {}
            ConditionKind::SomeIn { key, value, collection } => {
                self.some_in(key.as_ref(), value, collection, condition.span);
            }
            ConditionKind::Every { key, value, collection, body } => {
                let collection = self.expr(collection);
                let (key_type, value_type) = self.elements(&collection);
                self.open_names(&[(key.as_ref(), key_type.clone()), (Some(value), value_type.clone())]);
                let key = key.as_ref().map_or(typed::Pattern::Wildcard, |key| self.name_pattern(key));
                let value = self.name_pattern(value);
                let (body, ()) = self.body(&body.conditions, &[], |_| ());
                self.close_scope();
                self.emit(typed::ConditionKind::Every { key, value, collection, body }, condition.span);
            }
            ConditionKind::Not(operand) => self.not(operand, condition.span),
            // Refused by the parser outside of tests; tests take their expectations out beforehand.
            ConditionKind::Expect(_) => {}
        }
    }

    fn expr_condition(&mut self, expr: &'e Expr) {
        match &expr.kind {
            ExprKind::Binary(BinaryOperator::Assign, left, right) => {
                let value = self.expr(right);
                self.assign(left, value, expr.span);
            }
            ExprKind::Binary(BinaryOperator::Unify, left, right) => self.unify(left, right, expr.span),
            ExprKind::Binary(BinaryOperator::And, left, right) => {
                self.expr_condition(bare(left));
                self.expr_condition(bare(right));
            }
            ExprKind::Binary(BinaryOperator::Or, left, right) => {
                let bodies = [left, right].map(|side| self.alternative(side));
                self.emit(typed::ConditionKind::Any(bodies.into()), expr.span);
            }
            ExprKind::Block(body) => {
                // A block holds once, and what it binds stays inside.
                let (body, ()) = self.body(&body.conditions, &[], |_| ());
                self.emit(typed::ConditionKind::Any(vec![body]), expr.span);
            }
            ExprKind::Call { function, .. } if self.prints(function) => {
                // It always holds, also where an argument is absent; what it would print is left out of decisions.
                let always = self.make(typed::ExprKind::Constant(Value::Bool(true)), Type::Bool, expr.span);
                self.emit(typed::ConditionKind::Test(always), expr.span);
            }
            ExprKind::Call { function, arguments } if self.has_output(function, arguments) => {
                if let Some((output, inputs)) = arguments.split_last() {
                    let value = self.call(function, inputs, expr.span);
                    self.match_value(output, value, expr.span);
                }
            }
            _ => {
                let test = self.expr(expr);
                self.check_condition(&test);
                self.emit(typed::ConditionKind::Test(test), expr.span);
            }
        }
    }

    /// One side of an `or` as a body.
    fn alternative(&mut self, expr: &'e Expr) -> typed::Body {
        self.bodies.push(Vec::new());
        self.scopes.push(super::scope::Scope::default());
        self.expr_condition(bare(expr));
        self.scopes.pop();
        typed::Body { conditions: self.bodies.pop().unwrap_or_default() }
    }

    fn some_in(&mut self, key: Option<&'e Expr>, value: &'e Expr, collection: &'e Expr, span: Span) {
        let collection = self.expr(collection);
        let (key_type, value_type) = self.elements(&collection);
        let key = key.map_or(typed::Pattern::Wildcard, |key| self.pattern(key, &key_type));
        let value = self.pattern(value, &value_type);
        self.emit(typed::ConditionKind::Each { key, value, collection }, span);
    }

    fn not(&mut self, operand: &'e NotOperand, span: Span) {
        let conditions = not_conditions(operand);
        let outer = std::mem::replace(&mut self.negated, true);
        let (body, ()) = self.body(conditions, &[], |checker| {
            // OPA lets no variable be bound inside a negation that is not a body.
            if checker.profile == Profile::Rego && matches!(operand, NotOperand::Condition(_)) {
                let implicit: Vec<(Arc<str>, Span)> = checker
                    .scopes
                    .last()
                    .into_iter()
                    .flat_map(|scope| scope.variables.iter())
                    .filter(|(_, variable)| !variable.declared)
                    .map(|(name, variable)| (name.clone(), variable.span))
                    .collect();
                for (name, span) in implicit {
                    checker.report(
                        Diagnostic::error("unsafe-variable", span, format!("`{name}` has no value here"))
                            .with_help("a variable can't get its value inside `not`; bind it in front"),
                    );
                }
            }
        });
        self.negated = outer;
        self.check_not(&body, span);
        self.emit(typed::ConditionKind::Not(body), span);
    }
}

fn sorted(entries: &[(Expr, Expr)]) -> Vec<(crate::value::Value, &Expr)> {
    let mut all: Vec<(crate::value::Value, &Expr)> = entries
        .iter()
        .filter_map(|(key, value)| match &bare(key).kind {
            ExprKind::Literal { value: key, .. } => Some((key.clone(), value)),
            _ => None,
        })
        .collect();
    all.sort_by(|left, right| left.0.cmp(&right.0));
    all
}

/// Whether two objects have the same keys, all of them literals.
fn same_keys(left: &[(Expr, Expr)], right: &[(Expr, Expr)]) -> bool {
    let (lefts, rights) = (sorted(left), sorted(right));
    lefts.len() == left.len()
        && rights.len() == right.len()
        && lefts.len() == rights.len()
        && lefts.iter().zip(&rights).all(|((left, _), (right, _))| left == right)
}
