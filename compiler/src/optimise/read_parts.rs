//! Readers of inputs are told which parts of the values in slots are looked at.
//!
//! ```text
//! r1 = slot input.containers
//! each L0 _, r2 in r1 {                slot input.containers
//!   r3 = field r2 "image"        →       of each element: image, ports
//!   r4 = field r2 "ports"                  of each port: nothing but that it is there
//!   r5 = call builtin count(r4)
//!   …
//! ```
//!
//! What an element has besides is checked by a reader, and not kept. That is only right for rulings, which do not tell witnesses:
//! for them handing out a witness is no use of its value. Decisions that tell everything read as ever.
//!
//! For each register of each function that a ruling can reach it is found out what is looked at of its value, backwards from what
//! statements do with it, until nothing is added. What is compared, printed, handed to a builtin or put into a set or an object
//! is needed whole; so is whatever is not understood here.

use std::collections::VecDeque;

use hpol_stdlib::heap::{Heap, Kind, Word};
use hpol_stdlib::read::Projection;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::index::RuleIndex;
use crate::plan::{
    Block, BuiltinId, Collection, CompareOperator, Function, FunctionId, InputSlots, Mock, Origin, Program, Register,
    ReplacementTarget, Role, Shape, SlotId, StatementKind, reads,
};

use super::Writes;

mod uses;

use uses::{Uses, present, settle};

pub(super) fn run(program: &mut Program) {
    if program.slots.is_empty() {
        return;
    }
    let heap = Heap::new(program.frozen.clone(), 0);
    let mut finder = Finder::new(program, &heap);
    finder.begin();
    finder.follow();
    let told = finder.told();
    program.slots.tell_rulings(told);
}

/// What the statements of a plan look at.
struct Finder<'p> {
    program: &'p Program,
    heap: &'p Heap,
    /// Of the values of registers, by function.
    registers: Vec<Vec<Uses>>,
    /// Of the values of slots.
    slots: Vec<Uses>,
    /// Functions that hand arguments to one.
    callers: FxHashMap<FunctionId, Vec<FunctionId>>,
    /// What `unless` the body of a decision rule hands arguments to.
    exemptions: FxHashMap<FunctionId, FunctionId>,
    replaced: Replaced,
    waiting: VecDeque<FunctionId>,
    waits: Vec<bool>,
}

/// What a `with` replaces somewhere.
#[derive(Default)]
struct Replaced {
    functions: FxHashSet<FunctionId>,
    builtins: FxHashSet<BuiltinId>,
    data: bool,
    /// Whether a part of the input is replaced: what is left of it is copied.
    input: bool,
}

/// A statement, and where it stands.
struct Place<'p> {
    kind: &'p StatementKind,
    /// What it emits to.
    collection: Option<(Register, Collection)>,
    in_loop: bool,
}

/// What is known of a function while it is looked at.
struct Frame<'p> {
    id: FunctionId,
    places: Vec<Place<'p>>,
    constants: FxHashMap<Register, Word>,
    /// How often it yields.
    yields: usize,
    changed: bool,
}

impl<'p> Finder<'p> {
    fn new(program: &'p Program, heap: &'p Heap) -> Self {
        let registers = program.functions.iter().map(|_| Vec::new()).collect();
        let exemptions = program.decisions.iter().filter_map(|rule| Some((rule.body, rule.exemption?)));
        Self {
            program,
            heap,
            registers,
            slots: vec![Uses::default(); program.slots.len()],
            callers: FxHashMap::default(),
            exemptions: exemptions.collect(),
            replaced: Replaced::default(),
            waiting: VecDeque::new(),
            waits: vec![false; program.functions.len()],
        }
    }

    /// Finds the functions that a ruling can reach, and what is looked at of what they yield to the outside.
    fn begin(&mut self) {
        let program = self.program;
        let bodies = program.decisions.iter().flat_map(|rule| [Some(rule.body), rule.exemption]);
        let labels = program.labels.iter().map(|label| Some(label.condition));
        let counters = program.counters.iter().flat_map(|counter| [counter.condition, Some(counter.entry)]);
        bodies.chain(labels).chain(counters).flatten().for_each(|id| self.reach(id));
        for counter in &program.counters {
            self.result_is(counter.entry, &Uses::whole());
        }
        let mut next = 0;
        while let Some(id) = self.waiting.get(next).copied() {
            next += 1;
            program.function(id).body.each_statement(&mut |statement| self.reach_from(id, &statement.kind));
        }
        let replaced: Vec<FunctionId> = self.replaced.functions.iter().copied().collect();
        for id in replaced {
            self.is_whole(id);
        }
        if self.replaced.data {
            let reached: Vec<FunctionId> = self.waiting.iter().copied().collect();
            reached.into_iter().for_each(|id| self.result_whole(id));
        }
        if self.replaced.input {
            self.slot(InputSlots::ROOT, &Uses::whole());
        }
        program.indexes.iter().flatten().for_each(|index| self.index(index));
        program.definitions.iter().filter_map(|many| many.index.as_ref()).for_each(|index| self.index(index));
    }

