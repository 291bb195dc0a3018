//! Types, projections and texts made by choices: what the readers of inputs are held to the reference on.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpol_lang::types::{Definitions, Demand, Field, Measure, Record, Refined, Rest, TextPattern, Type, validate};
use hpol_lang::value::{Exact, JsonLimits, Number, Value, parse_json, parse_json_tree, to_value};
use hpol_stdlib::heap::{Heap, Word};
use hpol_stdlib::read::{Declined, Projection, Reader, Shape};

use crate::choices::Choices;

const NAMES: [&str; 8] = ["a", "b", "kind", "items", "é", "a\"b", "a-long-name-of-a-field", ""];
const TEXTS: [&str; 16] = [
    "x",
    "y",
    "",
    "red",
    "2025-06-15T15:06:40Z",
    "15m",
    "10.0.0.1",
    "10.0.0.0/8",
    "^x+$",
    "a\"b\\c",
    "line\nbreak\u{1}",
    "ab-é",
    "😀",
    "a(",
    "a text of more than a few bytes, to pass over eight at a time",
    "kind",
];
const NUMBERS: [&str; 14] = [
    "0",
    "-0",
    "1",
    "7",
    "-3",
    "1.0",
    "1.50",
    "-2.25",
    "1e3",
    "9223372036854775807",
    "9223372036854775808",
    "2305843009213693952",
    "123456789012345678901234567890",
    "0.30000000000000000000000004",
];
/// Texts that are no JSON, or only nearly.
const NOISE: [&str; 14] =
    ["", "}", "]", ",", "\"", "\\u00", "\u{1}", "01", "1e9999", "null", "{\"a\":1,\"a\":2}", " ", "-", "\\ud800"];

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the reference takes it.
    pub right: bool,
    /// Whether the reader of JSON text does.
    pub json: bool,
    /// Whether the reader of values does.
    pub value: bool,
    /// Whether the reader of Rust values does.
    pub typed: bool,
}

/// Reads a chosen text by a chosen type and projection: what a reader takes, the reference must take too, with the same values
/// in the slots. Panics on a finding.
pub fn try_chosen(choices: &mut Choices<'_>) -> Outcome {
    let ty = type_of(choices, 3);
    let mut slots = 0;
    let projection = projection_of(&ty, choices, &mut slots, 4);
    let shape = Shape::new(&ty, &projection);
    let (mut reader, mut outcome) =
        (Reader::default(), Outcome { right: false, json: false, value: false, typed: false });
    // The second time the reader has learned the order of the fields.
    for _ in 0..2 {
        let mut text = String::new();
        write(&ty, choices, &mut text, 5);
        if choices.one_in(3) {
            text = changed(&text, choices);
        }
        outcome = one(&text, &ty, &projection, &shape, &mut reader);
    }
    outcome
}

