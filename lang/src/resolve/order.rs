//! The order in which rules are checked: each after those it uses. Rules that use each other are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::visit::{Closure, Part, condition_parts, declared, parts, pattern_names};
use super::{Index, Key, Target};
use crate::ast::{Condition, Expr, ExprKind, Path, Reference, Step};
use crate::diagnostic::Diagnostic;
use crate::load::QUERY_PACKAGE;
use crate::source::Span;
use crate::typed::RuleKind;

/// How many pairs of a rule and a rule it uses are followed.
const USES_MAX: usize = 1_000_000;

/// The rules in the order of their dependencies. Rules on a cycle are reported and stand in some order.
pub(crate) fn sort(index: &Index<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<usize> {
    let mut all: Vec<BTreeMap<usize, Span>> = Vec::new();
    let mut count = 0;
    for rule in 0..index.rules.len() {
        let used = if count <= USES_MAX { uses(index, rule) } else { BTreeMap::new() };
        let before = count;
        count += used.len();
        if before <= USES_MAX && count > USES_MAX {
            let message = format!("rules use each other in more than {USES_MAX} ways");
            diagnostics.push(
                Diagnostic::error("too-many-uses", index.rules[rule].span, message)
                    .with_help("refer to single rules instead of whole packages such as `data.a[x]`"),
            );
        }
        all.push(used);
    }
    let uses = all;
    let components = components(&uses);
    for component in &components {
        let first = component.iter().copied().min().unwrap_or(0);
        if component.len() > 1 || uses[first].contains_key(&first) {
            report(index, &uses, component, diagnostics);
        }
    }
    components.into_iter().flatten().collect()
}

/// Names the rules of a cycle, starting with the first in order of the paths, by the shortest way round.
fn report(index: &Index<'_>, uses: &[BTreeMap<usize, Span>], component: &[usize], diagnostics: &mut Vec<Diagnostic>) {
    let Some(start) = component.iter().copied().min() else { return };
    let members: BTreeSet<usize> = component.iter().copied().collect();
    let mut from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    let mut last = start;
    'search: while let Some(rule) = queue.pop_front() {
        for next in uses[rule].keys().filter(|next| members.contains(next)) {
            if *next == start {
                last = rule;
                break 'search;
            }
            if !from.contains_key(next) {
                from.insert(*next, rule);
                queue.push_back(*next);
            }
        }
    }
    let mut cycle = vec![last];
    while let Some(before) = cycle.last().filter(|rule| **rule != start).and_then(|rule| from.get(rule)) {
        cycle.push(*before);
    }
    cycle.reverse();
    let names: Vec<Arc<str>> = cycle.iter().chain([&start]).take(12).map(|rule| index.rules[*rule].path()).collect();
    let span = uses[start].get(cycle.get(1).unwrap_or(&start)).copied().unwrap_or(index.rules[start].span);
    let message = match names.as_slice() {
        [only, _] => format!("`{only}` uses itself"),
        _ => format!("rules use each other: {}", names.join(" → ")),
    };
    let mut diagnostic = Diagnostic::error("recursion", span, message)
        .with_label("the cycle starts here")
        .with_help("rules can't be recursive; for trees and graphs use `graph.reachable` or `walk`");
    for (rule, next) in cycle.iter().skip(1).zip(cycle.iter().skip(2).chain([&start])).take(5) {
        if let Some(span) = uses[*rule].get(next) {
            diagnostic = diagnostic
                .with_related(*span, format!("`{}` uses `{}`", index.rules[*rule].path(), index.rules[*next].path()));
        }
    }
    diagnostics.push(diagnostic);
}

/// Strongly connected components (Tarjan), dependencies first, with a stack of its own so that long chains of rules are safe.
fn components(uses: &[BTreeMap<usize, Span>]) -> Vec<Vec<usize>> {
    struct State {
        number: Vec<Option<usize>>,
        low: Vec<usize>,
        on_stack: Vec<bool>,
        stack: Vec<usize>,
        count: usize,
    }
    let size = uses.len();
    let mut state = State {
        number: vec![None; size],
        low: vec![0; size],
        on_stack: vec![false; size],
        stack: Vec::new(),
        count: 0,
    };
    let mut result = Vec::new();
    for root in 0..size {
        if state.number[root].is_some() {
            continue;
        }
        let mut work = vec![(root, uses[root].keys().copied().collect::<Vec<_>>(), 0)];
        enter(&mut state, root);
        while let Some((rule, next, at)) = work.last_mut() {
            let rule = *rule;
            if let Some(target) = next.get(*at).copied() {
                *at += 1;
                match state.number[target] {
                    None => {
                        enter(&mut state, target);
                        work.push((target, uses[target].keys().copied().collect(), 0));
                    }
                    Some(number) if state.on_stack[target] => state.low[rule] = state.low[rule].min(number),
                    Some(_) => {}
                }
                continue;
            }
            work.pop();
            if let Some((parent, ..)) = work.last() {
                state.low[*parent] = state.low[*parent].min(state.low[rule]);
            }
            if Some(state.low[rule]) == state.number[rule] {
                let mut component = Vec::new();
                while let Some(member) = state.stack.pop() {
                    state.on_stack[member] = false;
                    component.push(member);
                    if member == rule {
                        break;
                    }
                }
                result.push(component);
            }
        }
    }
    fn enter(state: &mut State, rule: usize) {
        state.number[rule] = Some(state.count);
        state.low[rule] = state.count;
        state.count += 1;
        state.stack.push(rule);
        state.on_stack[rule] = true;
    }
    result
}

