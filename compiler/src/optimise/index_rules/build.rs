//! Puts rules into the tables of an index by what they ask.

use std::collections::BTreeMap;

use hpol_stdlib::heap::Word;
use rustc_hash::FxHashMap;

use crate::index::{
    Absence, Ask, EqualTable, KEY_SLOTS, Key, MemberTable, Need, NetworkLength, NetworkTable, PrefixTable, RangeTable,
    RuleIndex, RulesByNetwork, RulesByText,
};
use crate::plan::{CompareOperator, SlotId};

use super::read::Asked;

/// Most keys that several conditions of one rule have together in a table.
const KEYS_MAX: usize = 64;

/// Most keys that the rules of one index have in tables, so that rules with long lists do not take memory without end: so many, and
/// some for each rule.
const INDEX_KEYS_MAX: usize = 1 << 18;

/// The table of networks of a path, while it is made.
#[derive(Default)]
struct Networks {
    lengths: BTreeMap<NetworkLength, RulesByNetwork>,
    all: Vec<u32>,
}

/// Puts rules into tables.
#[derive(Default)]
pub(super) struct Builder {
    index: RuleIndex,
    needs: Vec<(SlotId, Need, Vec<u32>)>,
    told: BTreeMap<SlotId, Vec<u32>>,
    present: BTreeMap<SlotId, Vec<u32>>,
    equal: BTreeMap<Vec<SlotId>, FxHashMap<Key, Vec<u32>>>,
    members: BTreeMap<SlotId, FxHashMap<u64, Vec<u32>>>,
    prefixes: BTreeMap<SlotId, BTreeMap<usize, RulesByText>>,
    ranges: BTreeMap<SlotId, RangeTable>,
    networks: BTreeMap<SlotId, Networks>,
    indexed: bool,
    /// How many more keys the tables may have.
    keys_left: usize,
}

impl Builder {
    pub(super) fn of(rules: usize) -> Self {
        Self { keys_left: INDEX_KEYS_MAX + rules * KEYS_MAX, ..Self::default() }
    }

    pub(super) fn rule(&mut self, rule: u32, asked: Asked, absence: Absence) {
        let Asked { needs, mut asks } = asked;
        if absence != Absence::Counts {
            let present = needs.iter().filter(|(_, need)| *need == Need::Present).map(|(slot, _)| Ask::Present(*slot));
            let unsaid: Vec<Ask> = present.filter(|ask| !asks.iter().any(|other| says(other, ask))).collect();
            asks.extend(unsaid);
        }
        if asks.is_empty() {
            self.index.always.push(rule);
            return;
        }
        if !self.equalities(rule, &asks) && !self.other(rule, &asks) {
            self.index.checked.push((rule, asks));
        }
        self.indexed = true;
        for (slot, need) in needs {
            match absence {
                Absence::Told if need == Need::Present => {
                    self.told.entry(slot).or_default().push(rule);
                    continue;
                }
                Absence::Counts | Absence::Told => {}
            }
            match self.needs.iter_mut().find(|known| (known.0, known.1) == (slot, need)) {
                Some(known) => known.2.push(rule),
                None => self.needs.push((slot, need, vec![rule])),
            }
        }
    }

    /// Puts a rule under all values of the paths that it compares; false if it compares none, or too many.
    fn equalities(&mut self, rule: u32, asks: &[Ask]) -> bool {
        let mut parts: Vec<(SlotId, &[Word])> = Vec::new();
        let mut count = 1_usize;
        for ask in asks {
            if let Ask::OneOf(slot, values) = ask
                && !parts.iter().any(|part| part.0 == *slot)
                && parts.len() < KEY_SLOTS
                && count * values.len() <= KEYS_MAX.max(if parts.is_empty() { values.len() } else { 0 })
            {
                count *= values.len();
                parts.push((*slot, values));
            }
        }
        if parts.is_empty() || count > self.keys_left {
            return false;
        }
        self.keys_left -= count;
        parts.sort_by_key(|part| part.0);
        let slots = parts.iter().map(|part| part.0).collect();
        let table = self.equal.entry(slots).or_default();
        let mut keys: Vec<Vec<Word>> = vec![Vec::new()];
        for (_, values) in &parts {
            let longer =
                keys.iter().flat_map(|key| values.iter().map(move |value| [key.as_slice(), &[*value]].concat()));
            keys = longer.collect();
        }
        for key in keys {
            push(table.entry(RuleIndex::key(key.iter().copied())).or_default(), rule);
        }
        true
    }

