//! Where a mask applies and what it does.

use std::sync::Arc;

use super::Checker;
use super::body::bare;
use super::call::full_name;
use super::decision::{Clauses, literal_integer, literal_texts};
use crate::ast::{DecisionRule, Expr, ExprKind, SelectorExpr};
use crate::diagnostic::Diagnostic;
use crate::resolve::spelling;
use crate::source::Span;
use crate::typed::{Detector, Direction, Mask, Operator, OperatorKind, Selector};
use crate::types::{SelectorKind, Type, text_fits};
use crate::value::Value;

/// Most characters that `last` may leave.
const LAST_MAX: i64 = 64;

impl Checker<'_, '_> {
    pub(super) fn mask(&mut self, rule: &DecisionRule, clauses: &Clauses<'_>) -> Option<Mask> {
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

    pub(super) fn selector(&mut self, selector: &SelectorExpr) -> Option<Selector> {
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

    pub(super) fn operator(&mut self, using: &Expr) -> Option<Operator> {
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

    pub(super) fn bad_operator(&mut self, span: Span, message: &str, help: &str) -> Option<Operator> {
        self.report(Diagnostic::error("bad-operator", span, message).with_help(help));
        None
    }

    pub(super) fn unknown_operator(&mut self, name: Arc<str>, span: Span) {
        let near = spelling::nearest(&name, ["redact", "hash", "last", "constant", "drop"]);
        let diagnostic = Diagnostic::error("unknown-operator", span, format!("there is no operator `{name}`"));
        self.report(match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(span, near),
            None => diagnostic.with_help("the operators are `redact`, `hash`, `last(4)`, `constant(\"x\")` and `drop`"),
        });
    }

    pub(super) fn detector(&mut self, expr: &Expr) -> Option<Detector> {
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
