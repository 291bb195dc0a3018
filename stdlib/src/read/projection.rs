//! What of an input is read.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What is read of a value: which parts of it go to slots. What it does not name is checked, and not kept.
///
/// ```
/// use hpol_stdlib::read::Projection;
/// let mut projection = Projection::default();
/// projection.at(["user", "name"]).slot = Some(0);
/// projection.at(["groups"]).slot = Some(1);
/// assert_eq!(projection.slots(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// The slot that takes the value; absent values leave it absent.
    pub slot: Option<u32>,
    /// Whether the value in the slot has all its parts. If not, it has those fields that are named here, and of an array's
    /// elements what is named for them; where nothing is named, it has all its parts.
    pub whole: bool,
    /// Whether it only matters that there is a value, and whether it is false: unless parts are named, null and truth values
    /// then stand for themselves and `true` for everything else. Within what is kept whole it says nothing.
    pub presence: bool,
    /// What is read of the fields of an object. Sets have none, though a policy can ask one for an element by name: where
    /// such a path leads into a set, readers decline.
    pub fields: BTreeMap<Arc<str>, Projection>,
    /// What is kept of each element of an array, where no element is looked at as a whole. Slots in it say nothing: there is
    /// one slot for many elements. Nothing of it applies to sets, whose elements are told apart by all their parts.
    pub elements: Option<Box<Projection>>,
}

impl Projection {
    /// A projection that keeps the whole value in a slot.
    pub fn whole(slot: u32) -> Self {
        Self { slot: Some(slot), whole: true, ..Self::default() }
    }

    /// What is read at a path of fields, to be changed.
    pub fn at<'s>(&mut self, path: impl IntoIterator<Item = &'s str>) -> &mut Projection {
        path.into_iter().fold(self, |projection, name| projection.fields.entry(name.into()).or_default())
    }

    /// How many slots it takes: one more than the highest number.
    pub fn slots(&self) -> usize {
        let own = self.slot.map_or(0, |slot| slot as usize + 1);
        self.fields.values().map(Projection::slots).fold(own, usize::max)
    }
}
