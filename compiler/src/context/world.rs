//! What `with` replaces: a stack of worlds, each with its own input, data, replaced calls and memo table.

use std::sync::Arc;

use hpol_stdlib::heap::{Kind, View, Word};
use rustc_hash::FxHashMap;

use crate::plan::{
    BuiltinId, Definitions, ExtentId, FunctionId, Mock, Origin, PathId, PlaceId, Replacement, ReplacementTarget, SlotId,
};

use crate::lower::element_named;
use crate::optimise::fill_slots;

use super::calls::PENDING;
use super::marks::MemoMarks;
use super::{Context, Stop};

/// What an evaluation sees.
#[derive(Debug)]
pub(super) struct World {
    input: Word,
    /// What stands in the slots of the plan.
    slots: Vec<Word>,
    data: Word,
    /// Paths in `data` that are replaced; rules there are hidden.
    data_paths: Vec<Vec<Arc<str>>>,
    functions: Vec<(FunctionId, Mock, Word)>,
    builtins: Vec<(BuiltinId, Mock, Word)>,
    /// Results of memoised functions by slot.
    pub(super) memo: Vec<Word>,
    /// Slots that are set.
    pub(super) touched: Vec<u32>,
    /// The marks that memoised functions without a result left.
    pub(super) memo_marks: MemoMarks,
    /// Packages as documents, by path.
    pub(super) documents: FxHashMap<ExtentId, Word>,
    /// The world in which the `with` stands.
    outer: usize,
}

/// What a call does where `with` is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intercepted {
    /// What it always does.
    No,
    /// It yields this, which may be absent.
    Value(Word),
    /// It calls this function with the same arguments.
    Function(FunctionId),
    /// It calls this builtin with the same arguments.
    Builtin(BuiltinId),
}

impl World {
    /// Forgets what was computed.
    #[inline]
    fn forget(&mut self) {
        if !self.touched.is_empty() {
            self.forget_memo();
        }
        self.memo_marks.clear();
        // Emptying a table costs something even where nothing is in it.
        if !self.documents.is_empty() {
            self.forget_documents();
        }
    }

    #[inline(never)]
    fn forget_memo(&mut self) {
        for slot in self.touched.drain(..) {
            self.memo[slot as usize] = PENDING;
        }
    }

    #[cold]
    fn forget_documents(&mut self) {
        self.documents.clear();
    }
}

impl Context {
    /// Makes the outermost world, or empties it but for its input.
    #[inline]
    pub(super) fn begin_worlds(&mut self, keep_input: bool) {
        match self.worlds.as_mut_slice() {
            [world] if self.world == 0 => {
                world.forget();
                if !keep_input {
                    world.input = Word::ABSENT;
                    world.slots.fill(Word::ABSENT);
                    self.hot.input = Word::ABSENT.bits();
                }
            }
            _ => self.begin_outermost(keep_input),
        }
    }

    /// As [`Context::begin_worlds`], where there is no world yet, or an evaluation stopped within another one.
    #[cold]
    fn begin_outermost(&mut self, keep_input: bool) {
        self.worlds.truncate(1);
        if let Some(world) = self.worlds.first_mut() {
            world.forget();
            if !keep_input {
                world.input = Word::ABSENT;
                world.slots.fill(Word::ABSENT);
            }
        } else {
            self.worlds.push(World {
                input: Word::ABSENT,
                slots: vec![Word::ABSENT; self.program.slots.len()],
                data: self.program.data,
                data_paths: Vec::new(),
                functions: Vec::new(),
                builtins: Vec::new(),
                memo: vec![PENDING; self.program.memo_slots as usize],
                touched: Vec::new(),
                memo_marks: MemoMarks::default(),
                documents: FxHashMap::default(),
                outer: 0,
            });
        }
        self.enter_world(0);
    }

    #[inline]
    pub(super) fn enter_world(&mut self, index: usize) {
        let world = &self.worlds[index];
        self.world = index;
        self.hot.input = world.input.bits();
        self.hot.slots = world.slots.as_ptr().expose_provenance();
        self.hot.memo = world.memo.as_ptr().expose_provenance();
        let intercepts = !(world.data_paths.is_empty() && world.functions.is_empty() && world.builtins.is_empty());
        self.hot.intercepts = u64::from(intercepts);
    }

    /// Sets the input of the world in force; what was computed from the one before is forgotten.
    pub fn set_input_word(&mut self, input: Word) {
        let world = &mut self.worlds[self.world];
        fill_slots(&self.program.slots, &self.heap, input, &mut world.slots);
        self.input_is(input);
    }

