//! Whether a value has a type, and the value as policies see it: texts of times and durations become nanoseconds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::text::{parse_duration, parse_time, text_fits};
use super::{Definitions, Demand, Record, Refined, Type};
use crate::value::Value;

/// How many mismatches are collected before the rest is left unread.
const MISMATCHES_MAX: usize = 32;
/// How deep a value is followed.
const DEPTH_MAX: usize = 256;
/// How many pairs of a value and a type are looked at to choose: choices within recursive types could multiply without end.
const TRIALS_MAX: usize = 2_000_000;

/// A place where a value does not have the type it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The place, such as `.messages[0].role`; empty for the whole value.
    pub path: String,
    /// The same place, in parts.
    pub steps: Vec<PathStep>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// A step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// A field of an object.
    Name(Arc<str>),
    /// An item of an array.
    Index(usize),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "the value" } else { self.path.trim_start_matches('.') };
        write!(f, "`{place}` must be {} but is {}", self.expected, self.found)
    }
}

/// Checks a value against a type and returns it as policies see it: RFC 3339 text where a `time` is wanted and text such as
/// `15m` where a `duration` is wanted become nanoseconds, and an array where a `set` is wanted becomes a set. A value whose
/// type wants none of this is returned as it is, without a copy.
///
/// # Errors
///
/// Every place that does not fit, up to a limit. A field that a closed record does not have is one of them.
pub fn validate(value: &Value, ty: &Type) -> Result<Value, Vec<Mismatch>> {
    let mut validator = Validator::new();
    let result = validator.value(value, ty, 0);
    match result {
        Some(value) if validator.mismatches.is_empty() => Ok(value),
        _ => Err(validator.mismatches),
    }
}

/// How far the check of a value has come when [`validate_part`] is asked about a part of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// How deep the part stands, at least: in the value, and in types around types.
    pub depth: usize,
    /// How many pairs of a value and a type were looked at to choose, at most.
    pub trials: usize,
}

impl Progress {
    /// Whether a check that has come so far goes on; [`validate`] may still do so, because it counts what it does.
    pub fn goes_on(&self) -> bool {
        self.depth <= DEPTH_MAX && self.trials <= TRIALS_MAX
    }
}

/// What [`validate_part`] found.
#[derive(Debug, Clone)]
pub enum Part {
    /// The part has the type; this is what policies see of it.
    Fits(Value),
    /// It does not have the type.
    Differs,
    /// A limit was passed: only the check of the whole value can tell.
    Unknown,
}

/// Checks a part of a value as [`validate`] does when it comes to it: for readers that check the rest on their own.
pub fn validate_part(value: &Value, ty: &Type, progress: &mut Progress) -> Part {
    let mut validator = Validator::new();
    validator.limit = 1;
    validator.trial = true;
    validator.trials = progress.trials;
    let result = validator.value(value, ty, progress.depth);
    progress.trials = validator.trials;
    match result {
        _ if validator.limited => Part::Unknown,
        Some(value) if validator.mismatches.is_empty() => Part::Fits(value),
        _ => Part::Differs,
    }
}

enum Place<'v> {
    Name(&'v str),
    Index(usize),
}

struct Validator<'v> {
    path: Vec<Place<'v>>,
    mismatches: Vec<Mismatch>,
    /// How many of them are collected.
    limit: usize,
    /// What the numbers of definitions in the type stand for.
    definitions: Option<Arc<Definitions>>,
    /// Whether only the outcome counts, not what is wrong.
    trial: bool,
    trials: usize,
    /// Whether depth or trials came to their limit.
    limited: bool,
}

impl<'v> Validator<'v> {
    fn new() -> Self {
        Self {
            path: Vec::new(),
            mismatches: Vec::new(),
            limit: MISMATCHES_MAX,
            definitions: None,
            trial: false,
            trials: 0,
            limited: false,
        }
    }

    fn refuse(&mut self, expected: impl fmt::Display, found: impl fmt::Display) -> Option<Value> {
        if self.trial {
            let nothing =
                Mismatch { path: String::new(), steps: Vec::new(), expected: String::new(), found: String::new() };
            self.mismatches.push(nothing);
        } else if self.mismatches.len() < self.limit {
            let mut path = String::new();
            let mut steps = Vec::new();
            for place in &self.path {
                match place {
                    Place::Name(name) => {
                        path.push_str(&format!(".{name}"));
                        steps.push(PathStep::Name((*name).into()));
                    }
                    Place::Index(index) => {
                        path.push_str(&format!("[{index}]"));
                        steps.push(PathStep::Index(*index));
                    }
                }
            }
            self.mismatches.push(Mismatch { path, steps, expected: expected.to_string(), found: found.to_string() });
        }
        None
    }

