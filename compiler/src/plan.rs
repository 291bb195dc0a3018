//! The one intermediate form: what both engines run.
//!
//! A plan is structured. A [`Function`] is a block of statements over numbered registers, each of which holds a
//! [`Word`]. A statement ends in one of four ways:
//!
//! - it goes on with the next statement;
//! - it *fails*: the condition is false or something it needs is absent. Control leaves every block up to the innermost
//!   one that catches failures (a catching [`StatementKind::Scope`], one iteration of an [`StatementKind::Each`], the
//!   body of a [`StatementKind::Collect`], the function itself) and goes on behind it;
//! - it *leaves* a scope by its label and goes on behind it;
//! - it *stops*: an error, which ends everything up to the decision rule or query that is evaluated. The error stands in
//!   the [`Context`](crate::context::Context).
//!
//! There is nothing else: `not`, `every`, `else`, early exit and choice are scopes, leaving and tests.
//!
//! ```text
//! not input.x.admin              found = false
//!                                mark = save
//!                                scope L catches {
//!                                  r = field input "x" …
//!                                  test r
//!                                  found = true
//!                                  leave L
//!                                }
//!                                restore mark
//!                                test not found
//! ```
//!
//! # Registers
//!
//! A register is read only where every way to that place has written it; [`verify`](crate::verify::verify) checks that.
//! It holds [`Word::ABSENT`] only where a statement says so: a function's result before something is yielded,
//! variables of a test that are not bound yet, and parts of templates.
//!
//! # The mark of absence
//!
//! A statement that fails because a value is absent says so to the context under its [`SiteId`] (what was looked for, and
//! where). The list of these since the start of the decision rule *is* the mark: it is set if the list is not empty. A
//! function that yields a value cuts the list back to what it was when it was entered; one that does not leaves it, and so does
//! one that gathers a set or an object, which has a value in any case. A memoised one leaves the same again whenever its
//! result is used. [`StatementKind::MarkSave`] and
//! [`StatementKind::MarkRestore`] do the same for `not`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_lang::ast::EffectKeyword;
use hpol_lang::source::{SourceMap, Span};
use hpol_lang::typed::{Approval, Mask};
use hpol_lang::value::Value;
use hpol_stdlib::builtin::Builtin;
use hpol_stdlib::heap::{Region, Word};

use crate::index::RuleIndex;

mod conditions;
mod display;
mod index;
mod operands;
mod slots;
mod statement;
mod tests;

pub use conditions::{ConditionForm, WrittenCondition};
pub use display::display_function;
pub use index::{Aspect, Index, Relation, Run, Step};
pub(crate) use index::{INDEXED_MIN, MIX_MULTIPLIER, MIX_ROTATION, MIX_SHIFT, SPREAD, bucket, elements, follow, mix};
pub(crate) use operands::{each_read_mut, each_register_mut, label, label_mut, reads, target_mut, written};
pub use slots::{InputSlot, InputSlots};
pub use statement::{
    ArithmeticOperator, Block, Collection, CompareOperator, Lookup, Mock, OnError, Replacement, ReplacementTarget,
    Role, SetOperator, Shape, Statement, StatementKind, TemplatePart,
};
pub use tests::{Expectation, Test, TestRuns, TestStep};

