//! The untyped tree: what the parser makes of one file, close to the text, for both profiles.
//!
//! Nothing is resolved here: a name is a string, `input.x[i]` is a reference whose `i` may be a variable or a rule.
//! Every node has a span. Comments stand in [`Module::comments`], apart from the tree; the formatter puts them back.

use std::sync::Arc;

use crate::source::{FileId, Profile, Span};
use crate::value::Value;

mod tree;
mod words;

pub use words::is_identifier;

/// An identifier with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The text.
    pub text: Arc<str>,
    /// Its place.
    pub span: Span,
}

/// A dotted name such as `payments.guard` or `input.identity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Its parts; at least one.
    pub parts: Vec<Name>,
    /// Its place.
    pub span: Span,
}

/// One file.
#[derive(Debug, Clone)]
pub struct Module {
    /// The file.
    pub file: FileId,
    /// Its language.
    pub profile: Profile,
    /// `package a.b`.
    pub package: Path,
    /// The declarations, in the order of the text.
    pub items: Vec<Item>,
    /// Every comment, in the order of the text.
    pub comments: Vec<Comment>,
}

/// A comment: from `#` to the end of the line, without the line's end.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Text with the `#`.
    pub text: Arc<str>,
    /// Its place.
    pub span: Span,
}

/// A declaration with its annotations.
#[derive(Debug, Clone)]
pub struct Item {
    /// `@id("…")`, `@owner("…")`, `@severity("…")` in front of it.
    pub annotations: Vec<Annotation>,
    /// Whether `private` stands in front of it.
    pub private: bool,
    /// What is declared.
    pub kind: ItemKind,
    /// The whole declaration.
    pub span: Span,
}

/// `@name("value")`.
#[derive(Debug, Clone)]
pub struct Annotation {
    /// Its name, without `@`.
    pub name: Name,
    /// Its argument, if it has one.
    pub value: Option<Expr>,
    /// Its place.
    pub span: Span,
}

/// What a declaration declares.
#[derive(Debug, Clone)]
pub enum ItemKind {
    /// `edition 1`.
    Edition(u32),
    /// `input: llm.Request`.
    Input(TypeExpr),
    /// `import data.a.b as c`, `import rego.v1`, `import input.user`.
    Import(Import),
    /// `import schema "order.json" as Order`.
    ImportSchema(SchemaImport),
    /// `type Order = {…}`.
    Type(TypeDeclaration),
    /// `counter writes = count() per input.identity.sub window 1h`.
    Counter(Counter),
    /// Any rule or function that is not a decision rule.
    Rule(Rule),
    /// `default name := value`.
    Default(DefaultRule),
    /// `allow`, `deny`, `approve` or `mask` with an id.
    Decision(DecisionRule),
    /// `emit label "x" if {…}`.
    EmitLabel(EmitLabel),
    /// `test "name" {…}`.
    Test(Test),
    /// `property "name" for i: T {…} expect …`.
    Property(Property),
}

/// `import data.a.b as c`.
#[derive(Debug, Clone)]
pub struct Import {
    /// What is imported.
    pub path: Path,
    /// Its name here, if it is another one.
    pub alias: Option<Name>,
}

/// `import schema "file" as Name`.
#[derive(Debug, Clone)]
pub struct SchemaImport {
    /// The schema's file, relative to this one.
    pub file: Arc<str>,
    /// Place of the file's name.
    pub file_span: Span,
    /// The type's name here.
    pub name: Name,
}

/// `type Name = T`.
#[derive(Debug, Clone)]
pub struct TypeDeclaration {
    /// Its name.
    pub name: Name,
    /// What it stands for.
    pub value: TypeExpr,
}

/// A type as written.
#[derive(Debug, Clone)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeExprKind,
    /// Its place.
    pub span: Span,
}

