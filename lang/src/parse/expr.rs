//! Expressions: operands, references, calls, and everything in brackets.

use crate::ast::{Body, Condition, ConditionKind, Expr, ExprKind, Name, Path, Reference, Step};
use crate::source::Span;
use crate::value::Value;

use super::build::{Builder, text_of};
use super::chain::Node;
use super::grammar::{Pair, Rule};

impl Builder<'_> {
    /// A chain of operands in a place where a value is wanted.
    pub(super) fn expression(&mut self, pair: Pair<'_>, depth: usize) -> Expr {
        let node = self.chain(pair, depth);
        self.node_expression(node)
    }

    /// The expressions of the children of a match.
    pub(super) fn expressions(&mut self, pair: Pair<'_>, depth: usize) -> Vec<Expr> {
        pair.into_inner().map(|inner| self.expression(inner, depth)).collect()
    }

    /// What stands in the parentheses of a call, or of a function's head: only there parameters have types.
    pub(super) fn arguments(&mut self, pair: Pair<'_>, depth: usize) -> Vec<Expr> {
        let mut types = self.parameter_types.take();
        let mut arguments = Vec::new();
        let mut name: Option<Name> = None;
        for inner in pair.into_inner() {
            if inner.as_rule() == Rule::argument_name {
                name = inner.into_inner().next().map(|name| self.name(&name));
                continue;
            }
            if inner.as_rule() != Rule::argument_type {
                let expr = self.expression(inner, depth);
                arguments.push(match name.take() {
                    None => expr,
                    Some(name) => {
                        let span = name.span.to(expr.span);
                        Expr { kind: ExprKind::Named(name, Box::new(expr)), span }
                    }
                });
                if let Some(types) = &mut types {
                    types.push(None);
                }
                continue;
            }
            let span = self.span(&inner);
            match types.as_mut().and_then(|types| types.last_mut()) {
                Some(slot) => {
                    self.hpol_only(span, "a parameter's type");
                    *slot = inner.into_inner().next().map(|ty| self.type_expression(ty, 0));
                }
                None => {
                    let colon = Span { end: span.start + 1, ..span };
                    self.error("misplaced-colon", colon, "an argument has no type").help =
                        Some("types stand at the parameters of a function, where it is defined".into());
                }
            }
        }
        self.parameter_types = types;
        arguments
    }

    /// The expression that is the only child of a match.
    pub(super) fn only_expression(&mut self, pair: Pair<'_>, depth: usize) -> Expr {
        let span = self.span(&pair);
        match pair.into_inner().next() {
            Some(inner) => self.expression(inner, depth),
            None => Self::placeholder(span),
        }
    }

    /// A primary with its steps, as far as it is no brace, which may be a block.
    pub(super) fn reference_node(&mut self, pair: Pair<'_>, depth: usize) -> Node {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(primary) = inner.next() else { return Node::Expr(Self::placeholder(span)) };
        if !self.within_depth(depth, span) {
            return Node::Expr(Self::placeholder(span));
        }
        let head = self.primary(primary, depth);
        let Some(first) = inner.next() else { return head };
        let head = self.node_expression(head);
        Node::Expr(self.suffixes(head, std::iter::once(first).chain(inner), depth))
    }

    /// A primary with its steps where only a value can stand.
    pub(super) fn reference(&mut self, pair: Pair<'_>, depth: usize) -> Expr {
        let node = self.reference_node(pair, depth);
        self.node_expression(node)
    }

    fn primary(&mut self, pair: Pair<'_>, depth: usize) -> Node {
        let span = self.span(&pair);
        Node::Expr(match pair.as_rule() {
            Rule::number => self.number(pair.as_str(), span),
            Rule::duration => self.duration(&pair),
            Rule::string | Rule::raw_string => self.string_expression(&pair),
            Rule::template | Rule::raw_template => self.template(pair, depth),
            Rule::constant => self.constant(&pair),
            Rule::array => self.array(pair, depth),
            Rule::brace => return self.brace(pair, depth),
            Rule::group => self.group(pair, depth),
            _ => Expr { kind: ExprKind::Variable(text_of(&pair)), span },
        })
    }

    /// Puts `.a`, `[b]` and `(c)` behind a head.
    fn suffixes<'p>(&mut self, head: Expr, suffixes: impl Iterator<Item = Pair<'p>>, depth: usize) -> Expr {
        let start = head.span;
        let mut reference = Reference { span: head.span, head, steps: Vec::new() };
        let mut called = false;
        for suffix in suffixes {
            let span = self.span(&suffix);
            let end = reference.span.to(span);
            match suffix.as_rule() {
                Rule::field => {
                    let name = suffix.into_inner().next().map(|name| self.name(&name));
                    reference.steps.extend(name.map(Step::Field));
                }
                Rule::index => {
                    let index = self.only_expression(suffix, depth + 1);
                    reference.steps.push(Step::Index(index));
                }
                _ => {
                    let arguments = self.arguments(suffix, depth + 1);
                    let function = if called { None } else { function_path(&reference) };
                    called = true;
                    let Some(function) = function else {
                        self.error("not-callable", end, "only a function's name can be called").help =
                            Some("write the name of a rule or of a builtin in front of `(`".into());
                        continue;
                    };
                    let call = Expr { kind: ExprKind::Call { function, arguments }, span: end };
                    reference = Reference { span: end, head: call, steps: Vec::new() };
                }
            }
            reference.span = end;
        }
        let span = start.to(reference.span);
        if reference.steps.is_empty() {
            return Expr { span, ..reference.head };
        }
        Expr { kind: ExprKind::Reference(Box::new(reference)), span }
    }

    fn array(&mut self, pair: Pair<'_>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(first) = inner.next() else { return Expr { kind: ExprKind::Array(Vec::new()), span } };
        let first = self.expression(first, depth + 1);
        let kind = match inner.next() {
            Some(rest) if rest.as_rule() == Rule::comprehension => {
                ExprKind::ArrayComprehension(Box::new(first), self.comprehension(rest, depth))
            }
            rest => {
                let mut elements = vec![first];
                elements.extend(rest.into_iter().flat_map(|rest| self.expressions(rest, depth + 1)));
                ExprKind::Array(elements)
            }
        };
        Expr { kind, span }
    }

    /// The body behind the `|` of a comprehension.
    fn comprehension(&mut self, pair: Pair<'_>, depth: usize) -> Body {
        let span = self.span(&pair);
        match pair.into_inner().find(|inner| inner.as_rule() == Rule::conditions) {
            Some(conditions) => self.conditions(conditions, false, depth + 1),
            None => Body { conditions: Vec::new(), braces: false, span },
        }
    }

    /// Whatever stands in braces.
    fn brace(&mut self, pair: Pair<'_>, depth: usize) -> Node {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(first) = inner.next() else {
            return Node::Expr(Expr { kind: ExprKind::Object(Vec::new()), span });
        };
        let first = self.condition(first, depth + 1);
        let Some(rest) = inner.next() else {
            return Node::Block(Body { conditions: vec![first], braces: true, span });
        };
        let kind = match rest.as_rule() {
            Rule::block_rest => {
                let more: Vec<Condition> = rest.into_inner().map(|inner| self.condition(inner, depth + 1)).collect();
                let conditions = std::iter::once(first).chain(more).collect();
                return Node::Block(Body { conditions, braces: true, span });
            }
            Rule::object_rest => {
                let key = self.condition_expression(first);
                self.object(key, rest, depth)
            }
            Rule::comprehension => {
                let member = self.condition_expression(first);
                ExprKind::SetComprehension(Box::new(member), self.comprehension(rest, depth))
            }
            _ => {
                let mut members = vec![self.condition_expression(first)];
                members.extend(self.expressions(rest, depth + 1));
                ExprKind::Set(members)
            }
        };
        Node::Expr(Expr { kind, span })
    }

    /// What follows the first key of an object.
    fn object(&mut self, key: Expr, rest: Pair<'_>, depth: usize) -> ExprKind {
        let mut inner = rest.into_inner();
        let value = match inner.next() {
            Some(value) => self.expression(value, depth + 1),
            None => Self::placeholder(key.span),
        };
        let mut entries = vec![];
        match inner.next() {
            Some(rest) if rest.as_rule() == Rule::comprehension => {
                let body = self.comprehension(rest, depth);
                return ExprKind::ObjectComprehension(Box::new(key), Box::new(value), body);
            }
            rest => {
                entries.push((key, value));
                for entry in rest.into_iter().flat_map(Pair::into_inner) {
                    let mut parts = self.expressions(entry, depth + 1).into_iter();
                    entries.extend(parts.next().zip(parts.next()));
                }
            }
        }
        ExprKind::Object(entries)
    }

    fn group(&mut self, pair: Pair<'_>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let Some(inner) = pair.into_inner().next() else { return Self::placeholder(span) };
        let condition = self.condition(inner, depth + 1);
        let inner = self.condition_expression(condition);
        Expr { kind: ExprKind::Parenthesized(Box::new(inner)), span }
    }

    /// A condition as an expression: itself if it is a plain one, a block otherwise.
    pub(super) fn condition_expression(&mut self, condition: Condition) -> Expr {
        let span = condition.span;
        match condition.kind {
            ConditionKind::Expr(expr) if condition.with.is_empty() => expr,
            ConditionKind::Expect(_) => {
                self.error("misplaced-expect", span, "`expect` stands on a line of its own in a test");
                Self::placeholder(span)
            }
            kind => {
                let condition = Condition { kind, ..condition };
                Expr { kind: ExprKind::Block(Body { conditions: vec![condition], braces: false, span }), span }
            }
        }
    }

    /// A node as a value. Braces with one expression are a set.
    pub(super) fn node_expression(&mut self, node: Node) -> Expr {
        match node {
            Node::Expr(expr) => expr,
            Node::Condition(condition) => {
                let span = condition.span;
                self.error("misplaced-condition", span, "a condition such as `not x` has no value").help =
                    Some("put it on a line of its own; to use its outcome as a value, define a rule with it".into());
                Self::placeholder(span)
            }
            Node::Block(body) => self.block_value(body),
        }
    }

    /// Braces as a value: `{x}` is a set.
    pub(super) fn block_value(&mut self, mut body: Body) -> Expr {
        let span = body.span;
        if body.conditions.len() == 1
            && let Some(Condition { kind: ConditionKind::Expr(expr), with, .. }) = body.conditions.pop()
            && with.is_empty()
            && !is_assignment(&expr)
        {
            return Expr { kind: ExprKind::Set(vec![expr]), span };
        }
        self.error("misplaced-block", span, "conditions in braces have no value").help =
            Some("they can follow `if`, `not`, `and`, `or` and `unless`".into());
        Self::placeholder(span)
    }
}