    /// As [`Context::set_input_word`], by what stands in the slots of the plan: a reader that knows
    /// [`crate::plan::InputSlots::projection`] need not make the rest. The plan must have slots; where there are too few
    /// words, the others are absent.
    pub fn set_slots(&mut self, slots: &[Word]) {
        let world = &mut self.worlds[self.world];
        if world.slots.len() == slots.len() {
            world.slots.copy_from_slice(slots);
        } else {
            world.slots.clear();
            world.slots.extend_from_slice(slots);
            world.slots.resize(self.program.slots.len(), Word::ABSENT);
        }
        let input = world.slots.first().copied().unwrap_or(Word::ABSENT);
        self.input_is(input);
    }

    fn input_is(&mut self, input: Word) {
        let world = &mut self.worlds[self.world];
        world.input = input;
        self.hot.slots = world.slots.as_ptr().expose_provenance();
        world.forget();
        self.hot.input = input.bits();
    }

    /// Begins a `with`: `values` are those of the replacements, absent where they have none.
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit.
    pub fn enter_with(&mut self, replacements: &[Replacement], values: &[Word], place: PlaceId) -> Result<(), Stop> {
        let mut world = self.inner_world(place)?;
        for (replacement, value) in replacements.iter().zip(values) {
            match &replacement.target {
                ReplacementTarget::Input(path) => {
                    world.input = self.replaced(world.input, path, *value, place)?;
                    fill_slots(&self.program.slots, &self.heap, world.input, &mut world.slots);
                }
                ReplacementTarget::Data(path) => {
                    world.data = self.replaced(world.data, path, *value, place)?;
                    world.data_paths.push(path.clone());
                }
                ReplacementTarget::Function(function, mock) => {
                    world.functions.retain(|entry| entry.0 != *function);
                    world.functions.push((*function, *mock, *value));
                }
                ReplacementTarget::Builtin(builtin, mock) => {
                    world.builtins.retain(|entry| entry.0 != *builtin);
                    world.builtins.push((*builtin, *mock, *value));
                }
            }
        }
        self.worlds.push(world);
        self.enter_world(self.worlds.len() - 1);
        Ok(())
    }

    /// Begins what a replacement of a function does: input and data stay as they are, but no function is replaced. It ends by
    /// [`Context::leave_with`].
    ///
    /// # Errors
    ///
    /// [`Stop`] at a limit.
    pub(crate) fn enter_unreplaced(&mut self, place: PlaceId) -> Result<(), Stop> {
        let mut world = self.inner_world(place)?;
        world.functions.clear();
        world.builtins.clear();
        self.worlds.push(world);
        self.enter_world(self.worlds.len() - 1);
        Ok(())
    }

    /// A copy of the world in force, in which nothing is known yet.
    fn inner_world(&mut self, place: PlaceId) -> Result<World, Stop> {
        self.charge(1 + u64::from(self.program.memo_slots) / 64, place)?;
        let outer = &self.worlds[self.world];
        Ok(World {
            input: outer.input,
            slots: outer.slots.clone(),
            data: outer.data,
            data_paths: outer.data_paths.clone(),
            functions: outer.functions.clone(),
            builtins: outer.builtins.clone(),
            memo: vec![PENDING; self.program.memo_slots as usize],
            touched: Vec::new(),
            memo_marks: MemoMarks::default(),
            documents: FxHashMap::default(),
            outer: self.world,
        })
    }

    /// Ends the innermost `with`, which is in force.
    pub fn leave_with(&mut self) {
        // The outermost world is no `with`'s.
        if self.worlds.len() > 1
            && let Some(world) = self.worlds.pop()
        {
            self.enter_world(world.outer);
        }
    }

    /// Steps out of the `with` in force; the result is for [`Context::leave_outside`].
    pub fn enter_outside(&mut self) -> usize {
        let inside = self.world;
        self.enter_world(self.worlds[inside].outer);
        inside
    }

    /// Steps back in.
    pub fn leave_outside(&mut self, inside: usize) {
        self.enter_world(inside.min(self.worlds.len() - 1));
    }

    /// The input in force, or absent.
    pub fn input(&self) -> Word {
        self.worlds[self.world].input
    }

    /// What stands in a slot of the plan, as the input in force fills it.
    #[inline]
    pub(crate) fn slot(&self, slot: SlotId) -> Word {
        self.worlds[self.world].slots.get(slot.index()).copied().unwrap_or(Word::ABSENT)
    }

    /// Puts the rules of a package that can count for the input in force into `candidates`, and if `tells_absences` those too that do
    /// not, but find something absent; false if all must be run.
    #[inline]
    pub fn candidates(&self, package: usize, tells_absences: bool, candidates: &mut Vec<u32>) -> bool {
        candidates.clear();
        // What is replaced may stand for what the index takes for granted.
        let index = self.program.indexes.get(package).and_then(Option::as_ref).filter(|_| !self.intercepts());
        if let Some(index) = index {
            index.candidates(&self.worlds[self.world].slots, &[], tells_absences, &self.heap, candidates);
        }
        index.is_some()
    }

