//! Typed tree to plan: one lowering for each construct.
//!
//! Conditions are lowered with what comes behind them as a continuation, because a loop's body holds all that
//! follows: `input.roles[i] == "dba"; x := i` becomes a loop with both the test and the assignment in it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

use hpol_lang::load::QUERY_PACKAGE;
use hpol_lang::source::{Profile, Span};
use hpol_lang::typed;
use hpol_lang::value::Value;
use hpol_stdlib::builtin::Builtin;
use hpol_stdlib::heap::{Heap, HeapError, View, Word};
use rustc_hash::FxHashMap;

use crate::Options;
use crate::plan::{
    BuiltinId, Definitions, DefinitionsId, Extent, ExtentId, Function, FunctionId, InputSlots, OnError, PathId,
    PlaceId, Program, Site, SiteId, WrittenCondition,
};

mod body;
mod builder;
mod conditions;
mod decision;
mod definitions;
mod describe;
mod expr;
mod locals;
mod rule;
mod state;
mod test;

/// Deepest nesting of expressions and blocks in one function. Engines recurse as deep.
const NESTING_MAX: u32 = 200;

/// Why a typed program can't be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A builtin that the table does not have.
    #[error("there is no builtin `{0}`")]
    UnknownBuiltin(Arc<str>),
    /// Something is nested too deeply.
    #[error("`{name}` nests expressions and loops deeper than {NESTING_MAX} levels; split it into several rules")]
    TooDeep {
        /// The rule.
        name: Arc<str>,
        /// Its place.
        span: Span,
    },
    /// One rule is too large.
    #[error("`{name}` has more than {limit} steps; split it into several rules")]
    TooLarge {
        /// The rule.
        name: Arc<str>,
        /// The most it may have.
        limit: usize,
        /// Its place.
        span: Span,
    },
    /// Rules call each other too deeply.
    #[error("rules call each other {depth} levels deep at `{name}`; at most {limit} are possible")]
    CallsTooDeep {
        /// The outermost rule.
        name: Arc<str>,
        /// How deep.
        depth: u32,
        /// How deep it may be.
        limit: u32,
        /// Its place.
        span: Span,
    },
    /// Rules with nested conditions call each other too deeply.
    #[error("`{name}` and the rules it calls nest conditions more than {limit} levels deep; make some of them flatter")]
    BlocksTooDeep {
        /// The outermost rule.
        name: Arc<str>,
        /// How deep they may be.
        limit: u32,
        /// Its place.
        span: Span,
    },
    /// A rule needs itself.
    #[error("`{name}` needs its own value")]
    Recursive {
        /// The rule.
        name: Arc<str>,
        /// Its place.
        span: Span,
    },
    /// Constants or data can't be kept.
    #[error("constants and data: {0}")]
    Heap(#[from] HeapError),
    /// The plan breaks a rule of plans: a defect of the compiler.
    #[error("the plan is wrong: {0}")]
    Invalid(String),
}

impl CompileError {
    /// The place in the policy, where there is one.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::TooDeep { span, .. }
            | Self::TooLarge { span, .. }
            | Self::CallsTooDeep { span, .. }
            | Self::BlocksTooDeep { span, .. }
            | Self::Recursive { span, .. } => Some(*span),
            Self::UnknownBuiltin(_) | Self::Heap(_) | Self::Invalid(_) => None,
        }
    }
}

type Lowered<T = ()> = Result<T, CompileError>;

/// Lowers a typed program.
pub(crate) fn lower(program: &typed::Program, options: &Options) -> Lowered<Program> {
    let mut heap = Heap::for_freezing();
    let data = heap.from_value(&program.data)?;
    let mut shared = Shared {
        typed: program,
        options,
        heap,
        data,
        places: Interner::default(),
        sites: Interner::default(),
        paths: Interner::default(),
        extents: Interner::default(),
        conditions: Interner::default(),
        builtins: Vec::new(),
        builtin_ids: FxHashMap::default(),
        definitions: Vec::new(),
        bodies: Vec::new(),
    };
    let mut functions = Vec::with_capacity(program.rules.len() + program.decisions.len());
    for (id, rule) in (0..).map(FunctionId).zip(&program.rules) {
        functions.push(rule::lower(&mut shared, rule, id)?);
    }
    functions.append(&mut shared.bodies);
    let (decisions, packages) = decision::lower_all(&mut shared, &mut functions)?;
    let (counters, labels) = state::lower_all(&mut shared, &mut functions)?;
    let tests = test::lower_all(&mut shared, &mut functions)?;
    let mut lowered = Program {
        functions,
        frozen: shared.heap.into_frozen(),
        data,
        builtins: shared.builtins,
        rules: rules_by_path(program),
        documents: documents(program),
        nodes: nodes(program),
        decisions,
        indexes: Vec::new(),
        definitions: shared.definitions,
        counters,
        labels,
        packages,
        tests,
        sites: shared.sites.items,
        places: shared.places.items,
        slots: InputSlots::default(),
        lookups: Vec::new(),
        members: None,
        paths: shared.paths.items,
        extents: shared.extents.items,
        conditions: shared.conditions.items,
        memo_slots: 0,
        sources: program.sources.clone(),
    };
    state::readers(&mut lowered, program);
    Ok(lowered)
}

/// Rules come first among the functions, in their own order.
fn function_of(rule: typed::RuleId) -> FunctionId {
    FunctionId(rule.0)
}

fn rules_by_path(program: &typed::Program) -> BTreeMap<Arc<str>, FunctionId> {
    let rules = program.rules.iter().enumerate();
    rules.map(|(index, rule)| (rule.path.clone(), FunctionId(number(index)))).collect()
}

