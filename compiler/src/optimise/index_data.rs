//! Loops over base documents that look for elements with some values run over those only.
//!
//! ```text
//! each L0 _, r1 in r0 {             r7 = absent
//!   r2 = field r1 "action"          scope L1 catches {
//!   r3 = slot input.action            r8 = slot input.action
//!   test r2 == r3               →     r7 = r8
//!   …                               }
//! }                                 each L0 _, r1 in r0 where element.action is r7 {
//!                                     r2 = field r1 "action"
//!                                     …
//! ```
//!
//! The body stays as it is: an index rules out elements for which the body would fail at one of its first tests, silently. So
//! what comes before such a test must neither be an error nor find anything absent. For fields of the element the index
//! sees to that, which leaves out collections with an element without one of them; for what does not depend on
//! the element the statements in front of the loop do: where they find nothing, all elements are run over.

use hpol_stdlib::heap::{Heap, Kind, Word};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::{
    Aspect, Block, CompareOperator, Function, INDEXED_MIN, Index, IndexId, Label, Lookup, PlaceId, Program, Register,
    Relation, Statement, StatementKind, Step, each_read_mut, elements, target_mut, written,
};
use crate::verify::defined_label;

use super::Writes;

/// Most collections that one loop may meet; whatever has more of them is not looked into.
const COLLECTIONS_MAX: usize = 1 << 17;

/// Longest way from a loop to the document it runs over.
const WAY_MAX: u32 = 64;

pub(super) fn run(program: &mut Program) {
    let heap = Heap::new(program.frozen.clone(), 0);
    let mut indexer = Indexer { heap: &heap, indexes: Vec::new(), known: FxHashMap::default(), lists: Vec::new() };
    for function in &mut program.functions {
        indexer.function(function);
    }
    let Indexer { indexes, lists, .. } = indexer;
    let element = Aspect { path: Vec::new(), relation: Relation::Is };
    program.members = Index::build(&heap, vec![element], &[], &lists);
    program.lookups = indexes;
}

/// What an index is made of: what it looks at, what must be there, and where.
type Wanted = (Vec<Aspect>, Vec<Vec<Step>>, Vec<Word>);

struct Indexer<'h> {
    heap: &'h Heap,
    indexes: Vec<Index>,
    known: FxHashMap<Wanted, Option<IndexId>>,
    /// Arrays in which values are looked for.
    lists: Vec<Word>,
}

impl Indexer<'_> {
    fn function(&mut self, function: &mut Function) {
        let writes = Writes::of(function);
        let sources = Sources::of(function, &writes, self.heap);
        function.body.each_statement(&mut |statement| {
            if let StatementKind::Membership { key: None, collection, .. } = &statement.kind {
                let found = sources.values(*collection, 0);
                let long = |word: &Word| word.kind() == Kind::Array && self.heap.count(*word) >= Some(INDEXED_MIN);
                self.lists.extend(found.into_iter().filter(long));
            }
        });
        let mut names = Names::of(function);
        let mut body = std::mem::take(&mut function.body);
        self.block(&mut body, &writes, &sources, &mut names);
        function.body = body;
        function.registers = names.registers;
    }

    fn block(&mut self, block: &mut Block, writes: &Writes, sources: &Sources<'_>, names: &mut Names) {
        let mut at = 0;
        while at < block.statements.len() {
            let before = self.statement(&mut block.statements[at], writes, sources, names);
            let count = before.len();
            block.statements.splice(at..at, before);
            at += count;
            if let Some(inner) = block.statements[at].block_mut() {
                self.block(inner, writes, sources, names);
            }
            at += 1;
        }
    }

    /// Gives a loop its lookup, and returns what must be computed before it.
    fn statement(
        &mut self,
        statement: &mut Statement,
        writes: &Writes,
        sources: &Sources<'_>,
        names: &mut Names,
    ) -> Vec<Statement> {
        let place = statement.place;
        let StatementKind::Each { key, value, collection, body, lookup, .. } = &mut statement.kind else {
            return Vec::new();
        };
        let mut prefix = Prefix::new(writes, sources, *collection, *key, *value, body);
        prefix.read(body);
        if prefix.filters.is_empty() {
            return Vec::new();
        }
        let aspects = prefix.filters.iter().map(|filter| filter.0.clone()).collect();
        let Some(index) = self.index((aspects, prefix.required.clone(), sources.values(*collection, 0))) else {
            return Vec::new();
        };
        let (before, keys) = prefix.keys(names, place);
        *lookup = Some(Box::new(Lookup { index, keys }));
        before.into_iter().map(|kind| Statement { kind, place }).collect()
    }

    fn index(&mut self, wanted: Wanted) -> Option<IndexId> {
        if wanted.2.is_empty() {
            return None;
        }
        if let Some(known) = self.known.get(&wanted) {
            return *known;
        }
        let made = Index::build(self.heap, wanted.0.clone(), &wanted.1, &wanted.2).and_then(|index| {
            let id = IndexId(u32::try_from(self.indexes.len()).ok()?);
            self.indexes.push(index);
            Some(id)
        });
        self.known.insert(wanted, made);
        made
    }
}

