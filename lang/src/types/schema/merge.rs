//! Values that are of two types at once: `allOf`, and a `$ref` or a choice beside other keywords.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Importer, refined};
use crate::types::{Demand, Field, Record, Rest, Type, validate};
use crate::value::Value;

impl Importer<'_> {
    /// The type of values that are of both types. Fields of records are joined; the result is open only if both are.
    /// What the types can't say together stays a demand.
    pub(super) fn merge(&mut self, left: Type, right: &Type) -> Type {
        if !self.charge(1) {
            return Type::Any;
        }
        match (&left, right) {
            (Type::Any, _) => right.clone(),
            (_, Type::Any) => left,
            (Type::Never, _) | (_, Type::Never) => Type::Never,
            _ if left == *right => left,
            (Type::Refined(inner), _) => refined(self.merge(inner.base.clone(), right), inner.demands.clone()),
            (_, Type::Refined(inner)) => refined(self.merge(left, &inner.base), inner.demands.clone()),
            (Type::Defined(number), _) => self.merge_defined(*number, right),
            (_, Type::Defined(number)) => self.merge_defined(*number, &left),
            (Type::Union(members), _) => {
                let members: Vec<Type> = members.iter().map(|member| self.merge(member.clone(), right)).collect();
                Type::union(members)
            }
            (_, Type::Union(members)) => {
                let members: Vec<Type> = members.iter().map(|member| self.merge(left.clone(), member)).collect();
                Type::union(members)
            }
            (Type::Record(a), Type::Record(b)) => self.merge_records(a, b),
            (Type::Record(record), Type::Map(_, value)) | (Type::Map(_, value), Type::Record(record)) => {
                let mut record = (**record).clone();
                for field in record.fields.values_mut() {
                    field.ty = self.merge(field.ty.clone(), value);
                }
                let mut demands = Vec::new();
                if record.has_rest() {
                    demands.push(Demand::Also(Arc::new(Type::map((**value).clone()))));
                }
                refined(Type::Record(Arc::new(record)), demands)
            }
            (Type::Map(_, a), Type::Map(_, b)) => Type::map(self.merge((**a).clone(), b)),
            (Type::Array(a), Type::Array(b)) => Type::array(self.merge((**a).clone(), b)),
            (Type::Tuple(items), Type::Array(item)) | (Type::Array(item), Type::Tuple(items)) => {
                Type::Tuple(items.iter().map(|own| self.merge(own.clone(), item)).collect())
            }
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                Type::Tuple(a.iter().zip(b.iter()).map(|(a, b)| self.merge(a.clone(), b)).collect())
            }
            _ => scalars(left, right),
        }
    }

    /// A definition and something else. One that is still being read can't be looked into.
    fn merge_defined(&mut self, number: u32, other: &Type) -> Type {
        match self.definitions.get(number as usize).and_then(|(_, ty)| ty.clone()) {
            Some(Type::Defined(_)) | None if has_closed_record(other) => self.refuse(
                "a `$ref` that leads back to a schema around it can't be joined with other fields; put the fields there",
            ),
            Some(Type::Defined(_)) | None => {
                refined(Type::Defined(number), vec![Demand::Also(Arc::new(other.clone()))])
            }
            Some(known) => self.merge(known, other),
        }
    }

    fn merge_records(&mut self, a: &Arc<Record>, b: &Arc<Record>) -> Type {
        let mut fields: BTreeMap<Arc<str>, Field> = BTreeMap::new();
        for (own, other) in [(a, b), (b, a)] {
            for (name, field) in &own.fields {
                if fields.contains_key(name) {
                    continue;
                }
                let mut joined = field.clone();
                match other.fields.get(name) {
                    Some(other) => {
                        joined.ty = self.merge(joined.ty, &other.ty);
                        joined.optional &= other.optional;
                    }
                    None => {
                        let types: Vec<Type> = other.unnamed(name).into_iter().flatten().cloned().collect();
                        for ty in &types {
                            joined.ty = self.merge(joined.ty, ty);
                        }
                    }
                }
                fields.insert(name.clone(), joined);
            }
        }
        if fields.values().any(|field| !field.optional && field.ty == Type::Never) {
            return Type::Never;
        }
        let (rest, open) = self.merge_rests(a, b);
        let record = Type::Record(Arc::new(Record { name: None, fields, open, rest }));
        // What one part says of all fields that it does not name concerns the other's too.
        let strict = |record: &&Arc<Record>| {
            record.rest.as_ref().is_some_and(|rest| !record.open && (rest.sealed || rest.others.is_some()))
        };
        let demands = [a, b].into_iter().filter(strict).map(|own| Demand::Also(Arc::new(Type::Record(own.clone()))));
        refined(record, demands.collect())
    }

    fn merge_rests(&mut self, a: &Record, b: &Record) -> (Option<Arc<Rest>>, bool) {
        let of = |record: &Record| {
            record.rest.as_deref().cloned().unwrap_or(Rest { patterns: Vec::new(), others: None, sealed: false })
        };
        let (left, right) = (of(a), of(b));
        let patterns: Vec<_> = left.patterns.into_iter().chain(right.patterns).collect();
        let others = match (left.others, right.others) {
            (Some(left), Some(right)) => Some(self.merge(left, &right)),
            (Some(ty), None) if b.open => Some(ty),
            (None, Some(ty)) if a.open => Some(ty),
            _ => None,
        };
        let rest =
            (!patterns.is_empty() || others.is_some()).then(|| Arc::new(Rest { patterns, others, sealed: false }));
        (rest, a.open && b.open)
    }
}

fn has_closed_record(ty: &Type) -> bool {
    match ty {
        Type::Record(record) => !record.open,
        Type::Refined(inner) => has_closed_record(&inner.base),
        Type::Union(members) => members.iter().any(has_closed_record),
        _ => false,
    }
}

fn scalars(left: Type, right: &Type) -> Type {
    let text = |ty: &Type| matches!(ty, Type::String);
    match (&left, right) {
        (Type::Literal(value), other) | (other, Type::Literal(value)) => {
            if validate(value, other).is_ok() {
                Type::Literal(value.clone())
            } else {
                Type::Never
            }
        }
        // A time is written as text.
        (Type::Time, other) if text(other) => left,
        (other, Type::Time) if text(other) => Type::Time,
        _ if left.is_subtype_of(right) => left,
        _ if right.is_subtype_of(&left) => right.clone(),
        _ if left.overlaps(right) => refined(left, vec![Demand::Also(Arc::new(right.clone()))]),
        _ => Type::Never,
    }
}

impl Value {
    /// A whole number from 0.
    pub(super) fn as_size(&self) -> Option<usize> {
        match self {
            Value::Number(number) => number.as_i64().and_then(|number| usize::try_from(number).ok()),
            _ => None,
        }
    }
}
