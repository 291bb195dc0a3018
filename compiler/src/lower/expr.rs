//! Expressions: each puts its value into a register, or fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use hpol_lang::ast::BinaryOperator;
use hpol_lang::source::{Profile, Span};
use hpol_lang::typed::{Body, Expr, ExprKind, PackageStep, TemplatePart};
use hpol_lang::types::Type;
use hpol_lang::value::Value;
use hpol_stdlib::heap::Word;

use crate::plan::{
    ArithmeticOperator, Collection, CompareOperator, Extent, ExtentStep, Register, SetOperator, SiteId, StatementKind,
    TemplatePart as PlanTemplatePart,
};

use super::builder::Builder;
use super::{CompileError, Lowered, function_of};

impl Builder<'_, '_> {
    /// The value in some register.
    pub(super) fn value(&mut self, expr: &Expr) -> Lowered<Register> {
        if let ExprKind::Local(local) = &expr.kind {
            return Ok(self.local(*local));
        }
        let target = self.register();
        self.value_into(expr, target)?;
        Ok(target)
    }

    pub(super) fn values(&mut self, exprs: &[Expr]) -> Lowered<Vec<Register>> {
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    pub(super) fn site_of(&mut self, expr: &Expr) -> SiteId {
        let path = self.shared.describe(expr, self.names);
        self.shared.site(path, expr.span)
    }

    /// The value in this register.
    pub(super) fn value_into(&mut self, expr: &Expr, target: Register) -> Lowered {
        self.deeper(|builder| builder.shallow_value_into(expr, target))
    }

    fn shallow_value_into(&mut self, expr: &Expr, target: Register) -> Lowered {
        let span = expr.span;
        if let Some(value) = constant_value(expr) {
            let value = self.shared.constant(&value)?;
            self.constant(target, value, span);
            return Ok(());
        }
        match &expr.kind {
            // See above.
            ExprKind::Constant(_) => {}
            ExprKind::Local(local) => {
                let source = self.local(*local);
                self.push(StatementKind::Copy { target, source }, span);
            }
            ExprKind::Input => {
                let site = self.site_of(expr);
                self.push(StatementKind::Input { target, site }, span);
            }
            ExprKind::Data(path) => {
                let site = self.site_of(expr);
                let value = self.shared.document(path);
                let path = self.shared.path(path);
                self.push(StatementKind::Data { target, path, value, site }, span);
            }
            ExprKind::Rule(rule) => {
                let function = function_of(*rule);
                self.push(StatementKind::Call { target, function, arguments: Vec::new() }, span);
            }
            ExprKind::Package(path, below) => self.package(path, below, target, span)?,
            ExprKind::Field(base, name) => {
                let base = self.value(base)?;
                let name = self.shared.text(name)?;
                let site = Some(self.site_of(expr));
                self.push(StatementKind::Field { target, base, name, site }, span);
            }
            ExprKind::Index(base, key) => {
                let base = self.value(base)?;
                let key = self.value(key)?;
                let site = Some(self.site_of(expr));
                self.push(StatementKind::Index { target, base, key, site }, span);
            }
            ExprKind::Builtin(name, arguments) => self.builtin_call(expr, name, arguments, target)?,
            ExprKind::Function(rule, arguments) => {
                let arguments = self.values(arguments)?;
                self.push(StatementKind::Call { target, function: function_of(*rule), arguments }, span);
            }
            ExprKind::Binary(operator, left, right) => self.binary(expr, *operator, left, right, target)?,
            ExprKind::Negate(operand) => self.negate(expr, operand, target)?,
            ExprKind::Membership { key, value, collection } => {
                let key = key.as_ref().map(|key| self.value(key)).transpose()?;
                let value = self.value(value)?;
                let collection = self.value(collection)?;
                self.push(StatementKind::Membership { target, key, value, collection }, span);
            }
            ExprKind::Array(items) => {
                let items = self.values(items)?;
                self.push(StatementKind::MakeArray { target, items }, span);
            }
            ExprKind::Set(items) => {
                let items = self.values(items)?;
                self.push(StatementKind::MakeSet { target, items }, span);
            }
            ExprKind::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((self.value(key)?, self.value(value)?)));
                let entries = entries.collect::<Lowered<Vec<_>>>()?;
                self.push(StatementKind::MakeObject { target, entries }, span);
            }
            ExprKind::ArrayComprehension(item, body) => {
                self.comprehension(Collection::Array, None, item, body, target, span)?;
            }
            ExprKind::SetComprehension(item, body) => {
                self.comprehension(Collection::Set, None, item, body, target, span)?;
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                self.comprehension(Collection::Object, Some(key), value, body, target, span)?;
            }
            ExprKind::Template(parts) => self.template(parts, target, span)?,
            ExprKind::Holds(body) => {
                let holds = self.holds(body, span)?;
                self.push(StatementKind::Copy { target, source: holds }, span);
            }
        }
        Ok(())
    }

    fn package(&mut self, path: &[Arc<str>], below: &[PackageStep], target: Register, span: Span) -> Lowered {
        let mut keys = Vec::new();
        let mut steps = Vec::with_capacity(below.len());
        for step in below {
            steps.push(match step {
                PackageStep::Name(name) => ExtentStep::Name(name.clone()),
                PackageStep::Key(key) => {
                    keys.push(self.value(key)?);
                    ExtentStep::Key
                }
                PackageStep::Any => ExtentStep::Any,
            });
        }
        let extent = self.shared.extent(Extent { path: path.to_vec(), below: steps });
        self.push(StatementKind::Document { target, extent, keys }, span);
        Ok(())
    }

    fn builtin_call(&mut self, expr: &Expr, name: &Arc<str>, arguments: &[Expr], target: Register) -> Lowered {
        let arguments = self.values(arguments)?;
        let builtin = self.shared.builtin(name)?;
        let site = self.site_of(expr);
        let on_error = self.on_error;
        self.push(StatementKind::Builtin { target, builtin, arguments, on_error, site }, expr.span);
        Ok(())
    }

    fn binary(
        &mut self,
        expr: &Expr,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
        target: Register,
    ) -> Lowered {
        let left = self.value(left)?;
        let right = self.value(right)?;
        let (span, on_error) = (expr.span, self.on_error);
        if let Some(operator) = comparison(operator) {
            self.push(StatementKind::Compare { target, operator, left, right }, span);
        } else if let Some(operator) = arithmetic(operator) {
            let checked = self.is_checked(expr);
            let site = self.site_of(expr);
            self.push(StatementKind::Arithmetic { target, operator, left, right, checked, on_error, site }, span);
        } else {
            let operator = if operator == BinaryOperator::Union {
                SetOperator::Union
            } else if operator == BinaryOperator::Intersection {
                SetOperator::Intersection
            } else {
                // The tree has no others: see `ExprKind::Binary`.
                return Err(CompileError::Invalid(format!("operator {operator:?} in an expression")));
            };
            let site = self.site_of(expr);
            self.push(StatementKind::SetOperation { target, operator, left, right, on_error, site }, span);
        }
        Ok(())
    }

    fn negate(&mut self, expr: &Expr, operand: &Expr, target: Register) -> Lowered {
        let right = self.value(operand)?;
        let left = self.register();
        let zero = self.shared.constant(&Value::from(0))?;
        self.constant(left, zero, expr.span);
        let (checked, site, on_error) = (self.is_checked(expr), self.site_of(expr), self.on_error);
        let operator = ArithmeticOperator::Subtract;
        self.push(StatementKind::Arithmetic { target, operator, left, right, checked, on_error, site }, expr.span);
        Ok(())
    }

    /// Whether the result must stay a 64-bit integer.
    fn is_checked(&self, expr: &Expr) -> bool {
        self.profile == Profile::Hpol && expr.ty.is_subtype_of(&int_like())
    }

    fn comprehension(
        &mut self,
        collection: Collection,
        key: Option<&Expr>,
        value: &Expr,
        body: &Body,
        target: Register,
        span: Span,
    ) -> Lowered {
        let body = self.nested(|builder| {
            builder.body(&body.conditions, &mut |builder| {
                let key = key.map(|key| builder.value(key)).transpose()?;
                let emitted = builder.value(value)?;
                builder.push(StatementKind::Emit { key, value: emitted }, value.span);
                Ok(())
            })
        })?;
        self.push(StatementKind::Collect { target, collection, body }, span);
        Ok(())
    }

    fn template(&mut self, parts: &[TemplatePart], target: Register, span: Span) -> Lowered {
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            lowered.push(match part {
                TemplatePart::Text(text) => PlanTemplatePart::Text(self.shared.text(text)?),
                TemplatePart::Expr(expr) => PlanTemplatePart::Value(self.value_or_absent(expr)?),
            });
        }
        self.push(StatementKind::Template { target, parts: lowered }, span);
        Ok(())
    }

    /// The value, or absent; that it is absent is handled here, so the mark is taken back.
    pub(super) fn value_or_absent(&mut self, expr: &Expr) -> Lowered<Register> {
        if let ExprKind::Constant(_) | ExprKind::Local(_) | ExprKind::Template(_) = &expr.kind {
            // These always have a value.
            return self.value(expr);
        }
        let (target, mark) = (self.register(), self.register());
        self.constant(target, Word::ABSENT, expr.span);
        self.push(StatementKind::MarkSave { target: mark }, expr.span);
        self.scope(true, expr.span, |builder, _| {
            let source = builder.value(expr)?;
            builder.push(StatementKind::Copy { target, source }, expr.span);
            Ok(())
        })?;
        self.push(StatementKind::MarkRestore { source: mark }, expr.span);
        Ok(target)
    }

    /// Whether the body holds, as a truth value; it stops at the first way in which it does.
    pub(super) fn holds(&mut self, body: &Body, span: Span) -> Lowered<Register> {
        let (holds, mark) = (self.register(), self.register());
        self.constant(holds, Word::FALSE, span);
        self.push(StatementKind::MarkSave { target: mark }, span);
        self.scope(true, span, |builder, label| {
            builder.body(&body.conditions, &mut |builder| {
                builder.constant(holds, Word::TRUE, span);
                builder.push(StatementKind::Leave { label }, span);
                Ok(())
            })
        })?;
        self.push(StatementKind::MarkRestore { source: mark }, span);
        Ok(holds)
    }
}

