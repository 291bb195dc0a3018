//! What can be asked of types: members, elements, what remains after a check, what a value's type is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Field, Record, Type};
use crate::value::Value;

/// How many members a union of literals may have before it is widened.
const LITERALS_MAX: usize = 64;
/// How many parts an inferred type may have before it is taken as `any`.
const WEIGHT_MAX: usize = 5_000;
/// How many fields a document's object may have before it counts as a map.
const FIELDS_MAX: usize = 64;
/// How many elements a tuple may have before it counts as an array.
const TUPLE_MAX: usize = 16;
/// How deep a document's type is followed.
const DOCUMENT_DEPTH_MAX: usize = 12;

/// What a type says about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// It has the type, and may be absent if `optional`.
    Found { ty: Type, optional: bool },
    /// A closed record without such a field; the names it has.
    Unknown(Vec<Arc<str>>),
    /// A value of this type has no fields.
    NoFields,
}

impl Type {
    /// A closed or open record without a name.
    pub fn record(fields: impl IntoIterator<Item = (Arc<str>, Field)>, open: bool) -> Type {
        Type::Record(Arc::new(Record { name: None, fields: fields.into_iter().collect(), open, rest: None }))
    }

    /// A literal's own type for a scalar, the types of its parts for a collection.
    pub fn of_value(value: &Value) -> Type {
        let ty = match value {
            Value::Null => Type::Null,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Type::Literal(value.clone()),
            Value::Array(items) if items.len() <= TUPLE_MAX => Type::Tuple(items.iter().map(Type::of_value).collect()),
            Value::Array(items) => Type::array(Type::limited_union(items.iter().map(Type::of_value))),
            Value::Set(items) => Type::set(Type::limited_union(items.iter().map(Type::of_value))),
            Value::Object(entries) => {
                let names: Option<Vec<&str>> = entries.keys().map(Value::as_str).collect();
                match names {
                    Some(names) if names.len() <= FIELDS_MAX => Type::record(
                        names.iter().zip(entries.values()).map(|(name, value)| {
                            (Arc::from(*name), Field { ty: Type::of_value(value), optional: false })
                        }),
                        false,
                    ),
                    _ => Type::Map(
                        Arc::new(Type::limited_union(entries.keys().map(Type::of_value))),
                        Arc::new(Type::limited_union(entries.values().map(Type::of_value))),
                    ),
                }
            }
        };
        ty.limited()
    }

    /// The type of a base document for which there is no schema: scalars are wide, objects are open, and the elements of
    /// an array share one type.
    pub fn of_document(value: &Value) -> Type {
        document_type(value, 0).limited()
    }

    /// The union, widened where it would have too many literals.
    pub(crate) fn limited_union(types: impl IntoIterator<Item = Type>) -> Type {
        let mut members: Vec<Type> = Vec::new();
        let mut widened = false;
        for ty in types {
            let ty = if widened { ty.widened() } else { ty };
            for member in ty.members() {
                if *member == Type::Any {
                    return Type::Any;
                }
                if !members.iter().any(|known| member == known || (widened && member.is_subtype_of(known))) {
                    members.push(member.clone());
                }
            }
            if members.len() > LITERALS_MAX {
                if widened {
                    return Type::Any;
                }
                widened = true;
                members = Type::union(members.iter().map(Type::widened)).members().to_vec();
            }
        }
        Type::union(members)
    }

    /// The type without single values: `"a" | "b"` is `string`.
    pub(crate) fn widened(&self) -> Type {
        match self {
            Type::Literal(value) => Type::of_scalar(value),
            Type::Union(members) => Type::union(members.iter().map(Type::widened)),
            Type::Refined(_) | Type::Recursive(..) => self.plain().widened(),
            other => other.clone(),
        }
    }

    /// The type, or `any` if it is so large that working with it would take long.
    pub(crate) fn limited(self) -> Type {
        if self.weight(WEIGHT_MAX) > WEIGHT_MAX { Type::Any } else { self }
    }

