//! Decision rules: `allow`, `deny`, `approve` and `mask` with their clauses.

use std::sync::Arc;

use super::Checker;
use super::body::bare;
use crate::ast::{DecisionClause, DecisionRule, EffectKeyword, Expr, ExprKind, Item, SelectorExpr};
use crate::diagnostic::Diagnostic;
use crate::typed;
use crate::typed::{LocalId, Mask};
use crate::types::{SelectorKind, Target};
use crate::value::Value;

/// The word of an effect.
pub(super) fn word(effect: EffectKeyword) -> &'static str {
    match effect {
        EffectKeyword::Deny => "deny",
        EffectKeyword::Approve => "approve",
        EffectKeyword::Mask => "mask",
        EffectKeyword::Allow => "allow",
    }
}

/// The clauses of a decision rule, each at most once.
#[derive(Default)]
pub(super) struct Clauses<'a> {
    pub(super) because: Option<&'a Expr>,
    pub(super) by: Option<&'a Expr>,
    pub(super) quorum: Option<&'a Expr>,
    pub(super) within: Option<&'a Expr>,
    pub(super) selector: Option<&'a SelectorExpr>,
    pub(super) using: Option<&'a Expr>,
    pub(super) unless: Option<&'a Expr>,
}

impl<'a> Checker<'_, 'a> {
    /// Checks a decision rule.
    pub(super) fn decision(&mut self, module: usize, item: &'a Item, rule: &'a DecisionRule) -> typed::DecisionRule {
        self.start(module);
        let package = self.index.package_of[module];
        if self.index.packages[package].input.is_none() {
            let message =
                format!("package `{}` has no `input:`, so it decides nothing", self.index.packages[package].path);
            self.report(
                Diagnostic::error("decision-without-input", rule.id_span, message)
                    .with_help("say which requests it decides, such as `input: http.Request`, below the package line"),
            );
        }
        if rule.id.trim().is_empty() {
            self.report(
                Diagnostic::error("empty-id", rule.id_span, "the id is empty")
                    .with_help("say in a few words what the rule is for"),
            );
        }
        let clauses = self.clauses(rule);
        let annotations = self.annotations(item);
        let approval = (rule.effect == EffectKeyword::Approve).then(|| self.approval(rule, &clauses)).flatten();
        let mask = (rule.effect == EffectKeyword::Mask).then(|| self.mask(rule, &clauses)).flatten();
        self.check_target(rule, approval.is_some(), mask.as_ref());
        let conditions = rule.body.as_ref().map_or(&[][..], |body| &body.conditions);
        let heads: Vec<&'a Expr> = clauses.because.into_iter().collect();
        self.grants = rule.effect == EffectKeyword::Allow;
        let (body, (because, unless, witnesses)) = self.body(conditions, &heads, |checker| {
            let because = clauses.because.map(|because| checker.because(because));
            let witnesses = checker.witnesses();
            checker.grants = true;
            let unless = clauses.unless.map(|unless| checker.expr_body(unless));
            (because, unless, witnesses)
        });
        self.grants = false;
        self.check_bounds(&body);
        if rule.effect == EffectKeyword::Allow {
            self.check_empty_every(&body);
        }
        typed::DecisionRule {
            effect: rule.effect,
            id: rule.id.clone(),
            package: u32::try_from(package).unwrap_or(u32::MAX),
            annotations,
            locals: std::mem::take(&mut self.locals),
            body,
            witnesses,
            because,
            unless,
            approval,
            mask,
            span: rule.span,
        }
    }

    /// The reason: text, whose parts may not go through a collection.
    fn because(&mut self, because: &'a Expr) -> typed::Expr {
        let before = self.bodies.last().map_or(0, Vec::len);
        let value = self.expr(because);
        if self.bodies.last().map_or(0, Vec::len) > before {
            self.report(
                Diagnostic::error("bad-reason", because.span, "a reason can't go through a collection")
                    .with_help("bind the element in the body with `some … in`, and use its name here"),
            );
        }
        if !self.is_string(&value) {
            self.report(
                Diagnostic::error("bad-reason", because.span, format!("a reason is text, not `{}`", value.ty))
                    .with_help("put the value into a template, such as `$\"{value} is too much\"`"),
            );
        }
        value
    }

    /// The named variables that have a value at the end of the body, in the order in which they got it.
    fn witnesses(&self) -> Vec<LocalId> {
        let scope = self.scopes.last();
        let mut locals: Vec<LocalId> = scope
            .into_iter()
            .flat_map(|scope| scope.variables.values())
            .filter_map(|variable| variable.local)
            .collect();
        locals.sort_unstable();
        locals
    }

    /// An expression as a body of its own.
    pub(super) fn expr_body(&mut self, expr: &'a Expr) -> typed::Body {
        if let ExprKind::Block(body) = &bare(expr).kind {
            return self.body(&body.conditions, &[], |_| ()).0;
        }
        self.open_scope(&[], &[expr]);
        self.bodies.push(Vec::new());
        self.require(expr);
        let test = self.expr(expr);
        self.check_condition(&test);
        let span = test.span;
        self.emit(typed::ConditionKind::Test(test), span);
        let conditions = self.bodies.pop().unwrap_or_default();
        self.close_scope();
        typed::Body { conditions }
    }

    fn clauses(&mut self, rule: &'a DecisionRule) -> Clauses<'a> {
        let mut clauses = Clauses::default();
        for clause in &rule.clauses {
            let (name, span, fits) = match clause {
                DecisionClause::Because(expr) => ("because", expr.span, true),
                DecisionClause::By(expr) => ("by", expr.span, rule.effect == EffectKeyword::Approve),
                DecisionClause::Quorum(expr) => ("quorum", expr.span, rule.effect == EffectKeyword::Approve),
                DecisionClause::Within(expr) => ("within", expr.span, rule.effect == EffectKeyword::Approve),
                DecisionClause::Selector(selector) => ("a selector", selector.span, rule.effect == EffectKeyword::Mask),
                DecisionClause::Using(expr) => ("using", expr.span, rule.effect == EffectKeyword::Mask),
                DecisionClause::Unless(expr) => ("unless", expr.span, rule.effect != EffectKeyword::Allow),
            };
            if !fits {
                let help = match name {
                    "by" | "quorum" | "within" => "it belongs to `approve`",
                    "unless" => "an allow says what must hold: write `if not …`",
                    _ => "it belongs to `mask`",
                };
                let quoted = if name == "a selector" { name.to_owned() } else { format!("`{name}`") };
                let message = format!("{quoted} does not belong to `{}`", word(rule.effect));
                self.report(Diagnostic::error("misplaced-clause", span, message).with_help(help));
                continue;
            }
            let twice = match clause {
                DecisionClause::Because(expr) => clauses.because.replace(expr).is_some(),
                DecisionClause::By(expr) => clauses.by.replace(expr).is_some(),
                DecisionClause::Quorum(expr) => clauses.quorum.replace(expr).is_some(),
                DecisionClause::Within(expr) => clauses.within.replace(expr).is_some(),
                DecisionClause::Selector(selector) => clauses.selector.replace(selector).is_some(),
                DecisionClause::Using(expr) => clauses.using.replace(expr).is_some(),
                DecisionClause::Unless(expr) => clauses.unless.replace(expr).is_some(),
            };
            if twice {
                self.report(
                    Diagnostic::error("duplicate-clause", span, format!("`{name}` stands twice"))
                        .with_help("keep one; several approvers are written `by [group(\"a\"), user(\"b\")]`"),
                );
            }
        }
        clauses
    }

    pub(super) fn missing_clause(&mut self, rule: &DecisionRule, what: &str, help: &str) {
        let message = format!("this `{}` does not say {what}", word(rule.effect));
        self.report(Diagnostic::error("missing-clause", rule.id_span, message).with_help(help));
    }

    /// Refuses obligations that the target cannot carry out.
    fn check_target(&mut self, rule: &DecisionRule, approves: bool, mask: Option<&Mask>) {
        let package = &self.index.packages[self.index.package_of[self.module]];
        let Some(target) = package.kind.as_ref().and_then(|kind| self.index.environment.targets.get(kind)) else {
            return;
        };
        let Target { name, selectors, approvals, .. } = target;
        if approves && !approvals {
            self.report(
                Diagnostic::error(
                    "unsupported-obligation",
                    rule.id_span,
                    format!("requests of kind `{name}` can't wait for approval"),
                )
                .with_help("deny them, or decide them where they can be held"),
            );
        }
        let Some(mask) = mask.filter(|mask| !selectors.contains(&mask.selector.kind)) else { return };
        let word = |kind: &SelectorKind| match kind {
            SelectorKind::Text => "text",
            SelectorKind::Field => "field",
            SelectorKind::Column => "column",
        };
        let known: Vec<&str> = selectors.iter().map(word).collect();
        let message = format!("requests of kind `{name}` can't be masked by `{}`", word(&mask.selector.kind));
        let help = if known.is_empty() {
            "they can't be masked at all".to_owned()
        } else {
            format!("they can be masked by: {}", known.join(", "))
        };
        self.report(Diagnostic::error("unsupported-obligation", rule.id_span, message).with_help(help));
    }
}

pub(super) fn literal_integer(expr: &Expr) -> Option<i64> {
    match &bare(expr).kind {
        ExprKind::Literal { value: Value::Number(number), .. } => number.as_i64(),
        _ => None,
    }
}

pub(super) fn literal_texts(arguments: &[Expr]) -> Option<Vec<Arc<str>>> {
    arguments
        .iter()
        .map(|argument| match &bare(argument).kind {
            ExprKind::Literal { value: Value::String(text), .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}
