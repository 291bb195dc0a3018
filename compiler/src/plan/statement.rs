//! What a function of a plan is made of: statements in blocks, and what each of them does.

use std::sync::Arc;

use hpol_stdlib::heap::Word;

use super::{
    BuiltinId, ConditionId, DefinitionsId, ExtentId, FunctionId, IndexId, Label, PathId, PlaceId, Register, SiteId,
    SlotId,
};

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
    /// As a witness: an index into [`Decision::witnesses`](super::Decision::witnesses).
    Witness(u32),
    /// As the reason.
    Reason,
    /// As an argument of the function that evaluates `unless`, in order.
    ExemptionArgument,
    /// As how a condition came out: null where it is reached, then true where it is met and false where it is not.
    Outcome(ConditionId),
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
