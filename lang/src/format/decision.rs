//! Decision rules, labels and counters.

use crate::ast::{Counter, DecisionClause, DecisionRule, EmitLabel, SelectorExpr};
use crate::source::Span;

use super::Writer;
use super::doc::Doc;

impl Writer<'_> {
    /// Clauses stand behind the id if they fit there, otherwise each on a line of its own.
    pub(super) fn decision(&mut self, rule: &DecisionRule) -> Doc {
        let head = Doc::text(format!("{} {}", rule.effect.word(), self.source(rule.id_span)));
        let body_start = rule.body.as_ref().map_or(u32::MAX, |body| body.span.start);
        let (before, after): (Vec<_>, Vec<_>) =
            rule.clauses.iter().partition(|clause| place(clause).start < body_start);
        let mut clauses = self.clauses(&before);
        let Some(body) = rule.body.as_ref().filter(|body| body.braces) else {
            let conditions = rule.body.iter().flat_map(|body| &body.conditions);
            for condition in conditions {
                let build = |writer: &mut Self| Doc::Sequence(vec!["if ".into(), writer.condition(condition)]);
                clauses.extend([Doc::Line, self.commented(condition.span, true, Doc::text(""), build)]);
            }
            clauses.extend(self.clauses(&after));
            return Doc::Sequence(vec![head, Doc::Sequence(clauses).nest()]).group();
        };
        // `if {` stands on a line of its own where the clauses do.
        let gap = if clauses.is_empty() { Doc::text(" ") } else { Doc::Line };
        let head = Doc::Sequence(vec![head, Doc::Sequence(clauses).nest(), gap, "if ".into()]).group();
        let body = self.lines_in_braces(body);
        let tail = Doc::Sequence(self.clauses(&after)).nest().group();
        Doc::Sequence(vec![head, body, tail])
    }

    fn clauses(&mut self, clauses: &[&DecisionClause]) -> Vec<Doc> {
        let mut docs = Vec::new();
        for clause in clauses {
            // A selector stays on the line of the id, where it can't be taken for the next declaration.
            let selector = matches!(clause, DecisionClause::Selector(_));
            docs.push(if selector { Doc::text(" ") } else { Doc::Line });
            let doc = self.commented_clause(clause);
            docs.push(doc);
        }
        docs
    }

    fn commented_clause(&mut self, clause: &DecisionClause) -> Doc {
        // The clause's place does not cover its word, so comments before the value count as before the clause.
        self.commented(place(clause), true, Doc::text(""), |writer| writer.clause(clause))
    }

    fn clause(&mut self, clause: &DecisionClause) -> Doc {
        let (word, value) = match clause {
            DecisionClause::Because(value) => ("because ", value),
            DecisionClause::By(value) => ("by ", value),
            DecisionClause::Quorum(value) => ("quorum ", value),
            DecisionClause::Within(value) => ("within ", value),
            DecisionClause::Using(value) => ("using ", value),
            DecisionClause::Unless(value) => ("unless ", value),
            DecisionClause::Selector(selector) => return self.selector(selector),
        };
        Doc::Sequence(vec![word.into(), self.expr(value)])
    }

    fn selector(&mut self, selector: &SelectorExpr) -> Doc {
        let direction = selector.direction.as_ref().map_or(String::new(), |direction| format!("{} ", direction.text));
        let mut docs = vec![Doc::text(format!("{direction}{}", selector.function.text))];
        if let Some(arguments) = &selector.arguments {
            let arguments: Vec<Doc> = arguments.iter().map(|argument| self.expr(argument)).collect();
            docs.extend(["(".into(), Doc::join(arguments, &", ".into()), ")".into()]);
        }
        Doc::Sequence(docs)
    }

    pub(super) fn emit_label(&mut self, emit: &EmitLabel) -> Doc {
        let mut docs = vec!["emit label ".into(), self.expr(&emit.label)];
        docs.extend(self.rule_body(emit.body.as_ref()));
        Doc::Sequence(docs)
    }

    pub(super) fn counter(&mut self, counter: &Counter) -> Doc {
        let head = Doc::text(format!("counter {} = ", counter.name.text));
        let amount = self.expr(&counter.amount);
        let mut docs = vec![head, amount];
        docs.extend(self.rule_body(counter.body.as_ref()));
        let mut clauses = Vec::new();
        if !counter.per.is_empty() {
            let keys: Vec<Doc> = counter.per.iter().map(|key| self.expr(key)).collect();
            clauses.extend([Doc::Line, "per ".into(), Doc::join(keys, &", ".into())]);
        }
        clauses.extend([Doc::Line, "window ".into(), self.expr(&counter.window)]);
        docs.push(Doc::Sequence(clauses).nest().group());
        Doc::Sequence(docs)
    }
}

/// Where a clause's value stands.
fn place(clause: &DecisionClause) -> Span {
    match clause {
        DecisionClause::Because(value)
        | DecisionClause::By(value)
        | DecisionClause::Quorum(value)
        | DecisionClause::Within(value)
        | DecisionClause::Using(value)
        | DecisionClause::Unless(value) => value.span,
        DecisionClause::Selector(selector) => selector.span,
    }
}