    /// The number of parts, counted up to a little more than `limit`.
    pub(crate) fn weight(&self, limit: usize) -> usize {
        let mut total = 0;
        let mut open = vec![self];
        while let Some(ty) = open.pop() {
            total += 1;
            if total + open.len() > limit {
                return limit + 1;
            }
            match ty {
                Type::Array(items) | Type::Set(items) => open.push(items),
                Type::Tuple(items) | Type::Union(items) => open.extend(items.iter()),
                Type::Map(key, value) => open.extend([&**key, &**value]),
                Type::Record(record) => {
                    open.extend(record.fields.values().map(|field| &field.ty));
                    open.extend(record.rest_types());
                }
                Type::Refined(refined) => open.push(&refined.base),
                Type::Any
                | Type::Never
                | Type::Null
                | Type::Bool
                | Type::Int
                | Type::Decimal
                | Type::String
                | Type::Literal(_)
                | Type::Time
                | Type::Duration
                | Type::Ip
                | Type::Cidr
                | Type::Regex
                | Type::Glob
                | Type::Variable(_)
                | Type::Recursive(..)
                | Type::Defined(_) => {}
            }
        }
        total
    }

    /// What the type says about the field `name`.
    pub(crate) fn member(&self, name: &str) -> Member {
        let mut found = Vec::new();
        let mut names = Vec::new();
        let mut partly = false;
        let mut any_fields = false;
        let plain = self.plain();
        for ty in plain.members() {
            match ty {
                Type::Any | Type::Variable(_) => return Member::Found { ty: Type::Any, optional: true },
                Type::Record(record) => {
                    any_fields = true;
                    match record.fields.get(name) {
                        Some(field) => {
                            partly |= field.optional;
                            found.push(field.ty.clone());
                        }
                        None => {
                            partly = true;
                            match record.unnamed(name) {
                                // Of several types that hold at once each is a sound answer.
                                Some(types) => found.extend(types.first().map(|ty| (*ty).clone())),
                                None => names.extend(record.fields.keys().cloned()),
                            }
                        }
                    }
                }
                Type::Map(_, value) => {
                    any_fields = true;
                    partly = true;
                    found.push((**value).clone());
                }
                Type::Set(items) if items.overlaps(&Type::String) => {
                    any_fields = true;
                    partly = true;
                    found.push(Type::String);
                }
                _ => partly = true,
            }
        }
        if !found.is_empty() {
            let ty = Type::limited_union(found.iter().map(|ty| ty.plain().into_owned()));
            return Member::Found { ty, optional: partly };
        }
        if any_fields { Member::Unknown(names) } else { Member::NoFields }
    }