fn one(text: &str, ty: &Type, projection: &Projection, shape: &Shape, reader: &mut Reader) -> Outcome {
    let (mut heap, mut slots) = (Heap::default(), Vec::new());
    let parsed = parse_json(text, JsonLimits::default());
    let value = parsed.as_ref().ok().and_then(|value| validate(value, ty).ok());
    let told = |found: &str| format!("{found}\ntype: {ty}\n{ty:?}\nprojection: {projection:?}\ntext: {text}");
    let compare = |taken: Result<(), Declined>, right: Option<&Value>, heap: &Heap, slots: &[Word], who: &str| {
        if taken.is_err() {
            return false;
        }
        let Some(right) = right else { panic!("{}", told(&format!("{who} takes what the reference refuses"))) };
        let mut expected = vec![Held::Nothing; projection.slots()];
        expect(right, projection, false, &mut expected);
        let found = slots.iter().zip(&expected).map(|(word, expected)| match expected {
            _ if word.is_absent() => Held::Nothing,
            Held::Something => Held::Something,
            Held::Nothing | Held::Value(_) => Held::Value(heap.to_value(*word)),
        });
        let found: Vec<Held> = found.collect();
        assert_eq!(found, expected, "{}", told(&format!("{who} reads other values")));
        true
    };
    let taken = reader.read_json(text, shape, JsonLimits::default(), &mut heap, &mut slots);
    let json = compare(taken, value.as_ref(), &heap, &slots, "the reader of JSON");
    let mut outcome = Outcome { right: value.is_some(), json, value: false, typed: false };
    if let Ok(parsed) = &parsed {
        let taken = reader.read_value(parsed, shape, &mut heap, &mut slots);
        outcome.value = compare(taken, value.as_ref(), &heap, &slots, "the reader of values");
        let taken = reader.read_typed(&Exact(parsed), shape, &mut heap, &mut slots);
        outcome.typed = compare(taken, value.as_ref(), &heap, &slots, "the reader of Rust values");
        // What serde sees of a value otherwise is not all of it: exact decimals become floats.
        let seen = to_value(parsed).ok().and_then(|seen| validate(&seen, ty).ok());
        let taken = reader.read_typed(parsed, shape, &mut heap, &mut slots);
        compare(taken, seen.as_ref(), &heap, &slots, "the reader of Rust values with floats");
    }
    if let Ok(tree) = parse_json_tree(text, JsonLimits::default()) {
        let taken = reader.read_typed(&Exact(&tree), shape, &mut heap, &mut slots);
        let typed = compare(taken, value.as_ref(), &heap, &slots, "the reader of documents as written");
        assert_eq!(typed, outcome.typed, "{}", told("a document is read otherwise as it was written"));
    }
    outcome
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Some value, whichever.
    Something,
    Value(Value),
}

/// What the slots should hold.
fn expect(value: &Value, projection: &Projection, whole: bool, slots: &mut [Held]) {
    let whole = whole || (projection.slot.is_some() && projection.whole);
    if let Some(slot) = projection.slot {
        slots[slot as usize] = match value {
            value if whole => Held::Value(value.clone()),
            _ if stands(projection) => Held::Value(standing(value)),
            _ if projection.presence => Held::Something,
            value => Held::Value(reduced(value, projection)),
        };
    }
    for (name, inner) in &projection.fields {
        if let Some(member) = value.get(name) {
            expect(member, inner, whole, slots);
        }
    }
}

/// The parts of a value that a projection keeps.
fn reduced(value: &Value, projection: &Projection) -> Value {
    match value {
        _ if projection.whole => value.clone(),
        Value::Object(entries) if !projection.fields.is_empty() => {
            Value::object(entries.iter().filter_map(|(name, member)| {
                let inner = projection.fields.get(name.as_str()?)?;
                Some((name.clone(), part(member, inner)))
            }))
        }
        Value::Array(items) => match &projection.elements {
            Some(elements) => Value::array(items.iter().map(|item| part(item, elements))),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// What stands for a part of a value that is kept.
fn part(value: &Value, projection: &Projection) -> Value {
    if stands(projection) { standing(value) } else { reduced(value, projection) }
}

/// Whether a value is not made, though something stands for it.
fn stands(projection: &Projection) -> bool {
    let named = !projection.fields.is_empty() || projection.elements.is_some();
    projection.presence && !projection.whole && !named
}

fn standing(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) | Value::Set(_) => Value::from(true),
    }
}

fn type_of(choices: &mut Choices<'_>, depth: usize) -> Type {
    let scalar = [
        Type::String,
        Type::Int,
        Type::Bool,
        Type::Decimal,
        Type::Null,
        Type::Time,
        Type::Duration,
        Type::Ip,
        Type::Cidr,
        Type::Regex,
        Type::Glob,
        Type::Any,
    ];
    let literal = |choices: &mut Choices<'_>| match choices.below(4) {
        0 => Type::Literal(number(choices)),
        1 => Type::Literal(Value::from(choices.one_in(2))),
        _ => Type::Literal(Value::from(*choices.one_of(&TEXTS))),
    };
    if depth == 0 {
        return if choices.one_in(4) { literal(choices) } else { choices.one_of(&scalar).clone() };
    }
    match choices.below(14) {
        0 => choices.one_of(&scalar).clone(),
        1 => Type::union((0..3).map(|_| literal(choices))),
        2 => Type::array(type_of(choices, depth - 1)),
        3 => Type::set(type_of(choices, depth - 1)),
        4 => Type::Tuple((0..choices.below(3)).map(|_| type_of(choices, depth - 1)).collect()),
        5 => {
            let name = choices.one_of(&[Type::String, Type::Any, Type::Ip, Type::Literal("a".into())]).clone();
            Type::Map(Arc::new(name), Arc::new(type_of(choices, depth - 1)))
        }
        6 => Type::union((0..2).map(|_| type_of(choices, depth - 1))),
        7 => Type::union([type_of(choices, depth - 1), Type::Null]),
        8 => tagged(choices, depth),
        9 => refined(choices, depth),
        10 => recursive(choices),
        _ => record(choices, depth),
    }
}