    fn mismatch(&mut self, value: &Value, ty: &Type) -> Option<Value> {
        if self.trial {
            return self.refuse("", "");
        }
        self.refuse(format_args!("`{ty}`"), shown(value))
    }

    fn value(&mut self, value: &'v Value, ty: &Type, depth: usize) -> Option<Value> {
        if self.mismatches.len() >= self.limit {
            return None;
        }
        if depth > DEPTH_MAX {
            self.limited = true;
            return self.refuse(format_args!("at most {DEPTH_MAX} levels deep"), "deeper");
        }
        self.trials += usize::from(self.trial);
        if self.trials > TRIALS_MAX {
            self.limited = true;
            return self.refuse("less work to check", "a value with too many ways to read it");
        }
        match (ty, value) {
            (Type::Any | Type::Variable(_), _) => Some(value.clone()),
            (Type::Refined(refined), _) => self.refined(value, refined, depth),
            (Type::Recursive(definitions, at), _) => {
                let outer = self.definitions.replace(definitions.clone());
                let result = self.defined(value, *at, depth);
                self.definitions = outer;
                result
            }
            (Type::Defined(at), _) => self.defined(value, *at, depth),
            (Type::Union(members), _) => self.union(value, members, ty, depth),
            (Type::Array(items), Value::Array(values)) => {
                self.items(value, values.iter(), std::iter::repeat(&**items), depth).map(|(value, _)| value)
            }
            (Type::Tuple(items), Value::Array(values)) => {
                if items.len() != values.len() {
                    return self
                        .refuse(format_args!("an array of {}", items.len()), format_args!("one of {}", values.len()));
                }
                self.items(value, values.iter(), items.iter(), depth).map(|(value, _)| value)
            }
            // JSON has no sets, so documents write them as arrays.
            (Type::Set(items), Value::Array(values)) => {
                let (value, _) = self.items(value, values.iter(), std::iter::repeat(&**items), depth)?;
                match value {
                    Value::Array(values) => Some(Value::set(values.iter().cloned())),
                    other => Some(other),
                }
            }
            (Type::Set(items), Value::Set(values)) => {
                let (_, values) = self.items(value, values.iter(), std::iter::repeat(&**items), depth)?;
                Some(values.map_or_else(|| value.clone(), Value::set))
            }
            (Type::Map(key, member), Value::Object(entries)) => self.map(value, entries, key, member, depth),
            (Type::Record(record), Value::Object(entries)) => self.record(value, entries, record, depth),
            _ => self.scalar(value, ty),
        }
    }

    /// The value by a definition of the list that is being read.
    fn defined(&mut self, value: &'v Value, at: u32, depth: usize) -> Option<Value> {
        let definitions = self.definitions.clone();
        match definitions.as_ref().and_then(|definitions| definitions.types.get(at as usize)) {
            Some((_, ty)) => self.value(value, ty, depth + 1),
            None => self.mismatch(value, &Type::Never),
        }
    }

    /// The value by its type, if it keeps to the demands too.
    fn refined(&mut self, value: &'v Value, refined: &Refined, depth: usize) -> Option<Value> {
        let before = self.mismatches.len();
        let read = self.value(value, &refined.base, depth + 1);
        if read.is_none() || self.mismatches.len() > before {
            return None;
        }
        let mut read = read?;
        for demand in &refined.demands {
            match (demand, value) {
                (Demand::Items(first, rest), Value::Array(values)) => {
                    let types = first.iter().chain(std::iter::repeat(&**rest));
                    match self.items(value, values.iter(), types, depth) {
                        Some((items, _)) => read = items,
                        None => return None,
                    }
                }
                (Demand::Also(ty), _) => {
                    self.value(value, ty, depth + 1)?;
                }
                (Demand::Choice(condition, then, otherwise), _) => {
                    let branch = if self.is(value, condition, depth) { then } else { otherwise };
                    self.value(value, branch, depth + 1)?;
                }
                _ => {
                    if !self.keeps(value, demand, depth) {
                        return self.refuse(demand, shown(value));
                    }
                }
            }
        }
        Some(read)
    }