/// Whether `expr` is `a := b` or `a = b`.
pub(super) fn is_assignment(expr: &Expr) -> bool {
    use crate::ast::BinaryOperator::{Assign, Unify};
    matches!(expr.kind, ExprKind::Binary(Assign | Unify, ..))
}

/// The name that a reference spells, if it is made of names only: `a.b`, `a["b"]`.
pub(super) fn function_path(reference: &Reference) -> Option<Path> {
    let ExprKind::Variable(text) = &reference.head.kind else { return None };
    let mut parts = vec![crate::ast::Name { text: text.clone(), span: reference.head.span }];
    for step in &reference.steps {
        parts.push(match step {
            Step::Field(name) => name.clone(),
            Step::Index(Expr { kind: ExprKind::Literal { value: Value::String(text), .. }, span }) => {
                crate::ast::Name { text: text.clone(), span: *span }
            }
            Step::Index(_) => return None,
        });
    }
    Some(Path { parts, span: reference.span })
}

/// The reference that an expression is; a plain name is one without steps.
pub(super) fn as_reference(expr: Expr) -> Reference {
    match expr.kind {
        ExprKind::Reference(reference) => *reference,
        kind => Reference { span: expr.span, head: Expr { kind, span: expr.span }, steps: Vec::new() },
    }
}

/// Where the last of some places ends, seen from the first.
pub(super) fn cover(first: Span, rest: impl IntoIterator<Item = Span>) -> Span {
    rest.into_iter().fold(first, Span::to)
}
