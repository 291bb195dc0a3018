//! Patterns: what `:=`, `=`, `some … in` and parameters match a value against.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Checker;
use super::body::bare;
use super::scope::{Scope, Variable};
use crate::ast::{BinaryOperator, Expr, ExprKind, Name};
use crate::diagnostic::Diagnostic;
use crate::source::{Profile, Span};
use crate::typed::{ConditionKind, Expr as Typed, ExprKind as TypedKind, Pattern};
use crate::types::{Member, Type};

impl<'e> Checker<'_, '_> {
    /// A pattern for values of type `ty`; binds its variables.
    pub(super) fn pattern(&mut self, expr: &'e Expr, ty: &Type) -> Pattern {
        let expr = bare(expr);
        match &expr.kind {
            ExprKind::Variable(name) if &**name == "_" => Pattern::Wildcard,
            ExprKind::Variable(name) if self.is_unbound(name) => Pattern::Bind(self.bind(name, ty.clone(), expr.span)),
            ExprKind::Array(items) if self.has_unbound(expr) => {
                let types = self.item_types(items.len(), ty, expr.span);
                Pattern::Array(items.iter().zip(&types).map(|(item, ty)| self.pattern(item, ty)).collect())
            }
            ExprKind::Object(entries) if self.has_unbound(expr) => {
                let mut patterns = Vec::new();
                for (key, value) in entries {
                    let key = self.expr(key);
                    let ty = match super::narrow::constant(&key).and_then(crate::value::Value::as_str) {
                        Some(name) => match ty.member(name) {
                            Member::Found { ty, .. } => ty,
                            Member::Unknown(_) | Member::NoFields => Type::Any,
                        },
                        None => ty.elements().map_or(Type::Any, |(_, value)| value),
                    };
                    let value = self.pattern(value, &ty);
                    patterns.push((key, value));
                }
                Pattern::Object(patterns)
            }
            _ => {
                let value = self.expr_as(expr, ty);
                self.check_overlap(&value.ty, ty, expr.span);
                Pattern::Equal(Box::new(value))
            }
        }
    }

    /// Types of the items that an array pattern of this length meets.
    fn item_types(&mut self, length: usize, ty: &Type, span: Span) -> Vec<Type> {
        let mut columns: Vec<Vec<Type>> = vec![Vec::new(); length];
        let mut fits = false;
        for member in ty.members() {
            match member {
                Type::Tuple(items) if items.len() == length => {
                    columns.iter_mut().zip(items.iter()).for_each(|(column, ty)| column.push(ty.clone()));
                    fits = true;
                }
                Type::Array(items) => {
                    columns.iter_mut().for_each(|column| column.push((**items).clone()));
                    fits = true;
                }
                Type::Any | Type::Variable(_) => return vec![Type::Any; length],
                _ => {}
            }
        }
        if !fits && self.profile == Profile::Hpol && *ty != Type::Never {
            self.report(
                Diagnostic::error("pattern-never-matches", span, format!("an array of {length} never matches `{ty}`"))
                    .with_help("match as many items as there are, or name the whole value"),
            );
            return vec![Type::Any; length];
        }
        columns.into_iter().map(Type::limited_union).collect()
    }

    /// `left := value`.
    pub(super) fn assign(&mut self, left: &'e Expr, value: Typed, span: Span) {
        let left = bare(left);
        match &left.kind {
            // A second declaration of the name, which was reported.
            ExprKind::Variable(name) if !self.is_unbound(name) => {}
            ExprKind::Variable(_) | ExprKind::Array(_) | ExprKind::Object(_) => self.match_value(left, value, span),
            _ => self.report(
                Diagnostic::error("bad-assignment", left.span, "the left side of `:=` names new variables")
                    .with_help("write `==` to compare"),
            ),
        }
    }

    /// Matches a value; a variable for what an iteration has just yielded takes over the iteration's own.
    pub(super) fn match_value(&mut self, left: &'e Expr, value: Typed, span: Span) {
        let left = bare(left);
        if let (ExprKind::Variable(name), TypedKind::Local(local)) = (&left.kind, &value.kind)
            && &**name != "_"
            && self.is_unbound(name)
            && let Some(known) = self.locals.get_mut(local.0 as usize)
            && known.name.starts_with('$')
        {
            known.name = name.clone();
            known.span = left.span;
            self.set_local(name, *local, left.span);
            return;
        }
        if let ExprKind::Variable(name) = &left.kind
            && &**name == "_"
        {
            // The value must be there, whatever it is.
            self.emit(ConditionKind::Match(Pattern::Wildcard, value), span);
            return;
        }
        let pattern = self.pattern(left, &value.ty.clone());
        self.emit(ConditionKind::Match(pattern, value), span);
    }

    /// `left = right`, one side of which is known.
    pub(super) fn unify(&mut self, left: &'e Expr, right: &'e Expr, span: Span) {
        if !self.has_unbound(left) && !self.has_unbound(right) {
            let test = self.comparison(BinaryOperator::Equal, left, right, span);
            self.emit(ConditionKind::Test(test), span);
        } else if self.has_unbound(right) && !self.has_unbound(left) {
            let value = self.expr(left);
            self.match_value(right, value, span);
        } else {
            let value = self.expr(right);
            self.match_value(left, value, span);
        }
    }

    /// Binds a name that a construct declares.
    pub(super) fn name_pattern(&mut self, name: &Name) -> Pattern {
        if &*name.text == "_" {
            return Pattern::Wildcard;
        }
        let local = self.variable(&name.text).and_then(|variable| variable.local);
        local.map_or(Pattern::Wildcard, Pattern::Bind)
    }

    /// Opens a scope with names that are bound already.
    pub(super) fn open_names(&mut self, names: &[(Option<&Name>, Type)]) {
        let mut variables: BTreeMap<Arc<str>, Variable> = BTreeMap::new();
        for (name, ty) in names {
            let Some(name) = name.filter(|name| &*name.text != "_") else { continue };
            let local = self.add_local(name.text.clone(), ty.clone(), name.span);
            let variable = Variable { local: Some(local), span: name.span, declared: true, used: false };
            variables.insert(name.text.clone(), variable);
        }
        self.scopes.push(Scope { variables, ..Scope::default() });
    }
}
