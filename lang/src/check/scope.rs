//! Variables and what is known about values, by body.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Checker;
use super::narrow::Facts;
use crate::ast::{Condition, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::resolve::visit::{Part, condition_parts, declared, free_names, parts};
use crate::source::{Profile, Span};
use crate::typed::{Local, LocalId};
use crate::types::Type;

/// The variables of one body and what its conditions have established so far.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) variables: BTreeMap<Arc<str>, Variable>,
    pub(super) facts: Facts,
}

/// A variable of a body.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    /// Its number once it is bound.
    pub(super) local: Option<LocalId>,
    /// Where it is declared or first used.
    pub(super) span: Span,
    /// Whether `some`, `:=`, `every` or a parameter declares it.
    pub(super) declared: bool,
    /// Whether something reads it.
    pub(super) used: bool,
}

/// The variables that an expression needs, and those that it binds by iterating.
#[derive(Debug, Default, Clone)]
pub(super) struct Usage {
    pub(super) needs: BTreeMap<Arc<str>, Span>,
    pub(super) binds: BTreeSet<Arc<str>>,
}

impl Checker<'_, '_> {
    /// Opens the scope of a body: the names it declares, and those it uses that mean nothing further out.
    pub(super) fn open_scope(&mut self, conditions: &[Condition], heads: &[&Expr]) {
        let mut scope = Scope::default();
        for (name, span) in declared(conditions) {
            if let Some(first) = scope.variables.get(&name) {
                let first = first.span;
                self.report(
                    Diagnostic::error("duplicate-variable", span, format!("`{name}` is declared twice in one body"))
                        .with_related(first, "the first declaration")
                        .with_help(format!("use another name, or `==` to compare with the first `{name}`")),
                );
                continue;
            }
            self.check_shadowing(&name, span);
            scope.variables.insert(name, Variable { local: None, span, declared: true, used: false });
        }
        let mut implicit: BTreeMap<Arc<str>, Span> = BTreeMap::new();
        let mut visit = |part: Part<'_>| match part {
            Part::Replacement(value) if self.names_function(value) => {}
            Part::Replacement(value) => own_names(Part::Expr(value), &mut implicit),
            other => own_names(other, &mut implicit),
        };
        conditions.iter().for_each(|condition| condition_parts(condition, &mut visit));
        heads.iter().for_each(|head| visit(Part::Expr(head)));
        for (name, span) in implicit {
            let known = scope.variables.contains_key(&name) || self.is_outer(&name, span);
            if &*name != "_" && !known && !self.index.is_global(self.module, &name) {
                scope.variables.insert(name, Variable { local: None, span, declared: false, used: false });
            }
        }
        self.scopes.push(scope);
    }

    /// In typed files a variable must not take the name of a rule, an import or an outer variable.
    fn check_shadowing(&mut self, name: &Arc<str>, span: Span) {
        if self.profile == Profile::Rego {
            return;
        }
        let outer = self.variable(name).map(|variable| variable.span);
        let global = self.index.is_global(self.module, name);
        if outer.is_none() && !global {
            return;
        }
        let what = if global { "a rule or an import" } else { "a variable further out" };
        let mut diagnostic =
            Diagnostic::error("shadowed-name", span, format!("`{name}` is the name of {what} already"))
                .with_help("choose another name");
        if let Some(outer) = outer {
            diagnostic = diagnostic.with_related(outer, "the outer variable");
        }
        self.report(diagnostic);
    }

    /// Closes the innermost scope and tells which of its variables nothing reads.
    pub(super) fn close_scope(&mut self) -> Scope {
        let scope = self.scopes.pop().unwrap_or_default();
        if self.profile == Profile::Hpol {
            for (name, variable) in &scope.variables {
                if variable.used || !variable.declared || name.starts_with('_') || variable.local.is_none() {
                    continue;
                }
                self.report(
                    Diagnostic::warning("unused-variable", variable.span, format!("`{name}` is never used"))
                        .with_help("write `_` instead if only the match matters"),
                );
            }
        }
        scope
    }

    /// The innermost variable of this name.
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.scopes.iter().rev().find_map(|scope| scope.variables.get(name))
    }

    /// Whether a name that a body inside uses at `span` is a variable of a body around it. In Rego one that `:=` or `some`
    /// declares further down is not.
    fn is_outer(&self, name: &str, span: Span) -> bool {
        self.variable(name).is_some_and(|variable| {
            let later = variable.declared && variable.local.is_none() && variable.span.start > span.start;
            !(later && self.profile == Profile::Rego)
        })
    }

    /// As [`Checker::variable`], to change it.
    pub(super) fn variable_mut(&mut self, name: &str) -> Option<&mut Variable> {
        self.scopes.iter_mut().rev().find_map(|scope| scope.variables.get_mut(name))
    }

    /// Whether a name is a variable that has no value yet; a wildcard never has one.
    pub(super) fn is_unbound(&self, name: &str) -> bool {
        name == "_" || self.variable(name).is_some_and(|variable| variable.local.is_none())
    }

    /// Makes a variable that the text does not name.
    pub(super) fn temporary(&mut self, ty: Type, span: Span) -> LocalId {
        let name = format!("${}", self.locals.len()).into();
        self.add_local(name, ty, span)
    }

    pub(super) fn add_local(&mut self, name: Arc<str>, ty: Type, span: Span) -> LocalId {
        let id = LocalId(u32::try_from(self.locals.len()).unwrap_or(u32::MAX));
        let ty = if self.profile == Profile::Rego { Type::Any } else { ty.into_plain() };
        self.locals.push(Local { name, ty, span });
        id
    }

    /// Gives a variable its value's place.
    pub(super) fn bind(&mut self, name: &Arc<str>, ty: Type, span: Span) -> LocalId {
        let local = self.add_local(name.clone(), ty, span);
        if &**name != "_" {
            self.set_local(name, local, span);
        }
        local
    }

    /// Lets a variable stand for a local that is there already.
    pub(super) fn set_local(&mut self, name: &Arc<str>, local: LocalId, span: Span) {
        match self.variable_mut(name) {
            Some(variable) => variable.local = Some(local),
            None => {
                let variable = Variable { local: Some(local), span, declared: false, used: false };
                if let Some(scope) = self.scopes.last_mut() {
                    scope.variables.insert(name.clone(), variable);
                }
            }
        }
    }

    /// Collects what an expression needs and binds.
    pub(super) fn usage(&self, expr: &Expr, usage: &mut Usage) {
        match &expr.kind {
            ExprKind::Variable(name) => {
                if self.is_unbound(name) {
                    usage.needs.entry(name.clone()).or_insert(expr.span);
                }
            }
            ExprKind::Reference(reference) => {
                self.usage(&reference.head, usage);
                for step in &reference.steps {
                    match step {
                        crate::ast::Step::Field(_) => {}
                        crate::ast::Step::Index(index) => self.pattern_usage(index, usage),
                    }
                }
            }
            _ => parts(expr, &mut |part| self.part_usage(part, usage)),
        }
    }

    pub(super) fn part_usage(&self, part: Part<'_>, usage: &mut Usage) {
        match part {
            Part::Expr(expr) => self.usage(expr, usage),
            Part::Replacement(value) => self.replacement_usage(value, usage),
            Part::Closure(closure) => {
                let mut names = BTreeSet::new();
                free_names(&closure, &mut names);
                let span = closure.conditions.first().map(|condition| condition.span);
                for name in names {
                    // A wildcard inside is the closure's own.
                    if &*name != "_"
                        && self.is_unbound(&name)
                        && let Some(span) = span
                        && self.is_outer(&name, span)
                    {
                        usage.needs.entry(name).or_insert(span);
                    }
                }
            }
            Part::Call(_) => {}
        }
    }

    /// Collects what the value of a `with` needs: nothing if it is a function's name.
    pub(super) fn replacement_usage(&self, value: &Expr, usage: &mut Usage) {
        if !self.names_function(value) {
            self.usage(value, usage);
        }
    }

    /// Collects what a pattern needs and binds.
    pub(super) fn pattern_usage(&self, expr: &Expr, usage: &mut Usage) {
        match &expr.kind {
            ExprKind::Variable(name) => {
                if self.is_unbound(name) {
                    usage.binds.insert(name.clone());
                }
            }
            ExprKind::Array(items) => items.iter().for_each(|item| self.pattern_usage(item, usage)),
            ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| {
                self.usage(key, usage);
                self.pattern_usage(value, usage);
            }),
            ExprKind::Parenthesized(inner) => self.pattern_usage(inner, usage),
            _ => self.usage(expr, usage),
        }
    }

    /// Whether a pattern has a variable without a value.
    pub(super) fn has_unbound(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Variable(name) => self.is_unbound(name),
            ExprKind::Array(items) => items.iter().any(|item| self.has_unbound(item)),
            ExprKind::Object(entries) => entries.iter().any(|(_, value)| self.has_unbound(value)),
            ExprKind::Parenthesized(inner) => self.has_unbound(inner),
            _ => false,
        }
    }
}

/// The names used in an expression, without those in bodies of their own.
pub(super) fn names_in(expr: &Expr) -> BTreeSet<Arc<str>> {
    let mut names = BTreeMap::new();
    own_names(Part::Expr(expr), &mut names);
    names.into_keys().collect()
}

/// The names used at a body's own level, with the first place of each.
fn own_names(part: Part<'_>, names: &mut BTreeMap<Arc<str>, Span>) {
    let Part::Expr(expr) = part else { return };
    match &expr.kind {
        ExprKind::Variable(name) => {
            names.entry(name.clone()).or_insert(expr.span);
        }
        _ => parts(expr, &mut |part| own_names(part, names)),
    }
}
