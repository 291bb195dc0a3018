//! Rules that depend on base documents only are evaluated when the policy is loaded.
//!
//! ```text
//! by_id[grant.id] := grant if {        by_id := {"a": {"id": "a", …}, …}
//!   some grant in data.grants      →
//! }
//! ```
//!
//! Only a rule that has a value, without an error and without finding anything absent on the way, becomes that value: all
//! others stay as they are. A rule is left alone if some `with` of the program may replace it or something it looks at.

use std::sync::Arc;

use hpol_stdlib::builtin::Purity;
use hpol_stdlib::heap::{Heap, HeapError, View, Word};

use crate::context::{Context, Limits};
use crate::machine::{self, Machine};
use crate::plan::{Block, Function, FunctionId, PlaceId, Program, ReplacementTarget, Statement, StatementKind};

use super::inline_constants::{may_be_replaced, replaced, result};

/// Work that is done when a policy is loaded, for all its rules together.
const FUEL: u64 = 1_000_000;

/// Memory that evaluation takes then, about, for what is kept in the end too.
const MEMORY_BYTES: usize = 16 << 20;

pub(super) fn run(program: &mut Program, machine: &dyn Machine) {
    let targets: Vec<ReplacementTarget> = replaced(program).cloned().collect();
    let mut fixed = Fixed { program, targets: &targets, known: vec![None; program.functions.len()] };
    let ids = (0..).map(FunctionId).take(program.functions.len());
    let candidates = ids.filter(|id| {
        let function = program.function(*id);
        // What is a constant as it stands needs no evaluation.
        function.parameters == 0 && fixed.function(*id) && result(function).is_none()
    });
    let candidates: Vec<FunctionId> = candidates.collect();
    if candidates.is_empty() {
        return;
    }
    let values = evaluate(program, &candidates, machine);
    // Nobody else looks at the region now: it can grow.
    let Some(region) = Arc::get_mut(&mut program.frozen) else { return };
    let mut heap = Heap::thaw(std::mem::take(region));
    let words: Vec<_> = values.iter().map(|(id, value)| (*id, value.freeze(&mut heap))).collect();
    program.frozen = heap.into_frozen();
    for (id, word) in words {
        if let Ok(value) = word {
            become_constant(program, id, value);
        }
    }
}

fn become_constant(program: &mut Program, id: FunctionId, value: Word) {
    let function = &mut program.functions[id.index()];
    let place = function.body.statements.first().map_or(PlaceId(0), |statement| statement.place);
    let kind = StatementKind::Constant { target: function.result, value };
    let before = std::mem::replace(&mut function.body, Block { statements: vec![Statement { kind, place }] });
    // Nobody runs its definitions any more.
    let mut unused = Vec::new();
    before.each_statement(&mut |statement| {
        if let StatementKind::Definitions { definitions, .. } = &statement.kind {
            unused.extend(
                program.definitions.get_mut(definitions.index()).map(|found| std::mem::take(&mut found.bodies)),
            );
        }
    });
    for body in unused.into_iter().flatten() {
        become_nothing(&mut program.functions[body.index()]);
    }
}

fn become_nothing(function: &mut Function) {
    let place = function.body.statements.first().map_or(PlaceId(0), |statement| statement.place);
    let kind = StatementKind::Constant { target: function.result, value: Word::ABSENT };
    function.body = Block { statements: vec![Statement { kind, place }] };
}

/// Which functions depend on nothing but base documents, constants and their arguments.
struct Fixed<'p> {
    program: &'p Program,
    targets: &'p [ReplacementTarget],
    known: Vec<Option<bool>>,
}