    /// Puts the definitions that must be run behind those in [`Context::definitions`], where it starts with them, ascending.
    pub(crate) fn choose_definitions(&mut self, definitions: &Definitions, arguments: &[Word]) -> usize {
        let start = self.definitions.len();
        // What is replaced may stand for what the index takes for granted, and may leave arguments out.
        let whole = !self.intercepts() && !arguments.iter().any(|argument| argument.is_absent());
        match definitions.index.as_ref().filter(|_| whole) {
            Some(index) => {
                index.candidates(&self.worlds[self.world].slots, arguments, true, &self.heap, &mut self.definitions);
            }
            None => self.definitions.extend((0..).zip(&definitions.bodies).map(|(at, _)| at)),
        }
        start
    }

    /// The base documents in force.
    pub fn data(&self) -> Word {
        self.worlds[self.world].data
    }

    /// Whether calls and data may be replaced now.
    #[inline]
    pub fn intercepts(&self) -> bool {
        self.hot.intercepts != 0
    }

    /// A base document, where `value` is what stands there unless it is replaced.
    pub(crate) fn document(&self, path: PathId, value: Word) -> Word {
        let world = &self.worlds[self.world];
        if world.data_paths.is_empty() { value } else { self.descend(world.data, &self.program.paths[path.index()]) }
    }

    /// A package's document, if it was made before.
    pub(crate) fn known_document(&self, extent: ExtentId) -> Option<Word> {
        self.worlds[self.world].documents.get(&extent).copied()
    }

    /// Keeps a package's document.
    pub(crate) fn keep_document(&mut self, extent: ExtentId, document: Word) {
        self.worlds[self.world].documents.insert(extent, document);
    }

    /// The value at a path; absent where there is none.
    pub(crate) fn descend(&self, base: Word, path: &[Arc<str>]) -> Word {
        path.iter().fold(base, |word, name| match self.heap.elements(word) {
            Some(items) if word.kind() == Kind::Array => element_named(items, name),
            _ => self.heap.field(word, name),
        })
    }

    /// What a call of a function does under the `with` in force.
    pub(crate) fn intercept_call(&self, function: FunctionId) -> Intercepted {
        let world = &self.worlds[self.world];
        if let Some((_, mock, value)) = world.functions.iter().find(|entry| entry.0 == function) {
            return intercepted(*mock, *value);
        }
        let called = &self.program.functions[function.index()];
        if called.parameters == 0
            && let Origin::Rule(path) = &called.origin
            && world.data_paths.iter().any(|replaced| path.starts_with(replaced))
        {
            return Intercepted::Value(self.descend(world.data, path));
        }
        Intercepted::No
    }

    /// What a call of a builtin does under the `with` in force.
    pub(crate) fn intercept_builtin(&self, builtin: BuiltinId) -> Intercepted {
        let mocks = &self.worlds[self.world].builtins;
        let mock = mocks.iter().find(|entry| entry.0 == builtin);
        mock.map_or(Intercepted::No, |(_, mock, value)| intercepted(*mock, *value))
    }

    /// A rule's value with the replacements below its path put in.
    pub(crate) fn overlay(&mut self, function: FunctionId, value: Word, place: PlaceId) -> Result<Word, Stop> {
        let Origin::Rule(path) = &self.program.functions[function.index()].origin else { return Ok(value) };
        let world = &self.worlds[self.world];
        let below =
            world.data_paths.iter().filter(|replaced| replaced.len() > path.len() && replaced.starts_with(path));
        let below: Vec<(Vec<Arc<str>>, Word)> =
            below.map(|replaced| (replaced[path.len()..].to_vec(), self.descend(world.data, replaced))).collect();
        let mut value = value;
        for (path, replacement) in below {
            value = self.replaced(value, &path, replacement, place)?;
        }
        Ok(value)
    }

    /// `base` with `value` at `path`; what is no object on the way becomes one.
    fn replaced(&mut self, base: Word, path: &[Arc<str>], value: Word, place: PlaceId) -> Result<Word, Stop> {
        let Some((name, rest)) = path.split_first() else { return Ok(value) };
        let member = self.replaced(self.heap.field(base, name), rest, value, place)?;
        let entries = if let View::Object(keys, values) = self.heap.view(base) {
            keys.iter().copied().zip(values.iter().copied()).collect()
        } else {
            Vec::new()
        };
        self.charge(1 + u64::try_from(entries.len()).unwrap_or(u64::MAX), place)?;
        let key = self.heap.string(name);
        let key = self.made(key, place)?;
        let mut entries: Vec<(Word, Word)> = entries;
        entries.push((key, member));
        let object = self.heap.object(entries);
        self.made(object, place)
    }
}

fn intercepted(mock: Mock, value: Word) -> Intercepted {
    match mock {
        Mock::Value => Intercepted::Value(value),
        Mock::Function(function) => Intercepted::Function(function),
        Mock::Builtin(builtin) => Intercepted::Builtin(builtin),
    }
}
