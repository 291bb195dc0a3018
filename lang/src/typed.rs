//! The typed tree: names are resolved, iteration is explicit, every expression has a type.
//!
//! It is small on purpose. What the text offers as shorthand is written out here, so that each construct is lowered in
//! one place:
//!
//! - A reference with unbound variables (`input.roles[i].name`) becomes a [`ConditionKind::Each`] in front of the
//!   condition that uses it.
//! - `x := e`, `x = e`, `some k, v in e` and function parameters all bind through [`Pattern`].
//! - `every` is a `not` around a body with a `not`, but keeps its own form for explanations.
//! - Conditions stand in an order in which every variable is bound before it is used.
//!
//! # Absent and error
//!
//! A condition ends in one of four ways: it holds, it is false, something it needs is absent, or its evaluation fails.
//! False and absent both end the current iteration. Absent also sets a mark, which stays set until the rule that asked has an
//! answer: a rule that yields a value takes back the marks it set, and so does `not`. A protecting decision rule (deny,
//! approve, mask) that does not hold but leaves the mark set counts as holding ([`DecisionRule`]); in the Rego profile
//! nobody looks at the mark. An error ends the evaluation of the decision rule at once, except for builtin errors in the
//! Rego profile, which count as absent unless strict errors are asked for.

use std::sync::Arc;

use crate::ast::{BinaryOperator, EffectKeyword};
use crate::source::{Profile, SourceMap, Span};
use crate::types::{SelectorKind, Type};
use crate::value::Value;

mod display;
mod visit;

pub use visit::Node;

/// A variable within one clause, rule or decision rule; numbered from 0 in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u32);

/// A rule of the program: an index into [`Program::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A checked program: everything that one policy generation consists of.
#[derive(Debug, Clone)]
pub struct Program {
    /// The files.
    pub sources: SourceMap,
    /// Rules and functions; each stands after the rules it uses, because recursion is refused.
    pub rules: Vec<Rule>,
    /// Decision rules, in the order of package, effect and id.
    pub decisions: Vec<DecisionRule>,
    /// Counters, in the order of their paths.
    pub counters: Vec<Counter>,
    /// Labels for sessions, in the order of package, label and place.
    pub labels: Vec<LabelRule>,
    /// Tests, in the order of file and place.
    pub tests: Vec<Test>,
    /// Base documents: what `data` holds besides rules.
    pub data: Value,
    /// Packages in the order of their paths.
    pub packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Path without `data.`, such as `payments.guard`.
    pub path: Arc<str>,
    /// Name of the kind of request it decides, such as `llm.Request`; `None` for a library.
    pub input_kind: Option<Arc<str>>,
    /// Type of `input` in it.
    pub input: Type,
}

/// A rule that is not a decision rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Full path such as `data.payments.guard.privileged`.
    pub path: Arc<str>,
    /// Path in parts, without `data`.
    pub parts: Vec<Arc<str>>,
    /// Language of its first definition.
    pub profile: Profile,
    /// What it defines.
    pub kind: RuleKind,
    /// Number of parameters of a function; 0 else.
    pub parameters: u32,
    /// Definitions. The first one that yields a value does not end the search: definitions with different values for one
    /// input are a conflict, which is an error.
    pub clauses: Vec<Clause>,
    /// The value where no definition yields one.
    pub default: Option<Expr>,
    /// Locals of `default`.
    pub default_locals: Vec<Local>,
    /// Type of its value.
    pub ty: Type,
    /// Its first definition.
    pub span: Span,
}

/// What a rule defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// One value, or none.
    Complete,
    /// A set, by `contains`; never undefined.
    Set,
    /// An object whose keys and values the clauses give; never undefined. Keys of several levels
    /// (`a[x][y] := z`) have an array as their key and `depth` as its length.
    Object {
        /// Levels of keys, from 1.
        depth: u32,
    },
    /// A value for arguments, or none.
    Function,
}