fn record(choices: &mut Choices<'_>, depth: usize) -> Type {
    let mut fields: BTreeMap<Arc<str>, Field> = BTreeMap::new();
    for _ in 0..choices.below(6) {
        let name = *choices.one_of(&NAMES);
        fields.insert(name.into(), Field { ty: type_of(choices, depth - 1), optional: choices.one_in(3) });
    }
    let open = choices.one_in(3);
    let rest = choices.one_in(4).then(|| {
        let patterns = match TextPattern::new("^[a-k]") {
            Ok(pattern) if choices.one_in(2) => vec![(pattern, type_of(choices, 0))],
            _ => Vec::new(),
        };
        let others = choices.one_in(2).then(|| type_of(choices, depth - 1));
        Arc::new(Rest { patterns, others, sealed: choices.one_in(2) })
    });
    Type::Record(Arc::new(Record { name: None, fields, open, rest }))
}

/// Records that one field tells apart.
fn tagged(choices: &mut Choices<'_>, depth: usize) -> Type {
    let mut member = |text: &str| {
        let Type::Record(record) = record(choices, depth) else { return Type::Never };
        let mut record = (*record).clone();
        let optional = choices.one_in(6);
        record.fields.insert("kind".into(), Field { ty: Type::Literal(text.into()), optional });
        Type::Record(Arc::new(record))
    };
    Type::union([member("x"), member("y"), member("red")])
}

fn refined(choices: &mut Choices<'_>, depth: usize) -> Type {
    let base = type_of(choices, depth - 1);
    let other = Arc::new(type_of(choices, depth - 1));
    let pattern = TextPattern::new("^[a-z]").expect("it is a pattern");
    let demands = (0..=choices.below(2)).map(|_| match choices.below(11) {
        0 => Demand::AtLeast(Number::from(0), choices.one_in(2)),
        1 => Demand::AtMost(Number::from(7), choices.one_in(2)),
        2 => Demand::MultipleOf(Number::from(3)),
        3 => Demand::Size(Measure::Characters, 1, Some(8)),
        4 => Demand::Size(Measure::Items, 1, None),
        5 => Demand::Size(Measure::Fields, 1, Some(2)),
        6 => Demand::Matches(pattern.clone()),
        7 => Demand::Distinct,
        8 => Demand::Not(other.clone()),
        9 => Demand::Also(other.clone()),
        _ => Demand::ExactlyOne([(*other).clone(), Type::String].into()),
    });
    Type::Refined(Arc::new(Refined { base, demands: demands.collect() }))
}

