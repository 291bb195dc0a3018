//! The reference evaluator: runs a plan statement by statement.
//!
//! It is control flow only. Whatever looks at a value or changes the state of an evaluation is a method of the
//! [`Context`], which generated code calls as well, so that the two engines cannot disagree on it.
//!
//! Blocks nest on the thread's stack, so their nesting is bounded over all calls: see [`NESTING_MAX`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hpol_compiler::context::{Context, Stop, codes};
use hpol_compiler::machine::{Machine, call, call_builtin, definitions, document};
use hpol_compiler::ops::Failure;
use hpol_compiler::plan::{
    Block, FunctionId, Label, Origin, Program, Register, SiteId, Statement, StatementKind, TemplatePart,
};
use hpol_stdlib::heap::Word;

use crate::explain::trace::Trace;

/// Blocks and calls that may be open at a time. A block takes at most about a kilobyte of stack in an unoptimised build, and
/// the smallest stack on which policies are evaluated has 2 MiB.
pub const NESTING_MAX: u32 = 768;

/// Runs functions of a plan, as [`CompiledCode`](hpol_compiler::jit::CompiledCode) does. Make one for each evaluation.
#[derive(Debug, Default)]
pub struct Interpreter {
    nesting: Cell<u32>,
    /// What is told of each step, if an explanation is wanted.
    trace: Option<Rc<RefCell<Trace>>>,
}

/// How a statement or block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// At its end.
    Next,
    /// A condition does not hold, or something is absent.
    Failed,
    /// By leaving the scope with this label.
    Left(Label),
}

/// A function that is being run.
struct Frame<'p> {
    program: &'p Program,
    function: FunctionId,
    registers: Vec<Word>,
}

impl Machine for Interpreter {
    fn run(&self, function: FunctionId, arguments: &[Word], context: &mut Context) -> Result<Word, Stop> {
        let program = context.program().clone();
        let called = program.function(function);
        let mut registers = vec![Word::ABSENT; called.registers as usize];
        registers[..arguments.len()].copy_from_slice(arguments);
        // What a definition does is told of its rule.
        let function = match called.origin {
            Origin::Definition { rule, .. } => rule,
            Origin::Rule(_) | Origin::Decision | Origin::Exemption | Origin::TestStep => function,
        };
        let mut frame = Frame { program: &program, function, registers };
        self.block(&mut frame, &called.body, context)?;
        Ok(frame.get(called.result))
    }
}

impl Interpreter {
    /// An evaluator that tells `trace` what it does.
    pub(crate) fn traced(trace: Rc<RefCell<Trace>>) -> Self {
        Self { nesting: Cell::new(0), trace: Some(trace) }
    }

    fn block(&self, frame: &mut Frame<'_>, block: &Block, context: &mut Context) -> Result<Flow, Stop> {
        let nesting = self.nesting.get();
        if nesting >= NESTING_MAX
            && let Some(first) = block.statements.first()
        {
            return Err(context.stop(codes::DEPTH, "conditions are nested more deeply than the limit", first.place));
        }
        self.nesting.set(nesting + 1);
        let mut result = Ok(Flow::Next);
        for statement in &block.statements {
            result = self.statement(frame, statement, context);
            if result != Ok(Flow::Next) {
                self.tell_end(frame, statement, result);
                break;
            }
        }
        self.nesting.set(nesting);
        result
    }

    fn tell_end(&self, frame: &Frame<'_>, statement: &Statement, result: Result<Flow, Stop>) {
        if let Some(trace) = &self.trace
            && result == Ok(Flow::Failed)
        {
            trace.borrow_mut().failed(frame.function, statement.place, frame.program);
        }
    }

    fn tell_read(
        &self,
        frame: &Frame<'_>,
        statement: &Statement,
        site: Option<SiteId>,
        value: Word,
        context: &Context,
    ) {
        let Some(mut trace) = self.trace.as_ref().map(|trace| trace.borrow_mut()) else { return };
        if let Some(site) = site.and_then(|site| frame.program.site(site)) {
            trace.read(frame.function, site, value, context);
        }
        if let StatementKind::Call { function, .. } = &statement.kind {
            trace.called(frame.function, *function, statement.place, value, context);
        }
    }

