//! A value of a type, as a document would hold it: times and durations as text, sets as arrays.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_lang::types::{Demand, Measure, Record, Refined, Type, validate};
use hpol_lang::value::{Number, Value};
use jiff::Timestamp;

use super::{Choices, Constants, pattern};

/// Below this level collections are empty and optional fields absent.
const DEPTH_MAX: usize = 12;
/// Elements of a collection.
const ELEMENTS_MAX: usize = 6;
/// Strings that a value remembers, to use them again.
const STRINGS_MAX: usize = 32;

const SIMPLE: [&str; 4] = ["a", "b", "c", ""];
const ADDRESSES: [&str; 5] = ["10.0.0.1", "192.0.2.1", "127.0.0.1", "2001:db8::1", "::1"];
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32"];
const DURATIONS: [&str; 6] = ["1s", "0s", "1m", "15m", "1h", "24h"];
/// A text for each form that schemas name.
const FORMATTED: [&str; 13] = [
    "2025-01-01T00:00:00Z",
    "2025-01-01",
    "12:00:00Z",
    "P1D",
    "a@example.com",
    "example.com",
    "192.0.2.1",
    "2001:db8::1",
    "https://example.com/a",
    "/a/b",
    "a",
    "00000000-0000-4000-8000-000000000000",
    "https://example.com/{a}",
];
/// How often a value is drawn that keeps to the demands of a schema.
const REFINED_TRIES: usize = 8;
/// How long a text or a list is made because a schema demands it.
const TEXT_MAX: usize = 256;
/// Characters that texts trip over.
const CHARACTERS: [char; 16] = ['a', 'b', 'z', 'A', '0', '9', '-', '_', '.', '/', ' ', '\'', '%', '\n', 'é', '漢'];
const NANOSECONDS: i64 = 1_000_000_000;

/// Draws a value; `now` is what times lie around.
pub(crate) fn draw(ty: &Type, constants: &Constants, now: i64, choices: &mut Choices) -> Value {
    Drawer { constants, now, choices, strings: Vec::new() }.value(ty, "", 0)
}

struct Drawer<'d> {
    constants: &'d Constants,
    now: i64,
    choices: &'d mut Choices,
    /// Strings that were drawn for this value: two fields are rarely equal by accident.
    strings: Vec<Arc<str>>,
}