/// A tree of records.
fn recursive(choices: &mut Choices<'_>) -> Type {
    let field = |ty, optional| Field { ty, optional };
    let inner = Type::Defined(0);
    let links = match choices.below(3) {
        0 => Type::array(inner),
        1 => Type::union([Type::String, inner]),
        _ => Type::map(inner),
    };
    let fields = BTreeMap::from([
        ("a".into(), field(type_of(choices, 1), choices.one_in(2))),
        ("items".into(), field(links, true)),
    ]);
    let node = Type::Record(Arc::new(Record { name: None, fields, open: choices.one_in(2), rest: None }));
    Type::Recursive(Arc::new(Definitions { types: vec![("Tree".into(), node)] }), 0)
}

fn number(choices: &mut Choices<'_>) -> Value {
    choices.one_of(&NUMBERS).parse().map_or(Value::Null, Value::Number)
}

/// A projection of which most names are those of the type.
fn projection_of(ty: &Type, choices: &mut Choices<'_>, slots: &mut u32, depth: usize) -> Projection {
    let mut projection = Projection::default();
    if choices.one_in(2) || depth == 0 {
        projection.slot = Some(*slots);
        projection.whole = choices.one_in(2);
        projection.presence = !projection.whole && choices.one_in(3);
        *slots += 1;
    }
    if depth == 0 || choices.one_in(4) {
        return projection;
    }
    for (name, inner) in parts(ty) {
        if choices.one_in(2) {
            projection.fields.insert(name, projection_of(&inner, choices, slots, depth - 1));
        }
    }
    if choices.one_in(4) {
        let name = *choices.one_of(&NAMES);
        projection.fields.insert(name.into(), projection_of(&Type::Any, choices, slots, depth - 1));
    }
    if choices.one_in(3) {
        let mut none = 0;
        let items = match ty {
            Type::Array(items) => (**items).clone(),
            _ => Type::Any,
        };
        projection.elements = Some(Box::new(projection_of(&items, choices, &mut none, depth - 1)));
    }
    projection
}

/// Fields that a value of the type may have.
fn parts(ty: &Type) -> Vec<(Arc<str>, Type)> {
    match ty {
        Type::Record(record) => record.fields.iter().map(|(name, field)| (name.clone(), field.ty.clone())).collect(),
        Type::Map(_, member) => vec![("a".into(), (**member).clone())],
        Type::Union(members) => members.iter().flat_map(parts).collect(),
        Type::Refined(refined) => parts(&refined.base),
        Type::Recursive(..) => parts(&ty.unfolded()),
        _ => Vec::new(),
    }
}

/// Writes a value that is of the type, most often.
fn write(ty: &Type, choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    if choices.one_in(40) {
        return write_any(choices, out, 1);
    }
    match ty {
        Type::Any | Type::Variable(_) => write_any(choices, out, depth.min(2)),
        Type::Null | Type::Never | Type::Defined(_) => out.push_str("null"),
        Type::Bool => out.push_str(choices.one_of::<&str>(&["true", "false"])),
        Type::Int => out.push_str(choices.one_of::<&str>(&["0", "1", "-7", "3", "1.0", "2305843009213693952"])),
        Type::Decimal => out.push_str(choices.one_of::<&str>(&NUMBERS)),
        Type::String => write_text(choices.one_of::<&str>(&TEXTS), choices, out),
        Type::Time => {
            out.push_str(choices.one_of::<&str>(&["\"2025-06-15T15:06:40Z\"", "12", "\"2025-06-15T15:06:40+01:00\""]))
        }
        Type::Duration => out.push_str(choices.one_of::<&str>(&["\"15m\"", "5", "\"1h30m\""])),
        Type::Ip => out.push_str(choices.one_of::<&str>(&["\"10.0.0.1\"", "\"::1\""])),
        Type::Cidr => out.push_str(choices.one_of::<&str>(&["\"10.0.0.0/8\"", "\"::/0\""])),
        Type::Regex => out.push_str("\"^x+$\""),
        Type::Glob => out.push_str("\"x*\""),
        Type::Literal(Value::String(text)) => write_text(text, choices, out),
        Type::Literal(value) => out.push_str(&value.to_json()),
        Type::Array(items) | Type::Set(items) => {
            let count = if depth == 0 { 0 } else { choices.below(4) };
            write_items((0..count).map(|_| &**items), choices, out, depth);
        }
        Type::Tuple(items) => write_items(items.iter(), choices, out, depth),
        Type::Map(_, member) => {
            let names = &NAMES[..if depth == 0 { 0 } else { choices.below(4) }];
            write_fields(names.iter().map(|name| (*name, &**member)).collect(), choices, out, depth);
        }
        Type::Record(record) => {
            let mut fields: Vec<(&str, &Type)> = Vec::new();
            for (name, field) in &record.fields {
                if !field.optional || (depth > 0 && choices.one_in(2)) {
                    fields.push((name, &field.ty));
                }
            }
            if record.open && choices.one_in(2) {
                fields.extend(["new", "a longer new name"].map(|name| (name, &Type::Any)));
            }
            if choices.one_in(8) {
                fields.push((*choices.one_of(&NAMES), &Type::String));
            }
            write_fields(fields, choices, out, depth);
        }
        Type::Union(members) => write(&members[choices.below(members.len().min(256))], choices, out, depth),
        Type::Refined(refined) => write(&refined.base, choices, out, depth),
        Type::Recursive(..) => write(&ty.unfolded(), choices, out, depth.saturating_sub(1)),
    }
}

