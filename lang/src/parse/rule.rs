//! Rules, functions and defaults.

use crate::ast::{
    Body, DefaultRule, ElseClause, Expr, ExprKind, ItemKind, Name, Reference, Rule as RuleItem, RuleHead, Step,
};
use crate::diagnostic::Fix;
use crate::source::{Profile, Span};

use super::build::Builder;
use super::expr::as_reference;
use super::grammar::{Pair, Rule};

/// Names that a rule in `.hpol` can't have, because they are effects.
const EFFECTS: [&str; 4] = ["allow", "deny", "approve", "mask"];

impl Builder<'_> {
    pub(super) fn rule(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let head = match inner.next() {
            Some(head) => self.head(head),
            None => self.empty_head(span),
        };
        let mut rule = RuleItem { head, body: None, else_clauses: Vec::new(), span };
        let mut complete = rule.head.value.is_some() || rule.head.contains.is_some() || rule.head.parameters.is_some();
        // In Rego `a.b` alone is a rule that is true.
        complete |= self.profile == Profile::Rego && !rule.head.reference.steps.is_empty();
        for part in inner {
            complete = true;
            match part.as_rule() {
                Rule::body | Rule::condition => rule.body = Some(self.if_body(part, 0)),
                Rule::old_body => rule.body = self.old_rule_body(part, &rule.head),
                _ => {
                    let clause = self.else_clause(part);
                    rule.else_clauses.push(clause);
                }
            }
        }
        if !complete && matches!(rule.head.reference.head.kind, ExprKind::Variable(_)) {
            self.incomplete(rule.head.span);
        }
        self.check_effect_name(&rule);
        self.check_root_name(&rule);
        ItemKind::Rule(rule)
    }

    /// A name without anything behind it.
    fn incomplete(&mut self, span: Span) {
        let message = format!("`{}` alone is not a declaration", self.text_at(span));
        let help = if self.follows_semicolon(span) {
            "several conditions stand in braces, as in `if { a; b }`"
        } else {
            "give it a value with `:=`, or conditions with `if`"
        };
        self.error("incomplete-rule", span, message).help = Some(help.into());
    }

    /// Whether a `;` on the same line stands in front of a place.
    fn follows_semicolon(&self, span: Span) -> bool {
        self.text_before(span).trim_end_matches([' ', '\t']).ends_with(';')
    }

    /// `input` and `data` are documents, so no rule can be called so.
    fn check_root_name(&mut self, rule: &RuleItem) {
        let reference = &rule.head.reference;
        let ExprKind::Variable(name) = &reference.head.kind else { return };
        let complete = rule.head.value.is_some() || rule.body.is_some();
        if !["input", "data"].contains(&&**name)
            || !complete
            || (self.profile == Profile::Rego && !reference.steps.is_empty())
        {
            return;
        }
        let message = format!("`{name}` is a document, so no rule can have this name");
        let help = match (&**name, &rule.head.value) {
            _ if self.follows_semicolon(rule.span) => "several conditions stand in braces, as in `if { a; b }`",
            ("input", Some(_)) => "the type of requests is declared with a colon, as in `input: llm.Request`",
            _ => "conditions belong behind the `if` of a rule; several of them stand in braces",
        };
        self.error("reserved-word", reference.span, message).help = Some(help.into());
    }

    fn empty_head(&self, span: Span) -> RuleHead {
        let head = Self::placeholder(span);
        let reference = Reference { head, steps: Vec::new(), span };
        RuleHead {
            reference,
            parameters: None,
            parameter_types: Vec::new(),
            contains: None,
            value: None,
            result: None,
            span,
        }
    }

    fn head(&mut self, pair: Pair<'_>) -> RuleHead {
        let span = self.span(&pair);
        let mut head = self.empty_head(span);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::reference => {
                    self.parameter_types = Some(Vec::new());
                    (head.reference, head.parameters) = self.head_reference(part);
                    let types = self.parameter_types.take().unwrap_or_default();
                    if types.iter().any(Option::is_some) {
                        head.parameter_types = types;
                    }
                }
                Rule::head_element => head.contains = Some(Box::new(self.only_expression(part, 0))),
                Rule::head_value => {
                    self.check_same_declaration(&part, ":=");
                    head.value = Some(Box::new(self.only_expression(part, 0)));
                }
                Rule::head_result => {
                    let place = self.span(&part);
                    self.hpol_only(place, "a result type");
                    let result = part.into_inner().next().map(|result| self.type_expression(result, 0));
                    head.result = result;
                }
                _ => {}
            }
        }
        if let (Some(element), Some(value)) = (&head.contains, &head.value) {
            let (element, value) = (element.span, value.span);
            let finding =
                self.error("contains-with-value", value, "a rule with `contains` has no value besides its element");
            finding.related = vec![(element, "this is what goes into the set".into())];
            finding.help = Some("leave out the one or the other".into());
        }
        head
    }

    /// What a rule defines, and its parameters if it is a function.
    fn head_reference(&mut self, pair: Pair<'_>) -> (Reference, Option<Vec<Expr>>) {
        let span = self.span(&pair);
        let expr = self.reference(pair, 0);
        match expr.kind {
            ExprKind::Variable(_) => (as_reference(expr), None),
            ExprKind::Reference(reference) if matches!(reference.head.kind, ExprKind::Variable(_)) => {
                (*reference, None)
            }
            ExprKind::Call { function, arguments } => {
                let mut parts = function.parts.into_iter();
                let first = parts.next().unwrap_or(Name { text: "_".into(), span });
                let head = Expr { kind: ExprKind::Variable(first.text), span: first.span };
                let steps = parts.map(Step::Field).collect();
                (Reference { head, steps, span: function.span }, Some(arguments))
            }
            _ => {
                let place = Span { end: span.end.min(span.start + 1), ..span };
                self.error("not-a-declaration", place, "a declaration begins with a name").help =
                    Some("conditions follow the `if` of a rule, as in `name if { … }`".into());
                (Reference { head: Self::placeholder(span), steps: Vec::new(), span }, None)
            }
        }
    }

    fn else_clause(&mut self, pair: Pair<'_>) -> ElseClause {
        let span = self.span(&pair);
        let mut clause = ElseClause { value: None, body: None, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::head_value => clause.value = Some(self.only_expression(part, 0)),
                Rule::old_body => clause.body = self.old_body(part),
                Rule::body | Rule::condition => clause.body = Some(self.if_body(part, 0)),
                _ => {}
            }
        }
        clause
    }

    /// `{…}` without `if`.
    pub(super) fn old_body(&mut self, pair: Pair<'_>) -> Option<Body> {
        let body = pair.into_inner().next().map(|body| self.body(body, 0))?;
        let brace = Span { end: body.span.start + 1, ..body.span };
        let finding = self.error("missing-if", brace, "`if` is missing in front of the conditions");
        finding.help = Some("write `if` before the brace".into());
        finding.fix = Some(Fix { span: brace, replacement: "if {".into() });
        Some(body)
    }

    /// The same for a rule, where `p[x] {…}` used to define a set.
    fn old_rule_body(&mut self, pair: Pair<'_>, head: &RuleHead) -> Option<Body> {
        let set = head.value.is_none()
            && head.parameters.is_none()
            && head.contains.is_none()
            && head.reference.steps.len() == 1;
        let name = self.text_at(head.span);
        if self.profile == Profile::Hpol && ["test", "property"].contains(&name) {
            self.error("missing-name", head.span, format!("this `{name}` has no name")).help =
                Some(format!("write `{name} \"what it shows\" …`"));
            return None;
        }
        let Some(Step::Index(element)) = head.reference.steps.first().filter(|_| set) else {
            return self.old_body(pair);
        };
        let body = pair.into_inner().next().map(|body| self.body(body, 0))?;
        let written = Span { end: body.span.start + 1, ..head.span };
        let replacement =
            format!("{} contains {} if {{", self.text_at(head.reference.head.span), self.text_at(element.span));
        let finding = self.error("old-set-rule", head.span, "this is how sets were written before Rego v1");
        finding.help = Some("write `contains` and `if`".into());
        finding.fix = Some(Fix { span: written, replacement: replacement.into() });
        Some(body)
    }

    pub(super) fn default_rule(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        let mut reference = Reference { head: Self::placeholder(span), steps: Vec::new(), span };
        let mut parameters = None;
        let mut value = Self::placeholder(span);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::reference => (reference, parameters) = self.head_reference(part),
                Rule::expression => value = self.expression(part, 0),
                _ => {}
            }
        }
        if self.profile == Profile::Hpol
            && let Some(name) = effect_name(&reference)
        {
            let message = format!("`{name}` is an effect, so it can't have a default");
            self.error("effect-as-rule", reference.span, message).help =
                Some("leave the line out: what no rule allows is denied".into());
        }
        ItemKind::Default(DefaultRule { reference, parameters, value })
    }

    /// In `.hpol`, `allow if …` is a decision rule that lacks its id, and `deny := …` a rule whose name is taken.
    fn check_effect_name(&mut self, rule: &RuleItem) {
        if self.profile == Profile::Rego {
            return;
        }
        let Some(name) = effect_name(&rule.head.reference) else { return };
        let head = &rule.head;
        let place = head.reference.head.span;
        if head.value.is_none()
            && head.contains.is_none()
            && head.parameters.is_none()
            && head.reference.steps.is_empty()
        {
            let message = format!("this `{name}` rule has no id");
            let finding = self.error("missing-id", place, message);
            finding.help = Some("put an id in quotes behind it, which decisions and logs will show".into());
            finding.fix = Some(Fix { span: place, replacement: format!("{name} \"say what it is for\"").into() });
            return;
        }
        let message = format!("`{name}` is an effect, so no other rule can have this name");
        let instead = match (&head.contains, &head.parameters) {
            (Some(_), _) => format!(
                "write `{name} \"an id\" because … if {{…}}` for a reason in words, or give the set another name"
            ),
            _ => format!("write `{name} \"an id\" if {{…}}` for a decision, or give the rule another name"),
        };
        self.error("effect-as-rule", place, message).help = Some(instead);
    }
}

/// The effect that a reference is named after.
fn effect_name(reference: &Reference) -> Option<&'static str> {
    let ExprKind::Variable(name) = &reference.head.kind else { return None };
    EFFECTS.into_iter().find(|effect| *effect == &**name)
}