    /// Tells what is compared, and that a value is given.
    fn tell_values(&self, frame: &Frame<'_>, statement: &Statement, context: &Context) {
        use StatementKind as Kind;

        let Some(mut trace) = self.trace.as_ref().map(|trace| trace.borrow_mut()) else { return };
        let (operator, left, right) = match &statement.kind {
            Kind::TestCompare { operator, left, right } | Kind::Compare { operator, left, right, .. } => {
                (operator.symbol(), *left, *right)
            }
            Kind::Membership { value, collection, .. } => ("in", *value, *collection),
            Kind::Yield { .. } | Kind::Emit { .. } => {
                return trace.yielded(frame.function, statement.place, frame.program);
            }
            _ => return,
        };
        let sides = (frame.get(left), frame.get(right));
        trace.compared(frame.function, statement.place, operator, sides, context);
    }

    fn statement(&self, frame: &mut Frame<'_>, statement: &Statement, context: &mut Context) -> Result<Flow, Stop> {
        use StatementKind as Kind;

        if self.trace.is_some() {
            self.tell_values(frame, statement, context);
        }
        let place = statement.place;
        match &statement.kind {
            Kind::Constant { target, value } => Ok(frame.set(*target, *value)),
            Kind::Copy { target, source } => Ok(frame.set(*target, frame.get(*source))),
            Kind::Input { .. }
            | Kind::Slot { .. }
            | Kind::Data { .. }
            | Kind::Document { .. }
            | Kind::Field { .. }
            | Kind::Index { .. }
            | Kind::Call { .. }
            | Kind::Builtin { .. } => self.read(frame, statement, context),
            Kind::Definitions { target, definitions: id, arguments } => {
                let mut words = frame.all(arguments);
                words.extend(target.map(|target| frame.get(target)));
                let many = &frame.program.definitions[id.index()];
                let result = definitions(self, many, &mut words, target.is_some(), place, context)?;
                Ok(target.map_or(Flow::Next, |target| frame.set(target, result)))
            }
            Kind::Arithmetic { .. }
            | Kind::SetOperation { .. }
            | Kind::Compare { .. }
            | Kind::Membership { .. }
            | Kind::MakeArray { .. }
            | Kind::MakeSet { .. }
            | Kind::MakeObject { .. }
            | Kind::Template { .. }
            | Kind::Yield { .. } => compute(frame, statement, context),
            Kind::Test { value, expected } => Ok(holds(frame.get(*value).holds() == *expected)),
            Kind::TestCompare { operator, left, right } => {
                context.compare(*operator, frame.get(*left), frame.get(*right), place).map(holds)
            }
            Kind::TestAbsent { value, expected } => Ok(holds(frame.get(*value).is_absent() == *expected)),
            Kind::TestShape { value, shape, length } => {
                Ok(holds(context.has_shape(frame.get(*value), *shape, *length)))
            }
            Kind::Scope { .. }
            | Kind::Each { .. }
            | Kind::Collect { .. }
            | Kind::With { .. }
            | Kind::Outside { .. } => self.nested(frame, statement, context),
            Kind::Leave { label } => Ok(Flow::Left(*label)),
            Kind::Fail => Ok(Flow::Failed),
            Kind::Emit { key, value } => {
                context.emit(key.map(|key| frame.get(key)), frame.get(*value), place)?;
                Ok(Flow::Next)
            }
            Kind::Mark { site } => {
                context.mark(*site);
                Ok(Flow::Next)
            }
            Kind::MarkSave { target } => {
                let saved = i64::try_from(context.mark_save()).ok().and_then(Word::from_small_int);
                Ok(frame.set(*target, saved.unwrap_or(Word::ABSENT)))
            }
            Kind::MarkRestore { source } => {
                let saved = frame.get(*source).small_int().and_then(|saved| usize::try_from(saved).ok());
                context.mark_restore(saved.unwrap_or(0));
                Ok(Flow::Next)
            }
            Kind::Record { role, value } => {
                context.record(*role, frame.get(*value));
                Ok(Flow::Next)
            }
        }
    }