    /// Whether a value keeps to a demand, where what is wrong in its parts would say less than the demand itself.
    fn keeps(&mut self, value: &'v Value, demand: &Demand, depth: usize) -> bool {
        if let Some(holds) = demand.holds(value) {
            return holds;
        }
        match (demand, value) {
            (Demand::Contains(ty, least, most), Value::Array(items)) => {
                let mut count = 0;
                for item in items.iter() {
                    count += usize::from(self.is(item, ty, depth));
                }
                count >= *least && most.is_none_or(|most| count <= most)
            }
            (Demand::Names(ty), Value::Object(entries)) => entries.keys().all(|name| self.is(name, ty, depth)),
            (Demand::Not(ty), _) => !self.is(value, ty, depth) && self.trials <= TRIALS_MAX,
            (Demand::ExactlyOne(types), _) => {
                types.iter().filter(|ty| self.is(value, ty, depth)).count() == 1 && self.trials <= TRIALS_MAX
            }
            _ => true,
        }
    }

    /// Whether a value is of a type; nothing is said about it.
    fn is(&mut self, value: &'v Value, ty: &Type, depth: usize) -> bool {
        self.tried(value, ty, depth).is_some()
    }

    /// The value by a type; nothing is said where it is not of it.
    fn tried(&mut self, value: &'v Value, ty: &Type, depth: usize) -> Option<Value> {
        let outer = (std::mem::take(&mut self.mismatches), std::mem::replace(&mut self.limit, 1), self.trial);
        self.trial = true;
        let found = self.value(value, ty, depth + 1).filter(|_| self.mismatches.is_empty());
        (self.mismatches, self.limit, self.trial) = outer;
        found
    }

    /// Values in order; the second result holds them if one of them was changed.
    fn items<'t>(
        &mut self,
        whole: &Value,
        values: impl Iterator<Item = &'v Value>,
        types: impl Iterator<Item = &'t Type>,
        depth: usize,
    ) -> Option<(Value, Option<Vec<Value>>)> {
        let mut all = Vec::new();
        let (mut changed, mut good) = (false, true);
        for (index, (value, ty)) in values.zip(types).enumerate() {
            self.path.push(Place::Index(index));
            match self.value(value, ty, depth + 1) {
                Some(item) => {
                    changed |= !same(&item, value);
                    all.push(item);
                }
                None => good = false,
            }
            self.path.pop();
        }
        if !good {
            return None;
        }
        if changed { Some((Value::array(all.iter().cloned()), Some(all))) } else { Some((whole.clone(), None)) }
    }

    fn map(
        &mut self,
        whole: &Value,
        entries: &'v BTreeMap<Value, Value>,
        key: &Type,
        member: &Type,
        depth: usize,
    ) -> Option<Value> {
        let mut all = BTreeMap::new();
        let (mut changed, mut good) = (false, true);
        for (name, value) in entries {
            self.path.push(Place::Name(name.as_str().unwrap_or("?")));
            let checked = self.value(name, key, depth + 1).is_some();
            match self.value(value, member, depth + 1) {
                Some(item) => {
                    changed |= !same(&item, value);
                    all.insert(name.clone(), item);
                }
                None => good = false,
            }
            good &= checked;
            self.path.pop();
        }
        if !good {
            return None;
        }
        Some(if changed { Value::Object(Arc::new(all)) } else { whole.clone() })
    }

    fn record(
        &mut self,
        whole: &Value,
        entries: &'v BTreeMap<Value, Value>,
        record: &Record,
        depth: usize,
    ) -> Option<Value> {
        let before = self.mismatches.len();
        let mut changes: Vec<(Value, Value)> = Vec::new();
        let mut present = 0;
        for (name, value) in entries {
            let field = name.as_str().and_then(|name| record.fields.get(name));
            let Some(field) = field else {
                self.path.push(Place::Name(name.as_str().unwrap_or("?")));
                match name.as_str().and_then(|name| record.unnamed(name)) {
                    Some(types) => {
                        for ty in types {
                            if let Some(item) = self.value(value, ty, depth + 1)
                                && !same(&item, value)
                            {
                                changes.push((name.clone(), item));
                            }
                        }
                    }
                    None => {
                        self.refuse("absent, because the type has no such field", shown(value));
                    }
                }
                self.path.pop();
                continue;
            };
            present += usize::from(!field.optional);
            self.path.push(Place::Name(name.as_str().unwrap_or("?")));
            if let Some(item) = self.value(value, &field.ty, depth + 1)
                && !same(&item, value)
            {
                changes.push((name.clone(), item));
            }
            self.path.pop();
        }
        let required = record.fields.values().filter(|field| !field.optional).count();
        if present < required {
            for (name, field) in record.fields.iter().filter(|(_, field)| !field.optional) {
                if !entries.contains_key(&Value::String(name.clone())) {
                    let path = format!("{name}");
                    self.refuse_field(&path, &field.ty);
                }
            }
        }
        if self.mismatches.len() > before {
            return None;
        }
        if changes.is_empty() {
            return Some(whole.clone());
        }
        let mut all = entries.clone();
        all.extend(changes);
        Some(Value::Object(Arc::new(all)))
    }

    fn refuse_field(&mut self, name: &str, ty: &Type) {
        let before = self.mismatches.len();
        self.refuse(format_args!("`{ty}`"), "absent");
        if let Some(mismatch) = self.mismatches.get_mut(before) {
            mismatch.path.push_str(&format!(".{name}"));
            mismatch.steps.push(PathStep::Name(name.into()));
        }
    }

    /// The first member that fits. If none does, the mismatches of the member that was meant are more use than a list of all
    /// members: the one whose discriminator the value has, or the only one of its kind.
    fn union(&mut self, value: &'v Value, members: &[Type], ty: &Type, depth: usize) -> Option<Value> {
        for member in members {
            if !excluded(member, value)
                && let Some(found) = self.tried(value, member, depth)
            {
                return Some(found);
            }
        }
        if self.trial {
            return self.mismatch(value, ty);
        }
        let discriminated = |member: &&Type| match (&*member.plain(), value) {
            (Type::Record(record), Value::Object(entries)) => discriminated(record, entries),
            _ => false,
        };
        let of_kind: Vec<&Type> = members.iter().filter(|member| member.plain().has_kind_of(value)).collect();
        let meant = match of_kind.as_slice() {
            [only] if !matches!(only, Type::Literal(_)) => Some(*only),
            several => several.iter().copied().find(discriminated),
        };
        match meant {
            Some(member) => self.value(value, member, depth + 1),
            None => self.mismatch(value, ty),
        }
    }

    fn scalar(&mut self, value: &Value, ty: &Type) -> Option<Value> {
        let good = match (ty, value) {
            (Type::Null, Value::Null)
            | (Type::Bool, Value::Bool(_))
            | (Type::String, Value::String(_))
            | (Type::Decimal, Value::Number(_)) => true,
            (Type::Int, Value::Number(number)) | (Type::Time | Type::Duration, Value::Number(number)) => {
                number.as_i64().is_some()
            }
            (Type::Literal(literal), value) => literal == value,
            (Type::Time, Value::String(text)) => match parse_time(text) {
                Some(time) => return Some(Value::from(time)),
                None => false,
            },
            (Type::Duration, Value::String(text)) => match parse_duration(text) {
                Some(duration) => return Some(Value::from(duration)),
                None => false,
            },
            (Type::Ip | Type::Cidr | Type::Regex | Type::Glob, Value::String(text)) => text_fits(text, ty).is_ok(),
            _ => false,
        };
        if good { Some(value.clone()) } else { self.mismatch(value, ty) }
    }
}

