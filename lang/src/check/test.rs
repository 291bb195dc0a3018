//! Tests: their conditions in the order of the text, and what they expect of packages.

use std::sync::Arc;

use super::Checker;
use super::body::bare;
use super::decision::word;
use super::narrow::constant;
use crate::ast::{
    Condition, ConditionKind, EffectKeyword, Expect, ExpectDecision, Expr, ItemKind, Path, Property, Test,
};
use crate::diagnostic::Diagnostic;
use crate::resolve::{spelling, types};
use crate::source::Span;
use crate::typed;
use crate::typed::{Expectation, TestRuns, TestStep};
use crate::types::Type;
use crate::value::Value;

impl<'a> Checker<'_, 'a> {
    /// Checks a test.
    pub(super) fn test(&mut self, module: usize, test: &'a Test) -> typed::Test {
        self.start(module);
        let cases = test.cases.as_ref().map(|(name, cases)| {
            self.bodies.push(Vec::new());
            let cases = self.expr(cases);
            self.bodies.pop();
            let (_, case) = self.elements(&cases);
            // Cases need not have the same fields; each is looked at for itself.
            let case = if case.members().len() > 1 { Type::Any } else { case };
            self.open_names(&[(Some(name), case)]);
            (name, cases)
        });
        let runs = cases.and_then(|(name, cases)| {
            let local = self.variable(&name.text).and_then(|variable| variable.local)?;
            Some(TestRuns::Cases(local, cases))
        });
        if runs.is_none() {
            self.scopes.push(super::scope::Scope::default());
        }
        self.open_scope(&test.body.conditions, &[]);
        let mut steps = Vec::new();
        for condition in &test.body.conditions {
            self.step(condition, &mut steps);
        }
        if !test.body.conditions.iter().any(|condition| matches!(condition.kind, ConditionKind::Expect(_))) {
            let mut diagnostic = Diagnostic::warning(
                "test-without-expectation",
                test.name_span,
                format!("test \"{}\" expects nothing", test.name),
            );
            diagnostic =
                diagnostic.with_help("add `expect package allow with input as …`, or `expect` in front of a condition");
            self.report(diagnostic);
        }
        self.close_scope();
        self.close_scope();
        self.finish_test(&test.name, test.name_span, runs.unwrap_or(TestRuns::Once), steps)
    }

    /// Checks a property: a test over one value that is made up, whose first steps are its assumptions.
    pub(super) fn property(&mut self, module: usize, property: &'a Property) -> typed::Test {
        self.start(module);
        let ty = types::read(self.index, module, &property.ty, &mut self.diagnostics);
        self.open_names(&[(Some(&property.variable), ty.clone())]);
        let variable = self.variable(&property.variable.text).and_then(|variable| variable.local);
        // `_` is drawn too, though nothing can look at it.
        let variable = variable
            .unwrap_or_else(|| self.add_local(property.variable.text.clone(), ty.clone(), property.variable.span));
        let conditions = property.assumptions.as_ref().map_or(&[][..], |body| &body.conditions);
        self.open_scope(conditions, &[]);
        let mut steps = Vec::new();
        for condition in conditions {
            if let ConditionKind::Expect(_) = condition.kind {
                self.report(
                    Diagnostic::error("bad-expectation", condition.span, "an assumption is a plain condition")
                        .with_help("leave `expect` out, or move it behind the braces: `property … {…} expect …`"),
                );
                continue;
            }
            self.step(condition, &mut steps);
        }
        let assumptions = steps.len();
        self.open_scope(std::slice::from_ref(&property.expectation), &[]);
        self.step(&property.expectation, &mut steps);
        self.close_scope();
        self.close_scope();
        self.close_scope();
        let written = conditions.iter().chain([&property.expectation]).map(|condition| condition.span).collect();
        let runs = TestRuns::Drawn { variable, ty, assumptions, conditions: written };
        self.finish_test(&property.name, property.name_span, runs, steps)
    }

    fn finish_test(&mut self, name: &Arc<str>, span: Span, runs: TestRuns, steps: Vec<TestStep>) -> typed::Test {
        let package = &self.index.packages[self.index.package_of[self.module]];
        let locals = std::mem::take(&mut self.locals);
        typed::Test { package: package.path.clone(), name: name.clone(), locals, runs, steps, span }
    }

    fn step(&mut self, condition: &'a Condition, steps: &mut Vec<TestStep>) {
        match &condition.kind {
            ConditionKind::Expect(Expect::Decision(decision)) => {
                let step = self.collected(steps, |checker| checker.expectation(decision, condition));
                steps.extend(step.map(TestStep::Decision));
            }
            ConditionKind::Expect(Expect::Holds(expr)) => {
                let body = self.holds_body(expr, condition);
                let mut conditions = body.conditions;
                let kind = match (conditions.pop(), conditions.is_empty()) {
                    (Some(only), true) => only.kind,
                    (last, _) => {
                        conditions.extend(last);
                        typed::ConditionKind::Any(vec![typed::Body { conditions }])
                    }
                };
                steps.push(TestStep::Holds(typed::Condition { kind, span: condition.span }));
            }
            _ => {
                self.collected(steps, |checker| checker.conditions(std::slice::from_ref(condition)));
            }
        }
    }

    /// Runs a part of the checker and makes steps of the conditions it writes.
    fn collected<T>(&mut self, steps: &mut Vec<TestStep>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.bodies.push(Vec::new());
        let result = work(self);
        steps.extend(self.bodies.pop().unwrap_or_default().into_iter().map(TestStep::Condition));
        result
    }

    fn holds_body(&mut self, expr: &'a Expr, condition: &'a Condition) -> typed::Body {
        if condition.with.is_empty() {
            return self.expr_body(bare(expr));
        }
        self.bodies.push(Vec::new());
        let replacements = self.replacements(&condition.with);
        let body = self.without_facts(|checker| checker.expr_body(bare(expr)));
        self.emit(typed::ConditionKind::With { replacements, body }, condition.span);
        typed::Body { conditions: self.bodies.pop().unwrap_or_default() }
    }

    fn expectation(&mut self, decision: &'a ExpectDecision, condition: &'a Condition) -> Option<Expectation> {
        let package = self.expected_package(&decision.package);
        for with in condition.with.iter().filter(|with| !self.names_function(&with.value)).collect::<Vec<_>>() {
            self.require(&with.value);
        }
        let with = self.replacements(&condition.with);
        let mut text = |expr: &'a Option<Expr>| {
            let expr = expr.as_ref()?;
            self.require(expr);
            let value = self.expr(expr);
            Some(value)
        };
        let (id, because, masks) = (text(&decision.id), text(&decision.because), text(&decision.masks));
        for value in id.iter().chain(&because) {
            if !self.is_string(value) {
                self.report(
                    Diagnostic::error("bad-expectation", value.span, format!("this is text, not `{}`", value.ty))
                        .with_help("write a string"),
                );
            }
        }
        if let Some(masks) = &masks {
            let fits = Type::union([Type::set(Type::String), Type::array(Type::String)]).accepts(&masks.ty);
            if !fits {
                self.report(
                    Diagnostic::error(
                        "bad-expectation",
                        masks.span,
                        format!("`masks` takes ids of masks, not `{}`", masks.ty),
                    )
                    .with_help("write `masks {\"id\"}`, or `masks set()` for none"),
                );
            }
        }
        let package = package?;
        if let Some(id) = &id {
            self.check_id(package, decision.effect, id);
        }
        if let Some(masks) = &masks {
            self.check_mask_ids(package, masks);
        }
        let package = u32::try_from(package).unwrap_or(u32::MAX);
        Some(Expectation {
            package,
            negated: decision.negated,
            effect: decision.effect,
            id,
            because,
            masks,
            with,
            span: decision.span,
        })
    }

    fn expected_package(&mut self, path: &Path) -> Option<usize> {
        let names: Vec<Arc<str>> = path.parts.iter().map(|part| part.text.clone()).collect();
        let (first, rest) = names.split_first()?;
        let full: Vec<Arc<str>> = match self.index.imports[self.module].get(first) {
            Some(import) if !import.input => {
                self.index.used.borrow_mut().imports.insert((self.module, first.clone()));
                import.parts.iter().chain(rest).cloned().collect()
            }
            _ if &**first == "data" => rest.to_vec(),
            _ => names.clone(),
        };
        let found = self.index.package(&full);
        let Some(package) = found else {
            let imports = self.index.imports[self.module].keys().map(|name| &**name);
            let packages = self.index.packages.iter().map(|package| &*package.path);
            let text = names.join(".");
            let near = spelling::nearest(&text, imports.chain(packages)).map(str::to_owned);
            let diagnostic = Diagnostic::error("unknown-package", path.span, format!("there is no package `{text}`"));
            self.report(match near {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(path.span, near),
                None => diagnostic.with_help("import it with `import data.…`, or write its whole path"),
            });
            return None;
        };
        if self.index.packages[package].kind.is_none() {
            let message =
                format!("package `{}` decides nothing: it has no `input:`", self.index.packages[package].path);
            self.report(
                Diagnostic::error("expect-library", path.span, message)
                    .with_help("expect the value of a rule instead: `expect data.package.rule == …`"),
            );
            return None;
        }
        Some(package)
    }

    /// Ids of the decision rules of a package with an effect.
    fn ids(&self, package: usize, effect: EffectKeyword) -> Vec<Arc<str>> {
        let modules =
            self.index.modules.iter().enumerate().filter(|(module, _)| self.index.package_of[*module] == package);
        modules
            .flat_map(|(_, module)| &module.items)
            .filter_map(|item| match &item.kind {
                ItemKind::Decision(rule) if rule.effect == effect => Some(rule.id.clone()),
                _ => None,
            })
            .collect()
    }

    fn check_id(&mut self, package: usize, effect: EffectKeyword, id: &typed::Expr) {
        let Some(Value::String(text)) = constant(id) else { return };
        self.check_one_id(package, effect, &text.clone(), id.span);
    }

    fn check_mask_ids(&mut self, package: usize, masks: &typed::Expr) {
        let texts: Vec<Arc<str>> = match constant(masks) {
            Some(Value::Set(items)) => items.iter().filter_map(|item| item.as_str().map(Arc::from)).collect(),
            Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(Arc::from)).collect(),
            _ => return,
        };
        for text in texts {
            self.check_one_id(package, EffectKeyword::Mask, &text, masks.span);
        }
    }

    fn check_one_id(&mut self, package: usize, effect: EffectKeyword, text: &Arc<str>, span: Span) {
        let ids = self.ids(package, effect);
        if ids.contains(text) {
            return;
        }
        let near = spelling::nearest(text, ids.iter().map(|id| &**id)).map(str::to_owned);
        let message =
            format!("package `{}` has no `{}` with the id \"{text}\"", self.index.packages[package].path, word(effect));
        let diagnostic = Diagnostic::error("unknown-rule-id", span, message);
        let whole = self.index.sources.text(span).trim_matches('"') == &**text;
        self.report(match near {
            Some(near) if whole => {
                diagnostic.with_help(format!("did you mean \"{near}\"?")).with_fix(span, format!("\"{near}\""))
            }
            Some(near) => diagnostic.with_help(format!("did you mean \"{near}\"?")),
            None => diagnostic.with_help("ids are compared letter by letter"),
        });
    }
}
