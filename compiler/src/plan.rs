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
mod tests;

pub use conditions::{ConditionForm, WrittenCondition};
pub use display::display_function;
pub use index::{Aspect, Index, Relation, Run, Step};
pub(crate) use index::{INDEXED_MIN, elements};
pub(crate) use operands::{each_read_mut, each_register_mut, label_mut, reads, target_mut, written};
pub use slots::{InputSlot, InputSlots};
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

/// Statements in order.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// The statements.
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// The place that its error names.
    pub place: PlaceId,
}

/// What a statement does. Unless said otherwise it writes `target` and goes on.
#[derive(Debug, Clone)]
pub enum StatementKind {
    /// A constant; may be absent.
    Constant {
        /// Written.
        target: Register,
        /// A word without a node, or of the frozen region.
        value: Word,
    },
    /// A copy.
    Copy {
        /// Written.
        target: Register,
        /// Read; may be absent.
        source: Register,
    },
    /// The input. Fails if there is none.
    Input {
        /// Written.
        target: Register,
        /// What is absent then.
        site: SiteId,
    },
    /// A path of the input. Fails if there is none.
    Slot {
        /// Written.
        target: Register,
        /// The path.
        slot: SlotId,
        /// What is absent where its last steps find nothing, a site for each step; what is above them is there.
        sites: Vec<Option<SiteId>>,
    },
    /// A base document or a part of it. Fails if there is none.
    Data {
        /// Written.
        target: Register,
        /// Where it stands.
        path: PathId,
        /// What stands there unless `with` replaces data; may be absent.
        value: Word,
        /// What is absent then.
        site: SiteId,
    },
    /// A package and all below it as one object: base documents, and the values of all rules that have one (see
    /// [`machine::document`](crate::machine::document)).
    Document {
        /// Written.
        target: Register,
        /// Where it stands, and what of it matters.
        extent: ExtentId,
        /// The names behind it that are values.
        keys: Vec<Register>,
    },
    /// The member of an object under a constant name. Fails if there is none.
    Field {
        /// Written.
        target: Register,
        /// The object; anything else has no members.
        base: Register,
        /// A string of the frozen region.
        name: Word,
        /// What is absent then; `None` where absence is an answer as any other.
        site: Option<SiteId>,
    },
    /// A member by key: of an object by key, of an array by index, of a set the element itself. Fails if there is none,
    /// which for a set does not count as absence.
    Index {
        /// Written.
        target: Register,
        /// The collection; anything else has no members.
        base: Register,
        /// The key.
        key: Register,
        /// What is absent then; `None` where absence is an answer as any other.
        site: Option<SiteId>,
    },
    /// A call of a function. Fails if it yields nothing; the absences it met are in the mark already.
    Call {
        /// Written.
        target: Register,
        /// Called.
        function: FunctionId,
        /// Arguments, as many as it has parameters; none is absent.
        arguments: Vec<Register>,
    },
    /// Runs the definitions of a rule with many, in order, but for those that would find nothing: no value, nothing absent, no
    /// error. A level of calls and a unit of fuel for each.
    Definitions {
        /// The rule's result, read and written: absent before the first definition, and where none gives a value. `None` where they
        /// emit.
        target: Option<Register>,
        /// Which.
        definitions: DefinitionsId,
        /// The rule's arguments.
        arguments: Vec<Register>,
    },
    /// A call of a builtin. Fails if it has no result.
    Builtin {
        /// Written.
        target: Register,
        /// Called.
        builtin: BuiltinId,
        /// Arguments; those left out may be missing.
        arguments: Vec<Register>,
        /// What its error does.
        on_error: OnError,
        /// What is absent without a result.
        site: SiteId,
    },
    /// Arithmetic on numbers, and the difference of two sets.
    Arithmetic {
        /// Written.
        target: Register,
        /// Which.
        operator: ArithmeticOperator,
        /// Left operand.
        left: Register,
        /// Right operand.
        right: Register,
        /// Whether the result must be a 64-bit integer; it is an error if it is not.
        checked: bool,
        /// What an error does.
        on_error: OnError,
        /// What is absent then.
        site: SiteId,
    },
    /// Union and intersection of sets.
    SetOperation {
        /// Written.
        target: Register,
        /// Which.
        operator: SetOperator,
        /// Left operand.
        left: Register,
        /// Right operand.
        right: Register,
        /// What an error does.
        on_error: OnError,
        /// What is absent then.
        site: SiteId,
    },
    /// Whether two values compare so, in the order over all values.
    Compare {
        /// Written.
        target: Register,
        /// Which.
        operator: CompareOperator,
        /// Left operand.
        left: Register,
        /// Right operand.
        right: Register,
    },
    /// Whether a value (and its key, if given) is in a collection; nothing is in anything else.
    Membership {
        /// Written.
        target: Register,
        /// The key or index.
        key: Option<Register>,
        /// The element.
        value: Register,
        /// The collection.
        collection: Register,
    },
    /// An array.
    MakeArray {
        /// Written.
        target: Register,
        /// Elements.
        items: Vec<Register>,
    },
    /// A set.
    MakeSet {
        /// Written.
        target: Register,
        /// Elements.
        items: Vec<Register>,
    },
    /// An object. One key with two values is an error.
    MakeObject {
        /// Written.
        target: Register,
        /// Keys with values.
        entries: Vec<(Register, Register)>,
    },
    /// Text with values put in: strings as they are, an absent value as `<undefined>`, others in Rego's notation.
    Template {
        /// Written.
        target: Register,
        /// The parts; may be absent.
        parts: Vec<TemplatePart>,
    },
    /// Fails unless the value holds (is neither false nor absent), or unless it does not, as `expected` says.
    Test {
        /// Read; may be absent.
        value: Register,
        /// What is wanted.
        expected: bool,
    },
    /// Fails unless two values compare so.
    TestCompare {
        /// Which.
        operator: CompareOperator,
        /// Left operand.
        left: Register,
        /// Right operand.
        right: Register,
    },
    /// Fails unless the register is absent, or unless it is not, as `expected` says.
    TestAbsent {
        /// Read; may be absent.
        value: Register,
        /// Whether it is to be absent.
        expected: bool,
    },
    /// Fails unless the value is an array, or an object, with so many elements.
    TestShape {
        /// Read.
        value: Register,
        /// Which.
        shape: Shape,
        /// How many.
        length: u32,
    },
    /// Takes a value as the result of a function: it is an error if the result is another one already.
    Yield {
        /// The result: read and written; absent before the first.
        target: Register,
        /// The value.
        value: Register,
    },
    /// Runs the body.
    Scope {
        /// The scope's name for leaving it.
        label: Label,
        /// Whether a failure in it ends here.
        catches: bool,
        /// What runs.
        body: Block,
    },
    /// Goes on behind a scope, a loop or a `with` around this statement.
    Leave {
        /// Which.
        label: Label,
    },
    /// Fails.
    Fail,
    /// Runs the body for each element: of an array with its index as key, of a set with the element as key and
    /// value, of an object with key and value, in ascending order. Each iteration catches failures. Fails if the value
    /// is no collection.
    Each {
        /// The loop's name for leaving it.
        label: Label,
        /// Written, before each iteration.
        key: Option<Register>,
        /// Written, before each iteration.
        value: Option<Register>,
        /// What is run through.
        collection: Register,
        /// What runs.
        body: Block,
        /// What is absent then.
        site: SiteId,
        /// Which elements need not be run over.
        lookup: Option<Box<Lookup>>,
    },
    /// Runs the body, which catches failures, and makes a collection of what [`StatementKind::Emit`] gives in it.
    Collect {
        /// Written, behind the body.
        target: Register,
        /// What is made.
        collection: Collection,
        /// What runs.
        body: Block,
    },
    /// Adds to the innermost collection around this statement.
    Emit {
        /// The key, for objects.
        key: Option<Register>,
        /// The element or value.
        value: Register,
    },
    /// Runs the body under replacements.
    With {
        /// Its name for [`StatementKind::Outside`] and for leaving it.
        label: Label,
        /// What is replaced, in order.
        replacements: Vec<Replacement>,
        /// What runs.
        body: Block,
    },
    /// Within a `with`: runs the body as if outside of it.
    Outside {
        /// Which `with`; the innermost that is in force.
        label: Label,
        /// What runs.
        body: Block,
    },
    /// Says that something is absent, without failing.
    Mark {
        /// What.
        site: SiteId,
    },
    /// Remembers the mark.
    MarkSave {
        /// Written; only for [`StatementKind::MarkRestore`].
        target: Register,
    },
    /// Takes back what was marked since.
    MarkRestore {
        /// From [`StatementKind::MarkSave`].
        source: Register,
    },
    /// Hands a value to whoever evaluates the decision rule.
    Record {
        /// As what.
        role: Role,
        /// The value.
        value: Register,
    },
}