macro_rules! index_type {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

index_type! {
    /// A register of a function; its parameters come first.
    Register
    /// A scope or `with` of a function; no two of a function have the same.
    Label
    /// An index into [`Program::functions`].
    FunctionId
    /// An index into [`Program::builtins`].
    BuiltinId
    /// An index into [`Program::sites`].
    SiteId
    /// An index into [`Program::places`].
    PlaceId
    /// An index into [`Program::paths`].
    PathId
    /// An index into [`Program::slots`].
    SlotId
    /// An index into [`Program::lookups`].
    IndexId
    /// An index into [`Program::extents`].
    ExtentId
    /// An index into [`Program::definitions`].
    DefinitionsId
    /// An index into [`Program::conditions`].
    ConditionId
    /// An index into [`Program::decisions`].
    DecisionId
}

/// A compiled policy generation.
#[derive(Debug, Clone)]
pub struct Program {
    /// Functions. None calls itself, not even through others, except by `with`.
    pub functions: Vec<Function>,
    /// Constants and base documents; the words of the plan are valid over it.
    pub frozen: Arc<Region>,
    /// The base documents.
    pub data: Word,
    /// The builtins that are called.
    pub builtins: Vec<&'static Builtin>,
    /// Rules by full path, such as `data.payments.guard.privileged`.
    pub rules: BTreeMap<Arc<str>, FunctionId>,
    /// What packages hold besides base documents: rules that are not functions, by path without `data`, ascending.
    pub documents: Vec<(Vec<Arc<str>>, FunctionId)>,
    /// What is an object in `data` even if no rule below it has a value: packages, and what is above rules. By path without
    /// `data`, ascending.
    pub nodes: Vec<Vec<Arc<str>>>,
    /// Decision rules, in the order of package, effect and id.
    pub decisions: Vec<Decision>,
    /// Which decision rules of each package can count for a request; `None` where all are to be run.
    pub indexes: Vec<Option<RuleIndex>>,
    /// Definitions of rules with many.
    pub definitions: Vec<Definitions>,
    /// Counters, in the order of their names.
    pub counters: Vec<Counter>,
    /// Labels for sessions.
    pub labels: Vec<LabelRule>,
    /// Packages in the order of their paths.
    pub packages: Vec<Package>,
    /// Tests, in the order of file and place.
    pub tests: Vec<Test>,
    /// What can be found absent, and where.
    pub sites: Vec<Site>,
    /// Places that errors name.
    pub places: Vec<Span>,
    /// Paths of the input that statements read.
    pub slots: InputSlots,
    /// Indexes over base documents, for the loops that ask them.
    pub lookups: Vec<Index>,
    /// An index over the arrays of base documents in which values are looked for.
    pub members: Option<Index>,
    /// Paths in `data`.
    pub paths: Vec<Vec<Arc<str>>>,
    /// Parts of `data` with rules in them, as statements ask for them.
    pub extents: Vec<Extent>,
    /// The conditions whose outcomes are told, as far as that was asked for.
    pub conditions: Vec<WrittenCondition>,
    /// How many memo slots an evaluation needs.
    pub memo_slots: u32,
    /// The files, for turning spans into places that people read.
    pub sources: SourceMap,
}

/// A part of `data` with rules in it: a package and what stands below it, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extent {
    /// The package.
    pub path: Vec<Arc<str>>,
    /// Which names below it are looked at.
    pub below: Vec<ExtentStep>,
}

/// A step below a package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExtentStep {
    /// This name.
    Name(Arc<str>),
    /// The name that the statement's next key is.
    Key,
    /// Any.
    Any,
}

impl Extent {
    /// Whether something at a path below the package is looked at, where `is_key` tells whether the key with a number is a
    /// name.
    pub fn admits(&self, rest: &[Arc<str>], is_key: impl Fn(usize, &str) -> bool) -> bool {
        let mut keys = 0..;
        self.below.iter().zip(rest).all(|(step, name)| match step {
            ExtentStep::Name(wanted) => wanted == name,
            ExtentStep::Key => keys.next().is_some_and(|key| is_key(key, name)),
            ExtentStep::Any => true,
        })
    }

    /// How many keys a statement that asks for it has.
    pub fn keys(&self) -> usize {
        self.below.iter().filter(|step| matches!(step, ExtentStep::Key)).count()
    }
}

/// A function: a rule, a decision rule, or a step of a test.
#[derive(Debug, Clone)]
pub struct Function {
    /// A name for people: a rule's full path, or what it is.
    pub name: Arc<str>,
    /// What it came from.
    pub origin: Origin,
    /// How many registers are its arguments: the first ones.
    pub parameters: u32,
    /// How many registers there are.
    pub registers: u32,
    /// Holds the result when the body has ended, absent for none.
    pub result: Register,
    /// Where its result is kept during an evaluation; only for functions without parameters.
    pub memo: Option<u32>,
    /// Whether it gathers a set or an object, which has a value also where something it looks for is absent: the absences
    /// stay marked.
    pub gathers: bool,
    /// What it does. It catches failures.
    pub body: Block,
    /// Its place.
    pub span: Span,
}

/// What a function came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A rule or function, by path without `data`. `with` can replace it.
    Rule(Vec<Arc<str>>),
    /// The body of a decision rule, or a part of a counter or a label.
    Decision,
    /// The `unless` of a decision rule.
    Exemption,
    /// A step of a test.
    TestStep,
    /// A definition of a rule with many, which [`StatementKind::Definitions`] runs. It has the rule's parameters and, unless it
    /// collects, one more for the rule's result so far, which may be absent and which it hands back, changed or not.
    Definition {
        /// The rule.
        rule: FunctionId,
        /// Whether it emits to the collection around the statement that runs it.
        collects: bool,
    },
}