/// Whether a value is certainly not of a type, by what a record's fields with only one value say.
fn excluded(ty: &Type, value: &Value) -> bool {
    let (Type::Record(record), Value::Object(entries)) = (ty, value) else { return false };
    record.fields.iter().any(|(name, field)| match &field.ty {
        Type::Literal(literal) => match entries.get(&Value::String(name.clone())) {
            Some(value) => value != literal,
            None => !field.optional,
        },
        _ => false,
    })
}

/// Whether the value has the record's own values in all of the fields that allow only one.
fn discriminated(record: &Record, entries: &BTreeMap<Value, Value>) -> bool {
    record.fields.iter().any(|(_, field)| matches!(field.ty, Type::Literal(_)))
        && record.fields.iter().all(|(name, field)| match &field.ty {
            Type::Literal(literal) => {
                entries.get(&Value::String(name.clone())).map_or(field.optional, |value| value == literal)
            }
            _ => true,
        })
}

/// Whether two values are the same without walking through them: a value that was not changed shares its data.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => Arc::ptr_eq(left, right),
        (Value::Object(left), Value::Object(right)) => Arc::ptr_eq(left, right),
        (Value::Set(left), Value::Set(right)) => Arc::ptr_eq(left, right),
        (Value::Array(_) | Value::Object(_) | Value::Set(_), _)
        | (_, Value::Array(_) | Value::Object(_) | Value::Set(_)) => false,
        (left, right) => left == right,
    }
}

/// What is there, without the content of texts: an input may hold secrets, and this goes into logs.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(entries) => format!("an object with {} fields", entries.len()),
        Value::Set(items) => format!("a set of {}", items.len()),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
    }
}
