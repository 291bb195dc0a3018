//! `with`: what is replaced, and by what.

use std::sync::Arc;

use super::Checker;
use super::call::Callee;
use crate::ast::{Expr, ExprKind, Name, Path, Reference, Step, With};
use crate::diagnostic::Diagnostic;
use crate::resolve::{Target, constant_step, spelling};
use crate::source::Profile;
use crate::typed::{Expr as Typed, Replacement, ReplacementTarget, RuleKind};
use crate::types::Type;

impl<'e> Checker<'_, '_> {
    /// One `with target as value`; `None` if it was reported.
    pub(super) fn replacement(&mut self, with: &'e With) -> Option<Replacement> {
        let reference = &with.target;
        let ExprKind::Variable(head) = &reference.head.kind else { return self.bad_target(reference) };
        let steps: Vec<Arc<str>> = reference.steps.iter().map_while(constant_step).collect();
        if steps.len() != reference.steps.len() {
            return self.bad_target(reference);
        }
        if let Some(callee) = self.replaced_function(reference) {
            return self.function_replacement(callee, with);
        }
        let target = match &**head {
            "input" => ReplacementTarget::Input(steps),
            "data" => ReplacementTarget::Data(steps),
            name => match self.index.imports[self.module].get(name).cloned() {
                Some(import) => {
                    self.index.used.borrow_mut().imports.insert((self.module, head.clone()));
                    let path = import.parts.into_iter().chain(steps).collect();
                    if import.input { ReplacementTarget::Input(path) } else { ReplacementTarget::Data(path) }
                }
                // A rule of this package, or a part of one.
                None if self.profile == Profile::Rego => match self.index.own_path(self.module, name) {
                    Some(path) => ReplacementTarget::Data(path.into_iter().chain(steps).collect()),
                    None => return self.bad_target(reference),
                },
                None => return self.bad_target(reference),
            },
        };
        let value = self.expr(&with.value);
        if let ReplacementTarget::Data(path) = &target
            && let (Target::Rule(rule), _) = self.index.resolve_data(path)
            && self.index.rules[rule].counter.is_some()
        {
            self.check_counter_value(&value);
        }
        Some(Replacement { target, value, span: with.span })
    }

    fn check_counter_value(&mut self, value: &Typed) {
        if self.profile == Profile::Hpol && !Type::Decimal.overlaps(&value.ty) {
            let message = format!("a counter is a number, not `{}`", value.ty);
            self.report(
                Diagnostic::error("result-type", value.span, message)
                    .with_help("replace it by a value that it could give"),
            );
        }
    }

    fn bad_target(&mut self, reference: &Reference) -> Option<Replacement> {
        let text = self.index.sources.text(reference.span).to_owned();
        let builtins = self.index.environment.builtins.keys().map(|name| &**name);
        let near = spelling::nearest(&text, builtins.chain(["input", "data"])).map(str::to_owned);
        let diagnostic = Diagnostic::error("bad-with-target", reference.span, format!("`{text}` can't be replaced"));
        let diagnostic = match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic
                .with_help("`with` replaces `input`, a path in `input` or `data`, `session.labels`, or a function"),
        };
        self.report(diagnostic);
        None
    }

    /// The function that a target names.
    fn replaced_function(&self, reference: &Reference) -> Option<Callee> {
        let path = as_path(reference)?;
        match self.callee(&path)? {
            Callee::Rule(rule) => (self.index.rules[rule].kind == RuleKind::Function).then_some(Callee::Rule(rule)),
            Callee::Builtin(name) => Some(Callee::Builtin(name)),
        }
    }

    fn function_replacement(&mut self, callee: Callee, with: &'e With) -> Option<Replacement> {
        let by = self.named_function(&with.value);
        let (target, value) = match (callee, by) {
            (Callee::Builtin(name), None) => {
                let result = self.index.environment.builtins.get(&name).map(|info| info.signature.result.clone());
                (ReplacementTarget::Builtin(name), self.result_in_place(with, result))
            }
            (Callee::Rule(rule), None) => {
                let result = self.rule_types[rule].clone();
                (ReplacementTarget::Function(self.rule_ids[rule]), self.result_in_place(with, Some(result)))
            }
            (callee, Some(by)) => {
                self.check_replacement_arity(&callee, &by, with);
                let target = match (callee, by) {
                    (Callee::Builtin(name), Callee::Rule(by)) => {
                        ReplacementTarget::BuiltinByRule(name, self.rule_ids[by])
                    }
                    (Callee::Builtin(name), Callee::Builtin(by)) => ReplacementTarget::BuiltinByBuiltin(name, by),
                    (Callee::Rule(rule), Callee::Rule(by)) => {
                        ReplacementTarget::FunctionByRule(self.rule_ids[rule], self.rule_ids[by])
                    }
                    (Callee::Rule(rule), Callee::Builtin(by)) => {
                        ReplacementTarget::FunctionByBuiltin(self.rule_ids[rule], by)
                    }
                };
                (target, self.broken(with.value.span))
            }
        };
        if let ReplacementTarget::Function(_) = &target
            && let ExprKind::Variable(_) = &with.target.head.kind
            && let Some(Callee::Rule(rule)) = as_path(&with.target).and_then(|path| self.callee(&path))
        {
            self.use_rule(rule, with.target.span);
        }
        Some(Replacement { target, value, span: with.span })
    }

    /// The value that stands in place of a function's result.
    fn result_in_place(&mut self, with: &'e With, result: Option<Type>) -> Typed {
        let value = self.expr(&with.value);
        let Some(result) = result.filter(|_| self.profile == Profile::Hpol) else { return value };
        let value = self.coerce(value, &result);
        if !result.overlaps(&value.ty) {
            let function = self.index.sources.text(with.target.span);
            let message = format!("`{function}` gives `{result}`, not `{}`", value.ty);
            let help = match result {
                Type::Time => "write the time as text, such as \"2026-01-31T09:00:00Z\"",
                _ => "replace it by a value that it could give",
            };
            self.report(Diagnostic::error("result-type", value.span, message).with_help(help));
        }
        value
    }

    /// Whether a value is only the name of a function.
    pub(super) fn names_function(&self, value: &Expr) -> bool {
        match self.function_named(value) {
            Some(Callee::Rule(rule)) => self.index.rules[rule].kind == RuleKind::Function,
            Some(Callee::Builtin(_)) => true,
            None => false,
        }
    }

    fn function_named(&self, value: &Expr) -> Option<Callee> {
        let path = match &value.kind {
            ExprKind::Variable(name) if self.variable(name).is_none() => {
                Path { parts: vec![Name { text: name.clone(), span: value.span }], span: value.span }
            }
            ExprKind::Reference(reference) => as_path(reference)?,
            _ => return None,
        };
        self.callee(&path)
    }

    /// The function that a value names, if it is only a name.
    fn named_function(&mut self, value: &Expr) -> Option<Callee> {
        if !self.names_function(value) {
            return None;
        }
        let callee = self.function_named(value)?;
        match &callee {
            Callee::Rule(rule) => self.use_rule(*rule, value.span),
            Callee::Builtin(name) => self.check_allowed(name, value.span),
        }
        Some(callee)
    }

    fn check_replacement_arity(&mut self, callee: &Callee, by: &Callee, with: &With) {
        let arity = |callee: &Callee| match callee {
            Callee::Rule(rule) => self.index.rules[*rule].parameters,
            Callee::Builtin(name) => {
                self.index.environment.builtins.get(name).map_or(0, |info| info.signature.parameters.len())
            }
        };
        let (wanted, given) = (arity(callee), arity(by));
        if wanted != given && self.profile == Profile::Hpol {
            let message = format!("a function of {wanted} parameters can't be replaced by one of {given}");
            self.report(
                Diagnostic::error("wrong-arity", with.span, message)
                    .with_help("replace it by a function with the same parameters, or by a value"),
            );
        }
    }

    /// A condition's text under replacements, written as one condition.
    pub(super) fn replacements(&mut self, with: &'e [With]) -> Vec<Replacement> {
        with.iter().filter_map(|with| self.replacement(with)).collect()
    }

    /// Whether an expression is there only because an error was reported.
    pub(super) fn is_string(&self, value: &Typed) -> bool {
        crate::types::Type::String.accepts(&value.ty)
    }
}

/// A reference of names only, as a dotted name.
fn as_path(reference: &Reference) -> Option<Path> {
    let ExprKind::Variable(head) = &reference.head.kind else { return None };
    let mut parts = vec![Name { text: head.clone(), span: reference.head.span }];
    for step in &reference.steps {
        match step {
            Step::Field(name) => parts.push(name.clone()),
            Step::Index(_) => return None,
        }
    }
    Some(Path { parts, span: reference.span })
}
