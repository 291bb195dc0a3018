//! The form of an input as the readers follow it: a table made once of a type and a projection.

use std::sync::atomic::{AtomicU16, Ordering};

use hpol_lang::types::{Demand, Type, parse_duration, parse_time, text_fits};
use hpol_lang::value::{Number, Value};

/// A node of a shape.
pub(super) type NodeId = u32;

/// What a value must be, and what is kept of it: made once of a type and a projection, used for every input.
#[derive(Debug)]
pub struct Shape {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    pub(super) slots: usize,
    /// How many names of fields stand in objects that are kept.
    pub(super) names: usize,
    /// Objects of which nothing is known: those that are passed over, and those that are kept.
    pub(super) passed: ObjectShape,
    pub(super) kept: ObjectShape,
}

/// The node of values of which nothing is known, and nothing kept.
pub(super) const PASS: NodeId = 0;
/// The node of values of which nothing is known, and everything kept.
pub(super) const KEEP: NodeId = 1;

/// What a value at a place must be, and what is kept of it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) form: Form,
    /// The slot that takes the value.
    pub(super) slot: Option<u32>,
    /// Whether a word is made of the value.
    pub(super) build: bool,
    /// How many types around this one the reference looks through.
    pub(super) levels: u16,
    /// What a number, text or size must keep to as well.
    pub(super) demands: Box<[Demand]>,
}

#[derive(Debug)]
pub(super) enum Form {
    Any,
    Null,
    Bool,
    Int,
    Decimal,
    String,
    Time,
    Duration,
    /// Text with a meaning: an address, a network, a pattern.
    Text(Type),
    Literals(Box<Literals>),
    Array(NodeId),
    Tuple(Box<[NodeId]>),
    Set(NodeId),
    Object(Box<ObjectShape>),
    Union(Box<UnionShape>),
    /// What the reference checks; of the value that comes out, the node says what is kept.
    Slow(Box<Type>, NodeId),
}

/// Scalars that are named one by one.
#[derive(Debug, Default)]
pub(super) struct Literals {
    pub(super) null: bool,
    pub(super) no: bool,
    pub(super) yes: bool,
    pub(super) numbers: Vec<Number>,
    /// In order.
    pub(super) texts: Vec<Box<str>>,
}

/// Fields by name; also maps, whose fields have no names.
#[derive(Debug)]
pub(super) struct ObjectShape {
    /// In the order of their names.
    pub(super) fields: Box<[FieldShape]>,
    /// Numbers of the fields, by length and text of their names.
    pub(super) by_length: Box<[u16]>,
    /// How many of them must be there.
    pub(super) required: u32,
    /// What other fields must be; `None` where there are none.
    pub(super) rest: Option<NodeId>,
    /// Whether they are kept in the object.
    pub(super) rest_kept: bool,
    /// What names must be, beyond text.
    pub(super) name: Option<NodeId>,
    /// Whether names must be text; policies can make objects whose names are not.
    pub(super) names_are_text: bool,
    /// The field that came first in the last object.
    pub(super) first: AtomicU16,
}

#[derive(Debug)]
pub(super) struct FieldShape {
    pub(super) name: Box<str>,
    /// The name and its colon as JSON text writes them most often.
    pub(super) written: Written,
    pub(super) node: NodeId,
    pub(super) required: bool,
    /// Whether its value is kept in the object.
    pub(super) kept: bool,
    /// Its place among the names that readers make words of, each once in a reading.
    pub(super) name_word: usize,
    /// The field that came after this one last time.
    next: AtomicU16,
}

/// The name of a field with its quotes and colon, whose first eight bytes are compared at once.
#[derive(Debug)]
pub(super) struct Written {
    /// Nothing where the name needs escapes.
    bytes: Box<[u8]>,
    first: u64,
    /// Which bits of the first eight bytes are the name's.
    mask: u64,
}

impl Written {
    fn of(name: &str) -> Self {
        let escaped = name.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        let bytes = if escaped { Vec::new() } else { format!("\"{name}\":").into_bytes() };
        let (mut first, mut mask) = ([0; 8], [0; 8]);
        for ((place, bits), byte) in first.iter_mut().zip(&mut mask).zip(&bytes) {
            (*place, *bits) = (*byte, u8::MAX);
        }
        Self { bytes: bytes.into(), first: u64::from_le_bytes(first), mask: u64::from_le_bytes(mask) }
    }

