//! Calls of small rules, and of rules that are called in one place, become what the rules do.
//!
//! ```text
//! secret if input.class == "secret"        r2 = field input "class"
//! r1 = call data.p.secret()            →   test r2 == "secret"
//! test r1                                  r1 = true
//! ```
//!
//! Where a rule has one definition, its conditions fail where the call would have failed. Others keep their scopes:
//!
//! ```text
//! m = mark
//! r2 = absent
//! scope L catches { …; yield r2 … }
//! test present r2
//! restore mark m
//! r1 = r2
//! ```
//!
//! A rule is left alone if some `with` of the program may replace it, or if it leaves more behind than a value.

use crate::plan::{
    Block, Function, FunctionId, Label, Origin, PlaceId, Program, Register, ReplacementTarget, Statement,
    StatementKind, each_register_mut, label, label_mut, reads, written,
};

use super::inline_constants::{may_be_replaced, replaced};

/// So much work of a rule may stand in each place that calls it.
const SMALL: usize = 12;

/// So much work of a rule may stand in the only place that calls it.
const ONCE: usize = 48;

/// A function does not grow beyond so many statements.
const GROWN: usize = 2_048;

pub(super) fn run(program: &mut Program) {
    let targets: Vec<ReplacementTarget> = replaced(program).cloned().collect();
    let callees = Callees::of(program, &targets);
    for id in callees_first(program) {
        let Some(function) = program.functions.get_mut(id.index()) else { continue };
        let mut into = function.clone();
        let labels = labels(&into);
        let size = size(&into.body);
        let mut caller = Caller { program, callees: &callees, registers: into.registers, labels, size };
        into.body = caller.block(std::mem::take(&mut into.body));
        into.registers = caller.registers;
        program.functions[id.index()] = into;
    }
}

/// What is known of functions as callees, by number.
struct Callees {
    /// Whether what they do may stand in the place of a call.
    may_move: Vec<bool>,
    /// Whether there is one call at most, and that in no loop.
    called_once: Vec<bool>,
}

impl Callees {
    fn of(program: &Program, targets: &[ReplacementTarget]) -> Self {
        let may_move = (0..).map(FunctionId).zip(&program.functions).map(|(id, function)| {
            matches!(function.origin, Origin::Rule(_))
                && !function.gathers
                && !may_be_replaced(id, function, targets)
                && leaves_only_a_value(&function.body)
        });
        let may_move = may_move.collect();
        let mut calls = vec![0_u32; program.functions.len()];
        for function in &program.functions {
            count_calls(&function.body, 1, &mut calls);
        }
        Self { may_move, called_once: calls.into_iter().map(|calls| calls <= 1).collect() }
    }
}

/// Adds up calls; those in a loop count as several.
fn count_calls(block: &Block, weight: u32, calls: &mut [u32]) {
    for statement in &block.statements {
        if let StatementKind::Call { function, .. } = &statement.kind {
            calls[function.index()] = calls[function.index()].saturating_add(weight);
        }
        let loops = matches!(statement.kind, StatementKind::Each { .. });
        if let Some(block) = statement.block() {
            count_calls(block, if loops { 2 } else { weight }, calls);
        }
    }
}

fn leaves_only_a_value(body: &Block) -> bool {
    let mut only = true;
    body.each_statement(&mut |statement| {
        let more = matches!(
            statement.kind,
            StatementKind::With { .. }
                | StatementKind::Definitions { .. }
                | StatementKind::Outside { .. }
                | StatementKind::Record { .. }
        );
        only &= !more;
    });
    only
}

/// How many statements do something; the others are structure.
fn size(block: &Block) -> usize {
    let mut size = 0;
    block.each_statement(&mut |statement| {
        let is_structure = matches!(
            statement.kind,
            StatementKind::Constant { .. }
                | StatementKind::Copy { .. }
                | StatementKind::Scope { .. }
                | StatementKind::Leave { .. }
                | StatementKind::Yield { .. }
        );
        size += usize::from(!is_structure);
    });
    size
}

/// How many labels a function uses, so that the next one is free.
fn labels(function: &Function) -> u32 {
    let mut free = 0;
    function.body.each_statement(&mut |statement| {
        if let Some(label) = label(&statement.kind) {
            free = free.max(label.0 + 1);
        }
    });
    free
}