/// What rules out elements of a loop for which its body would fail, without an error and without anything absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Who knows.
    pub index: IndexId,
    /// What must be at each place that the index looks at; where one is absent, nothing is ruled out.
    pub keys: Vec<Register>,
}

/// What an error of an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// Stops with it.
    Stop,
    /// Counts as absent (the Rego profile, unless strict errors are asked for).
    Absent,
}

/// Operators on numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArithmeticOperator {
    /// `+`
    Add,
    /// `-`, which on two sets is their difference.
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// Operators on sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// `|`
    Union,
    /// `&`
    Intersection,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOperator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

/// What a pattern asks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What a [`StatementKind::Collect`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// An array, in the order of emission.
    Array,
    /// A set.
    Set,
    /// An object. One key with two values is an error.
    Object,
    /// An object of objects: the key is an array of so many keys. One of them with two values is an error.
    Nested {
        /// Levels of keys, from 1.
        depth: u32,
    },
}

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text: a string of the frozen region.
    Text(Word),
    /// A value.
    Value(Register),
}

/// `with target as value`.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// What is replaced.
    pub target: ReplacementTarget,
    /// By what; `None` where the target says it.
    pub value: Option<Register>,
}

/// What `with` replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplacementTarget {
    /// `input` or a path in it.
    Input(Vec<Arc<str>>),
    /// A path in `data`; it hides rules there too.
    Data(Vec<Arc<str>>),
    /// A builtin, by what a call does instead.
    Builtin(BuiltinId, Mock),
    /// A function, by what a call does instead.
    Function(FunctionId, Mock),
}