    /// Statements that read from outside of the function; no value is a failure.
    fn read(&self, frame: &mut Frame<'_>, statement: &Statement, context: &mut Context) -> Result<Flow, Stop> {
        use StatementKind as Kind;

        let place = statement.place;
        let (target, value, site) = match &statement.kind {
            Kind::Input { target, site } => (target, context.load_input(*site), Some(*site)),
            Kind::Slot { target, slot, sites } => (target, context.load_slot(*slot, sites), None),
            Kind::Data { target, path, value, site } => (target, context.load_data(*path, *value, *site), Some(*site)),
            Kind::Document { target, extent, keys } => {
                let keys = frame.all(keys);
                (target, document(self, *extent, &keys, place, context)?, None)
            }
            Kind::Field { target, base, name, site } => (target, context.field(frame.get(*base), *name, *site), *site),
            Kind::Index { target, base, key, site } => {
                (target, context.index(frame.get(*base), frame.get(*key), *site, place)?, *site)
            }
            Kind::Call { target, function, arguments } => {
                let arguments = frame.all(arguments);
                (target, call(self, *function, &arguments, place, context)?, None)
            }
            Kind::Builtin { target, builtin, arguments, on_error, site } => {
                let arguments = frame.all(arguments);
                let failure = Failure { on_error: *on_error, site: *site, place };
                (target, call_builtin(self, *builtin, &arguments, failure, context)?, Some(*site))
            }
            _ => return Err(context.stop(codes::INTERNAL, "a statement that reads nothing", place)),
        };
        self.tell_read(frame, statement, site, value, context);
        Ok(frame.set_or_fail(*target, value))
    }

    /// Statements with a block.
    fn nested(&self, frame: &mut Frame<'_>, statement: &Statement, context: &mut Context) -> Result<Flow, Stop> {
        use StatementKind as Kind;

        match &statement.kind {
            Kind::Scope { label, catches, body } => {
                let flow = self.block(frame, body, context)?;
                Ok(behind(if *catches { caught(flow) } else { flow }, *label))
            }
            Kind::Each { .. } => self.each(frame, statement, context),
            Kind::Collect { target, collection, body } => {
                context.collect_begin();
                let flow = caught(self.block(frame, body, context)?);
                let made = context.collect_end(*collection, statement.place)?;
                if flow != Flow::Next {
                    return Ok(flow);
                }
                Ok(frame.set_or_fail(*target, made))
            }
            Kind::With { label, replacements, body } => {
                let value = |register: Option<Register>| register.map_or(Word::ABSENT, |register| frame.get(register));
                let values: Vec<Word> = replacements.iter().map(|replacement| value(replacement.value)).collect();
                context.enter_with(replacements, &values, statement.place)?;
                let flow = self.block(frame, body, context)?;
                context.leave_with();
                Ok(behind(flow, *label))
            }
            Kind::Outside { body, .. } => {
                let inside = context.enter_outside();
                let flow = self.block(frame, body, context)?;
                context.leave_outside(inside);
                Ok(flow)
            }
            _ => Err(context.stop(codes::INTERNAL, "a statement without a block", statement.place)),
        }
    }

