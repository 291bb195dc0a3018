//! Types that contain themselves, and what stands in a type.
//!
//! A recursive type is a list of definitions and the one that is meant. Within the list a definition names others by their
//! number, so nothing points in a circle and nothing leaks. Looking into such a type unfolds one definition.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Field, Record, Refined, Type};

/// Types that name each other.
#[derive(Debug, PartialEq, Eq)]
pub struct Definitions {
    /// Names, for messages, and types; in them [`Type::Defined`] stands for one of this list.
    pub types: Vec<(Arc<str>, Type)>,
}

impl Type {
    /// The type of the definition that is meant, with the names in it made types again; the type itself if it is not
    /// recursive.
    pub fn unfolded(&self) -> Type {
        let Type::Recursive(definitions, at) = self else { return self.clone() };
        match definitions.types.get(*at as usize) {
            Some((_, ty)) => ty.within(definitions),
            None => Type::Never,
        }
    }

    /// The type with numbers of definitions made types.
    pub(super) fn within(&self, definitions: &Arc<Definitions>) -> Type {
        match self {
            Type::Defined(at) => Type::Recursive(definitions.clone(), *at),
            other => other.map_parts(&mut |part| part.within(definitions)),
        }
    }

    /// The type as the checker works with it: without demands, and unfolded once where it is recursive. Parts keep theirs.
    pub(crate) fn plain(&self) -> Cow<'_, Type> {
        match self {
            Type::Refined(refined) => Cow::Owned(refined.base.plain().into_owned()),
            Type::Recursive(..) => Cow::Owned(self.unfolded().plain().into_owned()),
            Type::Union(members)
                if members.iter().any(|member| matches!(member, Type::Refined(_) | Type::Recursive(..))) =>
            {
                Cow::Owned(Type::union(members.iter().map(|member| member.plain().into_owned())))
            }
            other => Cow::Borrowed(other),
        }
    }

    /// As [`Type::plain`], without a copy where there is nothing to take away.
    pub(crate) fn into_plain(self) -> Type {
        match self.plain() {
            Cow::Owned(plain) => plain,
            Cow::Borrowed(_) => self,
        }
    }

    /// The type with its direct parts changed.
    pub(super) fn map_parts(&self, change: &mut dyn FnMut(&Type) -> Type) -> Type {
        match self {
            Type::Array(items) => Type::Array(Arc::new(change(items))),
            Type::Set(items) => Type::Set(Arc::new(change(items))),
            Type::Map(key, value) => Type::Map(Arc::new(change(key)), Arc::new(change(value))),
            Type::Tuple(items) => Type::Tuple(items.iter().map(change).collect()),
            Type::Union(members) => Type::Union(members.iter().map(change).collect()),
            Type::Record(record) => {
                let mut field = |field: &Field| Field { ty: change(&field.ty), optional: field.optional };
                let fields = record.fields.iter().map(|(name, own)| (name.clone(), field(own))).collect();
                let rest = record.rest.as_ref().map(|rest| Arc::new(rest.map_types(change)));
                Type::Record(Arc::new(Record { name: record.name.clone(), fields, open: record.open, rest }))
            }
            Type::Refined(refined) => Type::Refined(Arc::new(Refined {
                base: change(&refined.base),
                demands: refined.demands.iter().map(|demand| demand.map_types(change)).collect(),
            })),
            other => other.clone(),
        }
    }

    /// Whether a value of this type is looked at only by looking at a value of definition `at` first.
    pub(super) fn leads_to(&self, at: u32, definitions: &[(Arc<str>, Type)], left: usize) -> bool {
        match self {
            Type::Defined(other) => {
                *other == at
                    || left == 0
                    || definitions
                        .get(*other as usize)
                        .is_some_and(|(_, ty)| ty.leads_to(at, definitions, left.saturating_sub(1)))
            }
            Type::Union(members) => members.iter().any(|member| member.leads_to(at, definitions, left)),
            Type::Refined(refined) => {
                refined.base.leads_to(at, definitions, left)
                    || refined.demands.iter().any(|demand| {
                        let mut leads = false;
                        if !matches!(
                            demand,
                            super::Demand::Items(..) | super::Demand::Contains(..) | super::Demand::Names(_)
                        ) {
                            demand.map_types(&mut |ty| {
                                leads |= ty.leads_to(at, definitions, left);
                                Type::Never
                            });
                        }
                        leads
                    })
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree whose inner trees stand in a union, by a name.
    fn tree(name: &str) -> Type {
        let inner = Type::Union([Type::String, Type::Defined(0)].into());
        let fields = [("inner".into(), Field { ty: inner, optional: true })].into();
        let record = Type::Record(Record { name: None, fields, open: false, rest: None }.into());
        Type::Recursive(Definitions { types: vec![(name.into(), record)] }.into(), 0)
    }

    #[test]
    fn comparing_types_without_end_ends() {
        let (left, right) = (tree("Left"), tree("Right"));
        let (left_or_none, right_or_none) =
            (Type::union([left.clone(), Type::Null]), Type::union([right.clone(), Type::Null]));
        assert!(left.is_subtype_of(&left_or_none));
        assert!(left_or_none.is_subtype_of(&left_or_none));
        // They are alike, which can't be told by looking at a part of them.
        assert!(!left.is_subtype_of(&right_or_none));
        assert!(left.overlaps(&right_or_none));
        assert!(left_or_none.overlaps(&right_or_none));
    }
}