/// The forms of a type.
#[derive(Debug, Clone)]
pub enum TypeExprKind {
    /// `string`, `Order`, `llm.Request`.
    Named(Path),
    /// `array[T]`, `set[T]`, `map[string, T]`.
    Generic(Name, Vec<TypeExpr>),
    /// `[T, U]`.
    Tuple(Vec<TypeExpr>),
    /// `{a: T, b?: U}`, `open {…}`.
    Record {
        /// Fields in the order of the text.
        fields: Vec<FieldExpr>,
        /// Whether other fields may be present.
        open: bool,
    },
    /// `"a"`, `1`, `true`, `null`.
    Literal(Value),
    /// `T | U`.
    Union(Vec<TypeExpr>),
    /// `T?`.
    Optional(Box<TypeExpr>),
}

/// A field of a record type.
#[derive(Debug, Clone)]
pub struct FieldExpr {
    /// Its name.
    pub name: Name,
    /// Whether it may be absent (`name?: T`).
    pub optional: bool,
    /// Its type.
    pub ty: TypeExpr,
}

/// `counter name = count() [if {…}] [per KEY] window D`.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Its name.
    pub name: Name,
    /// What a request adds that goes ahead: `count()` or `sum(expression)`.
    pub amount: Expr,
    /// Which requests count; `None` for all.
    pub body: Option<Body>,
    /// What it is kept apart by.
    pub per: Vec<Expr>,
    /// How far back it counts.
    pub window: Expr,
}

/// A rule or function. Several with one head are definitions of one rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its head.
    pub head: RuleHead,
    /// The conditions after `if`; `None` where there are none.
    pub body: Option<Body>,
    /// `else := v if {…}`, in order.
    pub else_clauses: Vec<ElseClause>,
    /// The rule without annotations.
    pub span: Span,
}

/// Name, parameters and value of a rule.
#[derive(Debug, Clone)]
pub struct RuleHead {
    /// What it defines: `name`, `a.b.c`, `a[x].b`; the first part is an identifier.
    pub reference: Reference,
    /// Parameters, for a function.
    pub parameters: Option<Vec<Expr>>,
    /// Types of the parameters (`.hpol`): as many as there are parameters, or none at all.
    pub parameter_types: Vec<Option<TypeExpr>>,
    /// `contains x`, for a set.
    pub contains: Option<Box<Expr>>,
    /// The value after `:=` or `=`.
    pub value: Option<Box<Expr>>,
    /// The type after `->`, if it is declared (`.hpol`).
    pub result: Option<TypeExpr>,
    /// The head.
    pub span: Span,
}

/// `else := value if {…}`.
#[derive(Debug, Clone)]
pub struct ElseClause {
    /// The value, `true` where there is none.
    pub value: Option<Expr>,
    /// The conditions.
    pub body: Option<Body>,
    /// Its place.
    pub span: Span,
}

/// `default name := value`, `default f(_) := value`.
#[derive(Debug, Clone)]
pub struct DefaultRule {
    /// What it is the default of.
    pub reference: Reference,
    /// Parameters, for a function.
    pub parameters: Option<Vec<Expr>>,
    /// The value.
    pub value: Expr,
}

/// Conditions that must all hold.
#[derive(Debug, Clone)]
pub struct Body {
    /// The conditions, in the order of the text.
    pub conditions: Vec<Condition>,
    /// Whether braces stand around them (`if {…}` as against `if x`).
    pub braces: bool,
    /// Its place.
    pub span: Span,
}

/// One line of a body.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What it is.
    pub kind: ConditionKind,
    /// `with target as value`, in order.
    pub with: Vec<With>,
    /// Its place, with the modifiers.
    pub span: Span,
}