impl Fixed<'_> {
    fn function(&mut self, id: FunctionId) -> bool {
        if let Some(known) = self.known[id.index()] {
            return known;
        }
        // For the time being, though no function calls itself.
        self.known[id.index()] = Some(false);
        let function = self.program.function(id);
        let mut fixed = !may_be_replaced(id, function, self.targets);
        function.body.each_statement(&mut |statement| fixed = fixed && self.statement(&statement.kind));
        self.known[id.index()] = Some(fixed);
        fixed
    }

    fn statement(&mut self, kind: &StatementKind) -> bool {
        match kind {
            StatementKind::Call { function, .. } => self.function(*function),
            StatementKind::Definitions { definitions, .. } => {
                let program = self.program;
                let bodies = program.definitions.get(definitions.index()).map_or(&[][..], |found| &found.bodies);
                bodies.iter().all(|body| self.function(*body))
            }
            StatementKind::Builtin { builtin, .. } => {
                let called = self.program.builtins[builtin.index()];
                let replaced = |target: &ReplacementTarget| matches!(target, ReplacementTarget::Builtin(replaced, _) if replaced == builtin);
                called.purity == Purity::Pure && !called.outside && !self.targets.iter().any(replaced)
            }
            StatementKind::Data { path, .. } => {
                let path = &self.program.paths[path.index()];
                !self.targets.iter().any(|target| {
                    matches!(target, ReplacementTarget::Data(replaced) if replaced.starts_with(path) || path.starts_with(replaced))
                })
            }
            StatementKind::Input { .. }
            | StatementKind::Slot { .. }
            | StatementKind::Document { .. }
            | StatementKind::With { .. }
            | StatementKind::Outside { .. }
            | StatementKind::Record { .. } => false,
            StatementKind::Constant { .. }
            | StatementKind::Copy { .. }
            | StatementKind::Field { .. }
            | StatementKind::Index { .. }
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
            | StatementKind::Scope { .. }
            | StatementKind::Leave { .. }
            | StatementKind::Fail
            | StatementKind::Each { .. }
            | StatementKind::Collect { .. }
            | StatementKind::Emit { .. }
            | StatementKind::Mark { .. }
            | StatementKind::MarkSave { .. }
            | StatementKind::MarkRestore { .. } => true,
        }
    }
}

/// The values of those rules that have one.
fn evaluate(program: &Program, rules: &[FunctionId], machine: &dyn Machine) -> Vec<(FunctionId, Kept)> {
    let program = Arc::new(program.clone());
    let mut context = Context::new(&program);
    let limits = Limits { fuel: FUEL, memory_bytes: MEMORY_BYTES, ..Limits::default() };
    context.begin(&program, limits, 0);
    let mut values = Vec::new();
    for rule in rules {
        // Rules share what they have computed, so the limits are for all of them together.
        if context.fuel_left() == 0 || context.heap().bytes_used() > MEMORY_BYTES {
            break;
        }
        if let Some(word) = machine::value_without_absence(machine, *rule, &mut context) {
            values.push((*rule, Kept::of(context.heap(), word)));
        }
    }
    values
}

/// A value that has left the evaluation it was made in.
enum Kept {
    /// Something that needs no node, or a node that is frozen already.
    Word(Word),
    Text(Box<str>),
    Number(hpol_lang::value::Number),
    Array(Vec<Kept>),
    Set(Vec<Kept>),
    Object(Vec<(Kept, Kept)>),
}

impl Kept {
    fn of(heap: &Heap, word: Word) -> Self {
        if word.is_shared() {
            return Self::Word(word);
        }
        let all = |items: &[Word]| items.iter().map(|item| Self::of(heap, *item)).collect();
        match heap.view(word) {
            View::Absent | View::Null | View::Bool(_) | View::Int(_) => Self::Word(word),
            View::Number(number) => Self::Number(number.clone()),
            View::String(text) => Self::Text(text.into()),
            View::Array(items) => Self::Array(all(items)),
            View::Set(items) => Self::Set(all(items)),
            View::Object(keys, values) => {
                let entries = keys.iter().zip(values);
                Self::Object(entries.map(|(key, value)| (Self::of(heap, *key), Self::of(heap, *value))).collect())
            }
        }
    }

    fn freeze(&self, heap: &mut Heap) -> Result<Word, HeapError> {
        let all = |heap: &mut Heap, items: &[Self]| {
            items.iter().map(|item| item.freeze(heap)).collect::<Result<Vec<Word>, _>>()
        };
        match self {
            Self::Word(word) => Ok(*word),
            Self::Text(text) => heap.string(text),
            Self::Number(number) => heap.number(number.clone()),
            Self::Array(items) => {
                let items = all(heap, items)?;
                heap.array(&items)
            }
            Self::Set(items) => {
                let items = all(heap, items)?;
                heap.set(items)
            }
            Self::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((key.freeze(heap)?, value.freeze(heap)?)));
                let entries = entries.collect::<Result<Vec<_>, HeapError>>()?;
                heap.object(entries)
            }
        }
    }
}