/// One definition of a rule, with its `else` clauses.
#[derive(Debug, Clone)]
pub struct Clause {
    /// Variables of this clause; `else` clauses have their own.
    pub locals: Vec<Local>,
    /// What the arguments must match; empty unless it is a function. Argument `i` is matched by pattern `i`.
    pub parameters: Vec<Pattern>,
    /// What must hold.
    pub body: Body,
    /// Element of a set or key of an object.
    pub key: Option<Expr>,
    /// The value; `true` where the text gives none, and for a set.
    pub value: Expr,
    /// Tried if this clause yields no value. For a function it has parameters of its own.
    pub else_clause: Option<Box<Clause>>,
    /// Its place.
    pub span: Span,
}

/// A variable.
#[derive(Debug, Clone)]
pub struct Local {
    /// As written; names the compiler makes up start with `$`.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Type,
    /// Where it is bound.
    pub span: Span,
}

/// Conditions that must all hold, in order.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// A condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What it is.
    pub kind: ConditionKind,
    /// Its place.
    pub span: Span,
}

/// The forms of a condition.
#[derive(Debug, Clone)]
pub enum ConditionKind {
    /// Holds unless the value is false or absent.
    Test(Expr),
    /// Holds if the value is there and matches; binds the pattern's variables.
    Match(Pattern, Expr),
    /// What follows is tried for each element: of an array with its index as key, of a set with the element as key and
    /// value, of an object with key and value. Anything else has no elements and counts as absent.
    Each {
        /// Matches the key.
        key: Pattern,
        /// Matches the value.
        value: Pattern,
        /// The collection.
        collection: Expr,
    },
    /// Holds if the body does not.
    Not(Body),
    /// Holds if the body holds for each element; the collection's absence counts as absent.
    Every {
        /// Matches the key.
        key: Pattern,
        /// Matches the value.
        value: Pattern,
        /// The collection.
        collection: Expr,
        /// What must hold for each.
        body: Body,
    },
    /// The body under replacements; variables that it binds stay bound behind it.
    With {
        /// What is replaced, in order.
        replacements: Vec<Replacement>,
        /// What is evaluated under them.
        body: Body,
    },
    /// The first body that holds decides (Rego's infix `or`); each binds the same outer variables.
    Any(Vec<Body>),
}

/// `with target as value`.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// What is replaced.
    pub target: ReplacementTarget,
    /// By what: evaluated before any replacement takes effect.
    pub value: Expr,
    /// Its place.
    pub span: Span,
}

/// What `with` replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplacementTarget {
    /// `input` or a path in it.
    Input(Vec<Arc<str>>),
    /// A path in `data`; it hides rules there too.
    Data(Vec<Arc<str>>),
    /// A builtin, by a value that every call then yields.
    Builtin(Arc<str>),
    /// A builtin, by a rule that is called instead (`value` is then unused).
    BuiltinByRule(Arc<str>, RuleId),
    /// A builtin, by another builtin.
    BuiltinByBuiltin(Arc<str>, Arc<str>),
    /// A function, by a value that every call then yields.
    Function(RuleId),
    /// A function, by another one.
    FunctionByRule(RuleId, RuleId),
    /// A function, by a builtin.
    FunctionByBuiltin(RuleId, Arc<str>),
}

/// What a value is matched against.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Anything.
    Wildcard,
    /// Anything, which the variable then stands for.
    Bind(LocalId),
    /// What equals the value of this expression, all of whose variables are bound.
    Equal(Box<Expr>),
    /// An array of this length.
    Array(Vec<Pattern>),
    /// An object with just these keys, all of whose variables are bound.
    Object(Vec<(Expr, Pattern)>),
}

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type where nothing is replaced: under `with` a document or a rule may have a value of another type.
    pub ty: Type,
    /// Its place.
    pub span: Span,
}

