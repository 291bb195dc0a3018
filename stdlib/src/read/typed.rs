//! Anything that serde can write → slots.

use hpol_lang::value::{EXACT_NUMBER, JsonLimits, Number, exact_number, to_value_within, write_key};
use num_bigint::BigInt;
use serde::ser::{self, Serialize, Serializer};

use super::Declined;
use super::shape::{Choice, Form, KEEP, Met, Node, NodeId, ObjectShape, PASS};
use super::work::{Members, Work};
use crate::heap::Word;

mod parts;

use parts::{Fields, Items};

/// Reads a value. What is none is null here.
pub(super) fn read<T: Serialize + ?Sized>(value: &T, work: &mut Work<'_>) -> Result<(), Declined> {
    let (root, depth_left) = (work.shape.root, JsonLimits::default().depth_max);
    match fill(work, At { node: root, depth: 0, depth_left }, value) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => none(work, At { node: root, depth: 0, depth_left }).map(|_| ()).map_err(|_| Declined),
        Err(_) => Err(Declined),
    }
}

/// Why a value was not taken.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Stop {
    #[error("the value needs the reference reader")]
    Declined,
    /// This node leaves it to the reference.
    #[error("a part of the value needs the reference reader")]
    Slow(NodeId),
}

impl From<Declined> for Stop {
    fn from(_: Declined) -> Self {
        Stop::Declined
    }
}

impl ser::Error for Stop {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Stop::Declined
    }
}

/// Where a value is read to.
#[derive(Debug, Clone, Copy)]
struct At {
    node: NodeId,
    depth: usize,
    /// How many levels of arrays and objects may follow.
    depth_left: usize,
}

/// Reads a part by its node. `None` for an `Option` that is none: the caller says what that means.
fn fill<T: Serialize + ?Sized>(work: &mut Work<'_>, at: At, value: &T) -> Result<Option<Word>, Stop> {
    let (node, depth) = work.enter(at.node, at.depth)?;
    let filled = if let Form::Slow(..) = &node.form {
        slow(work, at, value)?
    } else {
        let before = work.is_choosing();
        let filled = match value.serialize(Filler { work: &mut *work, node, at: At { depth, ..at } }) {
            Err(Stop::Slow(reference)) => slow(work, At { node: reference, depth: depth + 1, ..at }, value),
            filled => filled,
        };
        work.chosen(before);
        filled?
    };
    if let Some(word) = filled {
        work.keep(node, word);
    }
    Ok(filled)
}

/// Reads a part that can't be none.
fn fill_some<T: Serialize + ?Sized>(work: &mut Work<'_>, at: At, value: &T) -> Result<Word, Stop> {
    match fill(work, at, value)? {
        Some(word) => Ok(word),
        None => none(work, at),
    }
}

/// Null, where an `Option` is none that is no field.
fn none(work: &mut Work<'_>, at: At) -> Result<Word, Stop> {
    fill(work, at, &()).and_then(|word| word.ok_or(Stop::Declined))
}

/// A part that the reference checks.
fn slow<T: Serialize + ?Sized>(work: &mut Work<'_>, at: At, value: &T) -> Result<Option<Word>, Stop> {
    let (node, depth) = work.enter(at.node, at.depth)?;
    let Form::Slow(ty, kept) = &node.form else { return Err(Stop::Declined) };
    let above = JsonLimits::default().depth_max - at.depth_left;
    match to_value_within(value, above).map_err(|_| Stop::Declined)? {
        Some(value) => Ok(Some(work.slow(&value, ty, *kept, depth)?)),
        None => Ok(None),
    }
}

/// Reads one value by a node.
#[derive(Debug)]
struct Filler<'f, 'r> {
    work: &'f mut Work<'r>,
    node: &'r Node,
    /// The depth is that of the reference within the node.
    at: At,
}

/// An object around the content of a variant.
#[derive(Debug)]
struct Around<'r> {
    node: &'r Node,
    object: &'r ObjectShape,
    members: Members,
    member: Member,
}

/// Which field of an object is being read.
#[derive(Debug, Clone, Copy)]
enum Member {
    Known(usize),
    Other(Word),
}

