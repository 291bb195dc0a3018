//! Bodies and conditions: `some`, `every`, `not`, `with`, expectations.

use crate::ast::{
    Body, Condition, ConditionKind, EffectKeyword, Expect, ExpectDecision, Expr, ExprKind, Name, Path, With,
};
use crate::source::Span;

use super::build::Builder;
use super::chain::Node;
use super::expr::{as_reference, cover};
use super::grammar::{Pair, Rule};

impl Builder<'_> {
    /// `{…}` behind `if`, `every`, `test`.
    pub(super) fn body(&mut self, pair: Pair<'_>, depth: usize) -> Body {
        let span = self.span(&pair);
        match pair.into_inner().next() {
            Some(conditions) => Body { span, ..self.conditions(conditions, true, depth) },
            None => Body { conditions: Vec::new(), braces: true, span },
        }
    }

    /// The conditions of a `conditions` match.
    pub(super) fn conditions(&mut self, pair: Pair<'_>, braces: bool, depth: usize) -> Body {
        let span = self.span(&pair);
        let conditions: Vec<Condition> = pair.into_inner().map(|inner| self.condition(inner, depth + 1)).collect();
        let span = conditions.first().map_or(span, |first| cover(first.span, conditions.iter().map(|it| it.span)));
        Body { conditions, braces, span }
    }

    /// What stands behind `if`: a body in braces, or one condition.
    pub(super) fn if_body(&mut self, pair: Pair<'_>, depth: usize) -> Body {
        if pair.as_rule() == Rule::body {
            return self.body(pair, depth);
        }
        self.check_same_declaration(&pair, "if");
        let condition = self.condition(pair, depth + 1);
        let span = condition.span;
        if let ConditionKind::Expr(Expr { kind: ExprKind::Object(entries), .. }) = &condition.kind
            && entries.is_empty()
        {
            self.error("empty-body", span, "there is no condition between the braces").help =
                Some("write `true` for a rule without conditions, or leave `if {}` out".into());
        }
        Body { conditions: vec![condition], braces: false, span }
    }

    /// A line of a body.
    pub(super) fn condition(&mut self, pair: Pair<'_>, depth: usize) -> Condition {
        let span = self.span(&pair);
        if !self.within_depth(depth, span) {
            return Condition { kind: ConditionKind::Expr(Self::placeholder(span)), with: Vec::new(), span };
        }
        let mut kind = ConditionKind::Expr(Self::placeholder(span));
        let mut with = Vec::new();
        let mut end = None;
        for part in pair.into_inner() {
            end = Some(self.span(&part));
            match part.as_rule() {
                Rule::with_clause => with.push(self.with(part, depth + 1)),
                Rule::expectation => kind = ConditionKind::Expect(self.expectation(part, depth)),
                _ => kind = self.statement(part, depth),
            }
        }
        let span = end.map_or(span, |end| Span { end: end.end, ..span });
        Condition { kind, with, span }
    }

    fn statement(&mut self, pair: Pair<'_>, depth: usize) -> ConditionKind {
        match self.chain(pair, depth) {
            Node::Expr(expr) => ConditionKind::Expr(expr),
            Node::Condition(condition) => condition.kind,
            // A block that is a line of its own holds if its conditions do; one expression alone is a set.
            Node::Block(body) if body.conditions.len() > 1 => {
                ConditionKind::Expr(Expr { span: body.span, kind: ExprKind::Block(body) })
            }
            Node::Block(body) => ConditionKind::Expr(self.block_value(body)),
        }
    }

    fn with(&mut self, pair: Pair<'_>, depth: usize) -> With {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let target = match inner.next() {
            Some(target) => self.reference(target, depth),
            None => Self::placeholder(span),
        };
        if !matches!(target.kind, ExprKind::Variable(_) | ExprKind::Reference(_)) {
            self.error("with-target", target.span, "`with` can't replace this").help =
                Some("it replaces `input`, a path below `input` or `data`, or a function by its name".into());
        }
        let value = match inner.next() {
            Some(value) => self.expression(value, depth),
            None => Self::placeholder(span),
        };
        With { target: as_reference(target), value, span }
    }

    /// `every k, v in xs {…}`.
    pub(super) fn every(&mut self, pair: Pair<'_>, depth: usize) -> Condition {
        let span = self.span(&pair);
        let mut names: Vec<Name> = Vec::new();
        let mut collection = Self::placeholder(span);
        let mut body = Body { conditions: Vec::new(), braces: true, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::identifier => names.push(self.name(&part)),
                Rule::domain => collection = self.expression(part, depth + 1),
                Rule::body => body = self.body(part, depth + 1),
                _ => {}
            }
        }
        let value = names.pop().unwrap_or(Name { text: "_".into(), span });
        let kind = ConditionKind::Every { key: names.pop(), value, collection, body };
        Condition { kind, with: Vec::new(), span }
    }

    /// `some x, y` and `some k, v in xs`.
    pub(super) fn some(&mut self, pair: Pair<'_>, depth: usize) -> Condition {
        let span = self.span(&pair);
        let mut terms: Vec<Expr> = Vec::new();
        let mut collection = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::domain => collection = Some(self.expression(part, depth + 1)),
                Rule::reference => {
                    let term = self.reference(part, depth + 1);
                    terms.push(term);
                }
                _ => {}
            }
        }
        let kind = match collection {
            None => ConditionKind::SomeDeclare(self.declared_names(terms)),
            Some(collection) => {
                if let Some(third) = terms.get(2) {
                    let place = third.span;
                    self.error("some-in", place, "`some … in` takes a key and a value at most").help =
                        Some("write `some key, value in collection`".into());
                    terms.truncate(2);
                }
                let value = terms.pop().unwrap_or_else(|| Self::placeholder(span));
                ConditionKind::SomeIn { key: terms.pop(), value, collection }
            }
        };
        Condition { kind, with: Vec::new(), span }
    }

    fn declared_names(&mut self, terms: Vec<Expr>) -> Vec<Name> {
        let mut names = Vec::new();
        for term in terms {
            if let ExprKind::Variable(text) = term.kind {
                names.push(Name { text, span: term.span });
            } else {
                self.error(
                    "some-declares-names",
                    term.span,
                    "`some` declares variables, so only names can follow it",
                )
                .help = Some("to take elements of a collection, write `some x in collection`".into());
            }
        }
        names
    }

    fn expectation(&mut self, pair: Pair<'_>, depth: usize) -> Expect {
        let span = self.span(&pair);
        if !self.in_test {
            self.error("misplaced-expect", span, "`expect` can stand in a test only").help =
                Some("put it into `test \"…\" {…}`".into());
        }
        let inner = pair.into_inner().next();
        match inner {
            Some(inner) if inner.as_rule() == Rule::expect_decision => {
                Expect::Decision(Box::new(self.expect_decision(inner, depth)))
            }
            Some(inner) => {
                let node = match inner.into_inner().next() {
                    Some(expression) => self.chain(expression, depth + 1),
                    None => Node::Expr(Self::placeholder(span)),
                };
                Expect::Holds(match node {
                    Node::Condition(condition) => self.condition_expression(condition),
                    node => self.node_expression(node),
                })
            }
            None => Expect::Holds(Self::placeholder(span)),
        }
    }

    fn expect_decision(&mut self, pair: Pair<'_>, depth: usize) -> ExpectDecision {
        let span = self.span(&pair);
        let mut expected = ExpectDecision {
            package: Path { parts: Vec::new(), span },
            negated: false,
            effect: EffectKeyword::Deny,
            effect_span: span,
            id: None,
            because: None,
            masks: None,
            span,
        };
        for part in pair.into_inner() {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::path => expected.package = self.path(part),
                Rule::expect_not => expected.negated = true,
                Rule::effect => {
                    expected.effect = effect(part.as_str());
                    expected.effect_span = place;
                }
                Rule::expect_id => {
                    let id = part.into_inner().next().map(|inner| self.reference(inner, depth + 1));
                    expected.id = id;
                }
                Rule::because => expected.because = Some(self.only_expression(part, depth + 1)),
                _ => expected.masks = Some(self.only_expression(part, depth + 1)),
            }
        }
        expected
    }
}

/// The effect that a word names.
pub(super) fn effect(word: &str) -> EffectKeyword {
    match word {
        "allow" => EffectKeyword::Allow,
        "approve" => EffectKeyword::Approve,
        "mask" => EffectKeyword::Mask,
        _ => EffectKeyword::Deny,
    }
}
