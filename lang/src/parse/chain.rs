//! Chains of operators: the grammar gives them flat, and precedence makes a tree of them here, without recursion.

use crate::ast::{BinaryOperator, Body, Condition, ConditionKind, Expr, ExprKind, NotOperand};
use crate::source::{Profile, Span};

use super::build::Builder;
use super::grammar::{Pair, Rule};

/// An operand, as far as its place has not yet said what it is.
pub(super) enum Node {
    Expr(Expr),
    /// `not x`, `every …`, `some …`: no value.
    Condition(Condition),
    /// Braces that are a block of conditions, or a set of one member.
    Block(Body),
}

/// An operator with its binding strength.
enum Operator {
    Binary(BinaryOperator),
    In,
    /// The `in` of `k, v in xs`, with the key.
    KeyIn(Box<Expr>),
    /// `not`, which takes everything up to `and` and `or`.
    Not(Span),
}

impl Operator {
    /// How strongly it binds. In OPA an assignment is an operand of `and` and `or`; in `.hpol` they stand in its value.
    fn strength(&self, profile: Profile) -> u8 {
        match self {
            Self::Binary(BinaryOperator::Assign | BinaryOperator::Unify) => match profile {
                Profile::Hpol => 1,
                Profile::Rego => 4,
            },
            Self::Binary(BinaryOperator::Or) => 2,
            Self::Binary(BinaryOperator::And) => 3,
            Self::Not(_) => 4,
            Self::In | Self::KeyIn(_) => 5,
            Self::Binary(
                BinaryOperator::Equal
                | BinaryOperator::NotEqual
                | BinaryOperator::Less
                | BinaryOperator::LessEqual
                | BinaryOperator::Greater
                | BinaryOperator::GreaterEqual,
            ) => 6,
            Self::Binary(BinaryOperator::Union) => 7,
            Self::Binary(BinaryOperator::Intersection) => 8,
            Self::Binary(BinaryOperator::Add | BinaryOperator::Subtract) => 9,
            Self::Binary(BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Remainder) => 10,
        }
    }
}

/// Operands and operators that are not yet joined.
#[derive(Default)]
struct Stacks {
    operands: Vec<Node>,
    operators: Vec<Operator>,
}