/// What a replaced call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mock {
    /// It yields the replacement's value.
    Value,
    /// It calls this function.
    Function(FunctionId),
    /// It calls this builtin.
    Builtin(BuiltinId),
}

/// As what a value is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// As a witness: an index into [`Decision::witnesses`].
    Witness(u32),
    /// As the reason.
    Reason,
    /// As an argument of the function that evaluates `unless`, in order.
    ExemptionArgument,
    /// As how a condition came out: null where it is reached, then true where it is met and false where it is not.
    Outcome(ConditionId),
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

impl Statement {
    /// The block within it, to change it.
    pub(crate) fn block_mut(&mut self) -> Option<&mut Block> {
        if let StatementKind::Scope { body, .. }
        | StatementKind::Each { body, .. }
        | StatementKind::Collect { body, .. }
        | StatementKind::With { body, .. }
        | StatementKind::Outside { body, .. } = &mut self.kind
        {
            Some(body)
        } else {
            None
        }
    }

    /// The block within it.
    pub fn block(&self) -> Option<&Block> {
        if let StatementKind::Scope { body, .. }
        | StatementKind::Each { body, .. }
        | StatementKind::Collect { body, .. }
        | StatementKind::With { body, .. }
        | StatementKind::Outside { body, .. } = &self.kind
        {
            Some(body)
        } else {
            None
        }
    }
}

impl Block {
    /// Calls `look` for every statement in it, at any depth, before those within that statement.
    pub fn each_statement<'b>(&'b self, look: &mut impl FnMut(&'b Statement)) {
        Self::each_of(&self.statements, look);
    }

    /// As [`Block::each_statement`], for a part of a block.
    pub(crate) fn each_of<'b>(statements: &'b [Statement], look: &mut impl FnMut(&'b Statement)) {
        for statement in statements {
            look(statement);
            if let Some(block) = statement.block() {
                Self::each_of(&block.statements, look);
            }
        }
    }

    /// As [`Block::each_statement`], for changing them.
    pub(crate) fn each_statement_mut(&mut self, change: &mut impl FnMut(&mut Statement)) {
        for statement in &mut self.statements {
            change(statement);
            if let Some(block) = statement.block_mut() {
                block.each_statement_mut(change);
            }
        }
    }
}
