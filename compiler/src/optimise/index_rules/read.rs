//! What the first conditions of a rule ask of the input, as far as an index can use it.

use std::rc::Rc;

use hpol_stdlib::heap::{Heap, View, Word};
use hpol_stdlib::known;
use rustc_hash::FxHashMap;

use crate::index::{Ask, Need, is_keyed};
use crate::optimise::Writes;
use crate::plan::{
    Block, CompareOperator, Function, FunctionId, Origin, Program, Register, SlotId, Statement, StatementKind, elements,
};

/// What a register holds, as far as the index understands it.
#[derive(Debug, Clone)]
enum Known {
    Constant(Word),
    Slot(SlotId),
    /// Whether something is so.
    Answer(Ask),
    /// Some truth value.
    Truth,
}

/// Reads the first conditions of a rule.
pub(super) struct Reader<'p> {
    program: &'p Program,
    heap: &'p Heap,
    writes: Rc<Writes>,
    known: FxHashMap<Register, Known>,
    needs: Vec<(SlotId, Need)>,
    asks: Vec<Ask>,
    /// Whether some condition was read that `asks` do not tell of.
    partial: bool,
    /// What the next statement must test: then that is the last one that is understood.
    last: Option<Register>,
}

/// What a rule asks first.
pub(super) struct Asked {
    pub(super) needs: Vec<(SlotId, Need)>,
    pub(super) asks: Vec<Ask>,
}

impl<'p> Reader<'p> {
    pub(super) fn of(program: &'p Program, heap: &'p Heap, function: &Function) -> Asked {
        let mut reader = Self::new(program, heap, function);
        reader.arguments(function);
        reader.function(function);
        Asked { needs: reader.needs, asks: reader.asks }
    }

    fn new(program: &'p Program, heap: &'p Heap, function: &Function) -> Self {
        let (known, needs, asks) = (FxHashMap::default(), Vec::new(), Vec::new());
        Self { program, heap, writes: Rc::new(Writes::of(function)), known, needs, asks, partial: false, last: None }
    }

    /// Arguments of a definition stand in the index as slots behind those of the input.
    fn arguments(&mut self, function: &Function) {
        let Origin::Definition { collects, .. } = function.origin else { return };
        let result = u32::from(!collects);
        for register in (0..function.parameters.saturating_sub(result)).map(Register) {
            let slot = u32::try_from(self.program.slots.len()).ok().and_then(|slots| slots.checked_add(register.0));
            if let (Some(slot), true) = (slot, self.writes.once(register)) {
                self.known.insert(register, Known::Slot(SlotId(slot)));
            }
        }
    }

    /// A rule is one scope that catches, or just what stands in it.
    fn function(&mut self, function: &Function) {
        let Some((last, before)) = function.body.statements.split_last() else { return };
        if let StatementKind::Scope { catches: true, body, .. } = &last.kind {
            if self.statements(before, function.result) {
                self.statements(&body.statements, function.result);
            }
        } else {
            self.statements(&function.body.statements, function.result);
        }
    }

    /// Reads statements up to the first that is not understood; whether there was none.
    fn statements(&mut self, mut statements: &[Statement], result: Register) -> bool {
        while let Some((first, rest)) = statements.split_first() {
            if let Some(behind) = self.negation(statements) {
                statements = behind;
            } else if self.statement(&first.kind, result).is_some() {
                statements = rest;
            } else {
                return false;
            }
        }
        true
    }

