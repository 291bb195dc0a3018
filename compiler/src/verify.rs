//! The rules that every plan keeps, checked after lowering and after every pass.
//!
//! Engines rely on them: generated code reads a register without asking whether it was written. A plan that breaks one
//! is a defect of the compiler, and is refused rather than run.

use crate::CompileError;
use crate::plan::{
    Block, Function, FunctionId, Label, Lookup, Mock, Origin, Program, Register, Replacement, ReplacementTarget,
    SiteId, Statement, StatementKind, reads, written,
};

/// Checks a whole program.
///
/// # Errors
///
/// [`CompileError::Invalid`], with the function and what is wrong.
pub fn verify(program: &Program) -> Result<(), CompileError> {
    for function in &program.functions {
        let checked = Checker::new(program, function).function();
        checked.map_err(|problem| CompileError::Invalid(format!("{}: {problem}", function.name)))?;
    }
    let mentioned = program.decisions.iter().flat_map(|decision| [Some(decision.body), decision.exemption]).flatten();
    let counters = program.counters.iter().flat_map(|counter| [counter.condition, Some(counter.entry)]).flatten();
    let mentioned = mentioned.chain(counters).chain(program.labels.iter().map(|label| label.condition));
    let mentioned = mentioned.chain(program.rules.values().copied()).chain(program.documents.iter().map(|rule| rule.1));
    for id in mentioned {
        if id.index() >= program.functions.len() {
            return Err(CompileError::Invalid(format!("there is no function {}", id.0)));
        }
    }
    Ok(())
}

type Checked<T = ()> = Result<T, String>;

/// Which registers are written on every way to a place.
#[derive(Debug, Clone)]
struct Written(Vec<u64>);

impl Written {
    fn insert(&mut self, register: Register) {
        self.0[register.index() / 64] |= 1 << (register.index() % 64);
    }

    fn contains(&self, register: Register) -> bool {
        self.0.get(register.index() / 64).is_some_and(|bits| bits & (1 << (register.index() % 64)) != 0)
    }

    fn meet(&mut self, other: &Written) {
        for (bits, other) in self.0.iter_mut().zip(&other.0) {
            *bits &= other;
        }
    }
}

/// The state at a place, or nothing where control can't come.
type Flow = Option<Written>;

fn meet(into: &mut Flow, other: &Written) {
    match into {
        Some(state) => state.meet(other),
        None => *into = Some(other.clone()),
    }
}

/// Something around the statements that are being checked.
#[derive(Debug)]
enum Around {
    /// What can be left: what is written where it is.
    Left(Label, Flow, Way),
    /// What catches failures: what is written where they happen.
    Caught(Flow),
    /// A collection: nothing within leaves anything outside.
    Collect,
    /// A stretch that is outside of a `with`.
    Outside(Label),
}

/// What a label stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Scope,
    With,
}

struct Checker<'p> {
    program: &'p Program,
    function: &'p Function,
    around: Vec<Around>,
    labels: Vec<bool>,
}

impl<'p> Checker<'p> {
    fn new(program: &'p Program, function: &'p Function) -> Self {
        Self { program, function, around: Vec::new(), labels: Vec::new() }
    }

    fn function(&mut self) -> Checked {
        let function = self.function;
        if function.parameters > function.registers || function.result.0 >= function.registers {
            return Err("it has too few registers".into());
        }
        if let Some(slot) = function.memo
            && (function.parameters > 0 || slot >= self.program.memo_slots)
        {
            return Err("its memo slot is wrong".into());
        }
        let mut state = Written(vec![0; function.registers.div_ceil(64) as usize]);
        (0..function.parameters).for_each(|index| state.insert(Register(index)));
        self.around.push(Around::Caught(None));
        let mut end = self.block(&function.body, Some(state))?;
        if let Some(Around::Caught(Some(failed))) = self.around.pop() {
            meet(&mut end, &failed);
        }
        match end {
            Some(state) if !state.contains(function.result) => Err("its result is not always written".into()),
            _ => Ok(()),
        }
    }

    fn block(&mut self, block: &Block, mut flow: Flow) -> Checked<Flow> {
        for statement in &block.statements {
            // What can't be reached is still checked for its structure, with all registers written.
            let state = flow.clone().unwrap_or_else(|| self.everything());
            let reachable = flow.is_some();
            let after = self.statement(statement, state).map_err(|problem| format!("{problem} in {statement:?}"))?;
            flow = if reachable { after } else { None };
        }
        Ok(flow)
    }

