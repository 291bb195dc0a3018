//! Types as written.

use crate::ast::{FieldExpr, Name, TypeExpr, TypeExprKind};
use crate::value::Value;
use rustc_hash::FxHashMap;

use super::build::Builder;
use super::grammar::{Pair, Rule};

impl Builder<'_> {
    /// `T | U`, or one type.
    pub(super) fn type_expression(&mut self, pair: Pair<'_>, depth: usize) -> TypeExpr {
        let span = self.span(&pair);
        if !self.within_depth(depth, span) {
            return TypeExpr { kind: TypeExprKind::Literal(Value::Null), span };
        }
        let mut terms: Vec<TypeExpr> = Vec::new();
        for term in pair.into_inner() {
            let term = self.type_term(term, depth + 1);
            match term.kind {
                // Parentheses within a union say nothing.
                TypeExprKind::Union(inner) => terms.extend(inner),
                kind => terms.push(TypeExpr { kind, span: term.span }),
            }
        }
        if terms.len() == 1
            && let Some(only) = terms.pop()
        {
            return only;
        }
        TypeExpr { kind: TypeExprKind::Union(terms), span }
    }

    fn type_term(&mut self, pair: Pair<'_>, depth: usize) -> TypeExpr {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(primary) = inner.next() else {
            return TypeExpr { kind: TypeExprKind::Literal(Value::Null), span };
        };
        let place = self.span(&primary);
        let kind = match primary.as_rule() {
            Rule::type_record => self.type_record(primary, depth),
            Rule::type_tuple => TypeExprKind::Tuple(self.type_list(primary, depth)),
            Rule::type_group => match self.type_list(primary, depth).pop() {
                Some(inner) => inner.kind,
                None => TypeExprKind::Literal(Value::Null),
            },
            Rule::type_literal => TypeExprKind::Literal(self.type_literal(primary)),
            _ => self.type_name(primary, depth),
        };
        let mut ty = TypeExpr { kind, span: place };
        let marks = inner.count();
        if marks > 1 {
            self.error("repeated-optional", span, "a type is optional or it is not; one `?` says it");
        }
        if marks > 0 {
            ty = TypeExpr { kind: TypeExprKind::Optional(Box::new(ty)), span };
        }
        ty
    }

    fn type_list(&mut self, pair: Pair<'_>, depth: usize) -> Vec<TypeExpr> {
        pair.into_inner().map(|inner| self.type_expression(inner, depth + 1)).collect()
    }

    fn type_record(&mut self, pair: Pair<'_>, depth: usize) -> TypeExprKind {
        let mut open = false;
        let mut fields: Vec<FieldExpr> = Vec::new();
        let mut seen = FxHashMap::default();
        for part in pair.into_inner() {
            if part.as_rule() == Rule::open_mark {
                open = true;
                continue;
            }
            let field = self.type_field(part, depth);
            if let Some(first) = seen.insert(field.name.text.clone(), field.name.span) {
                let span = field.name.span;
                let message = format!("field `{}` is declared twice", field.name.text);
                self.error("duplicate-field", span, message).related =
                    vec![(first, "it is declared here first".into())];
                continue;
            }
            fields.push(field);
        }
        TypeExprKind::Record { fields, open }
    }

    fn type_field(&mut self, pair: Pair<'_>, depth: usize) -> FieldExpr {
        let span = self.span(&pair);
        let mut name = Name { text: "_".into(), span };
        let mut optional = false;
        let mut ty = TypeExpr { kind: TypeExprKind::Literal(Value::Null), span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::identifier => name = self.name(&part),
                Rule::string | Rule::raw_string => name = self.text_name(&part),
                Rule::type_optional => optional = true,
                _ => ty = self.type_expression(part, depth + 1),
            }
        }
        FieldExpr { name, optional, ty }
    }

    fn type_literal(&mut self, pair: Pair<'_>) -> Value {
        let (raw, span) = (pair.as_str(), self.span(&pair));
        let Some(last) = pair.into_inner().last() else { return Value::Null };
        match last.as_rule() {
            Rule::number => self.number_value(raw, span),
            Rule::constant => match last.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::Null,
            },
            _ => Value::String(self.string(&last)),
        }
    }

    fn type_name(&mut self, pair: Pair<'_>, depth: usize) -> TypeExprKind {
        let mut inner = pair.into_inner();
        let (Some(path), arguments) = (inner.next(), inner.next()) else {
            return TypeExprKind::Literal(Value::Null);
        };
        let mut path = self.path(path);
        let Some(arguments) = arguments else { return TypeExprKind::Named(path) };
        let place = path.span;
        let arguments = self.type_list(arguments, depth);
        if path.parts.len() == 1
            && let Some(name) = path.parts.pop()
        {
            return TypeExprKind::Generic(name, arguments);
        }
        self.error("unknown-generic", place, "only `array`, `set` and `map` take types in brackets");
        TypeExprKind::Named(path)
    }
}
