//! What is known of earlier requests: counters, `session`, and `emit label`.

use std::sync::Arc;

use super::Checker;
use super::body::bare;
use super::call::full_name;
use super::narrow::constant;
use crate::ast::{Counter, Expr, ExprKind, ItemKind, Reference};
use crate::diagnostic::Diagnostic;
use crate::resolve::{constant_step, spelling};
use crate::source::Span;
use crate::typed::{self, Body, COUNTER_BUILTIN, Clause, Expr as Typed, ExprKind as Kind, Rule, RuleKind};
use crate::types::Type;
use crate::value::Value;

/// The builtin behind `session.labels`.
pub(super) const LABELS: &str = "session.labels";
/// The builtin behind `session.seen(…)`.
pub(super) const SEEN: &str = "session.seen";
/// What `session` has.
const MEMBERS: &[&str] = &["labels", "seen"];
/// What `session.seen` asks for.
const EVENTS: &[&str] = &["tool", "label", "action"];

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Longest time over which a counter counts.
const WINDOW_MAX: i64 = 366 * DAY;
/// Longest time for which hosts keep the history of a session.
const HISTORY_MAX: i64 = 30 * DAY;
/// Longest label.
const LABEL_CHARACTERS_MAX: usize = 64;

impl<'e> Checker<'_, '_> {
    /// Checks a counter and makes the rule that yields its value.
    pub(super) fn counter(&mut self, rule: usize, module: usize, counter: &'e Counter) -> Rule {
        self.start(module);
        let info = &self.index.rules[rule];
        let package = &self.index.packages[info.package];
        if package.input.is_none() {
            self.state_without_input(counter.name.span, "counts nothing");
        }
        let name: Arc<str> = format!("{}.{}", package.path, counter.name.text).into();
        let window = self.span_of_time(&counter.window, "a counter's window", WINDOW_MAX, "bad-window");
        let heads: Vec<&'e Expr> = counter.per.iter().collect();
        let (body, keys) = self.body(&[], &heads, |checker| {
            let keys: Vec<Typed> = heads.iter().map(|key| checker.counter_key(key)).collect();
            checker.array(keys, counter.name.span)
        });
        self.check_no_iteration(&body, "a key");
        let (amount_body, amount) = self.body(&[], &[&counter.amount], |checker| checker.counter_amount(counter));
        self.check_no_iteration(&amount_body, "an amount");
        let ty = if amount.ty.widened() == Type::Decimal { Type::Decimal } else { Type::Int };
        let span = counter.name.span;
        let may_be_absent = self.may_be_absent(&keys);
        let entry = self.array(vec![keys.clone(), amount], span);
        let read = {
            let name = self.make(Kind::Constant(Value::String(name.clone())), Type::String, span);
            let window = self.make(Kind::Constant(Value::from(window)), Type::Duration, span);
            self.make(Kind::Builtin(COUNTER_BUILTIN.into(), vec![name, window, keys]), ty.clone(), span)
        };
        let locals = self.locals.clone();
        let conditions = counter.body.as_ref().map_or(&[][..], |body| &body.conditions);
        let (body, ()) = self.body(conditions, &[], |_| ());
        self.counters.push(typed::Counter {
            name,
            package: u32::try_from(info.package).unwrap_or(u32::MAX),
            rule: self.rule_ids[rule],
            window_nanoseconds: window,
            locals: std::mem::take(&mut self.locals),
            body,
            entry,
            span,
        });
        if may_be_absent {
            self.rules_absent.insert(self.rule_ids[rule]);
        }
        self.rule_types[rule] = ty.clone();
        let clause = Clause {
            locals,
            parameters: Vec::new(),
            body: Body::default(),
            key: None,
            value: read,
            else_clause: None,
            span,
        };
        Rule {
            path: info.path(),
            parts: info.parts.clone(),
            profile: info.profile,
            kind: RuleKind::Complete,
            parameters: 0,
            clauses: vec![clause],
            default: None,
            default_locals: Vec::new(),
            ty,
            span,
        }
    }

    fn counter_key(&mut self, key: &'e Expr) -> Typed {
        let typed = self.expr(key);
        let composite = |ty: &Type| {
            matches!(ty.widened(), Type::Array(_) | Type::Set(_) | Type::Tuple(_) | Type::Map(..) | Type::Record(_))
        };
        if typed.ty.members().iter().any(composite) {
            let message = format!("a counter is kept apart by simple values, not by `{}`", typed.ty);
            self.report(
                Diagnostic::error("bad-counter", typed.span, message)
                    .with_help("name a text or a number in it, or several with commas between them"),
            );
        }
        typed
    }

    /// What `count()` or `sum(x)` adds.
    fn counter_amount(&mut self, counter: &'e Counter) -> Typed {
        let span = counter.amount.span;
        let one = |checker: &Self| checker.make(Kind::Constant(Value::from(1)), Type::Int, span);
        if let ExprKind::Call { function, arguments } = &bare(&counter.amount).kind {
            match (&*full_name(function), arguments.as_slice()) {
                ("count", []) => return one(self),
                ("sum", [amount]) => {
                    let typed = self.expr(amount);
                    if matches!(typed.ty.widened(), Type::Int | Type::Decimal | Type::Any | Type::Never) {
                        return typed;
                    }
                    let message = format!("`sum` adds numbers, not `{}`", typed.ty);
                    self.report(
                        Diagnostic::error("bad-counter", typed.span, message)
                            .with_help("name a number of the request, or use `count()`"),
                    );
                    return one(self);
                }
                _ => {}
            }
        }
        self.report(
            Diagnostic::error("bad-counter", span, "a counter is `count()` or `sum(amount)`")
                .with_help("`count()` adds one for each request that goes ahead, `sum(input.amount)` what it says"),
        );
        one(self)
    }

    fn check_no_iteration(&mut self, body: &Body, what: &str) {
        if let Some(condition) = body.conditions.first() {
            let message = format!("{what} of a counter can't go through a collection");
            self.report(
                Diagnostic::error("bad-counter", condition.span, message)
                    .with_help("name one value, or give a rule that chooses one"),
            );
        }
    }

    /// A constant time between one second and `most` nanoseconds.
    fn span_of_time(&mut self, expr: &Expr, what: &str, most: i64, code: &'static str) -> i64 {
        if let ExprKind::Duration { nanoseconds, .. } = &bare(expr).kind
            && (SECOND..=most).contains(nanoseconds)
        {
            return *nanoseconds;
        }
        let message = format!("{what} is a duration from 1 second to {} days", most / DAY);
        self.report(Diagnostic::error(code, expr.span, message).with_help("write it like `1h` or `30m`"));
        most
    }

    fn state_without_input(&mut self, span: Span, nothing: &str) {
        let package = &self.index.packages[self.index.package_of[self.module]];
        let message = format!("package `{}` has no `input:`, so it {nothing}", package.path);
        self.report(
            Diagnostic::error("decision-without-input", span, message)
                .with_help("say which requests it looks at, such as `input: http.Request`, below the package line"),
        );
    }

    /// Checks every `emit label`.
    pub(super) fn labels(&mut self) -> Vec<typed::LabelRule> {
        let index = self.index;
        let mut labels = Vec::new();
        for (module, tree) in index.modules.iter().enumerate() {
            for item in &tree.items {
                let ItemKind::EmitLabel(emit) = &item.kind else { continue };
                self.start(module);
                let package = index.package_of[module];
                if index.packages[package].input.is_none() {
                    self.state_without_input(emit.label.span, "labels nothing");
                }
                let label = self.label(&emit.label);
                let conditions = emit.body.as_ref().map_or(&[][..], |body| &body.conditions);
                let (body, ()) = self.body(conditions, &[], |_| ());
                labels.push(typed::LabelRule {
                    label,
                    package: u32::try_from(package).unwrap_or(u32::MAX),
                    locals: std::mem::take(&mut self.locals),
                    body,
                    span: emit.label.span,
                });
            }
        }
        labels.sort_by(|a, b| (a.package, &a.label, a.span).cmp(&(b.package, &b.label, b.span)));
        labels
    }

    fn label(&mut self, expr: &Expr) -> Arc<str> {
        if let ExprKind::Literal { value: Value::String(text), .. } = &bare(expr).kind
            && is_label(text)
        {
            return text.clone();
        }
        let message =
            format!("a label is a text of 1 to {LABEL_CHARACTERS_MAX} characters that stands in the policy as it is");
        self.report(
            Diagnostic::error("bad-label", expr.span, message).with_help("write it like `emit label \"untrusted\"`"),
        );
        "".into()
    }

    /// `session.labels` and what follows.
    pub(super) fn session(&mut self, reference: &'e Reference) -> Typed {
        let Some((first, rest)) = reference.steps.split_first() else {
            return self.whole_session(reference.span);
        };
        match constant_step(first).as_deref() {
            Some("labels") => {
                let span = Span { end: reference.span.end, ..reference.head.span };
                let labels = self.make(Kind::Builtin(LABELS.into(), Vec::new()), Type::set(Type::String), span);
                self.steps(labels, rest, reference)
            }
            Some("seen") => {
                self.report(
                    Diagnostic::error("function-as-value", reference.span, "`session.seen` is asked with an event")
                        .with_help(SEEN_HELP),
                );
                self.broken(reference.span)
            }
            name => {
                let name = name.unwrap_or_default().to_owned();
                let message = format!("`session` has no field `{name}`");
                let diagnostic = Diagnostic::error("unknown-field", reference.span, message);
                let diagnostic = match spelling::nearest(&name, MEMBERS.iter().copied()) {
                    Some(near) => diagnostic.with_help(format!("did you mean `session.{near}`?")),
                    None => diagnostic.with_help("it has `session.labels` and `session.seen(…)`"),
                };
                self.report(diagnostic);
                self.broken(reference.span)
            }
        }
    }

    /// `session` by itself.
    pub(super) fn whole_session(&mut self, span: Span) -> Typed {
        self.report(
            Diagnostic::error("bad-event", span, "`session` is no value by itself")
                .with_help("ask for `session.labels`, or whether something was `session.seen(…)`"),
        );
        self.broken(span)
    }

    /// `session.seen(tool("x"), within: 1h)`.
    pub(super) fn session_seen(&mut self, arguments: &'e [Expr], span: Span) -> Typed {
        let [event, Expr { kind: ExprKind::Named(name, within), .. }] = arguments else {
            return self.bad_event(span, "`session.seen` takes an event and the time to look back");
        };
        if &*name.text != "within" {
            return self.bad_event(name.span, "the time to look back is named `within`");
        }
        let within = self.span_of_time(within, "`within`", HISTORY_MAX, "bad-window");
        let ExprKind::Call { function, arguments } = &bare(event).kind else {
            return self.bad_event(event.span, "an event is a tool, a label or an action with its name");
        };
        let kind = full_name(function);
        if !EVENTS.contains(&&*kind) {
            let diagnostic =
                Diagnostic::error("bad-event", function.span, format!("there is no kind of event `{kind}`"));
            self.report(match spelling::nearest(&kind, EVENTS.iter().copied()) {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(function.span, near),
                None => diagnostic.with_help("there are `tool`, `label` and `action`"),
            });
            return self.broken(span);
        }
        let [argument] = arguments.as_slice() else {
            return self.bad_event(event.span, &format!("`{kind}` takes one name"));
        };
        let argument = self.expr(argument);
        if !self.is_string(&argument) {
            return self.bad_event(argument.span, &format!("the name of an event is text, not `{}`", argument.ty));
        }
        if &*kind == "label"
            && let Some(Value::String(text)) = constant(&argument)
            && !is_label(text)
        {
            return self.bad_event(argument.span, "no label looks like this");
        }
        let kind = self.make(Kind::Constant(Value::String(kind)), Type::String, event.span);
        let within = self.make(Kind::Constant(Value::from(within)), Type::Duration, span);
        self.make(Kind::Builtin(SEEN.into(), vec![kind, argument, within]), Type::Bool, span)
    }

    fn bad_event(&mut self, span: Span, message: &str) -> Typed {
        self.report(Diagnostic::error("bad-event", span, message.to_owned()).with_help(SEEN_HELP));
        self.broken(span)
    }
}

const SEEN_HELP: &str = "write it like `session.seen(tool(\"get_inbox\"), within: 1h)`";

fn is_label(text: &str) -> bool {
    let characters = text.chars().count();
    (1..=LABEL_CHARACTERS_MAX).contains(&characters) && !text.chars().any(char::is_control) && text.trim() == text
}