    fn each(&self, frame: &mut Frame<'_>, statement: &Statement, context: &mut Context) -> Result<Flow, Stop> {
        let StatementKind::Each { label, key, value, collection, body, site, lookup } = &statement.kind else {
            return Err(context.stop(codes::INTERNAL, "a statement that is no loop", statement.place));
        };
        let collection = frame.get(*collection);
        let keys = lookup.as_ref().map_or_else(Vec::new, |lookup| frame.all(&lookup.keys));
        let index = lookup.as_ref().map(|lookup| lookup.index);
        let Some(run) = context.each_run(index, &keys, collection, *site) else { return Ok(Flow::Failed) };
        for at in 0..run.length {
            context.charge(1, statement.place)?;
            let entry = context.run_entry(index, run, collection, at);
            for (register, word) in [(key, entry.0), (value, entry.1)] {
                if let Some(register) = register {
                    frame.set(*register, word);
                }
            }
            match self.block(frame, body, context)? {
                Flow::Next | Flow::Failed => {}
                left @ Flow::Left(_) => return Ok(behind(left, *label)),
            }
        }
        Ok(Flow::Next)
    }
}

/// Statements that work on registers; no value is a failure.
fn compute(frame: &mut Frame<'_>, statement: &Statement, context: &mut Context) -> Result<Flow, Stop> {
    use StatementKind as Kind;

    let place = statement.place;
    let (target, value) = match &statement.kind {
        Kind::Arithmetic { target, operator, left, right, checked, on_error, site } => {
            let failure = Failure { on_error: *on_error, site: *site, place };
            let (left, right) = (frame.get(*left), frame.get(*right));
            (target, context.arithmetic(*operator, left, right, *checked, failure)?)
        }
        Kind::SetOperation { target, operator, left, right, on_error, site } => {
            let failure = Failure { on_error: *on_error, site: *site, place };
            (target, context.set_operation(*operator, frame.get(*left), frame.get(*right), failure)?)
        }
        Kind::Compare { target, operator, left, right } => {
            (target, Word::bool(context.compare(*operator, frame.get(*left), frame.get(*right), place)?))
        }
        Kind::Membership { target, key, value, collection } => {
            let key = key.map(|key| frame.get(key));
            let found = context.membership(key, frame.get(*value), frame.get(*collection), place)?;
            (target, Word::bool(found))
        }
        Kind::MakeArray { target, items } => (target, context.make_array(&frame.all(items), place)?),
        Kind::MakeSet { target, items } => (target, context.make_set(&frame.all(items), place)?),
        Kind::MakeObject { target, entries } => {
            let entries: Vec<Word> =
                entries.iter().flat_map(|(key, value)| [frame.get(*key), frame.get(*value)]).collect();
            (target, context.make_object(&entries, place)?)
        }
        Kind::Template { target, parts } => {
            let word = |part: &TemplatePart| match part {
                TemplatePart::Text(text) => *text,
                TemplatePart::Value(register) => frame.get(*register),
            };
            let parts: Vec<Word> = parts.iter().map(word).collect();
            (target, context.template(&parts, place)?)
        }
        Kind::Yield { target, value } => (target, context.yielded(frame.get(*target), frame.get(*value), place)?),
        _ => return Err(context.stop(codes::INTERNAL, "a statement that computes nothing", place)),
    };
    Ok(frame.set_or_fail(*target, value))
}

impl Frame<'_> {
    fn get(&self, register: Register) -> Word {
        self.registers[register.index()]
    }

    fn all(&self, registers: &[Register]) -> Vec<Word> {
        registers.iter().map(|register| self.get(*register)).collect()
    }

    fn set(&mut self, register: Register, word: Word) -> Flow {
        self.registers[register.index()] = word;
        Flow::Next
    }

    fn set_or_fail(&mut self, register: Register, word: Word) -> Flow {
        if word.is_absent() { Flow::Failed } else { self.set(register, word) }
    }
}

fn holds(condition: bool) -> Flow {
    if condition { Flow::Next } else { Flow::Failed }
}

/// A failure that ends here.
fn caught(flow: Flow) -> Flow {
    if flow == Flow::Failed { Flow::Next } else { flow }
}

/// Leaving the scope with this label goes on behind it.
fn behind(flow: Flow, label: Label) -> Flow {
    if flow == Flow::Left(label) { Flow::Next } else { flow }
}
