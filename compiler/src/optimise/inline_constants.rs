//! Calls of rules that are constants become constants.
//!
//! ```text
//! allowed := {"gpt-4o", "gpt-4o-mini"}
//! r1 = call data.p.allowed()              →   r1 = {"gpt-4o", "gpt-4o-mini"}
//! ```
//!
//! A rule is left alone if some `with` of the program may replace it.

use std::collections::HashMap;

use hpol_stdlib::heap::Word;

use crate::plan::{
    Block, Function, FunctionId, Label, Origin, Program, Register, ReplacementTarget, StatementKind, TestStep,
};

pub(super) fn run(program: &mut Program) {
    let targets: Vec<ReplacementTarget> = replaced(program).cloned().collect();
    let ids = (0..).map(FunctionId);
    let constants = ids.zip(&program.functions).map(|(id, function)| {
        if function.parameters > 0 || may_be_replaced(id, function, &targets) { None } else { value(function) }
    });
    let constants: Vec<Option<Word>> = constants.collect();
    for function in &mut program.functions {
        function.body.each_statement_mut(&mut |statement| {
            if let StatementKind::Call { target, function, .. } = &statement.kind
                && let Some(value) = constants[function.index()]
            {
                statement.kind = StatementKind::Constant { target: *target, value };
            }
        });
    }
}

/// Everything that any `with` of the program replaces.
pub(crate) fn replaced(program: &Program) -> impl Iterator<Item = &ReplacementTarget> {
    let mut found = Vec::new();
    for function in &program.functions {
        function.body.each_statement(&mut |statement| {
            if let StatementKind::With { replacements, .. } = &statement.kind {
                found.extend(replacements.iter().map(|replacement| &replacement.target));
            }
        });
    }
    for step in program.tests.iter().flat_map(|test| &test.steps) {
        match step {
            TestStep::Condition { .. } => {}
            TestStep::Decision(expectation) => found.extend(expectation.with.iter().map(|with| &with.0)),
        }
    }
    found.into_iter()
}

/// Whether a `with` with one of these targets may change what a call yields, apart from what it calls itself.
pub(super) fn may_be_replaced(id: FunctionId, function: &Function, targets: &[ReplacementTarget]) -> bool {
    targets.iter().any(|target| match target {
        ReplacementTarget::Input(_) | ReplacementTarget::Builtin(..) => false,
        ReplacementTarget::Function(replaced, _) => *replaced == id,
        ReplacementTarget::Data(path) => match &function.origin {
            Origin::Rule(parts) => parts.starts_with(path) || path.starts_with(parts),
            // A definition is replaced with its rule.
            Origin::Decision | Origin::Exemption | Origin::TestStep | Origin::Definition { .. } => false,
        },
    })
}

/// The value of a function that does nothing but yield a constant.
fn value(function: &Function) -> Option<Word> {
    result(function).filter(|word| !word.is_absent())
}

/// What a function comes to that looks at nothing but constants; absent if it yields nothing.
pub(super) fn result(function: &Function) -> Option<Word> {
    let mut evaluation = Evaluation { registers: HashMap::new() };
    evaluation.block(&function.body)?;
    evaluation.get(function.result)
}

/// Runs statements whose operands are known; `None` at the first other one.
struct Evaluation {
    registers: HashMap<Register, Word>,
}

/// How statements end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Next,
    Failed,
    Left(Label),
}

impl Evaluation {
    fn get(&self, register: Register) -> Option<Word> {
        self.registers.get(&register).copied()
    }

    fn block(&mut self, block: &Block) -> Option<End> {
        for statement in &block.statements {
            match self.statement(&statement.kind)? {
                End::Next => {}
                end @ (End::Failed | End::Left(_)) => return Some(end),
            }
        }
        Some(End::Next)
    }

    fn statement(&mut self, kind: &StatementKind) -> Option<End> {
        if let StatementKind::Constant { target, value } = kind {
            self.registers.insert(*target, *value);
        } else if let StatementKind::Copy { target, source } = kind {
            self.registers.insert(*target, self.get(*source)?);
        } else if let StatementKind::Yield { target, value } = kind {
            // A second value would have to be compared with the first.
            let (before, value) = (self.get(*target)?, self.get(*value)?);
            if !before.is_absent() && before != value {
                return None;
            }
            self.registers.insert(*target, value);
        } else if let StatementKind::TestAbsent { value, expected } = kind {
            return Some(if self.get(*value)?.is_absent() == *expected { End::Next } else { End::Failed });
        } else if let StatementKind::Scope { label, catches, body } = kind {
            let end = self.block(body)?;
            let ends_here = end == End::Left(*label) || (*catches && end == End::Failed);
            return Some(if ends_here { End::Next } else { end });
        } else if let StatementKind::Leave { label } = kind {
            return Some(End::Left(*label));
        } else if let StatementKind::Fail = kind {
            return Some(End::Failed);
        } else {
            return None;
        }
        Some(End::Next)
    }
}
