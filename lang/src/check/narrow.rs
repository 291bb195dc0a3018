//! What conditions that hold say about the values behind them.
//!
//! A place is a value that can be named twice and is the same both times: `input.user.role`, a variable, a rule. A fact is
//! a narrower type for a place, or that it is not absent. Facts belong to the body whose condition established them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Checker;
use crate::ast::BinaryOperator;
use crate::source::Profile;
use crate::typed::{Body, Condition, ConditionKind, Expr, ExprKind};
use crate::types::{Member, Type};
use crate::value::Value;

/// A value that can be named again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) root: Root,
    pub(super) fields: Vec<Arc<str>>,
}

/// What a place starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    Input,
    Data,
    Local(u32),
    Rule(u32),
}

/// What is known in a body.
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    types: BTreeMap<Place, Type>,
    present: BTreeSet<Place>,
}

/// The place that an expression names.
pub(super) fn place(expr: &Expr) -> Option<Place> {
    match &expr.kind {
        ExprKind::Input => Some(Place { root: Root::Input, fields: Vec::new() }),
        ExprKind::Data(path) => Some(Place { root: Root::Data, fields: path.clone() }),
        ExprKind::Local(local) => Some(Place { root: Root::Local(local.0), fields: Vec::new() }),
        ExprKind::Rule(rule) => Some(Place { root: Root::Rule(rule.0), fields: Vec::new() }),
        ExprKind::Field(base, name) => {
            let mut place = place(base)?;
            place.fields.push(name.clone());
            Some(place)
        }
        _ => None,
    }
}

/// The value of an expression that is constant.
pub(super) fn constant(expr: &Expr) -> Option<&Value> {
    if let ExprKind::Constant(value) = &expr.kind { Some(value) } else { None }
}

impl Checker<'_, '_> {
    /// The type of a place as far as conditions have narrowed it.
    pub(super) fn narrowed(&self, place: &Place) -> Option<&Type> {
        self.scopes.iter().rev().find_map(|scope| scope.facts.types.get(place))
    }

    pub(super) fn is_present(&self, place: &Place) -> bool {
        self.scopes.iter().any(|scope| scope.facts.present.contains(place))
    }