/// Numbers for what is added to a function.
pub(super) struct Names {
    pub(super) registers: u32,
    labels: u32,
}

impl Names {
    pub(super) fn of(function: &Function) -> Self {
        let mut labels = 0;
        function.body.each_statement(&mut |statement| {
            labels = labels.max(defined_label(&statement.kind).map_or(0, |label| label.0 + 1));
        });
        Self { registers: function.registers, labels }
    }

    fn register(&mut self) -> Register {
        self.registers += 1;
        Register(self.registers - 1)
    }

    fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }
}

/// Where the value of a register comes from, as far as that leads to base documents.
enum Source {
    Value(Word),
    Copy(Register),
    Member(Register, Word),
    AnyMember(Register),
}

/// The sources of registers that are written once.
pub(super) struct Sources<'h> {
    heap: &'h Heap,
    of: FxHashMap<Register, Source>,
}

impl<'h> Sources<'h> {
    pub(super) fn of(function: &Function, writes: &Writes, heap: &'h Heap) -> Self {
        let mut sources = Self { heap, of: FxHashMap::default() };
        function.body.each_statement(&mut |statement| {
            let source =
                if let StatementKind::Constant { value, .. } | StatementKind::Data { value, .. } = &statement.kind {
                    Source::Value(*value)
                } else if let StatementKind::Copy { source, .. } = &statement.kind {
                    Source::Copy(*source)
                } else if let StatementKind::Field { base, name, .. } = &statement.kind {
                    Source::Member(*base, *name)
                } else if let StatementKind::Index { base, key, .. } = &statement.kind {
                    match sources.constant(*key) {
                        Some(key) => Source::Member(*base, key),
                        None => Source::AnyMember(*base),
                    }
                } else if let StatementKind::Each { value: Some(value), collection, .. } = &statement.kind {
                    if writes.once(*value) {
                        sources.of.insert(*value, Source::AnyMember(*collection));
                    }
                    return;
                } else {
                    return;
                };
            if let [target] = written(&statement.kind)[..]
                && writes.once(target)
            {
                sources.of.insert(target, source);
            }
        });
        sources
    }

    fn constant(&self, register: Register) -> Option<Word> {
        if let Some(Source::Value(word)) = self.of.get(&register) { Some(*word) } else { None }
    }

    /// The collections of base documents and constants that may stand in a register, each once; none if there are too many.
    fn values(&self, register: Register, way: u32) -> Vec<Word> {
        let Some(source) = self.of.get(&register).filter(|_| way < WAY_MAX) else { return Vec::new() };
        let found: Vec<Word> = match source {
            Source::Value(word) => vec![*word],
            Source::Copy(source) => return self.values(*source, way + 1),
            Source::Member(base, key) => {
                let bases = self.values(*base, way + 1);
                bases.into_iter().map(|base| self.heap.index(base, *key)).collect()
            }
            Source::AnyMember(base) => {
                let bases = self.values(*base, way + 1);
                let mut found = Vec::new();
                for base in bases {
                    found.extend_from_slice(elements(self.heap, base).unwrap_or_default());
                    if found.len() > COLLECTIONS_MAX {
                        return Vec::new();
                    }
                }
                found
            }
        };
        let mut seen = FxHashSet::default();
        let is_collection = |word: &Word| matches!(word.kind(), Kind::Array | Kind::Object | Kind::Set);
        found.into_iter().filter(|word| is_collection(word) && seen.insert(*word)).collect()
    }
}

