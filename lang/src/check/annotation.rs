//! `@id`, `@owner`, `@severity`: what a decision says of the rules that made it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Checker;
use crate::ast::{Annotation, Expr, ExprKind, Item, ItemKind};
use crate::diagnostic::Diagnostic;
use crate::resolve::spelling;
use crate::source::Span;
use crate::value::Value;

/// The annotations there are.
const NAMES: &[&str] = &["id", "owner", "severity"];
/// The severities, from the lowest.
const SEVERITIES: &[&str] = &["info", "low", "medium", "high", "critical"];

impl<'a> Checker<'_, 'a> {
    /// The annotations of an item: each at most once, and a text.
    pub(super) fn annotations(&mut self, item: &'a Item) -> Vec<(Arc<str>, Value)> {
        let mut annotations: Vec<(Arc<str>, Value)> = Vec::new();
        for annotation in &item.annotations {
            let name = &annotation.name.text;
            if annotations.iter().any(|(known, _)| known == name) {
                let message = format!("`@{name}` stands twice");
                self.report(Diagnostic::error("duplicate-annotation", annotation.span, message).with_help("keep one"));
                continue;
            }
            if !NAMES.contains(&&**name) {
                self.unknown_annotation(annotation);
                continue;
            }
            let text = match &annotation.value {
                Some(Expr { kind: ExprKind::Literal { value: Value::String(text), .. }, .. })
                    if !text.trim().is_empty() =>
                {
                    text.clone()
                }
                other => {
                    let span = other.as_ref().map_or(annotation.span, |value| value.span);
                    let example = if &**name == "severity" { "high" } else { "payments" };
                    self.report(
                        Diagnostic::error("bad-annotation", span, format!("`@{name}` holds a text"))
                            .with_help(format!("write it as a literal, such as `@{name}(\"{example}\")`")),
                    );
                    continue;
                }
            };
            if &**name == "severity" && !SEVERITIES.contains(&&*text) {
                self.unknown_severity(annotation, &text);
                continue;
            }
            annotations.push((name.clone(), Value::String(text)));
        }
        annotations
    }

    fn unknown_annotation(&mut self, annotation: &Annotation) {
        let name = &annotation.name.text;
        let diagnostic =
            Diagnostic::error("unknown-annotation", annotation.name.span, format!("there is no annotation `@{name}`"));
        self.report(match spelling::nearest(name, NAMES.iter().copied()) {
            Some(near) => diagnostic.with_help(format!("did you mean `@{near}`?")).with_fix(annotation.name.span, near),
            None => diagnostic.with_help("there are `@id`, `@owner` and `@severity`; anything else is a comment"),
        });
    }

    fn unknown_severity(&mut self, annotation: &Annotation, text: &str) {
        let span = annotation.value.as_ref().map_or(annotation.span, |value| value.span);
        let diagnostic = Diagnostic::error("bad-annotation", span, format!("there is no severity \"{text}\""));
        self.report(match spelling::nearest(text, SEVERITIES.iter().copied()) {
            Some(near) => {
                diagnostic.with_help(format!("did you mean \"{near}\"?")).with_fix(span, format!("\"{near}\""))
            }
            None => diagnostic.with_help(format!("it is one of {}", SEVERITIES.join(", "))),
        });
    }

    /// Refuses annotations and `private` where they have no meaning, and an `@id` that two decision rules have.
    pub(super) fn check_marks(&mut self) {
        let index = self.index;
        let mut ids: BTreeMap<Arc<str>, Span> = BTreeMap::new();
        for (number, module) in index.modules.iter().enumerate() {
            self.module = number;
            for item in &module.items {
                match &item.kind {
                    ItemKind::Decision(_) => self.check_own_id(item, &mut ids),
                    ItemKind::Rule(_) => {
                        self.annotations(item);
                    }
                    _ => {
                        for annotation in &item.annotations {
                            let diagnostic = Diagnostic::error(
                                "misplaced-annotation",
                                annotation.span,
                                format!("`@{}` does not belong here", annotation.name.text),
                            );
                            self.report(diagnostic.with_help("annotations stand in front of decision rules and rules"));
                        }
                    }
                }
                if item.private && !matches!(item.kind, ItemKind::Rule(_) | ItemKind::Default(_)) {
                    let span = Span { end: item.span.start.saturating_add(7), ..item.span };
                    let diagnostic = Diagnostic::error("misplaced-private", span, "`private` does not belong here");
                    self.report(diagnostic.with_help(
                        "it hides a rule or a function from other packages; a decision rule is asked by nobody anyway",
                    ));
                }
            }
        }
    }

    fn check_own_id(&mut self, item: &Item, ids: &mut BTreeMap<Arc<str>, Span>) {
        for annotation in item.annotations.iter().filter(|annotation| &*annotation.name.text == "id") {
            let Some(Expr { kind: ExprKind::Literal { value: Value::String(id), .. }, span }) = &annotation.value
            else {
                continue;
            };
            let first = *ids.entry(id.clone()).or_insert(*span);
            if first != *span {
                self.report(
                    Diagnostic::error("duplicate-id", *span, format!("two decision rules have `@id(\"{id}\")`"))
                        .with_related(first, "the first")
                        .with_help("an `@id` names one rule among all packages"),
                );
            }
        }
    }
}
