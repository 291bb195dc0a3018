//! Which rules of a package can count for a request, without running the others.
//!
//! A rule is left out only where one of its first conditions is certainly false and everything before that condition certainly
//! has a value and is no error, so that running the rule would find nothing: no match, no absence, no error. What an
//! index can't tell is a candidate, and running it decides.
//!
//! ```text
//! deny "a" if { input.tool == "rm"; input.user == "ada" }     (tool, user) → rules
//! deny "b" if input.tool in {"ls", "cat"}                     tool         → rules
//! deny "c" if startswith(input.path, "/etc/")                 path by length of prefix, then prefix → rules
//! deny "d" if net.cidr_contains("10.0.0.0/8", input.ip)       ip by length of prefix, then network → rules
//! ```
//!
//! Where a rule finds something absent it fails, but that shows: a rule that protects then counts, and a decision tells what was
//! absent. So an absent path makes a rule a candidate. An allow is none for who does not want to know what was absent, such as an
//! evaluator (`Absence`): then the index leaves out whatever looks for the path.
//!
//! The tables are keyed by words: texts of the plan are interned, so that equal texts, integers and truth values are equal
//! words.

use std::net::IpAddr;

use hpol_stdlib::heap::{Heap, Kind, Word};
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::plan::{CompareOperator, InputSlots, SlotId, elements};

/// Most paths that one table looks at together; further equalities are left to the rules.
pub(crate) const KEY_SLOTS: usize = 4;

/// The words of a table's paths, mixed. Different ones may have the same key: then more rules run than need to.
pub(crate) type Key = u64;

/// Rules by a text.
pub(crate) type RulesByText = FxHashMap<Box<str>, Vec<u32>>;

/// The index over the rules of a package. Rules are named by their place in the package's list.
#[derive(Debug, Clone, Default)]
pub struct RuleIndex {
    /// Rules that must always run.
    pub(crate) always: Vec<u32>,
    /// Rules that must run where all of this may hold.
    pub(crate) checked: Vec<(u32, Vec<Ask>)>,
    /// Rules that must run where a path does not hold what the index takes for granted.
    pub(crate) needs: Vec<(SlotId, Need, Vec<u32>)>,
    /// Rules that fail where a path is absent, and that must run there for who wants to know what is.
    pub(crate) told: Vec<(SlotId, Vec<u32>)>,
    /// Rules of which no more is known than that they need a path.
    pub(crate) present: Vec<(SlotId, Vec<u32>)>,
    pub(crate) equal: Vec<EqualTable>,
    pub(crate) members: Vec<MemberTable>,
    pub(crate) prefixes: Vec<PrefixTable>,
    pub(crate) ranges: Vec<RangeTable>,
    pub(crate) networks: Vec<NetworkTable>,
    /// Whether there is anything but `always`, `needs`, `told` and `equal`.
    pub(crate) others: bool,
}

/// Who sees what a rule finds absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The decision depends on it: a rule that protects, and what such a rule may ask.
    Counts,
    /// Only who wants to know what was absent: a rule that allows.
    Told,
}

/// What an index takes for granted of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Need {
    /// That it has a value.
    Present,
    /// That it has text.
    Text,
}

/// Rules by the values of some paths.
#[derive(Debug, Clone)]
pub(crate) struct EqualTable {
    pub(crate) slots: Vec<SlotId>,
    pub(crate) rules: FxHashMap<Key, Vec<u32>>,
}

/// Rules by a value that is to be in the collection at a path.
#[derive(Debug, Clone)]
pub(crate) struct MemberTable {
    pub(crate) slot: SlotId,
    pub(crate) rules: FxHashMap<u64, Vec<u32>>,
}

/// Rules by how the text at a path is to begin.
#[derive(Debug, Clone)]
pub(crate) struct PrefixTable {
    pub(crate) slot: SlotId,
    /// By length in bytes, ascending.
    pub(crate) lengths: Vec<(usize, RulesByText)>,
}

