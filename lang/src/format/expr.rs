//! Expressions.

use crate::ast::{BinaryOperator, Body, Expr, ExprKind, Path, Reference, Step};
use crate::source::Span;

use super::Writer;
use super::doc::Doc;
use super::list::{BLOCK, Brackets, SET_OF_ONE, list};

impl Writer<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) -> Doc {
        match &expr.kind {
            ExprKind::Literal { raw, .. } | ExprKind::Duration { raw, .. } => Doc::text(&**raw),
            ExprKind::Template(_) => self.verbatim(expr),
            ExprKind::Variable(name) => Doc::text(&**name),
            ExprKind::Reference(reference) => self.reference(reference),
            ExprKind::Call { function, arguments } => self.call(expr.span, function, arguments),
            ExprKind::Array(items) if self.hugs(expr.span, items) => {
                let inner = items.iter().map(|item| self.expr(item)).collect();
                Doc::Sequence(vec!["[".into(), Doc::Sequence(inner), "]".into()])
            }
            ExprKind::Array(items) => self.items(list("[", "]"), expr.span, items),
            ExprKind::Set(items) => {
                let comma = items
                    .first()
                    .is_some_and(|item| self.source(Span { start: item.span.end, ..expr.span }).contains(','));
                let brackets = if items.len() == 1 && comma { SET_OF_ONE } else { list("{", "}") };
                self.items(brackets, expr.span, items)
            }
            ExprKind::Object(entries) => {
                let broken = self.comments.line_ends_at(expr.span.start + 1);
                let place = |(key, value): &(Expr, Expr)| key.span.to(value.span);
                self.bracketed(list("{", "}"), expr.span, entries, place, Self::entry_of_object, broken)
            }
            ExprKind::ArrayComprehension(element, body) => {
                let head = self.expr(element);
                self.comprehension(["[", "]"], head, element.span.end, body, expr.span)
            }
            ExprKind::SetComprehension(element, body) => {
                let head = self.expr(element);
                self.comprehension(["{", "}"], head, element.span.end, body, expr.span)
            }
            ExprKind::ObjectComprehension(key, value, body) => {
                let head = Doc::Sequence(vec![self.expr(key), ": ".into(), self.expr(value)]);
                self.comprehension(["{", "}"], head, value.span.end, body, expr.span)
            }
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExprKind::Negate(inner) => {
                // `-5` would be a number, not its negation.
                let literal = matches!(inner.kind, ExprKind::Literal { .. });
                Doc::Sequence(vec![if literal { "- ".into() } else { "-".into() }, self.expr(inner)])
            }
            ExprKind::Membership { key, value, collection } => {
                let mut docs = Vec::new();
                if let Some(key) = key {
                    docs.extend([self.expr(key), ", ".into()]);
                }
                docs.extend([self.expr(value), " in ".into(), self.expr(collection)]);
                Doc::Sequence(docs)
            }
            ExprKind::Named(name, inner) => {
                Doc::Sequence(vec![Doc::text(format!("{}: ", name.text)), self.expr(inner)])
            }
            ExprKind::Parenthesized(inner) => Doc::Sequence(vec!["(".into(), self.expr(inner), ")".into()]),
            ExprKind::Block(body) => self.block(body),
        }
    }

    /// `{ a; b }`, or one condition without braces.
    pub(super) fn block(&mut self, body: &Body) -> Doc {
        if body.braces {
            return self.braces(body);
        }
        Doc::Sequence(body.conditions.iter().map(|condition| self.condition(condition)).collect())
    }

    /// A body in braces that stays on one line if it was written so.
    pub(super) fn braces(&mut self, body: &Body) -> Doc {
        let broken = self.comments.line_ends_at(body.span.start + 1);
        let build = |writer: &mut Self, condition: &_| writer.condition(condition);
        self.bracketed(BLOCK, body.span, &body.conditions, |condition| condition.span, build, broken)
    }

    /// Whether a list has one element with brackets of its own, which then share the list's lines: `[{…}]`.
    fn hugs(&self, span: Span, items: &[Expr]) -> bool {
        items.len() == 1
            && is_bracketed(&items[0])
            && !self.comments.line_ends_at(span.start + 1)
            && !self.comment_between(Span { start: span.start + 1, ..span }, items)
    }

    fn items(&mut self, brackets: Brackets, span: Span, items: &[Expr]) -> Doc {
        let broken = self.comments.line_ends_at(span.start + 1);
        self.bracketed(brackets, span, items, |item| item.span, |writer, item| writer.expr(item), broken)
    }

    fn entry_of_object(&mut self, entry: &(Expr, Expr)) -> Doc {
        Doc::Sequence(vec![self.expr(&entry.0), ": ".into(), self.expr(&entry.1)])
    }

    pub(super) fn reference(&mut self, reference: &Reference) -> Doc {
        let mut docs = vec![self.expr(&reference.head)];
        for step in &reference.steps {
            match step {
                Step::Field(name) => docs.push(Doc::text(format!(".{}", name.text))),
                Step::Index(index) => docs.extend(["[".into(), self.expr(index), "]".into()]),
            }
        }
        Doc::Sequence(docs)
    }

    fn call(&mut self, span: Span, function: &Path, arguments: &[Expr]) -> Doc {
        let name = Doc::text(function.to_string());
        let open = Span { start: function.span.end, ..span };
        // `f({…})`: brackets of the last argument may stand in the call's line.
        if let Some((last, others)) = arguments.split_last()
            && is_bracketed(last)
            && !others.iter().any(is_bracketed)
            && !self.comment_between(open, arguments)
        {
            let mut docs: Vec<Doc> = others.iter().flat_map(|other| [self.expr(other), ", ".into()]).collect();
            docs.insert(0, "(".into());
            docs.extend([self.expr(last), ")".into()]);
            return Doc::Sequence(vec![name, Doc::Sequence(docs)]);
        }
        let arguments =
            self.bracketed(list("(", ")"), open, arguments, |item| item.span, |writer, item| writer.expr(item), false);
        Doc::Sequence(vec![name, arguments])
    }

    /// Whether a comment stands between the arguments of a call rather than within one.
    fn comment_between(&self, span: Span, arguments: &[Expr]) -> bool {
        let mut start = span.start;
        for argument in arguments {
            if self.comments.within(Span { start, end: argument.span.start, ..span }) {
                return true;
            }
            start = argument.span.end;
        }
        self.comments.within(Span { start, ..span })
    }

    /// `[head | conditions]`, over several lines if they do not fit into one.
    fn comprehension(
        &mut self,
        [open, close]: [&'static str; 2],
        head: Doc,
        head_end: u32,
        body: &Body,
        span: Span,
    ) -> Doc {
        let bar =
            self.text.get(head_end as usize..).and_then(|rest| rest.find('|')).and_then(|at| u32::try_from(at).ok());
        let broken = bar.is_some_and(|bar| self.comments.line_ends_at(head_end + bar + 1));
        let mut inside = Vec::new();
        let count = body.conditions.len();
        for (index, condition) in body.conditions.iter().enumerate() {
            let behind = if index + 1 < count { Doc::Either(";", "") } else { Doc::text("") };
            inside.push(Doc::Line);
            let doc = self.commented(condition.span, index == 0, behind, |writer| writer.condition(condition));
            inside.push(doc);
        }
        let dangling = self.comments.before(span.end.saturating_sub(1));
        if !dangling.is_empty() {
            inside.push(Doc::HardLine);
            inside.extend(self.comments.lines(&dangling, false));
            inside.push(Doc::Break);
        }
        if broken {
            inside.push(Doc::Break);
        }
        let inside = Doc::Sequence(inside).nest();
        Doc::Sequence(vec![open.into(), head, " |".into(), inside, Doc::SoftLine, close.into()]).group()
    }

    /// A chain of operators of one kind; it may go on in a new line before each operator.
    fn binary(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr) -> Doc {
        let kind = std::mem::discriminant(&operator);
        let mut links = vec![right];
        let mut first = left;
        while let ExprKind::Binary(inner, left, right) = &first.kind
            && std::mem::discriminant(inner) == kind
        {
            links.push(right);
            first = left;
        }
        let first = self.expr(first);
        let mut docs = Vec::new();
        let logic = matches!(operator, BinaryOperator::And | BinaryOperator::Or);
        let assigns = matches!(operator, BinaryOperator::Assign | BinaryOperator::Unify);
        for link in links.into_iter().rev() {
            let sign = Doc::text(format!("{} ", operator.symbol()));
            let line = Doc::Sequence(vec![Doc::Line, sign]);
            docs.push(match (assigns, logic) {
                (true, _) => Doc::text(format!(" {} ", operator.symbol())),
                (false, true) => line,
                (false, false) => line.group(),
            });
            docs.push(self.expr(link));
        }
        let chain = Doc::Sequence(vec![first, Doc::Sequence(docs).nest()]);
        if logic { chain.group() } else { chain }
    }
}

/// Whether an expression has brackets of its own around it, which may span lines.
fn is_bracketed(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Array(_)
            | ExprKind::Set(_)
            | ExprKind::Object(_)
            | ExprKind::ArrayComprehension(..)
            | ExprKind::SetComprehension(..)
            | ExprKind::ObjectComprehension(..)
    )
}

/// The same, or a call whose last argument has such brackets.
pub(super) fn ends_in_brackets(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { arguments, .. } => arguments.last().is_some_and(is_bracketed),
        _ => is_bracketed(expr),
    }
}
