//! Rules with many definitions: each definition becomes a function of its own, so that the rule's own stays small however many there
//! are, and those that can't give a value need not be run (see `optimise/index_definitions.rs`).
//!
//! ```text
//! limit := 10 if input.plan == "free"            function limit:  r0 = absent
//! limit := 90 if input.plan == "team"                             r0 = 100 definitions()
//! …                                              a definition:    scope L0 catches { …; yield r0 r3 }, with r0 as its parameter
//! ```

use hpol_lang::typed::{Clause, Rule};
use hpol_stdlib::heap::Word;

use crate::plan::{Collection, DefinitionsId, Function, FunctionId, Origin, Register, StatementKind};

use super::Lowered;
use super::body::iterates;
use super::builder::Builder;
use super::rule::{chain, emitting, stops_early, yielding};

/// From so many definitions on a rule has functions for them: below, running through them costs less than choosing.
const DEFINITIONS_MIN: usize = 16;

/// The definitions of a rule with one value, if they are many; `settled` says that they all yield the same.
pub(super) fn yielded<'t>(
    builder: &mut Builder<'_, 't>,
    rule: &'t Rule,
    id: FunctionId,
    result: Register,
    settled: bool,
) -> Lowered<bool> {
    // Of a chain each is a definition: the first that yields a value ends it.
    let is_chain = rule.clauses.len() == 1;
    let clauses: Vec<&Clause> = if is_chain { links(&rule.clauses).collect() } else { rule.clauses.iter().collect() };
    if clauses.len() < DEFINITIONS_MIN {
        return Ok(false);
    }
    let mut bodies = Vec::with_capacity(clauses.len());
    for clause in clauses {
        bodies.push(yielding_body(builder, rule, id, clause, (settled, is_chain))?);
    }
    let definitions = builder.shared.definitions(bodies, settled || is_chain);
    push(builder, rule, Some(result), definitions);
    Ok(true)
}

/// The definitions of a set or object, if they are many.
pub(super) fn collected<'t>(
    builder: &mut Builder<'_, 't>,
    rule: &'t Rule,
    id: FunctionId,
    collection: Collection,
) -> Lowered<bool> {
    if rule.clauses.len() < DEFINITIONS_MIN {
        return Ok(false);
    }
    let mut bodies = Vec::with_capacity(rule.clauses.len());
    for clause in &rule.clauses {
        let mut body = begun(builder, rule, clause, rule.parameters);
        let result = body.register();
        body.constant(result, Word::ABSENT, clause.span);
        body.scope(true, clause.span, |body, _| emitting(body, clause, collection))?;
        bodies.push(body.finish(result, Origin::Definition { rule: id, collects: true }));
    }
    let definitions = builder.shared.definitions(bodies, false);
    push(builder, rule, None, definitions);
    Ok(true)
}

/// A clause with all its `else` clauses.
fn links(clauses: &[Clause]) -> impl Iterator<Item = &Clause> {
    std::iter::successors(clauses.first(), |clause| clause.else_clause.as_deref())
}

fn begun<'b, 't>(
    builder: &'b mut Builder<'_, 't>,
    rule: &'t Rule,
    clause: &'t Clause,
    parameters: u32,
) -> Builder<'b, 't> {
    let tells_outcomes = builder.tells_outcomes;
    let mut body = Builder::new(builder.shared, rule.path.clone(), parameters, clause.span);
    body.tells_outcomes = tells_outcomes;
    body
}

fn yielding_body<'t>(
    builder: &mut Builder<'_, 't>,
    rule: &'t Rule,
    id: FunctionId,
    clause: &'t Clause,
    (settled, is_chain): (bool, bool),
) -> Lowered<Function> {
    let result = Register(rule.parameters);
    let mut body = begun(builder, rule, clause, rule.parameters + 1);
    if is_chain || clause.else_clause.is_none() {
        let early = settled || stops_early(clause) || (is_chain && !iterates(&clause.body));
        body.scope(true, clause.span, |body, tried| yielding(body, clause, result, early.then_some(tried), None))?;
    } else {
        body.scope(false, clause.span, |body, done| chain(body, clause, result, settled.then_some(done)))?;
    }
    Ok(body.finish(result, Origin::Definition { rule: id, collects: false }))
}

fn push(builder: &mut Builder<'_, '_>, rule: &Rule, target: Option<Register>, definitions: DefinitionsId) {
    let arguments = (0..rule.parameters).map(Register).collect();
    builder.push(StatementKind::Definitions { target, definitions, arguments }, rule.span);
}