/// Rules by a bound on the integer at a path.
#[derive(Debug, Clone)]
pub(crate) struct RangeTable {
    pub(crate) slot: SlotId,
    /// Rules that want more than a bound, or as much, by bound.
    pub(crate) above: Vec<(i64, u32)>,
    /// Rules that want less than a bound, or as much, by bound.
    pub(crate) below: Vec<(i64, u32)>,
}

/// Whether a network is IPv4, and the length of its prefix in bits.
pub(crate) type NetworkLength = (bool, u8);

/// Rules by the first address of a network.
pub(crate) type RulesByNetwork = FxHashMap<IpAddr, Vec<u32>>;

/// Rules by the network that the address at a path is to be in.
#[derive(Debug, Clone)]
pub(crate) struct NetworkTable {
    pub(crate) slot: SlotId,
    /// By family and length of the prefix.
    pub(crate) lengths: Vec<(NetworkLength, RulesByNetwork)>,
    /// All of them, for text that is no address.
    pub(crate) all: Vec<u32>,
}

impl NetworkTable {
    fn candidates(&self, text: &str, candidates: &mut Vec<u32>) {
        let Ok(address) = text.parse::<IpAddr>().map(|address| address.to_canonical()) else {
            // It may be a network, or an error: the rules know.
            candidates.extend_from_slice(&self.all);
            return;
        };
        for ((is_ipv4, length), rules) in &self.lengths {
            if let (true, Ok(network)) = (*is_ipv4 == address.is_ipv4(), IpNet::new(address, *length)) {
                candidates.extend(rules.get(&network.network()).into_iter().flatten());
            }
        }
    }
}

impl RuleIndex {
    /// Adds the rules that can count behind `candidates`, in ascending order; if `tells_absences`, those too that find something absent
    /// without counting. `slots` are those of the input in force; the arguments of
    /// a function count as slots behind them.
    #[inline]
    pub fn candidates(
        &self,
        slots: &[Word],
        arguments: &[Word],
        tells_absences: bool,
        heap: &Heap,
        candidates: &mut Vec<u32>,
    ) {
        let slot_at = |slot: SlotId| slots.get(slot.index()).copied();
        if arguments.is_empty() {
            self.gather(&|slot| slot_at(slot).unwrap_or(Word::ABSENT), tells_absences, heap, candidates);
        } else {
            let argument = |slot: SlotId| arguments.get(slot.index().checked_sub(slots.len())?).copied();
            let at = |slot: SlotId| slot_at(slot).or_else(|| argument(slot)).unwrap_or(Word::ABSENT);
            self.gather(&at, tells_absences, heap, candidates);
        }
    }

    /// As [`RuleIndex::candidates`]; `at` says what stands in a slot.
    #[inline]
    fn gather(&self, at: &impl Fn(SlotId) -> Word, tells_absences: bool, heap: &Heap, candidates: &mut Vec<u32>) {
        let start = candidates.len();
        add(candidates, &self.always);
        for (slot, need, rules) in &self.needs {
            let word = at(*slot);
            let given = match need {
                Need::Present => !word.is_absent(),
                Need::Text => word.kind() == Kind::String,
            };
            if !given {
                add(candidates, rules);
            }
        }
        if tells_absences {
            let absences = self.told.iter().filter(|(slot, _)| at(*slot).is_absent());
            absences.for_each(|(_, rules)| add(candidates, rules));
        }
        for table in &self.equal {
            let key = Self::key(table.slots.iter().map(|slot| at(*slot)));
            if let Some(rules) = table.rules.get(&key) {
                add(candidates, rules);
            }
        }
        if self.others {
            self.gather_others(at, heap, candidates);
        }
        if candidates.len() - start > 1 {
            put_in_order(candidates, start);
        }
    }

