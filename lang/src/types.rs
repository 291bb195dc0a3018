//! Static types: what the checker knows about a value, and what an input or a document must look like.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::value::Value;

mod format;
mod operate;
mod recursive;
mod refine;
mod schema;
mod signature;
mod text;
mod validate;

pub use format::TextFormat;
pub(crate) use operate::Member;
pub use recursive::Definitions;
pub use refine::{Demand, Measure, Refined, TextPattern};
pub use schema::{SchemaError, import_schema, import_schema_file};
pub use signature::TypeTextError;
pub(crate) use signature::named;
pub use text::{parse_duration, parse_time, text_fits};
pub use validate::{Mismatch, Part, PathStep, Progress, validate, validate_part};

/// How often recursive types are unfolded to compare two types. Types that need more are not told to be subtypes, and told to
/// overlap, which is what can be said of any two.
const UNFOLDS_MAX: usize = 6;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Anything; the only type of the Rego profile.
    Any,
    /// No value: what an empty collection holds.
    Never,
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`: a 64-bit integer; arithmetic that leaves it is an error.
    Int,
    /// `decimal`: any exact number. `int` is a subtype.
    Decimal,
    /// `string`.
    String,
    /// One value: `"select"`. An enum is a union of these.
    Literal(Value),
    /// `array[T]`.
    Array(Arc<Type>),
    /// `[T, U]`.
    Tuple(Arc<[Type]>),
    /// `set[T]`.
    Set(Arc<Type>),
    /// `map[K, V]`; keys of JSON documents are strings.
    Map(Arc<Type>, Arc<Type>),
    /// A record with named fields.
    Record(Arc<Record>),
    /// One of several; flat, without repeats, at least two.
    Union(Arc<[Type]>),
    /// `time`: nanoseconds since 1970, an int at run time; RFC 3339 text in documents.
    Time,
    /// `duration`: nanoseconds, an int at run time.
    Duration,
    /// `ip`: an address as text.
    Ip,
    /// `cidr`: a network as text.
    Cidr,
    /// `regex`: a pattern as text, known to be valid.
    Regex,
    /// `glob`: a pattern as text, known to be valid.
    Glob,
    /// A variable of a builtin's signature, such as the `T` of `(array[T]) -> T`.
    Variable(Arc<str>),
    /// Only some of the values of a type: bounds and patterns of a schema, which the checker does not look at.
    Refined(Arc<Refined>),
    /// A type that contains itself: one of a list of definitions, by number.
    Recursive(Arc<Definitions>, u32),
    /// Within [`Definitions`]: another one of the list.
    Defined(u32),
}

/// A record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name, if it was declared, for messages.
    pub name: Option<Arc<str>>,
    /// Its fields by name.
    pub fields: BTreeMap<Arc<str>, Field>,
    /// Whether other fields may be present.
    pub open: bool,
    /// What is known of the fields that it does not name, for schemas that say more than `open`.
    pub rest: Option<Arc<Rest>>,
}

/// What a record says of fields that it does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Types of those whose name matches; a field is of every type whose pattern matches.
    pub patterns: Vec<(TextPattern, Type)>,
    /// Type of those whose name matches none; `None` if there are none, unless the record is open.
    pub others: Option<Type>,
    /// Whether the schema itself says that there are no others, rather than nothing about them.
    pub sealed: bool,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// Whether it may be absent, which is not the same as null.
    pub optional: bool,
}

/// Parameters and result of a builtin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Types of the parameters.
    pub parameters: Vec<Type>,
    /// How many of them must be given; the others may be left out from the right.
    pub required: usize,
    /// Type of the result.
    pub result: Type,
}

/// What a kind of request looks like and what can be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name in `input: NAME`, such as `llm.Request`.
    pub name: Arc<str>,
    /// Type of the input.
    pub input: Type,
    /// Selectors that its enforcement can carry out.
    pub selectors: Vec<SelectorKind>,
    /// Whether it can hold a request for approval.
    pub approvals: bool,
}

/// The forms of a mask's selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SelectorKind {
    /// `any text`
    Text,
    /// `any field("path")`
    Field,
    /// `column("table", "column")`
    Column,
}

/// What the language can use of its surroundings: builtins, kinds of requests, detectors.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Signatures by full name, such as `count` or `strings.reverse`.
    pub builtins: BTreeMap<Arc<str>, BuiltinInfo>,
    /// Kinds of requests by name.
    pub targets: BTreeMap<Arc<str>, Target>,
    /// Names of the detectors (`credit_card`).
    pub detectors: Vec<Arc<str>>,
    /// Builtins that the host does not allow, with what says so, such as "`capabilities.json` denies `crypto.*`".
    pub refused: BTreeMap<Arc<str>, Arc<str>>,
    /// Reads a document in YAML; without it such files are left alone.
    pub read_yaml: Option<ReadYaml>,
}

/// Reads YAML within the limits of a document; an error is the message.
pub type ReadYaml = fn(text: &str, limits: crate::value::JsonLimits) -> Result<Value, String>;

/// Checks the literal argument at a position (from 0); an error is the message.
pub type LiteralCheck = fn(position: usize, value: &Value) -> Result<(), String>;

/// What the checker knows about a builtin.
#[derive(Debug, Clone)]
pub struct BuiltinInfo {
    /// Its parameters and result.
    pub signature: Signature,
    /// Whether the host allows it. A call of one that it does not is refused; `with` may name it.
    pub allowed: bool,
    /// Checks one literal argument at compile time, such as a pattern; an error is the message.
    pub check_literal: Option<LiteralCheck>,
}

impl Type {
    /// The union of some types: flattened, subtypes absorbed; `Never` for none.
    pub fn union(types: impl IntoIterator<Item = Type>) -> Type {
        let mut members: Vec<Type> = Vec::new();
        for ty in types {
            match ty {
                Type::Never => {}
                Type::Any => return Type::Any,
                Type::Union(inner) => inner.iter().for_each(|ty| absorb(&mut members, ty.clone())),
                other => absorb(&mut members, other),
            }
        }
        match members.len() {
            0 => Type::Never,
            1 => members.remove(0),
            _ => Type::Union(members.into()),
        }
    }

    /// An array of `items`.
    pub fn array(items: Type) -> Type {
        Type::Array(Arc::new(items))
    }

    /// A set of `items`.
    pub fn set(items: Type) -> Type {
        Type::Set(Arc::new(items))
    }

    /// A map from strings to `values`.
    pub fn map(values: Type) -> Type {
        Type::Map(Arc::new(Type::String), Arc::new(values))
    }

    /// The members of a union, or the type itself.
    pub fn members(&self) -> &[Type] {
        match self {
            Type::Union(members) => members,
            other => std::slice::from_ref(other),
        }
    }

    /// Whether every value of `self` is one of `other`.
    pub fn is_subtype_of(&self, other: &Type) -> bool {
        self.is_subtype_within(other, UNFOLDS_MAX)
    }

    /// As [`Type::is_subtype_of`], unfolding recursive types so often only: two that are not the same could be without end.
    fn is_subtype_within(&self, other: &Type, unfolds: usize) -> bool {
        match (self, other) {
            (_, Type::Any) | (Type::Never, _) => true,
            (Type::Any, _) => false,
            (Type::Refined(left), _) => other.members().contains(self) || left.base.is_subtype_within(other, unfolds),
            (_, Type::Refined(_)) => false,
            (Type::Recursive(..), Type::Recursive(..)) => self == other,
            (Type::Recursive(..), _) => {
                other.members().contains(self)
                    || unfolds.checked_sub(1).is_some_and(|left| self.unfolded().is_subtype_within(other, left))
            }
            (_, Type::Recursive(..)) => {
                unfolds.checked_sub(1).is_some_and(|left| self.is_subtype_within(&other.unfolded(), left))
            }
            (Type::Union(members), _) => members.iter().all(|member| member.is_subtype_within(other, unfolds)),
            (_, Type::Union(members)) => members.iter().any(|member| self.is_subtype_within(member, unfolds)),
            (Type::Literal(value), other) if !matches!(other, Type::Literal(_)) => {
                Type::of_scalar(value).is_subtype_within(other, unfolds)
            }
            (Type::Int | Type::Time | Type::Duration, Type::Decimal) => true,
            (Type::Ip | Type::Cidr | Type::Regex | Type::Glob, Type::String) => true,
            (Type::Array(left), Type::Array(right)) | (Type::Set(left), Type::Set(right)) => {
                left.is_subtype_within(right, unfolds)
            }
            (Type::Tuple(left), Type::Array(right)) => left.iter().all(|ty| ty.is_subtype_within(right, unfolds)),
            (Type::Tuple(left), Type::Tuple(right)) => {
                left.len() == right.len() && left.iter().zip(right.iter()).all(|(a, b)| a.is_subtype_within(b, unfolds))
            }
            (Type::Map(left_key, left), Type::Map(right_key, right)) => {
                left_key.is_subtype_within(right_key, unfolds) && left.is_subtype_within(right, unfolds)
            }
            (Type::Record(left), Type::Map(key, value)) => {
                !left.open
                    && Type::String.is_subtype_within(key, unfolds)
                    && left.fields.values().all(|field| field.ty.is_subtype_within(value, unfolds))
                    && left.rest_types().all(|ty| ty.is_subtype_within(value, unfolds))
            }
            (Type::Record(left), Type::Record(right)) => left.fits(right, unfolds),
            (left, right) => left == right,
        }
    }

    /// Whether some value could belong to both types; `false` is certain, `true` is not.
    pub fn overlaps(&self, other: &Type) -> bool {
        self.overlaps_within(other, UNFOLDS_MAX)
    }

    /// As [`Type::overlaps`], unfolding recursive types so often only.
    fn overlaps_within(&self, other: &Type, unfolds: usize) -> bool {
        match (self, other) {
            (Type::Never, _) | (_, Type::Never) => false,
            (Type::Any | Type::Variable(_) | Type::Defined(_), _)
            | (_, Type::Any | Type::Variable(_) | Type::Defined(_)) => true,
            (Type::Refined(refined), other) | (other, Type::Refined(refined)) => {
                refined.base.overlaps_within(other, unfolds)
            }
            (Type::Recursive(..), Type::Recursive(..)) => true,
            (recursive @ Type::Recursive(..), other) | (other, recursive @ Type::Recursive(..)) => {
                unfolds.checked_sub(1).is_none_or(|left| recursive.unfolded().overlaps_within(other, left))
            }
            (Type::Union(members), other) | (other, Type::Union(members)) => {
                members.iter().any(|member| member.overlaps_within(other, unfolds))
            }
            (Type::Literal(left), Type::Literal(right)) => left == right,
            (Type::Literal(value), other) | (other, Type::Literal(value)) => {
                Type::of_scalar(value).overlaps_within(other, unfolds)
            }
            (Type::Array(_), Type::Array(_) | Type::Tuple(_)) | (Type::Tuple(_), Type::Array(_)) => true,
            (Type::Tuple(left), Type::Tuple(right)) => {
                left.len() == right.len() && left.iter().zip(right.iter()).all(|(a, b)| a.overlaps_within(b, unfolds))
            }
            (Type::Set(_), Type::Set(_)) | (Type::Map(..), Type::Map(..)) => true,
            (Type::Record(_), Type::Map(..)) | (Type::Map(..), Type::Record(_)) => true,
            (Type::Record(left), Type::Record(right)) => left.overlaps_within(right, unfolds),
            (left, right) => left.kind() == right.kind(),
        }
    }

    /// The type of a scalar literal, wider than the literal; `Any` for a collection.
    pub fn of_scalar(value: &Value) -> Type {
        match value {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Number(number) if number.as_i64().is_some() => Type::Int,
            Value::Number(_) => Type::Decimal,
            Value::String(_) => Type::String,
            Value::Array(_) | Value::Object(_) | Value::Set(_) => Type::Any,
        }
    }

    /// Whether a value is of the kind that represents the type at run time.
    fn has_kind_of(&self, value: &Value) -> bool {
        let kind = match value {
            Value::Null => 1,
            Value::Bool(_) => 2,
            Value::Number(_) => 3,
            Value::String(_) => 4,
            Value::Array(_) => 5,
            Value::Set(_) => 6,
            Value::Object(_) => 7,
        };
        match self {
            Type::Literal(literal) => Type::of_scalar(literal).kind() == kind,
            other => other.kind() == kind,
        }
    }

    /// What kind of value represents the type at run time, where types of one kind can be compared.
    fn kind(&self) -> u8 {
        match self {
            Type::Any
            | Type::Never
            | Type::Variable(_)
            | Type::Union(_)
            | Type::Literal(_)
            | Type::Refined(_)
            | Type::Recursive(..)
            | Type::Defined(_) => 0,
            Type::Null => 1,
            Type::Bool => 2,
            Type::Int | Type::Decimal | Type::Time | Type::Duration => 3,
            Type::String | Type::Ip | Type::Cidr | Type::Regex | Type::Glob => 4,
            Type::Array(_) | Type::Tuple(_) => 5,
            Type::Set(_) => 6,
            Type::Map(..) | Type::Record(_) => 7,
        }
    }
}

impl Record {
    /// The types of a field of this name that has none of its own; `None` if there is no such field.
    pub fn unnamed(&self, name: &str) -> Option<Vec<&Type>> {
        if let Some(rest) = &self.rest {
            let matching: Vec<&Type> =
                rest.patterns.iter().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, ty)| ty).collect();
            if !matching.is_empty() {
                return Some(matching);
            }
            if let Some(others) = &rest.others {
                return Some(vec![others]);
            }
        }
        self.open.then(|| vec![&Type::Any])
    }

    /// The types that fields without a name of their own can have.
    pub(crate) fn rest_types(&self) -> impl Iterator<Item = &Type> {
        self.rest.iter().flat_map(|rest| rest.patterns.iter().map(|(_, ty)| ty).chain(&rest.others))
    }

    /// Whether there can be fields that it does not name.
    pub(crate) fn has_rest(&self) -> bool {
        self.open || self.rest_types().next().is_some()
    }

    fn fits(&self, other: &Record, unfolds: usize) -> bool {
        let required = other.fields.iter().all(|(name, field)| match self.fields.get(name) {
            Some(own) => own.ty.is_subtype_within(&field.ty, unfolds) && (field.optional || !own.optional),
            None => field.optional && !self.has_rest(),
        });
        let mut extra = self.fields.iter().filter(|(name, _)| !other.fields.contains_key(*name));
        let anything = other.open && other.rest.is_none();
        let rest = anything || !self.has_rest() || (self.open == other.open && self.rest == other.rest);
        let fits = |name: &str, ty: &Type| {
            other
                .unnamed(name)
                .is_some_and(|types| types.into_iter().all(|wanted| ty.is_subtype_within(wanted, unfolds)))
        };
        required && rest && extra.all(|(name, field)| fits(name, &field.ty))
    }

    fn overlaps_within(&self, other: &Record, unfolds: usize) -> bool {
        let agree = |left: &Record, right: &Record| {
            left.fields.iter().all(|(name, field)| match right.fields.get(name) {
                Some(other) => (field.optional && other.optional) || field.ty.overlaps_within(&other.ty, unfolds),
                None => field.optional || right.unnamed(name).is_some(),
            })
        };
        agree(self, other) && agree(other, self)
    }
}

impl Rest {
    fn map_types(&self, change: &mut dyn FnMut(&Type) -> Type) -> Rest {
        Rest {
            patterns: self.patterns.iter().map(|(pattern, ty)| (pattern.clone(), change(ty))).collect(),
            others: self.others.as_ref().map(change),
            sealed: self.sealed,
        }
    }
}

fn absorb(members: &mut Vec<Type>, ty: Type) {
    if members.iter().any(|member| ty.is_subtype_of(member)) {
        return;
    }
    members.retain(|member| !member.is_subtype_of(&ty));
    members.push(ty);
}

/// The type as it would be written.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[Type], between: &str| {
            types.iter().enumerate().try_for_each(|(index, ty)| {
                let between = if index > 0 { between } else { "" };
                write!(f, "{between}{ty}")
            })
        };
        match self {
            Type::Any => f.write_str("any"),
            Type::Never => f.write_str("never"),
            Type::Null => f.write_str("null"),
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Decimal => f.write_str("decimal"),
            Type::String => f.write_str("string"),
            Type::Literal(value) => write!(f, "{value}"),
            Type::Array(items) => write!(f, "array[{items}]"),
            Type::Tuple(items) => {
                f.write_str("[")?;
                list(f, items, ", ")?;
                f.write_str("]")
            }
            Type::Set(items) => write!(f, "set[{items}]"),
            Type::Map(key, value) => write!(f, "map[{key}, {value}]"),
            Type::Record(record) => write!(f, "{record}"),
            Type::Union(members) => list(f, members, " | "),
            Type::Time => f.write_str("time"),
            Type::Duration => f.write_str("duration"),
            Type::Ip => f.write_str("ip"),
            Type::Cidr => f.write_str("cidr"),
            Type::Regex => f.write_str("regex"),
            Type::Glob => f.write_str("glob"),
            Type::Variable(name) => f.write_str(name),
            Type::Refined(refined) => write!(f, "{}", refined.base),
            Type::Recursive(definitions, at) => match definitions.types.get(*at as usize) {
                Some((name, _)) => f.write_str(name),
                None => f.write_str("never"),
            },
            Type::Defined(at) => write!(f, "type {at}"),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            return f.write_str(name);
        }
        f.write_str(if self.open { "open {" } else { "{" })?;
        let mut comma = "";
        for (name, field) in &self.fields {
            let optional = if field.optional { "?" } else { "" };
            write!(f, "{comma}{name}{optional}: {}", field.ty)?;
            comma = ", ";
        }
        if let Some(rest) = &self.rest {
            for (pattern, ty) in &rest.patterns {
                write!(f, "{comma}/{}/: {ty}", pattern.source())?;
                comma = ", ";
            }
            if let Some(others) = &rest.others {
                write!(f, "{comma}…: {others}")?;
            }
        }
        f.write_str("}")
    }
}