    fn everything(&self) -> Written {
        Written(vec![u64::MAX; self.function.registers.div_ceil(64) as usize])
    }

    fn statement(&mut self, statement: &Statement, mut state: Written) -> Checked<Flow> {
        for register in reads(&statement.kind) {
            if register.0 >= self.function.registers || !state.contains(register) {
                return Err(format!("r{} is read before it is written", register.0));
            }
        }
        self.indices(&statement.kind)?;
        if let Some(label) = defined_label(&statement.kind) {
            self.define(label)?;
        }
        let target = written(&statement.kind);
        if target.iter().any(|register| register.0 >= self.function.registers) {
            return Err("it writes a register that there is not".into());
        }
        if may_fail(&statement.kind) {
            self.fail(&state)?;
        }
        match &statement.kind {
            StatementKind::Fail => return Ok(None),
            StatementKind::Leave { label } => {
                self.leave(*label, &state)?;
                return Ok(None);
            }
            StatementKind::Scope { label, catches, body } => return self.scope(*label, *catches, body, state),
            StatementKind::Each { label, body, .. } => {
                let mut inside = state.clone();
                target.iter().for_each(|register| inside.insert(*register));
                // No iteration at all is always possible, so what is written behind is what was before.
                self.scope(*label, true, body, inside)?;
                return Ok(Some(state));
            }
            StatementKind::Collect { body, .. } => {
                self.around.push(Around::Collect);
                self.around.push(Around::Caught(None));
                self.block(body, Some(state.clone()))?;
                self.around.pop();
                self.around.pop();
            }
            StatementKind::With { label, body, .. } => {
                self.around.push(Around::Left(*label, None, Way::With));
                let flow = self.block(body, Some(state))?;
                return Ok(self.behind(flow));
            }
            StatementKind::Outside { label, body } => {
                if self.with_in_force() != Some(*label) {
                    return Err("the `with` is not the one in force".into());
                }
                self.around.push(Around::Outside(*label));
                let flow = self.block(body, Some(state))?;
                self.around.pop();
                return Ok(flow);
            }
            StatementKind::Emit { .. } | StatementKind::Definitions { target: None, .. } => {
                let handed_over = matches!(self.function.origin, Origin::Definition { collects: true, .. });
                if !handed_over && !self.around.iter().any(|around| matches!(around, Around::Collect)) {
                    return Err("there is no collection".into());
                }
            }
            StatementKind::Constant { .. }
            | StatementKind::Copy { .. }
            | StatementKind::Input { .. }
            | StatementKind::Slot { .. }
            | StatementKind::Data { .. }
            | StatementKind::Document { .. }
            | StatementKind::Field { .. }
            | StatementKind::Index { .. }
            | StatementKind::Call { .. }
            | StatementKind::Builtin { .. }
            | StatementKind::Definitions { .. }
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
            | StatementKind::Mark { .. }
            | StatementKind::MarkSave { .. }
            | StatementKind::MarkRestore { .. }
            | StatementKind::Record { .. } => {}
        }
        target.iter().for_each(|register| state.insert(*register));
        Ok(Some(state))
    }

    fn scope(&mut self, label: Label, catches: bool, body: &Block, state: Written) -> Checked<Flow> {
        self.around.push(Around::Left(label, None, Way::Scope));
        if catches {
            self.around.push(Around::Caught(None));
        }
        let mut flow = self.block(body, Some(state))?;
        if catches && let Some(Around::Caught(Some(failed))) = self.around.pop() {
            meet(&mut flow, &failed);
        }
        Ok(self.behind(flow))
    }

    /// What is written behind the innermost thing that can be left, which ends here.
    fn behind(&mut self, mut flow: Flow) -> Flow {
        if let Some(Around::Left(_, Some(left), _)) = self.around.pop() {
            meet(&mut flow, &left);
        }
        flow
    }

    fn define(&mut self, label: Label) -> Checked {
        if self.labels.len() <= label.index() {
            self.labels.resize(label.index() + 1, false);
        }
        if std::mem::replace(&mut self.labels[label.index()], true) {
            return Err(format!("L{} is defined twice", label.0));
        }
        Ok(())
    }

    fn leave(&mut self, label: Label, state: &Written) -> Checked {
        for around in self.around.iter_mut().rev() {
            match around {
                Around::Left(other, left, _) if *other == label => {
                    meet(left, state);
                    return Ok(());
                }
                Around::Collect => return Err(format!("L{} is outside of the collection", label.0)),
                Around::Left(..) | Around::Caught(_) | Around::Outside(_) => {}
            }
        }
        Err(format!("there is no L{} around it", label.0))
    }