    /// Adds those that other tables than the most frequent ones find.
    #[inline(never)]
    fn gather_others(&self, at: &impl Fn(SlotId) -> Word, heap: &Heap, candidates: &mut Vec<u32>) {
        let present = self.present.iter().filter(|(slot, _)| !at(*slot).is_absent());
        present.for_each(|(_, rules)| candidates.extend_from_slice(rules));
        for (rule, asks) in &self.checked {
            if asks.iter().all(|ask| ask.may_hold(at, heap)) {
                candidates.push(*rule);
            }
        }
        for table in &self.members {
            let Some(items) = elements(heap, at(table.slot)) else { continue };
            candidates.extend(items.iter().filter_map(|item| table.rules.get(&item.bits())).flatten());
        }
        for table in &self.prefixes {
            let Some(text) = heap.as_str(at(table.slot)) else { continue };
            for (length, rules) in &table.lengths {
                let Some(prefix) = text.get(..*length) else {
                    if *length > text.len() {
                        break;
                    }
                    // A prefix of text does not end within a character.
                    continue;
                };
                candidates.extend(rules.get(prefix).into_iter().flatten());
            }
        }
        for table in &self.networks {
            // What is no text is among the needs.
            if let Some(text) = heap.as_str(at(table.slot)) {
                table.candidates(text, candidates);
            }
        }
        for table in &self.ranges {
            let Some(value) = at(table.slot).small_int() else {
                // Other values have an order too, which the rules know.
                candidates.extend(table.above.iter().chain(&table.below).map(|bound| bound.1));
                continue;
            };
            let above = table.above.partition_point(|bound| bound.0 <= value);
            candidates.extend(table.above[..above].iter().map(|bound| bound.1));
            let below = table.below.partition_point(|bound| bound.0 < value);
            candidates.extend(table.below[below..].iter().map(|bound| bound.1));
        }
    }

    /// Calls `look` for each path of which it looks at more than whether it has a value, and whether that is false.
    pub(crate) fn each_value(&self, look: &mut impl FnMut(SlotId)) {
        for (slot, need, _) in &self.needs {
            if *need == Need::Text {
                look(*slot);
            }
        }
        self.checked.iter().flat_map(|(_, asks)| asks).for_each(|ask| ask.each_value(look));
        self.equal.iter().flat_map(|table| &table.slots).for_each(|slot| look(*slot));
        self.members.iter().for_each(|table| look(table.slot));
        self.prefixes.iter().for_each(|table| look(table.slot));
        self.ranges.iter().for_each(|table| look(table.slot));
        self.networks.iter().for_each(|table| look(table.slot));
    }

    /// What it looks at, for people.
    pub(crate) fn describe(&self, slots: &InputSlots) -> String {
        let path = |slot: &SlotId| match slot.index().checked_sub(slots.len()) {
            Some(argument) => format!("r{argument}"),
            None => slots.path(*slot),
        };
        let mut parts: Vec<String> = Vec::new();
        let equal = self.equal.iter().map(|table| {
            let slots: Vec<String> = table.slots.iter().map(path).collect();
            format!("{} of {} values", slots.join(" and "), table.rules.len())
        });
        parts.extend(equal);
        parts.extend(self.members.iter().map(|table| format!("members of {}", path(&table.slot))));
        parts.extend(self.prefixes.iter().map(|table| format!("prefixes of {}", path(&table.slot))));
        parts.extend(self.networks.iter().map(|table| format!("networks of {}", path(&table.slot))));
        parts.extend(self.ranges.iter().map(|table| format!("ranges of {}", path(&table.slot))));
        parts.extend(self.present.iter().map(|(slot, _)| format!("presence of {}", path(slot))));
        if !self.checked.is_empty() {
            parts.push(format!("{} checked", self.checked.len()));
        }
        if !self.always.is_empty() {
            parts.push(format!("{} always", self.always.len()));
        }
        format!("by {}", parts.join(", "))
    }

    /// The words that decide whether a rule is looked at, for [`EqualTable`].
    #[inline]
    pub(crate) fn key(values: impl Iterator<Item = Word>) -> Key {
        values.fold(0_u64, |key, value| (key.rotate_left(25) ^ value.bits()).wrapping_mul(Heap::TABLE_MULTIPLIER))
    }
}

/// Adds rules to a list, most often one or none, which is less than a copy takes to begin.
#[inline]
fn add(candidates: &mut Vec<u32>, rules: &[u32]) {
    match rules {
        [] => {}
        [rule] => candidates.push(*rule),
        _ => candidates.extend_from_slice(rules),
    }
}