impl<'f, 'r> Filler<'f, 'r> {
    /// The filler for values of a kind, where several types are possible.
    fn narrowed(mut self, met: Met) -> Result<Self, Stop> {
        while let Form::Union(union) = &self.node.form {
            let (choice, _) = self.work.choose(union, met);
            let id = match (choice, &union.tag) {
                (Choice::Node(id), _) => id,
                (Choice::Tagged, Some(tag)) => tag.reference,
                _ => return Err(Stop::Declined),
            };
            let (node, depth) = self.work.enter(id, self.at.depth + 1)?;
            if let Form::Slow(..) = &node.form {
                return Err(Stop::Slow(id));
            }
            self = Self { node, at: At { depth, ..self.at }, ..self };
        }
        Ok(self)
    }

    fn inner(&self) -> Result<At, Stop> {
        let depth_left = self.at.depth_left.checked_sub(1).ok_or(Stop::Declined)?;
        Ok(At { depth: self.at.depth + 1, depth_left, ..self.at })
    }

    fn object(&self) -> Result<&'r ObjectShape, Stop> {
        let (node, shape) = (self.node, self.work.shape);
        match &node.form {
            Form::Object(object) => Ok(object),
            Form::Any if node.build => Ok(&shape.kept),
            Form::Any => Ok(&shape.passed),
            _ => Err(Stop::Declined),
        }
    }

    fn items(self) -> Result<Items<'f, 'r>, Stop> {
        let filler = self.narrowed(Met::Array)?;
        let inner = filler.inner()?;
        let start = filler.work.open_array();
        Ok(Items { work: filler.work, node: filler.node, inner, start, count: 0, around: None })
    }

    fn fields(self) -> Result<Fields<'f, 'r>, Stop> {
        let filler = self.narrowed(Met::Object)?;
        let (inner, object) = (filler.inner()?, filler.object()?);
        let members = filler.work.open_object(filler.node, object);
        Ok(Fields {
            work: filler.work,
            node: filler.node,
            object,
            members,
            inner,
            last: None,
            has_key: false,
            around: None,
        })
    }

    /// The object around the content of a variant, and where the content goes.
    fn variant(self, name: &str) -> Result<(&'f mut Work<'r>, Around<'r>, At), Stop> {
        let Fields { work, node, object, mut members, inner, .. } = self.fields()?;
        let (id, member) = member(work, node, object, &mut members, name, object.find(name))?;
        Ok((work, Around { node, object, members, member }, At { node: id, ..inner }))
    }
}

/// Notes a field: where its value goes.
fn member(
    work: &mut Work<'_>,
    node: &Node,
    object: &ObjectShape,
    members: &mut Members,
    name: &str,
    found: Option<usize>,
) -> Result<(NodeId, Member), Stop> {
    match found.and_then(|at| object.fields.get(at).map(|field| (at, field))) {
        Some((at, field)) => {
            work.known(object, members, at)?;
            Ok((field.node, Member::Known(at)))
        }
        None => {
            let (id, word) = work.unknown(node, object, members, name)?;
            Ok((id, Member::Other(word)))
        }
    }
}

impl Around<'_> {
    fn finish(self, work: &mut Work<'_>, content: Word) -> Result<Option<Word>, Stop> {
        match self.member {
            Member::Known(at) => work.keep_known(self.node, self.object, &self.members, at, content)?,
            Member::Other(name) => work.keep_unknown(name, content),
        }
        Ok(Some(work.close_object(self.node, self.object, &self.members)?))
    }
}

impl<'f, 'r> Serializer for Filler<'f, 'r> {
    type Ok = Option<Word>;
    type Error = Stop;
    type SerializeSeq = Items<'f, 'r>;
    type SerializeTuple = Items<'f, 'r>;
    type SerializeTupleStruct = Items<'f, 'r>;
    type SerializeTupleVariant = Items<'f, 'r>;
    type SerializeMap = Fields<'f, 'r>;
    type SerializeStruct = Fields<'f, 'r>;
    type SerializeStructVariant = Fields<'f, 'r>;