/// The forms of an expression. An expression whose part is absent is absent.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A constant.
    Constant(Value),
    /// A variable that is bound.
    Local(LocalId),
    /// The whole input.
    Input,
    /// A base document or a part of it, by path; the parts are behind `data`.
    Data(Vec<Arc<str>>),
    /// The value of a rule that is not a function.
    Rule(RuleId),
    /// A package and all below it as one object: base documents and rules (`data.a`, `data`).
    /// What stands behind it says which of the rules below can matter; the others are not evaluated for it.
    Package(Vec<Arc<str>>, Vec<PackageStep>),
    /// A member by constant name; absent where there is none.
    Field(Box<Expr>, Arc<str>),
    /// A member by key: of an object by key, of an array by index, of a set the element itself if it is in it.
    Index(Box<Expr>, Box<Expr>),
    /// A call of a builtin.
    Builtin(Arc<str>, Vec<Expr>),
    /// A call of a function.
    Function(RuleId, Vec<Expr>),
    /// Arithmetic, comparison, union and intersection; never `Assign`, `Unify`, `And`, `Or`.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// Whether the value (and the key, if asked) is in the collection: true or false.
    Membership {
        /// Key or index.
        key: Option<Box<Expr>>,
        /// The element.
        value: Box<Expr>,
        /// The collection.
        collection: Box<Expr>,
    },
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `{a, b}`.
    Set(Vec<Expr>),
    /// `{a: b}`.
    Object(Vec<(Expr, Expr)>),
    /// One element for each way in which the body holds.
    ArrayComprehension(Box<Expr>, Body),
    /// The distinct elements for the ways in which the body holds.
    SetComprehension(Box<Expr>, Body),
    /// Keys with values; one key with two values is an error.
    ObjectComprehension(Box<Expr>, Box<Expr>, Body),
    /// Text with values put in; an absent part is written `<undefined>`.
    Template(Vec<TemplatePart>),
    /// True if the body holds, else false (`not` and a condition where a value is wanted).
    Holds(Body),
}

/// A step behind a package.
#[derive(Debug, Clone)]
pub enum PackageStep {
    /// A name.
    Name(Arc<str>),
    /// The value of a variable that is bound.
    Key(Expr),
    /// Every name: an iteration.
    Any,
}

/// A part of a template.
#[derive(Debug, Clone)]
pub enum TemplatePart {
    /// Text.
    Text(Arc<str>),
    /// A value.
    Expr(Expr),
}

/// A decision rule.
///
/// Evaluation: the body is run as for a complete rule, first success wins. It holds if the body does; a protecting rule
/// holds also if the body ended with the absent mark set or with an error. For a mask that holds, `unless` is then evaluated
/// in an empty state of the mark: if it holds the rule does not; absent and error count as not exempt.
#[derive(Debug, Clone)]
pub struct DecisionRule {
    /// Which of the four.
    pub effect: EffectKeyword,
    /// Its id.
    pub id: Arc<str>,
    /// Its package: an index into [`Program::packages`].
    pub package: u32,
    /// `@owner`, `@severity` and others: name and value.
    pub annotations: Vec<(Arc<str>, Value)>,
    /// Variables of body, reason and `unless`.
    pub locals: Vec<Local>,
    /// The conditions.
    pub body: Body,
    /// Variables that explain a match: those the conditions bind by iteration or assignment, in order.
    pub witnesses: Vec<LocalId>,
    /// The reason, evaluated where the body holds; text.
    pub because: Option<Expr>,
    /// Conditions that exempt from it.
    pub unless: Option<Body>,
    /// What an approve asks for.
    pub approval: Option<Approval>,
    /// What a mask does.
    pub mask: Option<Mask>,
    /// Its place: the line with effect and id.
    pub span: Span,
}

/// A counter: what the requests that went ahead add up to, within a time and for one key.
///
/// Its value is that of a rule, which asks the host by the builtin [`COUNTER_BUILTIN`]. What this request adds is found behind
/// the decision rules: nothing where `body` is false; where it holds, or is absent or an error, one entry under the keys.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Its path without `data.`, such as `payments.guard.writes`.
    pub name: Arc<str>,
    /// Its package: an index into [`Program::packages`].
    pub package: u32,
    /// The rule that yields its value.
    pub rule: RuleId,
    /// How far back it looks.
    pub window_nanoseconds: i64,
    /// Variables of `body` and `entry`.
    pub locals: Vec<Local>,
    /// Which requests count; all of them without conditions.
    pub body: Body,
    /// The key and what is added: `[[key, …], amount]`.
    pub entry: Expr,
    /// Its place: its name.
    pub span: Span,
}