/// The first statements of a loop's body, as far as they do nothing but look at the element.
pub(super) struct Prefix<'p> {
    writes: &'p Writes,
    sources: &'p Sources<'p>,
    collection: Register,
    key: Option<Register>,
    /// What is written in the loop.
    inside: FxHashSet<Register>,
    /// Registers that hold a part of the element, and which.
    parts: FxHashMap<Register, Vec<Step>>,
    /// Registers that hold what does not depend on the element, but is computed in the loop.
    fixed: FxHashSet<Register>,
    /// The statements that compute them; without a value they fail silently.
    computed: Vec<StatementKind>,
    /// Registers that hold whether a part of the element is in something, or something in it.
    members: FxHashMap<Register, (Aspect, Register)>,
    /// Parts that must be there in every element.
    pub(super) required: Vec<Vec<Step>>,
    /// What must be at which part of the element.
    pub(super) filters: Vec<(Aspect, Register)>,
}

impl<'p> Prefix<'p> {
    pub(super) fn new(
        writes: &'p Writes,
        sources: &'p Sources<'p>,
        collection: Register,
        key: Option<Register>,
        value: Option<Register>,
        body: &Block,
    ) -> Self {
        let mut inside: FxHashSet<Register> = key.iter().chain(&value).copied().collect();
        body.each_statement(&mut |statement| inside.extend(written(&statement.kind)));
        let parts = value.iter().filter(|value| writes.once(**value)).map(|value| (*value, Vec::new())).collect();
        Self {
            writes,
            sources,
            collection,
            key: key.filter(|key| writes.once(*key)),
            inside,
            parts,
            fixed: FxHashSet::default(),
            computed: Vec::new(),
            members: FxHashMap::default(),
            required: Vec::new(),
            filters: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, body: &Block) {
        let (mut computed, mut required) = (0, 0);
        for statement in &body.statements {
            let before = self.filters.len();
            if !self.statement(&statement.kind) {
                break;
            }
            if self.filters.len() > before {
                (computed, required) = (self.computed.len(), self.required.len());
            }
        }
        // What comes behind the last filter does not matter.
        self.computed.truncate(computed);
        self.required.truncate(required);
    }

    fn is_fixed(&self, register: Register) -> bool {
        !self.inside.contains(&register) || self.fixed.contains(&register)
    }

    /// Whether the statement is one that can be skipped for elements that are ruled out further down.
    fn statement(&mut self, kind: &StatementKind) -> bool {
        if let StatementKind::Constant { target, value } = kind {
            if !value.is_absent() {
                self.compute(*target, kind.clone());
            }
            true
        } else if let StatementKind::Copy { target, source } = kind {
            match self.parts.get(source).cloned() {
                Some(path) => self.part(*target, path),
                None if self.is_fixed(*source) => {
                    self.compute(*target, kind.clone());
                }
                None => {}
            }
            true
        } else if let StatementKind::Slot { target, slot, .. } = kind {
            self.compute(*target, StatementKind::Slot { target: *target, slot: *slot, sites: vec![None] })
        } else if let StatementKind::Field { target, base, name, .. } = kind {
            let (target, base, name) = (*target, *base, *name);
            if self.parts.contains_key(&base) {
                self.step(target, base, Step::Field(name))
            } else {
                self.is_fixed(base) && self.compute(target, StatementKind::Field { target, base, name, site: None })
            }
        } else if let StatementKind::Index { target, base, key, .. } = kind {
            let (target, base, key) = (*target, *base, *key);
            if base == self.collection && Some(key) == self.key {
                self.part(target, Vec::new());
                true
            } else if self.parts.contains_key(&base) {
                let key = self.sources.constant(key).filter(|key| key.is_canonical());
                key.is_some_and(|key| self.step(target, base, Step::Member(key)))
            } else {
                let fixed = self.is_fixed(base) && self.is_fixed(key);
                fixed && self.compute(target, StatementKind::Index { target, base, key, site: None })
            }
        } else if let StatementKind::MakeSet { target, items } | StatementKind::MakeArray { target, items } = kind {
            items.iter().all(|item| self.is_fixed(*item)) && self.compute(*target, kind.clone())
        } else if let StatementKind::Membership { target, key: None, value, collection } = kind {
            for (part, key, relation) in [(collection, value, Relation::Holds), (value, collection, Relation::Among)] {
                if let Some(path) = self.parts.get(part)
                    && self.is_fixed(*key)
                    && self.writes.once(*target)
                {
                    self.members.insert(*target, (Aspect { path: path.clone(), relation }, *key));
                }
            }
            true
        } else if let StatementKind::Test { value, expected } = kind {
            if *expected && let Some(filter) = self.members.get(value) {
                self.filters.push(filter.clone());
            }
            true
        } else if let StatementKind::TestCompare { operator: CompareOperator::Equal, left, right } = kind {
            for (part, wanted) in [(left, right), (right, left)] {
                if let Some(path) = self.parts.get(part)
                    && self.is_fixed(*wanted)
                {
                    self.filters.push((Aspect { path: path.clone(), relation: Relation::Is }, *wanted));
                }
            }
            true
        } else {
            matches!(
                kind,
                StatementKind::Membership { .. }
                    | StatementKind::Compare { .. }
                    | StatementKind::TestCompare { .. }
                    | StatementKind::TestAbsent { .. }
                    | StatementKind::TestShape { .. }
            )
        }
    }

    fn part(&mut self, target: Register, path: Vec<Step>) {
        if self.writes.once(target) {
            self.parts.insert(target, path);
        }
    }

    fn step(&mut self, target: Register, base: Register, step: Step) -> bool {
        let Some(path) = self.parts.get(&base) else { return false };
        let path: Vec<Step> = path.iter().copied().chain([step]).collect();
        self.required.push(path.clone());
        self.part(target, path);
        true
    }

    /// Whether it can be computed before the loop.
    fn compute(&mut self, target: Register, kind: StatementKind) -> bool {
        if !self.writes.once(target) {
            return false;
        }
        self.fixed.insert(target);
        self.computed.push(kind);
        true
    }

    /// What must be computed before the loop, and where the keys are then.
    pub(super) fn keys(self, names: &mut Names, place: PlaceId) -> (Vec<StatementKind>, Vec<Register>) {
        let mut renamed: FxHashMap<Register, Register> = FxHashMap::default();
        let mut inner = Vec::new();
        for mut kind in self.computed {
            each_read_mut(&mut kind, &mut |register| {
                *register = renamed.get(register).copied().unwrap_or(*register);
            });
            if let Some(target) = target_mut(&mut kind) {
                let name = names.register();
                renamed.insert(*target, name);
                *target = name;
            }
            inner.push(kind);
        }
        let mut before = Vec::new();
        let mut copies = Vec::new();
        let mut keys = Vec::new();
        for (_, wanted) in &self.filters {
            let Some(source) = renamed.get(wanted) else {
                keys.push(*wanted);
                continue;
            };
            let target = names.register();
            before.push(StatementKind::Constant { target, value: Word::ABSENT });
            copies.push(StatementKind::Copy { target, source: *source });
            keys.push(target);
        }
        if inner.is_empty() {
            return (before, keys);
        }
        // Only where all of it was found is any key there.
        inner.append(&mut copies);
        let statements = inner.into_iter().map(|kind| Statement { kind, place }).collect();
        let body = Block { statements };
        before.push(StatementKind::Scope { label: names.label(), catches: true, body });
        (before, keys)
    }
}