    fn fail(&mut self, state: &Written) -> Checked {
        for around in self.around.iter_mut().rev() {
            match around {
                Around::Caught(failed) => {
                    meet(failed, state);
                    return Ok(());
                }
                Around::Left(..) | Around::Collect | Around::Outside(_) => {}
            }
        }
        Err("nothing catches its failure".into())
    }

    /// The innermost `with` that is in force.
    fn with_in_force(&self) -> Option<Label> {
        let mut left_alone: Vec<Label> = Vec::new();
        for around in self.around.iter().rev() {
            match around {
                Around::Outside(label) => left_alone.push(*label),
                Around::Left(label, _, Way::With) if !left_alone.contains(label) => return Some(*label),
                Around::Left(..) | Around::Caught(_) | Around::Collect => {}
            }
        }
        None
    }

    fn indices(&self, kind: &StatementKind) -> Checked {
        let program = self.program;
        let fits = match kind {
            StatementKind::Call { function, arguments, .. } => {
                let called = program.functions.get(function.index());
                let is_rule = |called: &Function| !matches!(called.origin, Origin::Definition { .. });
                called.is_some_and(|called| called.parameters as usize == arguments.len() && is_rule(called))
            }
            StatementKind::Definitions { target, definitions, arguments } => {
                let operands = arguments.len() + usize::from(target.is_some());
                let fits = |body: &Function| {
                    let collects = matches!(body.origin, Origin::Definition { collects: true, .. });
                    let is_definition = matches!(body.origin, Origin::Definition { .. });
                    is_definition && collects == target.is_none() && body.parameters as usize == operands
                };
                let definitions = program.definitions.get(definitions.index());
                definitions.is_some_and(|definitions| {
                    definitions.bodies.iter().all(|body| program.functions.get(body.index()).is_some_and(fits))
                })
            }
            StatementKind::Builtin { builtin, site, .. } => {
                builtin.index() < program.builtins.len() && site.index() < program.sites.len()
            }
            StatementKind::Data { path, site, .. } => {
                path.index() < program.paths.len() && site.index() < program.sites.len()
            }
            StatementKind::Document { extent, keys, .. } => {
                program.extents.get(extent.index()).is_some_and(|extent| extent.keys() == keys.len())
            }
            StatementKind::Input { site, .. }
            | StatementKind::Arithmetic { site, .. }
            | StatementKind::SetOperation { site, .. }
            | StatementKind::Mark { site } => site.index() < program.sites.len(),
            StatementKind::Field { site, .. } | StatementKind::Index { site, .. } => {
                site.is_none_or(|site| site.index() < program.sites.len())
            }
            StatementKind::Slot { slot, sites, .. } => {
                let known = |site: &Option<SiteId>| site.is_none_or(|site| site.index() < program.sites.len());
                let depth = program.slots.get(*slot).map(|slot| slot.depth as usize);
                depth.is_some_and(|depth| (1..=depth + 1).contains(&sites.len())) && sites.iter().all(known)
            }
            StatementKind::Each { site, lookup, .. } => {
                let answers = |lookup: &Lookup| {
                    let index = program.lookups.get(lookup.index.index());
                    index.is_some_and(|index| index.aspects.len() == lookup.keys.len())
                };
                site.index() < program.sites.len() && lookup.as_deref().is_none_or(answers)
            }
            StatementKind::With { replacements, .. } => {
                replacements.iter().all(|replacement| self.replacement_fits(replacement))
            }
            StatementKind::Constant { .. }
            | StatementKind::Copy { .. }
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
            | StatementKind::Collect { .. }
            | StatementKind::Emit { .. }
            | StatementKind::Outside { .. }
            | StatementKind::MarkSave { .. }
            | StatementKind::MarkRestore { .. }
            | StatementKind::Record { .. } => true,
        };
        if fits { Ok(()) } else { Err("it names something that there is not".into()) }
    }

    fn replacement_fits(&self, replacement: &Replacement) -> bool {
        let known = |function: &FunctionId| function.index() < self.program.functions.len();
        let (target, mock) = match &replacement.target {
            ReplacementTarget::Input(_) | ReplacementTarget::Data(_) => (true, Mock::Value),
            ReplacementTarget::Builtin(builtin, mock) => (builtin.index() < self.program.builtins.len(), *mock),
            ReplacementTarget::Function(function, mock) => (known(function), *mock),
        };
        target
            && match mock {
                Mock::Value => replacement.value.is_some(),
                Mock::Function(function) => known(&function),
                Mock::Builtin(builtin) => builtin.index() < self.program.builtins.len(),
            }
    }
}