/// All functions, each behind those that it calls, so that what is put in place of a call is final. No function calls itself.
fn callees_first(program: &Program) -> Vec<FunctionId> {
    let called = |id: FunctionId| {
        let mut called = Vec::new();
        program.functions[id.index()].body.each_statement(&mut |statement| {
            if let StatementKind::Call { function, .. } = &statement.kind {
                called.push(*function);
            }
        });
        called
    };
    let mut order = Vec::with_capacity(program.functions.len());
    let mut seen = vec![false; program.functions.len()];
    let mut open: Vec<(FunctionId, Vec<FunctionId>)> = Vec::new();
    for id in (0..).map(FunctionId).take(program.functions.len()) {
        if !std::mem::replace(&mut seen[id.index()], true) {
            open.push((id, called(id)));
        }
        while let Some((at, left)) = open.last_mut() {
            match left.pop() {
                Some(next) => {
                    if !std::mem::replace(&mut seen[next.index()], true) {
                        open.push((next, called(next)));
                    }
                }
                None => {
                    order.push(*at);
                    open.pop();
                }
            }
        }
    }
    order
}

/// The function in which calls are replaced.
struct Caller<'p> {
    program: &'p Program,
    callees: &'p Callees,
    registers: u32,
    labels: u32,
    size: usize,
}

impl<'p> Caller<'p> {
    fn block(&mut self, block: Block) -> Block {
        let mut statements = Vec::with_capacity(block.statements.len());
        for mut statement in block.statements {
            if let StatementKind::Call { target, function, arguments } = &statement.kind
                && let Some(callee) = self.callee(*function)
            {
                self.put_in(callee, *target, arguments, statement.place, &mut statements);
                continue;
            }
            if let Some(inner) = statement.block_mut() {
                *inner = self.block(std::mem::take(inner));
            }
            statements.push(statement);
        }
        Block { statements }
    }

    /// The function, if what it does is to stand in place of its call.
    fn callee(&mut self, id: FunctionId) -> Option<&'p Function> {
        let function = self.program.function(id);
        let size = size(&function.body);
        let fits = if self.callees.called_once[id.index()] {
            size <= ONCE
        } else {
            // A result that is kept is not computed again in every place, unless that is as little work as asking for it.
            size <= SMALL && (function.memo.is_none() || is_cheap(&function.body))
        };
        let grown = self.size + size;
        (self.callees.may_move[id.index()] && fits && grown <= GROWN).then(|| {
            self.size = grown;
            function
        })
    }

    /// Adds what a call does.
    fn put_in(
        &mut self,
        callee: &Function,
        target: Register,
        arguments: &[Register],
        place: PlaceId,
        into: &mut Vec<Statement>,
    ) {
        let (registers, labels) = (self.registers, self.labels);
        self.registers += callee.registers;
        self.labels += self::labels(callee);
        let own = |register: Register| Register(registers + register.0);
        let mut push = |kind| into.push(Statement { kind, place });
        for (parameter, argument) in (0..callee.parameters).map(Register).zip(arguments) {
            push(StatementKind::Copy { target: own(parameter), source: *argument });
        }
        let saved = Register(self.registers);
        self.registers += 1;
        let definition = definition(callee);
        let statements = definition.map_or(callee.body.statements.as_slice(), |definition| definition.0);
        // Where nothing in it fails but all of it, nothing is absent where it succeeds.
        let marks = definition.is_none() || statements.iter().any(|statement| may_mark(&statement.kind));
        if marks {
            push(StatementKind::MarkSave { target: saved });
        }
        let moved = statements.iter().cloned().map(|mut statement| {
            move_statement(&mut statement, registers, labels);
            statement
        });
        let result = match definition {
            Some((_, value)) => {
                into.extend(moved);
                value
            }
            None => {
                let label = Label(self.labels);
                self.labels += 1;
                let body = Block { statements: moved.collect() };
                push(StatementKind::Scope { label, catches: true, body });
                push(StatementKind::TestAbsent { value: own(callee.result), expected: false });
                callee.result
            }
        };
        let mut push = |kind| into.push(Statement { kind, place });
        if marks {
            push(StatementKind::MarkRestore { source: saved });
        }
        push(StatementKind::Copy { target, source: own(result) });
    }
}