/// The builtin that yields a counter's value: of its name, its window in nanoseconds and the array of its keys.
pub const COUNTER_BUILTIN: &str = "internal.counter";

/// `emit label "x" if {…}`. It protects: it counts where its conditions hold, and where they are absent or an error.
#[derive(Debug, Clone)]
pub struct LabelRule {
    /// The label.
    pub label: Arc<str>,
    /// Its package: an index into [`Program::packages`].
    pub package: u32,
    /// Variables of the body.
    pub locals: Vec<Local>,
    /// The conditions.
    pub body: Body,
    /// Its place.
    pub span: Span,
}

/// What an approve asks for; constants, so that it is known without evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who may answer.
    pub approvers: Vec<Approver>,
    /// How many must agree.
    pub quorum: u32,
    /// Nanoseconds until it is refused.
    pub within_nanoseconds: i64,
}

/// Who may answer an approval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approver {
    /// Anyone in the group.
    Group(Arc<str>),
    /// This person.
    User(Arc<str>),
}

/// What a mask does; constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Where.
    pub selector: Selector,
    /// What.
    pub operator: Operator,
}

/// Where a mask applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Its form.
    pub kind: SelectorKind,
    /// Which way.
    pub direction: Direction,
    /// Path of a field; table and column of a column; empty for text.
    pub arguments: Vec<Arc<str>>,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client.
    Request,
    /// To the client.
    Response,
    /// Both.
    Any,
}

/// What a mask does to what it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The change.
    pub kind: OperatorKind,
    /// Detectors that limit it; empty for the whole value.
    pub detectors: Vec<Detector>,
}

/// The changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorKind {
    /// `drop`
    Drop,
    /// `constant("x")`
    Constant(Arc<str>),
    /// `redact`
    Redact,
    /// `hash`
    Hash,
    /// `last(4)`
    Last(u32),
}

/// A detector as named in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detector {
    /// `detect.credit_card`
    Named(Arc<str>),
    /// `detect.pattern("…")`, known to be valid.
    Pattern(Arc<str>),
}

/// A test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its package.
    pub package: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Variables.
    pub locals: Vec<Local>,
    /// How often it runs, and what for.
    pub runs: TestRuns,
    /// Conditions and expectations, in order.
    pub steps: Vec<TestStep>,
    /// Its place.
    pub span: Span,
}

/// How often a test runs, and what for.
#[derive(Debug, Clone)]
pub enum TestRuns {
    /// Once.
    Once,
    /// For each element of an array, which the variable stands for.
    Cases(LocalId, Expr),
    /// For values of a type that are made up, which the variable stands for (`property`). The first steps are assumptions:
    /// a value that does not meet one of them does not count.
    Drawn {
        /// Stands for the value.
        variable: LocalId,
        /// What the values are of.
        ty: Type,
        /// How many of the steps are assumptions.
        assumptions: usize,
        /// Places of the assumptions and of the expectation, as written.
        conditions: Vec<Span>,
    },
}

/// A step of a test. Each must hold; the first way in which a condition holds is kept for the steps behind it.
#[derive(Debug, Clone)]
pub enum TestStep {
    /// A condition, which may bind variables.
    Condition(Condition),
    /// `expect package effect …`.
    Decision(Expectation),
    /// `expect expression`.
    Holds(Condition),
}

/// What a package is expected to decide.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Index into [`Program::packages`].
    pub package: u32,
    /// Whether the effect is the one that must not be.
    pub negated: bool,
    /// The effect. `allow` is met by an allow with masks too.
    pub effect: EffectKeyword,
    /// Id of a rule that must have decided.
    pub id: Option<Expr>,
    /// A reason that must be given.
    pub because: Option<Expr>,
    /// Ids of just the masks that apply.
    pub masks: Option<Expr>,
    /// Replacements, in order.
    pub with: Vec<Replacement>,
    /// Its place.
    pub span: Span,
}