/// Puts the end of a list in ascending order, without repeats.
#[inline(never)]
fn put_in_order(candidates: &mut Vec<u32>, start: usize) {
    let found = &mut candidates[start..];
    if found.is_sorted_by(|left, right| left < right) {
        return;
    }
    found.sort_unstable();
    let mut kept = start;
    for next in start..candidates.len() {
        if kept == start || candidates[kept - 1] != candidates[next] {
            candidates[kept] = candidates[next];
            kept += 1;
        }
    }
    candidates.truncate(kept);
}

/// Whether it is a value whose equals are the same word.
pub(crate) fn is_keyed(word: Word) -> bool {
    word.is_canonical() && !word.is_absent()
}

/// What one condition asks of a path, as far as an index can use it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    /// One of these values, which stand in the order of their bits.
    OneOf(SlotId, Vec<Word>),
    /// Any value but this one.
    Other(SlotId, Word),
    /// A collection with this value in it.
    Has(SlotId, Word),
    /// Text that begins so.
    Prefix(SlotId, Box<str>),
    /// Text of an address in this network.
    Within(SlotId, IpNet),
    /// A value that compares so with an integer.
    Bound(SlotId, CompareOperator, i64),
    /// Anything but false.
    Holds(SlotId),
    /// Any value.
    Present(SlotId),
    /// That something is not so, be it that a path is absent.
    Not(Box<Ask>),
}

impl Ask {
    fn each_value(&self, look: &mut impl FnMut(SlotId)) {
        match self {
            Self::OneOf(slot, _)
            | Self::Other(slot, _)
            | Self::Has(slot, _)
            | Self::Prefix(slot, _)
            | Self::Within(slot, _)
            | Self::Bound(slot, ..) => look(*slot),
            Self::Holds(_) | Self::Present(_) => {}
            Self::Not(ask) => ask.each_value(look),
        }
    }

    /// Whether it may be so; `at` says what stands in a slot.
    #[inline]
    fn may_hold(&self, at: &impl Fn(SlotId) -> Word, heap: &Heap) -> bool {
        match self {
            Self::Not(ask) => ask.holds(at, heap) != Some(true),
            Self::OneOf(..)
            | Self::Other(..)
            | Self::Has(..)
            | Self::Prefix(..)
            | Self::Within(..)
            | Self::Bound(..)
            | Self::Holds(_)
            | Self::Present(_) => self.holds(at, heap) != Some(false),
        }
    }

    /// Whether it is so; `None` where an index does not know.
    #[inline]
    fn holds(&self, at: &impl Fn(SlotId) -> Word, heap: &Heap) -> Option<bool> {
        match self {
            Self::OneOf(slot, values) => {
                let value = at(*slot).bits();
                Some(values.binary_search_by_key(&value, |word| word.bits()).is_ok())
            }
            Self::Other(slot, value) => Some(!at(*slot).is_absent() && at(*slot) != *value),
            Self::Holds(slot) => Some(at(*slot).holds()),
            Self::Present(slot) => Some(!at(*slot).is_absent()),
            Self::Bound(slot, operator, bound) => {
                let value = at(*slot).small_int()?;
                Some(match operator {
                    CompareOperator::Less => value < *bound,
                    CompareOperator::LessEqual => value <= *bound,
                    CompareOperator::Greater => value > *bound,
                    CompareOperator::GreaterEqual => value >= *bound,
                    CompareOperator::Equal | CompareOperator::NotEqual => return None,
                })
            }
            Self::Prefix(slot, prefix) => Some(heap.as_str(at(*slot))?.starts_with(&**prefix)),
            Self::Within(slot, network) => {
                let address = heap.as_str(at(*slot))?.parse::<IpAddr>().ok()?;
                Some(network.contains(&address.to_canonical()))
            }
            Self::Has(slot, value) => elements(heap, at(*slot)).map(|items| items.contains(value)),
            Self::Not(ask) => ask.holds(at, heap).map(|holds| !holds),
        }
    }
}