impl Drawer<'_> {
    /// A value that stands under `field`; that of an element is its collection's.
    fn value(&mut self, ty: &Type, field: &str, depth: usize) -> Value {
        match ty {
            Type::Any | Type::Variable(_) | Type::Never => self.any(field, depth),
            Type::Null => Value::Null,
            Type::Bool => Value::Bool(self.choices.below(2) == 1),
            Type::Int => Value::Number(self.number(field, false)),
            Type::Decimal => Value::Number(self.number(field, true)),
            Type::String => Value::String(self.string(field)),
            Type::Literal(value) => value.clone(),
            Type::Array(items) | Type::Set(items) => Value::array(self.items(items, field, depth)),
            Type::Tuple(items) => {
                Value::array(items.iter().map(|item| self.value(item, field, depth + 1)).collect::<Vec<_>>())
            }
            Type::Map(_, member) => self.map(member, field, depth),
            Type::Record(record) => self.record(record, field, depth),
            Type::Union(members) => match self.choices.one_of(members) {
                Some(member) => self.value(member, field, depth),
                None => Value::Null,
            },
            Type::Time => self.time(field),
            Type::Duration => self.duration(field),
            Type::Ip => self.text_of(ty, field, &ADDRESSES),
            Type::Cidr => self.text_of(ty, field, &NETWORKS),
            Type::Regex => self.text_of(ty, field, &["a", ".*"]),
            Type::Glob => self.text_of(ty, field, &["a", "*"]),
            Type::Refined(refined) => self.refined(ty, refined, field, depth),
            Type::Recursive(..) if depth < DEPTH_MAX => self.value(&ty.unfolded(), field, depth + 1),
            Type::Recursive(..) | Type::Defined(_) => Value::Null,
        }
    }

    /// Elements, each behind a choice to go on: taking such a choice and what follows it away takes an element away. The
    /// choice is made behind the last one that there may be, too, so that this holds for a full collection.
    fn items(&mut self, items: &Type, field: &str, depth: usize) -> Vec<Value> {
        let mut all = Vec::new();
        while depth < DEPTH_MAX && self.choices.below(3) > 0 && all.len() < ELEMENTS_MAX {
            all.push(self.value(items, field, depth + 1));
        }
        all
    }

    /// Keys that the policy looks for, and a few others.
    fn map(&mut self, member: &Type, field: &str, depth: usize) -> Value {
        let mut entries = BTreeMap::new();
        let constants = self.constants;
        for key in constants.keys(field) {
            if depth < DEPTH_MAX && self.choices.below(3) > 0 {
                entries.insert(Value::from(key.clone()), self.value(member, key, depth + 1));
            }
        }
        while depth < DEPTH_MAX && self.choices.below(4) > 2 && entries.len() < ELEMENTS_MAX {
            let key = self.string(field);
            let value = self.value(member, &key, depth + 1);
            entries.insert(Value::from(key), value);
        }
        Value::Object(Arc::new(entries))
    }

    fn record(&mut self, record: &Record, field: &str, depth: usize) -> Value {
        let mut entries = BTreeMap::new();
        for (name, field) in &record.fields {
            if !field.optional || (depth < DEPTH_MAX && self.choices.below(3) > 0) {
                entries.insert(Value::from(name.clone()), self.value(&field.ty, name, depth + 1));
            }
        }
        let constants = self.constants;
        for key in constants.keys(field).iter().filter(|key| !record.fields.contains_key(*key)) {
            let rest = record.rest.as_deref();
            let pattern = rest.and_then(|rest| rest.patterns.iter().find(|(pattern, _)| pattern.is_match(key)));
            let ty = pattern.map(|(_, ty)| ty).or_else(|| rest.and_then(|rest| rest.others.as_ref()));
            let ty = ty.or(record.open.then_some(&Type::Any));
            if let Some(ty) = ty
                && depth < DEPTH_MAX
                && self.choices.below(3) > 0
            {
                entries.insert(Value::from(key.clone()), self.value(ty, key, depth + 1));
            }
        }
        Value::Object(Arc::new(entries))
    }

    /// A value of the type below that keeps to the demands, if one is found soon.
    fn refined(&mut self, ty: &Type, refined: &Refined, field: &str, depth: usize) -> Value {
        let mut value = Value::Null;
        for _ in 0..REFINED_TRIES {
            value = self.value(&refined.base, field, depth);
            for demand in &refined.demands {
                value = self.demanded(demand, value, &refined.base, field, depth);
            }
            if validate(&value, ty).is_ok() {
                break;
            }
        }
        value
    }

    /// The value, or one that is more likely to keep to the demand.
    fn demanded(&mut self, demand: &Demand, value: Value, base: &Type, field: &str, depth: usize) -> Value {
        match (demand, value) {
            (Demand::AtLeast(bound, inclusive), Value::Number(number)) if number < *bound || !inclusive => {
                let up = i64::try_from(self.choices.below(4)).unwrap_or(0) + i64::from(!inclusive);
                bound.add(&Number::from(up)).map_or(Value::Number(number), Value::Number)
            }
            (Demand::AtMost(bound, inclusive), Value::Number(number)) if number > *bound || !inclusive => {
                let down = i64::try_from(self.choices.below(4)).unwrap_or(0) + i64::from(!inclusive);
                bound.subtract(&Number::from(down)).map_or(Value::Number(number), Value::Number)
            }
            (Demand::MultipleOf(step), Value::Number(number)) => {
                let times = Number::from(i64::try_from(self.choices.below(10)).unwrap_or(0));
                step.multiply(&times).map_or(Value::Number(number), Value::Number)
            }
            (Demand::Size(Measure::Characters, least, most), Value::String(text)) => {
                let padding = std::iter::repeat_n('a', (*least).min(TEXT_MAX));
                let padded = text.chars().chain(padding.skip(text.chars().count()));
                Value::from(padded.take(most.unwrap_or(usize::MAX)).collect::<String>())
            }
            (Demand::Size(Measure::Items, least, _), Value::Array(items)) => {
                let mut items = items.to_vec();
                while let Type::Array(item) = base
                    && items.len() < (*least).min(TEXT_MAX)
                {
                    items.push(self.value(item, field, depth + 1));
                }
                Value::array(items)
            }
            (Demand::Matches(pattern), Value::String(text)) if !pattern.is_match(&text) => {
                pattern::matching(pattern.source(), self.choices).map_or(Value::String(text), Value::from)
            }
            (Demand::Format(_), Value::String(text)) => {
                let alone = Type::Refined(Arc::new(Refined { base: Type::String, demands: vec![demand.clone()] }));
                let fits = |text: &str| validate(&Value::from(text), &alone).is_ok();
                if fits(&text) {
                    return Value::String(text);
                }
                let fitting: Vec<&str> = FORMATTED.into_iter().filter(|text| fits(text)).collect();
                self.choices.one_of(&fitting).map_or(Value::String(text), |text| Value::from(*text))
            }
            (Demand::Also(ty), value) if validate(&value, ty).is_err() => self.value(ty, field, depth + 1),
            (_, value) => value,
        }
    }

    fn any(&mut self, field: &str, depth: usize) -> Value {
        let constants = self.constants;
        let keys = constants.keys(field);
        if !keys.is_empty() && self.choices.below(4) > 0 {
            return self.map(&Type::Any, field, depth + 1);
        }
        let known = constants.of(field);
        if !known.is_empty()
            && self.choices.below(4) > 0
            && let Some(value) = self.choices.one_of(known)
        {
            return value.clone();
        }
        match self.choices.below(if depth < DEPTH_MAX { 7 } else { 5 }) {
            0 => Value::Null,
            1 => Value::Bool(self.choices.below(2) == 1),
            2 => Value::Number(self.number(field, false)),
            3 => Value::Number(self.number(field, true)),
            4 => Value::String(self.string(field)),
            5 => Value::array(self.items(&Type::Any, field, depth + 2)),
            _ => self.map(&Type::Any, field, depth + 2),
        }
    }

    fn string(&mut self, field: &str) -> Arc<str> {
        let constants = self.constants;
        let (own, all) = (constants.strings_of(field), constants.strings());
        let pick = |choices: &mut Choices, texts: &[Arc<str>]| choices.one_of(texts).cloned();
        let chosen = match self.choices.below(10) {
            0 => None,
            1..=4 => pick(self.choices, own).or_else(|| pick(self.choices, all)),
            5 => pick(self.choices, all),
            6 | 7 => self.choices.one_of(&self.strings).cloned(),
            8 => {
                let near = pick(self.choices, if own.is_empty() { all } else { own });
                near.map(|text| self.near(&text))
            }
            _ => Some(self.text()),
        };
        let chosen = chosen.unwrap_or_else(|| self.choices.one_of(&SIMPLE).copied().unwrap_or_default().into());
        if self.strings.len() < STRINGS_MAX && !self.strings.contains(&chosen) {
            self.strings.push(chosen.clone());
        }
        chosen
    }

    /// A text that a careless comparison takes for this one.
    fn near(&mut self, text: &str) -> Arc<str> {
        match self.choices.below(5) {
            0 => format!("{text}{}", self.text()),
            1 => format!("{}{text}", self.text()),
            2 => text.to_uppercase(),
            3 => text.chars().rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
            _ => format!("{text} "),
        }
        .into()
    }

    fn text(&mut self) -> Arc<str> {
        let mut text = String::new();
        while text.len() < 12 && self.choices.below(5) > 0 {
            text.extend(self.choices.one_of(&CHARACTERS));
        }
        text.into()
    }

    fn number(&mut self, field: &str, decimal: bool) -> Number {
        let constants = self.constants;
        let known = constants.numbers_of(field);
        let small = |choices: &mut Choices| i64::try_from(choices.below(4)).unwrap_or(0);
        match self.choices.below(8) {
            1..=4 => match self.choices.one_of(if known.is_empty() { constants.numbers() } else { known }) {
                Some(number) => self.beside(number, decimal),
                None => Number::from(small(self.choices)),
            },
            5 => Number::from(i64::try_from(self.choices.below(200)).unwrap_or(0) - 20),
            6 => Number::from([-1, i64::MAX, i64::MIN, 1 << 31, 1 << 53][self.choices.below(5)]),
            7 => Number::from(i64::try_from(self.choices.below(1_000_000)).unwrap_or(0)),
            _ => Number::from(small(self.choices)),
        }
    }

    /// A number, or one just below or above it.
    fn beside(&mut self, number: &Number, decimal: bool) -> Number {
        let hundredth = || Number::from(1).divide(&Number::from(100)).ok();
        let step = match self.choices.below(if decimal { 5 } else { 3 }) {
            1 => Some(Number::from(1)),
            2 => Some(Number::from(-1)),
            3 => hundredth(),
            4 => hundredth().map(|step| step.negate()),
            _ => None,
        };
        let moved = step.and_then(|step| number.add(&step).ok()).unwrap_or_else(|| number.clone());
        if decimal || moved.as_i64().is_some() { moved } else { Number::from(0) }
    }

    fn time(&mut self, field: &str) -> Value {
        const AWAY: [i64; 10] = [0, -1, 1, -60, 60, -3_600, 3_600, -86_400, 86_400, -31_536_000];
        let constants = self.constants.numbers_of(field).iter().filter_map(Number::as_i64);
        // Other numbers, such as a year, are compared with a part of the time.
        let known: Vec<i64> = constants.filter(|time| *time > NANOSECONDS * NANOSECONDS / 1_000).collect();
        let nanoseconds = match self.choices.one_of(&known).copied() {
            Some(time) if self.choices.below(2) == 1 => {
                time.saturating_add([0, 1, -1][self.choices.below(3)] * NANOSECONDS)
            }
            _ => self.now.saturating_add(AWAY[self.choices.below(AWAY.len())] * NANOSECONDS),
        };
        match Timestamp::from_nanosecond(i128::from(nanoseconds)) {
            Ok(time) => Value::from(time.to_string()),
            Err(_) => Value::from(nanoseconds),
        }
    }

    fn duration(&mut self, field: &str) -> Value {
        let known = self.constants.numbers_of(field);
        if let Some(known) = self.choices.one_of(known).and_then(Number::as_i64)
            && self.choices.below(2) == 1
        {
            let nanoseconds = known.saturating_add([0, 1, -1][self.choices.below(3)] * NANOSECONDS);
            let seconds = nanoseconds / NANOSECONDS;
            let whole = nanoseconds >= 0 && nanoseconds % NANOSECONDS == 0;
            return if whole { Value::from(format!("{seconds}s")) } else { Value::from(nanoseconds) };
        }
        Value::from(self.choices.one_of(&DURATIONS).copied().unwrap_or("1s"))
    }

    /// Text of a type that not every text fits. Of a network its first address is an address, too.
    fn text_of(&mut self, ty: &Type, field: &str, usual: &[&str]) -> Value {
        let constants = self.constants;
        let own = constants.strings_of(field).iter().chain(constants.strings());
        let texts = own.flat_map(|text| [&**text, text.split('/').next().unwrap_or_default()]);
        let mut fitting: Vec<Value> = usual.iter().copied().map(Value::from).collect();
        for text in texts.map(Value::from) {
            if fitting.len() < STRINGS_MAX && validate(&text, ty).is_ok() && !fitting.contains(&text) {
                fitting.push(text);
            }
        }
        self.choices.one_of(&fitting).cloned().unwrap_or(Value::Null)
    }
}