    fn set_type(&mut self, place: Place, ty: Type) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.facts.types.insert(place, ty);
        }
    }

    /// Takes the facts away that hold for the input or documents as they were, for a body under `with`.
    pub(super) fn without_facts<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let kept: Vec<Facts> = self.scopes.iter_mut().map(|scope| std::mem::take(&mut scope.facts)).collect();
        let result = work(self);
        for (scope, facts) in self.scopes.iter_mut().zip(kept) {
            scope.facts = facts;
        }
        result
    }

    /// Takes note of a condition that holds.
    pub(super) fn learn(&mut self, condition: &Condition) {
        if self.profile == Profile::Rego {
            return;
        }
        match &condition.kind {
            ConditionKind::Test(expr) => self.learn_true(expr),
            ConditionKind::Not(body) => self.learn_not(body),
            ConditionKind::Match(_, expr) => self.learn_present(expr),
            ConditionKind::Each { collection, .. } => self.learn_present(collection),
            ConditionKind::Every { collection, .. } => self.learn_present(collection),
            ConditionKind::With { .. } | ConditionKind::Any(_) => {}
        }
    }

    /// Takes note of an expression that is there and not false.
    pub(super) fn learn_true(&mut self, expr: &Expr) {
        self.learn_present(expr);
        match &expr.kind {
            ExprKind::Binary(BinaryOperator::Equal, left, right) => {
                if let Some(value) = constant(right) {
                    self.narrow_to(left, &Type::of_value(value));
                } else if let Some(value) = constant(left) {
                    self.narrow_to(right, &Type::of_value(value));
                } else {
                    self.narrow_to(left, &right.ty);
                    self.narrow_to(right, &left.ty);
                }
            }
            ExprKind::Binary(BinaryOperator::NotEqual, left, right) => {
                if let Some(value) = constant(right) {
                    self.exclude(left, value);
                } else if let Some(value) = constant(left) {
                    self.exclude(right, value);
                }
            }
            ExprKind::Membership { key: None, value, collection } => {
                if let Some((_, elements)) = collection.ty.elements() {
                    self.narrow_to(value, &elements);
                }
            }
            ExprKind::Builtin(name, arguments) => {
                if let (Some(ty), [argument]) = (tested_type(name), arguments.as_slice()) {
                    self.narrow_to(argument, &ty);
                }
            }
            _ => self.exclude(expr, &Value::Bool(false)),
        }
    }

    fn learn_not(&mut self, body: &Body) {
        let [Condition { kind: ConditionKind::Test(expr), .. }] = body.conditions.as_slice() else { return };
        self.learn_untrue(expr);
    }

    /// Takes note of an expression that is false or absent.
    pub(super) fn learn_untrue(&mut self, expr: &Expr) {
        if self.profile == Profile::Rego {
            return;
        }
        match &expr.kind {
            ExprKind::Binary(BinaryOperator::Equal, left, right) => {
                if let Some(value) = constant(right) {
                    self.exclude_if_present(left, value);
                } else if let Some(value) = constant(left) {
                    self.exclude_if_present(right, value);
                }
            }
            ExprKind::Binary(BinaryOperator::NotEqual, left, right) => {
                if let (Some(value), false) = (constant(right), self.may_be_absent(left)) {
                    self.narrow_to(left, &Type::of_value(value));
                }
            }
            ExprKind::Membership { key: None, value, collection } => {
                let values: Vec<Value> = match constant(collection) {
                    Some(Value::Set(values)) => values.iter().cloned().collect(),
                    Some(Value::Array(values)) => values.iter().cloned().collect(),
                    _ => return,
                };
                self.exclude_all(value, &values);
            }
            ExprKind::Builtin(name, arguments) => {
                if let (Some(ty), [argument]) = (tested_type(name), arguments.as_slice())
                    && let Some(place) = place(argument)
                {
                    self.set_type(place, argument.ty.without_type(&ty));
                }
            }
            _ => {
                if let Some(place) = place(expr)
                    && expr.ty.members().contains(&Type::Bool)
                {
                    let rest = expr.ty.without(&Value::Bool(true));
                    self.set_type(place, rest);
                }
            }
        }
    }

    /// Every place that a condition looked at is there, since an expression with an absent part is absent.
    fn learn_present(&mut self, expr: &Expr) {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Some(place) = place(expr)
                && let Some(scope) = self.scopes.last_mut()
            {
                scope.facts.present.insert(place);
            }
            match &expr.kind {
                ExprKind::Field(base, _) | ExprKind::Negate(base) => open.push(base),
                ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => open.extend([&**left, &**right]),
                ExprKind::Builtin(_, items)
                | ExprKind::Function(_, items)
                | ExprKind::Array(items)
                | ExprKind::Set(items) => {
                    open.extend(items);
                }
                ExprKind::Object(entries) => entries.iter().for_each(|(key, value)| open.extend([key, value])),
                ExprKind::Membership { key, value, collection } => {
                    open.extend(key.as_deref());
                    open.extend([&**value, &**collection]);
                }
                ExprKind::Constant(_)
                | ExprKind::Local(_)
                | ExprKind::Input
                | ExprKind::Data(_)
                | ExprKind::Rule(_)
                | ExprKind::Package(..)
                | ExprKind::ArrayComprehension(..)
                | ExprKind::SetComprehension(..)
                | ExprKind::ObjectComprehension(..)
                | ExprKind::Template(_)
                | ExprKind::Holds(_) => {}
            }
        }
    }

    /// The expression is of this type: its place is narrowed, and so is the record that it discriminates.
    pub(super) fn narrow_to(&mut self, expr: &Expr, ty: &Type) {
        let Some(place) = place(expr) else { return };
        let narrowed = expr.ty.narrowed_to(ty);
        self.set_type(place, narrowed);
        self.narrow_parent(expr, |field| field.overlaps(ty));
    }

    /// The expression is not this value, or it is absent.
    fn exclude_if_present(&mut self, expr: &Expr, value: &Value) {
        self.exclude_all(expr, std::slice::from_ref(value));
    }

    /// The expression is none of these values, or it is absent.
    fn exclude_all(&mut self, expr: &Expr, values: &[Value]) {
        let Some(place) = place(expr) else { return };
        if expr.ty == Type::Any {
            return;
        }
        let narrowed = values.iter().fold(expr.ty.clone(), |ty, value| ty.without(value));
        self.set_type(place, narrowed);
        // Only a member that is sure to have one of the values there is out.
        self.keep_members(expr, |member| match member {
            Member::Found { ty: Type::Literal(own), optional: false } => !values.contains(&own),
            _ => true,
        });
    }

    /// The expression is there and is not this value.
    fn exclude(&mut self, expr: &Expr, value: &Value) {
        let Some(place) = place(expr) else { return };
        if expr.ty == Type::Any {
            return;
        }
        let narrowed = expr.ty.without(value);
        self.set_type(place, narrowed);
        self.narrow_parent(expr, |field| !matches!(field, Type::Literal(own) if own == value));
    }

    /// Keeps those records of the union around a field whose field passes.
    fn narrow_parent(&mut self, expr: &Expr, keep: impl Fn(&Type) -> bool) {
        self.keep_members(expr, |member| match member {
            Member::Found { ty, .. } => keep(&ty),
            Member::Unknown(_) | Member::NoFields => false,
        });
    }

    /// Keeps those records of the union around a field that pass by what they say of it.
    fn keep_members(&mut self, expr: &Expr, keep: impl Fn(Member) -> bool) {
        let ExprKind::Field(base, name) = &expr.kind else { return };
        let (Type::Union(members), Some(place)) = (&base.ty, place(base)) else { return };
        let left: Vec<Type> = members.iter().filter(|member| keep(member.member(name))).cloned().collect();
        if !left.is_empty() {
            self.set_type(place, Type::union(left));
        }
    }

    /// Whether the value may be absent as far as is known.
    pub(super) fn may_be_absent(&self, expr: &Expr) -> bool {
        if place(expr).is_some_and(|place| self.is_present(&place)) {
            return false;
        }
        match &expr.kind {
            ExprKind::Field(base, name) => {
                let optional = match base.ty.member(name) {
                    Member::Found { optional, .. } => optional,
                    Member::Unknown(_) | Member::NoFields => true,
                };
                optional || self.may_be_absent(base)
            }
            ExprKind::Index(..) => true,
            ExprKind::Rule(rule) => self.rules_absent.contains(rule),
            ExprKind::Function(_, _) => true,
            ExprKind::Binary(_, left, right) => self.may_be_absent(left) || self.may_be_absent(right),
            ExprKind::Negate(inner) => self.may_be_absent(inner),
            ExprKind::Builtin(_, items) | ExprKind::Array(items) | ExprKind::Set(items) => {
                items.iter().any(|item| self.may_be_absent(item))
            }
            ExprKind::Object(entries) => {
                entries.iter().any(|(key, value)| self.may_be_absent(key) || self.may_be_absent(value))
            }
            ExprKind::Membership { key, value, collection } => {
                key.as_deref().is_some_and(|key| self.may_be_absent(key))
                    || self.may_be_absent(value)
                    || self.may_be_absent(collection)
            }
            // Documents are known, as far as they hold what the path asks for.
            ExprKind::Data(path) => self.index.documents.value_at(path).is_none(),
            ExprKind::Constant(_)
            | ExprKind::Local(_)
            | ExprKind::Input
            | ExprKind::Package(..)
            | ExprKind::ArrayComprehension(..)
            | ExprKind::SetComprehension(..)
            | ExprKind::ObjectComprehension(..)
            | ExprKind::Template(_)
            | ExprKind::Holds(_) => false,
        }
    }
}

/// The type that a builtin such as `is_string` tests for.
pub(super) fn tested_type(name: &str) -> Option<Type> {
    Some(match name {
        "is_string" => Type::String,
        "is_number" => Type::Decimal,
        "is_boolean" => Type::Bool,
        "is_null" => Type::Null,
        "is_array" => Type::array(Type::Any),
        "is_set" => Type::set(Type::Any),
        "is_object" => Type::Map(Arc::new(Type::Any), Arc::new(Type::Any)),
        _ => return None,
    })
}
