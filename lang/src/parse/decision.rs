//! `allow`, `deny`, `approve`, `mask` with an id, `emit label`, and counters.

use crate::ast::{Counter, DecisionClause, DecisionRule, EmitLabel, ItemKind, Name, SelectorExpr};

use super::build::Builder;
use super::condition::effect;
use super::grammar::{Pair, Rule};

impl Builder<'_> {
    pub(super) fn decision(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "a decision rule");
        let mut rule =
            DecisionRule { effect: effect(""), id: "".into(), id_span: span, clauses: Vec::new(), body: None, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::effect => rule.effect = effect(part.as_str()),
                Rule::string | Rule::raw_string => (rule.id, rule.id_span) = self.title(&part),
                Rule::body | Rule::condition => rule.body = Some(self.if_body(part, 0)),
                Rule::old_body => rule.body = self.old_body(part),
                Rule::selector => {
                    let selector = self.selector(part);
                    rule.clauses.push(DecisionClause::Selector(selector));
                }
                _ => {
                    let clause = self.clause(part);
                    rule.clauses.push(clause);
                }
            }
        }
        if rule.id.is_empty() {
            self.error("empty-id", rule.id_span, "a rule's id can't be empty").help =
                Some("say in a few words what the rule is for; decisions and logs show it".into());
        }
        ItemKind::Decision(rule)
    }

    fn clause(&mut self, pair: Pair<'_>) -> DecisionClause {
        let word = pair.as_rule();
        if word == Rule::unless {
            return DecisionClause::Unless(self.unless(pair));
        }
        let expr = self.only_expression(pair, 0);
        match word {
            Rule::because => DecisionClause::Because(expr),
            Rule::by => DecisionClause::By(expr),
            Rule::quorum => DecisionClause::Quorum(expr),
            Rule::within => DecisionClause::Within(expr),
            _ => DecisionClause::Using(expr),
        }
    }

    /// What follows `unless`. Braces are a block there, never a set: a set would always count as true.
    fn unless(&mut self, pair: Pair<'_>) -> crate::ast::Expr {
        let span = self.span(&pair);
        let Some(inner) = pair.into_inner().next() else { return Self::placeholder(span) };
        let node = self.chain(inner, 0);
        super::chain::logic_operand(node)
    }

    fn selector(&mut self, pair: Pair<'_>) -> SelectorExpr {
        let span = self.span(&pair);
        let mut words: Vec<Name> = Vec::new();
        let mut arguments = None;
        for part in pair.into_inner() {
            if part.as_rule() == Rule::identifier {
                words.push(self.name(&part));
            } else {
                arguments = Some(self.arguments(part, 0));
            }
        }
        let function = words.pop().unwrap_or(Name { text: "".into(), span });
        SelectorExpr { direction: words.pop(), function, arguments, span }
    }

    pub(super) fn emit_label(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`emit label`");
        let mut label = Self::placeholder(span);
        let mut body = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::expression => label = self.expression(part, 0),
                Rule::old_body => body = self.old_body(part),
                _ => body = Some(self.if_body(part, 0)),
            }
        }
        ItemKind::EmitLabel(EmitLabel { label, body })
    }

    pub(super) fn counter(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`counter`");
        let mut counter = Counter {
            name: Name { text: "_".into(), span },
            amount: Self::placeholder(span),
            body: None,
            per: Vec::new(),
            window: Self::placeholder(span),
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::identifier => counter.name = self.name(&part),
                Rule::counter_amount => counter.amount = self.only_expression(part, 0),
                Rule::body | Rule::condition => counter.body = Some(self.if_body(part, 0)),
                Rule::counter_per => counter.per = self.expressions(part, 0),
                Rule::counter_window => counter.window = self.only_expression(part, 0),
                _ => {}
            }
        }
        ItemKind::Counter(counter)
    }
}