impl Builder<'_> {
    /// The tree of `operand (operator operand)*`, with `, v in xs` behind it perhaps.
    pub(super) fn chain(&mut self, pair: Pair<'_>, depth: usize) -> Node {
        let span = self.span(&pair);
        let mut items: Vec<Pair<'_>> = pair.into_inner().collect();
        // A chain of n operators may be n levels deep.
        let depth = depth + items.len() / 2 + 1;
        if !self.within_depth(depth, span) {
            return Node::Expr(Self::placeholder(span));
        }
        let rest = items.pop_if(|last| last.as_rule() == Rule::statement_rest);
        let mut stacks = Stacks::default();
        let assigned = match rest {
            Some(_) => items
                .iter()
                .rposition(|item| matches!(item.as_rule(), Rule::assign | Rule::unify))
                .map_or(0, |at| at + 1),
            None => items.len(),
        };
        let key: Vec<Pair<'_>> = items.split_off(assigned);
        self.feed(&mut stacks, items, None, depth);
        if let Some(rest) = rest {
            let key = self.joined(key, depth);
            self.key_in(&mut stacks, key, rest, depth);
        }
        self.join_all(&mut stacks, span)
    }

    /// The tree of a part of a chain, as a value.
    fn joined(&mut self, items: Vec<Pair<'_>>, depth: usize) -> Expr {
        let span = items.first().map_or_else(|| self.span_of(0, 0), |first| self.span(first));
        let mut stacks = Stacks::default();
        self.feed(&mut stacks, items, None, depth);
        let node = self.join_all(&mut stacks, span);
        self.node_expression(node)
    }

    /// Feeds `v in xs`, whose key was read before.
    fn key_in(&mut self, stacks: &mut Stacks, key: Expr, rest: Pair<'_>, depth: usize) {
        let span = self.span(&rest);
        let mut items: Vec<Pair<'_>> = rest.into_inner().collect();
        let depth = depth + items.len() / 2 + 1;
        let Some(at) = items.iter().position(|item| item.as_rule() == Rule::kw_in) else {
            self.error(
                "unexpected-comma",
                key.span.to(span),
                "two values with a comma between them are no condition",
            )
            .help = Some("put each condition on a line of its own, or write `key, value in collection`".into());
            stacks.operands.push(Node::Expr(key));
            return;
        };
        let collection = items.split_off(at + 1);
        items.pop();
        let value = self.joined(items, depth);
        stacks.operands.push(Node::Expr(value));
        self.feed(stacks, collection, Some(Operator::KeyIn(Box::new(key))), depth);
    }

    /// Takes operands and operators in turn. `before` stands in front of the first.
    fn feed(&mut self, stacks: &mut Stacks, items: Vec<Pair<'_>>, before: Option<Operator>, depth: usize) {
        if let Some(operator) = before {
            self.push_operator(stacks, operator);
        }
        for item in items {
            if matches!(item.as_rule(), Rule::operand | Rule::domain_operand) {
                self.operand(stacks, item, depth);
            } else {
                let span = self.span(&item);
                let operator = self.operator(&item, span);
                self.push_operator(stacks, operator);
            }
        }
    }

    /// `not` signs become operators; what follows is the operand.
    fn operand(&mut self, stacks: &mut Stacks, pair: Pair<'_>, depth: usize) {
        let mut minuses: Vec<Span> = Vec::new();
        let mut negations = 0;
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::negation => {
                    negations += 1;
                    if self.within_depth(depth + negations, span) {
                        stacks.operators.push(Operator::Not(span));
                    }
                }
                Rule::minus => minuses.push(span),
                Rule::every_clause => {
                    let condition = self.every(part, depth + negations);
                    stacks.operands.push(Node::Condition(condition));
                }
                Rule::some_clause => {
                    let condition = self.some(part, depth + negations);
                    stacks.operands.push(Node::Condition(condition));
                }
                _ => {
                    let deep = depth + negations + minuses.len();
                    let node = if let (Some(minus), Some(digits)) = (minuses.last(), plain_number(&part))
                        && minus.end == span.start
                    {
                        let whole = minus.to(span);
                        minuses.pop();
                        Node::Expr(self.number(&format!("-{digits}"), whole))
                    } else {
                        self.reference_node(part, deep)
                    };
                    let node = self.negated(node, &minuses, depth + negations);
                    stacks.operands.push(node);
                }
            }
        }
    }

    /// Puts minus signs in front of a node.
    fn negated(&mut self, node: Node, minuses: &[Span], depth: usize) -> Node {
        let Some(first) = minuses.first() else { return node };
        let mut expr = self.node_expression(node);
        if !self.within_depth(depth + minuses.len(), first.to(expr.span)) {
            return Node::Expr(Self::placeholder(*first));
        }
        for minus in minuses.iter().rev() {
            let span = minus.to(expr.span);
            expr = Expr { kind: ExprKind::Negate(Box::new(expr)), span };
        }
        Node::Expr(expr)
    }

    fn operator(&mut self, pair: &Pair<'_>, span: Span) -> Operator {
        use BinaryOperator as B;
        let operator = match pair.as_rule() {
            Rule::kw_in => return Operator::In,
            Rule::assign => B::Assign,
            Rule::unify => B::Unify,
            Rule::kw_or => B::Or,
            Rule::kw_and => B::And,
            Rule::equal => B::Equal,
            Rule::not_equal => B::NotEqual,
            Rule::less => B::Less,
            Rule::less_equal => B::LessEqual,
            Rule::greater => B::Greater,
            Rule::greater_equal => B::GreaterEqual,
            Rule::pipe => B::Union,
            Rule::ampersand => B::Intersection,
            Rule::plus => B::Add,
            Rule::subtract => B::Subtract,
            Rule::star => B::Multiply,
            Rule::slash => B::Divide,
            _ => B::Remainder,
        };
        if self.profile == Profile::Rego && matches!(operator, B::Or | B::And) {
            self.logic_operators.push((operator, span));
        }
        Operator::Binary(operator)
    }

    /// Operators of equal strength join from the left.
    fn push_operator(&mut self, stacks: &mut Stacks, operator: Operator) {
        let assigns = matches!(operator, Operator::Binary(BinaryOperator::Assign | BinaryOperator::Unify));
        while let Some(top) = stacks.operators.last()
            && top.strength(self.profile) >= operator.strength(self.profile)
            // `not x = y` denies the whole.
            && !(assigns && matches!(top, Operator::Not(_)))
        {
            self.join_top(stacks);
        }
        stacks.operators.push(operator);
    }

    fn join_all(&mut self, stacks: &mut Stacks, span: Span) -> Node {
        while !stacks.operators.is_empty() {
            self.join_top(stacks);
        }
        stacks.operands.pop().unwrap_or_else(|| Node::Expr(Self::placeholder(span)))
    }

    /// Applies the operator on top to the operands on top.
    fn join_top(&mut self, stacks: &mut Stacks) {
        let Some(operator) = stacks.operators.pop() else { return };
        let Some(right) = stacks.operands.pop() else { return };
        if let Operator::Not(span) = operator {
            let condition = self.not(span, right);
            stacks.operands.push(Node::Condition(condition));
            return;
        }
        let Some(left) = stacks.operands.pop() else { return };
        let (left, right) = match operator {
            Operator::Binary(BinaryOperator::And | BinaryOperator::Or) => (logic_operand(left), logic_operand(right)),
            _ => (self.node_expression(left), self.node_expression(right)),
        };
        let span = left.span.to(right.span);
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = match operator {
            Operator::Binary(operator) => {
                self.check_operands(operator, &left, &right, span);
                ExprKind::Binary(operator, left, right)
            }
            Operator::KeyIn(key) => {
                let span = key.span.to(span);
                let kind = ExprKind::Membership { key: Some(key), value: left, collection: right };
                stacks.operands.push(Node::Expr(Expr { kind, span }));
                return;
            }
            Operator::In | Operator::Not(_) => ExprKind::Membership { key: None, value: left, collection: right },
        };
        stacks.operands.push(Node::Expr(Expr { kind, span }));
    }

    /// Without its import, braces behind `not` in Rego are a set as anywhere else.
    fn braces_behind_not(&mut self, body: Body) -> Expr {
        if body.conditions.len() > 1 {
            let message = "`not` takes a body in braces only where that is imported";
            self.error("missing-import", body.span, message).help =
                Some("add `import future.keywords.not` below the package".into());
            return Self::placeholder(body.span);
        }
        self.block_value(body)
    }

    fn not(&mut self, span: Span, operand: Node) -> Condition {
        let (operand, end) = match operand {
            Node::Block(body) if !self.not_bodies => {
                let end = body.span;
                let expr = self.braces_behind_not(body);
                let condition = Condition { kind: ConditionKind::Expr(expr), with: Vec::new(), span: end };
                (NotOperand::Condition(Box::new(condition)), end)
            }
            Node::Block(body) => {
                let end = body.span;
                (NotOperand::Body(body), end)
            }
            Node::Condition(condition) => {
                let end = condition.span;
                (NotOperand::Condition(Box::new(condition)), end)
            }
            Node::Expr(expr) => {
                let end = expr.span;
                let condition = Condition { kind: ConditionKind::Expr(expr), with: Vec::new(), span: end };
                (NotOperand::Condition(Box::new(condition)), end)
            }
        };
        Condition { kind: ConditionKind::Not(operand), with: Vec::new(), span: span.to(end) }
    }
}

/// An operand of `and` or `or`: a value, or conditions as a block.
pub(super) fn logic_operand(node: Node) -> Expr {
    match node {
        Node::Expr(expr) => expr,
        Node::Block(body) => Expr { span: body.span, kind: ExprKind::Block(body) },
        Node::Condition(condition) => {
            let span = condition.span;
            Expr { kind: ExprKind::Block(Body { conditions: vec![condition], braces: false, span }), span }
        }
    }
}

/// The digits of a reference that is nothing but a number.
fn plain_number<'a>(pair: &Pair<'a>) -> Option<&'a str> {
    let mut inner = pair.clone().into_inner();
    let first = inner.next()?;
    (first.as_rule() == Rule::number && inner.next().is_none()).then(|| first.as_str())
}