/// The forms of a condition.
#[derive(Debug, Clone)]
pub enum ConditionKind {
    /// An expression that must be neither false nor undefined.
    Expr(Expr),
    /// `some x`, `some x, y`: declares variables.
    SomeDeclare(Vec<Name>),
    /// `some v in xs`, `some k, v in xs`.
    SomeIn {
        /// Key or index, if it is asked for.
        key: Option<Expr>,
        /// The element.
        value: Expr,
        /// The collection.
        collection: Expr,
    },
    /// `every v in xs {…}`, `every k, v in xs {…}`.
    Every {
        /// Key or index, if it is asked for.
        key: Option<Name>,
        /// The element.
        value: Name,
        /// The collection.
        collection: Expr,
        /// What must hold for each.
        body: Body,
    },
    /// `not condition` or `not {…}` (the latter a body of its own).
    Not(NotOperand),
    /// `expect …`, in a test only.
    Expect(Expect),
}

/// What stands behind `not`.
#[derive(Debug, Clone)]
pub enum NotOperand {
    /// One condition.
    Condition(Box<Condition>),
    /// A body in braces.
    Body(Body),
}

/// `with target as value`.
#[derive(Debug, Clone)]
pub struct With {
    /// What is replaced: `input`, `input.a`, `data.a.b`, or a function's name.
    pub target: Reference,
    /// What it is replaced by.
    pub value: Expr,
    /// Its place.
    pub span: Span,
}

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A scalar: null, bool, number or string. `raw` keeps how a string was written.
    Literal {
        /// Its value.
        value: Value,
        /// As written.
        raw: Arc<str>,
    },
    /// `15m`, `1h30m`: nanoseconds, and the text.
    Duration {
        /// Nanoseconds.
        nanoseconds: i64,
        /// As written.
        raw: Arc<str>,
    },
    /// `$"a {x} b"`.
    Template(Vec<TemplatePart>),
    /// A variable, or the name of a rule, an import, `input` or `data`; `_` is a wildcard.
    Variable(Arc<str>),
    /// `head.a["b"][i]`.
    Reference(Box<Reference>),
    /// `f(x)`, `strings.upper(x)`.
    Call {
        /// What is called.
        function: Path,
        /// Arguments.
        arguments: Vec<Expr>,
    },
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `{a, b}`; `set()` is a call.
    Set(Vec<Expr>),
    /// `{"a": b}`.
    Object(Vec<(Expr, Expr)>),
    /// `[x | …]`.
    ArrayComprehension(Box<Expr>, Body),
    /// `{x | …}`.
    SetComprehension(Box<Expr>, Body),
    /// `{k: v | …}`.
    ObjectComprehension(Box<Expr>, Box<Expr>, Body),
    /// `a + b`, `a == b`, `a := b`, `a = b`, and the rest.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `x in xs`, `k, v in xs`.
    Membership {
        /// Key or index, if it is asked about.
        key: Option<Box<Expr>>,
        /// The element.
        value: Box<Expr>,
        /// The collection.
        collection: Box<Expr>,
    },
    /// `name: a`, an argument of a call that is told by its name.
    Named(Name, Box<Expr>),
    /// `(a)`, kept for the formatter.
    Parenthesized(Box<Expr>),
    /// Conditions that stand as one operand: `{ x := f(y); x > 1 } and z`, `not a or b`, `(q with input as i) and z`,
    /// `$"{q with input as i}"`, `unless {…}`. They hold once or not at all, and what they bind stays inside.
    /// Braces are kept in [`Body::braces`]; without them there is exactly one condition.
    Block(Body),
}

/// A part of a template string.
#[derive(Debug, Clone)]
pub enum TemplatePart {
    /// Text, unescaped, and as written.
    Text {
        /// Its value.
        value: Arc<str>,
        /// As written.
        raw: Arc<str>,
    },
    /// `{expression}`.
    Expr(Expr),
}

/// A head followed by steps.
#[derive(Debug, Clone)]
pub struct Reference {
    /// What it starts from: usually a variable; in Rego also a call, an array, a comprehension.
    pub head: Expr,
    /// The steps, in order; empty for a plain name where only names are allowed.
    pub steps: Vec<Step>,
    /// Its place.
    pub span: Span,
}

