//! The paths of the input that a plan reads, each of which has a place of its own while a request is decided.

use std::sync::Arc;

use hpol_stdlib::heap::Word;
use hpol_stdlib::read::Projection;
use rustc_hash::FxHashMap;

use super::SlotId;

/// A path of the input that the plan reads, or the way to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSlot {
    /// What it is a member of; `None` for the input itself.
    pub parent: Option<SlotId>,
    /// Its name there: a string of the frozen region, absent for the input itself.
    pub name: Word,
    /// The same as text.
    pub text: Arc<str>,
    /// Steps from the input, which has none.
    pub depth: u32,
    /// Whether some statement needs the whole value, not just whether it is there.
    pub whole: bool,
}

/// All of them; a path stands behind its parent, so that filling them in order works.
#[derive(Debug, Clone, Default)]
pub struct InputSlots {
    slots: Vec<InputSlot>,
    children: FxHashMap<(SlotId, u64), SlotId>,
    /// What is looked at for rulings, where that was found out.
    rulings: Option<Projection>,
}

impl InputSlots {
    /// The slot of the input itself.
    pub const ROOT: SlotId = SlotId(0);

    /// The slot of the input itself, made if there is none.
    pub(crate) fn root(&mut self) -> SlotId {
        if self.slots.is_empty() {
            self.slots.push(InputSlot { parent: None, name: Word::ABSENT, text: "".into(), depth: 0, whole: false });
        }
        Self::ROOT
    }

    /// The slot of a member, made if there is none.
    pub(crate) fn member(&mut self, parent: SlotId, name: Word, text: &str) -> SlotId {
        if let Some(known) = self.children.get(&(parent, name.bits())) {
            return *known;
        }
        let id = SlotId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        let depth = self.slots[parent.index()].depth + 1;
        self.slots.push(InputSlot { parent: Some(parent), name, text: text.into(), depth, whole: false });
        self.children.insert((parent, name.bits()), id);
        id
    }

    /// Says that a statement needs all of a slot's value.
    pub(crate) fn needs_whole(&mut self, slot: SlotId) {
        self.slots[slot.index()].whole = true;
    }

    /// The slots, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &InputSlot)> {
        (0..).map(SlotId).zip(&self.slots)
    }

    /// A slot; `None` if `id` comes from elsewhere.
    pub fn get(&self, id: SlotId) -> Option<&InputSlot> {
        self.slots.get(id.index())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Says what readers must put into the slots for rulings.
    pub(crate) fn tell_rulings(&mut self, told: Projection) {
        self.rulings = Some(told);
    }

    /// As [`InputSlots::projection`], for who decides but does not tell witnesses: what only those show is left out.
    pub fn ruling_projection(&self) -> Projection {
        self.rulings.clone().unwrap_or_else(|| self.projection())
    }

    /// What readers of inputs must put into the slots. Where something is only on the way, it says that it is there.
    pub fn projection(&self) -> Projection {
        let mut projection = Projection::default();
        for (id, slot) in self.iter() {
            let place = projection.at(self.names(id));
            *place = Projection { slot: Some(id.0), whole: slot.whole, presence: !slot.whole, ..std::mem::take(place) };
        }
        projection
    }

    /// The path of a slot, from the input, such as `input.user.name`.
    pub fn path(&self, id: SlotId) -> String {
        [&["input"], self.names(id).as_slice()].concat().join(".")
    }

    /// The names that lead to a slot.
    pub(crate) fn names(&self, id: SlotId) -> Vec<&str> {
        let mut names = Vec::new();
        let mut above = self.get(id);
        while let Some(slot) = above.filter(|slot| slot.parent.is_some()) {
            names.push(&*slot.text);
            above = slot.parent.and_then(|parent| self.get(parent));
        }
        names.reverse();
        names
    }
}