/// Gives the registers and labels of a statement, and of all within it, numbers behind those of the caller.
fn move_statement(statement: &mut Statement, registers: u32, labels: u32) {
    each_register_mut(&mut statement.kind, &mut |register| register.0 += registers);
    if let Some(label) = label_mut(&mut statement.kind) {
        label.0 += labels;
    }
    if let Some(block) = statement.block_mut() {
        block.statements.iter_mut().for_each(|statement| move_statement(statement, registers, labels));
    }
}

/// The conditions of a function with one definition that yields one value at its end, and the register of that value: where one
/// of them fails, there is no result.
fn definition(function: &Function) -> Option<(&[Statement], Register)> {
    let result = function.result;
    let mut statements = function.body.statements.as_slice();
    let mut peeled = Vec::new();
    loop {
        statements = match statements {
            [first, rest @ ..] if matches!(&first.kind, StatementKind::Constant { target, value } if *target == result && value.is_absent()) => {
                rest
            }
            [Statement { kind: StatementKind::Scope { label, body, .. }, .. }] => {
                peeled.push(*label);
                &body.statements
            }
            [..] => break,
        };
    }
    let is_yield =
        |statement: &Statement| matches!(statement.kind, StatementKind::Yield { target, .. } if target == result);
    let end = statements.iter().position(is_yield)?;
    let StatementKind::Yield { value, .. } = &statements[end].kind else { return None };
    let leaves =
        |statement: &Statement| matches!(&statement.kind, StatementKind::Leave { label } if peeled.contains(label));
    let (conditions, behind) = (&statements[..end], &statements[end + 1..]);
    let mut plain = behind.iter().all(leaves);
    Block::each_of(conditions, &mut |statement| {
        let touches = written(&statement.kind).contains(&result) || reads(&statement.kind).contains(&result);
        plain &= !touches && !leaves(statement);
    });
    plain.then_some((conditions, *value))
}

/// Whether something can be marked as absent though the statement goes on.
fn may_mark(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::Call { .. }
        | StatementKind::Definitions { .. }
        | StatementKind::Document { .. }
        | StatementKind::Scope { .. }
        | StatementKind::Each { .. }
        | StatementKind::Collect { .. }
        | StatementKind::With { .. }
        | StatementKind::Outside { .. }
        | StatementKind::Mark { .. }
        | StatementKind::MarkSave { .. }
        | StatementKind::MarkRestore { .. } => true,
        StatementKind::Constant { .. }
        | StatementKind::Copy { .. }
        | StatementKind::Input { .. }
        | StatementKind::Slot { .. }
        | StatementKind::Data { .. }
        | StatementKind::Field { .. }
        | StatementKind::Index { .. }
        | StatementKind::Builtin { .. }
        | StatementKind::Arithmetic { .. }
        | StatementKind::SetOperation { .. }
        | StatementKind::Compare { .. }
        | StatementKind::Membership { .. }
        | StatementKind::MakeArray { .. }
        | StatementKind::MakeSet { .. }
        | StatementKind::MakeObject { .. }
        | StatementKind::Template { .. }
        | StatementKind::Test { .. }
        | StatementKind::TestCompare { .. }
        | StatementKind::TestAbsent { .. }
        | StatementKind::TestShape { .. }
        | StatementKind::Yield { .. }
        | StatementKind::Leave { .. }
        | StatementKind::Fail
        | StatementKind::Emit { .. }
        | StatementKind::Record { .. } => false,
    }
}

/// Whether a body does little more than read and compare.
fn is_cheap(body: &Block) -> bool {
    let mut cheap = true;
    body.each_statement(&mut |statement| {
        let work = matches!(
            statement.kind,
            StatementKind::Builtin { .. }
                | StatementKind::Each { .. }
                | StatementKind::Collect { .. }
                | StatementKind::Document { .. }
                | StatementKind::SetOperation { .. }
                | StatementKind::MakeArray { .. }
                | StatementKind::MakeSet { .. }
                | StatementKind::MakeObject { .. }
                | StatementKind::Template { .. }
        );
        cheap &= !work;
    });
    cheap
}
