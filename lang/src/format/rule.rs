//! Rules, functions, defaults, tests and properties.

use crate::ast::{Body, DefaultRule, ElseClause, Expr, Property, Reference, Rule, Test, TypeExpr};
use crate::source::Span;

use super::Writer;
use super::doc::Doc;
use super::list::{BLOCK, list};

impl Writer<'_> {
    pub(super) fn rule(&mut self, rule: &Rule) -> Doc {
        let head = &rule.head;
        let mut docs =
            vec![self.defined(&head.reference, head.parameters.as_deref(), &head.parameter_types, head.span)];
        if let Some(element) = &head.contains {
            docs.extend([" contains ".into(), self.expr(element)]);
        }
        if let Some(result) = &head.result {
            docs.extend([" -> ".into(), self.type_expr(result)]);
        }
        if let Some(value) = &head.value {
            docs.extend([" := ".into(), self.expr(value)]);
        }
        docs.extend(self.rule_body(rule.body.as_ref()));
        let mut braces = rule.body.as_ref().is_some_and(|body| body.braces);
        for clause in &rule.else_clauses {
            docs.extend(self.else_clause(clause, braces));
            braces = clause.body.as_ref().is_some_and(|body| body.braces);
        }
        Doc::Sequence(docs)
    }

    /// `else …`: behind the brace that ends the body before it, or on a line of its own.
    fn else_clause(&mut self, clause: &ElseClause, behind_brace: bool) -> Vec<Doc> {
        let comments = self.comments.before(clause.span.start);
        let mut docs = Vec::new();
        if behind_brace && comments.is_empty() {
            docs.push(" ".into());
        } else {
            docs.push(Doc::HardLine);
            docs.extend(self.comments.lines(&comments, false));
        }
        docs.push("else".into());
        if let Some(value) = &clause.value {
            docs.extend([" := ".into(), self.expr(value)]);
        }
        docs.extend(self.rule_body(clause.body.as_ref()));
        docs
    }

    /// What is defined, with parameters.
    fn defined(
        &mut self,
        reference: &Reference,
        parameters: Option<&[Expr]>,
        types: &[Option<TypeExpr>],
        span: Span,
    ) -> Doc {
        let name = self.reference(reference);
        let Some(parameters) = parameters else { return name };
        let typed = types.last().and_then(Option::as_ref).map(|ty| ty.span.end);
        let end = typed.unwrap_or_else(|| parameters.last().map_or(reference.span.end, |last| last.span.end));
        let close = self.text.get(end as usize..).and_then(|rest| rest.find(')')).and_then(|at| u32::try_from(at).ok());
        let span = Span { start: reference.span.end, end: close.map_or(span.end, |at| end + at + 1), ..span };
        let parameters: Vec<(&Expr, Option<&TypeExpr>)> = parameters
            .iter()
            .enumerate()
            .map(|(at, parameter)| (parameter, types.get(at).and_then(Option::as_ref)))
            .collect();
        let build = |writer: &mut Self, (parameter, ty): &(&Expr, Option<&TypeExpr>)| {
            let parameter = writer.expr(parameter);
            match ty {
                Some(ty) => Doc::Sequence(vec![parameter, ": ".into(), writer.type_expr(ty)]),
                None => parameter,
            }
        };
        let place =
            |(parameter, ty): &(&Expr, Option<&TypeExpr>)| ty.map_or(parameter.span, |ty| parameter.span.to(ty.span));
        let parameters = self.bracketed(list("(", ")"), span, &parameters, place, build, false);
        Doc::Sequence(vec![name, parameters])
    }

    /// ` if …`: conditions in braces stand on lines of their own unless there is one that was written behind the brace.
    pub(super) fn rule_body(&mut self, body: Option<&Body>) -> Vec<Doc> {
        let Some(body) = body else { return Vec::new() };
        if body.braces {
            return vec![" if ".into(), self.lines_in_braces(body)];
        }
        let conditions: Vec<Doc> = body
            .conditions
            .iter()
            .map(|condition| self.commented(condition.span, true, Doc::text(""), |writer| writer.condition(condition)))
            .collect();
        let line = Doc::Sequence(vec![Doc::Line, "if ".into(), Doc::Sequence(conditions)]).nest();
        vec![line.group()]
    }

    pub(super) fn lines_in_braces(&mut self, body: &Body) -> Doc {
        let broken = body.conditions.len() > 1 || self.comments.line_ends_at(body.span.start + 1);
        let build = |writer: &mut Self, condition: &_| writer.condition(condition);
        self.bracketed(BLOCK, body.span, &body.conditions, |condition| condition.span, build, broken)
    }

    pub(super) fn default_rule(&mut self, default: &DefaultRule) -> Doc {
        let span = default.reference.span;
        let defined = self.defined(
            &default.reference,
            default.parameters.as_deref(),
            &[],
            Span { end: default.value.span.start, ..span },
        );
        Doc::Sequence(vec!["default ".into(), defined, " := ".into(), self.expr(&default.value)])
    }

    pub(super) fn test(&mut self, test: &Test) -> Doc {
        let mut docs = vec![Doc::text(format!("test {}", self.source(test.name_span)))];
        if let Some((name, cases)) = &test.cases {
            docs.extend([Doc::text(format!(" for {} in ", name.text)), self.expr(cases)]);
        }
        docs.extend([" ".into(), self.lines_in_braces(&test.body)]);
        Doc::Sequence(docs)
    }

    pub(super) fn property(&mut self, property: &Property) -> Doc {
        let name = self.source(property.name_span);
        let mut docs =
            vec![Doc::text(format!("property {name} for {}: ", property.variable.text)), self.type_expr(&property.ty)];
        if let Some(assumptions) = &property.assumptions {
            docs.extend([" ".into(), self.lines_in_braces(assumptions)]);
        }
        docs.extend([" ".into(), self.condition(&property.expectation)]);
        Doc::Sequence(docs)
    }
}