    fn other(&mut self, rule: u32, asks: &[Ask]) -> bool {
        for ask in asks {
            match ask {
                Ask::OneOf(..) | Ask::Other(..) | Ask::Holds(_) | Ask::Present(_) | Ask::Not(_) => continue,
                Ask::Has(slot, value) => {
                    push(self.members.entry(*slot).or_default().entry(value.bits()).or_default(), rule);
                }
                Ask::Prefix(slot, prefix) => {
                    let lengths = self.prefixes.entry(*slot).or_default();
                    push(lengths.entry(prefix.len()).or_default().entry(prefix.clone()).or_default(), rule);
                }
                Ask::Within(slot, network) => {
                    let Networks { lengths, all } = self.networks.entry(*slot).or_default();
                    let length = (network.network().is_ipv4(), network.prefix_len());
                    push(lengths.entry(length).or_default().entry(network.network()).or_default(), rule);
                    push(all, rule);
                }
                Ask::Bound(slot, operator, bound) => {
                    let empty = || RangeTable { slot: *slot, above: Vec::new(), below: Vec::new() };
                    let table = self.ranges.entry(*slot).or_insert_with(empty);
                    if let CompareOperator::Greater | CompareOperator::GreaterEqual = operator {
                        // A value that is more than a bound is at least the bound; the rule knows the rest.
                        table.above.push((*bound, rule));
                    } else {
                        table.below.push((*bound, rule));
                    }
                }
            }
            return true;
        }
        if let [Ask::Present(slot), rest @ ..] = asks
            && rest.iter().all(|ask| matches!(ask, Ask::Present(_)))
        {
            self.present.entry(*slot).or_default().push(rule);
            return true;
        }
        false
    }

    pub(super) fn finish(self) -> Option<RuleIndex> {
        if !self.indexed {
            return None;
        }
        let empty = [
            self.index.checked.is_empty(),
            self.present.is_empty(),
            self.members.is_empty(),
            self.prefixes.is_empty(),
            self.ranges.is_empty(),
            self.networks.is_empty(),
        ];
        let equal = self.equal.into_iter().map(|(slots, rules)| EqualTable { slots, rules });
        let members = self.members.into_iter().map(|(slot, rules)| MemberTable { slot, rules });
        let prefixes = self.prefixes.into_iter();
        let prefixes = prefixes.map(|(slot, lengths)| PrefixTable { slot, lengths: lengths.into_iter().collect() });
        let ranges = self.ranges.into_values().map(|mut table| {
            table.above.sort_unstable();
            table.below.sort_unstable();
            table
        });
        let networks = self.networks.into_iter();
        let networks = networks.map(|(slot, Networks { lengths, all })| NetworkTable {
            slot,
            lengths: lengths.into_iter().collect(),
            all,
        });
        Some(RuleIndex {
            always: self.index.always,
            checked: self.index.checked,
            needs: self.needs,
            told: self.told.into_iter().collect(),
            present: self.present.into_iter().collect(),
            equal: equal.collect(),
            members: members.collect(),
            prefixes: prefixes.collect(),
            ranges: ranges.collect(),
            networks: networks.collect(),
            others: empty.contains(&false),
        })
    }
}

/// Whether an ask can't be met where a path is absent that another one wants.
fn says(ask: &Ask, other: &Ask) -> bool {
    let Ask::Present(path) = other else { return false };
    match ask {
        Ask::OneOf(slot, _)
        | Ask::Other(slot, _)
        | Ask::Has(slot, _)
        | Ask::Prefix(slot, _)
        | Ask::Within(slot, _)
        | Ask::Holds(slot)
        | Ask::Present(slot) => slot == path,
        // What is absent may compare in any way, as far as the index knows.
        Ask::Bound(..) | Ask::Not(_) => false,
    }
}

fn push(rules: &mut Vec<u32>, rule: u32) {
    if rules.last() != Some(&rule) {
        rules.push(rule);
    }
}