    /// Whether a text begins with it.
    #[inline]
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk::<8>() {
            Some(eight) if (u64::from_le_bytes(*eight) ^ self.first) & self.mask != 0 => false,
            Some(_) if self.bytes.len() <= 8 => !self.bytes.is_empty(),
            _ => !self.bytes.is_empty() && text.starts_with(&self.bytes),
        }
    }

    /// How many bytes it has.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }
}

/// Several types, told apart by the kind of the value.
#[derive(Debug)]
pub(super) struct UnionShape {
    pub(super) by_kind: [Choice; KINDS],
    /// How many types there are.
    pub(super) members: usize,
    /// How objects are told apart.
    pub(super) tag: Option<Tag>,
}

/// Which type of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Nothing,
    /// The only one of the kind, or the node that finds out slowly.
    Node(NodeId),
    /// The one that the tag tells.
    Tagged,
}

/// A field whose text tells which type is meant.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: Box<str>,
    /// By text, in order.
    pub(super) values: Box<[(Box<str>, NodeId)]>,
    /// The node that finds out slowly, for readers that can't look ahead.
    pub(super) reference: NodeId,
}

/// Kinds of values that a reader meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
    Set,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 7;

/// A text or number that a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// As it is.
    Same,
    /// As this number.
    Int(i64),
}

impl Shape {
    /// How many slots are filled.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Whether readers make the same of an input by another shape for the same type. It may be so where this says no.
    pub fn reads_as(&self, other: &Self) -> bool {
        let alike = |(own, other): (&Node, &Node)| {
            own.build == other.build && own.slot == other.slot && own.form.keeps_as(&other.form)
        };
        self.nodes.len() == other.nodes.len() && self.nodes.iter().zip(&other.nodes).all(alike)
    }
}

impl Form {
    /// Whether the same is kept, in the same nodes.
    fn keeps_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(own), Self::Array(other))
            | (Self::Set(own), Self::Set(other))
            | (Self::Slow(_, own), Self::Slow(_, other)) => own == other,
            (Self::Tuple(own), Self::Tuple(other)) => own == other,
            (Self::Object(own), Self::Object(other)) => own.keeps_as(other),
            (Self::Union(own), Self::Union(other)) => own.by_kind == other.by_kind,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Met {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Met::Null,
            Value::Bool(_) => Met::Bool,
            Value::Number(_) => Met::Number,
            Value::String(_) => Met::String,
            Value::Array(_) => Met::Array,
            Value::Object(_) => Met::Object,
            Value::Set(_) => Met::Set,
        }
    }
}

impl UnionShape {
    /// Which type a value of a kind must have.
    pub(super) fn choice(&self, met: Met) -> Choice {
        self.by_kind.get(met as usize).copied().unwrap_or(Choice::Nothing)
    }
}

impl Tag {
    /// The type that a text tells.
    pub(super) fn node(&self, text: &str) -> Option<NodeId> {
        let at = self.values.binary_search_by(|(value, _)| (**value).cmp(text)).ok()?;
        self.values.get(at).map(|(_, node)| *node)
    }
}

impl FieldShape {
    pub(super) fn new(name: &str, node: NodeId, required: bool, kept: bool) -> Self {
        let (written, next) = (Written::of(name), AtomicU16::new(0));
        Self { name: name.into(), written, node, required, kept, name_word: usize::MAX, next }
    }
}

impl ObjectShape {
    /// The shape of objects with these fields, whose names are text and in order.
    pub(super) fn new(fields: Vec<FieldShape>) -> Self {
        let mut by_length: Vec<u16> = (0..fields.len()).filter_map(|at| u16::try_from(at).ok()).collect();
        let name = |at: &u16| fields.get(usize::from(*at)).map(|field| (field.name.len(), field.name.clone()));
        by_length.sort_by_key(name);
        for (at, field) in fields.iter().enumerate() {
            field.next.store(u16::try_from(at + 1).unwrap_or(u16::MAX), Ordering::Relaxed);
        }
        let required = fields.iter().filter(|field| field.required).count();
        Self {
            fields: fields.into(),
            by_length: by_length.into(),
            required: u32::try_from(required).unwrap_or(u32::MAX),
            rest: None,
            rest_kept: false,
            name: None,
            names_are_text: true,
            first: AtomicU16::new(0),
        }
    }