fn write_items<'t>(types: impl Iterator<Item = &'t Type>, choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    out.push('[');
    for (index, ty) in types.enumerate() {
        if index > 0 {
            out.push(',');
        }
        space(choices, out);
        write(ty, choices, out, depth.saturating_sub(1));
        space(choices, out);
    }
    out.push(']');
}

fn write_fields(mut fields: Vec<(&str, &Type)>, choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    if choices.one_in(2) && !fields.is_empty() {
        let at = choices.below(fields.len());
        fields.rotate_left(at);
    }
    out.push('{');
    for (index, (name, ty)) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        space(choices, out);
        write_text(name, choices, out);
        space(choices, out);
        out.push(':');
        space(choices, out);
        write(ty, choices, out, depth.saturating_sub(1));
        space(choices, out);
    }
    out.push('}');
}

fn write_any(choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    match choices.below(if depth == 0 { 5 } else { 7 }) {
        0 => out.push_str(choices.one_of::<&str>(&NUMBERS)),
        1 => out.push_str("null"),
        2 => out.push_str("true"),
        3 => out.push_str("false"),
        4 => write_text(choices.one_of::<&str>(&TEXTS), choices, out),
        5 => write_items((0..choices.below(3)).map(|_| &Type::Any), choices, out, depth),
        _ => {
            let names: Vec<(&str, &Type)> =
                NAMES.into_iter().filter(|_| choices.one_in(2)).map(|name| (name, &Type::Any)).collect();
            write_fields(names, choices, out, depth);
        }
    }
}

/// Writes a text, now and then with escapes that are not needed.
fn write_text(text: &str, choices: &mut Choices<'_>, out: &mut String) {
    if !choices.one_in(4) {
        out.push_str(&Value::from(text).to_json());
        return;
    }
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04x}"));
    }
    out.push('"');
}

fn space(choices: &mut Choices<'_>, out: &mut String) {
    out.push_str(choices.one_of::<&str>(&["", "", "", " ", "\n\t", "\r"]));
}

/// The text with a piece taken out, doubled or put in.
fn changed(text: &str, choices: &mut Choices<'_>) -> String {
    let mut place = || {
        let at = if text.is_empty() { 0 } else { (choices.below(256) * 256 + choices.below(256)) % (text.len() + 1) };
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    };
    let (first, second) = (place(), place());
    let (from, to) = (first.min(second), first.max(second));
    match choices.below(3) {
        0 => [&text[..from], &text[to..]].concat(),
        1 => [&text[..to], &text[from..]].concat(),
        _ => [&text[..from], *choices.one_of(&NOISE), &text[from..]].concat(),
    }
}