/// The value of a literal, however large, so that it costs nothing when it is evaluated.
fn constant_value(expr: &Expr) -> Option<Value> {
    let all = |items: &[Expr]| items.iter().map(constant_value).collect::<Option<Vec<_>>>();
    if let ExprKind::Constant(value) = &expr.kind {
        Some(value.clone())
    } else if let ExprKind::Array(items) = &expr.kind {
        Some(Value::array(all(items)?))
    } else if let ExprKind::Set(items) = &expr.kind {
        Some(Value::set(all(items)?))
    } else if let ExprKind::Object(entries) = &expr.kind {
        let entries = entries.iter().map(|(key, value)| Some((constant_value(key)?, constant_value(value)?)));
        let entries = entries.collect::<Option<Vec<_>>>()?;
        let keys: BTreeSet<_> = entries.iter().map(|entry| &entry.0).collect();
        // One key with two values is an error, which is told when it is evaluated.
        if keys.len() == entries.len() { Some(Value::object(entries)) } else { None }
    } else {
        None
    }
}

/// The types of 64-bit integers.
fn int_like() -> Type {
    Type::Union(Arc::from([Type::Int, Type::Time, Type::Duration]))
}

pub(super) fn comparison(operator: BinaryOperator) -> Option<CompareOperator> {
    Some(match operator {
        BinaryOperator::Equal => CompareOperator::Equal,
        BinaryOperator::NotEqual => CompareOperator::NotEqual,
        BinaryOperator::Less => CompareOperator::Less,
        BinaryOperator::LessEqual => CompareOperator::LessEqual,
        BinaryOperator::Greater => CompareOperator::Greater,
        BinaryOperator::GreaterEqual => CompareOperator::GreaterEqual,
        BinaryOperator::Assign
        | BinaryOperator::Unify
        | BinaryOperator::Or
        | BinaryOperator::And
        | BinaryOperator::Union
        | BinaryOperator::Intersection
        | BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Remainder => return None,
    })
}

fn arithmetic(operator: BinaryOperator) -> Option<ArithmeticOperator> {
    Some(match operator {
        BinaryOperator::Add => ArithmeticOperator::Add,
        BinaryOperator::Subtract => ArithmeticOperator::Subtract,
        BinaryOperator::Multiply => ArithmeticOperator::Multiply,
        BinaryOperator::Divide => ArithmeticOperator::Divide,
        BinaryOperator::Remainder => ArithmeticOperator::Remainder,
        BinaryOperator::Assign
        | BinaryOperator::Unify
        | BinaryOperator::Or
        | BinaryOperator::And
        | BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterEqual
        | BinaryOperator::Union
        | BinaryOperator::Intersection => return None,
    })
}