/// The label that a statement gives to what it holds.
pub(crate) fn defined_label(kind: &StatementKind) -> Option<Label> {
    if let StatementKind::Scope { label, .. } | StatementKind::Each { label, .. } | StatementKind::With { label, .. } =
        kind
    {
        Some(*label)
    } else {
        None
    }
}

/// Whether the statement itself, not one within it, can fail.
pub(crate) fn may_fail(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::Input { .. }
            | StatementKind::Slot { .. }
            | StatementKind::Data { .. }
            | StatementKind::Field { .. }
            | StatementKind::Index { .. }
            | StatementKind::Call { .. }
            | StatementKind::Builtin { .. }
            | StatementKind::Arithmetic { .. }
            | StatementKind::SetOperation { .. }
            | StatementKind::Test { .. }
            | StatementKind::TestCompare { .. }
            | StatementKind::TestAbsent { .. }
            | StatementKind::TestShape { .. }
            | StatementKind::Fail
            | StatementKind::Each { .. }
    )
}

/// How deep a function's evaluation goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Nested calls, this one included.
    pub(crate) calls: u32,
    /// Nested blocks, over all of them.
    pub(crate) blocks: u32,
}

/// How deep each function goes at most; an error for one that needs itself.
pub(crate) fn depths(program: &Program) -> Result<Vec<Depth>, CompileError> {
    let mut depths: Vec<Option<Depth>> = vec![None; program.functions.len()];
    let mut open = vec![false; program.functions.len()];
    for start in 0..program.functions.len() {
        // Each entry is a function with its callees and how many of them were looked at.
        let mut stack: Vec<(usize, Callees, usize)> = Vec::new();
        if depths[start].is_none() {
            open[start] = true;
            stack.push((start, Callees::of(program, &program.functions[start]), 0));
        }
        while let Some((function, callees, looked_at)) = stack.last_mut() {
            let Some((callee, _)) = callees.calls.get(*looked_at).copied() else {
                depths[*function] = Some(callees.depth(&depths));
                open[*function] = false;
                stack.pop();
                continue;
            };
            *looked_at += 1;
            if open[callee] {
                let called = &program.functions[callee];
                return Err(CompileError::Recursive { name: called.name.clone(), span: called.span });
            }
            if depths[callee].is_none() {
                open[callee] = true;
                stack.push((callee, Callees::of(program, &program.functions[callee]), 0));
            }
        }
    }
    Ok(depths.into_iter().map(Option::unwrap_or_default).collect())
}

/// What a function calls.
struct Callees {
    /// Functions with the number of blocks around the call.
    calls: Vec<(usize, u32)>,
    /// Most blocks within each other.
    blocks: u32,
}

impl Callees {
    fn of(program: &Program, function: &Function) -> Self {
        let mut callees = Self { calls: Vec::new(), blocks: 0 };
        callees.add(program, &function.body, 1);
        callees.calls.sort_unstable();
        callees.calls.dedup();
        callees
    }

    fn add(&mut self, program: &Program, block: &Block, around: u32) {
        self.blocks = self.blocks.max(around);
        for statement in &block.statements {
            if let StatementKind::Call { function, .. } = &statement.kind {
                self.calls.push((function.index(), around));
            } else if let StatementKind::Definitions { definitions, .. } = &statement.kind {
                let bodies = program.definitions.get(definitions.index()).into_iter();
                self.calls.extend(bodies.flat_map(|found| &found.bodies).map(|body| (body.index(), around)));
            } else if let StatementKind::Document { extent, .. } = &statement.kind {
                // A key can be any name.
                let rules = program.rules_of(&program.extents[extent.index()], |_, _| true);
                self.calls.extend(rules.map(|rule| (rule.1.index(), around)));
            } else if let Some(block) = statement.block() {
                self.add(program, block, around + 1);
            }
        }
    }

    fn depth(&self, depths: &[Option<Depth>]) -> Depth {
        let mut depth = Depth { calls: 1, blocks: self.blocks };
        for (callee, around) in &self.calls {
            let below = depths[*callee].unwrap_or_default();
            depth.calls = depth.calls.max(below.calls + 1);
            depth.blocks = depth.blocks.max(below.blocks + around);
        }
        depth
    }
}

#[cfg(test)]
mod tests;