    /// Types of keys and elements of a collection; `None` if no value of this type has elements.
    pub(crate) fn elements(&self) -> Option<(Type, Type)> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let plain = self.plain();
        for ty in plain.members() {
            let (key, value) = match ty {
                Type::Any | Type::Variable(_) => return Some((Type::Any, Type::Any)),
                Type::Array(items) => (Type::Int, (**items).clone()),
                Type::Tuple(items) => (Type::Int, Type::limited_union(items.iter().cloned())),
                Type::Set(items) => ((**items).clone(), (**items).clone()),
                Type::Map(key, value) => ((**key).clone(), (**value).clone()),
                Type::Record(record) if record.open => (Type::String, Type::Any),
                Type::Record(record) if record.has_rest() => {
                    let types = record.fields.values().map(|field| &field.ty).chain(record.rest_types());
                    (Type::String, Type::limited_union(types.cloned()))
                }
                Type::Record(record) => {
                    let names = record.fields.keys().map(|name| Type::Literal(Value::String(name.clone())));
                    let types = record.fields.values().map(|field| field.ty.clone());
                    (Type::limited_union(names), Type::limited_union(types))
                }
                _ => continue,
            };
            keys.push(key);
            values.push(value);
        }
        if keys.is_empty() {
            return None;
        }
        let plain = |types: Vec<Type>| Type::limited_union(types.iter().map(|ty| ty.plain().into_owned()));
        Some((plain(keys), plain(values)))
    }

    /// What is left of the type for values that are also of type `other`.
    pub(crate) fn narrowed_to(&self, other: &Type) -> Type {
        if *self == Type::Any {
            return other.clone();
        }
        let mut left = Vec::new();
        for member in self.members() {
            for wanted in other.members() {
                if member.is_subtype_of(wanted) {
                    left.push(member.clone());
                } else if wanted.is_subtype_of(member) {
                    left.push(wanted.clone());
                } else if member.overlaps(wanted) {
                    // A part of both; the more specific of the two is not known, either is a sound answer.
                    left.push(member.clone());
                }
            }
        }
        Type::limited_union(left)
    }

    /// What is left of the type for values that are not `value`.
    pub(crate) fn without(&self, value: &Value) -> Type {
        Type::union(self.members().iter().filter_map(|member| match member {
            Type::Literal(own) if own == value => None,
            Type::Null if *value == Value::Null => None,
            Type::Bool => match value {
                Value::Bool(value) => Some(Type::Literal(Value::Bool(!value))),
                _ => Some(Type::Bool),
            },
            other => Some(other.clone()),
        }))
    }

    /// What is left of the type for values that are not of type `other`.
    pub(crate) fn without_type(&self, other: &Type) -> Type {
        if *self == Type::Any {
            return Type::Any;
        }
        Type::union(self.members().iter().filter(|member| !member.is_subtype_of(other)).cloned())
    }

    /// The values of an enum: a union of literals (`bool` counts as two); `None` for any other type.
    pub(crate) fn enum_values(&self) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        for member in self.members() {
            match member {
                Type::Literal(value) => values.push(value.clone()),
                Type::Null => values.push(Value::Null),
                Type::Bool => values.extend([Value::Bool(false), Value::Bool(true)]),
                _ => return None,
            }
        }
        Some(values)
    }

    /// Whether a value of type `argument` may be given where `self` is wanted: as a subtype, where `any` is trusted and
    /// checked at run time, and text may stand for an address or a pattern that is read at run time.
    pub(crate) fn accepts(&self, argument: &Type) -> bool {
        match (self, argument) {
            (Type::Any | Type::Variable(_), _) | (_, Type::Any | Type::Never | Type::Variable(_)) => true,
            (Type::Recursive(..), Type::Recursive(..)) => self == argument,
            (Type::Refined(_) | Type::Recursive(..), _) => self.plain().accepts(argument),
            (_, Type::Refined(_) | Type::Recursive(..)) => self.accepts(&argument.plain()),
            (_, Type::Union(members)) => members.iter().all(|member| self.accepts(member)),
            (Type::Union(members), _) => members.iter().any(|member| member.accepts(argument)),
            (Type::Ip | Type::Cidr | Type::Regex | Type::Glob, Type::String | Type::Literal(Value::String(_))) => true,
            (Type::Ip | Type::Cidr, Type::Ip | Type::Cidr) => true,
            (Type::Time | Type::Duration | Type::Int, Type::Int | Type::Time | Type::Duration) => true,
            (Type::Time | Type::Duration, Type::Literal(value)) => Type::of_scalar(value) == Type::Int,
            (Type::Array(left), Type::Array(right)) | (Type::Set(left), Type::Set(right)) => left.accepts(right),
            (Type::Array(left), Type::Tuple(right)) => right.iter().all(|ty| left.accepts(ty)),
            (Type::Tuple(left), Type::Array(right)) => left.iter().all(|ty| ty.accepts(right)),
            (Type::Tuple(left), Type::Tuple(right)) => {
                left.len() == right.len() && left.iter().zip(right.iter()).all(|(a, b)| a.accepts(b))
            }
            (Type::Map(left_key, left), Type::Map(right_key, right)) => {
                left_key.accepts(right_key) && left.accepts(right)
            }
            (Type::Map(key, value), Type::Record(record)) => {
                key.accepts(&Type::String)
                    && record
                        .fields
                        .values()
                        .map(|field| &field.ty)
                        .chain(record.rest_types())
                        .all(|ty| value.accepts(ty))
            }
            (Type::Record(record), Type::Map(_, value)) => record.fields.values().all(|field| field.ty.accepts(value)),
            (Type::Record(left), Type::Record(right)) => left.accepts(right),
            (wanted, given) => given.is_subtype_of(wanted),
        }
    }
}