/// A step of a reference.
#[derive(Debug, Clone)]
pub enum Step {
    /// `.name`.
    Field(Name),
    /// `[expression]`.
    Index(Expr),
}

/// Operators between two operands, in falling order of how loosely they bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `:=`
    Assign,
    /// `=`
    Unify,
    /// `or` (behind its import in Rego)
    Or,
    /// `and` (behind its import in Rego)
    And,
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
    /// `|`
    Union,
    /// `&`
    Intersection,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// The four effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKeyword {
    /// `deny`
    Deny,
    /// `approve`
    Approve,
    /// `mask`
    Mask,
    /// `allow`
    Allow,
}

/// `allow "id" … if {…}` and its three siblings.
#[derive(Debug, Clone)]
pub struct DecisionRule {
    /// Which of the four.
    pub effect: EffectKeyword,
    /// Its id.
    pub id: Arc<str>,
    /// Place of the id.
    pub id_span: Span,
    /// The clauses between id and conditions, in the order of the text; the checker refuses what does not fit the effect
    /// and what stands twice.
    pub clauses: Vec<DecisionClause>,
    /// The conditions after `if`.
    pub body: Option<Body>,
    /// The rule.
    pub span: Span,
}

/// A clause of a decision rule.
#[derive(Debug, Clone)]
pub enum DecisionClause {
    /// `because "text"`.
    Because(Expr),
    /// `by group("x")`, `by [group("x"), user("y")]`.
    By(Expr),
    /// `quorum 2`.
    Quorum(Expr),
    /// `within 30m`.
    Within(Expr),
    /// The selector of a mask.
    Selector(SelectorExpr),
    /// `using redact(detect.email)`.
    Using(Expr),
    /// `unless expression`.
    Unless(Expr),
}

/// The selector of a mask as written.
#[derive(Debug, Clone)]
pub struct SelectorExpr {
    /// `any`, `request` or `response`; `None` for forms without one, such as `column(…)`.
    pub direction: Option<Name>,
    /// `text`, `field`, `column`.
    pub function: Name,
    /// Its arguments; `None` where there are no parentheses.
    pub arguments: Option<Vec<Expr>>,
    /// Its place.
    pub span: Span,
}

/// `emit label "x" if {…}`.
#[derive(Debug, Clone)]
pub struct EmitLabel {
    /// The label.
    pub label: Expr,
    /// The conditions.
    pub body: Option<Body>,
}

/// `test "name" [for x in cases] {…}`.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its name.
    pub name: Arc<str>,
    /// Place of the name.
    pub name_span: Span,
    /// `for case in [...]`.
    pub cases: Option<(Name, Expr)>,
    /// What must hold.
    pub body: Body,
}

/// `property "name" for i: T {…} expect …`.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its name.
    pub name: Arc<str>,
    /// Place of the name.
    pub name_span: Span,
    /// The variable that is drawn.
    pub variable: Name,
    /// The type it is drawn from.
    pub ty: TypeExpr,
    /// Which draws count.
    pub assumptions: Option<Body>,
    /// What must hold for them.
    pub expectation: Condition,
}

/// `expect guard deny "id" because "text" masks {"email"} with input as base`; `expect expression` checks a value.
#[derive(Debug, Clone)]
pub enum Expect {
    /// The decision of a package.
    Decision(Box<ExpectDecision>),
    /// A condition that must hold.
    Holds(Expr),
}

/// What a package is expected to decide.
#[derive(Debug, Clone)]
pub struct ExpectDecision {
    /// The package, by import or path.
    pub package: Path,
    /// Whether `not` stands in front of the effect.
    pub negated: bool,
    /// The effect.
    pub effect: EffectKeyword,
    /// Place of the effect.
    pub effect_span: Span,
    /// Id of a rule that must be among those that decided.
    pub id: Option<Expr>,
    /// A reason that must be given.
    pub because: Option<Expr>,
    /// Ids of exactly the masks that must apply.
    pub masks: Option<Expr>,
    /// Its place.
    pub span: Span,
}
