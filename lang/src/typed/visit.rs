//! Walking the typed tree.

use super::{
    Body, Clause, Condition, ConditionKind, Expr, ExprKind, PackageStep, Pattern, Program, TemplatePart, TestRuns,
    TestStep,
};

/// A part of the typed tree.
#[derive(Debug, Clone, Copy)]
pub enum Node<'t> {
    /// A condition, before its parts.
    Condition(&'t Condition),
    /// An expression, before its parts.
    Expr(&'t Expr),
}

impl Program {
    /// Every condition and expression of the rules and decision rules, in order, at any depth.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        for rule in &self.rules {
            rule.clauses.iter().for_each(|clause| clause.each_node(visit));
            rule.default.iter().for_each(|default| default.each_node(visit));
        }
        for rule in &self.decisions {
            rule.body.each_node(visit);
            rule.because.iter().for_each(|because| because.each_node(visit));
            rule.unless.iter().for_each(|unless| unless.each_node(visit));
        }
    }
}

impl Clause {
    /// Every condition and expression of a definition and its `else` clauses.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        for clause in std::iter::successors(Some(self), |clause| clause.else_clause.as_deref()) {
            clause.parameters.iter().for_each(|pattern| pattern.each_node(visit));
            clause.body.each_node(visit);
            clause.key.iter().for_each(|key| key.each_node(visit));
            clause.value.each_node(visit);
        }
    }
}

impl super::Test {
    /// Every condition and expression of a test.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        if let TestRuns::Cases(_, cases) = &self.runs {
            cases.each_node(visit);
        }
        for step in &self.steps {
            match step {
                TestStep::Condition(condition) | TestStep::Holds(condition) => condition.each_node(visit),
                TestStep::Decision(expectation) => {
                    let parts = [&expectation.id, &expectation.because, &expectation.masks];
                    parts.into_iter().flatten().for_each(|part| part.each_node(visit));
                    expectation.with.iter().for_each(|with| with.value.each_node(visit));
                }
            }
        }
    }
}

impl Body {
    /// Every condition and expression of a body.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        self.conditions.iter().for_each(|condition| condition.each_node(visit));
    }
}

impl Condition {
    /// The condition and everything in it.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        visit(Node::Condition(self));
        match &self.kind {
            ConditionKind::Test(expr) => expr.each_node(visit),
            ConditionKind::Match(pattern, expr) => {
                pattern.each_node(visit);
                expr.each_node(visit);
            }
            ConditionKind::Each { key, value, collection } => {
                [key, value].into_iter().for_each(|pattern| pattern.each_node(visit));
                collection.each_node(visit);
            }
            ConditionKind::Not(body) => body.each_node(visit),
            ConditionKind::Every { key, value, collection, body } => {
                [key, value].into_iter().for_each(|pattern| pattern.each_node(visit));
                collection.each_node(visit);
                body.each_node(visit);
            }
            ConditionKind::With { replacements, body } => {
                replacements.iter().for_each(|replacement| replacement.value.each_node(visit));
                body.each_node(visit);
            }
            ConditionKind::Any(bodies) => bodies.iter().for_each(|body| body.each_node(visit)),
        }
    }
}

impl Pattern {
    /// Every expression of a pattern.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        match self {
            Pattern::Wildcard | Pattern::Bind(_) => {}
            Pattern::Equal(expr) => expr.each_node(visit),
            Pattern::Array(items) => items.iter().for_each(|item| item.each_node(visit)),
            Pattern::Object(entries) => entries.iter().for_each(|(key, item)| {
                key.each_node(visit);
                item.each_node(visit);
            }),
        }
    }
}

impl Expr {
    /// The expression and everything in it.
    pub fn each_node<'t>(&'t self, visit: &mut dyn FnMut(Node<'t>)) {
        visit(Node::Expr(self));
        match &self.kind {
            ExprKind::Constant(_) | ExprKind::Local(_) | ExprKind::Input | ExprKind::Data(_) | ExprKind::Rule(_) => {}
            ExprKind::Package(_, below) => below.iter().for_each(|step| match step {
                PackageStep::Key(key) => key.each_node(visit),
                PackageStep::Name(_) | PackageStep::Any => {}
            }),
            ExprKind::Field(base, _) | ExprKind::Negate(base) => base.each_node(visit),
            ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => {
                left.each_node(visit);
                right.each_node(visit);
            }
            ExprKind::Builtin(_, items)
            | ExprKind::Function(_, items)
            | ExprKind::Array(items)
            | ExprKind::Set(items) => items.iter().for_each(|item| item.each_node(visit)),
            ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| {
                key.each_node(visit);
                value.each_node(visit);
            }),
            ExprKind::Membership { key, value, collection } => {
                key.iter().for_each(|key| key.each_node(visit));
                value.each_node(visit);
                collection.each_node(visit);
            }
            ExprKind::ArrayComprehension(item, body) | ExprKind::SetComprehension(item, body) => {
                body.each_node(visit);
                item.each_node(visit);
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                body.each_node(visit);
                key.each_node(visit);
                value.each_node(visit);
            }
            ExprKind::Template(parts) => parts.iter().for_each(|part| match part {
                TemplatePart::Text(_) => {}
                TemplatePart::Expr(expr) => expr.each_node(visit),
            }),
            ExprKind::Holds(body) => body.each_node(visit),
        }
    }
}