    /// Reads `not …`, as it is lowered: what stands behind it, if this is one that is understood.
    fn negation<'s>(&mut self, statements: &'s [Statement]) -> Option<&'s [Statement]> {
        let [answer, save, scope, restore, test, behind @ ..] = statements else { return None };
        let StatementKind::Constant { target: found, value: Word::FALSE } = &answer.kind else { return None };
        let StatementKind::MarkSave { target: saved } = &save.kind else { return None };
        let StatementKind::Scope { catches: true, body, .. } = &scope.kind else { return None };
        let restores = matches!(&restore.kind, StatementKind::MarkRestore { source } if source == saved);
        let tests = matches!(&test.kind, StatementKind::Test { value, expected: false } if value == found);
        if !restores || !tests {
            return None;
        }
        let mut inner = Reader {
            program: self.program,
            heap: self.heap,
            writes: Rc::clone(&self.writes),
            known: self.known.clone(),
            needs: Vec::new(),
            asks: Vec::new(),
            partial: false,
            last: None,
        };
        // Up to where it is noted that all of it holds.
        let end = body.statements.iter().position(
            |statement| matches!(&statement.kind, StatementKind::Constant { target, value: Word::TRUE } if target == found),
        )?;
        if !inner.statements(&body.statements[..end], *found) {
            return None;
        }
        // That something is absent is no more than that the inner condition does not hold; an error is one.
        let errors = inner.needs.into_iter().filter(|(_, need)| *need == Need::Text);
        errors.for_each(|(slot, need)| self.need(slot, need));
        // Of several conditions it is enough that one does not hold, which no ask can say.
        match <[Ask; 1]>::try_from(inner.asks) {
            Ok([ask]) if !inner.partial => self.asks.push(Ask::Not(Box::new(ask))),
            Ok(_) | Err(_) => self.partial = true,
        }
        Some(behind)
    }

    /// What a rule of one definition asks, which is met where it has a value.
    fn called(&mut self, function: FunctionId) -> Option<()> {
        let function = self.program.function(function);
        if function.parameters > 0 || function.gathers {
            return None;
        }
        let mut inner = Reader::new(self.program, self.heap, function);
        inner.definition(&function.body, function.result)?;
        inner.needs.into_iter().for_each(|(slot, need)| self.need(slot, need));
        self.asks.append(&mut inner.asks);
        self.partial |= inner.partial;
        Some(())
    }

    /// Reads a rule that yields true where its only definition holds.
    fn definition(&mut self, block: &Block, result: Register) -> Option<()> {
        let statements = match block.statements.as_slice() {
            [first, rest @ ..] if is_absent(&first.kind, result) => rest,
            all => all,
        };
        if let [only] = statements
            && let StatementKind::Scope { body, .. } = &only.kind
        {
            return self.definition(body, result);
        }
        let end = statements.iter().position(
            |statement| matches!(&statement.kind, StatementKind::Yield { target, .. } if *target == result),
        )?;
        let StatementKind::Yield { value, .. } = &statements[end].kind else { return None };
        let ends = statements[end + 1..].iter().all(|statement| matches!(statement.kind, StatementKind::Leave { .. }));
        let yields_true = |reader: &Self| matches!(reader.get(*value), Some(Known::Constant(Word::TRUE)));
        (ends && self.statements(&statements[..end], result) && yields_true(self)).then_some(())
    }

    /// `None` if the statement may do something that the index does not know.
    fn statement(&mut self, kind: &StatementKind, result: Register) -> Option<()> {
        if let Some(answer) = self.last {
            if let StatementKind::Test { value, expected: true } = kind
                && *value == answer
                && let Some(Known::Answer(ask)) = self.get(answer)
            {
                self.asks.push(ask);
            }
            return None;
        }
        let known = match kind {
            StatementKind::Constant { target, value } if *target == result => {
                // Only the first says that nothing is found yet; the next one comes where everything is.
                return value.is_absent().then_some(());
            }
            StatementKind::Constant { target, value } => (*target, Known::Constant(*value)),
            StatementKind::Copy { target, source } => (*target, self.get(*source)?),
            StatementKind::Slot { target, slot, .. } => {
                self.need(*slot, Need::Present);
                (*target, Known::Slot(*slot))
            }
            StatementKind::Compare { target, operator, left, right } => {
                let answer = self.compare(*operator, *left, *right).map_or(Known::Truth, Known::Answer);
                (*target, answer)
            }
            StatementKind::Membership { target, key: None, value, collection } => {
                let answer = self.membership(*value, *collection).map_or(Known::Truth, Known::Answer);
                (*target, answer)
            }
            StatementKind::Builtin { target, builtin, arguments, .. } => {
                let (ask, is_all) = self.builtin(self.program.builtins[builtin.index()].name, arguments)?;
                if !is_all {
                    self.last = Some(*target);
                }
                (*target, Known::Answer(ask))
            }
            StatementKind::Call { target, function, .. } => {
                self.called(*function)?;
                (*target, Known::Constant(Word::TRUE))
            }
            StatementKind::Test { value, expected } => {
                let ask = match self.get(*value)? {
                    Known::Answer(ask) => Some(ask),
                    Known::Slot(slot) => Some(Ask::Holds(slot)),
                    Known::Constant(_) | Known::Truth => None,
                };
                self.partial |= ask.is_none();
                self.asks.extend(ask.map(|ask| if *expected { ask } else { Ask::Not(Box::new(ask)) }));
                return Some(());
            }
            StatementKind::TestCompare { operator, left, right } => {
                let ask = self.compare(*operator, *left, *right);
                self.partial |= ask.is_none();
                self.asks.extend(ask);
                return Some(());
            }
            StatementKind::Input { .. }
            | StatementKind::Data { .. }
            | StatementKind::Document { .. }
            | StatementKind::Field { .. }
            | StatementKind::Index { .. }
            | StatementKind::Arithmetic { .. }
            | StatementKind::Definitions { .. }
            | StatementKind::SetOperation { .. }
            | StatementKind::Membership { .. }
            | StatementKind::MakeArray { .. }
            | StatementKind::MakeSet { .. }
            | StatementKind::MakeObject { .. }
            | StatementKind::Template { .. }
            | StatementKind::TestAbsent { .. }
            | StatementKind::TestShape { .. }
            | StatementKind::Yield { .. }
            | StatementKind::Scope { .. }
            | StatementKind::Leave { .. }
            | StatementKind::Fail
            | StatementKind::Each { .. }
            | StatementKind::Collect { .. }
            | StatementKind::Emit { .. }
            | StatementKind::With { .. }
            | StatementKind::Outside { .. }
            | StatementKind::Mark { .. }
            | StatementKind::MarkSave { .. }
            | StatementKind::MarkRestore { .. }
            | StatementKind::Record { .. } => return None,
        };
        let (target, value) = known;
        if self.writes.once(target) {
            self.known.insert(target, value);
        }
        Some(())
    }

    /// What a builtin asks for a true result, and whether that is all it does: if not, it may ask more, or make an error where
    /// the index does not know what is asked.
    fn builtin(&mut self, name: &str, arguments: &[Register]) -> Option<(Ask, bool)> {
        let known: Vec<Known> = arguments.iter().map(|argument| self.get(*argument)).collect::<Option<_>>()?;
        let (slot, ask, is_all) = match (name, known.as_slice()) {
            ("startswith", [Known::Slot(slot), Known::Constant(prefix)]) => {
                (*slot, Ask::Prefix(*slot, self.heap.as_str(*prefix)?.into()), true)
            }
            ("glob.match", [Known::Constant(pattern), Known::Constant(delimiters), Known::Slot(slot)]) => {
                let prefix = known::glob_prefix(self.heap.as_str(*pattern)?, &self.delimiters(*delimiters)?)?;
                (*slot, Ask::Prefix(*slot, Some(prefix).filter(|prefix| !prefix.is_empty())?.into()), false)
            }
            ("net.cidr_contains", [Known::Constant(network), Known::Slot(slot)]) => {
                (*slot, Ask::Within(*slot, known::network(self.heap.as_str(*network)?)?), false)
            }
            _ => return None,
        };
        // Of anything but text all three make an error.
        self.need(slot, Need::Text);
        Some((ask, is_all))
    }

    /// The delimiters of a glob, if they are such.
    fn delimiters(&self, word: Word) -> Option<String> {
        match self.heap.view(word) {
            View::Null => Some(String::new()),
            View::Array(items) => items.iter().map(|item| self.heap.as_str(*item)?.parse::<char>().ok()).collect(),
            View::Absent
            | View::Bool(_)
            | View::Int(_)
            | View::Number(_)
            | View::String(_)
            | View::Object(..)
            | View::Set(_) => None,
        }
    }

    fn get(&self, register: Register) -> Option<Known> {
        self.known.get(&register).cloned()
    }

    fn need(&mut self, slot: SlotId, need: Need) {
        if !self.needs.contains(&(slot, need)) {
            self.needs.push((slot, need));
        }
    }

    fn compare(&self, operator: CompareOperator, left: Register, right: Register) -> Option<Ask> {
        let (slot, value, operator) = match (self.get(left)?, self.get(right)?) {
            (Known::Slot(slot), Known::Constant(value)) => (slot, value, operator),
            (Known::Constant(value), Known::Slot(slot)) => (slot, value, operator.swapped()),
            _ => return None,
        };
        match operator {
            CompareOperator::Equal => is_keyed(value).then(|| Ask::OneOf(slot, vec![value])),
            CompareOperator::NotEqual => is_keyed(value).then_some(Ask::Other(slot, value)),
            CompareOperator::Less
            | CompareOperator::LessEqual
            | CompareOperator::Greater
            | CompareOperator::GreaterEqual => Some(Ask::Bound(slot, operator, value.small_int()?)),
        }
    }

    fn membership(&self, value: Register, collection: Register) -> Option<Ask> {
        match (self.get(value)?, self.get(collection)?) {
            (Known::Slot(slot), Known::Constant(collection)) => {
                let mut items = elements(self.heap, collection)?.to_vec();
                items.sort_by_key(|item| item.bits());
                items.iter().all(|item| is_keyed(*item)).then_some(Ask::OneOf(slot, items))
            }
            (Known::Constant(value), Known::Slot(slot)) => is_keyed(value).then_some(Ask::Has(slot, value)),
            _ => None,
        }
    }
}

/// Whether a statement says that nothing is found yet.
fn is_absent(kind: &StatementKind, result: Register) -> bool {
    matches!(kind, StatementKind::Constant { target, value } if *target == result && value.is_absent())
}
