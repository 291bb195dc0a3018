//! Which parts of a value are looked at.

use hpol_stdlib::heap::{Heap, Word};
use hpol_stdlib::read::Projection;

/// Deepest part that is told apart; what is looked at below it needs the part whole.
const DEPTH_MAX: usize = 16;

/// Most fields of a value that are told apart.
const FIELDS_MAX: usize = 1_000;

/// What is looked at of a value. By itself that there is one, and whether it is false.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// All of it.
    whole: bool,
    /// Of which kind it is; all of it, if it is no collection.
    kind: bool,
    /// Members of an object, by names of the frozen region, and what is looked at of them.
    fields: Vec<(Word, Uses)>,
    /// That a collection has so many elements, and what is looked at of them. Of an object they are everything.
    elements: Option<Box<Uses>>,
}

impl Uses {
    pub(super) fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    pub(super) fn kind() -> Self {
        Self { kind: true, ..Self::default() }
    }

    /// What is looked at of a value of which a member is.
    pub(super) fn of_field(name: Word, member: Self) -> Self {
        Self { fields: vec![(name, member)], ..Self::default() }
    }

    /// What is looked at of a collection of which elements are.
    pub(super) fn of_elements(element: Self) -> Self {
        Self { elements: Some(Box::new(element)), ..Self::default() }
    }

    /// What is looked at of each element.
    pub(super) fn element(&self) -> Self {
        if self.whole { Self::whole() } else { self.elements.as_deref().cloned().unwrap_or_default() }
    }

    /// Adds what else is looked at; whether that is more than before.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        self.join_at(other, 0)
    }

    fn join_at(&mut self, other: &Self, depth: usize) -> bool {
        if self.whole {
            return false;
        }
        if other.whole || depth > DEPTH_MAX {
            return self.become_whole();
        }
        let mut more = other.kind && !self.kind;
        self.kind |= other.kind;
        for (name, inner) in &other.fields {
            let known = self.fields.iter().position(|field| field.0 == *name);
            let at = known.unwrap_or(self.fields.len());
            if known.is_none() {
                self.fields.push((*name, Self::default()));
                more = true;
            }
            more |= self.fields[at].1.join_at(inner, depth + 1);
        }
        if let Some(inner) = &other.elements {
            more |= self.elements.is_none();
            more |= self.elements.get_or_insert_default().join_at(inner, depth + 1);
        }
        // Who looks at all elements of an object sees which fields it has.
        let mixed = self.elements.is_some() && !self.fields.is_empty();
        if mixed || self.fields.len() > FIELDS_MAX {
            return self.become_whole();
        }
        more
    }

    fn become_whole(&mut self) -> bool {
        *self = Self::whole();
        true
    }

    /// Adds it to what a reader is told of a value.
    pub(super) fn tell(&self, projection: &mut Projection, heap: &Heap) {
        let named = !self.fields.is_empty() || self.elements.is_some();
        if self.whole || self.kind || named {
            projection.presence = false;
        }
        // Where nothing is named, a reader keeps everything.
        projection.whole |= self.whole || (self.kind && !named);
        for (name, inner) in &self.fields {
            match heap.as_str(*name) {
                Some(name) => inner.tell(projection.fields.entry(name.into()).or_insert_with(present), heap),
                None => projection.whole = true,
            }
        }
        if let Some(inner) = &self.elements {
            inner.tell(projection.elements.get_or_insert_with(|| Box::new(present())), heap);
        }
    }
}

/// What is told of a value of which it only matters that there is one.
pub(super) fn present() -> Projection {
    Projection { presence: true, ..Projection::default() }
}

/// Keeps values whole of which fields are named as well as elements: paths of slots lead through what is run over.
pub(super) fn settle(projection: &mut Projection) {
    if projection.elements.is_some() && !projection.fields.is_empty() {
        projection.whole = true;
    }
    projection.fields.values_mut().for_each(settle);
    projection.elements.iter_mut().for_each(|elements| settle(elements));
}