impl Record {
    fn accepts(&self, given: &Record) -> bool {
        let known = self.fields.iter().all(|(name, field)| match given.fields.get(name) {
            Some(own) => field.ty.accepts(&own.ty),
            None => field.optional || given.unnamed(name).is_some(),
        });
        let fits = |name: &str, ty: &Type| {
            self.unnamed(name).is_some_and(|types| types.into_iter().all(|wanted| wanted.accepts(ty)))
        };
        let mut extra = given.fields.iter().filter(|(name, _)| !self.fields.contains_key(*name));
        known && extra.all(|(name, field)| fits(name, &field.ty))
    }
}

fn document_type(value: &Value, depth: usize) -> Type {
    if depth > DOCUMENT_DEPTH_MAX {
        return Type::Any;
    }
    match value {
        Value::Array(items) => Type::array(join_all(items.iter().map(|item| document_type(item, depth + 1)))),
        Value::Set(items) => Type::set(join_all(items.iter().map(|item| document_type(item, depth + 1)))),
        Value::Object(entries) if entries.len() <= FIELDS_MAX => {
            let fields = entries.iter().filter_map(|(key, value)| {
                let field = Field { ty: document_type(value, depth + 1), optional: false };
                Some((Arc::from(key.as_str()?), field))
            });
            Type::record(fields, true)
        }
        Value::Object(entries) => Type::map(join_all(entries.values().map(|value| document_type(value, depth + 1)))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Type::of_scalar(value),
    }
}

fn join_all(types: impl IntoIterator<Item = Type>) -> Type {
    types.into_iter().fold(Type::Never, |joined, ty| if joined == Type::Any { joined } else { join(joined, ty) })
}

/// One type for both: records are merged field by field, so that a long array of objects keeps a small type.
fn join(left: Type, right: Type) -> Type {
    if left == right {
        return left;
    }
    let mut members: Vec<Type> = left.members().iter().filter(|ty| **ty != Type::Never).cloned().collect();
    for ty in right.members() {
        let same_shape = members.iter().position(|member| {
            matches!(
                (member, ty),
                (Type::Record(_), Type::Record(_)) | (Type::Array(_), Type::Array(_)) | (Type::Map(..), Type::Map(..))
            )
        });
        let Some(at) = same_shape else {
            members.push(ty.clone());
            continue;
        };
        let joined = match (&members[at], ty) {
            (Type::Record(a), Type::Record(b)) => join_records(a, b),
            (Type::Array(a), Type::Array(b)) => Type::array(join((**a).clone(), (**b).clone())),
            (Type::Map(_, a), Type::Map(_, b)) => Type::map(join((**a).clone(), (**b).clone())),
            _ => Type::Any,
        };
        members[at] = joined;
    }
    Type::limited_union(members)
}

fn join_records(left: &Record, right: &Record) -> Type {
    let mut fields: BTreeMap<Arc<str>, Field> = left.fields.clone();
    for (name, field) in &mut fields {
        field.optional |= !right.fields.contains_key(name);
    }
    for (name, field) in &right.fields {
        match fields.get_mut(name) {
            Some(own) => {
                own.optional |= field.optional;
                own.ty = join(own.ty.clone(), field.ty.clone());
            }
            None => {
                fields.insert(name.clone(), Field { ty: field.ty.clone(), optional: true });
            }
        }
    }
    if fields.len() > FIELDS_MAX {
        return Type::map(join_all(fields.into_values().map(|field| field.ty)));
    }
    Type::record(fields, left.open || right.open)
}