/// The rules that a rule uses, with the first place of each.
fn uses(index: &Index<'_>, rule: usize) -> BTreeMap<usize, Span> {
    let info = &index.rules[rule];
    let mut all = BTreeMap::new();
    for definition in &info.definitions {
        let mut walker = Walker { index, module: definition.module, locals: Vec::new(), uses: &mut all };
        let head = &definition.rule.head;
        let mut names = Vec::new();
        head.parameters.iter().flatten().for_each(|parameter| pattern_names(parameter, &mut names));
        walker.locals.push(names.into_iter().map(|(name, _)| name).collect());
        head.parameters.iter().flatten().for_each(|parameter| walker.expr(parameter));
        let keys = definition.keys.iter().filter_map(|key| match key {
            Key::Expr(expr) => Some(*expr),
            Key::Constant(..) => None,
        });
        let heads: Vec<&Expr> = keys.chain(head.contains.as_deref()).chain(head.value.as_deref()).collect();
        walker.clause(&heads, definition.rule.body.as_ref().map_or(&[], |body| &body.conditions));
        for clause in &definition.rule.else_clauses {
            let heads: Vec<&Expr> = clause.value.iter().collect();
            walker.clause(&heads, clause.body.as_ref().map_or(&[], |body| &body.conditions));
        }
    }
    if let Some((module, default)) = info.default {
        let mut walker = Walker { index, module, locals: Vec::new(), uses: &mut all };
        walker.expr(&default.value);
    }
    if let Some((module, counter)) = info.counter {
        let mut walker = Walker { index, module, locals: Vec::new(), uses: &mut all };
        let heads: Vec<&Expr> = counter.per.iter().chain([&counter.amount]).collect();
        walker.clause(&heads, counter.body.as_ref().map_or(&[], |body| &body.conditions));
    }
    all
}

struct Walker<'w, 'a> {
    index: &'w Index<'a>,
    module: usize,
    locals: Vec<BTreeSet<Arc<str>>>,
    uses: &'w mut BTreeMap<usize, Span>,
}

impl Walker<'_, '_> {
    fn clause(&mut self, heads: &[&Expr], conditions: &[Condition]) {
        self.locals.push(declared(conditions).into_iter().map(|(name, _)| name).collect());
        for condition in conditions {
            condition_parts(condition, &mut |part| self.part(part));
        }
        heads.iter().for_each(|head| self.expr(head));
        self.locals.pop();
    }

    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Expr(expr) | Part::Replacement(expr) => self.expr(expr),
            Part::Closure(closure) => self.closure(&closure),
            Part::Call(path) => self.call(path),
        }
    }

    fn closure(&mut self, closure: &Closure<'_>) {
        self.locals.push(closure.names.iter().map(|name| name.text.clone()).collect());
        self.clause(&closure.heads, closure.conditions);
        self.locals.pop();
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|names| names.contains(name))
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Variable(name) if !self.is_local(name) => {
                if let Some(resolved) = self.index.resolve(self.module, name, &[]) {
                    self.target(&resolved.target, expr.span);
                }
            }
            ExprKind::Variable(_) => {}
            ExprKind::Reference(reference) => {
                self.reference(reference);
                let head = Some(&reference.head).filter(|head| !matches!(head.kind, ExprKind::Variable(_)));
                head.into_iter().for_each(|head| self.expr(head));
                reference.steps.iter().for_each(|step| match step {
                    Step::Field(_) => {}
                    Step::Index(index) => self.expr(index),
                });
            }
            _ => parts(expr, &mut |part| self.part(part)),
        }
    }

    fn reference(&mut self, reference: &Reference) {
        let ExprKind::Variable(name) = &reference.head.kind else { return };
        if self.is_local(name) {
            return;
        }
        if let Some(resolved) = self.index.resolve(self.module, name, &reference.steps) {
            if super::names_no_rule(&resolved, &reference.steps) {
                return;
            }
            if let Target::Package(parts) = &resolved.target {
                let rest = reference.steps.get(resolved.taken..).unwrap_or_default();
                let below: Vec<Option<Arc<str>>> = rest.iter().map(super::constant_step).collect();
                return self.package(parts, &below, reference.span);
            }
            self.target(&resolved.target, reference.span);
        }
    }

    fn call(&mut self, path: &Path) {
        let Some((first, rest)) = path.parts.split_first() else { return };
        let names: Vec<Arc<str>> = rest.iter().map(|part| part.text.clone()).collect();
        if let Some(resolved) = self.index.resolve_names(self.module, &first.text, &names) {
            self.target(&resolved.target, path.span);
        }
    }

    fn target(&mut self, target: &Target, span: Span) {
        match target {
            Target::Rule(rule) => {
                self.uses.entry(*rule).or_insert(span);
            }
            Target::Package(parts) => self.package(parts, &[], span),
            Target::Input | Target::Session | Target::Data(_) | Target::Missing(..) => {}
        }
    }

    /// Uses every rule below a package that the steps behind it, as far as they are known, can lead to.
    fn package(&mut self, parts: &[Arc<str>], below: &[Option<Arc<str>>], span: Span) {
        let rules = self.index.node(parts).map(super::Node::rules).unwrap_or_default();
        for rule in rules {
            let info = &self.index.rules[rule];
            let rest = info.parts.get(parts.len()..).unwrap_or_default();
            let reached = rest.iter().zip(below).all(|(name, step)| step.as_ref().is_none_or(|step| step == name));
            let asks = info.parts.first().is_some_and(|first| **first == *QUERY_PACKAGE);
            if info.kind != RuleKind::Function && reached && !asks {
                self.uses.entry(rule).or_insert(span);
            }
        }
    }
}
