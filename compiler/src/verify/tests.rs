//! What the verifier refuses.

use std::collections::BTreeMap;

use hpol_lang::source::{FileId, SourceMap, Span};
use hpol_stdlib::heap::{Heap, Word};

use super::*;
use crate::plan::{Collection, Definitions, DefinitionsId, Origin, PlaceId, Site, SiteId};

const SPAN: Span = Span::new(FileId(0), 0, 0);

fn statement(kind: StatementKind) -> Statement {
    Statement { kind, place: PlaceId(0) }
}

fn constant(target: u32) -> Statement {
    statement(StatementKind::Constant { target: Register(target), value: Word::TRUE })
}

fn test(value: u32) -> Statement {
    statement(StatementKind::Test { value: Register(value), expected: true })
}

fn scope(label: u32, catches: bool, statements: Vec<Statement>) -> Statement {
    statement(StatementKind::Scope { label: Label(label), catches, body: Block { statements } })
}

fn leave(label: u32) -> Statement {
    statement(StatementKind::Leave { label: Label(label) })
}

/// A program of one function with three registers, whose result is r0.
fn program(statements: Vec<Statement>) -> Program {
    let function = Function {
        name: "f".into(),
        origin: Origin::Rule(vec!["f".into()]),
        parameters: 0,
        registers: 3,
        result: Register(0),
        memo: None,
        gathers: false,
        body: Block { statements },
        span: SPAN,
    };
    Program {
        functions: vec![function],
        frozen: Heap::for_freezing().into_frozen(),
        data: Word::ABSENT,
        builtins: Vec::new(),
        rules: BTreeMap::new(),
        documents: Vec::new(),
        nodes: Vec::new(),
        decisions: Vec::new(),
        counters: Vec::new(),
        labels: Vec::new(),
        packages: Vec::new(),
        tests: Vec::new(),
        sites: vec![Site { path: "input".into(), span: SPAN }],
        places: vec![SPAN],
        indexes: Vec::new(),
        definitions: Vec::new(),
        slots: crate::plan::InputSlots::default(),
        lookups: Vec::new(),
        members: None,
        paths: Vec::new(),
        extents: Vec::new(),
        conditions: Vec::new(),
        memo_slots: 0,
        sources: SourceMap::new(),
    }
}

#[track_caller]
fn refused(statements: Vec<Statement>, problem: &str) {
    match verify(&program(statements)) {
        Err(CompileError::Invalid(message)) => assert!(message.contains(problem), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn accepted(statements: Vec<Statement>) {
    verify(&program(statements)).expect("the plan is right");
}

#[test]
fn registers_are_written_before_they_are_read() {
    refused(vec![constant(0), test(1)], "r1 is read before it is written");
    refused(vec![constant(0), constant(3)], "it writes a register that there is not");
    refused(vec![constant(1)], "its result is not always written");
}

#[test]
fn what_a_failure_skips_is_not_written_behind_it() {
    // The test may end the scope before r1 is written.
    refused(vec![constant(0), scope(0, true, vec![test(0), constant(1)]), test(1)], "r1 is read before");
    // Without a catch the failure goes further out.
    accepted(vec![constant(0), scope(0, false, vec![test(0), constant(1)]), test(1)]);
    // A failure of the function itself ends it, and its result must be there.
    refused(vec![constant(1), test(1), constant(0)], "its result is not always written");
}

#[test]
fn ways_out_of_a_scope_meet_behind_it() {
    let inner = scope(1, true, vec![test(0), constant(1), leave(0)]);
    accepted(vec![constant(0), scope(0, false, vec![inner.clone(), statement(StatementKind::Fail)]), test(1)]);
    refused(vec![constant(0), scope(0, false, vec![inner]), test(1)], "r1 is read before");
}

#[test]
fn loops_may_have_no_iterations() {
    let each = |body: Vec<Statement>| {
        statement(StatementKind::Each {
            label: Label(0),
            key: None,
            value: Some(Register(1)),
            collection: Register(0),
            body: Block { statements: body },
            site: SiteId(0),
            lookup: None,
        })
    };
    accepted(vec![constant(0), each(vec![test(1)])]);
    refused(vec![constant(0), each(vec![]), test(1)], "r1 is read before");
    refused(vec![constant(0), each(vec![constant(2), leave(0)]), test(2)], "r2 is read before");
}

#[test]
fn structure_is_kept() {
    refused(vec![constant(0), leave(0)], "there is no L0 around it");
    refused(vec![constant(0), scope(0, true, vec![]), scope(0, true, vec![])], "L0 is defined twice");
    let emit = statement(StatementKind::Emit { key: None, value: Register(0) });
    refused(vec![constant(0), emit], "there is no collection");
    let collect = statement(StatementKind::Collect {
        target: Register(1),
        collection: Collection::Set,
        body: Block { statements: vec![leave(0)] },
    });
    refused(vec![constant(0), scope(0, true, vec![collect])], "L0 is outside of the collection");
    let outside = statement(StatementKind::Outside { label: Label(0), body: Block::default() });
    refused(vec![constant(0), outside], "the `with` is not the one in force");
    let mark = statement(StatementKind::Mark { site: SiteId(7) });
    refused(vec![constant(0), mark], "it names something that there is not");
}

#[test]
fn a_function_that_needs_itself_is_refused() {
    let call = StatementKind::Call { target: Register(1), function: FunctionId(0), arguments: Vec::new() };
    let program = program(vec![constant(0), statement(call)]);
    assert!(matches!(depths(&program), Err(CompileError::Recursive { .. })));
}

#[test]
fn definitions_fit_the_statement_that_runs_them() {
    let run = |target| {
        let arguments = Vec::new();
        statement(StatementKind::Definitions { target, definitions: DefinitionsId(0), arguments })
    };
    let mut program = program(vec![constant(0), run(Some(Register(0)))]);
    let unknown = verify(&program);
    program.definitions.push(Definitions { bodies: vec![FunctionId(1)], first: false, index: None });
    let mut body = program.functions[0].clone();
    body.origin = Origin::Definition { rule: FunctionId(0), collects: false };
    body.parameters = 1;
    body.body.statements.clear();
    program.functions.push(body);
    assert_eq!(verify(&program), Ok(()));
    let mut collects = program.clone();
    collects.functions[1].origin = Origin::Definition { rule: FunctionId(0), collects: true };
    let mut needs_more = program.clone();
    needs_more.functions[1].parameters = 2;
    let mut no_definition = program.clone();
    no_definition.functions[1].origin = Origin::Rule(vec!["g".into()]);
    let wrong = [verify(&collects), verify(&needs_more), verify(&no_definition), unknown];
    for refused in wrong {
        let error = refused.expect_err("it is refused").to_string();
        assert!(error.contains("it names something that there is not"), "{error}");
    }
    program.functions[0].body.statements = vec![constant(0), run(None)];
    program.functions[1].origin = Origin::Definition { rule: FunctionId(0), collects: true };
    program.functions[1].parameters = 0;
    let error = verify(&program).expect_err("nothing collects").to_string();
    assert!(error.contains("there is no collection"), "{error}");
}