    fn reach(&mut self, id: FunctionId) {
        let registers = &mut self.registers[id.index()];
        if registers.is_empty() {
            registers.resize(self.program.function(id).registers.max(1) as usize, Uses::default());
            self.wait(id);
        }
    }

    fn wait(&mut self, id: FunctionId) {
        if !std::mem::replace(&mut self.waits[id.index()], true) {
            self.waiting.push_back(id);
        }
    }

    /// Reaches what a statement of a function can run.
    fn reach_from(&mut self, id: FunctionId, kind: &StatementKind) {
        if let StatementKind::Call { function, .. } = kind {
            self.reach(*function);
            self.calls(id, *function);
        } else if let StatementKind::Definitions { definitions, .. } = kind {
            for body in &self.program.definitions[definitions.index()].bodies {
                self.reach(*body);
                self.calls(id, *body);
                self.result_whole(*body);
            }
        } else if let StatementKind::Document { extent, .. } = kind {
            for (_, function) in self.program.rules_of(&self.program.extents[extent.index()], |_, _| true) {
                self.reach(*function);
                self.result_whole(*function);
            }
        } else if let StatementKind::Record { role: Role::ExemptionArgument, .. } = kind
            && let Some(exemption) = self.exemptions.get(&id).copied()
        {
            self.calls(id, exemption);
        } else if let StatementKind::With { replacements, .. } = kind {
            replacements.iter().for_each(|replacement| self.replaces(&replacement.target));
        }
    }

    fn calls(&mut self, caller: FunctionId, called: FunctionId) {
        let callers = self.callers.entry(called).or_default();
        if !callers.contains(&caller) {
            callers.push(caller);
        }
    }

    fn replaces(&mut self, target: &ReplacementTarget) {
        let mock = match target {
            ReplacementTarget::Input(path) => {
                self.replaced.input |= !path.is_empty();
                return;
            }
            ReplacementTarget::Data(_) => {
                self.replaced.data = true;
                return;
            }
            ReplacementTarget::Builtin(builtin, mock) => {
                self.replaced.builtins.insert(*builtin);
                mock
            }
            ReplacementTarget::Function(function, mock) => {
                self.replaced.functions.insert(*function);
                mock
            }
        };
        if let Mock::Function(function) = mock {
            self.reach(*function);
            self.replaced.functions.insert(*function);
        }
    }

    /// Says that arguments and result of a function are needed whole.
    fn is_whole(&mut self, id: FunctionId) {
        if self.registers[id.index()].is_empty() {
            return;
        }
        for parameter in (0..self.program.function(id).parameters).map(Register) {
            self.registers[id.index()][parameter.index()].join(&Uses::whole());
        }
        self.result_whole(id);
    }

    fn result_whole(&mut self, id: FunctionId) {
        self.result_is(id, &Uses::whole());
    }

    /// Adds to what is looked at of a function's result.
    fn result_is(&mut self, id: FunctionId, uses: &Uses) {
        self.reach(id);
        let result = self.program.function(id).result;
        if self.registers[id.index()][result.index()].join(uses) {
            self.wait(id);
        }
    }

    fn slot(&mut self, slot: SlotId, uses: &Uses) {
        if let Some(known) = self.slots.get_mut(slot.index()) {
            known.join(uses);
        }
    }

    /// An index compares what stands in slots with constants.
    fn index(&mut self, index: &RuleIndex) {
        index.each_value(&mut |slot| self.slot(slot, &Uses::kind()));
    }

    /// Looks at functions until nothing is added.
    fn follow(&mut self) {
        while let Some(id) = self.waiting.pop_front() {
            self.waits[id.index()] = false;
            self.function(id);
        }
    }

    fn function(&mut self, id: FunctionId) {
        let function = self.program.function(id);
        let mut frame = Frame::of(id, function);
        let parameters = function.parameters as usize;
        let before: Vec<Uses> = self.registers[id.index()].iter().take(parameters).cloned().collect();
        loop {
            frame.changed = false;
            for at in (0..frame.places.len()).rev() {
                self.statement(&mut frame, at);
            }
            if !frame.changed {
                break;
            }
        }
        if self.registers[id.index()].get(..parameters) != Some(&before[..]) {
            for caller in self.callers.get(&id).cloned().unwrap_or_default() {
                self.wait(caller);
            }
        }
    }