    fn serialize_bool(self, value: bool) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Bool)?;
        Ok(Some(filler.work.bool(filler.node, value)?))
    }

    fn serialize_i8(self, value: i8) -> Result<Option<Word>, Stop> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i16(self, value: i16) -> Result<Option<Word>, Stop> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i32(self, value: i32) -> Result<Option<Word>, Stop> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Number)?;
        Ok(Some(filler.work.int(filler.node, value)?))
    }

    fn serialize_i128(self, value: i128) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Number)?;
        Ok(Some(match i64::try_from(value) {
            Ok(value) => filler.work.int(filler.node, value)?,
            Err(_) => filler.work.number(filler.node, Number::from(BigInt::from(value)))?,
        }))
    }

    fn serialize_u8(self, value: u8) -> Result<Option<Word>, Stop> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u16(self, value: u16) -> Result<Option<Word>, Stop> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u32(self, value: u32) -> Result<Option<Word>, Stop> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u64(self, value: u64) -> Result<Option<Word>, Stop> {
        self.serialize_i128(i128::from(value))
    }

    fn serialize_u128(self, value: u128) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Number)?;
        Ok(Some(match i64::try_from(value) {
            Ok(value) => filler.work.int(filler.node, value)?,
            Err(_) => filler.work.number(filler.node, Number::from(BigInt::from(value)))?,
        }))
    }

    fn serialize_f32(self, value: f32) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Number)?;
        let number = Number::from_f32(value).ok_or(Stop::Declined)?;
        Ok(Some(filler.work.number(filler.node, number)?))
    }

    fn serialize_f64(self, value: f64) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Number)?;
        let number = Number::from_f64(value).ok_or(Stop::Declined)?;
        Ok(Some(filler.work.number(filler.node, number)?))
    }

    fn serialize_char(self, value: char) -> Result<Option<Word>, Stop> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::String)?;
        Ok(Some(filler.work.text(filler.node, value)?))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Option<Word>, Stop> {
        let mut items = self.items()?;
        value.iter().try_for_each(|byte| ser::SerializeSeq::serialize_element(&mut items, byte))?;
        ser::SerializeSeq::end(items)
    }

    fn serialize_none(self) -> Result<Option<Word>, Stop> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Word>, Stop> {
        // What is none within is not none itself.
        match value.serialize(Filler { work: &mut *self.work, ..self })? {
            Some(word) => Ok(Some(word)),
            None => {
                let filler = self.narrowed(Met::Null)?;
                Ok(Some(filler.work.null(filler.node)?))
            }
        }
    }

    fn serialize_unit(self) -> Result<Option<Word>, Stop> {
        let filler = self.narrowed(Met::Null)?;
        Ok(Some(filler.work.null(filler.node)?))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Option<Word>, Stop> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Option<Word>, Stop> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Word>, Stop> {
        if name == EXACT_NUMBER {
            let number = exact_number(value).ok_or(Stop::Declined)?;
            let filler = self.narrowed(Met::Number)?;
            return Ok(Some(filler.work.number(filler.node, number)?));
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Option<Word>, Stop> {
        let (work, around, at) = self.variant(variant)?;
        let content = fill_some(work, at, value)?;
        around.finish(work, content)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'f, 'r>, Stop> {
        self.items()
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'f, 'r>, Stop> {
        self.items()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'f, 'r>, Stop> {
        self.items()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'f, 'r>, Stop> {
        let (work, around, at) = self.variant(variant)?;
        let items = content(work, at)?.items()?;
        Ok(Items { around: Some(around), ..items })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'f, 'r>, Stop> {
        self.fields()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'f, 'r>, Stop> {
        self.fields()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'f, 'r>, Stop> {
        let (work, around, at) = self.variant(variant)?;
        let fields = content(work, at)?.fields()?;
        Ok(Fields { around: Some(around), ..fields })
    }
}

/// The filler for the content of a variant, which comes in parts and so can't be left to the reference.
fn content<'f, 'r>(work: &'f mut Work<'r>, at: At) -> Result<Filler<'f, 'r>, Stop> {
    let (node, depth) = work.enter(at.node, at.depth)?;
    if node.slot.is_some() || matches!(node.form, Form::Slow(..) | Form::Union(_)) {
        return Err(Stop::Declined);
    }
    Ok(Filler { work, node, at: At { depth, ..at } })
}
