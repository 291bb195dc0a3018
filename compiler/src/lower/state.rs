//! Counters and labels: what a request that goes ahead leaves behind.

use std::collections::BTreeSet;

use hpol_lang::typed;
use hpol_stdlib::heap::Word;

use crate::plan::{Block, Counter, Function, FunctionId, LabelRule, Origin, Program, StatementKind};

use super::builder::Builder;
use super::{Lowered, Shared, function_of, number};

/// Adds the functions of all counters and labels.
pub(super) fn lower_all(
    shared: &mut Shared<'_>,
    functions: &mut Vec<Function>,
) -> Lowered<(Vec<Counter>, Vec<LabelRule>)> {
    let program = shared.typed;
    let mut counters = Vec::with_capacity(program.counters.len());
    for counter in &program.counters {
        let condition = match counter.body.conditions.as_slice() {
            [] => None,
            _ => {
                let name = format!("condition of counter {}", counter.name);
                Some(condition(shared, functions, name, &counter.locals, &counter.body, counter.span)?)
            }
        };
        counters.push(Counter {
            name: counter.name.clone(),
            package: counter.package,
            window_nanoseconds: counter.window_nanoseconds,
            condition,
            entry: entry(shared, functions, counter)?,
            readers: Vec::new(),
            span: counter.span,
        });
    }
    let mut labels = Vec::with_capacity(program.labels.len());
    for label in &program.labels {
        let name = format!("condition of label {:?}", label.label);
        labels.push(LabelRule {
            label: label.label.clone(),
            package: label.package,
            condition: condition(shared, functions, name, &label.locals, &label.body, label.span)?,
            span: label.span,
        });
    }
    Ok((counters, labels))
}

/// A function that yields true where the body holds.
fn condition<'t>(
    shared: &mut Shared<'t>,
    functions: &mut Vec<Function>,
    name: String,
    locals: &'t [typed::Local],
    body: &'t typed::Body,
    span: hpol_lang::source::Span,
) -> Lowered<FunctionId> {
    let mut builder = Builder::new(shared, name, 0, span);
    builder.start_clause(locals, span);
    let result = builder.register();
    builder.constant(result, Word::ABSENT, span);
    builder.scope(true, span, |builder, label| {
        builder.body(&body.conditions, &mut |builder| {
            builder.constant(result, Word::TRUE, span);
            builder.push(StatementKind::Leave { label }, span);
            Ok(())
        })
    })?;
    functions.push(builder.finish(result, Origin::Decision));
    Ok(FunctionId(number(functions.len() - 1)))
}

/// A function that yields `[[key, …], amount]`.
fn entry<'t>(
    shared: &mut Shared<'t>,
    functions: &mut Vec<Function>,
    counter: &'t typed::Counter,
) -> Lowered<FunctionId> {
    let span = counter.span;
    let mut builder = Builder::new(shared, format!("entry of counter {}", counter.name), 0, span);
    builder.start_clause(&counter.locals, span);
    let result = builder.register();
    builder.constant(result, Word::ABSENT, span);
    builder.scope(true, span, |builder, _| {
        let source = builder.value(&counter.entry)?;
        builder.push(StatementKind::Copy { target: result, source }, span);
        Ok(())
    })?;
    functions.push(builder.finish(result, Origin::Decision));
    Ok(FunctionId(number(functions.len() - 1)))
}

/// For each counter the names of the decision rules, labels and counters that look at its value. Functions stand behind those
/// they call, so one pass finds them.
pub(super) fn readers(program: &mut Program, typed: &typed::Program) {
    if program.counters.is_empty() {
        return;
    }
    let mut reached: Vec<BTreeSet<usize>> = Vec::with_capacity(program.functions.len());
    for (index, function) in program.functions.iter().enumerate() {
        let mut counters = BTreeSet::new();
        let own = typed.counters.iter().position(|counter| function_of(counter.rule).index() == index);
        counters.extend(own);
        let calls = calls(&function.body, program);
        counters.extend(calls.iter().flat_map(|callee| reached.get(callee.index()).into_iter().flatten()));
        reached.push(counters);
    }
    let mut named: Vec<(FunctionId, String)> = Vec::new();
    for decision in &program.decisions {
        let name = format!("{} {:?}", decision.effect.word(), decision.id);
        named.extend([Some(decision.body), decision.exemption].into_iter().flatten().map(|id| (id, name.clone())));
    }
    let labels = program.labels.iter();
    named.extend(labels.map(|label| (label.condition, format!("emit label {:?}", label.label))));
    for (index, counter) in program.counters.iter_mut().enumerate() {
        let mut readers: Vec<String> = Vec::new();
        for (function, name) in &named {
            let reads = reached.get(function.index()).is_some_and(|counters| counters.contains(&index));
            if reads && !readers.contains(name) {
                readers.push(name.clone());
            }
        }
        counter.readers = readers;
    }
}

/// The functions that a block calls, as far as it may.
fn calls(block: &Block, program: &Program) -> Vec<FunctionId> {
    let mut calls = Vec::new();
    block.each_statement(&mut |statement| {
        if let StatementKind::Call { function, .. } = &statement.kind {
            calls.push(*function);
        } else if let StatementKind::Definitions { definitions, .. } = &statement.kind {
            let bodies = program.definitions.get(definitions.index()).into_iter().flat_map(|found| &found.bodies);
            let bodies = bodies.filter_map(|body| program.functions.get(body.index()));
            // A definition runs none itself.
            calls.extend(bodies.flat_map(|body| self::calls(&body.body, program)));
        } else if let StatementKind::Document { extent, .. } = &statement.kind
            && let Some(extent) = program.extents.get(extent.index())
        {
            calls.extend(program.rules_of(extent, |_, _| true).map(|rule| rule.1));
        }
    });
    calls
}