fn documents(program: &typed::Program) -> Vec<(Vec<Arc<str>>, FunctionId)> {
    let rules = program.rules.iter().enumerate();
    let rules = rules.filter(|(_, rule)| rule.kind != typed::RuleKind::Function && !asks(&rule.parts));
    let mut documents: Vec<_> = rules.map(|(index, rule)| (rule.parts.clone(), FunctionId(number(index)))).collect();
    documents.sort();
    documents
}

/// Whether this is the place of a question, which is no part of `data`.
fn asks(path: &[Arc<str>]) -> bool {
    path.first().is_some_and(|first| **first == *QUERY_PACKAGE)
}

/// Packages, and whatever is above packages and rules.
fn nodes(program: &typed::Program) -> Vec<Vec<Arc<str>>> {
    let mut nodes = BTreeSet::from([Vec::new()]);
    let packages = program.packages.iter().map(|package| package.path.split('.').map(Arc::from).collect());
    let packages: Vec<Vec<Arc<str>>> = packages.collect();
    let above_rules = program.rules.iter().map(|rule| &rule.parts[..rule.parts.len().saturating_sub(1)]);
    for path in packages.iter().map(Vec::as_slice).chain(above_rules) {
        if asks(path) {
            continue;
        }
        let mut path = path;
        // What is above one that is known is known too.
        while nodes.insert(path.to_vec()) {
            path = &path[..path.len() - 1];
        }
    }
    nodes.into_iter().collect()
}

/// The element of an array in a base document that a part of a path names.
pub(crate) fn element_named(items: &[Word], name: &str) -> Word {
    name.parse::<usize>().ok().and_then(|at| items.get(at).copied()).unwrap_or(Word::ABSENT)
}

/// Counts of a program fit 32 bits, because its text does.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What all functions of a program share.
struct Shared<'t> {
    typed: &'t typed::Program,
    options: &'t Options,
    heap: Heap,
    data: Word,
    places: Interner<Span>,
    sites: Interner<Site>,
    paths: Interner<Vec<Arc<str>>>,
    extents: Interner<Extent>,
    conditions: Interner<WrittenCondition>,
    builtins: Vec<&'static Builtin>,
    builtin_ids: FxHashMap<Arc<str>, BuiltinId>,
    definitions: Vec<Definitions>,
    /// The definitions' functions, which stand behind those of the rules.
    bodies: Vec<Function>,
}

impl Shared<'_> {
    fn place(&mut self, span: Span) -> PlaceId {
        PlaceId(self.places.id(span))
    }

    fn site(&mut self, path: String, span: Span) -> SiteId {
        SiteId(self.sites.id(Site { path: path.into(), span }))
    }

    fn path(&mut self, path: &[Arc<str>]) -> PathId {
        PathId(self.paths.id(path.to_vec()))
    }

    fn extent(&mut self, extent: Extent) -> ExtentId {
        ExtentId(self.extents.id(extent))
    }

    fn builtin(&mut self, name: &Arc<str>) -> Lowered<BuiltinId> {
        if let Some(id) = self.builtin_ids.get(name) {
            return Ok(*id);
        }
        let found = hpol_stdlib::find_builtin(name);
        let (_, builtin) = found.ok_or_else(|| CompileError::UnknownBuiltin(name.clone()))?;
        let id = BuiltinId(number(self.builtins.len()));
        self.builtins.push(builtin);
        self.builtin_ids.insert(name.clone(), id);
        Ok(id)
    }

    fn constant(&mut self, value: &Value) -> Lowered<Word> {
        Ok(self.heap.from_value(value)?)
    }

    fn text(&mut self, text: &str) -> Lowered<Word> {
        Ok(self.heap.string(text)?)
    }

    /// What stands at a path of the base documents.
    fn document(&self, path: &[Arc<str>]) -> Word {
        path.iter().fold(self.data, |word, name| match self.heap.view(word) {
            View::Object(..) => self.heap.field(word, name),
            View::Array(items) => element_named(items, name),
            View::Absent
            | View::Null
            | View::Bool(_)
            | View::Int(_)
            | View::Number(_)
            | View::String(_)
            | View::Set(_) => Word::ABSENT,
        })
    }

    /// The language that the text at a span is written in.
    fn profile(&self, span: Span) -> Profile {
        self.typed.sources.file(span.file).profile
    }

    fn on_error(&self, profile: Profile) -> OnError {
        match profile {
            Profile::Rego if !self.options.strict_builtin_errors => OnError::Absent,
            Profile::Rego | Profile::Hpol => OnError::Stop,
        }
    }

    /// Numbers the definitions of a rule.
    fn definitions(&mut self, bodies: Vec<Function>, first: bool) -> DefinitionsId {
        let start = self.typed.rules.len() + self.bodies.len();
        let ids = (start..start + bodies.len()).map(|id| FunctionId(number(id))).collect();
        self.bodies.extend(bodies);
        self.definitions.push(Definitions { bodies: ids, first, index: None });
        DefinitionsId(number(self.definitions.len() - 1))
    }
}

/// Numbers equal items once.
#[derive(Debug)]
struct Interner<T> {
    items: Vec<T>,
    ids: FxHashMap<T, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { items: Vec::new(), ids: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn id(&mut self, item: T) -> u32 {
        match self.ids.entry(item) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.items.push(entry.key().clone());
                *entry.insert(number(self.items.len() - 1))
            }
        }
    }
}