    fn of(&self, frame: &Frame<'_>, register: Register) -> Uses {
        self.registers[frame.id.index()][register.index()].clone()
    }

    fn join(&mut self, frame: &mut Frame<'_>, register: Register, uses: &Uses) {
        frame.changed |= self.registers[frame.id.index()][register.index()].join(uses);
    }

    /// Adds what a statement looks at.
    fn statement(&mut self, frame: &mut Frame<'p>, at: usize) {
        use StatementKind as S;

        let Place { kind, collection, in_loop } = frame.places[at];
        match kind {
            S::Constant { .. }
            | S::Data { .. }
            | S::Scope { .. }
            | S::Leave { .. }
            | S::Fail
            | S::Collect { .. }
            | S::Outside { .. }
            | S::Mark { .. }
            | S::MarkSave { .. }
            | S::MarkRestore { .. }
            | S::Test { .. }
            | S::TestAbsent { .. } => {}
            S::Input { target, .. } => self.slot(InputSlots::ROOT, &self.of(frame, *target)),
            S::Slot { target, slot, .. } => self.slot(*slot, &self.of(frame, *target)),
            S::Copy { target, source } => self.join(frame, *source, &self.of(frame, *target)),
            S::Field { target, base, name, .. } => {
                self.join(frame, *base, &Uses::of_field(*name, self.of(frame, *target)));
            }
            S::Index { target, base, key, .. } => self.member(frame, *target, *base, *key),
            S::Each { value, collection, lookup, .. } => {
                let element = value.map_or_else(Uses::default, |value| self.of(frame, value));
                self.join(frame, *collection, &Uses::of_elements(element));
                lookup.iter().for_each(|lookup| self.all_whole(frame, &lookup.keys));
            }
            S::Call { target, function, arguments } => self.call(frame, *target, *function, arguments),
            S::Definitions { definitions, arguments, .. } => {
                let many = &self.program.definitions[definitions.index()];
                many.bodies.iter().for_each(|body| self.arguments(frame, *body, arguments));
                if many.index.is_some() {
                    arguments.iter().for_each(|argument| self.join(frame, *argument, &Uses::kind()));
                }
            }
            S::Builtin { target, builtin, arguments, .. } => self.builtin(frame, *target, *builtin, arguments),
            S::Compare { operator, left, right, .. } | S::TestCompare { operator, left, right } => {
                self.compare(frame, *operator, *left, *right);
            }
            S::TestShape { value, shape: Shape::Array, .. } => {
                self.join(frame, *value, &Uses::of_elements(Uses::default()));
            }
            S::MakeArray { target, items } => {
                let element = self.of(frame, *target).element();
                items.iter().for_each(|item| self.join(frame, *item, &element));
            }
            S::Emit { value, .. } if let Some((target, Collection::Array)) = collection => {
                self.join(frame, *value, &self.of(frame, target).element());
            }
            // Another value must be the same.
            S::Yield { target, value } if frame.yields == 1 && !in_loop => {
                self.join(frame, *value, &self.of(frame, *target));
            }
            S::Record { role, value } => self.record(frame, *role, *value),
            S::Document { .. }
            | S::Arithmetic { .. }
            | S::SetOperation { .. }
            | S::Membership { .. }
            | S::MakeSet { .. }
            | S::MakeObject { .. }
            | S::Template { .. }
            | S::TestShape { shape: Shape::Object, .. }
            | S::Yield { .. }
            | S::Emit { .. }
            | S::With { .. } => self.all_whole(frame, &reads(kind)),
        }
    }

    fn all_whole(&mut self, frame: &mut Frame<'_>, registers: &[Register]) {
        registers.iter().for_each(|register| self.join(frame, *register, &Uses::whole()));
    }

    /// A member by key.
    fn member(&mut self, frame: &mut Frame<'_>, target: Register, base: Register, key: Register) {
        let found = self.of(frame, target);
        let name = frame.constants.get(&key).filter(|key| key.kind() == Kind::String);
        let uses = match name {
            Some(name) => Uses::of_field(*name, found),
            None => Uses::of_elements(found),
        };
        self.join(frame, base, &uses);
        self.join(frame, key, &Uses::whole());
    }

    fn call(&mut self, frame: &mut Frame<'_>, target: Register, function: FunctionId, arguments: &[Register]) {
        self.result_is(function, &self.of(frame, target));
        self.arguments(frame, function, arguments);
    }

