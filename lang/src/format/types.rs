//! Types.

use crate::ast::{FieldExpr, TypeExpr, TypeExprKind, is_identifier};
use crate::source::Span;
use crate::value::Value;

use super::Writer;
use super::doc::Doc;
use super::list::list;

impl Writer<'_> {
    pub(super) fn type_expr(&mut self, ty: &TypeExpr) -> Doc {
        match &ty.kind {
            TypeExprKind::Named(path) => Doc::text(path.to_string()),
            TypeExprKind::Generic(name, arguments) => {
                let arguments: Vec<Doc> = arguments.iter().map(|argument| self.type_expr(argument)).collect();
                let arguments = Doc::join(arguments, &", ".into());
                Doc::Sequence(vec![Doc::text(&*name.text), "[".into(), arguments, "]".into()])
            }
            TypeExprKind::Tuple(items) => self.bracketed(
                list("[", "]"),
                ty.span,
                items,
                |item| item.span,
                |writer, item| writer.type_expr(item),
                false,
            ),
            TypeExprKind::Record { fields, open } => self.record(ty.span, fields, *open),
            TypeExprKind::Literal(value) => self.type_literal(value, ty.span),
            TypeExprKind::Union(types) => {
                let types: Vec<Doc> = types.iter().map(|ty| self.type_expr(ty)).collect();
                let bar = Doc::Sequence(vec![Doc::Line, "| ".into()]);
                Doc::join(types, &bar).nest().group()
            }
            TypeExprKind::Optional(inner) => {
                let grouped = matches!(inner.kind, TypeExprKind::Union(_));
                let (open, close) = if grouped { ("(", ")?") } else { ("", "?") };
                Doc::Sequence(vec![open.into(), self.type_expr(inner), close.into()])
            }
        }
    }

    fn type_literal(&self, value: &Value, span: Span) -> Doc {
        // As written: a raw string stays one.
        let written = self.source(span);
        if written.is_empty() || written.contains('\n') { Doc::text(value.to_string()) } else { Doc::text(written) }
    }

    fn record(&mut self, span: Span, fields: &[FieldExpr], open: bool) -> Doc {
        let brace = self.source(span).find('{').and_then(|at| u32::try_from(at).ok()).unwrap_or(0);
        let broken = self.comments.line_ends_at(span.start + brace + 1);
        let place = |field: &FieldExpr| field.name.span.to(field.ty.span);
        let fields = self.bracketed(list("{", "}"), span, fields, place, Self::field, broken);
        if open { Doc::Sequence(vec!["open ".into(), fields]) } else { fields }
    }

    fn field(&mut self, field: &FieldExpr) -> Doc {
        let name = if is_identifier(&field.name.text) {
            field.name.text.to_string()
        } else {
            Value::from(field.name.text.clone()).to_string()
        };
        let mark = if field.optional { "?" } else { "" };
        Doc::Sequence(vec![Doc::text(format!("{name}{mark}: ")), self.type_expr(&field.ty)])
    }
}
