//! Decision rules: `allow`, `deny`, `approve` and `mask` with their clauses.

use std::sync::Arc;

use super::Checker;
use super::body::bare;
use super::call::full_name;
use crate::ast::{DecisionClause, DecisionRule, EffectKeyword, Expr, ExprKind, Item, SelectorExpr};
use crate::diagnostic::Diagnostic;
use crate::resolve::spelling;
use crate::source::Span;
use crate::typed;
use crate::typed::{Approval, Approver, Detector, Direction, LocalId, Mask, Operator, OperatorKind, Selector};
use crate::types::{SelectorKind, Target, Type, text_fits};
use crate::value::Value;

/// Time for approvers unless the rule says another.
const WITHIN_DEFAULT: i64 = 300_000_000_000;
/// Longest time for approvers: 30 days.
const WITHIN_MAX: i64 = 30 * 86_400_000_000_000;
/// Most people who can be asked to agree.
const QUORUM_MAX: i64 = 100;
/// Most characters that `last` may leave.
const LAST_MAX: i64 = 64;

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
struct Clauses<'a> {
    because: Option<&'a Expr>,
    by: Option<&'a Expr>,
    quorum: Option<&'a Expr>,
    within: Option<&'a Expr>,
    selector: Option<&'a SelectorExpr>,
    using: Option<&'a Expr>,
    unless: Option<&'a Expr>,
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

    fn annotations(&mut self, item: &'a Item) -> Vec<(Arc<str>, Value)> {
        let mut annotations: Vec<(Arc<str>, Value)> = Vec::new();
        for annotation in &item.annotations {
            if annotations.iter().any(|(name, _)| *name == annotation.name.text) {
                let message = format!("`@{}` stands twice", annotation.name.text);
                self.report(Diagnostic::error("duplicate-annotation", annotation.span, message).with_help("keep one"));
                continue;
            }
            let value = match &annotation.value {
                None => Value::Bool(true),
                Some(Expr { kind: ExprKind::Literal { value, .. }, .. }) => value.clone(),
                Some(other) => {
                    self.report(
                        Diagnostic::error("bad-annotation", other.span, "an annotation holds a literal")
                            .with_help("write it as text, such as `@owner(\"security\")`"),
                    );
                    continue;
                }
            };
            annotations.push((annotation.name.text.clone(), value));
        }
        annotations
    }

    fn missing_clause(&mut self, rule: &DecisionRule, what: &str, help: &str) {
        let message = format!("this `{}` does not say {what}", word(rule.effect));
        self.report(Diagnostic::error("missing-clause", rule.id_span, message).with_help(help));
    }

    fn approval(&mut self, rule: &DecisionRule, clauses: &Clauses<'_>) -> Option<Approval> {
        let Some(by) = clauses.by else {
            self.missing_clause(rule, "who may approve", "add `by group(\"name\")` behind the id");
            return None;
        };
        let approvers = self.approvers(by)?;
        let quorum = match clauses.quorum {
            None => 1,
            Some(expr) => match literal_integer(expr) {
                Some(quorum @ 1..=QUORUM_MAX) => quorum,
                _ => {
                    let message = format!("`quorum` is a whole number from 1 to {QUORUM_MAX}");
                    self.report(
                        Diagnostic::error("bad-quorum", expr.span, message).with_help("say how many people must agree"),
                    );
                    1
                }
            },
        };
        let users = approvers.iter().filter(|approver| matches!(approver, Approver::User(_))).count();
        if users == approvers.len() && i64::try_from(users).is_ok_and(|users| users < quorum) {
            let message = format!("{quorum} people must agree, but only {users} may");
            self.report(
                Diagnostic::error("quorum-unreachable", clauses.quorum.unwrap_or(by).span, message)
                    .with_help("name more people or a group, or lower the quorum"),
            );
        }
        let within = match clauses.within.map(|expr| (expr, &bare(expr).kind)) {
            None => WITHIN_DEFAULT,
            Some((_, ExprKind::Duration { nanoseconds, .. })) if (1..=WITHIN_MAX).contains(nanoseconds) => *nanoseconds,
            Some((expr, _)) => {
                self.report(
                    Diagnostic::error("bad-within", expr.span, "`within` is a duration of at most 30 days")
                        .with_help("write it like `within 15m`"),
                );
                WITHIN_DEFAULT
            }
        };
        let quorum = u32::try_from(quorum).unwrap_or(1);
        Some(Approval { approvers, quorum, within_nanoseconds: within })
    }

    fn approvers(&mut self, by: &Expr) -> Option<Vec<Approver>> {
        let items: Vec<&Expr> = match &bare(by).kind {
            ExprKind::Array(items) | ExprKind::Set(items) => items.iter().collect(),
            _ => vec![by],
        };
        let mut approvers = Vec::new();
        for item in &items {
            let approver = match &bare(item).kind {
                ExprKind::Call { function, arguments } => {
                    match (&*full_name(function), literal_texts(arguments).as_deref()) {
                        ("group", Some([name])) if !name.is_empty() => Some(Approver::Group(name.clone())),
                        ("user", Some([name])) if !name.is_empty() => Some(Approver::User(name.clone())),
                        _ => None,
                    }
                }
                _ => None,
            };
            match approver {
                Some(approver) if approvers.contains(&approver) => self.report(
                    Diagnostic::error("bad-approver", item.span, "this approver stands twice")
                        .with_help("remove one of them"),
                ),
                Some(approver) => approvers.push(approver),
                None => {
                    self.report(
                        Diagnostic::error(
                            "bad-approver",
                            item.span,
                            "an approver is a group or a user with a fixed name",
                        )
                        .with_help("write `group(\"name\")`, `user(\"name\")`, or a list of these"),
                    );
                    return None;
                }
            }
        }
        if approvers.is_empty() {
            self.report(
                Diagnostic::error("bad-approver", by.span, "nobody may approve").with_help("name a group or a user"),
            );
            return None;
        }
        Some(approvers)
    }

    fn mask(&mut self, rule: &DecisionRule, clauses: &Clauses<'_>) -> Option<Mask> {
        let selector = match clauses.selector {
            Some(selector) => self.selector(selector),
            None => {
                self.missing_clause(
                    rule,
                    "where to look",
                    "add a selector such as `any text` or `response field(\"user.email\")` behind the id",
                );
                None
            }
        };
        let operator = match clauses.using {
            Some(using) => self.operator(using),
            None => {
                self.missing_clause(
                    rule,
                    "what to do",
                    "add `using redact`, `using hash`, `using last(4)` or another operator",
                );
                None
            }
        };
        Some(Mask { selector: selector?, operator: operator? })
    }

    fn selector(&mut self, selector: &SelectorExpr) -> Option<Selector> {
        let direction = match selector.direction.as_ref().map(|name| (&*name.text, name.span)) {
            None => None,
            Some(("any", _)) => Some(Direction::Any),
            Some(("request", _)) => Some(Direction::Request),
            Some(("response", _)) => Some(Direction::Response),
            Some((other, span)) => {
                let near = spelling::nearest(other, ["any", "request", "response"]);
                let diagnostic =
                    Diagnostic::error("unknown-selector", span, format!("there is no direction `{other}`"));
                self.report(match near {
                    Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(span, near),
                    None => diagnostic.with_help("it is `any`, `request` or `response`"),
                });
                return None;
            }
        };
        let name = &selector.function;
        let kind = match &*name.text {
            "text" => SelectorKind::Text,
            "field" => SelectorKind::Field,
            "column" => SelectorKind::Column,
            other => {
                let near = spelling::nearest(other, ["text", "field", "column"]);
                let diagnostic =
                    Diagnostic::error("unknown-selector", name.span, format!("there is no selector `{other}`"));
                self.report(match near {
                    Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(name.span, near),
                    None => diagnostic.with_help(
                        "the selectors are `any text`, `response field(\"path\")` and `column(\"table\", \"column\")`",
                    ),
                });
                return None;
            }
        };
        let arguments = selector.arguments.as_deref().unwrap_or_default();
        let texts = literal_texts(arguments).filter(|texts| texts.iter().all(|text| !text.is_empty()));
        let wanted = match kind {
            SelectorKind::Text => 0,
            SelectorKind::Field => 1,
            SelectorKind::Column => 2,
        };
        let needs_direction = kind != SelectorKind::Column;
        let texts = texts.filter(|texts| texts.len() == wanted && needs_direction == direction.is_some());
        let path_ok =
            |texts: &Vec<Arc<str>>| kind != SelectorKind::Field || texts.iter().all(|path| is_field_path(path));
        match texts {
            Some(texts) if path_ok(&texts) => {
                Some(Selector { kind, direction: direction.unwrap_or(Direction::Response), arguments: texts })
            }
            Some(_) => {
                self.report(
                    Diagnostic::error("bad-selector", selector.span, "this is not a path of fields")
                        .with_help("write names with dots between them and `[*]` for every element, such as `\"customers[*].card.number\"`"),
                );
                None
            }
            None => {
                let form = match kind {
                    SelectorKind::Text => "`any text`, `request text` or `response text`",
                    SelectorKind::Field => "`response field(\"path.to.field\")`",
                    SelectorKind::Column => "`column(\"table\", \"column\")`",
                };
                let message = format!("the selector `{}` is incomplete", name.text);
                self.report(
                    Diagnostic::error("bad-selector", selector.span, message)
                        .with_help(format!("write {form}, with fixed texts")),
                );
                None
            }
        }
    }

    fn operator(&mut self, using: &Expr) -> Option<Operator> {
        let (name, arguments, span) = match &bare(using).kind {
            ExprKind::Variable(name) => (name.clone(), &[][..], using.span),
            ExprKind::Call { function, arguments } => (full_name(function), arguments.as_slice(), function.span),
            _ => {
                self.unknown_operator(self.index.sources.text(using.span).into(), using.span);
                return None;
            }
        };
        let (kind, detectors) = match (&*name, arguments) {
            ("drop", []) => (OperatorKind::Drop, arguments),
            ("hash", detectors) => (OperatorKind::Hash, detectors),
            ("redact", detectors) => (OperatorKind::Redact, detectors),
            ("drop", detectors) => (OperatorKind::Drop, detectors),
            ("constant", [text, detectors @ ..]) => match &bare(text).kind {
                ExprKind::Literal { value: Value::String(text), .. } => {
                    (OperatorKind::Constant(text.clone()), detectors)
                }
                _ => {
                    return self.bad_operator(
                        using.span,
                        "`constant` takes a fixed text",
                        "write `constant(\"hidden\")`",
                    );
                }
            },
            ("last", [count, detectors @ ..]) => match literal_integer(count) {
                Some(count @ 1..=LAST_MAX) => (OperatorKind::Last(u32::try_from(count).unwrap_or(1)), detectors),
                _ => {
                    let message = format!("`last` takes how many characters stay, from 1 to {LAST_MAX}");
                    return self.bad_operator(count.span, &message, "write `last(4)`");
                }
            },
            ("constant", []) => {
                return self.bad_operator(using.span, "`constant` takes a fixed text", "write `constant(\"hidden\")`");
            }
            ("last", []) => {
                return self.bad_operator(using.span, "`last` takes how many characters stay", "write `last(4)`");
            }
            _ => {
                self.unknown_operator(name, span);
                return None;
            }
        };
        let detectors: Option<Vec<Detector>> = detectors.iter().map(|detector| self.detector(detector)).collect();
        Some(Operator { kind, detectors: detectors? })
    }

    fn bad_operator(&mut self, span: Span, message: &str, help: &str) -> Option<Operator> {
        self.report(Diagnostic::error("bad-operator", span, message).with_help(help));
        None
    }

    fn unknown_operator(&mut self, name: Arc<str>, span: Span) {
        let near = spelling::nearest(&name, ["redact", "hash", "last", "constant", "drop"]);
        let diagnostic = Diagnostic::error("unknown-operator", span, format!("there is no operator `{name}`"));
        self.report(match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(span, near),
            None => diagnostic.with_help("the operators are `redact`, `hash`, `last(4)`, `constant(\"x\")` and `drop`"),
        });
    }

    fn detector(&mut self, expr: &Expr) -> Option<Detector> {
        if let ExprKind::Call { function, arguments } = &bare(expr).kind
            && &*full_name(function) == "detect.pattern"
        {
            let pattern = match literal_texts(arguments).as_deref() {
                Some([pattern]) => pattern.clone(),
                _ => {
                    self.report(
                        Diagnostic::error("bad-detector", expr.span, "`detect.pattern` takes one fixed pattern")
                            .with_help("write `detect.pattern(\"EMP-[0-9]{6}\")`"),
                    );
                    return None;
                }
            };
            let span = arguments.first().map_or(expr.span, |argument| argument.span);
            if let Err(reason) = text_fits(&pattern, &Type::Regex) {
                let message = format!("`{pattern}` is not a pattern: {reason}");
                self.report(
                    Diagnostic::error("bad-literal", span, message)
                        .with_help("correct the text; a raw string in backticks needs no escapes"),
                );
                return None;
            }
            if regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match("")) {
                self.report(
                    Diagnostic::error(
                        "bad-detector",
                        span,
                        "this pattern also matches empty text, so it would mask nothing everywhere",
                    )
                    .with_help("use `+` instead of `*`"),
                );
                return None;
            }
            return Some(Detector::Pattern(pattern));
        }
        let text = self.index.sources.text(expr.span).to_owned();
        let name = text.strip_prefix("detect.").unwrap_or(&text);
        let known = &self.index.environment.detectors;
        if text.starts_with("detect.") && known.iter().any(|detector| &**detector == name) {
            return Some(Detector::Named(name.into()));
        }
        let near = spelling::nearest(name, known.iter().map(|name| &**name)).map(str::to_owned);
        let exact = known.iter().any(|detector| &**detector == name).then(|| name.to_owned());
        let diagnostic = Diagnostic::error("unknown-detector", expr.span, format!("there is no detector `{text}`"));
        self.report(match exact.or(near) {
            Some(near) => diagnostic
                .with_help(format!("did you mean `detect.{near}`?"))
                .with_fix(expr.span, format!("detect.{near}")),
            None => diagnostic.with_help("`hpol builtins` lists the detectors; your own is `detect.pattern(\"…\")`"),
        });
        None
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

/// Names with dots between them, each with `[*]` or `[n]` behind it.
fn is_field_path(path: &str) -> bool {
    path.len() <= 1_000
        && path.split('.').all(|part| {
            let name = part.find('[').map_or(part, |at| part.split_at(at).0);
            let mut rest = part.get(name.len()..).unwrap_or("");
            while let Some(inner) = rest.strip_prefix('[') {
                let Some((index, after)) = inner.split_once(']') else { return false };
                if index != "*" && (index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit())) {
                    return false;
                }
                rest = after;
            }
            rest.is_empty() && !name.is_empty() && !name.contains([']', ' ', '"', '*'])
        })
}

fn literal_integer(expr: &Expr) -> Option<i64> {
    match &bare(expr).kind {
        ExprKind::Literal { value: Value::Number(number), .. } => number.as_i64(),
        _ => None,
    }
}

fn literal_texts(arguments: &[Expr]) -> Option<Vec<Arc<str>>> {
    arguments
        .iter()
        .map(|argument| match &bare(argument).kind {
            ExprKind::Literal { value: Value::String(text), .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}