    fn arguments(&mut self, frame: &mut Frame<'_>, function: FunctionId, arguments: &[Register]) {
        for (argument, parameter) in arguments.iter().zip((0..).map(Register)) {
            let known = self.registers[function.index()].get(parameter.index());
            let uses = known.cloned().unwrap_or_else(Uses::whole);
            self.join(frame, *argument, &uses);
        }
    }

    fn builtin(&mut self, frame: &mut Frame<'_>, target: Register, builtin: BuiltinId, arguments: &[Register]) {
        let name = self.program.builtins[builtin.index()].name;
        match (name, arguments) {
            _ if self.replaced.builtins.contains(&builtin) => self.all_whole(frame, arguments),
            ("count", [counted]) => self.join(frame, *counted, &Uses::of_elements(Uses::default())),
            (
                "is_array" | "is_boolean" | "is_null" | "is_number" | "is_object" | "is_set" | "is_string"
                | "type_name",
                [asked],
            ) => self.join(frame, *asked, &Uses::kind()),
            ("object.get", [object, key, default])
                if let Some(name) = frame.constants.get(key).copied().filter(|key| key.kind() == Kind::String) =>
            {
                let found = self.of(frame, target);
                self.join(frame, *object, &Uses::kind());
                self.join(frame, *object, &Uses::of_field(name, found.clone()));
                self.join(frame, *default, &found);
            }
            _ => self.all_whole(frame, arguments),
        }
    }

    /// A comparison with a constant that is no collection only looks at the kind of what is one.
    fn compare(&mut self, frame: &mut Frame<'_>, operator: CompareOperator, left: Register, right: Register) {
        let by_equality = matches!(operator, CompareOperator::Equal | CompareOperator::NotEqual);
        for (side, other) in [(left, right), (right, left)] {
            let constant = frame.constants.get(&other).is_some_and(|word| word.is_canonical());
            let uses = if by_equality && constant { Uses::kind() } else { Uses::whole() };
            self.join(frame, side, &uses);
        }
    }

    fn record(&mut self, frame: &mut Frame<'_>, role: Role, value: Register) {
        match role {
            // Rulings do not tell them.
            Role::Witness(_) => {}
            Role::ExemptionArgument => match self.exemptions.get(&frame.id).copied() {
                Some(exemption) => {
                    // Whichever it is.
                    let parameters = self.program.function(exemption).parameters as usize;
                    let known = self.registers[exemption.index()].iter().take(parameters).cloned();
                    let all: Vec<Uses> = known.collect();
                    all.iter().for_each(|uses| self.join(frame, value, uses));
                }
                None => self.all_whole(frame, &[value]),
            },
            Role::Reason | Role::Outcome(_) => self.all_whole(frame, &[value]),
        }
    }

    /// What readers are told.
    fn told(&self) -> Projection {
        let mut told = present();
        for (id, _) in self.program.slots.iter() {
            let place = self
                .program
                .slots
                .names(id)
                .into_iter()
                .fold(&mut told, |place, name| place.fields.entry(name.into()).or_insert_with(present));
            place.slot = Some(id.0);
            self.slots[id.index()].tell(place, self.heap);
        }
        settle(&mut told);
        told
    }
}

impl<'p> Frame<'p> {
    fn of(id: FunctionId, function: &'p Function) -> Self {
        let writes = Writes::of(function);
        let (mut places, mut constants) = (Vec::new(), FxHashMap::default());
        lay_out(&function.body, None, false, &mut places);
        for place in &places {
            if let StatementKind::Constant { target, value } = place.kind
                && writes.once(*target)
                && !value.is_absent()
            {
                constants.insert(*target, *value);
            }
        }
        let yields = places.iter().filter(|place| matches!(place.kind, StatementKind::Yield { .. })).count();
        // A definition takes up the result of those before it.
        let more = usize::from(matches!(function.origin, Origin::Definition { .. }));
        Self { id, places, constants, yields: yields + more, changed: false }
    }
}

fn lay_out<'p>(
    block: &'p Block,
    collection: Option<(Register, Collection)>,
    in_loop: bool,
    places: &mut Vec<Place<'p>>,
) {
    for statement in &block.statements {
        let kind = &statement.kind;
        places.push(Place { kind, collection, in_loop });
        let Some(inner) = statement.block() else { continue };
        let in_loop = in_loop || matches!(kind, StatementKind::Each { .. });
        let inside = if let StatementKind::Collect { target, collection, .. } = kind {
            Some((*target, *collection))
        } else {
            None
        };
        lay_out(inner, inside.or(collection), in_loop, places);
    }
}
