//! `test` and `property`.

use std::sync::Arc;

use crate::ast::{Body, Condition, ConditionKind, ItemKind, Name, Property, Test, TypeExpr, TypeExprKind};
use crate::source::Span;
use crate::value::Value;

use super::build::Builder;
use super::grammar::{Pair, Rule};

impl Builder<'_> {
    pub(super) fn test(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`test`");
        self.in_test = true;
        let mut test = Test {
            name: "".into(),
            name_span: span,
            cases: None,
            body: Body { conditions: Vec::new(), braces: true, span },
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::string | Rule::raw_string => (test.name, test.name_span) = self.title(&part),
                Rule::test_cases => {
                    let mut inner = part.into_inner().filter(|inner| inner.as_rule() != Rule::kw_in);
                    let name = inner.next().map(|name| self.name(&name));
                    let cases = inner.next().map(|cases| self.expression(cases, 0));
                    test.cases = name.zip(cases);
                }
                _ => test.body = self.body(part, 0),
            }
        }
        self.in_test = false;
        ItemKind::Test(test)
    }

    pub(super) fn property(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`property`");
        self.in_test = true;
        let mut property = Property {
            name: "".into(),
            name_span: span,
            variable: Name { text: "_".into(), span },
            ty: TypeExpr { kind: TypeExprKind::Literal(Value::Null), span },
            assumptions: None,
            expectation: Condition { kind: ConditionKind::Expr(Self::placeholder(span)), with: Vec::new(), span },
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::string | Rule::raw_string => (property.name, property.name_span) = self.title(&part),
                Rule::identifier => property.variable = self.name(&part),
                Rule::type_expression => property.ty = self.type_expression(part, 0),
                Rule::body => property.assumptions = Some(self.body(part, 0)),
                _ => property.expectation = self.condition(part, 0),
            }
        }
        self.in_test = false;
        ItemKind::Property(property)
    }

    /// A string that names something, with its place.
    pub(super) fn title(&mut self, pair: &Pair<'_>) -> (Arc<str>, Span) {
        (self.string(pair), self.span(pair))
    }
}