    /// The field that is likely to come after one, or first: the one that did so last time.
    #[inline]
    pub(super) fn guess(&self, after: Option<usize>) -> usize {
        let place = after.and_then(|at| self.fields.get(at)).map_or(&self.first, |field| &field.next);
        usize::from(place.load(Ordering::Relaxed))
    }

    /// Notes which field came after one, or first.
    pub(super) fn came(&self, after: Option<usize>, field: usize) {
        let place = after.and_then(|at| self.fields.get(at)).map_or(&self.first, |field| &field.next);
        place.store(u16::try_from(field).unwrap_or(u16::MAX), Ordering::Relaxed);
    }

    fn keeps_as(&self, other: &Self) -> bool {
        let alike = |(own, other): (&FieldShape, &FieldShape)| {
            own.name == other.name && own.node == other.node && own.kept == other.kept
        };
        self.rest == other.rest
            && self.rest_kept == other.rest_kept
            && self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(alike)
    }

    /// The number of a field.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let compare = |at: &u16| {
            let own = self.fields.get(usize::from(*at)).map_or("", |field| &field.name);
            own.len().cmp(&name.len()).then_with(|| own.cmp(name))
        };
        let at = self.by_length.binary_search_by(compare).ok()?;
        self.by_length.get(at).map(|at| usize::from(*at))
    }
}

impl Literals {
    pub(super) fn of<'v>(values: impl Iterator<Item = &'v Value>) -> Self {
        let mut literals = Self::default();
        for value in values {
            match value {
                Value::Null => literals.null = true,
                Value::Bool(false) => literals.no = true,
                Value::Bool(true) => literals.yes = true,
                Value::Number(number) => literals.numbers.push(number.clone()),
                Value::String(text) => literals.texts.push((**text).into()),
                Value::Array(_) | Value::Object(_) | Value::Set(_) => {}
            }
        }
        literals.texts.sort();
        literals
    }
}

impl Node {
    /// Whether null is taken.
    pub(super) fn takes_null(&self) -> bool {
        match &self.form {
            Form::Any | Form::Null => true,
            Form::Literals(literals) => literals.null,
            _ => false,
        }
    }

    /// Whether a truth value is taken.
    pub(super) fn takes_bool(&self, value: bool) -> bool {
        match &self.form {
            Form::Any | Form::Bool => true,
            Form::Literals(literals) => {
                if value {
                    literals.yes
                } else {
                    literals.no
                }
            }
            _ => false,
        }
    }

    /// Whether an integer is taken.
    #[inline]
    pub(super) fn takes_int(&self, value: i64) -> bool {
        match &self.form {
            Form::Any | Form::Int | Form::Decimal | Form::Time | Form::Duration if self.demands.is_empty() => true,
            _ => self.takes_number(&Number::from(value)),
        }
    }

    /// Whether a number is taken.
    pub(super) fn takes_number(&self, number: &Number) -> bool {
        let fits = match &self.form {
            Form::Any | Form::Decimal => true,
            Form::Int | Form::Time | Form::Duration => number.as_i64().is_some(),
            Form::Literals(literals) => literals.numbers.contains(number),
            _ => false,
        };
        fits && self.demands.iter().all(|demand| demand.holds_number(number))
    }

    /// Whether a text is taken, and as what.
    #[inline]
    pub(super) fn takes_text(&self, text: &str) -> Option<Taken> {
        if self.takes_all_text() {
            return Some(Taken::Same);
        }
        self.takes_certain_text(text)
    }

    /// Whether every text is taken as it is.
    #[inline]
    pub(super) fn takes_all_text(&self) -> bool {
        matches!(self.form, Form::Any | Form::String) && self.demands.is_empty()
    }

    /// As [`Node::takes_text`], where not every text is taken as it is.
    fn takes_certain_text(&self, text: &str) -> Option<Taken> {
        let taken = match &self.form {
            Form::Any | Form::String => Taken::Same,
            Form::Time => Taken::Int(parse_time(text)?),
            Form::Duration => Taken::Int(parse_duration(text)?),
            Form::Text(ty) => text_fits(text, ty).ok().map(|()| Taken::Same)?,
            Form::Literals(literals) => {
                literals.texts.binary_search_by(|own| (**own).cmp(text)).ok().map(|_| Taken::Same)?
            }
            _ => return None,
        };
        self.demands.iter().all(|demand| demand.holds_text(text)).then_some(taken)
    }
}