/// The definitions of a rule with many, each a function, so that a rule may have any number of them.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// The functions, in the order of the text.
    pub bodies: Vec<FunctionId>,
    /// Whether the first that gives a value ends it: those behind it can't give another, or are its `else`.
    pub first: bool,
    /// Which of them can give a value; `None` where all are to be run. Arguments stand in it as slots behind those of the input.
    pub index: Option<RuleIndex>,
}

/// Something that can be absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Site {
    /// Its path as written, such as `input.user.email`.
    pub path: Arc<str>,
    /// Where it is looked for.
    pub span: Span,
}

/// A package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Path without `data.`, such as `payments.guard`.
    pub path: Arc<str>,
    /// Name of the kind of request it decides, such as `llm.Request`; `None` for a library.
    pub input_kind: Option<Arc<str>>,
    /// Its decision rules, in order.
    pub decisions: Vec<DecisionId>,
}

/// A decision rule.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Which of the four.
    pub effect: EffectKeyword,
    /// Its id.
    pub id: Arc<str>,
    /// Its package: an index into [`Program::packages`].
    pub package: u32,
    /// `@owner`, `@severity` and others: name and value.
    pub annotations: Vec<(Arc<str>, Value)>,
    /// Yields true if the body holds, and records witnesses, the reason and arguments for `exemption`.
    pub body: FunctionId,
    /// Names of the witnesses.
    pub witnesses: Vec<Arc<str>>,
    /// Yields true if `unless` holds.
    pub exemption: Option<FunctionId>,
    /// Once a rule with this effect counts, this one can't change what is decided; `None` where it is run in any case.
    pub settled_by: Option<EffectKeyword>,
    /// What an approve asks for.
    pub approval: Option<Approval>,
    /// What a mask does.
    pub mask: Option<Mask>,
    /// Its place: the line with effect and id.
    pub span: Span,
}

/// A counter: what a request that goes ahead adds to it. Its value is that of a rule.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Its package and name, such as `payments.guard.writes`.
    pub name: Arc<str>,
    /// Its package: an index into [`Program::packages`].
    pub package: u32,
    /// How far back it looks.
    pub window_nanoseconds: i64,
    /// Yields true for requests that count; `None` where all do.
    pub condition: Option<FunctionId>,
    /// Yields `[[key, …], amount]`.
    pub entry: FunctionId,
    /// The decision rules and labels that look at its value, such as `deny "write storm"`.
    pub readers: Vec<String>,
    /// Its place: its name.
    pub span: Span,
}

/// A label that a session gets from a request that goes ahead.
#[derive(Debug, Clone)]
pub struct LabelRule {
    /// The label.
    pub label: Arc<str>,
    /// Its package: an index into [`Program::packages`].
    pub package: u32,
    /// Yields true where it is given; it protects, so absent and error count too.
    pub condition: FunctionId,
    /// Its place.
    pub span: Span,
}

impl Program {
    /// A function.
    ///
    /// # Panics
    ///
    /// If `id` comes from another program.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// What can be absent at a site; `None` if `id` comes from elsewhere.
    pub fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.get(id.index())
    }

    /// The rules that stand at a path in `data` or below it.
    pub fn rules_below(&self, path: &[Arc<str>]) -> &[(Vec<Arc<str>>, FunctionId)] {
        below(&self.documents, path, |entry| &entry.0)
    }

    /// The objects in `data` at a path or below it that are there even without values.
    pub fn nodes_below(&self, path: &[Arc<str>]) -> &[Vec<Arc<str>>] {
        below(&self.nodes, path, |node| node)
    }

    /// The rules in a part of `data`, where `is_key` tells whether the key with a number is a name.
    pub fn rules_of<'p>(
        &'p self,
        extent: &'p Extent,
        is_key: impl Fn(usize, &str) -> bool + 'p,
    ) -> impl Iterator<Item = &'p (Vec<Arc<str>>, FunctionId)> {
        let rules = self.rules_below(&extent.path).iter();
        rules.filter(move |rule| extent.admits(&rule.0[extent.path.len()..], &is_key))
    }

    /// Place of an error; `None` if `id` comes from elsewhere.
    pub fn place(&self, id: PlaceId) -> Option<Span> {
        self.places.get(id.index()).copied()
    }
}

/// The entries of a sorted list whose paths start with `path`.
fn below<'l, T>(list: &'l [T], path: &[Arc<str>], path_of: impl Fn(&T) -> &Vec<Arc<str>>) -> &'l [T] {
    let start = list.partition_point(|entry| path_of(entry).as_slice() < path);
    let length = list[start..].partition_point(|entry| path_of(entry).starts_with(path));
    &list[start..start + length]
}
