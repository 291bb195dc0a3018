//! Rules whose keys hold sets (`a[x] contains y`), written out as two rules: a function without parameters for all pairs of
//! key and element, and the object that gathers the elements of each key.

use std::collections::BTreeSet;

use super::Checker;
use crate::ast::{BinaryOperator, Expr};
use crate::resolve::{Definition, Key};
use crate::source::Span;
use crate::typed::{
    Body, Clause, Condition, ConditionKind, Expr as Typed, ExprKind as Kind, Local, LocalId, Pattern, Rule, RuleId,
    RuleKind,
};
use crate::types::Type;
use crate::value::Value;

impl<'a> Checker<'_, 'a> {
    /// Checks a rule whose keys hold sets; the first result stands in front of the second, with the id `pairs_id`.
    pub(super) fn object_of_sets(&mut self, rule: usize, pairs_id: RuleId) -> (Rule, Rule) {
        let index = self.index;
        let info = &index.rules[rule];
        let mut locals = Vec::new();
        let mut parts: Vec<Typed> = Vec::new();
        let mut depths: BTreeSet<usize> = BTreeSet::new();
        let is_set = |definition: &&Definition<'a>| definition.rule.head.contains.is_some();
        for definition in info.definitions.iter().filter(is_set) {
            self.start(definition.module);
            self.definition = Some(definition.rule);
            // All definitions are parts of one expression, so their variables are numbered on.
            self.locals = std::mem::take(&mut locals);
            let head = &definition.rule.head;
            let keys = definition.keys.iter().filter_map(|key| match key {
                Key::Expr(expr) => Some(*expr),
                Key::Constant(..) => None,
            });
            let heads: Vec<&'a Expr> = keys.chain(head.contains.as_deref()).collect();
            let conditions = definition.rule.body.as_ref().map_or(&[][..], |body| &body.conditions);
            let (body, pair) = self.body(conditions, &heads, |checker| {
                let mut pair = checker.keys(definition);
                pair.extend(head.contains.as_ref().map(|element| checker.expr(element)));
                checker.array(pair, head.span)
            });
            locals = std::mem::take(&mut self.locals);
            depths.insert(definition.keys.len());
            let ty = Type::set(pair.ty.clone());
            parts.push(self.make(Kind::SetComprehension(Box::new(pair), body), ty, head.span));
        }
        let all = self.union_of(parts, info.span);
        let pairs = Rule {
            path: format!("{} (pairs)", info.path()).into(),
            kind: RuleKind::Function,
            clauses: vec![clause(locals, Vec::new(), None, all.clone(), info.span)],
            ..self.shell(rule, all.ty.clone())
        };
        let mut clauses: Vec<Clause> = depths.into_iter().map(|depth| self.gathered(rule, pairs_id, depth)).collect();
        for definition in info.definitions.iter().filter(|definition| !is_set(definition)) {
            clauses.push(self.definition(rule, definition));
        }
        let object = Rule { clauses, ..self.shell(rule, Type::Any) };
        (pairs, object)
    }

    fn shell(&self, rule: usize, ty: Type) -> Rule {
        let info = &self.index.rules[rule];
        Rule {
            path: info.path(),
            parts: info.parts.clone(),
            profile: info.profile,
            kind: info.kind,
            parameters: 0,
            clauses: Vec::new(),
            default: None,
            default_locals: Vec::new(),
            ty,
            span: info.span,
        }
    }

    /// The union of sets, as a tree that is not deep.
    fn union_of(&self, mut sets: Vec<Typed>, span: Span) -> Typed {
        while sets.len() > 1 {
            let mut joined = Vec::new();
            let mut rest = sets.into_iter();
            while let Some(left) = rest.next() {
                joined.push(match rest.next() {
                    Some(right) => {
                        let ty = Type::limited_union([left.ty.clone(), right.ty.clone()]);
                        self.make(Kind::Binary(BinaryOperator::Union, Box::new(left), Box::new(right)), ty, span)
                    }
                    None => left,
                });
            }
            sets = joined;
        }
        sets.pop().unwrap_or_else(|| self.broken(span))
    }

    /// For each distinct key of this depth: the set of its elements.
    fn gathered(&mut self, rule: usize, pairs: RuleId, depth: usize) -> Clause {
        let info = &self.index.rules[rule];
        let span = info.span;
        self.locals = Vec::new();
        let pairs = self.make(Kind::Function(pairs, Vec::new()), Type::Any, span);
        let depth_of_keys = self.make(Kind::Constant(Value::from(depth as i64)), Type::Int, span);
        let gathered = Kind::Builtin("internal.gather".into(), vec![pairs, depth_of_keys]);
        let gathered = self.make(gathered, Type::Any, span);
        let local = |checker: &Self, local: LocalId| checker.make(Kind::Local(local), Type::Any, span);
        let keys: Vec<LocalId> = (0..depth).map(|_| self.temporary(Type::Any, span)).collect();
        let elements = self.temporary(Type::Any, span);
        let value = local(self, elements);
        let mut key_values: Vec<Typed> = keys.iter().map(|key| local(self, *key)).collect();
        let key = match (info.kind, key_values.len()) {
            (RuleKind::Object { depth: 1 }, 1) => key_values.pop(),
            _ => Some(self.array(key_values, span)),
        };
        let keys = Pattern::Array(keys.into_iter().map(Pattern::Bind).collect());
        let kind = ConditionKind::Each { key: keys, value: Pattern::Bind(elements), collection: gathered };
        clause(std::mem::take(&mut self.locals), vec![Condition { kind, span }], key, value, span)
    }
}

fn clause(locals: Vec<Local>, conditions: Vec<Condition>, key: Option<Typed>, value: Typed, span: Span) -> Clause {
    Clause { locals, parameters: Vec::new(), body: Body { conditions }, key, value, else_clause: None, span }
}
