//! Rules and functions: their definitions, defaults and types.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Checker;
use super::scope::{Scope, Variable};
use crate::ast::{BinaryOperator, ElseClause, Expr, ExprKind, RuleHead};
use crate::diagnostic::Diagnostic;
use crate::resolve::visit::pattern_names;
use crate::resolve::{Definition, Key};
use crate::source::{Profile, Span};
use crate::typed::{
    Clause, Condition, ConditionKind, Expr as Typed, ExprKind as Kind, Local, LocalId, Pattern, Rule, RuleKind,
};
use crate::types::Type;
use crate::value::Value;

/// Parameters that are compared at the end of the body, with the variables of their arguments.
type Computed<'a> = Vec<(LocalId, &'a Expr)>;

impl<'a> Checker<'_, 'a> {
    /// Checks all definitions of a rule.
    pub(super) fn rule(&mut self, rule: usize) -> Rule {
        let index = self.index;
        let info = &index.rules[rule];
        if let Some((module, counter)) = info.counter {
            return self.counter(rule, module, counter);
        }
        self.parameter_types[rule] = self.declared_parameters(rule);
        self.looked_at = None;
        let mut clauses: Vec<Clause> = Vec::new();
        for definition in &info.definitions {
            clauses.push(self.definition(rule, definition));
        }
        let (default, default_locals) = self.default(rule);
        let ty = self.rule_type(rule, &clauses, default.as_ref());
        let result = Rule {
            path: info.path(),
            parts: info.parts.clone(),
            profile: info.profile,
            kind: info.kind,
            parameters: u32::try_from(info.parameters).unwrap_or(u32::MAX),
            clauses,
            default,
            default_locals,
            ty: ty.clone(),
            span: info.span,
        };
        if matches!(info.kind, RuleKind::Complete | RuleKind::Function) {
            let total =
                result.default.is_some() || result.clauses.iter().flat_map(chain).any(|clause| self.always(clause));
            if !total {
                self.rules_absent.insert(self.rule_ids[rule]);
                if let Some(span) = self.looked_at.take() {
                    self.looks_at.insert(self.rule_ids[rule], span);
                }
            }
            if info.profile == Profile::Hpol {
                self.check_overlaps(&result);
                self.check_enum(rule, &result);
                result.clauses.iter().flat_map(chain).for_each(|clause| self.check_bounds(&clause.body));
                self.check_unreachable(&result);
            }
        }
        self.rule_types[rule] = if info.profile == Profile::Rego { Type::Any } else { ty };
        result
    }

    /// Starts a definition: nothing is known of the one before.
    pub(super) fn start(&mut self, module: usize) {
        self.module = module;
        self.profile = self.index.modules[module].profile;
        self.locals = Vec::new();
        self.scopes = Vec::new();
        self.bodies = Vec::new();
        self.ahead.clear();
    }

    pub(super) fn definition(&mut self, number: usize, definition: &Definition<'a>) -> Clause {
        let kind = self.index.rules[number].kind;
        let rule = definition.rule;
        self.definition = Some(rule);
        let head = &rule.head;
        self.start(definition.module);
        let (parameters, computed) = self.parameters(number, head.parameters.as_deref().unwrap_or_default());
        let value = if matches!(kind, RuleKind::Set) { None } else { head.value.as_deref() };
        let keys: Vec<&'a Expr> = definition
            .keys
            .iter()
            .filter_map(|key| match key {
                Key::Expr(expr) => Some(*expr),
                Key::Constant(..) => None,
            })
            .collect();
        let heads = keys.into_iter().chain(head.contains.as_deref()).chain(value);
        let heads: Vec<&'a Expr> = heads.chain(computed.iter().map(|(_, expr)| *expr)).collect();
        let result = head
            .result
            .as_ref()
            .map(|ty| crate::resolve::types::read(self.index, definition.module, ty, &mut self.diagnostics));
        let conditions = rule.body.as_ref().map_or(&[][..], |body| &body.conditions);
        let (body, (key, value)) = self.body(conditions, &heads, |checker| {
            checker.compare_parameters(&computed);
            let key = checker.key(definition, head, kind);
            let value = checker.value(value, result.as_ref(), head.span);
            (key, value)
        });
        self.finish_parameters();
        let locals = std::mem::take(&mut self.locals);
        let first = Clause { locals, parameters, body, key, value, else_clause: None, span: rule.span };
        let mut others: Vec<Clause> = Vec::new();
        for written in &rule.else_clauses {
            let before = std::iter::once(&first).chain(&others);
            let clause = self.else_clause(number, definition, written, before);
            others.push(clause);
        }
        let chained = others
            .into_iter()
            .rev()
            .fold(None, |behind: Option<Box<Clause>>, clause| Some(Box::new(Clause { else_clause: behind, ..clause })));
        Clause { else_clause: chained, ..first }
    }

    /// An `else`, which is tried where none of the clauses before has a value.
    fn else_clause<'c>(
        &mut self,
        number: usize,
        definition: &Definition<'a>,
        clause: &'a ElseClause,
        before: impl Iterator<Item = &'c Clause>,
    ) -> Clause {
        let (module, head) = (definition.module, &definition.rule.head);
        self.start(module);
        let (parameters, computed) = self.parameters(number, head.parameters.as_deref().unwrap_or_default());
        before.for_each(|clause| self.learn_clause_failed(clause));
        let conditions = clause.body.as_ref().map_or(&[][..], |body| &body.conditions);
        let heads: Vec<&'a Expr> = clause.value.iter().chain(computed.iter().map(|(_, expr)| *expr)).collect();
        let result =
            head.result.as_ref().map(|ty| crate::resolve::types::read(self.index, module, ty, &mut Vec::new()));
        let (body, value) = self.body(conditions, &heads, |checker| {
            checker.compare_parameters(&computed);
            checker.value(clause.value.as_ref(), result.as_ref(), clause.span)
        });
        self.finish_parameters();
        Clause {
            locals: std::mem::take(&mut self.locals),
            parameters,
            body,
            key: None,
            value,
            else_clause: None,
            span: clause.span,
        }
    }

    /// The types that the definitions of a function declare for its parameters: each is declared once, or alike.
    fn declared_parameters(&mut self, rule: usize) -> Vec<Type> {
        let index = self.index;
        let info = &index.rules[rule];
        let mut types: Vec<Option<(Type, Span)>> = vec![None; info.parameters];
        for definition in &info.definitions {
            for (slot, declared) in types.iter_mut().zip(&definition.rule.head.parameter_types) {
                let Some(declared) = declared else { continue };
                let ty = crate::resolve::types::read(index, definition.module, declared, &mut self.diagnostics);
                match slot {
                    None => *slot = Some((ty, declared.span)),
                    Some((known, _)) if *known == ty => {}
                    Some((known, first)) => {
                        let message = format!("this parameter is `{ty}` here and `{known}` in another definition");
                        let diagnostic = Diagnostic::error("conflicting-parameters", declared.span, message)
                            .with_related(*first, "the other definition")
                            .with_help(
                                "write a union of both at one of them, or give the functions names of their own",
                            );
                        if self.diagnostics.len() < super::DIAGNOSTICS_MAX {
                            self.diagnostics.push(diagnostic);
                        }
                    }
                }
            }
        }
        types.into_iter().map(|ty| ty.map_or(Type::Any, |(ty, _)| ty)).collect()
    }

    /// Whether a clause has a value whatever is asked.
    pub(super) fn always(&self, clause: &Clause) -> bool {
        clause.parameters.iter().all(|pattern| matches!(pattern, Pattern::Bind(_) | Pattern::Wildcard))
            && clause.body.conditions.is_empty()
            && !self.may_be_absent(&clause.value)
    }

    /// Takes note of what is so where a clause has no value. Its parameters have the same numbers in every clause of a
    /// chain, and match in all of them or in none.
    fn learn_clause_failed(&mut self, clause: &Clause) {
        if !matches!(clause.value.kind, Kind::Constant(_)) {
            return;
        }
        match clause.body.conditions.as_slice() {
            [Condition { kind: ConditionKind::Test(test), .. }] => self.learn_untrue(test),
            [Condition { kind: ConditionKind::Not(body), .. }] => {
                if let [Condition { kind: ConditionKind::Test(test), .. }] = body.conditions.as_slice() {
                    self.learn_true(test);
                }
            }
            _ => {}
        }
    }

    /// Opens the scope of a function's parameters. Those that need variables of the body are compared at its end: they come
    /// with the variable that holds the argument.
    pub(super) fn parameters(&mut self, rule: usize, parameters: &'a [Expr]) -> (Vec<Pattern>, Computed<'a>) {
        let mut names = Vec::new();
        parameters.iter().for_each(|parameter| pattern_names(parameter, &mut names));
        let mut variables: BTreeMap<Arc<str>, Variable> = BTreeMap::new();
        for (name, span) in names {
            variables.entry(name).or_insert(Variable { local: None, span, declared: true, used: true });
        }
        self.scopes.push(Scope { variables, ..Scope::default() });
        self.bodies.push(Vec::new());
        let types = self.parameter_types[rule].clone();
        let mut computed = Vec::new();
        let mut patterns = Vec::with_capacity(parameters.len());
        for (parameter, ty) in parameters.iter().zip(types.into_iter().chain(std::iter::repeat(Type::Any))) {
            if self.needs_body(parameter) {
                let local = self.temporary(Type::Any, parameter.span);
                computed.push((local, parameter));
                patterns.push(Pattern::Bind(local));
            } else {
                patterns.push(self.pattern(parameter, &ty.into_plain()));
            }
        }
        let written = self.bodies.pop().unwrap_or_default();
        if let Some(condition) = written.first() {
            self.report(
                Diagnostic::error("bad-parameter", condition.span, "a parameter can't go through a collection")
                    .with_help("name the parameter and write the condition into the body"),
            );
        }
        (patterns, computed)
    }

    /// Whether a parameter is an expression of Rego with variables that only the body can bind.
    fn needs_body(&self, parameter: &Expr) -> bool {
        if self.profile == Profile::Hpol
            || matches!(
                super::body::bare(parameter).kind,
                ExprKind::Variable(_) | ExprKind::Array(_) | ExprKind::Object(_)
            )
        {
            return false;
        }
        super::scope::names_in(parameter)
            .iter()
            .any(|name| self.variable(name).is_none() && !self.index.is_global(self.module, name))
    }

    fn compare_parameters(&mut self, computed: &[(LocalId, &'a Expr)]) {
        for (local, expr) in computed {
            let argument = self.make(Kind::Local(*local), Type::Any, expr.span);
            let value = self.expr(expr);
            let test = Kind::Binary(BinaryOperator::Equal, Box::new(argument), Box::new(value));
            let test = self.make(test, Type::Bool, expr.span);
            self.emit(ConditionKind::Test(test), expr.span);
        }
    }

    fn finish_parameters(&mut self) {
        self.scopes.pop();
    }

    /// The element of a set, or the key of an object: an array of keys where there are several.
    fn key(&mut self, definition: &Definition<'a>, head: &'a RuleHead, kind: RuleKind) -> Option<Typed> {
        let mut keys = self.keys(definition);
        match (kind, keys.len()) {
            (_, 0) => head.contains.as_ref().map(|element| self.expr(element)),
            (RuleKind::Object { depth: 1 }, 1) => keys.pop(),
            _ => Some(self.array(keys, head.span)),
        }
    }

    pub(super) fn array(&self, items: Vec<Typed>, span: Span) -> Typed {
        let ty = Type::Tuple(items.iter().map(|item| item.ty.clone()).collect());
        self.make(Kind::Array(items), ty, span)
    }

    /// What stands behind the rule's path in the head.
    pub(super) fn keys(&mut self, definition: &Definition<'a>) -> Vec<Typed> {
        let mut keys: Vec<Typed> = Vec::new();
        for key in &definition.keys {
            keys.push(match key {
                Key::Constant(name, span) => {
                    let value = Value::String(name.clone());
                    self.make(Kind::Constant(value.clone()), Type::of_value(&value), *span)
                }
                Key::Expr(expr) => self.expr(expr),
            });
        }
        keys
    }

    fn value(&mut self, value: Option<&'a Expr>, result: Option<&Type>, span: Span) -> Typed {
        let typed = match value {
            Some(value) => match result {
                Some(ty) => self.expr_as(value, ty),
                None => self.expr(value),
            },
            None => self.make(Kind::Constant(Value::Bool(true)), Type::of_value(&Value::Bool(true)), span),
        };
        if let Some(ty) = result
            && !ty.accepts(&typed.ty)
        {
            let message =
                format!("the value is {}, but the rule is declared as `{ty}`", super::compare::shown(&typed.ty));
            self.report(
                Diagnostic::error("result-type", typed.span, message)
                    .with_help("change the value or the declared type"),
            );
        }
        typed
    }

    fn default(&mut self, rule: usize) -> (Option<Typed>, Vec<Local>) {
        let index = self.index;
        let Some((module, default)) = index.rules[rule].default else { return (None, Vec::new()) };
        self.start(module);
        let parameters = default.parameters.as_deref().unwrap_or_default();
        self.parameters(rule, parameters);
        self.bodies.push(Vec::new());
        self.require(&default.value);
        let value = self.expr(&default.value);
        let conditions = self.bodies.pop().unwrap_or_default();
        self.scopes.pop();
        let constant = conditions.is_empty() && is_constant(&value);
        if !constant {
            self.report(
                Diagnostic::error("default-not-constant", default.value.span, "a default is the same on every request")
                    .with_help("write a value without references; for anything else use `else`"),
            );
        }
        (Some(value), std::mem::take(&mut self.locals))
    }

    fn rule_type(&self, rule: usize, clauses: &[Clause], default: Option<&Typed>) -> Type {
        let index = self.index;
        let info = &index.rules[rule];
        if info.profile == Profile::Rego {
            return Type::Any;
        }
        let declared = info.definitions.iter().find_map(|definition| {
            let result = definition.rule.head.result.as_ref()?;
            Some(crate::resolve::types::read(index, definition.module, result, &mut Vec::new()))
        });
        if let Some(declared) = declared {
            return declared;
        }
        let values = clauses.iter().flat_map(chain).map(|clause| clause.value.ty.clone());
        let keys = clauses.iter().filter_map(|clause| clause.key.as_ref()).map(|key| key.ty.clone());
        match info.kind {
            RuleKind::Complete | RuleKind::Function => {
                Type::limited_union(values.chain(default.map(|default| default.ty.clone()))).limited()
            }
            RuleKind::Set => Type::set(Type::limited_union(keys)).limited(),
            RuleKind::Object { depth: 1 } if info.sets => Type::Any,
            RuleKind::Object { depth: 1 } => {
                Type::Map(Type::limited_union(keys).into(), Type::limited_union(values).into()).limited()
            }
            RuleKind::Object { .. } => Type::Any,
        }
    }
}

/// A clause and its `else` clauses.
pub(super) fn chain(clause: &Clause) -> impl Iterator<Item = &Clause> {
    std::iter::successors(Some(clause), |clause| clause.else_clause.as_deref())
}

/// Whether an expression is the same on every request. Comprehensions count if they look at nothing outside.
fn is_constant(expr: &Typed) -> bool {
    match &expr.kind {
        Kind::Constant(_) => true,
        Kind::Array(items) | Kind::Set(items) => items.iter().all(is_constant),
        Kind::Object(entries) => entries.iter().all(|(key, value)| is_constant(key) && is_constant(value)),
        Kind::ArrayComprehension(..) | Kind::SetComprehension(..) | Kind::ObjectComprehension(..) => true,
        Kind::Negate(inner) => is_constant(inner),
        _ => false,
    }
}
